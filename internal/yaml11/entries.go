package yaml11

import (
	"bytes"

	"go.yaml.in/yaml/v4"
)

// Entries calls yield for each top-level key of a document whose root is a
// mapping, in order, until yield returns false. A document in block style
// without anchors and top-level merge keys is never held in memory as a whole
// tree; any other is parsed first. A key written twice is yielded once unless
// Options.Repeatable allows it. Entries before a broken place have been
// yielded when the problem is returned.
func Entries(file string, data []byte, opt Options, yield func(Key) bool) []Problem {
	l := newLoader(file, opt)
	t, ok := l.prepare(file, data)
	if !ok {
		return l.problems
	}
	w := walker{l: l, t: t}
	if opt.AllowDuplicateKeys || !w.splittable() {
		l.whole(t, yield)
		return l.problems
	}
	var (
		seen     = make(map[string]int32)
		last     Key
		unsorted bool
	)
	w.entry = func(k Key, _ int) bool {
		if len(seen) > 0 && !unsorted && !KeysInOrder(l.opt.Order, last, k) {
			unsorted = true
		}
		last = Key{Name: k.Name, Written: k.Written, Kind: k.Kind}
		if line, ok := seen[k.Name]; ok {
			if !l.repeatable(k.Name) {
				l.duplicate(k, Pos{t.file, int(line), 1})
				return true
			}
		} else {
			// The name is a part of the entry's text; keep only the name.
			seen[string([]byte(k.Name))] = int32(min(k.Pos.Line, 1<<31-1))
		}
		return yield(k)
	}
	if n := w.walk(); n != nil {
		l.notMapping(n)
	}
	if unsorted && !w.done {
		l.problem(reorder(t, opt))
	}
	return l.problems
}

// whole yields the keys of a document that must be read at once.
func (l *loader) whole(t text, yield func(Key) bool) {
	e := l.document(t)
	switch {
	case e.node == nil || e.node.Kind == Null && !e.node.Quoted:
	case e.node.Kind != Mapping:
		l.notMapping(e.node)
	default:
		for _, k := range e.node.Keys {
			if !yield(k) {
				return
			}
		}
	}
}

func (l *loader) notMapping(n *Node) {
	l.problem(Problem{
		Pos: n.Pos, ID: IDSyntax, Text: "the file holds a " + n.Kind.String() + " where a mapping of keys to values is wanted",
		Fix: "begin each entry with its name and a colon, without indentation",
	})
}

// reorder finds the words for a violation that was noticed while streaming:
// only with all keys at hand is it known which was expected.
func reorder(t text, opt Options) Problem {
	l := newLoader(t.file, opt)
	var keys []Key
	w := walker{l: l, t: t}
	w.entry = func(k Key, _ int) bool {
		k.Value = nil
		keys = append(keys, k)
		return true
	}
	w.splittable()
	w.walk()
	l.problems = nil
	l.checkOrder(Pos{}, keys, nil)
	if len(l.problems) == 0 { // cannot be: the same keys were out of order before
		return Problem{Pos: Pos{t.file, 1, 1}, ID: IDKeyOrder, Text: "keys out of order"}
	}
	return l.problems[0]
}

// A walker cuts a document at its top-level keys and reads each part alone.
type walker struct {
	l     *loader
	t     text
	entry func(k Key, height int) bool

	fast    fast
	start   int  // offset of the first key
	line    int  // lines before start
	done    bool // entry returned false
	broken  bool // a problem ended the walk
	emitted int  // entries
	height  int  // of a root that is not a mapping
}

// splittable reports whether each top-level entry means the same alone as in
// the document. It does unless anchors, merge keys or document marks reach
// across entries, or the root is not a block mapping at the left margin.
func (w *walker) splittable() bool {
	data := w.t.data
	if mayAnchor(data) || oddBreaks(w.t) {
		return false
	}
	off, line, marked := 0, 0, false
	for off < len(data) {
		end := lineEnd(data, off)
		content := data[off:end]
		switch {
		case len(bytes.TrimLeft(content, " ")) == 0, content[0] == '#':
		case !marked && bytes.Equal(bytes.TrimRight(content, " "), []byte("---")):
			marked = true
		default:
			w.start, w.line = off, line
			return w.marginal(data[off:])
		}
		off, line = min(end+1, len(data)), line+1
	}
	w.start, w.line = len(data), line
	return true
}

// marginal reports whether rest, which begins at the first content line, can
// be a block mapping at the left margin in one document.
func (w *walker) marginal(rest []byte) bool {
	switch rest[0] {
	case ' ', '\t', '-', '{', '[', '!', '&', '*', '|', '>', '%', '@', '`', '<', ':':
		return false
	}
	for _, mark := range []string{"\n---", "\n...", "\n<<", "\n%"} {
		if bytes.Contains(rest, []byte(mark)) {
			return false
		}
	}
	if rest[0] == '.' && bytes.HasPrefix(rest, []byte("...")) {
		return false
	}
	explicit := rest[0] == '?' || bytes.Contains(rest, []byte("\n?"))
	return !explicit || !bytes.Contains(rest, []byte("<<"))
}

