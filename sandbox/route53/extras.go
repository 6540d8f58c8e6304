package route53

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// A delegationSet is four name servers. Those with an id can be used by several zones.
type delegationSet struct {
	id, reference string
	names         []string // without final dot
}

func (d *delegationSet) document() *delegationDocument {
	doc := &delegationDocument{NameServers: d.names}
	if d.id != "" {
		doc.ID, doc.Reference = "/delegationset/"+d.id, d.reference
	}
	return doc
}

// domains are the four top-level domains that the name servers of a set are under.
var domains = []string{"com", "net", "org", "co.uk"}

// draw makes up a set: one name server of 512 under each top-level domain, in any order.
func draw() *delegationSet {
	d := &delegationSet{}
	for i, tld := range domains {
		n := rand.IntN(512)
		d.names = append(d.names, fmt.Sprintf("ns-%d.awsdns-%02d.%s", i*512+n, n/8, tld))
	}
	rand.Shuffle(len(d.names), func(i, j int) { d.names[i], d.names[j] = d.names[j], d.names[i] })
	return d
}

// privateServers are those that the NS of every private zone names.
var privateServers = &delegationSet{names: []string{"ns-1536.awsdns-00.co.uk", "ns-0.awsdns-00.com", "ns-1024.awsdns-00.org", "ns-512.awsdns-00.net"}}

// serversFor finds name servers for a new zone. Zones of one name, and a zone and its parent,
// never share one; s.mu is held.
func (s *Service) serversFor(w *wish) (*delegationSet, error) {
	if w.private {
		for _, z := range s.namesakes(w.name) {
			if slices.Contains(z.vpcs, *w.vpc) {
				return nil, refuse(http.StatusBadRequest, "ConflictingDomainExists",
					"The VPC %s in region %s has already been associated with the hosted zone %s with the same domain name.", w.vpc.ID, w.vpc.Region, z.id)
			}
		}
		return privateServers, nil
	}
	kin := map[string]bool{}
	for _, z := range s.kin(w.name) {
		for _, n := range z.servers.names {
			kin[n] = true
		}
	}
	shared := func(d *delegationSet) bool {
		return slices.ContainsFunc(d.names, func(n string) bool { return kin[n] })
	}
	if w.delegation != "" {
		id := strings.TrimPrefix(w.delegation, "/delegationset/")
		d := s.delegations[id]
		if d == nil {
			return nil, noDelegation(id)
		}
		if shared(d) {
			return nil, refuse(http.StatusBadRequest, "ConflictingDomainExists",
				"Cannot create hosted zone with DelegationSetId %s as the DNSName %s conflicts with existing ones sharing the delegation set", id, nameText(w.name))
		}
		return d, nil
	}
	for range 100 {
		if d := draw(); !shared(d) {
			return d, nil
		}
	}
	return nil, refuse(http.StatusBadRequest, "DelegationSetNotAvailable", "There are too many hosted zones with the name %s", nameText(w.name))
}

// kin are the public zones with the same name, its parent's name, or one directly below.
func (s *Service) kin(n zone.Name) []*hostedZone {
	list := slices.Concat(s.namesakes(n), s.namesakes(n.Parent()))
	from, _ := slices.BinarySearchFunc(s.byName, sortKey(n), func(z *hostedZone, k string) int { return strings.Compare(z.key, k) })
	for _, z := range s.byName[from:] {
		if !z.name.In(n) {
			break
		}
		if z.name.Labels() == n.Labels()+1 {
			list = append(list, z)
		}
	}
	return slices.DeleteFunc(list, func(z *hostedZone) bool { return z.private })
}

func noDelegation(id string) error {
	return refuse(http.StatusBadRequest, "NoSuchDelegationSet", "The specified delegation set %.64s does not exist", id)
}

type delegationResponse struct {
	XMLName       xml.Name
	DelegationSet *delegationDocument `xml:",omitempty"`
}

