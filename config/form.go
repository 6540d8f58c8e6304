package config

import "maps"

// A form is a fragment of JSON Schema (draft 2020-12).
type form map[string]any

func formText() form { return form{"type": "string"} }

func formBool() form { return form{"type": "boolean"} }

func formInt(low int64) form { return form{"type": "integer", "minimum": low} }

func formShare() form {
	return form{"oneOf": []form{{"type": "number", "minimum": 0}, {"type": "string", "pattern": `^[0-9.]+%$`}}}
}

func formDuration() form {
	return form{"oneOf": []form{{"type": "integer", "minimum": 0}, {"type": "string", "pattern": `^([0-9.]+(ms|s|m|h))+$`}}}
}

func formEnum[T ~string](words ...T) form { return form{"enum": words} }

// formTexts is a list of text, or a single text.
func formTexts() form {
	return form{"oneOf": []form{formText(), {"type": "array", "items": formText()}}}
}

func formRef(name string) form { return form{"$ref": "#/$defs/" + name} }

func formLists() form {
	return form{"type": "object", "additionalProperties": formTexts()}
}

// orNull lets a form be left empty.
func orNull(f form) form { return form{"oneOf": []form{{"type": "null"}, f}} }

// formObject describes a mapping by its table of keys.
func formObject[T any](keys []key[T], closed bool) form {
	properties := form{}
	for _, k := range keys {
		p := maps.Clone(k.form)
		if k.help != "" {
			p["description"] = k.help
		}
		properties[k.name] = p
	}
	f := form{"type": "object", "properties": properties}
	if closed {
		f["additionalProperties"] = false
	}
	return f
}
