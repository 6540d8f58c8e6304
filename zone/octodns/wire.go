package octodns

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// encode turns a value in normal form into RDATA. Vendor types, which only zonecast passes
// around, have the canonical JSON of the value as data.
func encode(t zone.Type, v any) (zone.Data, error) {
	switch t {
	case zone.TypeTXT, zone.TypeSPF:
		s, ok := v.(string)
		if !ok {
			return "", errors.New("it is not a text")
		}
		if s = strings.ReplaceAll(s, `\;`, ";"); len(s) > 65000 {
			return "", fmt.Errorf("it has %d octets, and a record holds at most 65000", len(s))
		}
		return textData(s), nil
	}
	if t.Vendor() {
		return zone.Data(canonical(v)), nil
	}
	toks, err := tokens(t, v)
	if err != nil {
		return "", err
	}
	return rdata.ParseTokens(t, toks, zone.Root)
}

func word(s string) rdata.Token { return rdata.Token{Text: s} }

// octets is a quoted string that stands for exactly the octets of s.
func octets(s string) rdata.Token {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return rdata.Token{Text: b.String(), Quoted: true}
}

// tokens writes a value in presentation form.
func tokens(t zone.Type, v any) ([]rdata.Token, error) {
	if s, ok := v.(string); ok {
		switch t {
		case zone.TypeA, zone.TypeAAAA, zone.TypeALIAS, zone.TypeCNAME, zone.TypeDNAME, zone.TypeNS, zone.TypePTR:
			if s == "" {
				return nil, errors.New("it is empty")
			}
			return []rdata.Token{word(s)}, nil
		case zone.TypeOPENPGPKEY:
			return []rdata.Token{word(strings.Join(strings.Fields(s), ""))}, nil
		}
		return rdata.Split(s)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("it is neither text nor mapping")
	}
	var out []rdata.Token
	for _, f := range kinds[t.String()].fields {
		x, ok := m[f]
		if !ok {
			return nil, errors.New(f + " is missing")
		}
		switch x := x.(type) {
		case json.Number:
			out = append(out, locUnit(f, word(string(x))))
		case string:
			switch f {
			case "exchange", "replacement", "targetname", "digest", "fingerprint", "certificate_association_data", "tag", "lat_direction", "long_direction":
				out = append(out, word(x))
			case "target":
				if t == zone.TypeSRV {
					out = append(out, word(x))
				} else {
					out = append(out, octets(x))
				}
			default:
				out = append(out, octets(x))
			}
		case map[string]any:
			params, err := paramTokens(x)
			if err != nil {
				return nil, err
			}
			out = append(out, params...)
		default:
			return nil, errors.New(f + " has no text form")
		}
	}
	return out, nil
}

// locUnit puts the unit behind the lengths of a LOC.
func locUnit(field string, tok rdata.Token) rdata.Token {
	switch field {
	case "altitude", "size", "precision_horz", "precision_vert":
		tok.Text += "m"
	}
	return tok
}

