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
	text := form{"type": []string{"string", "number"}} // a number is a text, too
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

// sections of the reference, in their order.
var sections = []struct {
	t     reflect.Type
	title string
}{
	{reflect.TypeFor[File](), "The file"},
	{reflect.TypeFor[TLS](), "tls"},
	{reflect.TypeFor[ACME](), "acme"},
	{reflect.TypeFor[RateLimit](), "rate_limit"},
	{reflect.TypeFor[Cookies](), "cookies"},
	{reflect.TypeFor[Limits](), "limits"},
	{reflect.TypeFor[QueryLog](), "query_log"},
	{reflect.TypeFor[DNSTap](), "dnstap"},
	{reflect.TypeFor[Control](), "control"},
	{reflect.TypeFor[ControlClient](), "control clients"},
	{reflect.TypeFor[Key](), "keys"},
	{reflect.TypeFor[Peer](), "peers"},
	{reflect.TypeFor[PeerTLS](), "tls of peers"},
	{reflect.TypeFor[Zone](), "zones"},
	{reflect.TypeFor[Policy](), "defaults"},
	{reflect.TypeFor[Rule](), "rules"},
	{reflect.TypeFor[Grant](), "update"},
	{reflect.TypeFor[Members](), "members"},
	{reflect.TypeFor[Template](), "templates"},
	{reflect.TypeFor[MemberGroup](), "groups of members"},
	{reflect.TypeFor[Produce](), "produce"},
	{reflect.TypeFor[Group](), "groups"},
}

func sectionOf(t reflect.Type) (link string, ok bool) {
	for _, s := range sections {
		if s.t == t {
			return fmt.Sprintf("[%s](#%s)", s.title, strings.ToLower(strings.ReplaceAll(s.title, " ", "-"))), true
		}
	}
	return "", false
}

// Reference lists all keys in Markdown, a section for each part of the file, for the documentation.
func Reference() []byte {
	var b strings.Builder
	for _, s := range sections {
		fmt.Fprintf(&b, "### %s\n\n| key | meaning |\n| --- | --- |\n", s.title)
		for f := range s.t.Fields() {
			link, ok := sectionOf(element(f.Type))
			key := f.Tag.Get("key")
			switch {
			case key != "" && ok:
				fmt.Fprintf(&b, "| `%s` | %s: %s |\n", key, f.Tag.Get("help"), link)
			case key != "":
				fmt.Fprintf(&b, "| `%s` | %s |\n", key, f.Tag.Get("help"))
			case f.Anonymous && ok:
				fmt.Fprintf(&b, "| … | all keys of %s |\n", link)
			}
		}
		b.WriteString("\n")
	}
	return []byte(strings.TrimRight(b.String(), "\n") + "\n")
}

// element is the type behind pointers, lists and maps.
func element(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}
