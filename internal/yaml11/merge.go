package yaml11

import (
	"slices"
	"strconv"
	"strings"
)

// fileStyle is the indentation of the first entries of the file.
func (d *Doc) fileStyle() style {
	if d.styled {
		return d.style
	}
	st := style{-1, -1, -1}
	for i, p := range d.parts {
		if i == 50 {
			break
		}
		if p.opaque || p.deleted {
			continue
		}
		if it := cutEntry(p.body); it != nil {
			(&block{items: []*item{it}}).learn(&st)
		}
	}
	d.style, d.styled = st.or(writtenStyle), true
	return d.style
}

// restyled returns text, which means root, indented as the file is.
func (d *Doc) restyled(text string, root *Node) string {
	it := cutEntry(text)
	if it == nil {
		return text
	}
	it.place(0, d.fileStyle())
	return d.checked(entryText(it), text, root)
}

// checked returns patched if it means root, else text.
func (d *Doc) checked(patched, text string, root *Node) string {
	n, problems := Parse(d.file, []byte(patched), Options{Read: noRead})
	if broken(problems) || d.canon(n, true) != d.canon(root, true) {
		return text
	}
	return patched
}

// merged returns the entry old with the least change that makes it mean root,
// which is what text means.
func (d *Doc) merged(old, text string, root *Node) string {
	was, will := cutEntry(old), cutEntry(text)
	if was == nil || will == nil {
		return text
	}
	was.key, will.key = "", ""
	st := style{-1, -1, -1}
	(&block{items: []*item{was}}).learn(&st)
	m := merger{d: d, st: st.or(d.fileStyle())}
	will.place(0, m.st)
	out := entryText(m.item(was, will, false))
	return d.checked(out, text, root)
}

// A merger merges the items of a new entry into those of an old one.
type merger struct {
	d  *Doc
	st style
}

// meaning returns the canonical text of what an item holds, "" if it cannot
// be read alone.
func (m *merger) meaning(it *item, seq bool) string {
	alone := *it
	alone.lead = nil
	lines := alone.text(nil, strings.Repeat(" ", it.col))
	shift(lines, -it.col)
	n, problems := Parse("", []byte(strings.Join(lines, "\n")+"\n"), Options{Read: noRead})
	if broken(problems) || seq && len(n.Items) != 1 {
		return ""
	}
	return m.d.canon(n, !seq && it.key == "")
}

// item returns old where both mean the same, else their merger.
func (m *merger) item(old, new *item, seq bool) *item {
	if a := m.meaning(old, seq); a != "" && a == m.meaning(new, seq) {
		return old
	}
	a, b := old.kids, new.kids
	if a == nil || b == nil || a.seq != b.seq || a.here != b.here {
		new.lead = old.lead
		if !seq && b == nil && len(new.rest) == 0 && len(old.rest) == 0 {
			new.head += comment(old.head)
		}
		return new
	}
	out := &item{lead: old.lead, head: old.head, key: old.key, col: old.col}
	out.kids = &block{col: a.col, seq: a.seq, here: a.here}
	switch {
	case !a.seq:
		out.kids.items = m.mapping(a, b)
	case m.d.unordered(new.key):
		out.kids.items = m.set(a, b)
	default:
		out.kids.items = m.list(a, b)
	}
	return out
}

// comment returns the comment that ends a line, with the blanks before it.
func comment(head string) string {
	_, value, ok := cutKey(head)
	if !ok || value == "" {
		return ""
	}
	f := fast{l: newLoader("", Options{}), s: value, end: len(value)}
	if value[0] != '#' {
		if _, ok := f.scalarOrFlow(1); !ok {
			return ""
		}
	}
	return strings.TrimRight(value[f.pos:], " ")
}

// mapping keeps the order of the old keys.
func (m *merger) mapping(old, new *block) []*item {
	var out []*item
	for _, o := range old.items {
		if n := find(new.items, func(n *item) bool { return n.key == o.key }); n != nil {
			out = append(out, m.item(o, n, false))
		}
	}
	sorted := slices.IsSortedFunc(out, byKey)
	var before *item
	for _, n := range new.items {
		i := slices.IndexFunc(out, func(o *item) bool { return o.key == n.key })
		if i >= 0 {
			before = out[i]
			continue
		}
		n.place(old.col, m.st)
		at := slices.Index(out, before) + 1
		if sorted {
			at, _ = slices.BinarySearchFunc(out, n, byKey)
		}
		out = slices.Insert(out, at, n)
		before = n
	}
	return out
}

