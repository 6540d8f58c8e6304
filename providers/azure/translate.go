package azure

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A held is a record set of the service.
type held struct {
	key     zone.Key // Type 0: one that zonecast does not know
	set     *zone.RRset
	foreign *provider.Foreign // instead of set
	kept    kept
}

// A kept is what a snapshot keeps of a record set for Write.
type kept struct {
	etag     string
	metadata map[string]*string
}

// read translates a record set. Errors mean that the answer makes no sense.
func read(s *armdns.RecordSet, origin zone.Name) (held, error) {
	if s == nil || s.Name == nil || *s.Name == "" || s.Type == nil || s.Properties == nil {
		return held{}, errors.New("a record set has no name, no type or no properties")
	}
	owner, err := zone.ParseNameIn(*s.Name, origin)
	if err != nil || !owner.In(origin) {
		return held{}, fmt.Errorf("record set %q is not of the zone", *s.Name)
	}
	mnemonic := (*s.Type)[strings.LastIndexByte(*s.Type, '/')+1:]
	h := held{key: zone.Key{Owner: owner}, kept: kept{text(s.Etag), s.Properties.Metadata}}
	t, err := zone.ParseType(mnemonic)
	if err != nil || !t.OnWire() {
		h.foreign = h.opaque(s, "record of type "+mnemonic)
		return h, nil
	}
	h.key.Type = t
	if h.kept.etag == "" {
		return held{}, fmt.Errorf("record set %s has no etag", h.key)
	}
	if r := s.Properties.TargetResource; r != nil && text(r.ID) != "" {
		h.foreign = h.opaque(s, "alias record set to "+*r.ID)
		return h, nil
	}
	data, err := readData(t, s.Properties)
	switch {
	case err != nil:
		h.foreign = h.opaque(s, "record that cannot be read ("+err.Error()+")")
	case len(data) == 0:
		h.foreign = h.opaque(s, "record set without records")
	case s.Properties.TTL == nil || *s.Properties.TTL < 0 || *s.Properties.TTL > 1<<32-1:
		return held{}, fmt.Errorf("record set %s has no proper TTL", h.key)
	default:
		set := zone.RRset{Owner: owner, Type: t, TTL: uint32(*s.Properties.TTL), Data: data}.Clean()
		h.set = &set
	}
	return h, nil
}

