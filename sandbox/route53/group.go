package route53

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// permitted checks a set against its neighbours and says what is wrong; old is the one that it
// replaces, nil when there is none.
func (b *batch) permitted(set, old *recordSet) bool {
	before := len(b.problems)
	if b.place(set); len(b.problems) > before {
		return false
	}
	b.limits(set)
	b.neighbours(set)
	b.steered(set)
	for _, other := range b.sets(set.name) {
		if other != old && other.typ == set.typ {
			b.member(set, other)
		}
	}
	if set.alias != nil {
		b.target(set)
	}
	return len(b.problems) == before
}

// place checks where a type may stand.
func (b *batch) place(set *recordSet) {
	apex := set.name == b.z.name
	switch {
	case apex && (set.typ == zone.TypeCNAME || set.typ == zone.TypeDS):
		b.refuse("RRSet of type %s with DNS name %s is not permitted at apex in zone %s", set.typ, nameText(set.name), nameText(b.z.name))
	case !apex && set.typ == zone.TypeSOA:
		b.refuse("RRSet of type SOA with DNS name %s is not permitted, only at apex in zone %s", nameText(set.name), nameText(b.z.name))
	case set.typ == zone.TypeNS && set.name.IsWildcard():
		// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html#domain-name-format-asterisk
		b.refuse("RRSet of type NS with DNS name %s is not permitted: NS record sets can't be wildcards", nameText(set.name))
	}
}

func (b *batch) limits(set *recordSet) {
	if n := len(set.values); n > b.s.opt.Values {
		b.refuse("Cannot have more than %d records in a RRSet.", b.s.opt.Values)
	}
	if len(set.values) > 1 && (set.typ == zone.TypeCNAME || set.typ == zone.TypeSOA) {
		b.refuse("RRSet of type %s with DNS name %s must have exactly one value", set.typ, nameText(set.name))
	}
}

// neighbours checks that a CNAME is alone
// (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html#CNAMEFormat).
func (b *batch) neighbours(set *recordSet) {
	for _, other := range b.sets(set.name) {
		switch {
		case other.typ == set.typ:
		case set.typ == zone.TypeCNAME:
			b.refuse("RRSet of type CNAME with DNS name %s is not permitted as it conflicts with other records with the same DNS name in zone %s", nameText(set.name), nameText(b.z.name))
			return
		case other.typ == zone.TypeCNAME:
			b.refuse("RRSet of type %s with DNS name %s is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone %s", set.typ, nameText(set.name), nameText(b.z.name))
			return
		}
	}
}

// steered checks what a policy demands of a single set
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html).
func (b *batch) steered(set *recordSet) {
	who := fmt.Sprintf("RRSet with DNS name %s, type %s, SetIdentifier %s", nameText(set.name), set.typ, set.id)
	switch {
	case set.policy == simple:
		return
	case set.typ == zone.TypeNS, set.typ == zone.TypeSOA, set.typ == zone.TypeDS:
		b.refuse("%s cannot be created as type %s can't have a routing policy", who, set.typ)
	case set.policy == multivalue && set.alias != nil:
		b.refuse("%s cannot be created as multivalue answer sets can't be aliases", who)
	case set.policy == multivalue && set.typ == zone.TypeCNAME:
		b.refuse("%s cannot be created as multivalue answer sets can't be of type CNAME", who)
	case (set.policy == weighted || set.policy == latency) && len(set.values) > 1:
		b.refuse("%s cannot be created as %s sets must have exactly one value", who, set.policy)
	case set.policy == failover && set.alias != nil && !set.alias.evaluate:
		b.refuse("%s cannot be created as failover aliases must evaluate the health of the target", who)
	}
	n := 0
	for _, other := range b.sets(set.name) {
		if other.typ == set.typ && !other.sameKey(set) {
			n++
		}
	}
	if n >= groupSets {
		b.refuse("Exceeded limit on number of %s RRSets for %s, type %s in this zone.", set.policy, nameText(set.name), set.typ)
	}
}

