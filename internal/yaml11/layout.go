package yaml11

import (
	"slices"
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

	explicit bool     // "? key" and ": value"; head is the line of the key
	mid      []string // then: the lines between, up to the first item below
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
		if _, _, ok := cutKey(after); ok || startsMerge(after) {
			it.kids, it.rest = cutBlock(slices.Concat([]string{lines[0]}, lines[1:]), at, true), nil
		}
		return
	}
	key, value, ok := cutKey(it.head)
	if !ok {
		return
	}
	it.key = key
	if _, value = cutAnchor(value); value != "" && value[0] != '#' {
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
	if _, _, ok := cutKey(lines[first][at:]); !ok && !isDash(lines[first][at:]) && !startsMerge(lines[first][at:]) {
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
		return it.kids.text(append(append(out, prefix+it.head), it.mid...))
	}
	mark := "-"
	if it.explicit {
		out = append(append(out, prefix+it.head), it.mid...)
		mark = ":"
	}
	dash := prefix + mark + strings.Repeat(" ", it.kids.col-it.col-1)
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
	case it.explicit:
		to = col + 2
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
		case it.explicit: // says nothing about the others
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

// cutAnchor takes the anchor off a value.
func cutAnchor(value string) (anchor, rest string) {
	if !strings.HasPrefix(value, "&") {
		return "", value
	}
	anchor, rest, _ = strings.Cut(value, " ")
	return anchor, strings.TrimLeft(rest, " ")
}

// wrapped returns a list whose only item is the mapping b.
func (b *block) wrapped() *block {
	items := slices.Clone(b.items)
	first := *items[0]
	first.lead, items[0] = nil, &first
	it := &item{lead: b.items[0].lead, col: b.col, kids: &block{col: b.col + 2, here: true, items: items}}
	return &block{col: b.col, seq: true, here: b.here, items: []*item{it}}
}

// unwrapped returns the mapping in an item of the list b.
func (b *block) unwrapped(it *item) *block {
	items := slices.Clone(it.kids.items)
	first := *items[0]
	first.lead = slices.Concat(it.lead, first.lead)
	shift(first.lead[:len(it.lead)], first.col-it.col)
	items[0] = &first
	return &block{col: it.kids.col, here: b.here, items: items}
}

func cutEntry(text string) *item {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if strings.HasPrefix(lines[0], "? ") {
		return cutExplicit(lines)
	}
	b := cutBlock(lines, 0, false)
	if len(b.items) != 1 || b.seq {
		return nil
	}
	return b.items[0]
}

func entryText(it *item) string {
	return strings.Join(it.text(nil, ""), "\n") + "\n"
}

// cutExplicit cuts an entry written as "? key" and ": value", as octoDNS
// writes the apex.
func cutExplicit(lines []string) *item {
	at := 1
	for at < len(lines) && passive(lines[at]) {
		at++
	}
	if at == len(lines) || lines[at][0] != ':' {
		return nil
	}
	it := &item{head: lines[0], explicit: true, mid: lines[1:at]}
	after := strings.TrimLeft(lines[at][1:], " ")
	if _, _, ok := cutKey(after); ok || isDash(after) || startsMerge(after) {
		it.kids = cutBlock(slices.Clone(lines[at:]), len(lines[at])-len(after), true)
		return it
	}
	first := at + 1
	for first < len(lines) && passive(lines[first]) {
		first++
	}
	if first < len(lines) && (after == "" || after[0] == '#') {
		it.mid = lines[1 : at+1]
		it.kids = cutBlock(lines[first:], indent(lines[first]), false)
		it.kids.items[0].lead = lines[at+1 : first]
		return it
	}
	it.mid, it.rest = nil, lines[1:]
	return it
}
