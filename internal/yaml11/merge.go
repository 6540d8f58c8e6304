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
	return d.checked("", entryText(it), text, root)
}

// checked returns patched if it means root below prelude, else text.
func (d *Doc) checked(prelude, patched, text string, root *Node) string {
	if n := d.read(prelude, patched); n == nil || d.canon(n, false) != d.canon(root.Keys[0].Value, false) {
		return text
	}
	return patched
}

// read returns what the last entry of text means where the entries of
// prelude stand above it, nil if that cannot be read.
func (d *Doc) read(prelude, text string) *Node {
	opt := Options{Read: noRead, Repeatable: func(string) bool { return true }}
	if d.anchored {
		opt.Read = nothing
	}
	root, problems := Parse(d.file, []byte(prelude+text), opt)
	if root.Kind != Mapping || len(root.Keys) == 0 || broken(problems) || prelude == "" && len(root.Keys) != 1 {
		return nil
	}
	return root.Keys[len(root.Keys)-1].Value
}

// merged returns the entry old with the least change that makes it mean root,
// which is what text means. prelude holds the anchors that old may use.
func (d *Doc) merged(prelude, old, text string, root *Node) string {
	for _, expand := range []bool{false, true} {
		was, will := cutEntry(old), cutEntry(text)
		if was == nil || will == nil {
			break
		}
		was.key, will.key = "", ""
		st := style{-1, -1, -1}
		(&block{items: []*item{was}}).learn(&st)
		m := merger{d: d, st: st.or(d.fileStyle()), prelude: prelude, expand: expand}
		will.place(0, m.st)
		if out := d.checked(prelude, entryText(m.item(was, will, false)), "", root); out != "" {
			return out
		}
	}
	return d.restyled(text, root)
}

// A merger merges the items of a new entry into those of an old one.
type merger struct {
	d       *Doc
	st      style
	prelude string
	expand  bool // give up merge keys
}

// meaning returns the canonical text of what an item holds, "" if it cannot
// be read.
func (m *merger) meaning(it *item, seq bool) string {
	n := m.node(it)
	if n == nil || seq && len(n.Items) != 1 || !seq && n.Kind != Mapping {
		return ""
	}
	return m.d.canon(n, !seq && it.key == "")
}

// node reads an item alone.
func (m *merger) node(it *item) *Node {
	alone := *it
	alone.lead = nil
	lines := alone.text(nil, strings.Repeat(" ", it.col))
	shift(lines, 1-it.col)
	text := strings.Join(lines, "\n") + "\n"
	prelude := ""
	if strings.Contains(text, "*") {
		prelude = m.prelude
	}
	return m.d.read(prelude, "'':\n"+text)
}

