package yaml11

import (
	"cmp"
	"strings"
	"unicode/utf8"
)

// fast reads the subset of YAML that zone files are written in: block
// mappings and sequences indented by spaces, plain and quoted scalars on one
// line, even block scalars, flow collections on one line, comments. Whatever else it meets makes
// it decline the entry. It must never read anything differently from yaml v4.
type fast struct {
	l     *loader
	file  string
	ascii bool

	s     string // text of the entry
	line  int    // number of the current line in the file
	start int    // offset of the current line
	pos   int    // offset of what is read next
	end   int    // offset of the end of the current line
	ind   int    // indentation of the current line
	eof   bool

	count  int // nodes made
	height int // greatest depth seen

	few   int    // slabs of a short text, 0 for slabSize
	nodes []Node // slabs: nodes and keys are handed out of these
	slab  []Key
	stack []Key // keys of the mappings being read
	lines []string
}

const (
	slabSize = 128

	// longestKey is well below the 1024 characters after which yaml v4 no
	// longer takes a text for a key.
	longestKey = 1000
)

// entry reads text, which begins with a key at the left margin and has line
// lines before it. ok is false if it declines; nothing is recorded then.
func (f *fast) entry(text string, line int) (k Key, height int, ok bool) {
	if strings.IndexByte(text, '\t') >= 0 {
		return Key{}, 0, false
	}
	f.s, f.line, f.start, f.end, f.eof = text, line, 0, -1, false
	f.count, f.height, f.stack = 0, 1, f.stack[:0]
	problems := len(f.l.problems)
	f.next()
	if !f.eof && f.ind == 0 {
		if k, ok = f.key(); ok {
			k.Value, ok = f.value(0, 2, k.Pos)
		}
	}
	if !ok || !f.eof {
		f.l.problems = f.l.problems[:problems]
		return Key{}, 0, false
	}
	f.l.count(f.count, k.Pos)
	return k, f.height - 1, true
}

// next goes to the next line with content.
func (f *fast) next() {
	for {
		f.start = f.end + 1
		if f.start >= len(f.s) {
			f.eof = true
			return
		}
		f.line++
		if i := strings.IndexByte(f.s[f.start:], '\n'); i >= 0 {
			f.end = f.start + i
		} else {
			f.end = len(f.s)
		}
		f.pos = f.start
		f.skip()
		if f.pos < f.end && f.s[f.pos] != '#' {
			f.ind = f.pos - f.start
			return
		}
	}
}

// skip passes blanks.
func (f *fast) skip() {
	for f.pos < f.end && f.s[f.pos] == ' ' {
		f.pos++
	}
}

func (f *fast) place(offset int) Pos {
	col := offset - f.start
	if !f.ascii {
		col = utf8.RuneCountInString(f.s[f.start:offset])
	}
	return Pos{f.file, f.line, col + 1}
}

func (f *fast) node(kind Kind, pos Pos) *Node {
	if len(f.nodes) == 0 {
		f.nodes = make([]Node, cmp.Or(f.few, slabSize))
	}
	n := &f.nodes[0]
	f.nodes = f.nodes[1:]
	n.Kind, n.Pos = kind, pos
	f.count++
	return n
}

// keep moves the keys from base on off the stack.
func (f *fast) keep(base int) []Key {
	n := len(f.stack) - base
	if n == 0 {
		return nil
	}
	if len(f.slab) < n {
		f.slab = make([]Key, max(cmp.Or(f.few, slabSize), n))
	}
	keys := f.slab[:n:n]
	f.slab = f.slab[n:]
	copy(keys, f.stack[base:])
	clear(f.stack[base:])
	f.stack = f.stack[:base]
	return keys
}

// blankAt reports whether offset is a blank or the end of the line.
func (f *fast) blankAt(offset int) bool { return offset >= f.end || f.s[offset] == ' ' }

func (f *fast) dash() bool { return f.s[f.pos] == '-' && f.blankAt(f.pos+1) }

// vacant reports whether nothing but a comment is left on the line.
func (f *fast) vacant() bool {
	at := f.pos
	f.skip()
	return f.pos == f.end || f.s[f.pos] == '#' && f.pos > at
}

func (f *fast) deep(depth int) bool {
	f.height = max(f.height, depth)
	return depth > f.l.opt.MaxDepth
}

