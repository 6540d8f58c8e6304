package lint

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Options say where RRsets were written and what not to complain about. The zero Options are
// usable.
type Options struct {
	// Place tells where an RRset was written; it may be nil.
	Place func(zone.Key) finding.Place
	// Silence returns the reason for which the finding is silenced at the RRset; "" when it counts.
	Silence func(id string, k zone.Key) string
	// MinTTL and MaxTTL are what counts as too low and too high, in seconds; 0: 30 and 604800.
	MinTTL, MaxTTL uint32
}

// Zone checks a zone. Findings come in the order of the zone.
func Zone(z *zone.Zone, opt Options) []finding.Finding {
	if opt.MinTTL == 0 {
		opt.MinTTL = 30
	}
	if opt.MaxTTL == 0 {
		opt.MaxTTL = 604800
	}
	l := &linter{z: z, origin: z.Origin(), opt: opt}
	l.cuts()
	var sets []zone.RRset
	for set := range z.All() {
		if len(sets) > 0 && sets[0].Owner != set.Owner {
			l.name(sets)
			sets = sets[:0]
		}
		sets = append(sets, set)
	}
	if len(sets) > 0 {
		l.name(sets)
	}
	return l.found
}

// IDs are the ids of all findings of this package, with what each is about.
var IDs = map[string]string{
	"alias-coexistence":    "an ALIAS shares its name with addresses or a CNAME",
	"below-delegation":     "a record stands below a delegation, where nobody is told of it",
	"cname-apex":           "a CNAME stands at the apex",
	"cname-coexistence":    "a CNAME shares its name with other records",
	"cname-loop":           "a chain of CNAMEs comes back to where it began",
	"cname-multiple":       "a name has several CNAMEs or DNAMEs",
	"cname-target-missing": "a CNAME points to a name of the zone that does not exist",
	"dname-coexistence":    "a DNAME shares its name with what it must not",
	"dname-occludes":       "a record stands below a DNAME",
	"ds-without-ns":        "a DS stands where nothing is delegated",
	"glue-missing":         "a name server inside the delegated zone has no address",
	"mx-null":              "a null MX stands beside other MX records",
	"no-ns":                "the apex has no NS records",
	"ns-single":            "a zone or delegation has one name server only",
	"spf-lookups":          "an SPF record needs more than 10 DNS look-ups",
	"spf-multiple":         "a name has several SPF records",
	"spf-syntax":           "an SPF record cannot be read",
	"spf-type":             "SPF records of type SPF are obsolete",
	"svcb-params":          "service parameters contradict each other",
	"target-cname":         "an NS, MX or SRV record points to a CNAME",
	"target-missing":       "an NS, MX or SRV record points to a name of the zone that has no address",
	"ttl-high":             "a TTL is very long",
	"ttl-low":              "a TTL is very short",
	"txt-long":             "a TXT record is too long for a UDP answer",
	"wildcard-inner":       "an asterisk that is not the leftmost label has no meaning",
	"wildcard-type":        "a wildcard owns records that do not work there",
}

type linter struct {
	z      *zone.Zone
	origin zone.Name
	opt    Options
	cut    []zone.Name // delegations and DNAMEs, in canonical order
	isNS   map[zone.Name]bool
	found  []finding.Finding
}

func (l *linter) say(id string, sev finding.Severity, set *zone.RRset, fix, format string, args ...any) {
	f := finding.Finding{
		ID: id, Severity: sev, Zone: l.origin.Unicode(), Subject: set.Key().String(),
		Text: fmt.Sprintf("%s %s: ", set.Owner.Unicode(), set.Type) + fmt.Sprintf(format, args...), Fix: fix,
	}
	if l.opt.Place != nil {
		f.Place = l.opt.Place(set.Key())
	}
	f.Silenced = l.silenced(id, set)
	l.found = append(l.found, f)
}

// silenced returns the reason that the record or the options give for not counting a finding.
func (l *linter) silenced(id string, set *zone.RRset) string {
	if l.opt.Silence != nil {
		if why := l.opt.Silence(id, set.Key()); why != "" {
			return why
		}
	}
	var reasons map[string]string
	if text, ok := set.Extra.Value("lint/silence"); ok && json.Unmarshal([]byte(text), &reasons) == nil && reasons[id] != "" {
		return reasons[id]
	}
	text, ok := set.Extra.Value("octodns")
	if !ok {
		return ""
	}
	var meta struct {
		Zonecast struct {
			Silence map[string]string `json:"silence"`
		} `json:"zonecast"`
	}
	if json.Unmarshal([]byte(text), &meta) != nil {
		return ""
	}
	return meta.Zonecast.Silence[id]
}

// cuts notes where the zone ends downwards: delegations and DNAMEs.
func (l *linter) cuts() {
	l.isNS = map[zone.Name]bool{}
	for set := range l.z.All() {
		if set.Type != zone.TypeNS && set.Type != zone.TypeDNAME {
			continue
		}
		if set.Owner != l.origin || set.Type == zone.TypeDNAME {
			l.cut = append(l.cut, set.Owner)
		}
		if set.Type == zone.TypeNS {
			for _, d := range set.Data {
				if n, ok := rdata.Target(set.Type, d); ok {
					l.isNS[n] = true
				}
			}
		}
	}
}

// under returns the topmost delegation or DNAME that n is below.
func (l *linter) under(n zone.Name) (zone.Name, bool) {
	if len(l.cut) == 0 {
		return zone.Name{}, false
	}
	best, found := zone.Name{}, false
	for p := n.Parent(); p.In(l.origin); p = p.Parent() {
		if _, ok := slices.BinarySearchFunc(l.cut, p, zone.Name.Compare); ok {
			best, found = p, true
		}
		if p == l.origin {
			break
		}
	}
	return best, found
}

