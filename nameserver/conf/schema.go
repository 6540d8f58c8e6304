package conf

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// A form is a piece of a JSON Schema.
type form = map[string]any

// Schema returns the JSON Schema (draft 2020-12) of the configuration file, for editors. It is made
// from the structs that Parse fills.
func Schema() []byte {
	root := formOf(reflect.TypeFor[File]())
	root["$schema"], root["title"] = "https://json-schema.org/draft/2020-12/schema", "zonecast nameserver --config"
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // maps, slices and strings can be written
	}
	return append(b, '\n')
}

func formOf(t reflect.Type) form {
	text := form{"type": "string"}
	switch {
	case t.Kind() == reflect.Pointer:
		return formOf(t.Elem())
	case t == secretType:
		return text
	case t == durationType:
		return form{"type": []string{"string", "integer"}}
	case t == reflect.TypeFor[Size]():
		return form{"type": []string{"string", "integer"}}
	case isText(t):
		return text
	}
	switch t.Kind() {
	case reflect.Struct:
		return structForm(t)
	case reflect.Slice:
		item := formOf(t.Elem())
		return form{"anyOf": []form{item, {"type": "array", "items": item}}}
	case reflect.Map:
		return form{"type": "object", "additionalProperties": formOf(t.Elem())}
	case reflect.Bool:
		return form{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return form{"type": "integer", "minimum": 0}
	}
	return text
}

func isText(t reflect.Type) bool {
	return t == reflect.TypeFor[zone.Name]() || t == reflect.TypeFor[zone.Type]() || t == reflect.TypeFor[Network]() || t == reflect.TypeFor[Grace]()
}

func structForm(t reflect.Type) form {
	properties := form{}
	for _, f := range fields(t) {
		p := formOf(f.Type)
		p["description"] = f.Tag.Get("help")
		properties[f.Tag.Get("key")] = p
	}
	object := form{"type": "object", "properties": properties, "additionalProperties": false}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[scalar]()) {
		return form{"anyOf": []form{{"type": []string{"string", "integer"}}, object}}
	}
	return object
}

// Reference lists all keys in Markdown, for the documentation.
func Reference() []byte {
	var b strings.Builder
	b.WriteString("| key | meaning |\n| --- | --- |\n")
	reference(&b, reflect.TypeFor[File](), "")
	return []byte(b.String())
}

func reference(b *strings.Builder, t reflect.Type, above string) {
	for _, f := range fields(t) {
		key := above + f.Tag.Get("key")
		fmt.Fprintf(b, "| `%s` | %s |\n", key, strings.ReplaceAll(f.Tag.Get("help"), "|", "\\|"))
		in, suffix := f.Type, "."
		for done := false; !done; {
			switch in.Kind() {
			case reflect.Pointer:
				in = in.Elem()
			case reflect.Slice:
				in, suffix = in.Elem(), "[]."
			case reflect.Map:
				in, suffix = in.Elem(), ".NAME."
			default:
				done = true
			}
		}
		if in.Kind() == reflect.Struct && in != secretType && !isText(in) {
			reference(b, in, key+suffix)
		}
	}
}