// value reads what stands after the colon of a key at column col.
func (f *fast) value(col, depth int, key Pos) (*Node, bool) {
	if f.vacant() {
		f.next()
		switch {
		case !f.eof && f.ind > col:
			return f.block(f.ind, depth)
		case !f.eof && f.ind == col && f.dash():
			return f.sequence(col, depth)
		case f.deep(depth):
			return nil, false
		}
		return f.node(Null, key), true
	}
	return f.inline(col, depth)
}

// block reads the mapping or sequence that begins on the current line.
func (f *fast) block(ind, depth int) (*Node, bool) {
	if f.dash() {
		return f.sequence(ind, depth)
	}
	pos := f.place(f.pos)
	k, ok := f.key()
	if !ok {
		return nil, false
	}
	return f.mapping(k, pos, ind, depth)
}

// mapping reads on after the colon of its first key, which is at column col.
func (f *fast) mapping(k Key, pos Pos, col, depth int) (*Node, bool) {
	if f.deep(depth) {
		return nil, false
	}
	n, base := f.node(Mapping, pos), len(f.stack)
	for {
		var ok bool
		if k.Value, ok = f.value(col, depth+1, k.Pos); !ok {
			return nil, false
		}
		f.stack = append(f.stack, k)
		if f.eof || f.ind < col {
			break
		}
		if f.ind > col {
			return nil, false
		}
		if k, ok = f.key(); !ok {
			return nil, false
		}
	}
	n.Keys = f.l.finish(pos, f.keep(base), nil, false)
	return n, true
}

func (f *fast) sequence(ind, depth int) (*Node, bool) {
	if f.deep(depth) {
		return nil, false
	}
	n := f.node(Sequence, f.place(f.pos))
	for {
		item, ok := f.item(ind, depth+1)
		if !ok {
			return nil, false
		}
		n.Items = append(n.Items, item)
		if f.eof || f.ind < ind {
			return n, true
		}
		if f.ind > ind {
			return nil, false
		}
		if !f.dash() {
			return n, true
		}
	}
}

// item reads one item, from its dash on.
func (f *fast) item(ind, depth int) (*Node, bool) {
	f.pos++
	after := f.place(f.pos)
	if f.vacant() {
		f.next()
		if !f.eof && f.ind > ind {
			return f.block(f.ind, depth)
		}
		if f.deep(depth) {
			return nil, false
		}
		return f.node(Null, after), true
	}
	if f.dash() {
		return nil, false
	}
	at := f.pos
	problems := len(f.l.problems)
	if k, ok := f.key(); ok {
		return f.mapping(k, f.place(at), at-f.start, depth)
	}
	f.pos, f.l.problems = at, f.l.problems[:problems]
	return f.inline(ind, depth)
}

// key reads a key and its colon.
func (f *fast) key() (Key, bool) {
	at := f.pos
	k := Key{Pos: f.place(at), Kind: String}
	switch f.s[at] {
	case '"', '\'':
		text, ok := f.quoted()
		f.skip()
		if !ok || f.pos >= f.end || f.s[f.pos] != ':' || !f.blankAt(f.pos+1) {
			return k, false
		}
		k.Written, k.Name, k.Quoted = text, text, true
	default:
		if !f.plainStart(false) {
			return k, false
		}
		colon := f.colon(at)
		if colon < 0 {
			return k, false
		}
		k.Written = strings.TrimRight(f.s[at:colon], " ")
		if k.Written == "<<" {
			return k, false
		}
		k.Kind = plainKind(k.Written)
		k.Name = k.Written
		if k.Kind != String {
			k.Name = keyName(k.Kind, k.Written)
			f.l.ambiguous(k)
		}
		f.pos = colon
	}
	if f.pos-at > longestKey {
		return k, false
	}
	f.pos++
	f.count++
	return k, true
}

// colon returns the offset of the first colon before a blank or the end of
// the line, -1 if a comment or nothing comes first.
func (f *fast) colon(from int) int {
	for i := from; i < f.end; i++ {
		switch f.s[i] {
		case ':':
			if f.blankAt(i + 1) {
				return i
			}
		case '#':
			if f.s[i-1] == ' ' {
				return -1
			}
		}
	}
	return -1
}

// plainStart reports whether a plain scalar can begin here.
func (f *fast) plainStart(flow bool) bool {
	switch f.s[f.pos] {
	case '-':
		return !f.blankAt(f.pos+1) && (!flow || !flowMark(f.s[f.pos+1]))
	case ':':
		return !flow && !f.blankAt(f.pos+1)
	case '?', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
		return false
	}
	return true
}

