package cloudflare

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A form knows how records of one type come in and go out
// (https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/).
type form struct {
	structured bool // has a data object, from which it is made
	priority   bool // needs the priority field
	read       func(in *incoming) (zone.Data, *refusal)
	show       func(r *record) shown
}

type shown struct {
	content  string
	priority *uint16
	data     any
}

// object is a data object as it came in.
type object map[string]json.RawMessage

// formOf returns the form of a type; the zero form's read is nil when Cloudflare has no such type.
func formOf(t zone.Type) form {
	switch t {
	case zone.TypeA, zone.TypeAAAA:
		return form{read: readAddress, show: showAddress}
	case zone.TypeCNAME, zone.TypeNS, zone.TypePTR:
		return form{read: readTarget, show: showTarget}
	case zone.TypeMX:
		return form{priority: true, read: readMX, show: showMX}
	case zone.TypeTXT:
		return form{read: readTXT, show: showText}
	case zone.TypeOPENPGPKEY:
		return form{read: readOpenPGPKey, show: showText}
	case zone.TypeURI:
		return form{structured: true, priority: true, read: readURI, show: showURI}
	case zone.TypeSRV:
		return form{structured: true, read: readSRV, show: showSRV}
	case zone.TypeCAA:
		return form{structured: true, read: readCAA, show: showCAA}
	case zone.TypeNAPTR:
		return form{structured: true, read: readNAPTR, show: showNAPTR}
	case zone.TypeSVCB, zone.TypeHTTPS:
		return form{structured: true, read: readSVCB, show: showSVCB}
	case zone.TypeLOC:
		return form{structured: true, read: readLOC, show: showLOC}
	case zone.TypeDS, zone.TypeDNSKEY, zone.TypeTLSA, zone.TypeSMIMEA, zone.TypeSSHFP, zone.TypeCERT:
		return form{structured: true, read: readKeyed, show: showKeyed}
	}
	return form{show: showText}
}

// number reads an integer of a data object.
func (o object) number(key string, most float64) (float64, *refusal) {
	raw, ok := o[key]
	if !ok || string(raw) == "null" {
		return 0, refuse(9101, "%s is a required data field.", key)
	}
	var f float64
	if json.Unmarshal(raw, &f) != nil || f < 0 || f > most || f != math.Trunc(f) {
		return 0, refuse(9102, "data field %s is out of range or no number.", key)
	}
	return f, nil
}

func (o object) text(key string) (string, *refusal) {
	raw, ok := o[key]
	if !ok || string(raw) == "null" {
		return "", refuse(9101, "%s is a required data field.", key)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", refuse(9102, "data field %s must be text.", key)
	}
	return s, nil
}

// numbers reads several integers up to the given ends.
func (o object) numbers(fields ...any) (map[string]float64, *refusal) {
	m := map[string]float64{}
	for i := 0; i < len(fields); i += 2 {
		key, most := fields[i].(string), fields[i+1].(int)
		f, no := o.number(key, float64(most))
		if no != nil {
			return nil, no
		}
		m[key] = f
	}
	return m, nil
}

func readAddress(in *incoming) (zone.Data, *refusal) {
	a, err := netip.ParseAddr(in.content)
	if in.kind == zone.TypeA {
		if err != nil || !a.Is4() {
			return "", refuse(9005, "Content for A record must be a valid IPv4 address.")
		}
		return rdata.A(a), nil
	}
	if err != nil || !a.Is6() || a.Zone() != "" {
		return "", refuse(9006, "Content for AAAA record must be a valid IPv6 address.")
	}
	return rdata.A(a), nil
}

func showAddress(r *record) shown {
	a, _ := rdata.Addr(r.data)
	return shown{content: a.String()}
}

// target reads a host name; a final dot is allowed and lost.
func target(s string, root bool) (zone.Name, bool) {
	n, err := zone.ParseName(s)
	if err != nil || s == "" || n.IsRoot() && !root || !n.IsRoot() && !hostname(n) {
		return zone.Name{}, false
	}
	return n, true
}

// hostname reports whether the labels hold what Cloudflare lets names be made of.
func hostname(n zone.Name) bool {
	for i := range n.Labels() {
		for _, c := range []byte(n.Label(i)) {
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '*' || c == '/') {
				return false
			}
		}
	}
	return true
}

func readTarget(in *incoming) (zone.Data, *refusal) {
	content := in.content
	if content == "@" {
		content = in.zone.name
	}
	n, ok := target(content, false)
	switch {
	case !ok || isAddress(content):
		return "", refuse(9007, "Content for %s record is invalid.", in.kind)
	case in.kind == zone.TypeCNAME && n == in.name:
		return "", refuse(9039, "Content for CNAME record cannot reference itself.")
	}
	return rdata.Name(n), nil
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(s, "."))
	return err == nil
}