// mayAnchor reports an & where a value could begin.
func mayAnchor(data []byte) bool {
	for off := 0; ; {
		i := bytes.IndexByte(data[off:], '&')
		if i < 0 {
			return false
		}
		off += i
		switch before := bytes.TrimRight(data[:off], " "); {
		case len(before) == 0:
			return true
		default:
			switch before[len(before)-1] {
			case '\n', ':', '-', '?', '[', '{', ',', '\t':
				return true
			}
			if tagged(before) {
				return true
			}
		}
		off++
	}
}

// tagged reports whether the last word before an & is a tag, as in "!!map &a".
func tagged(before []byte) bool {
	word := before[bytes.LastIndexAny(before, " \n\t")+1:]
	return len(word) > 0 && word[0] == '!'
}

// oddBreaks reports the characters that YAML 1.1 counts as line ends besides \n.
func oddBreaks(t text) bool {
	if t.ascii {
		return false
	}
	for _, b := range []string{"\u0085", "\u2028", "\u2029"} {
		if bytes.Contains(t.data, []byte(b)) {
			return true
		}
	}
	return false
}

func lineEnd(data []byte, off int) int {
	if i := bytes.IndexByte(data[off:], '\n'); i >= 0 {
		return off + i
	}
	return len(data)
}

// cut returns the end of the entry that begins at off and its number of
// lines: it ends before the next line with a key at the left margin.
func cut(data []byte, off int) (end, lines int) {
	end = off
	for {
		end = min(lineEnd(data, end)+1, len(data))
		lines++
		if end >= len(data) || begins(data[end:]) {
			return end, lines
		}
	}
}

// begins reports whether a line at the left margin begins an entry: it is
// not blank, not a comment, not an item of a list, not the value of "? key"
// and not a block scalar or a tag, which yaml v4 takes for the value even there.
func begins(line []byte) bool {
	switch line[0] {
	case ' ', '\n', '#', '\t', '|', '>', '!':
		return false
	case '-', ':':
		return len(line) > 1 && line[1] != ' ' && line[1] != '\n'
	}
	return true
}

// walk reads entry after entry. If the document is not a mapping after all
// and nothing has been emitted, it returns its root.
func (w *walker) walk() *Node {
	w.fast = fast{l: w.l, file: w.t.file, ascii: w.t.ascii, few: min(slabSize, 4+len(w.t.data)/8)}
	off, line := w.start, w.line
	for off < len(w.t.data) && !w.done && !w.l.stopped {
		end, lines := cut(w.t.data, off)
		k, height, ok := w.fast.entry(string(w.t.data[off:end]), line)
		if !ok {
			k, height, ok = w.slowEntry(w.t.data[off:end], line)
		}
		if !ok {
			return w.rest()
		}
		if w.l.stopped {
			break
		}
		w.emit(k, height)
		off, line = end, line+lines
	}
	w.broken = w.broken || w.l.stopped
	return nil
}

func (w *walker) emit(k Key, height int) {
	w.emitted++
	if !w.entry(k, height) {
		w.done = true
	}
}

// slowEntry reads one entry through yaml v4. ok is false if it does not stand
// alone, for instance because a quoted text goes on at the left margin.
func (w *walker) slowEntry(data []byte, line int) (Key, int, bool) {
	n, err := compose(data)
	if err != nil || n == nil || n.Kind != yaml.MappingNode || n.Style != 0 || len(n.Content) != 2 || n.Line != 1 {
		return Key{}, 0, false
	}
	c := converter{l: w.l, t: w.t, line: line}
	keys, _, height := c.pairs(n, 1)
	if len(keys) != 1 {
		return Key{}, 0, w.l.stopped
	}
	return keys[0], height, true
}

// rest reads the document through yaml v4 and emits what has not been emitted.
func (w *walker) rest() *Node {
	n, err := compose(w.t.data[w.start:])
	if err != nil {
		w.broken = true
		w.l.problem(w.t.explain(err, w.line))
		return nil
	}
	if n == nil {
		return nil
	}
	c := converter{l: w.l, t: w.t, line: w.line}
	if n.Kind != yaml.MappingNode {
		w.broken = true
		e := c.convert(n, 1)
		w.height = e.height
		return e.node
	}
	if len(n.Content) < 2*w.emitted { // cannot be: the entries read so far stand alone
		w.broken = true
		w.l.problem(Problem{Pos: c.pos(n), ID: IDSyntax, Text: "a key is expected here"})
		return nil
	}
	n.Content = n.Content[2*w.emitted:]
	keys, _, height := c.pairs(n, 1)
	if w.l.stopped {
		w.broken = true
		return nil
	}
	for _, k := range keys {
		if w.done {
			break
		}
		w.emit(k, height)
	}
	return nil
}
