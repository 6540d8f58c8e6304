package yaml11

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options says how a document is read. The zero value reads without an
// ordering check, with duplicate keys as errors and with the default limits.
type Options struct {
	Read               func(path string) ([]byte, error) // for !include; nil reads regular files
	Order              Order                             // checked in every mapping, included ones too
	AllowDuplicateKeys bool                              // the last value wins silently, as in octoDNS

	// Repeatable names keys of the document's root that may be written more
	// than once. All of them are kept, in order. Nil allows none.
	Repeatable func(name string) bool

	MaxBytes    int // of one file; 64 MiB
	MaxNodes    int // after expansion of aliases and includes; 20 million
	MaxDepth    int // of nested values; 100
	MaxIncludes int // files read through !include in all; 1000
}

const (
	defaultBytes    = 64 << 20
	defaultNodes    = 20_000_000
	defaultDepth    = 100
	defaultIncludes = 1000

	// maxIncludeDepth bounds how deep includes nest.
	maxIncludeDepth = 100

	// maxSlowNodes bounds what yaml v4 is given at once: it needs some 250
	// bytes for each node before the first limit can be checked.
	maxSlowNodes = 4_000_000
)

// A loader holds what the files of one document share.
type loader struct {
	opt      Options
	problems []Problem
	nodes    int  // so far, aliases expanded
	stopped  bool // a limit was hit: what follows is not worth reading
	includes int
	chain    []string // files being read, outermost first
	included map[string]extent
}

// An extent is a node with what it weighs when it is shared.
type extent struct {
	node         *Node
	size, height int
}

func newLoader(file string, opt Options) *loader {
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = defaultBytes
	}
	if opt.MaxNodes <= 0 {
		opt.MaxNodes = defaultNodes
	}
	if opt.MaxDepth <= 0 {
		opt.MaxDepth = defaultDepth
	}
	if opt.MaxIncludes <= 0 {
		opt.MaxIncludes = defaultIncludes
	}
	if opt.Read == nil {
		limit := int64(opt.MaxBytes)
		opt.Read = func(path string) ([]byte, error) { return readRegular(path, limit) }
	}
	return &loader{opt: opt, chain: []string{clean(file)}, included: map[string]extent{}}
}

