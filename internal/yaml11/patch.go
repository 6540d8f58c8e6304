package yaml11

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

var (
	// ErrNotPatchable is returned for documents whose shape leaves no safe
	// way to replace one entry: write the file anew.
	ErrNotPatchable = errors.New("the file cannot be edited entry by entry")

	// ErrAnchored is returned for an entry that other entries refer to by an
	// alias: changing it would change them.
	ErrAnchored = errors.New("the entry holds an anchor that other entries use")
)

// A Doc is a file opened for edits of its top-level entries. Every untouched
// byte, comment and blank line stays, and so does the order of the entries.
type Doc struct {
	// Order says where new entries go if the file has that order; at the end
	// otherwise.
	Order Order

	// Unordered names the keys whose lists have no order ("values" in a zone
	// file), so that their items may stay where they are. The list that is an
	// entry's own value has the key "". Nil names none.
	Unordered func(key string) bool

	file     string
	bom      bool
	crlf     bool
	open     bool   // the last line has no line end
	header   string // up to the first entry, its comment excluded
	tail     string // after the last entry
	parts    []*part
	byName   map[string][]*part // in order; those to come last
	added    []*part            // not yet placed
	anchored bool               // entries refer to each other
	wants    map[*part]*want    // then: what they are to become
	scanned  map[*part]*anatomy // see scan
	style    style
	styled   bool
}

// A part is one entry with the text above it.
type part struct {
	key     Key
	gap     string // blank lines and detached comments
	lead    string // comment lines directly above
	body    string
	opaque  bool // a merge key: not an entry by name
	deleted bool
	changed bool
}

// OpenDoc opens a file for edits. The root must be a block mapping at the
// left margin, or empty; the error wraps ErrNotPatchable otherwise. Of the
// keys, only those in repeatable may be written more than once.
func OpenDoc(file string, data []byte, repeatable ...string) (*Doc, error) {
	d := &Doc{file: file, byName: map[string][]*part{}, wants: map[*part]*want{}}
	d.open = len(data) > 0 && data[len(data)-1] != '\n'
	d.bom = bytes.HasPrefix(data, []byte("\xef\xbb\xbf"))
	if n := bytes.Count(data, []byte("\r")); n > 0 {
		if n != bytes.Count(data, []byte("\r\n")) || n != bytes.Count(data, []byte("\n")) {
			return nil, d.refuse("it mixes line ends")
		}
		d.crlf = true
	}
	l := newLoader(file, Options{AllowDuplicateKeys: true, Read: nothing})
	t, ok := l.prepare(file, data)
	if !ok {
		return nil, d.refuse(l.problems[0].Text)
	}
	if oddBreaks(t) {
		return nil, d.refuse("it holds characters that are line ends to YAML 1.1 alone")
	}
	keys, root, err := d.keys(l, t)
	if err != nil {
		return nil, err
	}
	if err := d.split(t.data, keys); err != nil {
		return nil, err
	}
	for name, parts := range d.byName {
		if len(parts) > 1 && !slices.Contains(repeatable, name) {
			return nil, d.refuse("a key is written twice")
		}
	}
	if root != nil {
		if d.anchored = mayAnchor(t.data); d.anchored && d.scan() == nil {
			return nil, d.refuse("its anchors cannot be followed")
		}
	}
	return d, nil
}

// nothing stands in for included files, which are none of a Doc's business.
func nothing(string) ([]byte, error) { return []byte("{}\n"), nil }

func (d *Doc) refuse(why string) error {
	return fmt.Errorf("%s: %w: %s", d.file, ErrNotPatchable, why)
}

// keys returns the top-level keys; root is nil if no anchors need a look.
func (d *Doc) keys(l *loader, t text) (keys []Key, root *yaml.Node, err error) {
	w := walker{l: l, t: t}
	if w.splittable() {
		w.entry = func(k Key, _ int) bool {
			k.Value = nil
			keys = append(keys, k)
			return true
		}
		n := w.walk()
		if n == nil && !w.broken {
			return keys, nil, nil
		}
		if n != nil {
			return nil, nil, d.refuse("its root is a " + n.Kind.String())
		}
		return nil, nil, d.refuse(l.problems[len(l.problems)-1].Text)
	}
	root, err = compose(t.data)
	switch {
	case err != nil:
		return nil, nil, d.refuse(t.explain(err, 0).Text)
	case root == nil || root.Kind == yaml.ScalarNode && root.Value == "" && root.Style == 0 && root.Anchor == "":
		return nil, nil, nil
	case root.Kind == yaml.MappingNode && len(root.Content) == 0 && root.Anchor == "":
		return nil, nil, nil
	case root.Kind != yaml.MappingNode || root.Style != 0 || root.Anchor != "":
		return nil, nil, d.refuse("its root is not a mapping in block style")
	}
	c := converter{l: l, t: t}
	for i := 0; i < len(root.Content); i += 2 {
		n := root.Content[i]
		k := Key{Name: "<<", Pos: c.pos(n)}
		if n.Kind != yaml.ScalarNode {
			return nil, nil, d.refuse("a top-level key is not a plain text")
		}
		if !isMerge(n) {
			k, _ = c.key(n, 1)
		} else {
			k.Written = "<<"
		}
		keys = append(keys, k)
	}
	return keys, root, nil
}

