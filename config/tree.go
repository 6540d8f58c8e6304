package config

import "strconv"

// Tree returns the options as plain values, for packages that interpret them themselves, such as
// processors: nil, bool, int64, float64, string, []any, map[string]any. Options of processors are
// no secrets and are not resolved.
func (e Entry) Tree() map[string]any {
	out := make(map[string]any, len(e.Options))
	for _, f := range e.Options {
		out[f.Name] = f.Value.tree()
	}
	return out
}

func (v Value) tree() any {
	switch v.Kind {
	case Scalar:
		return v.scalar()
	case List:
		out := make([]any, len(v.List))
		for i, item := range v.List {
			out[i] = item.tree()
		}
		return out
	case Map:
		out := make(map[string]any, len(v.Fields))
		for _, f := range v.Fields {
			out[f.Name] = f.Value.tree()
		}
		return out
	}
	return nil
}

// scalar converts by the type that YAML gives the text.
func (v Value) scalar() any {
	switch v.yaml {
	case "integer":
		if n, err := strconv.ParseInt(v.Text, 0, 64); err == nil {
			return n
		}
	case "float":
		if f, err := strconv.ParseFloat(v.Text, 64); err == nil {
			return f
		}
	case "boolean":
		switch v.Text[0] {
		case 't', 'T', 'y', 'Y':
			return true
		case 'f', 'F', 'n', 'N':
			return false
		default: // on, off
			return len(v.Text) == 2
		}
	}
	return v.Text
}
