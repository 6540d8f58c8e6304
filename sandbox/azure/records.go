package azure

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Limits of values. https://learn.microsoft.com/en-us/azure/dns/dns-zones-records and
// https://learn.microsoft.com/en-us/azure/dns/dns-faq#what-are-the-usage-limits-for-azure-dns-
const (
	maxTTL     = 1<<31 - 1
	maxRecords = 20   // of a record set
	maxString  = 255  // octets of one string of a TXT record
	maxText    = 4096 // characters of all TXT records of a set together
)

// types are the record types of API version 2018-05-01, as paths write them.
var types = map[string]zone.Type{
	"A": zone.TypeA, "AAAA": zone.TypeAAAA, "CAA": zone.TypeCAA, "CNAME": zone.TypeCNAME, "MX": zone.TypeMX,
	"NS": zone.TypeNS, "PTR": zone.TypePTR, "SOA": zone.TypeSOA, "SRV": zone.TypeSRV, "TXT": zone.TypeTXT,
}

// only returns the one list of rs that belongs to type t, and refuses when there is another.
func (rs records) only(t string) (records, *refusal) {
	var out records
	left := rs
	switch t {
	case "A":
		out.A, left.A = rs.A, nil
	case "AAAA":
		out.AAAA, left.AAAA = rs.AAAA, nil
	case "CAA":
		out.CAA, left.CAA = rs.CAA, nil
	case "CNAME":
		out.CNAME, left.CNAME = rs.CNAME, nil
	case "MX":
		out.MX, left.MX = rs.MX, nil
	case "NS":
		out.NS, left.NS = rs.NS, nil
	case "PTR":
		out.PTR, left.PTR = rs.PTR, nil
	case "SOA":
		out.SOA, left.SOA = rs.SOA, nil
	case "SRV":
		out.SRV, left.SRV = rs.SRV, nil
	case "TXT":
		out.TXT, left.TXT = rs.TXT, nil
	}
	if left.sent() {
		return records{}, badRequest("The record set of type '%s' may not contain records of another type.", t)
	}
	return out, nil
}

// sent reports whether any list was in the request, an empty one too.
func (rs records) sent() bool {
	return rs.A != nil || rs.AAAA != nil || rs.CAA != nil || rs.CNAME != nil || rs.MX != nil || rs.NS != nil ||
		rs.PTR != nil || rs.SOA != nil || rs.SRV != nil || rs.TXT != nil
}

// filled is rs with an empty list instead of none, as a record set without records shows itself.
func (rs records) filled(t string) records {
	switch {
	case rs.sent():
	case t == "A":
		rs.A = []aRecord{}
	case t == "AAAA":
		rs.AAAA = []aaaaRecord{}
	case t == "CAA":
		rs.CAA = []caaRecord{}
	case t == "MX":
		rs.MX = []mxRecord{}
	case t == "NS":
		rs.NS = []nsRecord{}
	case t == "PTR":
		rs.PTR = []ptrRecord{}
	case t == "SRV":
		rs.SRV = []srvRecord{}
	case t == "TXT":
		rs.TXT = []txtRecord{}
	}
	return rs
}

// data checks the records and returns their RDATA, not sorted.
func (rs records) data(t string) ([]zone.Data, *refusal) {
	var out []zone.Data
	add := func(d zone.Data, f *refusal) *refusal {
		if f != nil {
			return f
		}
		if slices.Contains(out, d) {
			return badRequest("The list of record sets of type '%s' may not contain multiple entries with the same '%s'.", t, keyField[t])
		}
		out = append(out, d)
		return nil
	}
	n := max(len(rs.A), len(rs.AAAA), len(rs.CAA), len(rs.MX), len(rs.NS), len(rs.PTR), len(rs.SRV), len(rs.TXT))
	if n > maxRecords {
		return nil, badRequest("The number of records in the record set, %d, exceeds the maximum of %d.", n, maxRecords)
	}
	var f *refusal
	for i := 0; i < n && f == nil; i++ {
		switch t {
		case "A":
			f = add(address(rs.A[i].IPv4Address, false))
		case "AAAA":
			f = add(address(rs.AAAA[i].IPv6Address, true))
		case "CAA":
			f = add(rs.CAA[i].data())
		case "MX":
			f = add(rs.MX[i].data())
		case "NS":
			f = add(host(rs.NS[i].NSDName))
		case "PTR":
			f = add(host(rs.PTR[i].PTRDName))
		case "SRV":
			f = add(rs.SRV[i].data())
		case "TXT":
			f = add(rs.TXT[i].data())
		}
	}
	switch {
	case f != nil:
	case rs.CNAME != nil:
		f = add(host(rs.CNAME.CNAME))
	case rs.SOA != nil:
		f = add(rs.SOA.data())
	case t == "TXT":
		f = checkText(rs.TXT)
	}
	return out, f
}

// keyField is what a message about duplicates names.
var keyField = map[string]string{
	"A": "ipv4Address", "AAAA": "ipv6Address", "CAA": "value", "MX": "exchange", "NS": "nsdname",
	"PTR": "ptrdname", "SRV": "target", "TXT": "value",
}

func address(s string, six bool) (zone.Data, *refusal) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil || a.Zone() != "" || a.Is4() == six:
		v := 4
		if six {
			v = 6
		}
		return "", badRequest("The value '%s' is not a valid IPv%d address.", shorten(s), v)
	}
	return rdata.A(a), nil
}

