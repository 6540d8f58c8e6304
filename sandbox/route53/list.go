package route53

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
)

type zoneList struct {
	XMLName     xml.Name       `xml:"https://route53.amazonaws.com/doc/2013-04-01/ ListHostedZonesResponse"`
	HostedZones []zoneDocument `xml:"HostedZones>HostedZone"`
	Marker      string         `xml:",omitempty"`
	IsTruncated bool
	NextMarker  string `xml:",omitempty"`
	MaxItems    int
}

type zoneListByName struct {
	XMLName      xml.Name       `xml:"https://route53.amazonaws.com/doc/2013-04-01/ ListHostedZonesByNameResponse"`
	HostedZones  []zoneDocument `xml:"HostedZones>HostedZone"`
	DNSName      string         `xml:",omitempty"`
	HostedZoneID string         `xml:"HostedZoneId,omitempty"`
	IsTruncated  bool
	NextDNSName  string `xml:",omitempty"`
	NextZoneID   string `xml:"NextHostedZoneId,omitempty"`
	MaxItems     int
}

type zoneCount struct {
	XMLName xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ GetHostedZoneCountResponse"`
	Count   int      `xml:"HostedZoneCount"`
}

// listHostedZones lists in order of ids; the marker is the id to begin with
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZones.html).
func (s *Service) listHostedZones(c *call) (*result, error) {
	n, err := c.items(pageZones, pageZones)
	if err != nil {
		return nil, err
	}
	delegation := strings.TrimPrefix(c.query.Get("delegationsetid"), "/delegationset/")
	kind := c.query.Get("hostedzonetype")
	if kind != "" && kind != "PrivateHostedZone" {
		return nil, invalid("Invalid value for HostedZoneType: '%s'", kind)
	}
	s.mu.RLock()
	all := s.byID
	if delegation != "" && s.delegations[delegation] == nil {
		s.mu.RUnlock()
		return nil, noDelegation(delegation)
	}
	marker := trimID(c.query.Get("marker"))
	i, _ := slices.BinarySearchFunc(all, marker, func(z *hostedZone, id string) int { return strings.Compare(z.id, id) })
	body := zoneList{Marker: marker, MaxItems: n}
	var picked []*hostedZone
	for _, z := range all[i:] {
		if delegation != "" && z.servers.id != delegation || kind != "" && !z.private {
			continue
		}
		if len(picked) == n {
			body.IsTruncated, body.NextMarker = true, z.id
			break
		}
		picked = append(picked, z)
	}
	s.mu.RUnlock()
	for _, z := range picked {
		body.HostedZones = append(body.HostedZones, z.document())
	}
	return ok(body), nil
}

// listHostedZonesByName lists in order of names with their labels reversed
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZonesByName.html).
func (s *Service) listHostedZonesByName(c *call) (*result, error) {
	n, err := c.items(pageZones, pageZones)
	if err != nil {
		return nil, err
	}
	name, id := c.query.Get("dnsname"), trimID(c.query.Get("hostedzoneid"))
	start := ""
	if name != "" {
		from, problem := parseName(name)
		if problem != "" {
			return nil, refuse(http.StatusBadRequest, "InvalidDomainName", "FATAL problem: %s encountered with '%s'", problem, name)
		}
		start = sortKey(from) + "\x00" + id
	} else if id != "" {
		return nil, invalid("The HostedZoneId parameter must be used together with the DNSName parameter")
	}
	body := zoneListByName{DNSName: name, HostedZoneID: id, MaxItems: n}
	s.mu.RLock()
	i, _ := slices.BinarySearchFunc(s.byName, start, func(z *hostedZone, k string) int { return strings.Compare(z.key, k) })
	picked := slices.Clone(s.byName[i:min(len(s.byName), i+n)])
	if i+n < len(s.byName) {
		next := s.byName[i+n]
		body.IsTruncated, body.NextDNSName, body.NextZoneID = true, nameText(next.name), next.id
	}
	s.mu.RUnlock()
	for _, z := range picked {
		body.HostedZones = append(body.HostedZones, z.document())
	}
	return ok(body), nil
}

// getHostedZoneCount counts the zones of the account
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZoneCount.html).
func (s *Service) getHostedZoneCount(*call) (*result, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return ok(zoneCount{Count: len(s.byID)}), nil
}

// A page holds 300 sets at most, says the reference, and 100 when a client does not say how many:
// that is what clients have reported (https://github.com/aws/aws-cli/issues/8050).
const (
	pageSets  = 300
	usualSets = 100
)

type setList struct {
	XMLName     xml.Name      `xml:"https://route53.amazonaws.com/doc/2013-04-01/ ListResourceRecordSetsResponse"`
	Sets        []setDocument `xml:"ResourceRecordSets>ResourceRecordSet"`
	IsTruncated bool
	NextName    string `xml:"NextRecordName,omitempty"`
	NextType    string `xml:"NextRecordType,omitempty"`
	NextID      string `xml:"NextRecordIdentifier,omitempty"`
	MaxItems    int
}

type setDocument struct {
	Name        string
	Type        string
	ID          string          `xml:"SetIdentifier,omitempty"`
	Weight      *int            `xml:",omitempty"`
	Region      string          `xml:",omitempty"`
	GeoLocation *element        `xml:",omitempty"`
	Failover    string          `xml:",omitempty"`
	Multivalue  bool            `xml:"MultiValueAnswer,omitempty"`
	TTL         *int64          `xml:",omitempty"`
	Records     *recordList     `xml:"ResourceRecords,omitempty"`
	AliasTarget *targetDocument `xml:",omitempty"`
	Health      string          `xml:"HealthCheckId,omitempty"`
	CIDR        *element        `xml:"CidrRoutingConfig,omitempty"`
	Proximity   *element        `xml:"GeoProximityLocation,omitempty"`
}

