package yaml11

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// A want is what an entry of a document with anchors is to become. Without
// root it is to go.
type want struct {
	block string
	root  *Node
}

// An anatomy is one entry of a document with anchors, taken apart.
type anatomy struct {
	value *Node
	defs  []definition
	uses  []use // aliases of anchors that stand in other entries
	users []*part
}

// A definition is an anchor.
type definition struct {
	name  string
	canon string
}

// A use is an alias.
type use struct {
	name   string
	line   int // from 0, in the body
	offset int // in the line
	value  *Node
	owner  *part
}

// A scene is the entries above one, as far as they define anchors.
type scene struct {
	names map[string]string // what each anchor means
	parts []definer
}

type definer struct {
	text  string
	names []string
}

// scan takes all entries apart, once for each state of the document. It
// returns nil if that cannot be done.
func (d *Doc) scan() map[*part]*anatomy {
	if d.scanned != nil {
		return d.scanned
	}
	var text strings.Builder
	var starts []int // first line of each part
	var parts []*part
	line := 0
	for _, p := range d.parts {
		if p.deleted {
			continue
		}
		s := p.text()
		starts, parts = append(starts, line), append(parts, p)
		text.WriteString(s)
		line += strings.Count(s, "\n")
	}
	d.scanned = d.dissect(text.String(), parts, starts)
	return d.scanned
}

// dissect takes the entries of text apart. parts and starts are its entries
// and their first lines.
func (d *Doc) dissect(text string, parts []*part, starts []int) map[*part]*anatomy {
	root, err := compose([]byte(text))
	if err != nil || root != nil && (root.Kind != yaml.MappingNode || len(root.Content) != 2*len(parts)) {
		return nil
	}
	out := map[*part]*anatomy{}
	if root == nil {
		return out
	}
	l := newLoader(d.file, Options{AllowDuplicateKeys: true, Read: nothing})
	c := converter{l: l, t: newText(text), memo: map[*yaml.Node]extent{}}
	lines := strings.Split(text, "\n")
	owner := map[*yaml.Node]*part{}
	whole := true
	for i, p := range parts {
		a := &anatomy{value: c.convert(root.Content[2*i+1], 2).node}
		if l.stopped || broken(l.problems) {
			return nil
		}
		d.visit(root.Content[2*i+1], func(n *yaml.Node) {
			if n.Anchor != "" {
				owner[n] = p
				if whole = whole && c.memo[n].node != nil; !whole {
					return
				}
				a.defs = append(a.defs, definition{n.Anchor, d.canon(c.memo[n].node, false)})
			}
			if whole = whole && (n.Kind != yaml.AliasNode || owner[n.Alias] != nil); !whole || n.Kind != yaml.AliasNode || owner[n.Alias] == p {
				return
			}
			u := use{name: n.Value, line: n.Line - 1 - starts[i], value: c.memo[n.Alias].node, owner: owner[n.Alias]}
			u.offset = byteOffset(lines[n.Line-1], n.Column-1)
			a.uses = append(a.uses, u)
			if by := out[u.owner]; !slices.Contains(by.users, p) {
				by.users = append(by.users, p)
			}
		})
		if !whole { // an anchor of a key
			return nil
		}
		out[p] = a
	}
	return out
}

func newText(s string) text {
	t := text{data: []byte(s)}
	t.ascii = strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
	return t
}

func byteOffset(line string, column int) int {
	n := 0
	for range column {
		_, size := utf8.DecodeRuneInString(line[n:])
		n += size
	}
	return n
}

func (d *Doc) visit(n *yaml.Node, f func(*yaml.Node)) {
	f(n)
	for _, c := range n.Content {
		d.visit(c, f)
	}
}

// editable refuses merge keys at the root, and entries whose anchors reach
// where included files are.
func (d *Doc) editable(p *part) error {
	if p.opaque {
		return fmt.Errorf("%s: %w: it is a merge key", d.file, ErrNotPatchable)
	}
	if !d.anchored {
		return nil
	}
	a := d.scan()[p]
	if a == nil {
		return nil
	}
	for _, other := range a.users {
		if other.opaque || strings.Contains(p.body, "!include") || strings.Contains(other.body, "!include") {
			return fmt.Errorf("%s: entry %q: %w, for instance %q", d.file, p.key.Name, ErrAnchored, other.key.Name)
		}
	}
	return nil
}

// add takes an entry into the scene.
func (s *scene) add(text string, defs []definition) {
	if len(defs) == 0 {
		return
	}
	def := definer{text: text}
	for _, x := range defs {
		s.names[x.name] = x.canon
		def.names = append(def.names, x.name)
	}
	s.parts = append(s.parts, def)
}

// needed returns the entries that define the anchors that text uses.
func (s *scene) needed(text string) []definer {
	if !strings.Contains(text, "*") {
		return nil
	}
	var out []definer
	texts := []string{text}
	for _, p := range slices.Backward(s.parts) {
		if slices.ContainsFunc(p.names, func(name string) bool {
			return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, "*"+name) })
		}) {
			out, texts = append(out, p), append(texts, p.text)
		}
	}
	slices.Reverse(out)
	return out
}

