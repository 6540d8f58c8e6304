package processor

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/zonecast/zonecast/finding"
)

// A reader takes options out of a tree and collects what is wrong with them.
type reader struct {
	o    Options
	used map[string]bool
	errs []error
}

func (r *reader) value(name string) (any, bool) {
	r.used[name] = true
	v, ok := r.o[name]
	return v, ok && v != nil
}

func (r *reader) wrong(name, want string, got any) {
	r.errs = append(r.errs, fmt.Errorf("option %s is %v; write %s", name, got, want))
}

func (r *reader) boolean(name string, def bool) bool {
	v, ok := r.value(name)
	if !ok {
		return def
	}
	switch v := v.(type) {
	case bool:
		return v
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			return b
		}
	}
	r.wrong(name, "true or false", v)
	return def
}

func (r *reader) number(name string, def int) int {
	v, ok := r.value(name)
	if !ok {
		return def
	}
	n, ok := wholeNumber(v)
	if !ok {
		r.wrong(name, "a whole number", v)
		return def
	}
	return n
}

func wholeNumber(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case int64:
		return int(v), true
	case float64:
		return int(v), v == float64(int(v))
	case json.Number:
		n, err := strconv.Atoi(v.String())
		return n, err == nil
	case string:
		n, err := strconv.Atoi(v)
		return n, err == nil
	}
	return 0, false
}

func (r *reader) text(name, def string) string {
	v, ok := r.value(name)
	if !ok {
		return def
	}
	if s, ok := scalarText(v); ok {
		return s
	}
	r.wrong(name, "text", v)
	return def
}

// scalarText returns a scalar as Python's str would.
func scalarText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		if v {
			return "True", true
		}
		return "False", true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case json.Number:
		return v.String(), true
	case nil:
		return "None", true
	}
	return "", false
}

// list returns a list of texts; a single scalar is a list of one.
func (r *reader) list(name string, required bool) []string {
	v, ok := r.value(name)
	if !ok {
		if required {
			r.errs = append(r.errs, fmt.Errorf("option %s is missing", name))
		}
		return nil
	}
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		s, ok := scalarText(item)
		if !ok {
			r.wrong(name, "a list of texts", v)
			return nil
		}
		out = append(out, s)
	}
	return out
}

func (r *reader) mapping(name string) map[string]any {
	v, ok := r.value(name)
	if !ok {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		r.wrong(name, "a mapping", v)
	}
	return m
}

// done reports everything that was wrong, options that nobody asked for included.
func (r *reader) done(id string) error {
	for _, name := range slices.Sorted(maps.Keys(r.o)) {
		if r.used[name] {
			continue
		}
		err := fmt.Errorf("option %q is unknown", name)
		if near := finding.Nearest(name, slices.Sorted(maps.Keys(r.used))); near != "" {
			err = fmt.Errorf("option %q is unknown; did you mean %s?", name, near)
		}
		r.errs = append(r.errs, err)
	}
	if len(r.errs) == 0 {
		return nil
	}
	return fmt.Errorf("processor %s: %w", id, errors.Join(r.errs...))
}