func showTarget(r *record) shown {
	n, _ := rdata.NameOf(r.data)
	return shown{content: undotted(n)}
}

func readMX(in *incoming) (zone.Data, *refusal) {
	n, ok := target(in.content, true)
	if !ok || isAddress(in.content) {
		return "", refuse(9009, "Content for MX record must be a hostname.")
	}
	return packed(rdata.MX{Preference: in.priority, Exchange: n})
}

func showMX(r *record) shown {
	x, _ := rdata.MXOf(r.data)
	return shown{content: undotted(x.Exchange), priority: &x.Preference}
}

// packed builds RDATA from typed values.
func packed(v interface{ Data() (zone.Data, error) }) (zone.Data, *refusal) {
	d, err := v.Data()
	if err != nil {
		return "", refuse(9103, "data is invalid: %v", err)
	}
	return d, nil
}

// parsed builds RDATA from presentation form.
func parsed(t zone.Type, text string) (zone.Data, *refusal) {
	d, err := rdata.Parse(t, text, zone.Root)
	if err != nil {
		return "", refuse(9103, "data is invalid: %v", err)
	}
	return d, nil
}

func showText(r *record) shown { return shown{content: rdata.Text(r.kind, r.data)} }

func readOpenPGPKey(in *incoming) (zone.Data, *refusal) {
	b, err := base64.StdEncoding.DecodeString(in.content)
	if err != nil || len(b) == 0 {
		return "", refuse(9103, "Content for OPENPGPKEY record must be Base64.")
	}
	return zone.Data(b), nil
}

func readURI(in *incoming) (zone.Data, *refusal) {
	w, no := in.data.number("weight", 65535)
	if no != nil {
		return "", no
	}
	t, no := in.data.text("target")
	if no != nil {
		return "", no
	}
	if t == "" {
		return "", refuse(9102, "data field target is empty.")
	}
	return packed(rdata.URI{Priority: in.priority, Weight: uint16(w), Target: t})
}

func showURI(r *record) shown {
	x, _ := rdata.URIOf(r.data)
	return shown{fmt.Sprintf("%d %q", x.Weight, x.Target), &x.Priority, struct {
		Target string `json:"target"`
		Weight uint16 `json:"weight"`
	}{x.Target, x.Weight}}
}

func readSRV(in *incoming) (zone.Data, *refusal) {
	n, no := in.data.numbers("priority", 65535, "weight", 65535, "port", 65535)
	if no != nil {
		return "", no
	}
	t, no := in.data.text("target")
	if no != nil {
		return "", no
	}
	host, ok := target(t, true)
	if !ok {
		return "", refuse(9102, "data field target must be a hostname.")
	}
	return packed(rdata.SRV{Priority: uint16(n["priority"]), Weight: uint16(n["weight"]), Port: uint16(n["port"]), Target: host})
}

func showSRV(r *record) shown {
	x, _ := rdata.SRVOf(r.data)
	host := undotted(x.Target)
	return shown{fmt.Sprintf("%d %d %s", x.Weight, x.Port, host), &x.Priority, struct {
		Port     uint16 `json:"port"`
		Priority uint16 `json:"priority"`
		Target   string `json:"target"`
		Weight   uint16 `json:"weight"`
	}{x.Port, x.Priority, host, x.Weight}}
}

func readCAA(in *incoming) (zone.Data, *refusal) {
	f, no := in.data.number("flags", 255)
	if no != nil {
		return "", no
	}
	tag, no := in.data.text("tag")
	if no != nil {
		return "", no
	}
	value, no := in.data.text("value")
	if no != nil {
		return "", no
	}
	return packed(rdata.CAA{Flags: uint8(f), Tag: tag, Value: value})
}

func showCAA(r *record) shown {
	x, _ := rdata.CAAOf(r.data)
	return shown{rdata.Text(r.kind, r.data), nil, struct {
		Flags uint8  `json:"flags"`
		Tag   string `json:"tag"`
		Value string `json:"value"`
	}{x.Flags, x.Tag, x.Value}}
}

func readNAPTR(in *incoming) (zone.Data, *refusal) {
	n, no := in.data.numbers("order", 65535, "preference", 65535)
	if no != nil {
		return "", no
	}
	var texts [4]string
	for i, key := range []string{"flags", "service", "regex", "replacement"} {
		if texts[i], no = in.data.text(key); no != nil {
			return "", no
		}
	}
	to, ok := target(texts[3], true)
	if !ok && texts[3] != "" {
		return "", refuse(9102, "data field replacement must be a hostname.")
	}
	in.given = texts[3]
	return packed(rdata.NAPTR{
		Order: uint16(n["order"]), Preference: uint16(n["preference"]),
		Flags: texts[0], Service: texts[1], Regexp: texts[2], Replacement: to,
	})
}