// prelude is the text of needed.
func (s *scene) prelude(text string) string {
	var b strings.Builder
	for _, p := range s.needed(text) {
		b.WriteString(p.text)
	}
	return b.String()
}

// resolve carries out the wanted edits in a document with anchors, so that
// every other entry keeps its meaning.
func (d *Doc) resolve() {
	r := resolver{d: d, all: d.scan(), scene: scene{names: map[string]string{}}}
	for _, p := range d.parts {
		if p.deleted {
			continue
		}
		w := d.wants[p]
		switch {
		case w == nil:
			r.keep(p)
		case w.root == nil:
			p.delete()
		default:
			p.body, p.changed = r.edit(p, w), true
			r.scene.add(p.text(), r.defs(p.text()))
		}
	}
	clear(d.wants)
	d.scanned = nil
}

type resolver struct {
	d     *Doc
	all   map[*part]*anatomy
	scene scene
}

// defs returns the anchors that an entry defines.
func (r *resolver) defs(text string) []definition {
	if !strings.Contains(text, "&") {
		return nil
	}
	var parts []*part
	var starts []int
	prelude := ""
	for _, p := range r.scene.needed(text) { // whose own uses do not matter
		parts, starts, prelude = append(parts, &part{}), append(starts, 0), prelude+p.text
	}
	last := &part{}
	a := r.d.dissect(prelude+text, append(parts, last), append(starts, 0))[last]
	if a == nil {
		return nil
	}
	return a.defs
}

// means reports whether an entry means a value where it stands.
func (r *resolver) means(text string, value *Node) bool {
	n := r.d.read(r.scene.prelude(text), text)
	return n != nil && r.d.canon(n, false) == r.d.canon(value, false)
}

// keep sees to it that an entry which is not to change means what it meant.
func (r *resolver) keep(p *part) {
	a := r.all[p]
	moved := slices.ContainsFunc(a.uses, func(u use) bool { return r.scene.names[u.name] != r.d.canon(u.value, false) })
	if !moved || r.means(p.text(), a.value) {
		r.scene.add(p.text(), a.defs)
		return
	}
	body := r.supplied(p.text(), a.uses)
	if !r.means(body, a.value) {
		body = r.d.restyled(r.d.written(p.key.Name, a.value), &Node{Kind: Mapping, Keys: []Key{{Name: p.key.Name, Value: a.value}}})
	}
	p.body, p.changed = body, true
	r.scene.add(body, r.defs(body))
}

// edit returns the new text of an entry. Its anchors stay where nobody minds,
// or where another entry is to follow the change.
func (r *resolver) edit(p *part, w *want) string {
	a := r.all[p]
	text := r.d.merged(r.scene.prelude(p.text()), p.text(), w.block, w.root)
	wanted := w.root.Keys[0].Value
	now := map[string]string{}
	for _, def := range r.defs(text) {
		now[def.name] = def.canon
	}
	for _, def := range a.defs {
		canon, kept := now[def.name]
		if !kept || canon == def.canon || r.followed(p, def.name, text) {
			continue
		}
		if text = withoutAnchor(text, def.name); !r.means(text, wanted) {
			return r.d.restyled(w.block, w.root)
		}
	}
	return text
}

// followed reports whether an entry below p that uses one of its anchors is
// to change just as p does with its new text; or none uses it any more.
func (r *resolver) followed(p *part, name, text string) bool {
	used := false
	for _, o := range r.all[p].users {
		a := r.all[o]
		if o.deleted || a == nil || !slices.ContainsFunc(a.uses, func(u use) bool { return u.owner == p && u.name == name }) {
			continue
		}
		w := r.d.wants[o]
		if w == nil {
			used = true
			continue
		}
		if w.root == nil {
			continue
		}
		value := w.root.Keys[0].Value
		used = true
		prelude := r.scene.prelude(text + o.text())
		if n := r.d.read(prelude+text, o.text()); n != nil && r.d.canon(n, false) == r.d.canon(value, false) {
			return true
		}
	}
	return !used
}

// withoutAnchor takes an anchor out of a text.
func withoutAnchor(text, name string) string {
	token := "&" + name
	for at := 0; ; {
		i := strings.Index(text[at:], token)
		if i < 0 {
			return text
		}
		at += i
		end := at + len(token)
		if at > 0 && strings.IndexByte(" [{,", text[at-1]) >= 0 && (end == len(text) || strings.IndexByte(" \n", text[end]) >= 0) {
			if end < len(text) && text[end] == ' ' {
				end++
			} else if text[at-1] == ' ' && (end == len(text) || text[end] == '\n') {
				at--
			}
			return text[:at] + text[end:]
		}
		at = end
	}
}
