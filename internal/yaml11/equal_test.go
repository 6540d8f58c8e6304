package yaml11

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// viaSlow reads data wholly through yaml v4.
func viaSlow(file string, data []byte, opt Options) (*Node, []Problem) {
	l := newLoader(file, opt)
	t, ok := l.prepare(file, data)
	if !ok {
		return nil, l.problems
	}
	return l.slow(t, true).node, l.problems
}

func failed(problems []Problem) bool {
	for _, p := range problems {
		if !p.Warning {
			return true
		}
	}
	return false
}

// sameBothWays compares Parse and Entries with yaml v4 alone.
func sameBothWays(t *testing.T, data []byte, opt Options) {
	t.Helper()
	want, wantProblems := viaSlow("f.yaml", data, opt)
	got, gotProblems := Parse("f.yaml", data, opt)
	if failed(wantProblems) != failed(gotProblems) {
		t.Fatalf("%q: problems\ngot  %v\nwant %v", data, gotProblems, wantProblems)
	}
	if failed(wantProblems) || want == nil || want.Kind == Null {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%q: tree (-yaml v4 +ours):\n%s", data, diff)
	}
	if diff := cmp.Diff(wantProblems, gotProblems); diff != "" {
		t.Fatalf("%q: warnings (-yaml v4 +ours):\n%s", data, diff)
	}
	if want.Kind != Mapping {
		return
	}
	var keys []Key
	problems := Entries("f.yaml", data, opt, func(k Key) bool {
		keys = append(keys, k)
		return true
	})
	if diff := cmp.Diff(want.Keys, keys); diff != "" && len(want.Keys)+len(keys) > 0 {
		t.Fatalf("%q: entries (-yaml v4 +ours):\n%s", data, diff)
	}
	if diff := cmp.Diff(wantProblems, problems); diff != "" && len(wantProblems)+len(problems) > 0 {
		t.Fatalf("%q: warnings of entries (-yaml v4 +ours):\n%s", data, diff)
	}
}

