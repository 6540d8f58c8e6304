package yaml11

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// slow reads the whole document through yaml v4. The node is nil if it is
// empty or broken.
func (l *loader) slow(t text, root bool) extent {
	doc, err := compose(t.data)
	if err != nil {
		l.problem(t.explain(err, 0))
		return extent{}
	}
	if doc == nil {
		return extent{}
	}
	c := converter{l: l, t: t, root: root}
	e := c.convert(doc, 1)
	if l.stopped {
		return extent{}
	}
	return e
}

// errSecondDocument carries the line of a document after the first.
type errSecondDocument struct{ line int }

func (errSecondDocument) Error() string { return "a second document begins here" }

var errTooManyNodes = errors.New("too many values in a form that needs the whole document in memory")

// compose returns the root node of the only document in data, nil if it is empty.
func compose(data []byte) (root *yaml.Node, err error) {
	defer func() {
		// yaml v4 reports some impossible states of its own by panicking.
		if r := recover(); r != nil {
			root, err = nil, fmt.Errorf("the document cannot be read: %v", r)
		}
	}()
	if separators(data) > maxSlowNodes {
		return nil, errTooManyNodes
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	var doc, second yaml.Node
	if err := loader.Load(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	switch err := loader.Load(&second); {
	case err == nil:
		return nil, errSecondDocument{second.Line}
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// separators is an upper bound for the number of nodes in data, roughly.
func separators(data []byte) int {
	n := 0
	for _, sep := range []string{"\n", ",", ":", "[", "{", "- ", "? "} {
		n += bytes.Count(data, []byte(sep))
	}
	return n
}

// A converter turns the nodes of yaml v4 into ours.
type converter struct {
	l    *loader
	t    text
	line int // lines before the part that was composed
	root bool
	memo map[*yaml.Node]extent // anchored nodes; a zero extent is being made
}

func (c *converter) pos(n *yaml.Node) Pos {
	return Pos{c.t.file, n.Line + c.line, n.Column}
}

// convert returns n at the given depth. After a limit is hit it returns at once.
func (c *converter) convert(n *yaml.Node, depth int) extent {
	null := extent{&Node{Pos: c.pos(n)}, 1, 1}
	if c.l.stopped {
		return null
	}
	if depth > c.l.opt.MaxDepth {
		c.l.tooDeep(c.pos(n))
		return null
	}
	if n.Kind == yaml.AliasNode {
		return c.alias(n, depth)
	}
	if n.Anchor != "" {
		if c.memo == nil {
			c.memo = map[*yaml.Node]extent{}
		}
		c.memo[n] = extent{}
	}
	before := c.l.nodes
	c.l.count(1, null.node.Pos)
	node, height := c.build(n, depth)
	e := extent{node, c.l.nodes - before, height}
	if n.Anchor != "" {
		c.memo[n] = e
	}
	return e
}

func (c *converter) alias(n *yaml.Node, depth int) extent {
	e := c.memo[n.Alias]
	if e.node == nil {
		c.l.stop(Problem{
			Pos: c.pos(n), ID: IDAliasBomb,
			Text: fmt.Sprintf("alias *%s stands inside the value that &%s names, which would never end", n.Value, n.Value),
		})
		return extent{&Node{Pos: c.pos(n)}, 1, 1}
	}
	c.reuse(e, c.pos(n), depth)
	return e
}

// reuse accounts for one more appearance of a shared node.
func (c *converter) reuse(e extent, pos Pos, depth int) {
	c.l.count(e.size, pos)
	if depth+e.height-1 > c.l.opt.MaxDepth {
		c.l.tooDeep(pos)
	}
}

func (c *converter) build(n *yaml.Node, depth int) (*Node, int) {
	out := &Node{Pos: c.pos(n)}
	tag := ""
	if n.Style&yaml.TaggedStyle != 0 || n.Tag == "!" {
		tag = n.Tag
	}
	if tag == "!include" {
		return c.include(n, out, depth)
	}
	height := 1
	switch n.Kind {
	case yaml.MappingNode:
		out.Kind = Mapping
		height += c.mapping(n, out, depth)
	case yaml.SequenceNode:
		out.Kind = Sequence
		for _, item := range n.Content {
			e := c.convert(item, depth+1)
			out.Items = append(out.Items, e.node)
			height = max(height, 1+e.height)
		}
	default:
		out.Text = n.Value
		out.Quoted = n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
		out.Kind = String
		if !out.Quoted {
			out.Kind = plainKind(n.Value)
		}
	}
	c.tag(tag, out)
	return out, height
}

var tagKinds = map[string]Kind{
	"!!str": String, "!": String, "!!int": Int, "!!float": Float, "!!bool": Bool, "!!null": Null,
	"!!timestamp": Timestamp, "!!map": Mapping, "!!seq": Sequence,
}

// tag applies an explicit tag to a value.
func (c *converter) tag(tag string, n *Node) {
	if tag == "" || tag == "!" && n.Kind >= Mapping {
		return
	}
	want, ok := tagKinds[tag]
	switch {
	case !ok:
		c.l.problem(Problem{
			Pos: n.Pos, ID: IDTag, Text: fmt.Sprintf("unknown tag %s", strings.TrimPrefix(tag, "tag:yaml.org,2002:")),
			Fix: "only !include and the standard tags !!str, !!int, !!float, !!bool, !!null, !!timestamp, !!map and !!seq are read; remove the tag",
		})
	case want == n.Kind:
	case want == String && n.Kind < Mapping:
		n.Kind = String
	case want < String && n.Kind == String && plainKind(n.Text) == want,
		want == Float && plainKind(n.Text) == Int && n.Kind < Mapping:
		n.Kind, n.Quoted = want, false
	default:
		c.l.problem(Problem{Pos: n.Pos, ID: IDTag, Text: fmt.Sprintf("a %s cannot have the tag %s", n.Kind, tag), Fix: "remove the tag"})
	}
}

func (c *converter) include(n *yaml.Node, out *Node, depth int) (*Node, int) {
	if n.Kind != yaml.ScalarNode {
		c.l.problem(Problem{Pos: out.Pos, ID: IDInclude, Text: "!include takes one path, not a " + kindWord(n), Fix: "write one !include for each file"})
		return out, 1
	}
	e := c.l.include(out.Pos, c.t.file, n.Value)
	if e.node == nil {
		return out, 1
	}
	c.l.nodes-- // the tag itself is replaced
	c.reuse(e, out.Pos, depth)
	return e.node, e.height
}

func kindWord(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode {
		return "mapping"
	}
	return "list"
}

// mapping fills out with the keys of n and returns the greatest height below.
func (c *converter) mapping(n *yaml.Node, out *Node, depth int) int {
	keys, merged, height := c.pairs(n, depth)
	out.Keys = c.l.finish(out.Pos, keys, merged, c.root && depth == 1)
	return height
}

// pairs returns the keys of n as laid down by explicit and merge keys, in the
// order of the document. merged is nil or says which came from a merge key.
func (c *converter) pairs(n *yaml.Node, depth int) (keys []Key, merged []bool, height int) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if isMerge(name) {
			if merged == nil {
				merged = make([]bool, len(keys))
			}
			from, h := c.merge(value, depth)
			height = max(height, h)
			for _, k := range from {
				keys, merged = append(keys, k), append(merged, true)
			}
			continue
		}
		k, ok := c.key(name, depth)
		if !ok {
			continue
		}
		e := c.convert(value, depth+1)
		k.Value = e.node
		if implicitNull(value) {
			k.Value.Pos = k.Pos
		}
		height = max(height, e.height)
		keys = append(keys, k)
		if merged != nil {
			merged = append(merged, false)
		}
	}
	return keys, merged, height
}

// implicitNull reports a value that is not there; its place is its key's.
func implicitNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 && n.Anchor == ""
}

func isMerge(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "<<" && (n.Style == 0 || n.Style == yaml.TaggedStyle && n.Tag == "!!merge")
}

func (c *converter) key(n *yaml.Node, depth int) (Key, bool) {
	e := c.convert(n, depth+1)
	if e.node.Kind >= Mapping {
		c.l.problem(Problem{
			Pos: c.pos(n), ID: IDSyntax, Text: "a " + e.node.Kind.String() + " cannot be a key",
			Fix: "quote the key if its brackets or braces are part of a name",
		})
		return Key{}, false
	}
	v := e.node
	k := Key{Name: keyName(v.Kind, v.Text), Written: v.Text, Kind: v.Kind, Quoted: v.Quoted, Pos: c.pos(n)}
	c.l.ambiguous(k)
	return k, true
}

// merge returns the keys that a merge key brings in. Of a list the first
// mapping wins: it is laid down last.
func (c *converter) merge(n *yaml.Node, depth int) ([]Key, int) {
	e := c.convert(n, depth)
	var from []*Node
	switch e.node.Kind {
	case Mapping:
		from = []*Node{e.node}
	case Sequence:
		for i := len(e.node.Items) - 1; i >= 0; i-- {
			from = append(from, e.node.Items[i])
		}
	}
	var keys []Key
	ok := from != nil || e.node.Kind == Sequence
	for _, m := range from {
		ok = ok && m.Kind == Mapping
		c.l.count(len(m.Keys), e.node.Pos)
		if c.l.stopped {
			return nil, 1
		}
		keys = append(keys, m.Keys...)
	}
	if !ok && !c.l.stopped && !c.includeFailed(n) {
		c.l.problem(Problem{
			Pos: c.pos(n), ID: IDMerge, Text: "a merge key (<<) takes a mapping or a list of mappings, not a " + e.node.Kind.String(),
			Fix: "write <<: *anchor, or quote '<<' if it is a name",
		})
	}
	return keys, e.height
}

// includeFailed: the missing file has been reported, its kind says nothing.
func (c *converter) includeFailed(n *yaml.Node) bool {
	return n.Tag == "!include" && len(c.l.problems) > 0 && c.l.problems[len(c.l.problems)-1].Pos == c.pos(n)
}
