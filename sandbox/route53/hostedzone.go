package route53

import (
	"encoding/xml"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

const (
	pageZones = 100
	nsTTL     = 172800
	soaTTL    = 900
)

type zoneDocument struct {
	ID              string `xml:"Id"`
	Name            string
	CallerReference string
	Config          zoneConfig
	Count           int `xml:"ResourceRecordSetCount"`
}

type zoneConfig struct {
	Comment     string `xml:",omitempty"`
	PrivateZone bool
}

type changeDocument struct {
	ID          string `xml:"Id"`
	Status      string
	SubmittedAt string
	Comment     string `xml:",omitempty"`
}

type delegationDocument struct {
	ID          string   `xml:"Id,omitempty"`
	Reference   string   `xml:"CallerReference,omitempty"`
	NameServers []string `xml:"NameServers>NameServer"`
}

type createdZone struct {
	XMLName       xml.Name     `xml:"https://route53.amazonaws.com/doc/2013-04-01/ CreateHostedZoneResponse"`
	HostedZone    zoneDocument `xml:"HostedZone"`
	ChangeInfo    changeDocument
	DelegationSet *delegationDocument `xml:",omitempty"`
	VPC           *vpc                `xml:",omitempty"`
}

type oneZone struct {
	XMLName       xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ GetHostedZoneResponse"`
	HostedZone    zoneDocument
	DelegationSet *delegationDocument `xml:",omitempty"`
	VPCs          *vpcList            `xml:",omitempty"`
}

type vpcList struct {
	VPC []vpc
}

type changedZone struct {
	XMLName    xml.Name
	ChangeInfo changeDocument
}

type updatedZone struct {
	XMLName    xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ UpdateHostedZoneCommentResponse"`
	HostedZone zoneDocument
}

func (z *hostedZone) document() zoneDocument {
	z.mu.RLock()
	defer z.mu.RUnlock()
	return zoneDocument{
		ID: "/hostedzone/" + z.id, Name: nameText(z.name), CallerReference: z.reference,
		Config: zoneConfig{Comment: z.comment, PrivateZone: z.private}, Count: len(z.order),
	}
}

// document says how far a change is: every change is PENDING at first
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeInfo.html).
func (c *change) document(first bool) changeDocument {
	status := "INSYNC"
	if first || time.Now().Before(c.done) {
		status = "PENDING"
	}
	return changeDocument{ID: "/change/" + c.id, Status: status, SubmittedAt: timestamp(c.submitted), Comment: c.comment}
}

func response(name string) xml.Name { return xml.Name{Space: namespace, Local: name} }

// zone finds the zone that the path names.
func (s *Service) zone(c *call) (*hostedZone, error) {
	id := trimID(c.PathValue("id"))
	if z := s.find(id); z != nil {
		return z, nil
	}
	return nil, refuse(http.StatusNotFound, "NoSuchHostedZone", "No hosted zone found with ID: %.64s", id)
}

// A wish is what a CreateHostedZone request asks for.
type wish struct {
	name               zone.Name
	reference, comment string
	private            bool
	vpc                *vpc
	delegation         string
}

var vpcID = regexp.MustCompile(`^vpc-[0-9a-f]{8,17}$`)

func readWish(c *call) (*wish, error) {
	n, err := document(c.Request, "CreateHostedZoneRequest")
	if err != nil {
		return nil, err
	}
	if err := n.expect("+Name", "VPC", "+CallerReference", "HostedZoneConfig", "DelegationSetId"); err != nil {
		return nil, err
	}
	w := &wish{}
	text, _, err := n.string("Name", 1024)
	if err != nil {
		return nil, err
	}
	var problem string
	if w.name, problem = parseName(text); problem != "" {
		return nil, refuse(http.StatusBadRequest, "InvalidDomainName", "FATAL problem: %s encountered with '%s'", problem, text)
	}
	if w.reference, _, err = n.string("CallerReference", 128); err != nil {
		return nil, err
	}
	if w.delegation, _, err = n.string("DelegationSetId", 64); err != nil {
		return nil, err
	}
	if config := n.kid("HostedZoneConfig"); config != nil {
		if err := w.readConfig(config); err != nil {
			return nil, err
		}
	}
	if v := n.kid("VPC"); v != nil {
		if w.vpc, err = readVPC(v); err != nil {
			return nil, err
		}
		w.private = true
	}
	return w, w.check()
}

