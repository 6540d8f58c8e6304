package verify

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A check is one changed RRset and what its answer should be.
type check struct {
	key     zone.Key
	before  *zone.RRset
	want    *zone.RRset // nil: it should be gone
	below   bool        // the desired zone delegates the name, or one above it, away
	grows   bool        // the server may add records of its own (keys of its signer)
	covered bool        // a wildcard may stand in for what was deleted
}

// checksOf says what to ask for. What cannot be compared from outside is told in notes.
func checksOf(p *plan.Plan, done []zone.Change) (checks []check, notes []string) {
	origin := p.Target.Zone
	for _, c := range done {
		k := c.Key()
		set := c.After
		if set == nil {
			set = c.Before
		}
		switch {
		case !k.Type.OnWire():
			notes = append(notes, fmt.Sprintf("%s: a pseudo-type, answered as the provider resolves it", k))
		case k.Type == zone.TypeCNAME && k.Owner == origin:
			notes = append(notes, fmt.Sprintf("%s: a CNAME at the apex, answered as the provider resolves it", k))
		case proxied(set.Extra):
			notes = append(notes, fmt.Sprintf("%s: proxied, answered with the provider's own addresses", k))
		case steered(set.Extra):
			notes = append(notes, fmt.Sprintf("%s: the answer depends on who asks", k))
		default:
			checks = append(checks, check{
				key: k, before: c.Before, want: c.After,
				below:   delegated(p.Want, k, origin),
				grows:   k.Type == zone.TypeDNSKEY || k.Type == zone.TypeCDS || k.Type == zone.TypeCDNSKEY,
				covered: c.After == nil && !k.Owner.IsWildcard() && k.Owner != origin,
			})
		}
	}
	return checks, notes
}

// steered reports whether what zonecast keeps beside the records may change the answers. Comments
// and the like do not.
func steered(e zone.Extra) bool {
	for k := range e.All() {
		what := k[strings.LastIndexByte(k, '/')+1:]
		switch what {
		case "dynamic", "geo", "steering", "proxied", "weight", "healthcheck", "failover":
			return true
		}
	}
	return false
}

// proxied reports whether the provider answers in the place of the records, as octoDNS's metadata
// say it for Cloudflare: "octodns: cloudflare: {proxied: true}".
func proxied(e zone.Extra) bool {
	text, ok := e.Value("octodns")
	return ok && strings.Contains(text, `"proxied":true`)
}

// delegated reports whether z delegates the name away, so that its answers are not z's.
func delegated(z *zone.Zone, k zone.Key, origin zone.Name) bool {
	if z == nil {
		return false
	}
	for n := k.Owner; n.Below(origin); n = n.Parent() {
		if n == k.Owner && (k.Type == zone.TypeNS || k.Type == zone.TypeDS) {
			continue // these two stand at the cut itself
		}
		if _, ok := z.Set(n, zone.TypeNS); ok {
			return true
		}
	}
	return false
}

// A verdict on an answer.
type verdict uint8

const (
	notYet verdict = iota
	asPlanned
	hidden // nobody can see it from outside
)

// judge compares an answer with what was planned, and says what was seen instead.
func (c *check) judge(m *wire.Message, origin zone.Name) (verdict, string) {
	if m.RCODE != wire.NoError && m.RCODE != wire.NXDomain {
		return notYet, (&wire.RCODEError{RCODE: m.RCODE}).Error()
	}
	got := collect(m.Answers, c.key)
	if cut, ok := referral(m, c.key.Owner, origin); ok && got == nil {
		switch {
		case c.key == zone.Key{Owner: cut, Type: zone.TypeNS}:
			got = collect(m.Authority, c.key)
		case c.key.Type == zone.TypeA || c.key.Type == zone.TypeAAAA:
			if got = collect(m.Additional, c.key); got == nil && c.want != nil {
				return hidden, "lies below the delegation of " + cut.String() + " and is no glue that the server gives"
			}
		default:
			return hidden, "lies below the delegation of " + cut.String()
		}
	}
	if d, ok := renamed(m, c.key.Owner); ok {
		return hidden, "lies below the DNAME of " + d.String()
	}
	if ok, instead := c.fits(got); !ok {
		// With authority for a name that the zone delegates away, the server answers from the child.
		if m.Authoritative && (c.below || c.key.Type == zone.TypeNS && c.key.Owner != origin && got != nil) {
			return hidden, "the server answers from a zone of its own below the delegation"
		}
		return notYet, instead
	}
	return asPlanned, ""
}

