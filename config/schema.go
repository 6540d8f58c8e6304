package config

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"

	"github.com/zonecast/zonecast/provider"
)

const dialect = "https://json-schema.org/draft/2020-12/schema"

// Schema returns the JSON Schema (draft 2020-12) of zonecast.yaml, for editors. It is made from
// the tables that Load reads by and from the options of the drivers that are registered.
func Schema() []byte {
	root := formObject(nativeKeys, true)
	root["patternProperties"] = form{"^x-": form{"description": "anchors to be used elsewhere"}}
	root["required"] = []string{"zones"}
	root["$schema"], root["title"] = dialect, "zonecast.yaml"
	defs := definitions(form{
		"zones": form{"oneOf": []form{
			{"type": "array", "items": formText()},
			{"type": "object", "additionalProperties": orNull(formRef("zone"))},
		}},
		"zone":      formObject(nativeZoneKeys, true),
		"defaults":  formObject(defaultKeys, true),
		"verify":    formObject(verifyKeys, true),
		"silence":   required(formObject(silenceKeys, true), "finding", "reason"),
		"guards":    formObject(guardKeys, true),
		"ttlPolicy": formObject(ttlKeys, true),
		"ttlBound":  form{"oneOf": []form{formInt(0), formObject(boundKeys, true)}},
		"account":   formObject(nativeEntryKeys, false),
	})
	w := entryForms{word: "type", closed: true, defs: defs}
	defs["sources"] = w.section(nativeEntryKeys, RoleSource, RoleProvider)
	defs["providers"] = w.section(nativeEntryKeys, RoleProvider)
	defs["processors"] = w.section(nil, RoleProcessor)
	defs["outputs"] = w.section(nil, RolePlanOutput)
	root["$defs"] = defs
	return encode(root)
}

// OctoDNSSchema returns the JSON Schema of octoDNS's files: of kind "config", the main
// configuration, or "zone", a zone file; nil for any other kind.
func OctoDNSSchema(kind string) []byte {
	switch kind {
	case "zone":
		return encode(zoneSchema())
	case "config":
	default:
		return nil
	}
	root := formObject(octoKeys, false) // other keys park anchors
	root["required"] = []string{"providers", "zones"}
	root["$schema"], root["title"] = dialect, "octoDNS configuration"
	root["properties"].(form)["providers"] = described(formRef("providers"), "sources and targets by id")
	root["properties"].(form)["processors"] = described(formRef("processors"), "processors by id")
	defs := definitions(form{
		"manager": formObject(managerKeys, true),
		"account": formObject(octoEntryKeys, false),
		"entries": orNull(form{"type": "object", "additionalProperties": form{
			"type": "object", "properties": form{"class": formText()}, "required": []string{"class"},
		}}),
		"zones": orNull(form{"type": "object", "additionalProperties": formRef("zone"), "propertyNames": form{"pattern": `^(\*|.*\.$)`}}),
		"zone":  anyOfRequired(formObject(octoZoneKeys, true), []string{"sources", "targets"}, []string{"alias"}),
	})
	w := entryForms{word: "class", defs: defs}
	defs["providers"] = orNull(w.section(octoEntryKeys, RoleSource, RoleProvider))
	defs["processors"] = orNull(w.section(nil, RoleProcessor))
	root["$defs"] = defs
	return encode(root)
}

// definitions adds what both languages share.
func definitions(f form) form {
	maps.Copy(f, form{
		"reference": form{
			"type": "string", "pattern": "^[^/]+/", "description": "env/NAME, env/NAME/default, file/PATH, exec/COMMAND or cred/NAME",
		},
		"autoArpa":    formObject(autoArpaKeys, true),
		"validators":  formObject(validatorKeys, true),
		"recordRules": formObject(recordRuleKeys, true),
		"zoneRules":   formObject(zoneRuleKeys, true),
		"disabledRules": form{"type": "object", "additionalProperties": false, "properties": form{
			"record": form{"type": "object", "additionalProperties": false, "properties": form{"disable_validators": formLists()}},
			"zone":   form{"type": "object", "additionalProperties": false, "properties": form{"disable_validators": formTexts()}},
		}},
	})
	return f
}

func required(f form, names ...string) form {
	f["required"] = names
	return f
}