var equalSeeds = []string{
	"", "---\n", "# only a comment\n", "a: 1", "a:\n", "a: b\n", "a: 'b''c'\nb: \"x\\\"y\\n\"\n",
	"---\n\n# apex\n'':\n  - type: A\n    ttl: 3600\n    # why\n    values:\n      - 192.0.2.1\n      - 2001:db8::1\n  - type: MX\n    value:\n      exchange: mx.example.\n      preference: 10\n\n# www\nwww:\n  type: CNAME # c\n  value: a.b.\n",
	"a:\n- 1\n-\n- x: 1\n  y:\n  - 2\n  -   3\n-   z: 1\n    w: 2\nb: {x: [1, 2], 'y': ::1, z: {}}\nc: []\n",
	"a: [1, 2,3 , 'x,y', \"q\"]\nb: [a:b, 1:30]\n",
	"on: yes\noff: 'no'\n010: 0x1f\n1.10: 1:30\n~: null\n2024-01-01: .5\n: x\n",
	"? ''\n: value\nb: 1\n", "a: >-\n  x\n  y\n\nb: |+\n  k\n\nc: 'x\n  y'\nd: x\n  y\n",
	"a: 'x\ny'\nb: 1\n", "a: [1,\n2]\nb: 1\n", "a: {x: 1,\nb: 2}\n", "a: &x 1\nb: *x\n", "a: 'x & y'\nb: x & y\n",
	"a:\n  <<: {k: base}\n  l: 1\n", "<<: {k: 1}\na: 2\n", "é:\n  ü: ä # ö\n  ñ: [ß, 'ł']\n",
	"a: b: c\n", "a\n", "- a\n- b\n", "foo", "'x'\n", "a: 1\n b: 2\n", "a: 1\n- x\n", "a:\n\t- b\n", "a: b\t# c\n", "a: x#y\n",
	"a: - b\n", "a: -b\n", "a: -\n", "a: ?x\n", "a: :x\n", "a: ::1\n", "a: :\n", "- : x\n", "a :  b\n", "a: @x\n", "a: `x\n", "a: %x\n",
	"a: 'x'y\n", "a: 'x'#y\n", "a: [x]#y\n", "a: [x] y\n", "a: {x}\n", "a: {x: }\n", "a: {x:1}\n", "a: {'x':1}\n", "a: [a b, c]\n", "a: [x: y]\n",
	"a: [-, x]\n", "a: [-x]\n", "a: [x,]\n", "a: [,]\n", "a: [a?b]\n", "a: [?b]\n", "a: [x]:\n", "'a' : 1\n\"b\":2\n",
	"a: 1\n---\nb: 2\n", "a: 1\n...\n", "--- a: 1\n", "---\n---\n", "%YAML 1.1\n---\na: 1\n", "a: !!str 1\nb: ! 2\nc: !!int '3'\n", "a: !foo 1\n",
	"a: 1\r\nb:\r\n  - x\r\n", "\xef\xbb\xbfa: 1\n", "a: \"x\u2028y\"\nb: 1\n", "a: x\u0085b: 1\n", "a:\n  - - 1\n    - 2\n  - [[1], {a: {b: c}}]\n",
	"a:\n    b: 1\n  c: 2\n", "a:\n  b:\n  c:\n   - 1\n  d:\n  - 2\n", "  a: 1\n  b: 2\n", "a: 1\n\n\n# end", "a: 1\n  # in\n# out\nb: 2\n", "*: 1\n", "'*': 1\n",
	"a:\n- b\n  c\n", "a:\n- b: c\n d: e\n", "a:\n  - b:\n    - c\n  - d\n", "a:\n-  - b\n", "{a: 1}\n", "{a: 1}\nb: 2\n", "a: =\n=: 1\n", "a: <<\n", "a: ''\n'': a\n", "a: \"\\x41\\u00e9\\ \\_\"\n",
	"a: 'x' # c\n", "a: x # c: d\n", "a:   # c\n  b: 1\n", "a: # c\n", "a: |\n # x\nb: 1\n", "a: 1\n}\n", "]: 1\n", "a: x, y\n",
	"a: |\n  x\n  y\n\n\nb: >\n x \n y\nc:\n- |-\n  x\n- >-\n x\n-  k: |\n      z\n   l: 1\n", "a: |\n  x\n\n  y\n", "a: >\n  x\n   y\n", "a: |\n  x\n # c\nb: 1\n",
	"a: |\nb: 1\n", "a: |\n  # x\n  y\n", "a: |\n\n  x\n", "a: |\n  x", "a: |\n  x\n    \n", "a: |2\n  x\n", "a: | # c\n  x\n", "a:\n  b: |\n  x\n", "a:\n- |\n x\n- y\n", "a: |\n  x\n# c\n  y\n", "a: >-\n  -x\n  - y\n", "a: [x y: z]\n",
}

func TestFastEqualsSlow(t *testing.T) {
	t.Parallel()
	for _, s := range equalSeeds {
		sameBothWays(t, []byte(s), Options{})
		sameBothWays(t, []byte(s), Options{Order: NaturalOrder})
	}
}

func FuzzFastEqualsSlow(f *testing.F) {
	for _, s := range equalSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<12 {
			return
		}
		sameBothWays(t, data, Options{Read: func(string) ([]byte, error) { return []byte("k: v\n"), nil }})
	})
}

// zone returns a zone file of n records, five lines each or so.
func zone(n int) []byte {
	var b strings.Builder
	b.WriteString("---\n")
	for i := range n {
		fmt.Fprintf(&b, "host%07d:\n  ttl: 300\n  type: A\n  values:\n  - 192.0.%d.%d\n", i, i>>8&255, i&255)
		if i%5 == 0 {
			b.WriteString("  - 198.51.100.7\n")
		}
	}
	return []byte(b.String())
}

func BenchmarkEntries100k(b *testing.B) {
	data := zone(100_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		problems := Entries("zone.yaml", data, Options{Order: NaturalOrder}, func(Key) bool { n++; return true })
		if n != 100_000 || len(problems) > 0 {
			b.Fatalf("entries = %d, problems = %v; want 100000 and none", n, problems)
		}
	}
}

// BenchmarkNodeTree100k is what the same file costs through yaml v4.
func BenchmarkNodeTree100k(b *testing.B) {
	data := zone(100_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := compose(data); err != nil {
			b.Fatal(err)
		}
	}
}