// fits compares an RRset, nil for none, with the planned one.
func (c *check) fits(got *zone.RRset) (bool, string) {
	switch {
	case c.want == nil && got == nil:
		return true, ""
	case c.want == nil:
		return false, "still " + show(*got)
	case got == nil:
		return false, "not there yet"
	}
	want := c.want.Clean()
	switch {
	case c.key.Type == zone.TypeSOA:
		return fitsSOA(want, *got)
	case c.grows && holdsAll(*got, want):
	case !got.SameData(want):
		word := "answers "
		if c.before != nil && got.SameData(c.before.Clean()) {
			word = "still "
		}
		return false, word + show(*got)
	}
	// A server of the zone gives the full TTL; one that caches gives less, never more.
	stale := c.before != nil && got.TTL == c.before.TTL && c.before.TTL != want.TTL && got.SameData(c.before.Clean())
	if got.TTL > want.TTL || stale {
		return false, fmt.Sprintf("TTL is %d, not %d", got.TTL, want.TTL)
	}
	return true, ""
}

// fitsSOA lets the server count the serial on.
func fitsSOA(want, got zone.RRset) (bool, string) {
	const tail = 20 // serial, refresh, retry, expire, minimum
	if len(want.Data) != 1 || len(got.Data) != 1 || len(want.Data[0]) < tail+2 || len(got.Data[0]) < tail+2 {
		return false, "answers " + show(got)
	}
	w, g := want.Data[0], got.Data[0]
	serial := func(d zone.Data) uint32 { return binary.BigEndian.Uint32([]byte(d[len(d)-tail:])) }
	rest := func(d zone.Data) zone.Data { return d[:len(d)-tail] + d[len(d)-tail+4:] }
	if rest(w) != rest(g) || int32(serial(g)-serial(w)) < 0 { // RFC 1982
		return false, "still " + show(got)
	}
	return true, ""
}

func holdsAll(got, want zone.RRset) bool {
	return !slices.ContainsFunc(want.Data, func(d zone.Data) bool { return !slices.Contains(got.Data, d) })
}

// collect takes one RRset out of a section; nil when it is not there.
func collect(section []wire.Record, k zone.Key) *zone.RRset {
	var set *zone.RRset
	for _, r := range section {
		if r.Key() != k || r.Class != wire.ClassIN {
			continue
		}
		if set == nil {
			set = &zone.RRset{Owner: k.Owner, Type: k.Type, TTL: r.TTL}
		}
		set.TTL = min(set.TTL, r.TTL)
		set.Data = append(set.Data, r.Data)
	}
	if set != nil {
		*set = set.Clean()
	}
	return set
}

// referral finds the delegation that a server refers to instead of answering: NS in the authority
// section, below the origin, at the name or above it.
func referral(m *wire.Message, owner, origin zone.Name) (zone.Name, bool) {
	if m.Authoritative && len(m.Answers) > 0 {
		return zone.Name{}, false
	}
	for _, r := range m.Authority {
		if r.Type == zone.TypeNS && r.Owner.Below(origin) && owner.In(r.Owner) {
			return r.Owner, true
		}
	}
	return zone.Name{}, false
}

// renamed finds a DNAME above the name in the answer: then the name itself cannot be asked for.
func renamed(m *wire.Message, owner zone.Name) (zone.Name, bool) {
	for _, r := range m.Answers {
		if r.Type == zone.TypeDNAME && owner.Below(r.Owner) {
			return r.Owner, true
		}
	}
	return zone.Name{}, false
}

// show prints RDATA for people, not much of it.
func show(set zone.RRset) string {
	const most = 4
	parts := make([]string, 0, most+1)
	for i, d := range set.Data {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(set.Data)-most))
			break
		}
		s := rdata.Text(set.Type, d)
		if len(s) > 80 {
			s = s[:80] + "…"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}