// readRegular refuses devices and pipes, which may never end, and reads one
// byte more than the limit so that the excess is noticed.
func readRegular(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

func (l *loader) problem(p Problem) {
	if !l.stopped { // what comes after a limit are consequences
		l.problems = append(l.problems, p)
	}
}

// stop records a problem after which reading ends.
func (l *loader) stop(p Problem) {
	l.problem(p)
	l.stopped = true
}

// count adds n nodes and reports whether the limit still holds.
func (l *loader) count(n int, pos Pos) bool {
	l.nodes += n
	if l.nodes <= l.opt.MaxNodes && l.nodes >= 0 {
		return !l.stopped
	}
	l.stop(Problem{
		Pos: pos, ID: IDAliasBomb,
		Text: fmt.Sprintf("the document has more than %d values once aliases and includes are expanded", l.opt.MaxNodes),
		Fix:  "repeat fewer aliases, or split the file",
	})
	return false
}

func (l *loader) tooDeep(pos Pos) {
	l.stop(Problem{
		Pos: pos, ID: IDTooDeep,
		Text: fmt.Sprintf("values are nested more than %d deep", l.opt.MaxDepth),
	})
}

// Parse reads one document wholly. The node is never nil: where the document
// is empty or nothing could be read it is a mapping without keys. Problems
// that are not warnings mean that the node is not to be relied upon.
func Parse(file string, data []byte, opt Options) (*Node, []Problem) {
	l := newLoader(file, opt)
	e := l.file(file, data)
	if e.node == nil || e.node.Kind == Null && !e.node.Quoted {
		e.node = &Node{Kind: Mapping, Pos: Pos{File: file, Line: 1, Col: 1}}
	}
	return e.node, l.problems
}

// file reads the document of one file; the node is nil if it is empty or broken.
func (l *loader) file(file string, data []byte) extent {
	t, ok := l.prepare(file, data)
	if !ok {
		return extent{}
	}
	return l.document(t)
}

// document reads t by entries if it can be split, else at once.
func (l *loader) document(t text) extent {
	before, root := l.nodes, len(l.chain) == 1
	var keys []Key
	height := 0
	w := walker{l: l, t: t}
	if !w.splittable() {
		return l.slow(t, root)
	}
	w.entry = func(k Key, h int) bool {
		keys = append(keys, k)
		height = max(height, h)
		return true
	}
	n := w.walk()
	switch {
	case n != nil && keys != nil:
		l.problem(Problem{Pos: n.Pos, ID: IDSyntax, Text: "a key is expected here", Fix: "check indentation and quotes on this line and the one above"})
		return extent{}
	case n != nil:
		return extent{n, l.nodes - before, w.height}
	case w.broken || l.stopped || keys == nil:
		return extent{}
	}
	n = &Node{Kind: Mapping, Pos: Pos{t.file, w.line + 1, 1}}
	l.count(1, n.Pos)
	n.Keys = l.finish(n.Pos, keys, nil, root)
	return extent{n, l.nodes - before, height + 1}
}

// prepare checks what must hold for the whole file and brings line ends to \n.
func (l *loader) prepare(file string, data []byte) (text, bool) {
	t := text{file: file, data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))}
	if len(data) > l.opt.MaxBytes {
		l.stop(Problem{
			Pos: Pos{file, 1, 1}, ID: IDTooLarge,
			Text: fmt.Sprintf("the file is larger than the limit of %d bytes", l.opt.MaxBytes),
			Fix:  "split the file",
		})
		return t, false
	}
	if p, ok := t.check(); !ok {
		l.problem(p)
		return t, false
	}
	return t, true
}

// include reads the file that an !include tag at pos names.
func (l *loader) include(pos Pos, from, path string) extent {
	fail := func(text, fix string) extent {
		l.problem(Problem{Pos: pos, ID: IDInclude, Text: text, Fix: fix})
		return extent{}
	}
	if path == "" {
		return fail("!include names no file", "write !include path/to/file.yaml")
	}
	full := resolve(from, path)
	if i := slices.Index(l.chain, full); i >= 0 {
		ring := append(slices.Clone(l.chain[i:]), full)
		return fail("files include each other in a circle: "+strings.Join(ring, " -> "), "remove one of the !include")
	}
	if e, ok := l.included[full]; ok {
		return e
	}
	if l.includes++; l.includes > l.opt.MaxIncludes {
		l.stop(Problem{Pos: pos, ID: IDInclude, Text: fmt.Sprintf("more than %d files are included", l.opt.MaxIncludes)})
		return extent{}
	}
	if len(l.chain) > maxIncludeDepth {
		return fail(fmt.Sprintf("includes are nested more than %d deep", maxIncludeDepth), "")
	}
	data, err := l.opt.Read(full)
	if err != nil {
		return fail("cannot read the included file "+full+": "+reason(err),
			"the path is relative to the folder of the file that includes it")
	}
	before, problems := l.nodes, len(l.problems)
	l.chain = append(l.chain, full)
	e := l.file(full, data)
	l.chain = l.chain[:len(l.chain)-1]
	l.nodes = before // the place of use counts it
	if e.node == nil {
		if slices.ContainsFunc(l.problems[problems:], func(p Problem) bool { return !p.Warning }) {
			return extent{}
		}
		e = extent{&Node{Kind: Null, Pos: pos}, 1, 1}
	}
	l.included[full] = e
	return e
}

// reason is the innermost text of a file error: the path is said already.
func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

func resolve(from, path string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		if home, err := os.UserHomeDir(); err == nil {
			path = filepath.Join(home, path[1:])
		}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(from), path)
	}
	return clean(path)
}