// split cuts the text at the lines of the keys.
func (d *Doc) split(data []byte, keys []Key) error {
	lines := strings.SplitAfter(string(data), "\n")
	if n := len(lines); lines[n-1] == "" {
		lines = lines[:n-1]
	}
	if len(keys) == 0 {
		for _, s := range lines {
			s = strings.TrimSpace(s)
			if s != "" && s[0] != '#' && s != "---" && s != "{}" && s != "--- {}" {
				return d.refuse("it is empty in an unusual way")
			}
		}
		d.header = strings.Join(lines, "")
		return nil
	}
	for i, k := range keys {
		at := k.Pos.Line - 1
		if at >= len(lines) || i > 0 && keys[i-1].Pos.Line > at || k.Pos.Col != 1 && !strings.HasPrefix(lines[at], "?") {
			return d.refuse("its entries do not begin at the left margin")
		}
		end := len(lines)
		if i+1 < len(keys) {
			end = max(at+1, min(end, keys[i+1].Pos.Line-1))
		}
		for _, s := range lines[at:end] {
			if strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
				return d.refuse("it holds document marks")
			}
		}
		if i == 0 {
			from := leadFrom(lines[:at])
			d.header = strings.Join(lines[:from], "")
			d.add(k, "", strings.Join(lines[from:at], ""))
		}
		p := d.parts[i]
		stop := end
		for stop > at+1 && spare(lines[stop-1]) {
			stop--
		}
		p.body = strings.Join(lines[at:stop], "")
		if i+1 == len(keys) {
			d.tail = strings.Join(lines[stop:], "")
			break
		}
		from := stop + leadFrom(lines[stop:end])
		d.add(keys[i+1], strings.Join(lines[stop:from], ""), strings.Join(lines[from:end], ""))
	}
	return nil
}

func (d *Doc) add(k Key, gap, lead string) {
	p := &part{key: k, gap: gap, lead: lead}
	p.opaque = k.Name == "<<" && k.Kind == Null
	d.parts = append(d.parts, p)
	name := k.Name
	if p.opaque {
		name = fmt.Sprintf("<<\x00%d", len(d.parts)) // no key has this name
	}
	d.byName[name] = append(d.byName[name], p)
}

// spare reports blank lines and comments at the left margin: they may stand
// between entries.
func spare(line string) bool {
	return strings.TrimSpace(line) == "" || line[0] == '#'
}

// leadFrom returns the index of the first line of the comment that ends lines.
func leadFrom(lines []string) int {
	i := len(lines)
	for i > 0 && lines[i-1][0] == '#' {
		i--
	}
	return i
}

// Names returns the names of the entries in order.
func (d *Doc) Names() []string {
	d.settle()
	var names []string
	for _, p := range d.parts {
		if !p.deleted && !p.opaque {
			names = append(names, p.key.Name)
		}
	}
	return names
}

// at returns the part that is the nth entry of a name, nil if there is none.
func (d *Doc) at(name string, nth int) *part {
	parts := d.byName[name]
	if nth < 0 || nth >= len(parts) || parts[nth].opaque {
		return nil
	}
	return parts[nth]
}

// Value returns what the nth entry of a name means, with all anchors
// resolved and {} for included files; nil if there is none.
func (d *Doc) Value(name string, nth int) *Node {
	d.settle()
	p := d.at(name, nth)
	if p == nil || p.deleted {
		return nil
	}
	if d.anchored {
		if a := d.scan()[p]; a != nil {
			return a.value
		}
	}
	return d.read("", p.text())
}

// text is the entry with the line end that the last line of a file may lack.
func (p *part) text() string {
	if strings.HasSuffix(p.body, "\n") {
		return p.body
	}
	return p.body + "\n"
}