type recordList struct {
	Record []recordDocument `xml:"ResourceRecord"`
}

type recordDocument struct{ Value string }

type targetDocument struct {
	HostedZoneID string `xml:"HostedZoneId"`
	DNSName      string
	Evaluate     bool `xml:"EvaluateTargetHealth"`
}

// An element is written as it was read.
type element struct {
	XMLName xml.Name
	Text    string    `xml:",chardata"`
	Kids    []element `xml:",any"`
}

func copied(n *node) *element {
	if n == nil {
		return nil
	}
	e := &element{XMLName: response(n.name)}
	if len(n.kids) == 0 {
		e.Text = n.text
	}
	for _, k := range n.kids {
		e.Kids = append(e.Kids, *copied(k))
	}
	return e
}

func (s *recordSet) document() setDocument {
	d := setDocument{Name: nameText(s.name), Type: s.typ.String(), ID: s.id, Health: s.health}
	switch s.policy {
	case weighted:
		d.Weight = &s.weight
	case latency:
		d.Region = s.where
	case failover:
		d.Failover = s.where
	case multivalue:
		d.Multivalue = true
	}
	d.GeoLocation = copied(s.extra["GeoLocation"])
	d.CIDR = copied(s.extra["CidrRoutingConfig"])
	d.Proximity = copied(s.extra["GeoProximityLocation"])
	if a := s.alias; a != nil {
		d.AliasTarget = &targetDocument{HostedZoneID: a.zoneID, DNSName: nameText(a.name), Evaluate: a.evaluate}
		return d
	}
	d.TTL = &s.ttl
	d.Records = &recordList{}
	for _, v := range s.values {
		d.Records.Record = append(d.Records.Record, recordDocument{v})
	}
	return d
}

// listResourceRecordSets lists in order of reversed names, then types, then identifiers
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html).
func (s *Service) listResourceRecordSets(c *call) (*result, error) {
	z, err := s.zone(c)
	if err != nil {
		return nil, err
	}
	n, err := c.items(usualSets, pageSets)
	if err != nil {
		return nil, err
	}
	start, err := startKey(c)
	if err != nil {
		return nil, err
	}
	sets, next := z.page(start, n)
	body := setList{MaxItems: n, Sets: make([]setDocument, len(sets))}
	for i, set := range sets {
		body.Sets[i] = set.document()
	}
	if next != nil {
		body.IsTruncated, body.NextName, body.NextType, body.NextID = true, nameText(next.name), next.typ.String(), next.id
	}
	return ok(body), nil
}

func startKey(c *call) (string, error) {
	name, typ, id := c.query.Get("name"), c.query.Get("type"), c.query.Get("identifier")
	switch {
	case name == "" && (typ != "" || id != ""):
		return "", invalid("The StartRecordName parameter must be used together with StartRecordType")
	case typ == "" && id != "":
		return "", invalid("The StartRecordType parameter must be used together with StartRecordIdentifier")
	case name == "":
		return "", nil
	}
	if _, known := recordTypes[typ]; typ != "" && !known {
		return "", invalid("Invalid value for StartRecordType: '%s'", typ)
	}
	n, problem := parseName(name)
	if problem != "" {
		return "", invalid("FATAL problem: %s encountered with '%s'", problem, name)
	}
	return sortKey(n) + "\x00" + typ + "\x00" + id, nil
}

func priorRequest() error {
	return refuse(http.StatusBadRequest, "PriorRequestNotComplete", "The request was rejected because Route 53 was still processing a prior request.")
}

// changeResourceRecordSets carries out a change batch.
func (s *Service) changeResourceRecordSets(c *call) (*result, error) {
	z, err := s.zone(c)
	if err != nil {
		return nil, err
	}
	requests, comment, err := readBatch(c.Request)
	if err != nil {
		return nil, err
	}
	if !z.busy.TryLock() {
		return nil, priorRequest()
	}
	defer z.busy.Unlock()
	if s.find(z.id) != z { // it went while the request was read
		return nil, refuse(http.StatusNotFound, "NoSuchHostedZone", "No hosted zone found with ID: %s", z.id)
	}
	if err := s.changeSets(z, requests); err != nil {
		return nil, err
	}
	return ok(changedZone{XMLName: response("ChangeResourceRecordSetsResponse"), ChangeInfo: s.remember(comment).document(true)}), nil
}

func readBatch(r *http.Request) (requests []*request, comment string, err error) {
	root, err := document(r, "ChangeResourceRecordSetsRequest")
	if err != nil {
		return nil, "", err
	}
	if err := root.expect("+ChangeBatch"); err != nil {
		return nil, "", err
	}
	n := root.kid("ChangeBatch")
	if err := n.expect("Comment", "+Changes"); err != nil {
		return nil, "", err
	}
	if comment, err = readComment(n); err != nil {
		return nil, "", err
	}
	changes := n.kid("Changes")
	if err := changes.list("Change"); err != nil {
		return nil, "", err
	}
	requests = make([]*request, 0, len(changes.kids))
	for _, k := range changes.kids {
		q, err := readChange(k)
		if err != nil {
			return nil, "", err
		}
		requests = append(requests, q)
	}
	return requests, comment, nil
}

// getChange tells how far a change is
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html).
func (s *Service) getChange(c *call) (*result, error) {
	id := strings.TrimPrefix(c.PathValue("id"), "/change/")
	s.mu.RLock()
	ch := s.changes[id]
	s.mu.RUnlock()
	if ch == nil {
		return nil, refuse(http.StatusNotFound, "NoSuchChange", "Could not find resource with ID: %.64s", id)
	}
	return ok(changedZone{XMLName: response("GetChangeResponse"), ChangeInfo: ch.document(false)}), nil
}