// createDelegationSet makes name servers that several zones can use
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateReusableDelegationSet.html).
func (s *Service) createDelegationSet(c *call) (*result, error) {
	n, err := document(c.Request, "CreateReusableDelegationSetRequest")
	if err != nil {
		return nil, err
	}
	if err := n.expect("+CallerReference", "HostedZoneId"); err != nil {
		return nil, err
	}
	if n.kid("HostedZoneId") != nil {
		return nil, invalid("The emulation does not make a zone's delegation set reusable")
	}
	ref, _, err := n.string("CallerReference", 128)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.delegations {
		if d.reference == ref {
			return nil, refuse(http.StatusBadRequest, "DelegationSetAlreadyCreated", "A delegation set with the same caller reference has already been created")
		}
	}
	if len(s.delegations) >= 100 {
		return nil, refuse(http.StatusBadRequest, "LimitsExceeded", "Limits Exceeded: MAX_REUSABLE_DELEGATION_SETS_BY_OWNER")
	}
	d := draw()
	d.id, d.reference = "N"+random(alphanumeric, 20), ref
	s.delegations[d.id] = d
	return &result{
		status: http.StatusCreated, location: "delegationset/" + d.id,
		body: delegationResponse{response("CreateReusableDelegationSetResponse"), d.document()},
	}, nil
}

func (s *Service) getDelegationSet(c *call) (*result, error) {
	id := c.PathValue("id")
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.delegations[id]
	if d == nil {
		return nil, noDelegation(id)
	}
	return ok(delegationResponse{response("GetReusableDelegationSetResponse"), d.document()}), nil
}

func (s *Service) deleteDelegationSet(c *call) (*result, error) {
	id := c.PathValue("id")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.delegations[id] == nil {
		return nil, noDelegation(id)
	}
	if slices.ContainsFunc(s.byID, func(z *hostedZone) bool { return z.servers.id == id }) {
		return nil, refuse(http.StatusBadRequest, "DelegationSetInUse", "The specified delegation set %s is in use", id)
	}
	delete(s.delegations, id)
	return ok(delegationResponse{XMLName: response("DeleteReusableDelegationSetResponse")}), nil
}

// A healthCheck is kept so that record sets can name it; nothing is checked.
type healthCheck struct {
	id, reference string
	config        *node
}

type healthDocument struct {
	ID        string   `xml:"Id"`
	Reference string   `xml:"CallerReference"`
	Config    *element `xml:"HealthCheckConfig"`
	Version   int      `xml:"HealthCheckVersion"`
}

type healthResponse struct {
	XMLName     xml.Name
	HealthCheck *healthDocument `xml:",omitempty"`
}

type healthList struct {
	XMLName     xml.Name          `xml:"https://route53.amazonaws.com/doc/2013-04-01/ ListHealthChecksResponse"`
	Checks      []*healthDocument `xml:"HealthChecks>HealthCheck"`
	Marker      string
	IsTruncated bool
	NextMarker  string `xml:",omitempty"`
	MaxItems    int
}

func (h *healthCheck) document() *healthDocument {
	return &healthDocument{ID: h.id, Reference: h.reference, Config: copied(h.config), Version: 1}
}

