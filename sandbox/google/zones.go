package google

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A zoneRequest is a managed zone as clients send it. What only the service sets is read and left.
type zoneRequest struct {
	Name                    *string           `json:"name"`
	DNSName                 *string           `json:"dnsName"`
	Description             *string           `json:"description"`
	Visibility              *string           `json:"visibility"`
	Labels                  map[string]string `json:"labels"`
	DNSSEC                  *dnssecConfig     `json:"dnssecConfig"`
	NameServerSet           *string           `json:"nameServerSet"`
	PrivateVisibilityConfig json.RawMessage   `json:"privateVisibilityConfig"`
	ForwardingConfig        json.RawMessage   `json:"forwardingConfig"`
	PeeringConfig           json.RawMessage   `json:"peeringConfig"`
	ReverseLookupConfig     json.RawMessage   `json:"reverseLookupConfig"`
	ServiceDirectoryConfig  json.RawMessage   `json:"serviceDirectoryConfig"`
	CloudLoggingConfig      json.RawMessage   `json:"cloudLoggingConfig"`
	Kind                    json.RawMessage   `json:"kind"`
	ID                      json.RawMessage   `json:"id"`
	CreationTime            json.RawMessage   `json:"creationTime"`
	NameServers             json.RawMessage   `json:"nameServers"`
}

// A zoneView is a managed zone as the service shows it.
type zoneView struct {
	Kind                    string            `json:"kind"`
	Name                    string            `json:"name"`
	DNSName                 string            `json:"dnsName"`
	Description             string            `json:"description"`
	ID                      string            `json:"id"`
	NameServers             []string          `json:"nameServers"`
	CreationTime            string            `json:"creationTime"`
	DNSSEC                  *dnssecConfig     `json:"dnssecConfig,omitempty"`
	Visibility              string            `json:"visibility"`
	Labels                  map[string]string `json:"labels,omitempty"`
	NameServerSet           string            `json:"nameServerSet,omitempty"`
	PrivateVisibilityConfig json.RawMessage   `json:"privateVisibilityConfig,omitempty"`
	ForwardingConfig        json.RawMessage   `json:"forwardingConfig,omitempty"`
	PeeringConfig           json.RawMessage   `json:"peeringConfig,omitempty"`
	ReverseLookupConfig     json.RawMessage   `json:"reverseLookupConfig,omitempty"`
	ServiceDirectoryConfig  json.RawMessage   `json:"serviceDirectoryConfig,omitempty"`
	CloudLoggingConfig      json.RawMessage   `json:"cloudLoggingConfig,omitempty"`
}

// stamp writes a time as the service does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// view shows the zone; z.mu is held.
func (z *managedZone) view() zoneView {
	v := zoneView{
		Kind: "dns#managedZone", Name: z.name, DNSName: z.origin.String(), Description: z.body.description, ID: z.id,
		NameServers: z.servers, CreationTime: stamp(z.created), DNSSEC: z.body.dnssec, Visibility: "public",
		Labels: z.body.labels, NameServerSet: z.body.nameServerSet, PrivateVisibilityConfig: z.body.privateTo,
		ForwardingConfig: z.body.forwarding, PeeringConfig: z.body.peering, ReverseLookupConfig: z.body.reverse,
		ServiceDirectoryConfig: z.body.serviceDir, CloudLoggingConfig: z.body.logging,
	}
	if z.private {
		v.Visibility = "private"
	}
	return v
}

