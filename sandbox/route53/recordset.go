package route53

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// A policy is how sets of one name and type are chosen from
// (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy.html).
type policy string

const (
	simple       policy = ""
	weighted     policy = "weighted"
	latency      policy = "latency"
	failover     policy = "failover"
	geolocation  policy = "geolocation"
	multivalue   policy = "multivalue answer"
	geoproximity policy = "geoproximity"
	cidr         policy = "CIDR"
)

// A recordSet is one resource record set as it was sent. It is immutable.
type recordSet struct {
	name   zone.Name
	typ    zone.Type
	id     string // SetIdentifier
	key    string // of the order of lists
	ttl    int64  // -1 for aliases
	values []string
	data   []zone.Data // sorted
	alias  *aliasTarget
	policy policy
	// where is what the policy says of the set in one string: a weight, a region, PRIMARY, a
	// place. No two sets of a group may have the same, except weights and multivalue.
	where  string
	weight int
	health string
	extra  map[string]*node // elements that are kept as they came: GeoLocation and the like
}

type aliasTarget struct {
	zoneID   string
	name     zone.Name
	evaluate bool
}

// A group is all sets of one name and type.
type group struct {
	name zone.Name
	typ  zone.Type
}

func (g group) compare(h group) int {
	return cmp.Or(g.name.Compare(h.name), cmp.Compare(g.typ, h.typ))
}

func (s *recordSet) group() group { return group{s.name, s.typ} }

func (s *recordSet) sameKey(t *recordSet) bool { return s.key == t.key }

// same reports whether every value that a client gives is the same, as deleting demands.
func (s *recordSet) same(t *recordSet) bool {
	return s.key == t.key && s.ttl == t.ttl && slices.Equal(s.data, t.data) && s.policy == t.policy &&
		s.where == t.where && s.weight == t.weight && s.health == t.health &&
		(s.alias == nil) == (t.alias == nil) && (s.alias == nil || *s.alias == *t.alias)
}

// title is how messages call a set.
func (s *recordSet) title() string {
	id := ""
	if s.id != "" {
		id = ", set-identifier='" + s.id + "'"
	}
	return fmt.Sprintf("[name='%s', type='%s'%s]", nameText(s.name), s.typ, id)
}

// An action is what a change does.
type action string

const (
	create action = "CREATE"
	remove action = "DELETE"
	upsert action = "UPSERT"
)

// A request is one Change, read but not yet compared with a zone.
type request struct {
	action action
	set    *recordSet
	// problems are what is wrong with its values.
	problems []string
	chars    int
}

// steering are the elements that say which policy a set belongs to.
var steering = []struct {
	element string
	policy  policy
}{
	{"Weight", weighted},
	{"Region", latency},
	{"Failover", failover},
	{"GeoLocation", geolocation},
	{"MultiValueAnswer", multivalue},
	{"GeoProximityLocation", geoproximity},
	{"CidrRoutingConfig", cidr},
}