func (w *wish) readConfig(n *node) (err error) {
	if err = n.expect("Comment", "PrivateZone"); err != nil {
		return err
	}
	if w.comment, err = readComment(n); err != nil {
		return err
	}
	w.private, _, err = n.boolean("PrivateZone")
	return err
}

// readComment reads a comment, which may be empty.
func readComment(n *node) (string, error) {
	k := n.kid("Comment")
	if k == nil {
		return "", nil
	}
	if len(k.text) > 256 || len(k.kids) > 0 {
		return "", invalid("Invalid XML ; cvc-maxLength-valid: Value '%.100s' is not facet-valid with respect to maxLength '256' for element 'Comment'.", k.text)
	}
	return k.text, nil
}

func readVPC(n *node) (*vpc, error) {
	if err := n.expect("VPCRegion", "VPCId"); err != nil {
		return nil, err
	}
	v := &vpc{}
	var err error
	if v.Region, _, err = n.string("VPCRegion", 64); err != nil {
		return nil, err
	}
	if v.ID, _, err = n.string("VPCId", 1024); err != nil {
		return nil, err
	}
	if v.Region == "" || v.ID == "" {
		return nil, invalid("When you're creating a private hosted zone, you must specify values for VPCId and VPCRegion")
	}
	if !vpcID.MatchString(v.ID) {
		return nil, refuse(http.StatusBadRequest, "InvalidVPCId", "The VPC: %s that you provided is not a valid VPC, or is not in the %s region", v.ID, v.Region)
	}
	return v, nil
}

func (w *wish) check() error {
	switch {
	case w.private && w.vpc == nil:
		return invalid("When you're creating a private hosted zone, you must specify values for VPCId and VPCRegion")
	case w.private && w.delegation != "":
		return invalid("A reusable delegation set can't be associated with a private hosted zone")
	case w.name.IsRoot(), !w.private && w.name.Labels() == 1:
		return refuse(http.StatusBadRequest, "InvalidDomainName", "%s is a top-level domain: you can't create a hosted zone for it", nameText(w.name))
	case w.name.IsWildcard():
		return refuse(http.StatusBadRequest, "InvalidDomainName", "%s is not a valid domain name", nameText(w.name))
	}
	return nil
}

// createHostedZone makes a zone with its SOA and NS
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html).
func (s *Service) createHostedZone(c *call) (*result, error) {
	w, err := readWish(c)
	if err != nil {
		return nil, err
	}
	z, err := s.add(w)
	if err != nil {
		return nil, err
	}
	body := createdZone{HostedZone: z.document(), ChangeInfo: s.remember("").document(true), VPC: w.vpc}
	if !z.private {
		body.DelegationSet = z.servers.document()
	}
	return &result{status: http.StatusCreated, location: "hostedzone/" + z.id, body: body}, nil
}

// add puts a new zone into the account.
func (s *Service) add(w *wish) (*hostedZone, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, used := s.references[w.reference]; used {
		return nil, refuse(http.StatusConflict, "HostedZoneAlreadyExists", "A hosted zone has already been created with the specified caller reference.")
	}
	if len(s.byID) >= s.opt.Zones {
		return nil, refuse(http.StatusBadRequest, "TooManyHostedZones", "Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - Cannot create more hosted zones.")
	}
	z := &hostedZone{
		id: "Z0" + random("0123456789", 7) + random(alphanumeric, 12), name: w.name, reference: w.reference,
		private: w.private, comment: w.comment, at: map[zone.Name][]*recordSet{}, refs: map[group][]*recordSet{},
	}
	z.key = sortKey(w.name) + "\x00" + z.id
	if w.vpc != nil {
		z.vpcs = []vpc{*w.vpc}
	}
	var err error
	if z.servers, err = s.serversFor(w); err != nil {
		return nil, err
	}
	if err := z.furnish(); err != nil {
		return nil, err
	}
	if !z.private {
		s.names.Publish(z.id, z.served) // before anyone else can change it
	}
	s.zones[z.id] = z
	s.references[w.reference] = struct{}{}
	i, _ := slices.BinarySearchFunc(s.byID, z, func(a, b *hostedZone) int { return strings.Compare(a.id, b.id) })
	s.byID = slices.Insert(s.byID, i, z)
	i, _ = slices.BinarySearchFunc(s.byName, z, func(a, b *hostedZone) int { return strings.Compare(a.key, b.key) })
	s.byName = slices.Insert(s.byName, i, z)
	return z, nil
}

