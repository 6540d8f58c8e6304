package held

import (
	"fmt"
	"iter"
	"slices"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// check tells why a zone cannot be served: by a *finding.Problem with all there is to say, wrapped
// with ErrInvalid. Without changes all of the zone is looked at, else only what they touch.
func check(z *zone.Zone, changes []zone.Change) error {
	c := checker{z: z}
	c.apex()
	if changes == nil {
		var group []zone.RRset // of one owner
		for set := range z.All() {
			c.set(set)
			if len(group) > 0 && group[0].Owner != set.Owner {
				c.name(slices.Values(group))
				group = group[:0]
			}
			group = append(group, set)
		}
		c.name(slices.Values(group))
	}
	for _, x := range changes {
		if x.After != nil {
			c.set(x.After.Clean())
			c.name(z.At(x.After.Owner))
		}
	}
	if err := finding.AsError(c.found); err != nil {
		return fmt.Errorf("zone %s: %w: %w", z.Origin(), ErrInvalid, err)
	}
	return nil
}

type checker struct {
	z     *zone.Zone
	found []finding.Finding
}

// most is how many problems of a zone are told: who sends a wrong zone of a million records wants no
// million lines.
const most = 50

func (c *checker) wrong(id string, subject fmt.Stringer, fix, format string, args ...any) {
	f := finding.Finding{ID: id, Severity: finding.Error, Zone: c.z.Origin().String(), Subject: subject.String(), Text: fmt.Sprintf(format, args...), Fix: fix}
	if len(c.found) < most && !slices.Contains(names(c.found), f.String()) {
		c.found = append(c.found, f)
	}
}

func names(list []finding.Finding) []string {
	out := make([]string, len(list))
	for i, f := range list {
		out[i] = f.String()
	}
	return out
}

// apex checks what each zone begins with.
func (c *checker) apex() {
	origin := c.z.Origin()
	soa, _ := c.z.Set(origin, zone.TypeSOA)
	switch len(soa.Data) {
	case 0:
		c.wrong("zones-soa", origin, "every zone begins with one", "zone %s has no SOA record at its apex", origin)
	case 1:
		if _, err := rdata.SOAOf(soa.Data[0]); err != nil {
			c.wrong("zones-soa", origin, "", "the SOA record of zone %s cannot be read: %v", origin, err)
		}
	default:
		c.wrong("zones-soa", origin, "keep one", "zone %s has %d SOA records", origin, len(soa.Data))
	}
	if _, ok := c.z.Set(origin, zone.TypeNS); !ok {
		c.wrong("no-ns", origin, "name the name servers that serve it", "zone %s has no NS records at its apex", origin)
	}
}

// set checks one RRset for itself.
func (c *checker) set(set zone.RRset) {
	k := set.Key()
	switch {
	case !set.Type.OnWire():
		c.wrong("zones-type", k, "write the records that it stands for", "%s: type %s is none of DNS, and a name server cannot answer with it", set.Owner, set.Type)
		return
	case set.Type == zone.TypeSOA && set.Owner != c.z.Origin():
		c.wrong("zones-soa", k, "take it out", "%s has a SOA record and is not the apex", set.Owner)
	case len(set.Data) == 0:
		c.wrong("zones-empty", k, "take it out, or give it records", "%s has no records", k)
	case set.TTL > 1<<31-1: // RFC 2181, section 8
		c.wrong("zones-ttl", k, "write seconds, 604800 at most as a rule", "%s: a TTL of %d is more than there is", k, set.TTL)
	}
	for _, d := range set.Data {
		if err := rdata.WellFormed(set.Type, d); err != nil {
			c.wrong("zones-rdata", k, "", "%s: the RDATA cannot be read: %v", k, err)
			return
		}
	}
}

// name checks what stands together at one name, whose RRsets are given (RFC 1034, section 3.6.2; RFC
// 2181, section 10.1; RFC 6672, section 2.4).
func (c *checker) name(sets iter.Seq[zone.RRset]) {
	var alias, others *zone.RRset
	for set := range sets {
		switch set.Type {
		case zone.TypeRRSIG, zone.TypeNSEC, 25: // KEY
			continue
		case zone.TypeCNAME:
			alias = &set
		default:
			others = &set
		}
		if (set.Type == zone.TypeCNAME || set.Type == zone.TypeDNAME) && len(set.Data) > 1 {
			c.wrong("cname-multiple", set.Key(), "keep one", "%s has %d %s records", set.Owner, len(set.Data), set.Type)
		}
	}
	if alias != nil && others != nil {
		c.wrong("cname-coexistence", alias.Key(), "keep one of them", "%s has a CNAME and also %s records", alias.Owner, others.Type)
	}
}

// covered tells whether changes of a zone with signatures bring new ones: at least the SOA, whose
// serial goes forward with each version, has to be signed anew.
func covered(before, after *zone.Zone, changes []zone.Change) error {
	origin := after.Origin()
	apexSignatures := slices.ContainsFunc(changes, func(c zone.Change) bool {
		return c.Key() == zone.Key{Owner: origin, Type: zone.TypeRRSIG}
	})
	if apexSignatures && newer(after, before) {
		return nil
	}
	return unsound(origin, "the changes bring no newer SOA with its signature", "change the zone where it is signed, and bring what comes out")
}

// unsound says that an edit would leave a zone with signatures that do not fit.
func unsound(origin zone.Name, why, fix string) error {
	return fmt.Errorf("%w: %w", ErrInvalid, finding.Finding{
		ID: "zones-signed", Severity: finding.Error, Zone: origin.String(),
		Text: fmt.Sprintf("zone %s is signed elsewhere, and %s: resolvers that validate would take it for forged", origin, why),
		Fix:  fix,
	}.Err())
}
