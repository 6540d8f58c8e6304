package yaml11

import (
	"slices"
	"strconv"
	"strings"
)

// A block is a mapping or sequence in block style, cut into its items.
type block struct {
	col   int // column of the keys or dashes
	seq   bool
	here  bool // the first item stands on the line of the dash above
	items []*item
}

// An item is one key or one dash of a block with everything below it.
type item struct {
	lead []string // comments and blank lines above, whole lines
	head string   // first line from the item's column on, without line end
	rest []string // further lines if they are not a block of their own
	kids *block
	key  string // of a mapping; "" for the entry itself
	col  int
}

// A style is how a file indents.
type style struct {
	step int // mapping below a key
	list int // list below a key
	dash int // from a dash to its text
}

var writtenStyle = style{step: 2, list: 0, dash: 2}

// cutBlock cuts lines, the first of which holds the block's first item at col.
// Lines before col of the first line are a dash and blanks.
func cutBlock(lines []string, col int, here bool) *block {
	b := &block{col: col, here: here, seq: isDash(lines[0][col:])}
	var lead []string
	for i := 0; i < len(lines); {
		end := i + 1
		for end < len(lines) && !startsItem(lines[end], col, b.seq) {
			end++
		}
		// Comments above the next item are that item's.
		own := end
		for end < len(lines) && own > i+1 && passive(lines[own-1]) {
			own--
		}
		it := &item{lead: lead, head: lines[i][col:], col: col}
		it.cut(lines[i:own], col, b.seq)
		b.items = append(b.items, it)
		lead = lines[own:end]
		i = end
	}
	return b
}

// passive reports blank lines and comments.
func passive(line string) bool {
	s := strings.TrimLeft(line, " ")
	return s == "" || s[0] == '#'
}

func isDash(s string) bool { return s == "-" || strings.HasPrefix(s, "- ") }

func startsItem(line string, col int, seq bool) bool {
	if passive(line) || indent(line) != col {
		return false
	}
	return isDash(line[col:]) == seq
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// cut finds the key and the block below an item.
func (it *item) cut(lines []string, col int, seq bool) {
	it.rest = lines[1:]
	if seq {
		after := strings.TrimLeft(it.head[1:], " ")
		at := len(lines[0]) - len(after)
		if after == "" || isDash(after) || after[0] == '#' {
			return
		}
		if _, _, ok := cutKey(after); ok {
			it.kids, it.rest = cutBlock(slices.Concat([]string{lines[0]}, lines[1:]), at, true), nil
		}
		return
	}
	key, value, ok := cutKey(it.head)
	if !ok {
		return
	}
	it.key = key
	if value != "" && value[0] != '#' {
		return
	}
	first := 1
	for first < len(lines) && passive(lines[first]) {
		first++
	}
	if first == len(lines) {
		return
	}
	at := indent(lines[first])
	if _, _, ok := cutKey(lines[first][at:]); !ok && !isDash(lines[first][at:]) {
		return
	}
	it.kids, it.rest = cutBlock(lines[first:], at, false), nil
	it.kids.items[0].lead = lines[1:first]
}

// cutKey reads "key: value" with the reader of fast.go.
func cutKey(s string) (key, value string, ok bool) {
	if s == "" {
		return "", "", false
	}
	f := fast{l: newLoader("", Options{}), s: s, end: len(s)}
	k, ok := f.key()
	if !ok {
		return "", "", false
	}
	return k.Name, strings.TrimLeft(s[f.pos:], " "), true
}

// text returns the lines of b with all its items.
func (b *block) text(out []string) []string {
	for _, it := range b.items {
		out = it.text(out, strings.Repeat(" ", b.col))
	}
	return out
}

// text appends the lines of it; prefix stands before its head.
func (it *item) text(out []string, prefix string) []string {
	out = append(out, it.lead...)
	switch {
	case it.kids == nil:
		return append(append(out, prefix+it.head), it.rest...)
	case !it.kids.here:
		return it.kids.text(append(out, prefix+it.head))
	}
	dash := prefix + "-" + strings.Repeat(" ", it.kids.col-it.col-1)
	for i, kid := range it.kids.items {
		if i > 0 {
			dash = strings.Repeat(" ", it.kids.col)
		}
		out = kid.text(out, dash)
	}
	return out
}

// place moves it to col and gives what is below the indentation of st.
func (it *item) place(col int, st style) {
	shift(it.lead, col-it.col)
	shift(it.rest, col-it.col)
	it.col = col
	if it.kids == nil {
		return
	}
	b := it.kids
	to := col + st.step
	switch {
	case b.here:
		to = col + st.dash
	case b.seq:
		to = col + st.list
	}
	for _, kid := range b.items {
		kid.place(to, st)
	}
	b.col = to
}

func shift(lines []string, by int) {
	for i, s := range lines {
		switch {
		case by > 0 && s != "":
			lines[i] = strings.Repeat(" ", by) + s
		case by < 0:
			lines[i] = s[min(-by, indent(s)):]
		}
	}
}

// learn takes the indentation that b uses into st, where still unknown (-1).
func (b *block) learn(st *style) {
	for _, it := range b.items {
		kids := it.kids
		if kids == nil {
			continue
		}
		switch width := kids.col - b.col; {
		case kids.here && st.dash < 0:
			st.dash = width
		case !kids.here && kids.seq && st.list < 0:
			st.list = width
		case !kids.here && !kids.seq && st.step < 0:
			st.step = width
		}
		kids.learn(st)
	}
}

func (st style) or(other style) style {
	if st.step < 0 {
		st.step = other.step
	}
	if st.list < 0 {
		st.list = other.list
	}
	if st.dash < 0 {
		st.dash = other.dash
	}
	return st
}

func cutEntry(text string) *item {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	b := cutBlock(lines, 0, false)
	if len(b.items) != 1 || b.seq {
		return nil
	}
	return b.items[0]
}

func entryText(it *item) string {
	return strings.Join(it.text(nil, ""), "\n") + "\n"
}

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