// opaque is a record set that is not zonecast's to write.
func (h held) opaque(s *armdns.RecordSet, kind string) *provider.Foreign {
	raw, err := json.Marshal(s)
	if err != nil {
		raw = nil // it came from JSON
	}
	return &provider.Foreign{
		Key: h.key, Kind: kind, Text: fmt.Sprintf("%s %s: %s", h.key.Owner, (*s.Type)[strings.LastIndexByte(*s.Type, '/')+1:], kind),
		Raw: raw, Owns: h.key.Type != 0,
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// readData reads the records of a type.
func readData(t zone.Type, p *armdns.RecordSetProperties) ([]zone.Data, error) {
	switch t {
	case zone.TypeA:
		return each(p.ARecords, func(r *armdns.ARecord) (zone.Data, error) { return address(text(r.IPv4Address), true) })
	case zone.TypeAAAA:
		return each(p.AaaaRecords, func(r *armdns.AaaaRecord) (zone.Data, error) { return address(text(r.IPv6Address), false) })
	case zone.TypeCAA:
		return each(p.CaaRecords, func(r *armdns.CaaRecord) (zone.Data, error) {
			flags, err := number(r.Flags, 255)
			if err != nil {
				return "", err
			}
			return rdata.CAA{Flags: uint8(flags), Tag: text(r.Tag), Value: text(r.Value)}.Data()
		})
	case zone.TypeCNAME:
		if p.CnameRecord == nil || text(p.CnameRecord.Cname) == "" {
			return nil, nil
		}
		d, err := name(p.CnameRecord.Cname)
		return []zone.Data{d}, err
	case zone.TypeMX:
		return each(p.MxRecords, func(r *armdns.MxRecord) (zone.Data, error) {
			preference, err1 := number(r.Preference, 65535)
			n, err2 := host(r.Exchange)
			if err := errors.Join(err1, err2); err != nil {
				return "", err
			}
			return rdata.MX{Preference: uint16(preference), Exchange: n}.Data()
		})
	case zone.TypeNS:
		return each(p.NsRecords, func(r *armdns.NsRecord) (zone.Data, error) { return name(r.Nsdname) })
	case zone.TypePTR:
		return each(p.PtrRecords, func(r *armdns.PtrRecord) (zone.Data, error) { return name(r.Ptrdname) })
	case zone.TypeSRV:
		return each(p.SrvRecords, readSRV)
	case zone.TypeTXT:
		return each(p.TxtRecords, readTXT)
	}
	return nil, errors.New("its type is not one of this version of the API")
}

func each[R any](list []*R, f func(*R) (zone.Data, error)) ([]zone.Data, error) {
	out := make([]zone.Data, len(list))
	for i, r := range list {
		if r == nil {
			return nil, errors.New("a record is null")
		}
		var err error
		if out[i], err = f(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func address(s string, four bool) (zone.Data, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Is4() != four || a.Zone() != "" {
		return "", fmt.Errorf("%q is not an address of the type", s)
	}
	return rdata.A(a), nil
}

// host reads a name of RDATA. Names without a final dot are complete.
func host(s *string) (zone.Name, error) {
	if text(s) == "" {
		return zone.Root, errors.New("a name is missing")
	}
	return zone.ParseName(strings.TrimSuffix(*s, ".") + ".")
}

func name(s *string) (zone.Data, error) {
	n, err := host(s)
	return rdata.Name(n), err
}

func number(n *int32, most int32) (int32, error) {
	if n == nil || *n < 0 || *n > most {
		return 0, errors.New("a number is missing or out of range")
	}
	return *n, nil
}

func readSRV(r *armdns.SrvRecord) (zone.Data, error) {
	priority, err1 := number(r.Priority, 65535)
	weight, err2 := number(r.Weight, 65535)
	port, err3 := number(r.Port, 65535)
	n, err4 := host(r.Target)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return "", err
	}
	return rdata.SRV{Priority: uint16(priority), Weight: uint16(weight), Port: uint16(port), Target: n}.Data()
}

func readTXT(r *armdns.TxtRecord) (zone.Data, error) {
	list := make([]string, len(r.Value))
	for i, s := range r.Value {
		list[i] = text(s)
	}
	return rdata.TXTStrings(list...)
}

// write translates an RRset, or says why the service does not take it. Nothing is sent that the
// documentation gives no form for.
func write(set zone.RRset) (armdns.RecordSet, error) {
	if set.TTL < 1 || set.TTL > mostTTL {
		return armdns.RecordSet{}, fmt.Errorf("TTL %d is not from 1 to %d", set.TTL, mostTTL)
	}
	p := &armdns.RecordSetProperties{TTL: new(int64(set.TTL))}
	var err error
	for _, d := range set.Data {
		if err = writeData(p, set.Type, d); err != nil {
			return armdns.RecordSet{}, err
		}
	}
	if set.Type == zone.TypeTXT {
		err = notTooLong(set)
	}
	return armdns.RecordSet{Properties: p}, err
}

func writeData(p *armdns.RecordSetProperties, t zone.Type, d zone.Data) error {
	switch t {
	case zone.TypeA, zone.TypeAAAA:
		a, ok := rdata.Addr(d)
		if !ok {
			return errors.New("it is not an address")
		}
		if t == zone.TypeA {
			p.ARecords = append(p.ARecords, &armdns.ARecord{IPv4Address: new(a.String())})
		} else {
			p.AaaaRecords = append(p.AaaaRecords, &armdns.AaaaRecord{IPv6Address: new(a.String())})
		}
	case zone.TypeCNAME, zone.TypeNS, zone.TypePTR:
		n, err := rdata.NameOf(d)
		if err != nil {
			return err
		}
		return writeName(p, t, n)
	case zone.TypeMX:
		x, err := rdata.MXOf(d)
		if err != nil {
			return err
		}
		if x.Exchange.IsRoot() {
			return errors.New("a null MX (RFC 7505) is not taken")
		}
		n, err := hostText(x.Exchange)
		p.MxRecords = append(p.MxRecords, &armdns.MxRecord{Preference: new(int32(x.Preference)), Exchange: &n})
		return err
	case zone.TypeSRV:
		x, err := rdata.SRVOf(d)
		if err != nil {
			return err
		}
		n, err := hostText(x.Target)
		p.SrvRecords = append(p.SrvRecords, &armdns.SrvRecord{
			Priority: new(int32(x.Priority)), Weight: new(int32(x.Weight)), Port: new(int32(x.Port)), Target: &n,
		})
		return err
	case zone.TypeCAA:
		x, err := rdata.CAAOf(d)
		if err != nil {
			return err
		}
		p.CaaRecords = append(p.CaaRecords, &armdns.CaaRecord{Flags: new(int32(x.Flags)), Tag: &x.Tag, Value: &x.Value})
		return printable(x.Value)
	case zone.TypeTXT:
		return writeTXT(p, d)
	default:
		return fmt.Errorf("Azure DNS has no records of type %s", t)
	}
	return nil
}

func writeName(p *armdns.RecordSetProperties, t zone.Type, n zone.Name) error {
	s, err := hostText(n)
	switch {
	case err != nil:
	case n.IsRoot():
		err = errors.New("the root is not taken as a name")
	case t == zone.TypeCNAME && p.CnameRecord != nil:
		err = errors.New("there is more than one CNAME")
	case t == zone.TypeCNAME:
		p.CnameRecord = &armdns.CnameRecord{Cname: &s}
	case t == zone.TypeNS:
		p.NsRecords = append(p.NsRecords, &armdns.NsRecord{Nsdname: &s})
	default:
		p.PtrRecords = append(p.PtrRecords, &armdns.PtrRecord{Ptrdname: &s})
	}
	return err
}

func writeTXT(p *armdns.RecordSetProperties, d zone.Data) error {
	list := rdata.TXTOf(d)
	if len(list) == 0 {
		return errors.New("it is no text")
	}
	r := &armdns.TxtRecord{}
	for _, s := range list {
		if s == "" {
			return errors.New("an empty string is not taken")
		}
		if err := printable(s); err != nil {
			return err
		}
		r.Value = append(r.Value, &s)
	}
	p.TxtRecords = append(p.TxtRecords, r)
	return nil
}

// notTooLong counts the characters of all records of a set
// (https://learn.microsoft.com/en-us/azure/dns/dns-zones-records#txt-records).
func notTooLong(set zone.RRset) error {
	n := 0
	for _, d := range set.Data {
		n += len(rdata.TXTJoined(d))
	}
	if n > mostText {
		return fmt.Errorf("its texts have %d characters together; the most is %d", n, mostText)
	}
	return nil
}

// printable refuses octets that JSON cannot carry as they are. What becomes of characters beyond
// ASCII is not documented.
func printable(s string) error {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return fmt.Errorf("octet %d of the text is %#02x; only printable ASCII is taken", i+1, s[i])
		}
	}
	return nil
}

// hostText writes a name of RDATA.
func hostText(n zone.Name) (string, error) {
	s := n.String()
	return s, plain(s)
}

// plain refuses names with characters that zone files escape: the API has no form for them.
func plain(s string) error {
	if strings.IndexByte(s, '\\') >= 0 {
		return fmt.Errorf("name %s has a character that Azure DNS has no form for", s)
	}
	return nil
}

// relative writes an owner as paths have it. The service refuses, one by one, names with other
// characters than those of host names, underscores and slashes; here all are found before anything
// is sent. An asterisk stands for a whole first label, or for nothing.
func relative(owner, origin zone.Name) (string, error) {
	s := owner.Relative(origin)
	rest := strings.TrimPrefix(strings.TrimPrefix(s, "*"), ".")
	if s == "@" || s == "*" {
		return s, nil
	}
	for i := range len(rest) {
		c := rest[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("-_/.", rune(c)) {
			return s, fmt.Errorf("names of Azure DNS have letters, digits, hyphens, underscores and slashes, not %q", c)
		}
	}
	if strings.HasPrefix(s, "*") && !strings.HasPrefix(s, "*.") {
		return s, errors.New("an asterisk is taken as a whole label only")
	}
	return s, nil
}

// bare writes an origin as paths have it: without the final dot.
func bare(origin zone.Name) (string, error) {
	s := strings.TrimSuffix(origin.String(), ".")
	if s == "" {
		return "", errors.New("the root cannot be a zone of Azure DNS")
	}
	return s, plain(s)
}