// namesakes are the zones that have a name, in order of ids. s.mu is held.
func (s *Service) namesakes(n zone.Name) []*hostedZone {
	key := sortKey(n) + "\x00"
	i, _ := slices.BinarySearchFunc(s.byName, key, func(z *hostedZone, k string) int { return strings.Compare(z.key, k) })
	end := i
	for end < len(s.byName) && s.byName[end].name == n {
		end++
	}
	return s.byName[i:end]
}

// furnish puts in what every zone begins with
// (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/SOA-NSrecords.html).
func (z *hostedZone) furnish() error {
	ns := &recordSet{name: z.name, typ: zone.TypeNS, ttl: nsTTL}
	for _, host := range z.servers.names {
		ns.values = append(ns.values, host+".")
		ns.data = append(ns.data, rdata.Name(zone.MustName(host)))
	}
	slices.Sort(ns.data)
	text := z.servers.names[0] + ". awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
	soaData, err := rdata.Parse(zone.TypeSOA, text, zone.Root)
	if err != nil {
		return err
	}
	soa := &recordSet{name: z.name, typ: zone.TypeSOA, ttl: soaTTL, values: []string{text}, data: []zone.Data{soaData}}
	for _, set := range []*recordSet{ns, soa} {
		set.key = sortKey(set.name) + "\x00" + set.typ.String() + "\x00"
	}
	z.order = []*recordSet{ns, soa}
	z.at[z.name] = []*recordSet{ns, soa}
	z.served, err = zone.Of(z.name,
		zone.RRset{Owner: z.name, Type: zone.TypeNS, TTL: nsTTL, Data: ns.data},
		zone.RRset{Owner: z.name, Type: zone.TypeSOA, TTL: soaTTL, Data: soa.data})
	return err
}

// getHostedZone tells about one zone
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZone.html).
func (s *Service) getHostedZone(c *call) (*result, error) {
	z, err := s.zone(c)
	if err != nil {
		return nil, err
	}
	body := oneZone{HostedZone: z.document()}
	if z.private {
		body.VPCs = &vpcList{VPC: z.vpcs}
	} else {
		body.DelegationSet = z.servers.document()
	}
	return ok(body), nil
}

// updateComment changes a zone's comment
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_UpdateHostedZoneComment.html).
func (s *Service) updateComment(c *call) (*result, error) {
	z, err := s.zone(c)
	if err != nil {
		return nil, err
	}
	n, err := document(c.Request, "UpdateHostedZoneCommentRequest")
	if err != nil {
		return nil, err
	}
	if err := n.expect("Comment"); err != nil {
		return nil, err
	}
	comment, err := readComment(n)
	if err != nil {
		return nil, err
	}
	z.mu.Lock()
	z.comment = comment
	z.mu.Unlock()
	return ok(updatedZone{HostedZone: z.document()}), nil
}

// deleteHostedZone removes a zone that holds nothing but its SOA and NS
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_DeleteHostedZone.html).
func (s *Service) deleteHostedZone(c *call) (*result, error) {
	z, err := s.zone(c)
	if err != nil {
		return nil, err
	}
	if !z.busy.TryLock() {
		return nil, priorRequest()
	}
	defer z.busy.Unlock()
	if !z.empty() {
		return nil, refuse(http.StatusBadRequest, "HostedZoneNotEmpty",
			"The specified hosted zone contains non-required resource record sets and so cannot be deleted.")
	}
	if err := s.drop(z); err != nil {
		return nil, err
	}
	if !z.private {
		s.names.Withdraw(z.id)
	}
	return ok(changedZone{XMLName: response("DeleteHostedZoneResponse"), ChangeInfo: s.remember("").document(true)}), nil
}

func (s *Service) drop(z *hostedZone) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.zones[z.id] != z {
		return refuse(http.StatusNotFound, "NoSuchHostedZone", "No hosted zone found with ID: %s", z.id)
	}
	delete(s.zones, z.id)
	is := func(x *hostedZone) bool { return x == z }
	s.byID = slices.DeleteFunc(s.byID, is)
	s.byName = slices.DeleteFunc(s.byName, is)
	return nil
}
