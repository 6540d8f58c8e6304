package yaml11

import "strings"

// longestFlow is how long a line in flow style may become.
const longestFlow = 120

// inFlow writes a new mapping or list on one line, as the old one was, and
// reports whether it did.
func (m *merger) inFlow(old, new *item, seq bool) bool {
	value := strings.TrimLeft(strings.TrimPrefix(old.head, "-"), " ")
	if !seq {
		_, value, _ = cutKey(old.head)
	}
	if value == "" || value[0] != '[' && value[0] != '{' {
		return false
	}
	was, now := m.node(old), m.node(new)
	if was == nil || now == nil {
		return false
	}
	if seq {
		was, now = was.Items[0], now.Items[0]
	} else {
		was, now = was.Keys[0].Value, now.Keys[0].Value
	}
	if was.Kind != now.Kind {
		return false
	}
	head := old.head[:len(old.head)-len(value)] + flowText(inOrder(was, now)) + comment(value)
	if len(head) > max(longestFlow, len(old.head)) {
		return false
	}
	new.head, new.kids = head, nil
	return true
}

// inOrder returns now with those keys first that was has, in its order.
func inOrder(was, now *Node) *Node {
	if was.Kind != Mapping || now.Kind != Mapping {
		return now
	}
	out := *now
	out.Keys = nil
	for _, k := range was.Keys {
		if v := now.Get(k.Name); v != nil {
			k.Value = inOrder(k.Value, v)
			out.Keys = append(out.Keys, k)
		}
	}
	for _, k := range now.Keys {
		if was.Get(k.Name) == nil {
			out.Keys = append(out.Keys, k)
		}
	}
	return &out
}

// inherit takes over the comment and the anchor of the value that it replaces.
func (it *item) inherit(old *item, seq bool) {
	cut := func(head string) (key, anchor, value string, ok bool) {
		if seq {
			value = strings.TrimLeft(strings.TrimPrefix(head, "-"), " ")
		} else if _, value, ok = cutKey(head); !ok {
			return "", "", "", false
		}
		key = head[:len(head)-len(value)]
		anchor, value = cutAnchor(value)
		return key, anchor, value, true
	}
	_, anchor, was, ok := cut(old.head)
	key, _, value, ok2 := cut(it.head)
	if !ok || !ok2 || value == "" {
		return
	}
	if anchor != "" {
		value = anchor + " " + value
	}
	it.head = key + value + comment(was)
}

// comment returns the comment that ends a value, with the blanks before it.
func comment(value string) string {
	if value == "" {
		return ""
	}
	f := fast{l: newLoader("", Options{}), s: value, end: len(value)}
	switch value[0] {
	case '#':
	case '*':
		f.pos = len(value)
		if i := strings.IndexByte(value, ' '); i >= 0 {
			f.pos = i
		}
	default:
		if _, ok := f.scalarOrFlow(1); !ok {
			return ""
		}
	}
	return strings.TrimRight(value[f.pos:], " ")
}

// inFlowToo writes a new item of a list on one line if the others are.
func (m *merger) inFlowToo(old *block, n *item) {
	like := old.items[0]
	if n.kids == nil || like.kids != nil || len(like.rest) > 0 {
		return
	}
	bare := *like
	bare.head = strings.TrimSuffix(like.head, comment(strings.TrimLeft(like.head[1:], " ")))
	m.inFlow(&bare, n, true)
}