func clean(path string) string { return filepath.Clean(path) }

// finish checks the keys of one mapping and settles repeated ones: the first
// place and the last value count. merged, if not nil, says which keys came
// from a merge key.
func (l *loader) finish(pos Pos, keys []Key, merged []bool, root bool) []Key {
	l.checkOrder(pos, keys, merged)
	var seen map[string]int
	if len(keys) > 16 {
		seen = make(map[string]int, len(keys))
	}
	find := func(out []Key, name string) int {
		if seen != nil {
			if i, ok := seen[name]; ok {
				return i
			}
			return -1
		}
		for i := range out {
			if out[i].Name == name {
				return i
			}
		}
		return -1
	}
	out := keys[:0]
	fromMerge := merged[:0]
	for i, k := range keys {
		m := merged != nil && merged[i]
		at := find(out, k.Name)
		if at < 0 || !m && root && l.repeatable(k.Name) {
			if seen != nil && at < 0 {
				seen[k.Name] = len(out)
			}
			out = append(out, k)
			if merged != nil {
				fromMerge = append(fromMerge, m)
			}
			continue
		}
		if !m && (merged == nil || !fromMerge[at]) {
			l.duplicate(k, out[at].Pos)
		}
		out[at] = k
		if merged != nil {
			fromMerge[at] = m
		}
	}
	return slices.Clip(out)
}

func (l *loader) repeatable(name string) bool {
	return l.opt.Repeatable != nil && l.opt.Repeatable(name)
}

func (l *loader) duplicate(k Key, first Pos) {
	if l.opt.AllowDuplicateKeys {
		return
	}
	l.problem(Problem{
		Pos: k.Pos, ID: IDDuplicateKey,
		Text: fmt.Sprintf("key %q is written twice in one mapping, first in line %d; one of the two values would be lost", k.Name, first.Line),
		Fix:  "put both values under one key, or remove one of them",
	})
}

// checkOrder reports the first key that does not stand where sorting would
// put it, in the words of octoDNS. A merged key is reported at pos, where the
// mapping is, because it is right where it was written.
func (l *loader) checkOrder(pos Pos, keys []Key, merged []bool) {
	order := l.opt.Order
	if order == NoOrder {
		return
	}
	for i := 1; i < len(keys); i++ {
		if CompareKeys(order, keys[i-1], keys[i]) > 0 {
			l.outOfOrder(pos, keys, merged)
			return
		}
	}
}

func (l *loader) outOfOrder(pos Pos, keys []Key, merged []bool) {
	sorted := slices.Clone(keys)
	slices.SortStableFunc(sorted, func(a, b Key) int { return CompareKeys(l.opt.Order, a, b) })
	for i, k := range keys {
		want := sorted[i]
		if k.Name == want.Name {
			continue
		}
		at := k.Pos
		if merged != nil && merged[i] {
			at = pos
		}
		l.problem(Problem{
			Pos: at, ID: IDKeyOrder,
			Text: fmt.Sprintf("keys out of order: expected %s got %s", show(want.Name), show(k.Name)),
			Fix:  fmt.Sprintf("move %s above %s, or set enforce_order: false", show(want.Name), show(k.Name)),
		})
		return
	}
}

func show(name string) string {
	if name == "" {
		return "''"
	}
	return name
}

// ambiguous warns about a plain key that YAML 1.1 reads as something else
// than what stands there.
func (l *loader) ambiguous(k Key) {
	if k.Kind == String || strings.EqualFold(k.Name, k.Written) {
		return
	}
	written := show(k.Written)
	l.problem(Problem{
		Pos: k.Pos, ID: IDAmbiguousKey, Warning: true,
		Text: fmt.Sprintf("unquoted key %s is no text in YAML 1.1 but a value of type %s, and is read as %q", written, k.Kind, k.Name),
		Fix:  fmt.Sprintf("write '%s' if that name is meant, else %s", k.Written, Quote(k.Name)),
	})
}