func flowMark(c byte) bool { return strings.IndexByte(",[]{}", c) >= 0 }

// inline reads a value that begins after a key or dash at column col, and
// goes to the next line. But for block scalars it must end on this line.
func (f *fast) inline(col, depth int) (*Node, bool) {
	if c := f.s[f.pos]; c == '|' || c == '>' {
		return f.scalarBlock(col, depth)
	}
	n, ok := f.scalarOrFlow(depth)
	if !ok || !f.vacant() {
		return nil, false
	}
	f.next()
	return n, true
}

func (f *fast) scalarOrFlow(depth int) (*Node, bool) {
	if f.deep(depth) {
		return nil, false
	}
	at := f.place(f.pos)
	switch f.s[f.pos] {
	case '[', '{':
		return f.flow(depth)
	case '"', '\'':
		text, ok := f.quoted()
		if !ok {
			return nil, false
		}
		n := f.node(String, at)
		n.Text, n.Quoted = text, true
		return n, true
	}
	if !f.plainStart(false) {
		return nil, false
	}
	from, i := f.pos, f.pos
	for ; i < f.end; i++ {
		c := f.s[i]
		if c == ':' && f.blankAt(i+1) {
			return nil, false
		}
		if c == '#' && f.s[i-1] == ' ' {
			break
		}
	}
	for f.s[i-1] == ' ' {
		i--
	}
	f.pos = i
	text := f.s[from:i]
	n := f.node(plainKind(text), at)
	n.Text = text
	return n, true
}

// quoted reads a quoted scalar that ends on this line.
func (f *fast) quoted() (string, bool) {
	quote := f.s[f.pos]
	from := f.pos + 1
	for i := from; i < f.end; i++ {
		switch c := f.s[i]; {
		case c == '\\' && quote == '"':
			return f.escaped(from, i)
		case c != quote:
		case c == '\'' && i+1 < f.end && f.s[i+1] == '\'':
			return f.escaped(from, i)
		default:
			f.pos = i + 1
			return f.s[from:i], true
		}
	}
	return "", false
}

// scalarBlock reads a literal or folded scalar whose lines all have the same
// indentation, with nothing but blank lines after them.
func (f *fast) scalarBlock(col, depth int) (*Node, bool) {
	var join string
	switch f.s[f.pos:f.end] {
	case "|", "|-":
		join = "\n"
	case ">", ">-":
		join = " "
	default:
		return nil, false
	}
	if f.deep(depth) {
		return nil, false
	}
	n := f.node(String, f.place(f.pos))
	n.Quoted = true
	strip := f.s[f.end-1] == '-'
	lines := f.lines[:0]
	for ind, blank := 0, false; f.end+1 < len(f.s); f.line++ {
		from := f.end + 1
		size := strings.IndexByte(f.s[from:], '\n')
		if size < 0 {
			return nil, false
		}
		line := f.s[from : from+size]
		if size == 0 {
			blank = true
		} else {
			in := indent(line)
			if in <= col && in < size {
				break
			}
			if ind == 0 {
				ind = in
			}
			if blank || in != ind || in == size {
				return nil, false
			}
			lines = append(lines, line[in:])
		}
		f.end = from + size
	}
	f.lines = lines
	if len(lines) == 0 {
		return nil, false
	}
	if n.Text = strings.Join(lines, join); !strip {
		n.Text += "\n"
	}
	f.next()
	return n, true
}

// escaped reads a quoted scalar on from its first escape at i.
func (f *fast) escaped(from, i int) (string, bool) {
	var b strings.Builder
	b.WriteString(f.s[from:i])
	quote := f.s[from-1]
	for ; i < f.end; i++ {
		c := f.s[i]
		switch {
		case c == '\\' && quote == '"':
			i++
			if i >= f.end {
				return "", false
			}
			switch f.s[i] {
			case '\\', '"':
				b.WriteByte(f.s[i])
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			default:
				return "", false
			}
		case c != quote:
			b.WriteByte(c)
		case c == '\'' && i+1 < f.end && f.s[i+1] == '\'':
			b.WriteByte(c)
			i++
		default:
			f.pos = i + 1
			return b.String(), true
		}
	}
	return "", false
}