// item returns old where both mean the same, else their merger.
func (m *merger) item(old, new *item, seq bool) *item {
	if a := m.meaning(old, seq); a != "" && a == m.meaning(new, seq) {
		return old
	}
	m.adapt(old, new)
	a, b := old.kids, new.kids
	if a != nil && b != nil && a.seq != b.seq && !seq && new.key == "" {
		if a = m.converted(a, b); a != nil {
			holder := item{kids: a, explicit: old.explicit}
			holder.place(0, m.st)
		}
	}
	if a == nil || b == nil || a.seq != b.seq || a.here != b.here {
		new.lead = old.lead
		switch {
		case len(new.rest) > 0 || len(old.rest) > 0 || old.explicit:
		case b == nil:
			new.inherit(old, seq)
		case a == nil && m.inFlow(old, new, seq):
		case a == nil && !b.here: // a value on one line becomes a block
			_, value, _ := cutKey(old.head)
			_, value = cutAnchor(value)
			new.head += comment(value)
		}
		return new
	}
	out := &item{lead: old.lead, head: old.head, key: old.key, col: old.col, explicit: old.explicit, mid: old.mid}
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

// adapt gives a new entry the explicit key of the old one.
func (m *merger) adapt(old, new *item) {
	if !old.explicit || new.explicit || new.kids == nil {
		return
	}
	new.explicit, new.head, new.mid = true, old.head, old.mid
	new.kids.here = old.kids == nil || old.kids.here
	new.place(0, m.st)
}

// converted makes a list of one of the mapping of an entry, or a mapping of
// the item of a list that has the same type as the new mapping.
func (m *merger) converted(old, new *block) *block {
	if !old.seq {
		return old.wrapped()
	}
	want := typeOf(&item{kids: new})
	for _, it := range old.items {
		if it.kids != nil && it.kids.here && !it.kids.seq && typeOf(it) == want {
			return old.unwrapped(it)
		}
	}
	return nil
}

// mapping keeps the order of the old keys, and merge keys as far as they
// bring nothing that is not wanted.
func (m *merger) mapping(old, new *block) []*item {
	brought := m.brought(old, new)
	var out []*item
	for _, o := range old.items {
		if brought != nil && isMergeItem(o) {
			out = append(out, o)
			continue
		}
		if n := find(new.items, func(n *item) bool { return n.key == o.key }); n != nil {
			n.place(old.col, m.st)
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
		if s := brought[n.key]; s != "" && s == m.meaning(n, false) {
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

func isMergeItem(it *item) bool { return startsMerge(it.head) }

func startsMerge(line string) bool {
	rest, ok := strings.CutPrefix(line, "<<")
	return ok && strings.HasPrefix(strings.TrimLeft(rest, " "), ":")
}

// brought returns what the merge keys of old bring, by key, nil if they
// cannot be kept: a key that is brought can be overridden but not removed.
func (m *merger) brought(old, new *block) map[string]string {
	if m.expand || !slices.ContainsFunc(old.items, isMergeItem) {
		return nil
	}
	out := map[string]string{}
	for _, it := range old.items {
		if !isMergeItem(it) {
			continue
		}
		n := m.node(it)
		if n == nil || n.Kind != Mapping {
			return nil
		}
		for _, k := range n.Keys {
			if find(new.items, func(n *item) bool { return n.key == k.Name }) == nil {
				return nil
			}
			out[k.Name] = m.d.canon(&Node{Kind: Mapping, Keys: []Key{k}}, false)
		}
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
	m.matchScalars(old, new, pairs, used)
	return pairs
}

// matchScalars pairs scalars that differ in letter case, quotes or a final
// dot alone, and one with an anchor with the only new one.
func (m *merger) matchScalars(old, new *block, pairs map[*item]*item, used map[*item]bool) {
	fresh := map[string][]*item{}
	var last *item
	count, gone := 0, 0
	for _, n := range new.items {
		if pairs[n] == nil && n.kids == nil {
			s := plainText(n.head[1:])
			fresh[s], last = append(fresh[s], n), n
			count++
		}
	}
	var anchored *item
	for _, o := range old.items {
		if used[o] || o.kids != nil {
			continue
		}
		gone++
		anchor, value := cutAnchor(strings.TrimLeft(o.head[1:], " "))
		if anchor != "" {
			anchored = o
		}
		if s := plainText(value); len(fresh[s]) > 0 {
			pairs[fresh[s][0]], used[o] = o, true
			fresh[s] = fresh[s][1:]
		}
	}
	if anchored != nil && !used[anchored] && gone == 1 && count == 1 {
		pairs[last] = anchored
	}
}

// plainText is a value without comment, quotes, final dot and letter case.
func plainText(value string) string {
	value = strings.Trim(value, " ")
	value = strings.TrimSuffix(value, comment(value))
	return strings.ToLower(strings.TrimSuffix(strings.Trim(value, `'"`), "."))
}

func typeOf(it *item) string {
	if it.kids == nil {
		return ""
	}
	if t := find(it.kids.items, func(k *item) bool { return k.key == "type" }); t != nil {
		_, value, _ := cutKey(t.head)
		_, value = cutAnchor(value)
		return plainText(value)
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
		} else {
			m.inFlowToo(old, n)
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
		m.inFlowToo(old, n)
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