// host reads a domain name of RDATA; with or without a final dot it is absolute.
func host(s string) (zone.Data, *refusal) {
	n, f := domain(s)
	if f != nil {
		return "", f
	}
	return rdata.Name(n), nil
}

func domain(s string) (zone.Name, *refusal) {
	bare := strings.TrimSuffix(s, ".")
	if !labels(bare, false) {
		return zone.Root, badRequest("The domain name '%s' is invalid.", shorten(s))
	}
	n, err := zone.ParseName(bare + ".")
	if err != nil {
		return zone.Root, badRequest("The domain name '%s' is invalid.", shorten(s))
	}
	return n, nil
}

// labels reports whether s is labels of letters, digits, hyphens, underscores and slashes joined
// by dots; with wild, the first label may be an asterisk.
func labels(s string, wild bool) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for i, label := range strings.Split(s, ".") {
		if wild && i == 0 && label == "*" {
			continue
		}
		if label == "" || len(label) > 63 || strings.IndexFunc(label, notInLabel) >= 0 {
			return false
		}
	}
	return true
}

func notInLabel(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '/'
}

// shorten keeps messages bounded.
func shorten(s string) string {
	if len(s) <= 300 {
		return s
	}
	return strings.ToValidUTF8(s[:300], "") + "…"
}

func within(field string, v *int64, top int64) *refusal {
	switch {
	case v == nil:
		return badRequest("The value of '%s' is missing.", field)
	case *v < 0 || *v > top:
		return badRequest("The value '%d' of '%s' is out of range. It must be between 0 and %d.", *v, field, top)
	}
	return nil
}

func first(fs ...*refusal) *refusal {
	for _, f := range fs {
		if f != nil {
			return f
		}
	}
	return nil
}

func (r mxRecord) data() (zone.Data, *refusal) {
	n, bad := domain(r.Exchange)
	if f := first(within("preference", r.Preference, 65535), bad); f != nil {
		return "", f
	}
	return parsed(zone.TypeMX, fmt.Sprintf("%d %s", *r.Preference, n))
}

func (r srvRecord) data() (zone.Data, *refusal) {
	n, bad := zone.Root, (*refusal)(nil)
	if r.Target != "." {
		n, bad = domain(r.Target)
	}
	f := first(within("priority", r.Priority, 65535), within("weight", r.Weight, 65535), within("port", r.Port, 65535), bad)
	if f != nil {
		return "", f
	}
	return parsed(zone.TypeSRV, fmt.Sprintf("%d %d %d %s", *r.Priority, *r.Weight, *r.Port, n))
}

func parsed(t zone.Type, text string) (zone.Data, *refusal) {
	d, err := rdata.Parse(t, text, zone.Root)
	if err != nil {
		return "", badRequest("The record '%s' is invalid.", shorten(text))
	}
	return d, nil
}

func (r caaRecord) data() (zone.Data, *refusal) {
	if f := within("flags", r.Flags, 255); f != nil {
		return "", f
	}
	switch r.Tag {
	case "issue", "issuewild", "iodef":
	default:
		return "", badRequest("The CAA tag '%s' is invalid. It must be one of 'issue', 'issuewild', 'iodef'.", shorten(r.Tag))
	}
	if r.Value == "" || len(r.Value) > 1024 || !printable(r.Value) {
		return "", badRequest("The CAA value '%s' is invalid.", shorten(r.Value))
	}
	d, err := rdata.Canonical(zone.TypeCAA, append([]byte{byte(*r.Flags), byte(len(r.Tag))}, r.Tag+r.Value...))
	if err != nil {
		return "", badRequest("The CAA value '%s' is invalid.", shorten(r.Value))
	}
	return d, nil
}

func (r txtRecord) data() (zone.Data, *refusal) {
	if len(r.Value) == 0 {
		return "", badRequest("The TXT record has no value.")
	}
	for _, s := range r.Value {
		switch {
		case s == "":
			return "", badRequest("The value of a TXT record may not be empty.")
		case len(s) > maxString:
			return "", badRequest("The value '%s' of a TXT record exceeds the maximum length of %d characters.", shorten(s), maxString)
		case !printable(s):
			return "", badRequest("The value '%s' of a TXT record contains characters that are not supported.", shorten(s))
		}
	}
	d, err := rdata.TXTStrings(r.Value...)
	if err != nil {
		return "", badRequest("The TXT record is invalid.")
	}
	return d, nil
}

// printable reports whether s is ASCII without control characters.
func printable(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) < 0
}

func checkText(rs []txtRecord) *refusal {
	total := 0
	for _, r := range rs {
		for _, s := range r.Value {
			total += len(s)
		}
	}
	if total > maxText {
		return badRequest("The combined length of all TXT records in a record set may not exceed %d characters.", maxText)
	}
	return nil
}

func (r soaRecord) data() (zone.Data, *refusal) {
	h, badHost := domain(r.Host)
	m, badMail := domain(r.Email)
	f := first(badHost, badMail, within("serialNumber", r.SerialNumber, 1<<32-1), within("refreshTime", r.RefreshTime, maxTTL),
		within("retryTime", r.RetryTime, maxTTL), within("expireTime", r.ExpireTime, maxTTL), within("minimumTTL", r.MinimumTTL, maxTTL))
	if f != nil {
		return "", f
	}
	return parsed(zone.TypeSOA, fmt.Sprintf("%s %s %d %d %d %d %d", h, m, *r.SerialNumber, *r.RefreshTime, *r.RetryTime, *r.ExpireTime, *r.MinimumTTL))
}
