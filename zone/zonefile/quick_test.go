package zonefile

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// folder is what $INCLUDE finds.
var folder = fstest.MapFS{
	"a.inc": {Data: []byte("in A 192.0.2.1\n A 192.0.2.1\n$TTL 7\n TXT x\nwww A 192.0.2.77\n")},
	"b.inc": {Data: []byte("$ORIGIN b\nx 5 A 192.0.2.1\ny A 192.0.2\n")},
}

// said is all that reading has found out.
func said(res *Result, err error) string {
	var b strings.Builder
	fmt.Fprintln(&b, err)
	for _, f := range res.Findings {
		fmt.Fprintln(&b, f.Severity, f, f.Related, f.Subject, f.Zone)
	}
	if res.Zone == nil {
		return b.String()
	}
	fmt.Fprintln(&b, res.Zone.Origin(), res.Zone.Hash())
	for set := range res.Zone.All() {
		fmt.Fprintf(&b, "%s %d %q %v %q\n", set.Key(), set.TTL, set.Data, res.Place(set.Key()), res.Comment(set.Key()))
	}
	return b.String()
}

// parseSlowly keeps all records to the end and reads no line the quick way.
func parseSlowly(data []byte, opt Options) (*Result, error) {
	p := newParser(data, opt)
	p.slow, p.whole = true, true
	p.file(string(data))
	p.finish()
	return p.result()
}

func checkSame(t interface{ Fatalf(string, ...any) }, data []byte, opt Options) {
	want, got := said(parseSlowly(data, opt)), said(Parse(data, opt))
	if want != got {
		t.Fatalf("read quickly and slowly, this differs (-slow +quick):\n%s\n%s", cmp.Diff(want, got), data)
	}
	if !opt.HasOrigin { // which is looked for in the first part alone
		opt.Origin, opt.HasOrigin = OriginOf(opt.File, data)
		want = said(Parse(data, opt))
	}
	for _, part := range []int{3, 16, 50, 1000} {
		got = said(readWindows(bytes.NewReader(data), 0, int64(len(data)), opt, part))
		if want != got && opt.HasOrigin {
			t.Fatalf("read in parts of %d and as a whole, this differs (-whole +parts):\n%s\n%s", part, cmp.Diff(want, got), data)
		}
	}
}

// pieces of lines, good and bad ones, most of them good.
var (
	owners = []string{
		"www", "www", "a", "b", "mail", "_sip._tcp", "*", "@", "*.a", "WWW", "x.example.org.", "example.org.", "deep.er.a", " ", "\t", " ", "  ",
		"xn--bcher-kva", "bücher", `a\.b`, `\065`, "other.example.net.", strings.Repeat("a", 64), "a..b", "$TTL", `"q"`, "w=\"x y\"", "(a", ".", "a)", strings.Repeat("abcdefg.", 30) + "x",
	}
	heads = []string{"", "", "300", "IN", "300 IN", "IN 60", "in 60", "1h", "0", "2147483647", "2147483648", "CH", "IN IN", "5 5", "CLASS1", "( 5 )", "\r"}
	datas = []string{
		"A 192.0.2.1", "A 192.0.2.2", "A 192.0.2.1", "A 192.0.2.1 ", "A 192.0.2", "A 192.0.02.1", "A 256.0.2.1", "A 192.0.2.1.", "A 192.0.2.1 x", "A", "a 192.0.2.9", "A \"192.0.2.1\"", "A\t192.0.2.3\r",
		"A 1.2.3.4 ; note", "A 1.2.3.4;note", "A ( 1.2.3.4", "A ( 1.2.3.4 )", "A \\# 4 c0000201", "A 1.2.3.4)",
		"AAAA 2001:db8::1", "AAAA ::ffff:1.2.3.4", "AAAA 1.2.3.4",
		"NS ns1", "NS ns2.example.net.", "NS", "CNAME a", "CNAME @", "CNAME " + strings.Repeat("abcdefg.", 30) + "x", "MX 10 mail", "MX mail", "MX 10 mail 3",
		`TXT "a b"`, `TXT "a" "b"`, `TXT "a"b`, `TXT a"b"`, `TXT a="b c"`, `TXT "a\"b"`, `TXT "open`, `TXT ""`, `TXT a\032b`, "TXT x;y", "TXT " + strings.Repeat("y", 256), `TXT "é"`,
		"SOA ns1 host 1 2 3 4 5", "SOA ns1 host 1 2 3 4", "SRV 1 2 3 a", "TYPE65280 \\# 1 00", "WHAT 1", "TLSA 3 1 1 00ff", "NSEC a A MX", "HTTPS 1 . alpn=\"h2,h3\"", "ANY x", "ALIAS a", "DS 1 13 2 00",
		"RRSIG A 13 3 300 20300101000000 20200101000000 1 example.org. AAAA",
	}
	others = []string{
		"", "\n", "; words", "$TTL 60", "$TTL x", "$ORIGIN sub", "$ORIGIN example.org.", "$INCLUDE a.inc", "$INCLUDE b.inc sub", "$GENERATE 1-3 g$ A 192.0.2.$", "\ufeff", "\x00", "   ", " ; x",
		"www ( A\n 192.0.2.5\n)", "$ORIGIN example.org.\n@ 3600 SOA ns1 host 1 2 3 4 5",
	}
)

func TestQuickIsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteString(rapid.SampledFrom([]string{"$ORIGIN example.org.\n$TTL 60\n", "$ORIGIN example.org.\n@ 60 SOA ns1 host 1 2 3 4 5\n", ""}).Draw(t, "head"))
		n := rapid.IntRange(1, 30).Draw(t, "lines")
		tame := rapid.Bool().Draw(t, "tame") // only what is often right: zones come out, not errors alone
		pick := func(what string, list []string, good int) string {
			if tame {
				list = list[:good]
			}
			return rapid.SampledFrom(list).Draw(t, what)
		}
		for range n {
			if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
				b.WriteString(pick("other", others, 4))
			} else {
				b.WriteString(pick("owner", owners, 17) + " " + pick("head", heads, 6) + " " + pick("data", datas, 4))
			}
			b.WriteString(rapid.SampledFrom([]string{"\n", "\n", "\n", "\r\n", " \n", ""}).Draw(t, "end"))
		}
		opt := Options{File: "zones/example.org", Root: folder, MaxRecords: rapid.SampledFrom([]int{0, 0, 10}).Draw(t, "limit"), DefaultTTL: rapid.SampledFrom([]uint32{0, 9}).Draw(t, "ttl")}
		if rapid.Bool().Draw(t, "origin?") {
			opt.Origin, opt.HasOrigin = zone.MustName("example.org."), true
		}
		checkSame(t, []byte(b.String()), opt)
	})
}

// Thousands of findings are cut at the same place.
func TestManyFindingsAreTheSame(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("$ORIGIN example.org.\n$TTL 60\n")
	for i := range 2000 {
		fmt.Fprintf(&b, "h%d A 192.0.2.1\nh%d A 192.0.2.1\n", i*7919%2000, i*7919%2000)
		if i%3 == 0 {
			fmt.Fprintf(&b, "h%d.example.net. A 192.0.2.1\nx%d A nothing\n", i, i)
		}
	}
	checkSame(t, []byte(b.String()), Options{File: "f"})
	if res, _ := Parse([]byte(b.String()), Options{File: "f"}); len(res.Findings) != 2*maxFindings+2 || res.Findings[0].Severity == finding.Info {
		t.Errorf("%d findings; want %d", len(res.Findings), 2*maxFindings+2)
	}
}

func FuzzQuick(f *testing.F) {
	f.Add([]byte(strings.Join(owners, " 5 A 1.2.3.4\n")))
	f.Add([]byte("a 5 " + strings.Join(datas, "\na 5 ")))
	f.Add([]byte(strings.Join(others, "\n")))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkSame(t, data, Options{File: "f", Origin: zone.MustName("example.org."), HasOrigin: true, MaxGenerate: 20, Root: folder})
	})
}