// Set gives the entry name the text block, which is the complete entry
// ("key:\n  ...\n") in block style. Lines of an existing entry that mean the
// same stay as they are, comments included, and so does what other entries
// mean: an entry that uses an anchor of this one gets a copy of what it used.
// A new entry goes where Order wants it. The error wraps ErrAnchored, or says
// that block is not such an entry.
func (d *Doc) Set(name, block string) error { return d.SetNth(name, 0, block) }

// SetNth does Set for the nth of several entries of one name, from 0. One
// more than there are is a new entry.
func (d *Doc) SetNth(name string, nth int, block string) error {
	if !strings.HasSuffix(block, "\n") {
		block += "\n"
	}
	root, problems := Parse(d.file, []byte(block), Options{MaxIncludes: 1, Read: noRead})
	if root.Kind != Mapping || len(root.Keys) != 1 || root.Keys[0].Name != name || broken(problems) {
		return fmt.Errorf("%s: the new text of %q is not one entry of that name", d.file, name)
	}
	p := d.at(name, nth)
	if p == nil {
		if nth != len(d.byName[name]) {
			return fmt.Errorf("%s: there is no entry %d of %q", d.file, nth, name)
		}
		p = &part{key: root.Keys[0], changed: true}
		p.key.Value = nil
		p.body = d.restyled(block, root)
		d.byName[name] = append(d.byName[name], p)
		d.added = append(d.added, p)
		return nil
	}
	if err := d.editable(p); err != nil {
		return err
	}
	switch {
	case p.deleted:
		p.deleted, p.body, d.scanned = false, d.restyled(block, root), nil
	case d.anchored && !slices.Contains(d.added, p):
		d.wants[p] = &want{block, root}
		return nil
	default:
		p.body = d.merged("", p.text(), block, root)
	}
	p.changed = true
	return nil
}

func noRead(string) ([]byte, error) { return nil, errors.New("no files are read here") }

func broken(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}

// Delete removes the entry and the comment directly above it. An entry that
// is not there is no error. The error wraps ErrAnchored.
func (d *Doc) Delete(name string) error { return d.DeleteNth(name, 0) }

// DeleteNth does Delete for the nth of several entries of one name, from 0.
// The others keep their numbers.
func (d *Doc) DeleteNth(name string, nth int) error {
	p := d.at(name, nth)
	if p == nil || p.deleted {
		return nil
	}
	if err := d.editable(p); err != nil {
		return err
	}
	if d.anchored && !slices.Contains(d.added, p) {
		d.wants[p] = &want{}
		return nil
	}
	p.delete()
	return nil
}

func (p *part) delete() { p.deleted, p.lead, p.body = true, "", "" }

// settle carries out what waits for all edits to be known, and places the
// entries that were added since the last call.
func (d *Doc) settle() {
	if len(d.wants) > 0 {
		d.resolve()
	}
	if len(d.added) == 0 {
		return
	}
	gap := d.usualGap()
	d.scanned = nil
	added := slices.DeleteFunc(d.added, func(p *part) bool { return p.deleted })
	for _, p := range d.added {
		if p.deleted {
			name := p.key.Name
			d.byName[name] = slices.DeleteFunc(d.byName[name], func(x *part) bool { return x == p })
		}
	}
	d.added = nil
	after := func(a, b *part) int { return CompareKeys(d.Order, a.key, b.key) }
	sorted := d.Order != NoOrder && slices.IsSortedFunc(slices.DeleteFunc(slices.Clone(d.parts), func(p *part) bool { return p.opaque }), after)
	if !sorted {
		for _, p := range added {
			p.gap = gap
		}
		d.parts = append(d.parts, added...)
		return
	}
	slices.SortStableFunc(added, after)
	old, out := d.parts, make([]*part, 0, len(d.parts)+len(added))
	for _, p := range added {
		for len(old) > 0 && (old[0].opaque || after(old[0], p) <= 0) {
			out, old = append(out, old[0]), old[1:]
		}
		if len(out) > 0 {
			p.gap = gap
		} else if len(old) > 0 && old[0].gap == "" {
			old[0].gap = gap
		}
		out = append(out, p)
	}
	d.parts = append(out, old...)
}

// usualGap is a blank line if most entries have one above them.
func (d *Doc) usualGap() string {
	blank := 0
	for _, p := range d.parts {
		if strings.HasPrefix(p.gap, "\n") {
			blank++
		}
	}
	if blank > 0 && 2*blank >= len(d.parts)-1 {
		return "\n"
	}
	return ""
}
