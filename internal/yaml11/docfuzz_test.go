package yaml11

import (
	"bytes"
	"maps"
	"slices"
	"testing"
)

// meanings returns what each entry of a document means; ok is false for
// documents with problems.
func meanings(d *Doc, data []byte) (m map[string]string, ok bool) {
	root, problems := Parse("f", data, Options{Read: noRead})
	if broken(problems) || root.Kind != Mapping {
		return nil, false
	}
	m = map[string]string{}
	for _, k := range root.Keys {
		m[k.Name] = d.canon(k.Value, false)
	}
	return m, true
}

// repeatsAnchor reports an anchor that is defined twice, which PyYAML refuses.
func repeatsAnchor(data []byte) bool {
	d, err := OpenDoc("f", data)
	if err != nil || !d.anchored {
		return false
	}
	seen := map[string]bool{}
	for _, a := range d.scan() {
		for _, def := range a.defs {
			if seen[def.name] {
				return true
			}
			seen[def.name] = true
		}
	}
	return false
}

// FuzzDoc edits one entry, adds one and deletes one: the others keep their
// meaning, and without edits the file keeps its bytes.
func FuzzDoc(f *testing.F) {
	const block = "ttl: 300\n  type: A # note\n  values:\n  - 192.0.2.1\n"
	for _, s := range append(slices.Clone(equalSeeds), patchFile) {
		f.Add([]byte(s), byte(0), byte(1), block)
		f.Add([]byte(s), byte(1), byte(0), "x")
	}
	for i, s := range []string{
		"a: &x # c\n  ttl: 5\n  b: &y [1, 2]\nb: *x # d\nc:\n  <<: *x\n  ttl: 1\nd: [*y, {<<: *x}]\ne:\n- *x\n- p: *y\n",
		"a: &x 1\nb: {k: *x}\nc: *x\n", "? ''\n: - ttl: 5 # c\n    type: A\nb: {ttl: 5, type: A} # d",
	} {
		f.Add([]byte(s), byte(0), byte(i), block)
		f.Add([]byte(s), byte(i), byte(1), "ttl: 6\n  b: [1, 2]\n")
	}
	f.Fuzz(func(t *testing.T, data []byte, set, del byte, value string) {
		if len(data) > 1<<12 || len(value) > 1<<10 {
			return
		}
		d, err := OpenDoc("f", data)
		if err != nil {
			return
		}
		d.Order = NaturalOrder
		if got := d.Bytes(); !bytes.Equal(got, data) {
			t.Fatalf("Bytes() without edits = %q, want %q", got, data)
		}
		want, ok := meanings(d, data)
		names := d.Names()
		if !ok || slices.ContainsFunc(d.parts, func(p *part) bool { return p.opaque }) {
			return // what a merge key holds shows through where an entry goes
		}
		edit := func(name string) {
			text := Quote(name) + ":\n  " + value
			if d.Set(name, text) != nil {
				return
			}
			m, ok := meanings(d, []byte(text+"\n"))
			if !ok {
				t.Fatalf("Set took %q, which has problems", text)
			}
			maps.Copy(want, m)
		}
		if len(names) > 0 {
			name := names[int(set)%len(names)]
			edit(name)
			if name := names[int(del)%len(names)]; d.Delete(name) == nil {
				delete(want, name)
			}
		}
		edit("new")
		if repeatsAnchor(d.Bytes()) && !repeatsAnchor(data) {
			t.Fatalf("%q after set %d, delete %d, value %q defines an anchor twice:\n%q", data, set, del, value, d.Bytes())
		}
		got, ok := meanings(d, d.Bytes())
		if !ok || !maps.Equal(got, want) {
			t.Fatalf("%q after set %d, delete %d, value %q:\n%q\ngot  %q\nwant %q", data, set, del, value, d.Bytes(), got, want)
		}
	})
}