func showNAPTR(r *record) shown {
	x, _ := rdata.NAPTROf(r.data)
	return shown{rdata.Text(r.kind, r.data), nil, struct {
		Flags       string `json:"flags"`
		Order       uint16 `json:"order"`
		Preference  uint16 `json:"preference"`
		Regex       string `json:"regex"`
		Replacement string `json:"replacement"`
		Service     string `json:"service"`
	}{x.Flags, x.Order, x.Preference, x.Regexp, r.given, x.Service}}
}

func readSVCB(in *incoming) (zone.Data, *refusal) {
	p, no := in.data.number("priority", 65535)
	if no != nil {
		return "", no
	}
	to, no := in.data.text("target")
	if no != nil {
		return "", no
	}
	value, no := in.data.text("value")
	if no != nil {
		return "", no
	}
	n, ok := target(to, true)
	if !ok {
		return "", refuse(9102, "data field target must be a hostname.")
	}
	return parsed(in.kind, fmt.Sprintf("%d %s %s", int(p), n, value))
}

func showSVCB(r *record) shown {
	x, _ := rdata.SVCBOf(r.data)
	var params []string
	for _, p := range x.Params {
		params = append(params, p.String())
	}
	value, to := strings.Join(params, " "), undotted(x.Target)
	return shown{strings.TrimSpace(fmt.Sprintf("%d %s %s", x.Priority, to, value)), nil, struct {
		Priority uint16 `json:"priority"`
		Target   string `json:"target"`
		Value    string `json:"value"`
	}{x.Priority, to, value}}
}

// keyed are the types that are numbers followed by octets: names of the numbers with their width in
// octets, then the name of the rest and how it is written.
var keyed = map[zone.Type]struct {
	names []string
	width []int
	rest  string
	hex   bool
}{
	zone.TypeDS:     {[]string{"key_tag", "algorithm", "digest_type"}, []int{2, 1, 1}, "digest", true},
	zone.TypeDNSKEY: {[]string{"flags", "protocol", "algorithm"}, []int{2, 1, 1}, "public_key", false},
	zone.TypeTLSA:   {[]string{"usage", "selector", "matching_type"}, []int{1, 1, 1}, "certificate", true},
	zone.TypeSMIMEA: {[]string{"usage", "selector", "matching_type"}, []int{1, 1, 1}, "certificate", true},
	zone.TypeSSHFP:  {[]string{"algorithm", "type"}, []int{1, 1}, "fingerprint", true},
	zone.TypeCERT:   {[]string{"type", "key_tag", "algorithm"}, []int{2, 2, 1}, "certificate", false},
}

func readKeyed(in *incoming) (zone.Data, *refusal) {
	k := keyed[in.kind]
	var b []byte
	for i, name := range k.names {
		n, no := in.data.number(name, float64(int(1)<<(8*k.width[i])-1))
		switch {
		case no != nil:
			return "", no
		case k.width[i] == 2:
			b = binary.BigEndian.AppendUint16(b, uint16(n))
		default:
			b = append(b, byte(n))
		}
	}
	text, no := in.data.text(k.rest)
	if no != nil {
		return "", no
	}
	text = strings.Join(strings.Fields(text), "")
	decode := base64.StdEncoding.DecodeString
	if k.hex {
		decode = hex.DecodeString
	}
	rest, err := decode(text)
	if err != nil || len(rest) == 0 {
		return "", refuse(9102, "data field %s is invalid.", k.rest)
	}
	d, err := rdata.Canonical(in.kind, append(b, rest...))
	if err != nil {
		return "", refuse(9103, "data is invalid: %v", err)
	}
	return d, nil
}

func showKeyed(r *record) shown {
	k, b := keyed[r.kind], []byte(r.data)
	fields, words := map[string]any{}, []string{}
	for i, name := range k.names {
		n := int(b[0])
		if k.width[i] == 2 {
			n = int(binary.BigEndian.Uint16(b))
		}
		b = b[k.width[i]:]
		fields[name], words = n, append(words, fmt.Sprint(n))
	}
	rest := base64.StdEncoding.EncodeToString(b)
	if k.hex {
		rest = hex.EncodeToString(b)
	}
	fields[k.rest] = rest
	return shown{strings.Join(append(words, rest), " "), nil, fields}
}