// member checks a set against another of its group.
func (b *batch) member(set, other *recordSet) {
	who := fmt.Sprintf("RRSet with DNS name %s, type %s", nameText(set.name), set.typ)
	switch {
	case set.policy == simple:
		b.refuse("%s cannot be created as other RRSets exist with the same name and type.", who)
	case other.policy != set.policy:
		b.refuse("%s, SetIdentifier %s cannot be created as a non-%s set exists with the same name and type.", who, set.id, set.policy)
	case set.policy == weighted, set.policy == multivalue:
	case other.where == set.where:
		b.refuse("%s, SetIdentifier %s cannot be created as a %s set with the same %s exists.", who, set.id, set.policy, whereName(set.policy))
	}
}

func whereName(p policy) string {
	switch p {
	case latency:
		return "region"
	case failover:
		return "failover value"
	default:
		return "location"
	}
}

// sameTTLs checks that weighted sets of a group share one TTL when the batch is through.
func (b *batch) sameTTLs(list []*recordSet) {
	first := map[zone.Type]*recordSet{}
	for _, s := range list {
		if s.policy != weighted || s.alias != nil {
			continue
		}
		if f := first[s.typ]; f == nil {
			first[s.typ] = s
		} else if f.ttl != s.ttl {
			b.refuse("RRSet with DNS name %s and type %s, SetIdentifier %s cannot be created as weighted sets must contain the same TTL.", nameText(s.name), s.typ, s.id)
		}
	}
}

// services are hosted zones of AWS's own services and what lies in them. There are many more, one
// for each kind of load balancer and region; targets under names that only AWS has are taken with
// any id that is not a zone of the account.
// https://docs.aws.amazon.com/general/latest/gr/elb.html and its siblings list them.
var services = map[string]string{
	"Z2FDTNDATAQYW2": "cloudfront.net",
	"Z2BJ6XQ5FK7U4H": "awsglobalaccelerator.com",
	"Z3AQBSTGFYJSTF": "s3-website-us-east-1.amazonaws.com",
	"Z35SXDOTRQ7X7K": "us-east-1.elb.amazonaws.com",
	"Z32O12XQLNTSW2": "eu-west-1.elb.amazonaws.com",
	"Z215JYRZR1TBD5": "eu-central-1.elb.amazonaws.com",
}

var vendorNames = []string{"amazonaws.com", "cloudfront.net", "awsglobalaccelerator.com", "elasticbeanstalk.com", "on.aws", "awsapprunner.com"}

func below(n zone.Name, suffix string) bool { return n.Below(zone.MustName(suffix)) }

// target checks where an alias leads
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html).
func (b *batch) target(set *recordSet) {
	a := set.alias
	what := fmt.Sprintf("Tried to create an alias that targets %s, type %s in zone %s", nameText(a.name), set.typ, a.zoneID)
	if set.typ == zone.TypeNS || set.typ == zone.TypeSOA {
		b.refuse("%s, but aliases of type %s are not permitted", what, set.typ)
		return
	}
	if a.zoneID == b.z.id {
		switch {
		case !a.name.In(b.z.name):
			b.refuse("%s, but the alias target name does not lie within the target zone", what)
			b.refuse("%s, but that target was not found", what)
		case a.name == set.name || !b.has(group{a.name, set.typ}):
			b.refuse("%s, but that target was not found", what)
		}
		return
	}
	suffix, known := services[a.zoneID]
	inside := known && below(a.name, suffix) ||
		!known && b.s.find(a.zoneID) == nil && slices.ContainsFunc(vendorNames, func(v string) bool { return below(a.name, v) })
	switch {
	case !inside:
		b.refuse("%s, but the alias target name does not lie within the target zone", what)
	case set.typ != zone.TypeA && set.typ != zone.TypeAAAA && set.typ != zone.TypeHTTPS:
		b.refuse("%s, but that target was not found", what)
	case below(a.name, "cloudfront.net") && a.evaluate:
		b.refuse("%s, but EvaluateTargetHealth can't be true for a CloudFront distribution", what)
	case below(a.name, "cloudfront.net") && b.z.private:
		b.refuse("%s, but a private hosted zone can't route traffic to a CloudFront distribution", what)
	}
}

// trimID takes away what clients put before an id.
func trimID(id string) string { return strings.TrimPrefix(id, "/hostedzone/") }