func byKey(a, b *item) int { return Compare(NaturalOrder, a.key, b.key) }

func find(items []*item, is func(*item) bool) *item {
	if i := slices.IndexFunc(items, is); i >= 0 {
		return items[i]
	}
	return nil
}

// match pairs the items of two lists: equal ones first, then those with the
// same key "type", then mappings in order. A new item without a pair has none.
func (m *merger) match(old, new *block) map[*item]*item {
	pairs := map[*item]*item{}
	meant := map[string][]*item{}
	for _, o := range old.items {
		if s := m.meaning(o, true); s != "" {
			meant[s] = append(meant[s], o)
		}
	}
	used := map[*item]bool{}
	for _, n := range new.items {
		s := m.meaning(n, true)
		if rest := meant[s]; len(rest) > 0 {
			pairs[n], meant[s] = rest[0], rest[1:]
			used[rest[0]] = true
		}
	}
	for _, alike := range []func(o, n *item) bool{
		func(o, n *item) bool { return typeOf(o) != "" && typeOf(o) == typeOf(n) },
		func(o, n *item) bool { return typeOf(o) == "" && typeOf(n) == "" },
	} {
		free := 0
		for _, n := range new.items {
			if pairs[n] != nil || n.kids == nil {
				continue
			}
			for free < len(old.items) && (used[old.items[free]] || old.items[free].kids == nil) {
				free++
			}
			for _, o := range old.items[free:] {
				if !used[o] && o.kids != nil && alike(o, n) {
					pairs[n], used[o] = o, true
					break
				}
			}
		}
	}
	return pairs
}

func typeOf(it *item) string {
	if it.kids == nil {
		return ""
	}
	if t := find(it.kids.items, func(k *item) bool { return k.key == "type" }); t != nil {
		_, value, _ := cutKey(t.head)
		return value
	}
	return ""
}

// list keeps the order of the new items.
func (m *merger) list(old, new *block) []*item {
	pairs := m.match(old, new)
	var out []*item
	for _, n := range new.items {
		n.place(old.col, m.st)
		if o := pairs[n]; o != nil {
			n = m.item(o, n, true)
		}
		out = append(out, n)
	}
	return out
}

// set keeps the order of the old items; new ones follow the item they follow
// in the new list.
func (m *merger) set(old, new *block) []*item {
	pairs := m.match(old, new)
	back := map[*item]*item{}
	for n, o := range pairs {
		back[o] = n
	}
	became := map[*item]*item{}
	var out []*item
	for _, o := range old.items {
		if n := back[o]; n != nil {
			n.place(old.col, m.st)
			became[n] = m.item(o, n, true)
			out = append(out, became[n])
		}
	}
	at := 0
	for _, n := range new.items {
		if b := became[n]; b != nil {
			at = slices.Index(out, b) + 1
			continue
		}
		n.place(old.col, m.st)
		out = slices.Insert(out, at, n)
		at++
	}
	return out
}

// canon returns a text that two nodes share if and only if they mean the
// same. entry says that n is a mapping of one entry's name to its value.
func (d *Doc) canon(n *Node, entry bool) string {
	var b strings.Builder
	d.canonTo(&b, n, "", entry)
	return b.String()
}

// canonTo writes n, which is the value of key.
func (d *Doc) canonTo(b *strings.Builder, n *Node, key string, entry bool) {
	switch n.Kind {
	case Mapping:
		keys := slices.Clone(n.Keys)
		slices.SortStableFunc(keys, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
		b.WriteByte('{')
		for _, k := range keys {
			b.WriteString(strconv.Quote(k.Name))
			below := k.Name
			if entry {
				below = ""
			}
			d.canonTo(b, k.Value, below, false)
		}
		b.WriteByte('}')
	case Sequence:
		items := make([]string, 0, len(n.Items))
		for _, it := range n.Items {
			items = append(items, d.canon(it, false))
		}
		if d.unordered(key) {
			slices.Sort(items)
		}
		b.WriteString("[" + strings.Join(items, ",") + "]")
	case String:
		b.WriteString("s" + strconv.Quote(n.Text))
	default:
		b.WriteString(n.Kind.String() + strconv.Quote(n.PyText()))
	}
}

func (d *Doc) unordered(key string) bool { return d.Unordered != nil && d.Unordered(key) }