// readChange reads a Change element. An error is for the whole request: InvalidInput.
func readChange(n *node) (*request, error) {
	if err := n.expect("+Action", "+ResourceRecordSet"); err != nil {
		return nil, err
	}
	act, _, err := n.one("Action", string(create), string(remove), string(upsert))
	if err != nil {
		return nil, err
	}
	q := &request{action: action(act), set: &recordSet{ttl: -1}}
	rr := n.kid("ResourceRecordSet")
	if err := rr.expect("+Name", "+Type", "SetIdentifier", "Weight", "Region", "GeoLocation", "Failover",
		"MultiValueAnswer", "TTL", "ResourceRecords", "AliasTarget", "HealthCheckId",
		"TrafficPolicyInstanceId", "CidrRoutingConfig", "GeoProximityLocation"); err != nil {
		return nil, err
	}
	text, _, err := rr.string("Name", 1024)
	if err != nil {
		return nil, err
	}
	typ, _, err := rr.one("Type", typeNames...)
	if err != nil {
		return nil, err
	}
	set := q.set
	set.typ = recordTypes[typ]
	var problem string
	if set.name, problem = parseName(text); problem != "" {
		q.problems = append(q.problems, "FATAL problem: "+problem+" encountered with '"+text+"'")
	}
	if set.id, _, err = rr.string("SetIdentifier", 128); err != nil {
		return nil, err
	}
	if set.health, _, err = rr.string("HealthCheckId", 64); err != nil {
		return nil, err
	}
	what := fmt.Sprintf("in Change with [Action=%s, Name=%s, Type=%s, SetIdentifier=%s]", act, text, typ, orNull(set.id))
	if err := set.readPolicy(rr, what); err != nil {
		return nil, err
	}
	if err := q.readContent(rr, what); err != nil {
		return nil, err
	}
	set.key = sortKey(set.name) + "\x00" + typ + "\x00" + set.id
	return q, nil
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

func (s *recordSet) readPolicy(rr *node, what string) error {
	var found []string
	for _, st := range steering {
		if rr.kid(st.element) != nil {
			found = append(found, st.element)
			s.policy = st.policy
		}
	}
	const all = "[Weight, Region, Failover, GeoLocation, MultiValueAnswer, GeoProximityLocation, or CidrRoutingConfig]"
	switch {
	case len(found) > 1:
		return invalid("Invalid request: Expected exactly one of %s, but found more than one %s", all, what)
	case len(found) == 1 && s.id == "":
		return invalid("Invalid request: Missing field 'SetIdentifier' %s", what)
	case len(found) == 0 && s.id != "":
		return invalid("Invalid request: Expected exactly one of %s, but found none %s", all, what)
	case len(found) == 0:
		return nil
	}
	return s.readWhere(rr, found[0])
}

func (s *recordSet) readWhere(rr *node, element string) (err error) {
	switch s.policy {
	case weighted:
		var n int64
		if n, _, err = rr.number("Weight", 0, 255); err != nil {
			return err
		}
		s.weight = int(n)
		return nil
	case latency:
		s.where, _, err = rr.string("Region", 64)
		if err == nil && !strings.Contains(s.where, "-") {
			return invalid("Invalid XML ; cvc-enumeration-valid: Value '%s' is not a Region.", s.where)
		}
		return err
	case failover:
		s.where, _, err = rr.one("Failover", "PRIMARY", "SECONDARY")
		return err
	case multivalue:
		on, _, err := rr.boolean("MultiValueAnswer")
		if err == nil && !on {
			return invalid("Invalid request: MultiValueAnswer must be true when it is given")
		}
		return err
	case geolocation:
		s.where, err = place(rr.kid(element))
	case cidr:
		err = rr.kid(element).expect("+CollectionId", "+LocationName")
	case geoproximity:
		err = nearby(rr.kid(element))
	}
	if s.where == "" {
		s.where = flat(rr.kid(element))
	}
	s.extra = map[string]*node{element: rr.kid(element)}
	return err
}

// place reads a GeoLocation
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_GeoLocation.html).
func place(n *node) (string, error) {
	if err := n.expect("ContinentCode", "CountryCode", "SubdivisionCode"); err != nil {
		return "", err
	}
	continent, hasContinent, err := n.one("ContinentCode", "AF", "AN", "AS", "EU", "OC", "NA", "SA")
	if err != nil {
		return "", err
	}
	country, hasCountry, err := n.string("CountryCode", 2)
	if err != nil {
		return "", err
	}
	subdivision, hasSubdivision, err := n.string("SubdivisionCode", 3)
	switch {
	case err != nil:
		return "", err
	case hasContinent == hasCountry, hasSubdivision && !hasCountry:
		return "", invalid("Invalid request: GeoLocation must have either a ContinentCode, or a CountryCode with or without a SubdivisionCode")
	case hasCountry && country != "*" && (len(country) != 2 || strings.Trim(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != ""),
		hasSubdivision && country != "US" && country != "UA":
		return "", refuse(404, "NoSuchGeoLocation", "The specified geo location does not exist: %s %s %s", continent, country, subdivision)
	}
	return continent + "/" + country + "/" + subdivision, nil
}

// nearby checks a GeoProximityLocation
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_GeoProximityLocation.html).
func nearby(n *node) error {
	if err := n.expect("AWSRegion", "LocalZoneGroup", "Coordinates", "Bias"); err != nil {
		return err
	}
	if _, _, err := n.number("Bias", -99, 99); err != nil {
		return err
	}
	if c := n.kid("Coordinates"); c != nil {
		return c.expect("+Latitude", "+Longitude")
	}
	return nil
}

// flat is a tree in one line, for comparing.
func flat(n *node) string {
	var b strings.Builder
	for _, k := range n.kids {
		b.WriteString(k.name + "=" + strings.TrimSpace(k.text) + "{" + flat(k) + "}")
	}
	return b.String()
}

// readContent reads either TTL and values or the target of an alias.
func (q *request) readContent(rr *node, what string) (err error) {
	alias, records := rr.kid("AliasTarget"), rr.kid("ResourceRecords")
	ttl, hasTTL, err := rr.number("TTL", 0, 2147483647)
	if err != nil {
		return err
	}
	const all = "[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]"
	switch {
	case rr.kid("TrafficPolicyInstanceId") != nil:
		return invalid("Invalid request: the emulation holds no traffic policy instances %s", what)
	case alias != nil && (hasTTL || records != nil):
		return invalid("Invalid request: Expected exactly one of %s, but found more than one %s", all, what)
	case alias != nil:
		return q.readAlias(alias)
	case !hasTTL || records == nil:
		return invalid("Invalid request: Expected exactly one of %s, but found none %s", all, what)
	}
	q.set.ttl = ttl
	return q.readValues(records)
}

func (q *request) readAlias(n *node) error {
	if err := n.expect("+HostedZoneId", "+DNSName", "+EvaluateTargetHealth"); err != nil {
		return err
	}
	a := &aliasTarget{}
	id, _, err := n.string("HostedZoneId", 32)
	if err != nil {
		return err
	}
	a.zoneID = strings.TrimPrefix(id, "/hostedzone/")
	text, _, err := n.string("DNSName", 1024)
	if err != nil {
		return err
	}
	if a.evaluate, _, err = n.boolean("EvaluateTargetHealth"); err != nil {
		return err
	}
	var problem string
	if a.name, problem = parseName(text); problem != "" {
		q.problems = append(q.problems, "FATAL problem: "+problem+" encountered with '"+text+"'")
	}
	q.set.alias = a
	return nil
}

func (q *request) readValues(n *node) error {
	if err := n.list("ResourceRecord"); err != nil {
		return err
	}
	set := q.set
	seen := map[zone.Data]bool{}
	for _, k := range n.kids {
		if err := k.expect("+Value"); err != nil {
			return err
		}
		value, _, err := k.string("Value", maxValue)
		if err != nil {
			return err
		}
		q.chars += len(value)
		set.values = append(set.values, value)
		d, problem := parseValue(set.typ, value)
		switch {
		case problem != "":
			q.problems = append(q.problems, "Invalid Resource Record: 'FATAL problem: "+problem+" encountered with '"+value+"''")
		case seen[d]:
			q.problems = append(q.problems, "Duplicate Resource Record: '"+value+"'")
		}
		seen[d] = true
		set.data = append(set.data, d)
	}
	slices.Sort(set.data)
	return nil
}
