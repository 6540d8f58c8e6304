package yaml11

import (
	"regexp"
	"slices"
	"strings"
)

// supplied returns an entry with a copy of what each alias meant in place of
// those whose anchors are gone or mean something else now. The first copy of
// an anchor that is gone takes its name, so that others can go on using it.
func (r *resolver) supplied(text string, uses []use) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	local := map[string]string{}
	type copying struct {
		use
		anchor string
	}
	var todo []copying
	for _, u := range uses {
		canon := r.d.canon(u.value, false)
		have, ok := local[u.name]
		if !ok {
			have, ok = r.scene.names[u.name]
		}
		if ok && have == canon {
			continue
		}
		c := copying{use: u}
		if !ok {
			c.anchor, local[u.name] = "&"+u.name, canon
		}
		todo = append(todo, c)
	}
	for _, c := range slices.Backward(todo) {
		if c.line < 0 || c.line >= len(lines) || !strings.HasPrefix(lines[c.line][min(c.offset, len(lines[c.line])):], "*"+c.name) {
			continue // the caller compares the meanings
		}
		pre, post := lines[c.line][:c.offset], lines[c.line][c.offset+1+len(c.name):]
		lines = slices.Concat(lines[:c.line], r.d.copied(pre, post, c.anchor, c.value), lines[c.line+1:])
	}
	return strings.Join(lines, "\n") + "\n"
}

// beforeValue is what stands before a value in block style.
var beforeValue = regexp.MustCompile(`^( *(?:- +)*)(?:[^ #&*!{\['"-][^:#{\[]*|'[^']*'|"[^"]*"): +$`)

// copied returns a line with the value in place of an alias that stood
// between pre and post; in block style where it stands alone.
func (d *Doc) copied(pre, post, anchor string, value *Node) []string {
	blank := strings.TrimLeft(post, " ")
	if inList := strings.Trim(pre, " -") == "" && strings.HasSuffix(pre, "- "); inList && blank == "" && len(value.Keys) > 0 {
		lines := blockText(value, len(pre), d.fileStyle())
		if anchor == "" {
			lines[0] = pre + lines[0][len(pre):]
			return lines
		}
		return append([]string{pre + anchor}, lines...)
	}
	m := beforeValue.FindStringSubmatch(pre)
	inBlock := m != nil && (blank == "" || blank[0] == '#') && (len(value.Keys) > 0 || len(value.Items) > 0)
	if !inBlock {
		text := flowText(value)
		if anchor != "" {
			text = anchor + " " + text
		}
		return []string{pre + text + post}
	}
	head := pre + anchor + post
	if anchor == "" {
		head = strings.TrimRight(pre, " ") + post
	}
	st := d.fileStyle()
	col := len(m[1]) + st.step
	if value.Kind == Sequence {
		col = len(m[1]) + st.list
	}
	return append([]string{strings.TrimRight(head, " ")}, blockText(value, col, st)...)
}

// written returns an entry in block style.
func (d *Doc) written(name string, value *Node) string {
	if len(value.Keys) == 0 && len(value.Items) == 0 {
		return Quote(name) + ": " + flowText(value) + "\n"
	}
	col := writtenStyle.step
	if value.Kind == Sequence {
		col = writtenStyle.list
	}
	return Quote(name) + ":\n" + strings.Join(blockText(value, col, writtenStyle), "\n") + "\n"
}

// blockText returns the lines of a mapping or list that is not empty.
func blockText(n *Node, col int, st style) []string {
	var out []string
	pad := strings.Repeat(" ", col)
	below := func(head string, v *Node, step, list int) {
		switch {
		case len(v.Keys) > 0:
			out = append(append(out, head), blockText(v, col+step, st)...)
		case len(v.Items) > 0:
			out = append(append(out, head), blockText(v, col+list, st)...)
		default:
			out = append(out, head+" "+flowText(v))
		}
	}
	for _, k := range n.Keys {
		below(pad+Quote(k.Name)+":", k.Value, st.step, st.list)
	}
	for _, it := range n.Items {
		from := len(out)
		below(pad+"-", it, st.dash, st.dash)
		if len(it.Keys) > 0 { // the first key goes beside the dash
			out[from+1] = pad + "-" + out[from+1][col+1:]
			out = slices.Delete(out, from, from+1)
		}
	}
	return out
}

// flowText returns a value on one line.
func flowText(n *Node) string {
	switch n.Kind {
	case Mapping:
		var parts []string
		for _, k := range n.Keys {
			parts = append(parts, flowScalar(k.Name)+": "+flowText(k.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case Sequence:
		var parts []string
		for _, it := range n.Items {
			parts = append(parts, flowText(it))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case String:
		return flowScalar(n.Text)
	case Null:
		return "null"
	}
	return n.Text
}

// flowScalar quotes what has a meaning inside brackets.
func flowScalar(s string) string {
	q := Quote(s)
	if q == s && strings.ContainsAny(s, ",[]{}:?") {
		return "'" + s + "'"
	}
	return q
}
