package yaml11

// flow reads a flow collection that ends on this line.
func (f *fast) flow(depth int) (*Node, bool) {
	if f.deep(depth) {
		return nil, false
	}
	at := f.place(f.pos)
	if f.s[f.pos] == '{' {
		return f.flowMapping(at, depth)
	}
	n := f.node(Sequence, at)
	f.pos++
	for first := true; ; first = false {
		f.skip()
		if f.pos >= f.end {
			return nil, false
		}
		if first && f.s[f.pos] == ']' {
			f.pos++
			return n, true
		}
		item, ok := f.flowValue(depth + 1)
		if !ok {
			return nil, false
		}
		n.Items = append(n.Items, item)
		more, ok := f.separator(']')
		if !ok {
			return nil, false
		}
		if !more {
			return n, true
		}
	}
}

// separator reads a comma or the closing bracket.
func (f *fast) separator(closing byte) (more, ok bool) {
	f.skip()
	if f.pos >= f.end {
		return false, false
	}
	c := f.s[f.pos]
	f.pos++
	return c == ',', c == ',' || c == closing
}

func (f *fast) flowMapping(at Pos, depth int) (*Node, bool) {
	n, base := f.node(Mapping, at), len(f.stack)
	f.pos++
	for more := true; more; {
		f.skip()
		if f.pos >= f.end {
			return nil, false
		}
		if f.s[f.pos] == '}' && len(f.stack) == base {
			f.pos++
			break
		}
		k, ok := f.flowKey()
		if !ok {
			return nil, false
		}
		if k.Value, ok = f.flowValue(depth + 1); !ok {
			return nil, false
		}
		f.stack = append(f.stack, k)
		if more, ok = f.separator('}'); !ok {
			return nil, false
		}
	}
	n.Keys = f.l.finish(at, f.keep(base), nil, false)
	return n, true
}

// flowKey reads a key, its colon and the blank that must follow.
func (f *fast) flowKey() (Key, bool) {
	at := f.pos
	k := Key{Pos: f.place(at), Kind: String}
	if c := f.s[at]; c == '"' || c == '\'' {
		text, ok := f.quoted()
		if !ok {
			return k, false
		}
		k.Written, k.Name, k.Quoted = text, text, true
	} else {
		text, ok := f.flowPlain()
		if !ok || text == "<<" {
			return k, false
		}
		k.Kind = plainKind(text)
		k.Written, k.Name = text, keyName(k.Kind, text)
		f.l.ambiguous(k)
	}
	if f.pos+1 >= f.end || f.s[f.pos] != ':' || f.s[f.pos+1] != ' ' || f.pos-at > longestKey {
		return k, false
	}
	f.pos += 2
	f.skip()
	f.count++
	return k, f.pos < f.end
}

func (f *fast) flowValue(depth int) (*Node, bool) {
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
	text, ok := f.flowPlain()
	if !ok {
		return nil, false
	}
	n := f.node(plainKind(text), at)
	n.Text = text
	return n, true
}

// flowPlain reads a plain scalar up to a comma, a closing bracket or the
// colon of a key. It declines what readers of YAML do not agree upon.
func (f *fast) flowPlain() (string, bool) {
	if !f.plainStart(true) {
		return "", false
	}
	from, i := f.pos, f.pos
scan:
	for ; i < f.end; i++ {
		switch f.s[i] {
		case ',', ']', '}':
			break scan
		case '[', '{', '?', '#':
			return "", false
		case ':':
			if f.blankAt(i + 1) {
				break scan
			}
			if flowMark(f.s[i+1]) {
				return "", false
			}
		}
	}
	if i >= f.end {
		return "", false
	}
	f.pos = i
	for f.s[i-1] == ' ' {
		i--
	}
	return f.s[from:i], true
}