func described(f form, text string) form {
	f["description"] = text
	return f
}

func anyOfRequired(f form, sets ...[]string) form {
	var any []form
	for _, s := range sets {
		any = append(any, form{"required": s})
	}
	f["anyOf"] = any
	return f
}

// entryForms describes sections of pluggable entries: what may stand in one depends on its type
// or class, each of which has a definition of its own.
type entryForms struct {
	word   string // "type" or "class"
	closed bool   // options that are not known are errors where there is a driver
	defs   form
}

// kinds are the types or classes of a section.
func (w entryForms) kinds(roles []Role) map[string]Entry {
	out := map[string]Entry{}
	add := func(name string, c Class) {
		if _, ok := out[name]; !ok && slices.Contains(roles, c.Role) {
			out[name] = Entry{Class: c.Name, Known: c, Driver: c.Type}
		}
	}
	for _, c := range table().all {
		if w.word == "type" {
			add(c.Type, c)
		} else {
			add(c.Name, c)
		}
	}
	for _, d := range provider.Drivers() { // of third parties too
		if w.word == "type" {
			add(d.Name, Class{Name: d.Name, Type: d.Name, Role: RoleProvider})
		}
	}
	return out
}

// section describes a mapping from ids to entries.
func (w entryForms) section(common []key[Entry], roles ...Role) form {
	kinds := w.kinds(roles)
	names := slices.Sorted(maps.Keys(kinds))
	var cases []form
	for _, name := range names {
		def := string(kinds[name].Known.Role) + " " + name
		if w.defs[def] == nil {
			w.defs[def] = w.entry(kinds[name], common)
		}
		cases = append(cases, form{
			"if":   form{"properties": form{w.word: form{"const": name}}, "required": []string{w.word}},
			"then": formRef(url.PathEscape(def)),
		})
	}
	kind := form{"enum": names}
	if w.word == "class" { // old spellings are read as well
		kind = form{"anyOf": []form{kind, formText()}}
	}
	each := form{"type": "object", "properties": form{w.word: kind}, "required": []string{w.word}, "allOf": cases}
	if w.word == "type" {
		each = form{"oneOf": []form{each, {"enum": names}}}
	}
	return form{"type": "object", "additionalProperties": each}
}

// entry describes an entry of one type or class.
func (w entryForms) entry(e Entry, common []key[Entry]) form {
	options := e.accepts()
	if e.Known.Type == "yaml-split" {
		options = e.Known.Options
	}
	properties := form{w.word: true}
	for _, k := range common {
		properties[k.name] = formRef("account/properties/" + k.name)
	}
	var must []string
	for _, o := range options {
		properties[o.Name] = formOption(o)
		for _, alias := range o.Aliases {
			properties[alias] = described(formOption(o), "means "+o.Name)
		}
		if o.Required && len(o.Aliases) == 0 {
			must = append(must, o.Name)
		}
	}
	f := form{"properties": properties}
	if w.closed && (e.hasDriver() || e.Known.Role == RoleProcessor) {
		f["additionalProperties"] = false
	}
	if must != nil {
		f["required"] = must
	}
	return f
}

// formOption describes the value of an option; any scalar may be a reference.
func formOption(o provider.Option) form {
	reference := formRef("reference")
	var f form
	switch o.Kind {
	case provider.Int:
		f = form{"anyOf": []form{{"type": "integer"}, reference}}
	case provider.Float:
		f = form{"anyOf": []form{{"type": "number"}, reference}}
	case provider.Bool:
		f = form{"anyOf": []form{{"type": "boolean"}, reference}}
	case provider.List:
		f = form{"anyOf": []form{{"type": "array"}, {"type": []string{"string", "number"}}}}
	case provider.Map:
		f = form{"type": "object"}
	default:
		f = form{"type": []string{"string", "number", "boolean", "null"}}
	}
	text := o.Help
	if o.Ignored != "" {
		text = "no effect: " + o.Ignored
	}
	if o.Default != "" {
		text += " (default " + o.Default + ")"
	}
	if text != "" {
		f["description"] = text
	}
	return f
}

// encode writes a schema. Forms hold only what JSON can, so that it cannot go wrong.
func encode(f form) []byte {
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		panic("config: schema: " + err.Error())
	}
	return append(b, '\n')
}
