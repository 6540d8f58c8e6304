package config

// zoneSchema describes a zone file of octoDNS: names to one record or a list of records.
func zoneSchema() form {
	records := form{"oneOf": []form{formRef("record"), {"type": "array", "items": formRef("record")}}}
	properties := form{
		"$ORIGIN": described(formText(), "the zone, for people who come from zone files"),
		"$TTL":    described(number(0), "TTL of records that have none, in seconds"),
	}
	return form{
		"$schema": dialect, "title": "octoDNS zone file", "type": []string{"object", "null"},
		"properties": properties, "additionalProperties": records,
		"$defs": form{
			"record": recordSchema(), "octodns": metadataSchema(), "dynamic": dynamicSchema(),
			"number": number(0), "text": formText(),
		},
	}
}

// number is an integer, or the same as text.
func number(low int64) form {
	return form{"anyOf": []form{formInt(low), {"type": "string", "pattern": "^[0-9]+$"}}}
}

func oneOrMore(f form) form {
	return form{"oneOf": []form{f, {"type": "array", "items": f}}}
}

// fields describes a value that is a mapping; names that end in * are required, in # numbers.
func fields(names ...string) form {
	properties, must := form{}, []string{}
	for _, n := range names {
		f, numeric, need := formText(), false, false
		for len(n) > 0 && (n[len(n)-1] == '*' || n[len(n)-1] == '#') {
			numeric, need = numeric || n[len(n)-1] == '#', need || n[len(n)-1] == '*'
			n = n[:len(n)-1]
		}
		if numeric {
			f = formRef("number")
		}
		properties[n] = f
		if need {
			must = append(must, n)
		}
	}
	return form{"type": "object", "properties": properties, "required": must}
}

// valueForms are the values of each type (octoDNS documentation, "Records").
func valueForms() []struct {
	types []string
	value form
} {
	text := form{"type": "string"}
	measure := form{"anyOf": []form{{"type": "number"}, {"type": "string"}}}
	loc := fields("lat_direction*", "long_direction*")
	for _, n := range []string{
		"lat_degrees", "lat_minutes", "lat_seconds", "long_degrees", "long_minutes", "long_seconds",
		"altitude", "size", "precision_horz", "precision_vert",
	} {
		loc["properties"].(form)[n] = measure
	}
	svcb := fields("svcpriority#*", "targetname*")
	svcb["properties"].(form)["svcparams"] = form{"type": "object"}
	mx := fields("preference#", "priority#", "exchange", "value")
	mx["anyOf"] = []form{{"required": []string{"preference"}}, {"required": []string{"priority"}}}
	ds := fields("key_tag#", "algorithm#*", "digest_type#", "digest", "flags#", "protocol#", "public_key")
	return []struct {
		types []string
		value form
	}{
		{[]string{"A", "AAAA", "NS", "PTR", "TXT", "SPF", "OPENPGPKEY", "ALIAS", "CNAME", "DNAME"}, text},
		{[]string{"CAA"}, fields("flags#", "tag*", "value*")},
		{[]string{"DS"}, ds},
		{[]string{"HTTPS", "SVCB"}, svcb},
		{[]string{"LOC"}, loc},
		{[]string{"MX"}, mx},
		{[]string{"NAPTR"}, fields("order#*", "preference#*", "flags*", "service*", "regexp*", "replacement*")},
		{[]string{"SRV"}, fields("priority#*", "weight#*", "port#*", "target*")},
		{[]string{"SSHFP"}, fields("algorithm#*", "fingerprint_type#*", "fingerprint*")},
		{[]string{"TLSA"}, fields("certificate_usage#*", "selector#*", "matching_type#*", "certificate_association_data*")},
		{[]string{"URI"}, fields("priority#*", "weight#*", "target*")},
		{[]string{"URLFWD"}, fields("path*", "target*", "code#*", "masking#*", "query#*")},
	}
}

// recordSchema describes one record. Per-provider values stand under the provider's id, so
// unknown keys that hold mappings are let pass.
func recordSchema() form {
	var names []any
	var cases []form
	for _, v := range valueForms() {
		for _, t := range v.types {
			names = append(names, t)
		}
		value := oneOrMore(v.value)
		then := form{"properties": form{"value": value, "values": value}}
		switch v.types[0] {
		case "A":
			then["anyOf"] = []form{{"required": []string{"value"}}, {"required": []string{"values"}}, {"required": []string{"dynamic"}}, {"required": []string{"geo"}}}
		default:
			then["anyOf"] = []form{{"required": []string{"value"}}, {"required": []string{"values"}}}
		}
		cases = append(cases, form{
			"if":   form{"properties": form{"type": form{"enum": v.types}}, "required": []string{"type"}},
			"then": then,
		})
	}
	return form{
		"type": "object", "required": []string{"type"},
		"properties": form{
			"type":    form{"anyOf": []form{{"enum": names}, {"type": "string", "pattern": "^[^/]+/[^/]+$"}}},
			"ttl":     described(form{"anyOf": []form{{"type": "number", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+$"}}}, "seconds"),
			"value":   true,
			"values":  true,
			"octodns": orNull(formRef("octodns")),
			"dynamic": formRef("dynamic"),
			"geo":     form{"type": "object", "additionalProperties": form{"type": "array", "items": formText()}},
		},
		"additionalProperties": form{"type": []string{"object", "null"}, "description": "the record that the provider of this id holds instead"},
		"allOf":                cases,
	}
}

// metadataSchema describes `octodns:`. Keys of other packages are kept, so it is open.
func metadataSchema() form {
	ids := form{"type": "array", "items": formText(), "minItems": 1}
	return form{
		"type": "object",
		"properties": form{
			"lenient":            described(formBool(), "rule violations of this record are warnings"),
			"ignored":            described(formBool(), "never create, update or delete this record"),
			"excluded":           described(form{"type": "array", "items": formText()}, "targets that do not manage it"),
			"included":           described(ids, "the only targets that manage it"),
			"auto_arpa_priority": form{"type": "integer"},
			"healthcheck": form{"type": "object", "properties": form{
				"protocol": formEnum("HTTP", "HTTPS", "ICMP", "TCP", "UDP"),
				"host":     form{"type": []string{"string", "null"}},
				"path":     formText(), "port": formInt(0),
			}},
			"cloudflare": form{"type": "object", "properties": form{
				"proxied": formBool(), "auto-ttl": formBool(), "comment": formText(), "region": formText(),
				"tags": form{"type": "array", "items": formText()}, "values": form{"type": "array", "items": form{"type": "object"}},
			}},
			"route53": form{"type": "object"}, "ns1": form{"type": "object"}, "azuredns": form{"type": "object"},
		},
	}
}

func dynamicSchema() form {
	pool := form{
		"type": "object", "required": []string{"values"},
		"properties": form{
			"fallback": orNull(formText()),
			"values": oneOrMore(form{
				"type": "object", "required": []string{"value"},
				"properties": form{
					"value": formText(), "weight": number(1), "status": formEnum("up", "down", "obey"),
					"health_check": form{"type": "object"},
				},
			}),
		},
	}
	rule := form{
		"type": "object", "required": []string{"pool"},
		"properties": form{
			"pool": formText(), "geos": form{"type": "array", "items": formText()}, "subnets": form{"type": "array", "items": formText()},
		},
	}
	return form{
		"type": "object", "required": []string{"pools", "rules"},
		"properties": form{
			"pools": form{"type": "object", "additionalProperties": pool},
			"rules": form{"type": "array", "items": rule, "minItems": 1},
		},
	}
}
