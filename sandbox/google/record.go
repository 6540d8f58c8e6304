package google

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A resourceRecordSet is one as the API writes it.
type resourceRecordSet struct {
	Kind             string   `json:"kind,omitempty"`
	Name             string   `json:"name"`
	Type             string   `json:"type"`
	TTL              *int32   `json:"ttl,omitempty"`
	RRdatas          []string `json:"rrdatas,omitempty"`
	SignatureRRdatas []string `json:"signatureRrdatas,omitempty"`
	RoutingPolicy    *policy  `json:"routingPolicy,omitempty"`
}

// A record is a resource record set as it is kept: checked, and its texts in the service's form.
// It never changes.
type record struct {
	name   zone.Name
	typ    zone.Type
	ttl    int32
	text   []string    // in the order they came in
	data   []zone.Data // the same, sorted
	policy *policy
	bytes  int // of all rrdata, in the service's form
}

// types are those that the service holds: https://cloud.google.com/dns/docs/records-overview.
var types = map[string]zone.Type{
	"A": zone.TypeA, "AAAA": zone.TypeAAAA, "ALIAS": zone.TypeALIAS, "CAA": zone.TypeCAA, "CNAME": zone.TypeCNAME,
	"DNSKEY": zone.TypeDNSKEY, "DS": zone.TypeDS, "HTTPS": zone.TypeHTTPS, "IPSECKEY": 45, "MX": zone.TypeMX,
	"NAPTR": zone.TypeNAPTR, "NS": zone.TypeNS, "PTR": zone.TypePTR, "SOA": zone.TypeSOA, "SPF": zone.TypeSPF,
	"SRV": zone.TypeSRV, "SSHFP": zone.TypeSSHFP, "SVCB": zone.TypeSVCB, "TLSA": zone.TypeTLSA, "TXT": zone.TypeTXT,
}

func (r *record) title() string { return fmt.Sprintf("%s (%s)", r.name, r.typ) }

func (r *record) view() resourceRecordSet {
	return resourceRecordSet{Kind: "dns#resourceRecordSet", Name: r.name.String(), Type: r.typ.String(), TTL: &r.ttl, RRdatas: r.text, RoutingPolicy: r.policy}
}

// same says whether a deletion names exactly what there is: "Must match existing data exactly"
// (https://cloud.google.com/dns/docs/reference/rest/v1/changes). Values are compared in canonical
// form, and their order counts (https://github.com/DNSControl/dnscontrol/pull/3011,
// https://github.com/octodns/octodns-googlecloud/pull/70).
func (r *record) same(o *record) bool {
	return r.ttl == o.ttl && slices.Equal(r.text, o.text) && reflect.DeepEqual(r.policy, o.policy)
}

// compare orders sets as lists show them: names from the apex down, types by their letters.
func compare(name zone.Name, typ zone.Type, r *record) int {
	if c := name.Compare(r.name); c != 0 {
		return c
	}
	return cmp.Compare(typ.String(), r.typ.String())
}

// A reader checks sets on their way in.
type reader struct {
	origin zone.Name
	quota  Quota
	all    faults
}

// read checks the form of one set; nil when it has none. The path is that of the request's part.
func (rd *reader) read(path string, in *resourceRecordSet) *record {
	if in == nil {
		rd.all.add(required(path))
		return nil
	}
	before := rd.all.n
	r := &record{typ: types[in.Type], name: rd.owner(path, in.Name)}
	switch {
	case in.Type == "":
		rd.all.add(required(path + ".type"))
	case r.typ == 0:
		rd.all.add(invalid(path+".type", in.Type))
	}
	switch {
	case in.TTL == nil:
		rd.all.add(required(path + ".ttl"))
	case *in.TTL < 0:
		rd.all.add(invalid(path+".ttl", fmt.Sprint(*in.TTL)))
	default:
		r.ttl = *in.TTL
	}
	if rd.all.n != before {
		return nil
	}
	rd.place(path, r)
	switch {
	case in.RoutingPolicy != nil && len(in.RRdatas) > 0:
		rd.all.add(invalid(path+".routingPolicy", "rrdatas and routingPolicy exclude each other"))
	case in.RoutingPolicy != nil:
		r.policy = rd.policy(path+".routingPolicy", r, in.RoutingPolicy)
	default:
		r.text, r.data = rd.values(path+".rrdata", r, in.RRdatas)
	}
	if rd.all.n != before {
		return nil
	}
	return r
}

// owner reads an owner name: absolute, of host letters, "_", "/" and a leading "*".
func (rd *reader) owner(path, text string) zone.Name {
	if text == "" {
		rd.all.add(required(path + ".name"))
		return zone.Root
	}
	name, err := zone.ParseName(text)
	if err != nil || !plainName(text) || !name.In(rd.origin) {
		rd.all.add(invalid(path+".name", text))
		return zone.Root
	}
	return name
}

