package view

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/zonecast/zonecast/zone"
)

// octoValue is str(value): octoDNS quotes some structured values once more.
func octoValue(t zone.Type, v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return fmt.Sprint(v)
	}
	f := func(k string) string { return fmt.Sprint(m[k]) }
	join := func(keys ...string) string {
		parts := make([]string, len(keys))
		for i, k := range keys {
			parts[i] = f(k)
		}
		return strings.Join(parts, " ")
	}
	switch t {
	case zone.TypeMX:
		return "'" + join("preference", "exchange") + "'"
	case zone.TypeSRV:
		return "'" + join("priority", "weight", "port", "target") + "'"
	case zone.TypeCAA:
		return join("flags", "tag") + ` "` + f("value") + `"`
	case zone.TypeDS:
		return join("key_tag", "algorithm", "digest_type", "digest")
	case zone.TypeSSHFP:
		return "'" + join("algorithm", "fingerprint_type", "fingerprint") + "'"
	case zone.TypeTLSA:
		return "'" + join("certificate_usage", "selector", "matching_type", "certificate_association_data") + "'"
	case zone.TypeNAPTR:
		return fmt.Sprintf("'%s \"%s\" \"%s\" \"%s\" %s'", join("order", "preference"), f("flags"), f("service"), f("regexp"), f("replacement"))
	case zone.TypeURI:
		return "'" + join("priority", "weight") + ` "` + f("target") + `"'`
	case zone.TypeURLFWD:
		return fmt.Sprintf(`"%s" "%s" %s`, f("path"), f("target"), join("code", "masking", "query"))
	case zone.TypeLOC:
		return octoLOC(m)
	case zone.TypeSVCB, zone.TypeHTTPS:
		return octoSVCB(m)
	}
	return pyRepr(v)
}

func octoLOC(m map[string]any) string {
	num := func(k string, digits int) string {
		x, _ := strconv.ParseFloat(fmt.Sprint(m[k]), 64)
		return strconv.FormatFloat(x, 'f', digits, 64)
	}
	return fmt.Sprintf("'%v %v %s %v %v %v %s %v %sm %sm %sm %sm'",
		m["lat_degrees"], m["lat_minutes"], num("lat_seconds", 3), m["lat_direction"],
		m["long_degrees"], m["long_minutes"], num("long_seconds", 3), m["long_direction"],
		num("altitude", 2), num("size", 2), num("precision_horz", 2), num("precision_vert", 2))
}

var svcOrder = []string{"mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"}

func octoSVCB(m map[string]any) string {
	text := fmt.Sprintf("%v %v", m["svcpriority"], m["targetname"])
	params, _ := m["svcparams"].(map[string]any)
	keys := make([]string, 0, len(params))
	for k := range params {
		keys = append(keys, k)
	}
	rank := func(k string) int {
		if i := slices.Index(svcOrder, k); i >= 0 {
			return i
		}
		n, _ := strconv.Atoi(strings.TrimPrefix(k, "key"))
		return n
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b)) })
	for _, k := range keys {
		text += " " + k
		switch v := params[k].(type) {
		case nil:
		case []any:
			parts := make([]string, len(v))
			for i, x := range v {
				parts[i] = fmt.Sprint(x)
			}
			text += "=" + strings.Join(parts, ",")
		default:
			text += fmt.Sprintf("=%v", v)
		}
	}
	return "'" + text + "'"
}

// pyOrder is the order in which octoDNS fills the mappings of dynamic records; Python keeps it.
var pyOrder = []string{"fallback", "values", "value", "weight", "status", "pool", "geos", "subnets"}

// geoRepr prints a legacy geo block: {'EU': 'Geo EU None None ['192.0.2.7']'}.
func geoRepr(geo map[string]any) string {
	codes := make([]string, 0, len(geo))
	for code := range geo {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for i, code := range codes {
		parts := append(strings.Split(code, "-"), "None", "None")
		codes[i] = fmt.Sprintf("%s: 'Geo %s %s'", pyText(code), strings.Join(parts[:3], " "), pyRepr(geo[code]))
	}
	return "{" + strings.Join(codes, ", ") + "}"
}

// pyRepr prints a tree as Python's repr does.
func pyRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		return pyText(v)
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = pyRepr(x)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, func(a, b string) int {
			return cmp.Or(cmp.Compare(slices.Index(pyOrder, a), slices.Index(pyOrder, b)), strings.Compare(a, b))
		})
		for i, k := range keys {
			keys[i] = pyText(k) + ": " + pyRepr(v[k])
		}
		return "{" + strings.Join(keys, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// pyText quotes as Python does: single quotes unless the text has one and no double quote.
func pyText(s string) string {
	q := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = `"`
	}
	s = strings.ReplaceAll(s, `\`, `\\`)
	if q == "'" {
		s = strings.ReplaceAll(s, "'", `\'`)
	}
	return q + s + q
}

// pyJSON writes JSON as Python's json.dumps does: only ASCII, and blanks after commas and colons
// where everything is on one line.
func pyJSON(raw []byte, oneLine bool) []byte {
	out := make([]byte, 0, len(raw)+len(raw)/8)
	quoted := false
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case c == '\\' && quoted:
			out = append(out, c, raw[i+1])
			i += 2
			continue
		case c == '"':
			quoted = !quoted
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(raw[i:])
			for _, u := range utf16.Encode([]rune{r}) {
				out = fmt.Appendf(out, `\u%04x`, u)
			}
			i += n
			continue
		case oneLine && !quoted && (c == ',' || c == ':'):
			out = append(out, c, ' ')
			i++
			continue
		}
		out = append(out, c)
		i++
	}
	return out
}
