package config

import (
	"encoding/json"
	"maps"
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
	root["$defs"] = definitions(form{
		"sources":    entriesOf("type", nativeEntryKeys, true, RoleSource, RoleProvider),
		"providers":  entriesOf("type", nativeEntryKeys, true, RoleProvider),
		"processors": entriesOf("type", nil, true, RoleProcessor),
		"outputs":    entriesOf("type", nil, true, RolePlanOutput),
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
	})
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
	root["$defs"] = definitions(form{
		"manager":    formObject(managerKeys, true),
		"providers":  orNull(entriesOf("class", octoEntryKeys, false, RoleSource, RoleProvider)),
		"processors": orNull(entriesOf("class", nil, false, RoleProcessor)),
		"entries": orNull(form{"type": "object", "additionalProperties": form{
			"type": "object", "properties": form{"class": formText()}, "required": []string{"class"},
		}}),
		"zones": orNull(form{"type": "object", "additionalProperties": formRef("zone"), "propertyNames": form{"pattern": `^(\*|.*\.$)`}}),
		"zone":  anyOfRequired(formObject(octoZoneKeys, true), []string{"sources", "targets"}, []string{"alias"}),
	})
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

// entriesOf describes a section of pluggable entries: what may stand in one depends on its type
// or class.
func entriesOf(word string, common []key[Entry], closed bool, roles ...Role) form {
	kinds := map[string]Entry{}
	for _, c := range table().all {
		if slices.Contains(roles, c.Role) {
			name := c.Name
			if word == "type" {
				name = c.Type
			}
			if _, ok := kinds[name]; !ok {
				kinds[name] = Entry{Class: name, Known: c, Driver: c.Type}
			}
		}
	}
	if slices.Contains(roles, RoleProvider) {
		for _, d := range provider.Drivers() {
			if _, ok := kinds[d.Name]; !ok && word == "type" {
				kinds[d.Name] = Entry{Class: d.Name, Known: Class{Name: d.Name, Type: d.Name, Role: RoleProvider}, Driver: d.Name}
			}
		}
	}
	names := slices.Sorted(maps.Keys(kinds))
	var cases []form
	for _, name := range names {
		e := kinds[name]
		options := e.accepts()
		if e.Known.Type == "yaml-split" {
			options = e.Known.Options
		}
		then := formObject(common, closed && e.hasDriver())
		then["properties"].(form)[word] = true
		var must []string
		for _, o := range options {
			then["properties"].(form)[o.Name] = formOption(o)
			for _, alias := range o.Aliases {
				then["properties"].(form)[alias] = described(formOption(o), "means "+o.Name)
			}
			if o.Required && len(o.Aliases) == 0 {
				must = append(must, o.Name)
			}
		}
		if must != nil {
			then["required"] = must
		}
		cases = append(cases, form{
			"if":   form{"properties": form{word: form{"const": name}}, "required": []string{word}},
			"then": then,
		})
	}
	kind := form{"enum": names}
	if word == "class" { // old spellings are read as well
		kind = form{"anyOf": []form{kind, formText()}}
	}
	entry := form{"type": "object", "properties": form{word: kind}, "required": []string{word}}
	if cases != nil {
		entry["allOf"] = cases
	}
	each := form{"oneOf": []form{entry, {"enum": names}}}
	if word == "class" {
		each = entry
	}
	return form{"type": "object", "additionalProperties": each}
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
