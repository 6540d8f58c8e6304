package azure

import (
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
func read(s *recordSet, origin zone.Name) (held, error) {
	if s.Name == "" || s.Type == "" || s.Properties == nil {
		return held{}, errors.New("a record set has no name, no type or no properties")
	}
	owner, err := zone.ParseNameIn(s.Name, origin)
	if err != nil || !owner.In(origin) {
		return held{}, fmt.Errorf("record set %q is not of the zone", s.Name)
	}
	h := held{key: zone.Key{Owner: owner}, kept: kept{s.Etag, s.Properties.Metadata}}
	if t, err := zone.ParseType(s.mnemonic()); err == nil && t.OnWire() {
		h.key.Type = t
	} else {
		h.foreign = h.opaque(s, "record of type "+s.mnemonic())
		return h, nil
	}
	t := h.key.Type
	if s.Etag == "" {
		return held{}, fmt.Errorf("record set %s has no etag", h.key)
	}
	if s.Properties.Target.ID != "" {
		h.foreign = h.opaque(s, "alias record set to "+s.Properties.Target.ID)
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
func (h held) opaque(s *recordSet, kind string) *provider.Foreign {
	f := &provider.Foreign{Key: h.key, Kind: kind, Text: fmt.Sprintf("%s %s: %s", h.key.Owner, s.mnemonic(), kind), Owns: h.key.Type != 0}
	if h.key.Type != zone.TypeSOA && s.whole != nil {
		f.Raw = s.whole()
	}
	return f
}

// readData reads the records of a type.
func readData(t zone.Type, p *properties) ([]zone.Data, error) {
	switch t {
	case zone.TypeA:
		return each(p.A, func(r aRecord) (zone.Data, error) { return address(r.Address, true) })
	case zone.TypeAAAA:
		return each(p.AAAA, func(r aaaaRecord) (zone.Data, error) { return address(r.Address, false) })
	case zone.TypeCAA:
		return each(p.CAA, func(r caaRecord) (zone.Data, error) {
			if err := numbers(255, r.Flags); err != nil {
				return "", err
			}
			return rdata.CAA{Flags: uint8(*r.Flags), Tag: r.Tag, Value: r.Value}.Data()
		})
	case zone.TypeCNAME:
		if p.CNAME.Name == "" {
			return nil, nil
		}
		d, err := name(p.CNAME.Name)
		return []zone.Data{d}, err
	case zone.TypeMX:
		return each(p.MX, func(r mxRecord) (zone.Data, error) {
			n, err := host(r.Exchange)
			if err := errors.Join(numbers(65535, r.Preference), err); err != nil {
				return "", err
			}
			return rdata.MX{Preference: uint16(*r.Preference), Exchange: n}.Data()
		})
	case zone.TypeNS:
		return each(p.NS, func(r nsRecord) (zone.Data, error) { return name(r.Name) })
	case zone.TypePTR:
		return each(p.PTR, func(r ptrRecord) (zone.Data, error) { return name(r.Name) })
	case zone.TypeSRV:
		return each(p.SRV, func(r srvRecord) (zone.Data, error) {
			n, err := host(r.Target)
			if err := errors.Join(numbers(65535, r.Priority, r.Weight, r.Port), err); err != nil {
				return "", err
			}
			return rdata.SRV{Priority: uint16(*r.Priority), Weight: uint16(*r.Weight), Port: uint16(*r.Port), Target: n}.Data()
		})
	case zone.TypeTXT:
		return each(p.TXT, func(r txtRecord) (zone.Data, error) { return rdata.TXTStrings(r.Value...) })
	}
	return nil, errors.New("its type is not one of this version of the API")
}

func each[R any](list []R, f func(R) (zone.Data, error)) ([]zone.Data, error) {
	out := make([]zone.Data, len(list))
	for i, r := range list {
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
func host(s string) (zone.Name, error) {
	if s == "" {
		return zone.Root, errors.New("a name is missing")
	}
	return zone.ParseName(strings.TrimSuffix(s, ".") + ".")
}

func name(s string) (zone.Data, error) {
	n, err := host(s)
	return rdata.Name(n), err
}

func numbers(most int, list ...*int) error {
	for _, n := range list {
		if n == nil || *n < 0 || *n > most {
			return errors.New("a number is missing or out of range")
		}
	}
	return nil
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