func pick(sets []zone.RRset, t zone.Type) *zone.RRset {
	for i := range sets {
		if sets[i].Type == t {
			return &sets[i]
		}
	}
	return nil
}

// name checks all RRsets of one owner.
func (l *linter) name(sets []zone.RRset) {
	owner := sets[0].Owner
	if cut, ok := l.under(owner); ok && !l.occluded(sets, cut) {
		return
	}
	if owner == l.origin && pick(sets, zone.TypeSOA) != nil && pick(sets, zone.TypeNS) == nil {
		l.say("no-ns", finding.Error, pick(sets, zone.TypeSOA), "add the name servers of the zone", "the apex has no NS records")
	}
	l.exclusive(sets)
	l.wildcard(sets)
	for i := range sets {
		set := &sets[i]
		l.ttl(set)
		switch set.Type {
		case zone.TypeNS:
			l.nameServers(set)
		case zone.TypeMX:
			l.mx(set)
		case zone.TypeSRV:
			l.targets(set)
		case zone.TypeCNAME:
			l.chain(set)
		case zone.TypeDS:
			if owner != l.origin && pick(sets, zone.TypeNS) == nil {
				l.say("ds-without-ns", finding.Error, set, "add the NS records of the child zone, or remove the DS", "nothing is delegated here")
			}
		case zone.TypeTXT, zone.TypeSPF:
			l.text(set)
		case zone.TypeSVCB, zone.TypeHTTPS:
			l.service(set)
		}
	}
}

// occluded complains about what stands below a cut, and reports whether there is more to check.
func (l *linter) occluded(sets []zone.RRset, cut zone.Name) bool {
	_, delegated := l.z.Set(cut, zone.TypeNS)
	dname, isDNAME := l.z.Set(cut, zone.TypeDNAME)
	for i := range sets {
		set := &sets[i]
		switch {
		case isDNAME:
			l.say("dname-occludes", finding.Error, set, "remove it, or the DNAME", "it stands below the DNAME at %s", dname.Owner.Unicode())
		case delegated && (set.Type == zone.TypeA || set.Type == zone.TypeAAAA) && l.isNS[set.Owner]:
			l.ttl(set) // glue
		case delegated:
			l.say("below-delegation", finding.Warning, set, "move it to the zone "+cut.Unicode()+", or remove the delegation",
				"it stands below the delegation of %s, which answers instead", cut.Unicode())
		}
	}
	return false
}

// exclusive checks types that want a name for themselves.
func (l *linter) exclusive(sets []zone.RRset) {
	owner := sets[0].Owner
	if c := pick(sets, zone.TypeCNAME); c != nil {
		if owner == l.origin {
			l.say("cname-apex", finding.Error, c, "use ALIAS, or address records", "the apex cannot be a CNAME, because SOA and NS stand there")
		} else if len(sets) > 1 {
			for i := range sets {
				switch sets[i].Type {
				case zone.TypeCNAME, zone.TypeRRSIG, zone.TypeNSEC: // RFC 4034, section 2.5
				default:
					l.say("cname-coexistence", finding.Error, &sets[i], "remove one of them", "the name has a CNAME too, which must stand alone")
				}
			}
		}
		if len(c.Data) > 1 {
			l.say("cname-multiple", finding.Error, c, "keep one", "a name can have one CNAME, this has %d", len(c.Data))
		}
	}
	if d := pick(sets, zone.TypeDNAME); d != nil {
		if len(d.Data) > 1 {
			l.say("cname-multiple", finding.Error, d, "keep one", "a name can have one DNAME, this has %d", len(d.Data))
		}
		if ns := pick(sets, zone.TypeNS); ns != nil && owner != l.origin {
			l.say("dname-coexistence", finding.Error, d, "remove one of them", "the name is delegated too (RFC 6672, section 2.3)")
		}
	}
	if a := pick(sets, zone.TypeALIAS); a != nil {
		for _, t := range []zone.Type{zone.TypeA, zone.TypeAAAA, zone.TypeCNAME} {
			if other := pick(sets, t); other != nil {
				l.say("alias-coexistence", finding.Error, other, "remove one of them", "the name has an ALIAS too, which stands for its addresses")
			}
		}
	}
}

func (l *linter) wildcard(sets []zone.RRset) {
	owner := sets[0].Owner
	for i := 1; i < owner.Labels(); i++ {
		if owner.Label(i) == "*" {
			l.say("wildcard-inner", finding.Warning, &sets[0], "put the asterisk leftmost, or list the names", "an asterisk matches only as the leftmost label (RFC 4592)")
			break
		}
	}
	if !owner.IsWildcard() {
		return
	}
	for i := range sets {
		switch sets[i].Type {
		case zone.TypeNS, zone.TypeDNAME, zone.TypeDS, zone.TypeSOA:
			l.say("wildcard-type", finding.Warning, &sets[i], "list the names", "%s at a wildcard is not dependable (RFC 4592, section 4)", sets[i].Type)
		}
	}
}

func (l *linter) ttl(set *zone.RRset) {
	switch {
	case set.TTL > 1<<31-1:
		l.say("ttl-high", finding.Error, set, "use at most 2147483647; 86400 is a day", "TTL %d is taken as 0 by resolvers (RFC 2181, section 8)", set.TTL)
	case set.TTL > l.opt.MaxTTL:
		l.say("ttl-high", finding.Warning, set, fmt.Sprintf("use at most %d", l.opt.MaxTTL), "TTL %d is longer than resolvers keep; changes would take that long", set.TTL)
	case set.TTL < l.opt.MinTTL:
		l.say("ttl-low", finding.Warning, set, fmt.Sprintf("use at least %d", l.opt.MinTTL), "TTL %d makes resolvers ask for nearly every query", set.TTL)
	}
}