// paramTokens writes SvcParams in the order of their numbers.
func paramTokens(m map[string]any) ([]rdata.Token, error) {
	names := sortedKeys(m)
	rank := func(name string) int {
		if i := slices.Index(svcParams, name); i >= 0 {
			return i
		}
		n, _ := keyN(name)
		return int(n)
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	var line strings.Builder
	for _, name := range names {
		if _, known := keyN(name); !known && !slices.Contains(svcParams, name) {
			return nil, fmt.Errorf("SvcParam %q is unknown", name)
		}
		line.WriteString(name)
		var value string
		switch v := m[name].(type) {
		case nil:
			line.WriteByte(' ')
			continue
		case json.Number:
			value = string(v)
		case string:
			value = v
		case []any:
			items := make([]string, len(v))
			for i, x := range v {
				s, ok := x.(string)
				if !ok {
					return nil, fmt.Errorf("SvcParam %s has an item that is no text", name)
				}
				items[i] = strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(s)
			}
			value = strings.Join(items, ",")
		default:
			return nil, fmt.Errorf("SvcParam %s has no text form", name)
		}
		line.WriteString(`="` + octets(value).Text + `" `)
	}
	return rdata.Split(line.String())
}

// decode turns RDATA into a value in normal form.
func decode(t zone.Type, d zone.Data) (any, error) { return decodeAs(t, d, false) }

// decodeAs is decode; with lossy, octets that are no text are shown as \DDD instead of failing.
func decodeAs(t zone.Type, d zone.Data, lossy bool) (any, error) {
	switch t {
	case zone.TypeA, zone.TypeAAAA:
		if a, ok := netip.AddrFromSlice([]byte(d)); ok && a.Is4() == (t == zone.TypeA) {
			return addressText(a), nil
		}
		return nil, errors.New("address of a wrong length")
	case zone.TypeALIAS, zone.TypeCNAME, zone.TypeDNAME, zone.TypeNS, zone.TypePTR:
		n, size, err := zone.NameFromWire([]byte(d))
		if err == nil && size != len(d) {
			err = errors.New("octets after the name")
		}
		return n.String(), err
	case zone.TypeTXT, zone.TypeSPF:
		return decodeText(d, lossy)
	}
	if t.Vendor() {
		v, ok := parseJSON(string(d))
		if !ok {
			return nil, errors.New("data of a vendor type that is no JSON")
		}
		return v, nil
	}
	shown := rdata.Text(t, d)
	if strings.HasPrefix(shown, `\#`) {
		return nil, errors.New("RDATA without a text form")
	}
	k, ok := kinds[t.String()]
	if !ok {
		return shown, nil
	}
	if k.fields == nil { // OPENPGPKEY
		return strings.Join(strings.Fields(shown), ""), nil
	}
	toks, err := rdata.Split(shown)
	if err != nil {
		return nil, err
	}
	return decodeFields(k.fields, toks, lossy)
}

func decodeFields(fields []string, toks []rdata.Token, lossy bool) (any, error) {
	m := map[string]any{}
	for i, f := range fields {
		if f == "svcparams" {
			params, err := decodeParams(toks[min(i, len(toks)):], lossy)
			if err != nil {
				return nil, err
			}
			m[f] = params
			return m, nil
		}
		if i >= len(toks) {
			return nil, errors.New("RDATA is too short")
		}
		s := toks[i].Text
		switch f {
		case "exchange", "replacement", "targetname", "digest", "fingerprint", "certificate_association_data",
			"lat_direction", "long_direction":
			m[f] = s
		case "lat_seconds", "long_seconds", "altitude", "size", "precision_horz", "precision_vert":
			x, err := strconv.ParseFloat(strings.TrimSuffix(s, "m"), 64)
			if err != nil {
				return nil, fmt.Errorf("%s %q is no number", f, s)
			}
			m[f] = floatNumber(x)
		case "tag", "value", "flags", "service", "regexp", "path":
			if f == "flags" && !toks[i].Quoted {
				m[f] = json.Number(s)
				continue
			}
			u, err := textOf(s, lossy)
			if err != nil {
				return nil, err
			}
			if m[f] = u; f == "flags" { // NAPTR: case does not count (RFC 3403, section 4.1)
				m[f] = strings.ToUpper(u)
			}
		case "target":
			u, err := textOf(s, lossy)
			if err != nil {
				return nil, err
			}
			if m[f] = u; !toks[i].Quoted {
				m[f] = s
			}
		default:
			m[f] = json.Number(s)
		}
	}
	return m, nil
}

// decodeText joins the strings of a TXT and writes its semicolons as octoDNS does.
func decodeText(d zone.Data, lossy bool) (any, error) {
	b := make([]byte, 0, len(d))
	for len(d) > 0 {
		n := int(d[0]) + 1
		if n > len(d) {
			return nil, errors.New("string runs over the end")
		}
		b, d = append(b, d[1:n]...), d[n:]
	}
	s, err := asText(string(b), lossy)
	if err != nil {
		return nil, err
	}
	return strings.ReplaceAll(s, ";", `\;`), nil
}

// textOf undoes the escapes of presentation form.
func textOf(s string, lossy bool) (string, error) {
	if strings.Contains(s, `\`) {
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); i++ {
			if s[i] != '\\' || i+1 == len(s) {
				b = append(b, s[i])
				continue
			}
			i++
			if i+2 < len(s) && s[i] >= '0' && s[i] <= '2' {
				b = append(b, (s[i]-'0')*100+(s[i+1]-'0')*10+s[i+2]-'0')
				i += 2
				continue
			}
			b = append(b, s[i])
		}
		s = string(b)
	}
	return asText(s, lossy)
}

// asText checks that octets are UTF-8; with lossy it writes those that are not ASCII as \DDD.
func asText(s string, lossy bool) (string, error) {
	switch {
	case utf8.ValidString(s):
		return s, nil
	case !lossy:
		return "", errors.New("text is not UTF-8")
	}
	var b strings.Builder
	for i := range len(s) {
		if s[i] < utf8.RuneSelf {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, `\%03d`, s[i])
		}
	}
	return b.String(), nil
}

// paramKey writes keys that octoDNS has no name for, such as dohpath, as keyN.
func paramKey(name string) string {
	if slices.Contains(svcParams, name) {
		return name
	}
	if n, err := rdata.ParamKey(name); err == nil {
		return fmt.Sprintf("key%d", n)
	}
	return name
}

func decodeParams(toks []rdata.Token, lossy bool) (map[string]any, error) {
	m := map[string]any{}
	for _, tok := range toks {
		name, value, has := strings.Cut(tok.Text, "=")
		value = strings.TrimSuffix(strings.TrimPrefix(value, `"`), `"`)
		raw, err := textOf(value, lossy)
		if err != nil {
			return nil, err
		}
		switch name = paramKey(name); name {
		case "mandatory", "alpn", "ipv4hint", "ipv6hint":
			items := splitList(raw)
			for i, item := range items {
				if key, ok := item.(string); ok && name == "mandatory" {
					items[i] = paramKey(key)
				}
			}
			m[name] = items
		case "port":
			m[name] = json.Number(raw)
		case "no-default-alpn":
			m[name] = nil
		default:
			if m[name] = raw; !has {
				m[name] = nil
			}
		}
	}
	return m, nil
}

// splitList cuts a comma-separated list (RFC 9460, appendix A.1).
func splitList(s string) []any {
	var out []any
	var item []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			item = append(item, s[i])
		case s[i] == ',':
			out = append(out, string(item))
			item = nil
		default:
			item = append(item, s[i])
		}
	}
	return append(out, string(item))
}

// dataValues returns the values of all data, sorted.
func dataValues(t zone.Type, data []zone.Data) ([]any, error) {
	values := make([]any, len(data))
	for i, d := range data {
		v, err := decode(t, d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t, err)
		}
		values[i] = v
	}
	sortValues(t.String(), values)
	return values, nil
}

// exactData reads RDATA that Write kept because the values alone do not give it back. It must
// mean the same as the values, so that an edited value is not overruled.
func exactData(t zone.Type, texts []any, values []any) ([]zone.Data, bool) {
	data := make([]zone.Data, 0, len(texts))
	for _, x := range texts {
		s, _ := x.(string)
		d, err := rdata.Parse(t, s, zone.Root)
		if err != nil {
			return nil, false
		}
		data = append(data, d)
	}
	shown, written := shownValues(t, data), slices.Clone(values)
	for _, l := range [][]any{shown, written} {
		for i, v := range l {
			l[i] = loose(v)
		}
		sortValues(t.String(), l)
	}
	return data, slices.EqualFunc(shown, written, func(a, b any) bool { return canonical(a) == canonical(b) })
}

// loose takes out of a text what reading and writing may change.
func loose(v any) any {
	if s, ok := v.(string); ok {
		return strings.NewReplacer(`" "`, "", `\\;`, `\;`).Replace(s)
	}
	return v
}

// shownValues is dataValues that shows octets that are no text in some way.
func shownValues(t zone.Type, data []zone.Data) []any {
	values := make([]any, len(data))
	for i, d := range data {
		v, err := decodeAs(t, d, true)
		if err != nil {
			v = rdata.Text(t, d)
		}
		values[i] = v
	}
	sortValues(t.String(), values)
	return values
}