var (
	zoneName  = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	labelText = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$`)
)

const inZone = "entity.managedZone"

func (s *Service) zoneCreate(c *call) (any, *refusal) {
	var in zoneRequest
	if no := decode(c.Request, inZone, &in); no != nil {
		return nil, no
	}
	z, no := newZone(&in, c.now)
	if no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.zones[z.name] != nil:
		return nil, alreadyExists(inZone, z.name)
	case len(s.zones) >= s.opts.Quota.ManagedZones:
		return nil, exceeded("managed zones")
	}
	if z.servers = s.shard(z); z.servers == nil {
		return nil, refuse(http.StatusBadRequest, "managedZoneDnsNameNotAvailable", "The managed zone '%s' is not available to be created.", z.origin)
	}
	z.id = s.newID()
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.body.state() != "off" {
		z.makeKeys(c.now)
	}
	if _, no := z.apply(s, z.firstSets(), nil, c.now); no != nil {
		return nil, no
	}
	z.changes[0].done = c.now // change 0 is there with the zone
	s.zones[z.name], s.byID[z.id] = z, z
	i, _ := slices.BinarySearchFunc(s.sorted, z.name, func(z *managedZone, name string) int { return strings.Compare(z.name, name) })
	s.sorted = slices.Concat(s.sorted[:i], []*managedZone{z}, s.sorted[i:]) // readers may hold the old slice
	z.operate(c, "create", nil)
	return z.view(), nil
}

// newZone checks what a person gives for a new zone.
func newZone(in *zoneRequest, now time.Time) (*managedZone, *refusal) {
	var all faults
	for _, f := range []struct {
		path  string
		value *string
		empty bool
	}{{"name", in.Name, false}, {"dnsName", in.DNSName, false}, {"description", in.Description, true}} {
		if f.value == nil || *f.value == "" && !f.empty {
			all.add(required(inZone + "." + f.path))
		}
	}
	if all.first != nil {
		return nil, all.first
	}
	z := &managedZone{name: *in.Name, created: now}
	if !zoneName.MatchString(z.name) {
		all.add(invalid(inZone+".name", z.name))
	}
	var err error
	if z.origin, err = zone.ParseName(*in.DNSName); err != nil || !plainName(*in.DNSName) || z.origin.IsWildcard() {
		all.add(invalid(inZone+".dnsName", *in.DNSName))
	}
	if in.Visibility != nil {
		z.private = *in.Visibility == "private"
		if !z.private && *in.Visibility != "public" {
			all.add(invalid(inZone+".visibility", *in.Visibility))
		}
	}
	z.body.dnssec = &dnssecConfig{Kind: "dns#managedZoneDnsSecConfig", State: "off"}
	if z.private {
		z.body.dnssec = nil
	}
	all.add(z.body.set(in, z.private))
	if all.first != nil {
		return nil, all.first
	}
	if !z.private && reserved(z.origin) {
		return nil, refuse(http.StatusBadRequest, "managedZoneDnsNameNotAvailable", "The managed zone '%s' is not available to be created.", z.origin)
	}
	z.shown = zone.Empty(z.origin)
	return z, nil
}

// reserved are names that no public zone may have, "such as ., .com, or .co.uk"
// (https://cloud.google.com/dns/docs/error-messages#managedzonednsnamenotavailable).
func reserved(n zone.Name) bool {
	switch n.String() {
	case "co.uk.", "org.uk.", "com.au.", "co.jp.", "com.br.":
		return true
	}
	return n.Labels() < 2
}

// shard returns the name servers for a zone: the first shard that has no zone of its name, or none
// left. s.mu is held.
func (s *Service) shard(z *managedZone) []string {
	if z.private {
		return []string{"ns-gcp-private.googledomains.com."}
	}
	taken := map[string]bool{}
	for _, o := range s.sorted {
		if o.origin == z.origin && !o.private {
			taken[o.servers[0]] = true
		}
	}
	for _, letter := range "abcde" {
		list := make([]string, 4)
		for i := range list {
			list[i] = fmt.Sprintf("ns-cloud-%c%d.googledomains.com.", letter, i+1)
		}
		if !taken[list[0]] {
			return list
		}
	}
	return nil
}

// firstSets are the SOA and NS that come with a zone.
func (z *managedZone) firstSets() []item {
	set := func(t zone.Type, texts ...string) item {
		r := &record{name: z.origin, typ: t, ttl: 21600, text: texts}
		for _, text := range texts {
			d, _ := rdata.Parse(t, text, zone.Root) // our own words
			r.data = append(r.data, d)
		}
		slices.Sort(r.data)
		return item{"", r}
	}
	return []item{
		set(zone.TypeNS, z.servers...),
		set(zone.TypeSOA, z.servers[0]+" cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"),
	}
}

// zone finds a zone by name or id and locks it; the caller unlocks it.
func (s *Service) zone(c *call) (*managedZone, *refusal) {
	key := c.PathValue("managedZone")
	s.mu.Lock()
	z := cmp.Or(s.zones[key], s.byID[key])
	s.mu.Unlock()
	if z != nil {
		z.mu.Lock()
		if !z.gone {
			return z, nil
		}
		z.mu.Unlock()
	}
	return nil, notFound("parameters.managedZone", key)
}

func (s *Service) zoneGet(c *call) (any, *refusal) {
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	defer z.mu.Unlock()
	return z.view(), nil
}

// pageToken and pageStart hide from clients that a token is the last name of a page.
func pageToken(last string) string {
	return "CjA" + base64.RawURLEncoding.EncodeToString([]byte("v1"+last))
}

func pageStart(c *call) (last string, given bool, no *refusal) {
	token := c.FormValue("pageToken")
	if token == "" {
		return "", false, nil
	}
	body, ok := strings.CutPrefix(token, "CjA")
	raw, err := base64.RawURLEncoding.DecodeString(body)
	last, v1 := strings.CutPrefix(string(raw), "v1")
	if !ok || err != nil || !v1 {
		return "", false, invalid("parameters.pageToken", token)
	}
	return last, true, nil
}

func (s *Service) zoneList(c *call) (any, *refusal) {
	most, no := s.limit(c)
	if no != nil {
		return nil, no
	}
	last, _, no := pageStart(c)
	if no != nil {
		return nil, no
	}
	var only zone.Name
	filter := c.FormValue("dnsName")
	if filter != "" {
		var err error
		if only, err = zone.ParseName(filter); err != nil || !strings.HasSuffix(filter, ".") {
			return nil, invalid("parameters.dnsName", filter)
		}
	}
	s.mu.Lock()
	all := s.sorted
	s.mu.Unlock()
	answer := struct {
		Kind          string     `json:"kind"`
		ManagedZones  []zoneView `json:"managedZones"`
		NextPageToken string     `json:"nextPageToken,omitempty"`
	}{Kind: "dns#managedZonesListResponse", ManagedZones: []zoneView{}}
	for _, z := range all[sort.Search(len(all), func(i int) bool { return all[i].name > last }):] {
		if filter != "" && z.origin != only {
			continue
		}
		if n := len(answer.ManagedZones); n == most {
			answer.NextPageToken = pageToken(answer.ManagedZones[n-1].Name)
			break
		}
		z.mu.Lock()
		if !z.gone {
			answer.ManagedZones = append(answer.ManagedZones, z.view())
		}
		z.mu.Unlock()
	}
	return answer, nil
}

// zonePatch changes what the request gives.
func (s *Service) zonePatch(c *call) (any, *refusal) { return s.zoneChange(c, false) }

// zoneUpdate is like a patch that has to give everything that is required.
func (s *Service) zoneUpdate(c *call) (any, *refusal) { return s.zoneChange(c, true) }

func (s *Service) zoneChange(c *call, whole bool) (any, *refusal) {
	var in zoneRequest
	if no := decode(c.Request, inZone, &in); no != nil {
		return nil, no
	}
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	defer z.mu.Unlock()
	before := z.view()
	var all faults
	for _, f := range []struct {
		path, have string
		given      *string
	}{{"name", before.Name, in.Name}, {"dnsName", before.DNSName, in.DNSName}, {"visibility", before.Visibility, in.Visibility}} {
		if f.given != nil && *f.given != f.have {
			all.add(invalid(inZone+"."+f.path, *f.given)) // cannot change after creation
		}
	}
	if whole && in.Description == nil {
		all.add(required(inZone + ".description"))
	}
	body := z.body
	if whole {
		body.labels = nil
	}
	all.add(body.set(&in, z.private))
	if all.first != nil {
		return nil, all.first
	}
	if body.state() != "off" && z.find(z.origin, zone.TypeALIAS) != nil {
		// https://cloud.google.com/dns/docs/records-overview#alias-records
		return nil, invalid(inZone+".dnssecConfig.state", body.state())
	}
	was := z.body.state()
	z.body = body
	switch now := body.state(); {
	case was == "off" && now != "off":
		z.makeKeys(c.now)
	case now == "off":
		z.keys = nil
	}
	return z.operate(c, "update", &before).view(c.now), nil
}

func (s *Service) zoneDelete(c *call) (any, *refusal) {
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	if len(z.sets) > 2 {
		z.mu.Unlock()
		return nil, refuse(http.StatusBadRequest, "containerNotEmpty", "The resource named '%s' cannot be deleted because it contains one or more 'resource records'.", z.name)
	}
	z.gone = true
	z.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.zones, z.name)
	delete(s.byID, z.id)
	s.sorted = slices.DeleteFunc(slices.Clone(s.sorted), func(o *managedZone) bool { return o == z })
	if !z.private {
		s.names.Withdraw(z.id)
	}
	return nothing{}, nil
}