// createHealthCheck keeps a health check
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHealthCheck.html).
func (s *Service) createHealthCheck(c *call) (*result, error) {
	n, err := document(c.Request, "CreateHealthCheckRequest")
	if err != nil {
		return nil, err
	}
	if err := n.expect("+CallerReference", "+HealthCheckConfig"); err != nil {
		return nil, err
	}
	ref, _, err := n.string("CallerReference", 64)
	if err != nil {
		return nil, err
	}
	config := n.kid("HealthCheckConfig")
	if _, has, err := config.one("Type", "HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP", "CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL"); err != nil {
		return nil, err
	} else if !has {
		return nil, config.lacks("Type")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.health {
		if h.reference != ref {
			continue
		}
		if flat(h.config) != flat(config) {
			return nil, refuse(http.StatusConflict, "HealthCheckAlreadyExists", "A health check with the same caller reference and other values exists")
		}
		return &result{status: http.StatusCreated, location: "healthcheck/" + h.id, body: healthResponse{response("CreateHealthCheckResponse"), h.document()}}, nil
	}
	if len(s.health) >= 200 {
		return nil, refuse(http.StatusBadRequest, "TooManyHealthChecks", "Limits Exceeded: MAX_HEALTH_CHECKS_BY_OWNER")
	}
	h := &healthCheck{id: requestID(), reference: ref, config: config}
	s.health[h.id] = h
	return &result{
		status: http.StatusCreated, location: "healthcheck/" + h.id,
		body: healthResponse{response("CreateHealthCheckResponse"), h.document()},
	}, nil
}

func (s *Service) healthCheck(c *call) (*healthCheck, error) {
	id := c.PathValue("id")
	if h := s.health[id]; h != nil {
		return h, nil
	}
	return nil, refuse(http.StatusNotFound, "NoSuchHealthCheck", "No health check exists with the specified ID %.64s", id)
}

func (s *Service) getHealthCheck(c *call) (*result, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, err := s.healthCheck(c)
	if err != nil {
		return nil, err
	}
	return ok(healthResponse{response("GetHealthCheckResponse"), h.document()}), nil
}

func (s *Service) deleteHealthCheck(c *call) (*result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.healthCheck(c)
	if err != nil {
		return nil, err
	}
	delete(s.health, h.id)
	return ok(healthResponse{XMLName: response("DeleteHealthCheckResponse")}), nil
}

// listHealthChecks lists in order of ids
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHealthChecks.html).
func (s *Service) listHealthChecks(c *call) (*result, error) {
	n, err := c.items(pageZones, pageZones)
	if err != nil {
		return nil, err
	}
	body := healthList{Marker: c.query.Get("marker"), MaxItems: n}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var ids []string
	for id := range s.health {
		if id >= body.Marker {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if len(ids) > n {
		body.IsTruncated, body.NextMarker = true, ids[n]
		ids = ids[:n]
	}
	for _, id := range ids {
		body.Checks = append(body.Checks, s.health[id].document())
	}
	return ok(body), nil
}

type dnssecResponse struct {
	XMLName xml.Name  `xml:"https://route53.amazonaws.com/doc/2013-04-01/ GetDNSSECResponse"`
	Status  string    `xml:"Status>ServeSignature"`
	Keys    *struct{} `xml:"KeySigningKeys"`
}

// getDNSSEC says that the zone is not signed: the emulation has no keys
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetDNSSEC.html).
func (s *Service) getDNSSEC(c *call) (*result, error) {
	z, err := s.zone(c)
	if err != nil {
		return nil, err
	}
	if z.private {
		return nil, refuse(http.StatusBadRequest, "InvalidArgument", "DNSSEC is not supported for private hosted zones")
	}
	return ok(dnssecResponse{Status: "NOT_SIGNING", Keys: &struct{}{}}), nil
}

type limitResponse struct {
	XMLName xml.Name
	Limit   limit
	Count   int
}

type limit struct {
	Type  string
	Value int
}

// getHostedZoneLimit tells a quota of a zone and how much of it is used
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZoneLimit.html).
func (s *Service) getHostedZoneLimit(c *call) (*result, error) {
	z, err := s.zone(c)
	if err != nil {
		return nil, err
	}
	r := limitResponse{XMLName: response("GetHostedZoneLimitResponse"), Limit: limit{Type: c.PathValue("type")}}
	switch r.Limit.Type {
	case "MAX_RRSETS_BY_ZONE":
		r.Limit.Value, r.Count = s.opt.Sets, z.count()
	case "MAX_VPCS_ASSOCIATED_BY_ZONE":
		if !z.private {
			return nil, refuse(http.StatusBadRequest, "HostedZoneNotPrivate", "The specified hosted zone is a public hosted zone")
		}
		r.Limit.Value, r.Count = 300, len(z.vpcs)
	default:
		return nil, invalid("Invalid value for Type: '%s'", r.Limit.Type)
	}
	return ok(r), nil
}

// getAccountLimit tells a quota of the account and how much of it is used
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetAccountLimit.html).
func (s *Service) getAccountLimit(c *call) (*result, error) {
	r := limitResponse{XMLName: response("GetAccountLimitResponse"), Limit: limit{Type: c.PathValue("type")}}
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch r.Limit.Type {
	case "MAX_HOSTED_ZONES_BY_OWNER":
		r.Limit.Value, r.Count = s.opt.Zones, len(s.byID)
	case "MAX_HEALTH_CHECKS_BY_OWNER":
		r.Limit.Value, r.Count = 200, len(s.health)
	case "MAX_REUSABLE_DELEGATION_SETS_BY_OWNER":
		r.Limit.Value, r.Count = 100, len(s.delegations)
	default:
		return nil, invalid("Invalid value for Type: '%s'", r.Limit.Type)
	}
	return ok(r), nil
}
