package conf

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
)

// A decoder fills structs from a tree, by the names in their `key` tags, and takes down what does
// not fit.
type decoder struct {
	name     string // of the file
	dir      string // what relative references of secrets count from
	env      func(string) (string, bool)
	findings []finding.Finding
	unknown  bool // a secret could not be had
}

var (
	placeType    = reflect.TypeFor[finding.Place]()
	secretType   = reflect.TypeFor[config.Secret]()
	durationType = reflect.TypeFor[time.Duration]()
)

func placeOf(p yaml11.Pos) finding.Place {
	return finding.Place{File: p.File, Line: p.Line, Col: p.Col}
}

func (d *decoder) bad(p yaml11.Pos, fix, format string, args ...any) {
	d.findings = append(d.findings, finding.Finding{
		ID: "nameserver-config", Severity: finding.Error, Place: placeOf(p), Text: fmt.Sprintf(format, args...), Fix: fix,
	})
}

// fill gives v the value of a node. what names it for people.
func (d *decoder) fill(v reflect.Value, n *yaml11.Node, what string) {
	if n.Kind == yaml11.Null {
		return // as if the key were not there
	}
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.fill(v.Elem(), n, what)
	case v.Type() == secretType:
		d.secret(v, n, what)
	case v.Type() == durationType:
		d.duration(v, n, what)
	case v.CanAddr() && v.Addr().Type().Implements(reflect.TypeFor[scalar]()) && n.Kind != yaml11.Mapping:
		d.text(v, n, what)
	case v.Kind() == reflect.Struct && !v.Addr().Type().Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		d.mapping(v, n, what)
	case v.Kind() == reflect.Slice:
		d.list(v, n, what)
	case v.Kind() == reflect.Map:
		d.entries(v, n, what)
	default:
		d.scalar(v, n, what)
	}
}

// A scalar is a struct that may also be written as one word.
type scalar interface{ fromText(text string) error }

func (d *decoder) text(v reflect.Value, n *yaml11.Node, what string) {
	if !plain(n) {
		d.bad(n.Pos, "", "%s is a %s; a text or a mapping is wanted", what, n.Kind)
		return
	}
	if err := v.Addr().Interface().(scalar).fromText(n.Text); err != nil {
		d.bad(n.Pos, "", "%s: %v", what, err)
		return
	}
	setPlace(v, n.Pos)
}

func plain(n *yaml11.Node) bool { return n.Kind != yaml11.Mapping && n.Kind != yaml11.Sequence }

// setPlace takes down where a struct was written, where it wants to know.
func setPlace(v reflect.Value, p yaml11.Pos) {
	if f := v.FieldByName("Place"); f.IsValid() && f.Type() == placeType {
		f.Set(reflect.ValueOf(placeOf(p)))
	}
}

func (d *decoder) mapping(v reflect.Value, n *yaml11.Node, what string) {
	if n.Kind != yaml11.Mapping {
		d.bad(n.Pos, "", "%s is a %s; a mapping is wanted", what, n.Kind)
		return
	}
	setPlace(v, n.Pos)
	keys := map[string]reflect.Value{}
	var names []string
	for _, f := range fields(v.Type()) {
		keys[f.Tag.Get("key")] = v.FieldByIndex(f.Index)
		names = append(names, f.Tag.Get("key"))
	}
	for _, k := range n.Keys {
		field, ok := keys[k.Name]
		if !ok {
			fix := "it knows " + strings.Join(names, ", ")
			if near := finding.Nearest(k.Name, names); near != "" {
				fix = fmt.Sprintf("do you mean %s?", near)
			}
			d.bad(k.Pos, fix, "%s has no key %q", what, k.Name)
			continue
		}
		d.fill(field, k.Value, k.Name)
	}
}

// fields are those of a struct that have keys, embedded ones included.
func fields(t reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool {
		return f.Tag.Get("key") == ""
	})
}

func (d *decoder) list(v reflect.Value, n *yaml11.Node, what string) {
	items := n.Items
	if n.Kind != yaml11.Sequence {
		items = []*yaml11.Node{n} // one needs no list
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if item.Kind == yaml11.Null {
			d.bad(item.Pos, "write a value, or take the line away", "an entry of %s is empty", what)
			continue
		}
		d.fill(out.Index(i), item, "an entry of "+what)
	}
	v.Set(out)
}

func (d *decoder) entries(v reflect.Value, n *yaml11.Node, what string) {
	if n.Kind != yaml11.Mapping {
		d.bad(n.Pos, "", "%s is a %s; a mapping is wanted", what, n.Kind)
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(n.Keys))
	for _, k := range n.Keys {
		e := reflect.New(v.Type().Elem()).Elem()
		setPlace(reflect.Indirect(e), k.Pos)
		d.fill(e, k.Value, fmt.Sprintf("%s: %s", what, k.Name))
		out.SetMapIndex(reflect.ValueOf(k.Name), e)
	}
	v.Set(out)
}

func (d *decoder) secret(v reflect.Value, n *yaml11.Node, what string) {
	if !plain(n) {
		d.bad(n.Pos, "", "%s is a %s; a text is wanted", what, n.Kind)
		return
	}
	s, err := config.Resolve(n.Text, d.dir, d.env)
	if err != nil {
		d.bad(n.Pos, "", "%s: %v", what, err)
		d.unknown = true
		return
	}
	v.Set(reflect.ValueOf(s))
}

func (d *decoder) duration(v reflect.Value, n *yaml11.Node, what string) {
	if n.Kind == yaml11.Int {
		if i, ok := n.Int(); ok && i >= 0 && i < math.MaxInt64/int64(time.Second) {
			v.SetInt(i * int64(time.Second))
			return
		}
	}
	t, err := time.ParseDuration(n.Text)
	if err != nil || t < 0 || !plain(n) {
		d.bad(n.Pos, "write seconds, or a time such as 500ms, 10s, 5m", "%s is no time", what)
		return
	}
	v.SetInt(int64(t))
}

func (d *decoder) scalar(v reflect.Value, n *yaml11.Node, what string) {
	if !plain(n) {
		d.bad(n.Pos, "", "%s is a %s; a single value is wanted", what, n.Kind)
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(n.Text)); err != nil {
			d.bad(n.Pos, "", "%s: %v", what, err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		b, ok := n.Bool()
		if !ok {
			d.bad(n.Pos, "", "%s is %q; true or false is wanted", what, n.Text)
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		i, ok := n.Int()
		if !ok || i < 0 || v.OverflowInt(i) {
			d.bad(n.Pos, "", "%s is %q; a number of 0 or more is wanted", what, n.Text)
			return
		}
		v.SetInt(i)
	case reflect.Float64:
		f, ok := n.Float()
		if !ok {
			d.bad(n.Pos, "", "%s is %q; a number is wanted", what, n.Text)
			return
		}
		v.SetFloat(f)
	case reflect.String:
		v.SetString(n.Text)
	default:
		panic("nameserver/conf: no rule for fields of type " + v.Type().String())
	}
}
