package lint

import (
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A fate is what becomes of a query for the addresses of a name.
type fate uint8

const (
	outside   fate = iota // not in the zone
	addressed             // has A, AAAA or ALIAS, itself or by wildcard
	alias                 // is a CNAME
	delegated             // below a delegation or DNAME: others know
	missing               // does not exist, or has no address
)

// look finds out what the zone says of a name that a record points to.
func (l *linter) look(n zone.Name) fate {
	if !n.In(l.origin) {
		return outside
	}
	if f, ok := l.fateAt(n); ok {
		return f
	}
	if _, ok := l.under(n); ok {
		return delegated
	}
	if _, ok := l.z.Set(n, zone.TypeNS); ok && n != l.origin {
		return delegated
	}
	for range l.z.Under(n) { // the name exists (RFC 4592, section 2.2.2): no wildcard stands in for it
		return missing
	}
	for p := n.Parent(); p.In(l.origin); p = p.Parent() {
		if star, err := p.Child("*"); err == nil && l.z.Has(star) {
			f, _ := l.fateAt(star)
			return f
		}
		for range l.z.Under(p) { // the closest encloser; wildcards above it do not count
			return missing
		}
		if p == l.origin {
			break
		}
	}
	return missing
}

// fateAt judges a name by its own records; ok is false when none of them decides.
func (l *linter) fateAt(n zone.Name) (f fate, ok bool) {
	f = missing
	for set := range l.z.At(n) {
		switch set.Type {
		case zone.TypeA, zone.TypeAAAA, zone.TypeALIAS:
			return addressed, true
		case zone.TypeCNAME:
			f = alias
		default:
			if set.Type.Vendor() { // such as Route53Provider/ALIAS: may stand for addresses
				return addressed, true
			}
		}
	}
	return f, f == alias
}

// targets checks where the records of an NS, MX or SRV RRset point to.
func (l *linter) targets(set *zone.RRset) {
	for _, d := range set.Data {
		n, ok := rdata.Target(set.Type, d)
		if !ok || n.IsRoot() {
			continue
		}
		switch l.look(n) {
		case alias:
			l.say("target-cname", finding.Error, set, "point to the name that has the addresses", "%s is a CNAME, which is not allowed here (RFC 2181, section 10.3)", n.Unicode())
		case missing:
			sev := finding.Warning
			if set.Type == zone.TypeNS {
				sev = finding.Error
			}
			l.say("target-missing", sev, set, "add its A or AAAA records, or correct the name", "%s has no address in this zone", n.Unicode())
		case outside, addressed, delegated:
		}
	}
}

func (l *linter) nameServers(set *zone.RRset) {
	if len(set.Data) == 1 {
		l.say("ns-single", finding.Warning, set, "add a second name server, best at another provider", "one name server is a single point of failure (RFC 1034, section 4.1)")
	}
	if set.Owner == l.origin {
		l.targets(set)
		return
	}
	for _, d := range set.Data {
		n, ok := rdata.Target(set.Type, d)
		switch {
		case !ok:
		case n.In(set.Owner): // only this zone can say where it is (RFC 9471)
			if f, _ := l.fateAt(n); f != addressed {
				l.say("glue-missing", finding.Error, set, "add its A or AAAA records here", "%s lies inside the delegated zone and has no address here", n.Unicode())
			}
		case l.look(n) == alias:
			l.say("target-cname", finding.Error, set, "point to the name that has the addresses", "%s is a CNAME, which is not allowed here (RFC 2181, section 10.3)", n.Unicode())
		case l.look(n) == missing:
			l.say("target-missing", finding.Error, set, "add its A or AAAA records, or correct the name", "%s has no address in this zone", n.Unicode())
		}
	}
}

func (l *linter) mx(set *zone.RRset) {
	for _, d := range set.Data {
		if n, ok := rdata.Target(set.Type, d); ok && n.IsRoot() && len(set.Data) > 1 {
			l.say("mx-null", finding.Error, set, "keep the null MX alone, or remove it", "a null MX says that there is no mail here, yet there are others (RFC 7505, section 3)")
		}
	}
	l.targets(set)
}

// chain follows a CNAME through the zone.
func (l *linter) chain(set *zone.RRset) {
	if len(set.Data) == 0 {
		return
	}
	n, ok := rdata.Target(set.Type, set.Data[0])
	if !ok || !n.In(l.origin) {
		return
	}
	for hops := 0; ; hops++ {
		if n == set.Owner {
			l.say("cname-loop", finding.Error, set, "point one of them elsewhere", "the chain of CNAMEs comes back to where it began")
			return
		}
		next, ok := l.z.Set(n, zone.TypeCNAME)
		if !ok || hops > 16 || len(next.Data) == 0 {
			break
		}
		m, ok := rdata.Target(next.Type, next.Data[0])
		if !ok || !m.In(l.origin) {
			return
		}
		n = m
	}
	target, _ := rdata.Target(set.Type, set.Data[0])
	for range l.z.Under(target) { // any type will do for a CNAME
		return
	}
	switch l.look(target) {
	case missing:
		if !l.covered(target) {
			l.say("cname-target-missing", finding.Warning, set, "add the name, or correct the target", "%s does not exist in this zone", target.Unicode())
		}
	case outside, addressed, alias, delegated:
	}
}

// covered reports whether a wildcard answers for the name, with whatever type.
func (l *linter) covered(n zone.Name) bool {
	for p := n.Parent(); p.In(l.origin); p = p.Parent() {
		if star, err := p.Child("*"); err == nil && l.z.Has(star) {
			return true
		}
		for range l.z.Under(p) {
			return false
		}
		if p == l.origin {
			break
		}
	}
	return false
}