// plainName says whether a name ends in a dot and has only letters that names of zones and sets may
// have here. Others (escapes, spaces, Unicode) are not documented and refused.
func plainName(text string) bool {
	if !strings.HasSuffix(text, ".") {
		return false
	}
	for i, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '/':
		case c == '*' && i == 0 && text[1] == '.':
		default:
			return false
		}
	}
	return true
}

// place checks what types may be where.
func (rd *reader) place(path string, r *record) {
	apex := r.name == rd.origin
	switch {
	case r.typ == zone.TypeSOA && !apex:
		rd.all.add(refuse(http.StatusBadRequest, "invalidZoneApex", "The resource record set '%s' is invalid because a resource record set of type 'SOA' may only be at the apex of a zone.", path))
	case r.typ == zone.TypeALIAS && !apex:
		rd.all.add(refuse(http.StatusBadRequest, "invalid", "The resource record set '%s' is invalid because a resource record set of type 'ALIAS' may only be at the apex of a zone.", path))
	case r.typ == zone.TypeDS && apex:
		rd.all.add(refuse(http.StatusBadRequest, "invalidZoneApex", "The resource record set '%s' is invalid because a resource record set of type 'DS' may not be at the apex of a zone.", path))
	case r.typ == zone.TypeNS && r.name.IsWildcard():
		rd.all.add(refuse(http.StatusBadRequest, "wildcardNotAllowed", "The resource record set '%s' is invalid because resource record sets of type 'NS' may not have a wildcard DNS name.", path))
	}
}

// single are the types of which a name has one record.
func single(t zone.Type) bool { return t == zone.TypeCNAME || t == zone.TypeSOA || t == zone.TypeALIAS }

// values reads rrdatas and returns them in the service's form, and sorted.
func (rd *reader) values(path string, r *record, in []string) ([]string, []zone.Data) {
	if len(in) == 0 {
		rd.all.add(invalid(path, "<empty>"))
		return nil, nil
	}
	if single(r.typ) && len(in) > 1 {
		rd.all.add(invalid(path, strings.Join(in, ", ")))
		return nil, nil
	}
	switch {
	case r.typ == zone.TypeNS && len(in) > rd.quota.NameserversPerDelegation:
		rd.all.add(exceeded("name servers per delegation"))
		return nil, nil
	case len(in) > rd.quota.ResourceRecordsPerRRset:
		rd.all.add(exceeded("resource records per rrset"))
		return nil, nil
	}
	text, data := make([]string, len(in)), make([]zone.Data, len(in))
	for i, one := range in {
		d, ok := value(r.typ, one)
		if !ok {
			rd.all.add(invalid(fmt.Sprintf("%s[%d]", path, i), one))
			continue
		}
		text[i], data[i] = rdata.Text(r.typ, d), d
		r.bytes += len(text[i])
	}
	slices.Sort(data)
	for i := 1; i < len(data); i++ {
		if data[i] == data[i-1] && data[i] != "" {
			rd.all.add(invalid(path, "duplicate: "+rdata.Text(r.typ, data[i])))
			break
		}
	}
	return text, data
}

func exceeded(what string) *refusal {
	return refuse(http.StatusForbidden, "quotaExceeded", "The change would exceed quota for %s.", what)
}

var elsewhere = zone.MustName("elsewhere.invalid.")

// value reads RDATA as RFC 1035, section 5, has it, all names absolute
// (https://cloud.google.com/dns/docs/reference/json-record).
func value(t zone.Type, text string) (zone.Data, bool) {
	if strings.HasPrefix(strings.TrimSpace(text), `\#`) || strings.ContainsAny(text, "\n\r") {
		return "", false
	}
	text, comment := literal(text)
	if comment && t != zone.TypeTXT && t != zone.TypeSPF {
		return "", false
	}
	d, err := rdata.Parse(t, text, zone.Root)
	if err != nil {
		return "", false
	}
	if _, named := withNames[t]; named {
		// A name that reads otherwise below another origin has no final dot.
		if e, err := rdata.Parse(t, text, elsewhere); err != nil || e != d {
			return "", false
		}
	}
	return d, true
}

// literal escapes semicolons outside of quotes: there are no comments in rrdata. found says whether
// there were any.
func literal(text string) (out string, found bool) {
	if !strings.Contains(text, ";") {
		return text, false
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			b.WriteByte(c)
			i++
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			b.WriteByte('\\')
			found = true
		}
		b.WriteByte(text[i])
	}
	return b.String(), found
}

// withNames are the types whose RDATA holds names.
var withNames = map[zone.Type]struct{}{
	zone.TypeALIAS: {}, zone.TypeCNAME: {}, zone.TypeHTTPS: {}, 45: {}, zone.TypeMX: {}, zone.TypeNAPTR: {},
	zone.TypeNS: {}, zone.TypePTR: {}, zone.TypeSOA: {}, zone.TypeSRV: {}, zone.TypeSVCB: {},
}
