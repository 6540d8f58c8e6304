package cloudflare

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// A hosted zone is one of an account.
type hosted struct {
	id                           string
	name                         string // without final dot, A-labels
	origin                       zone.Name
	account                      Account
	plan                         Plan
	kind                         string // full, partial, secondary, internal
	status                       string // pending, active
	paused                       bool
	servers                      [2]string
	created, modified, activated time.Time

	records  map[string]*record
	byName   map[zone.Name][]*record
	order    []*record // as last listed; nil after a change
	ordering string    // what order is sorted by

	settings settings
	dnssec   dnssec

	served    *zone.Zone
	flattened map[zone.Name]bool // whose addresses depend on other records
	serial    uint32
}

// zoneView is a zone in the API
// (https://developers.cloudflare.com/api/resources/zones/methods/get/).
type zoneView struct {
	ID              string   `json:"id"`
	Name            string   `json:"name"`
	Status          string   `json:"status"`
	Paused          bool     `json:"paused"`
	Type            string   `json:"type"`
	DevelopmentMode int      `json:"development_mode"`
	NameServers     []string `json:"name_servers"`
	OriginalServers []string `json:"original_name_servers"`
	OriginalReg     *string  `json:"original_registrar"`
	OriginalHost    *string  `json:"original_dnshost"`
	Modified        string   `json:"modified_on"`
	Created         string   `json:"created_on"`
	Activated       *string  `json:"activated_on"`
	Meta            zoneMeta `json:"meta"`
	Owner           owner    `json:"owner"`
	Account         Account  `json:"account"`
	Tenant          owner    `json:"tenant"`
	TenantUnit      owner    `json:"tenant_unit"`
	Permissions     []string `json:"permissions"`
	Plan            planView `json:"plan"`
}

type zoneMeta struct {
	Step             int  `json:"step"`
	Certificates     int  `json:"custom_certificate_quota"`
	PageRules        int  `json:"page_rule_quota"`
	PhishingDetected bool `json:"phishing_detected"`
	CDNOnly          bool `json:"cdn_only"`
	DNSOnly          bool `json:"dns_only"`
	FoundationDNS    bool `json:"foundation_dns"`
}

type owner struct {
	ID    *string `json:"id"`
	Type  string  `json:"type,omitempty"`
	Email *string `json:"email,omitempty"`
	Name  *string `json:"name,omitempty"`
}

type planView struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Price        int    `json:"price"`
	Currency     string `json:"currency"`
	Frequency    string `json:"frequency"`
	IsSubscribed bool   `json:"is_subscribed"`
	CanSubscribe bool   `json:"can_subscribe"`
	LegacyID     string `json:"legacy_id"`
	Legacy       bool   `json:"legacy_discount"`
	External     bool   `json:"externally_managed"`
}

var planNames = map[Plan]string{
	Free: "Free Website", Pro: "Pro Website", Business: "Business Website", Enterprise: "Enterprise Website",
}

func (s *Service) view(z *hosted, c call) zoneView {
	v := zoneView{
		ID: z.id, Name: z.name, Status: z.status, Paused: z.paused, Type: z.kind,
		NameServers: z.servers[:], Modified: stamp(z.modified), Created: stamp(z.created), Account: z.account,
		Meta: zoneMeta{
			Step: 2, PageRules: 3, CDNOnly: z.settings.ZoneMode == "cdn_only", DNSOnly: z.settings.ZoneMode == "dns_only",
			FoundationDNS: z.settings.Foundation,
		},
		Owner:       owner{Type: "user", ID: new(idOf(s.opt.Email)), Email: &s.opt.Email},
		Permissions: []string{"#dns_records:read", "#zone:read"},
		Plan: planView{
			ID: idOf("plan " + string(z.plan)), Name: planNames[z.plan], Currency: "USD", LegacyID: string(z.plan),
		},
	}
	if c.who.mayWrite() {
		v.Permissions = append(v.Permissions, "#dns_records:edit", "#zone:edit")
	}
	if !z.activated.IsZero() {
		v.Activated = new(stamp(z.activated))
	}
	return v
}

// listZones answers GET /zones
// (https://developers.cloudflare.com/api/resources/zones/methods/list/).
func (s *Service) listZones(c call) (answer, *refusal) {
	p, no := pagingOf(c.query, 20, 5, 50)
	if no != nil {
		return answer{}, no
	}
	keep, no := zoneFilter(c)
	if no != nil {
		return answer{}, no
	}
	var found []*hosted
	if name := c.query.Get("name"); name != "" && !strings.Contains(name, ":") {
		for _, a := range s.opt.Accounts {
			if z := s.byName[a.ID+"/"+plain(name)]; z != nil {
				found = append(found, z)
			}
		}
	} else {
		for _, z := range s.zones {
			found = append(found, z)
		}
	}
	found = slices.DeleteFunc(found, func(z *hosted) bool { return !c.who.sees(z) || !keep(z) })
	sortZones(found, c.query.Get("order"), c.query.Get("direction") == "desc")
	part, info := cut(found, p)
	views := make([]zoneView, 0, len(part))
	for _, z := range part {
		views = append(views, s.view(z, c))
	}
	return answer{result: views, info: info}, nil
}

func sortZones(zones []*hosted, order string, down bool) {
	slices.SortFunc(zones, func(a, b *hosted) int {
		var n int
		switch order {
		case "status":
			n = cmp.Compare(a.status, b.status)
		case "account.id":
			n = cmp.Compare(a.account.ID, b.account.ID)
		case "account.name":
			n = cmp.Compare(a.account.Name, b.account.Name)
		}
		n = cmp.Or(n, cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
		if down {
			return -n
		}
		return n
	})
}

// zoneFilter reads what zones are asked for, combined by match.
func zoneFilter(c call) (func(*hosted) bool, *refusal) {
	var tests []func(*hosted) bool
	add := func(param string, value func(*hosted) string) *refusal {
		v := c.query.Get(param)
		if v == "" {
			return nil
		}
		test, no := operator(v)
		if no != nil {
			return no
		}
		tests = append(tests, func(z *hosted) bool { return test(value(z)) })
		return nil
	}
	for param, value := range map[string]func(*hosted) string{
		"name": func(z *hosted) string { return z.name }, "status": func(z *hosted) string { return z.status },
		"account.id": func(z *hosted) string { return z.account.ID }, "account.name": func(z *hosted) string { return z.account.Name },
	} {
		if no := add(param, value); no != nil {
			return nil, no
		}
	}
	if kinds := c.query["type"]; len(kinds) > 0 {
		kinds = strings.Split(strings.Join(kinds, ","), ",")
		tests = append(tests, func(z *hosted) bool { return slices.Contains(kinds, z.kind) })
	} else {
		tests = append(tests, func(z *hosted) bool { return z.kind != "internal" })
	}
	return combined(tests, c.query.Get("match") == "any"), nil
}

// combined joins tests by and, or by or.
func combined[T any](tests []func(T) bool, either bool) func(T) bool {
	return func(x T) bool {
		if either && len(tests) > 0 {
			return slices.ContainsFunc(tests, func(t func(T) bool) bool { return t(x) })
		}
		return !slices.ContainsFunc(tests, func(t func(T) bool) bool { return !t(x) })
	}
}

// operator reads a filter of zones: a value, or "contains:value" and the like.
func operator(v string) (func(string) bool, *refusal) {
	op, value, found := strings.Cut(v, ":")
	if !found {
		op, value = "equal", v
	}
	lower := strings.ToLower(value)
	switch op {
	case "equal":
		lower = plain(lower)
		return func(s string) bool { return strings.ToLower(s) == lower }, nil
	case "not_equal":
		return func(s string) bool { return strings.ToLower(s) != lower }, nil
	case "starts_with":
		return func(s string) bool { return strings.HasPrefix(strings.ToLower(s), lower) }, nil
	case "ends_with":
		return func(s string) bool { return strings.HasSuffix(strings.ToLower(s), lower) }, nil
	case "contains":
		return func(s string) bool { return strings.Contains(strings.ToLower(s), lower) }, nil
	case "starts_with_case_sensitive":
		return func(s string) bool { return strings.HasPrefix(s, value) }, nil
	case "ends_with_case_sensitive":
		return func(s string) bool { return strings.HasSuffix(s, value) }, nil
	case "contains_case_sensitive":
		return func(s string) bool { return strings.Contains(s, value) }, nil
	}
	return nil, refuse(6007, "Malformed URL parameter: unknown operator %s", op)
}

// plain is a domain name as the API has it: lower case, A-labels, no final dot. What is no name
// stays as it is.
func plain(s string) string {
	n, err := zone.ParseName(s)
	if err != nil || n.IsRoot() {
		return s
	}
	return strings.TrimSuffix(n.String(), ".")
}

// createZone answers POST /zones
// (https://developers.cloudflare.com/api/resources/zones/methods/create/).
func (s *Service) createZone(c call) (answer, *refusal) {
	if !c.who.mayWrite() || c.who.token != nil && c.who.token.Zones != nil {
		return answer{}, refuseAs(http.StatusForbidden, 0,
			`Requires permission "com.cloudflare.api.account.zone.create" to create zones for the selected account`)
	}
	in := struct {
		Name      string
		Type      string
		Account   struct{ ID string }
		JumpStart bool `json:"jump_start"`
	}{Type: "full"}
	if no := c.decode(&in); no != nil {
		return answer{}, no
	}
	i := 0
	if in.Account.ID != "" || len(s.opt.Accounts) > 1 {
		i = slices.IndexFunc(s.opt.Accounts, func(a Account) bool { return a.ID == in.Account.ID })
	}
	if i < 0 {
		return answer{}, refuseAs(http.StatusForbidden, 9109, "Unauthorized to access requested resource")
	}
	z, no := s.addZone(s.opt.Accounts[i], in.Name, in.Type, s.opt.Plan, c.now)
	if no != nil {
		return answer{}, no
	}
	return answer{result: s.view(z, c)}, nil
}

// addZone makes a zone, which begins pending and without records of its own.
func (s *Service) addZone(a Account, name, kind string, plan Plan, now time.Time) (*hosted, *refusal) {
	origin, err := zone.ParseName(name)
	if err != nil || origin.Labels() < 2 || !hostname(origin) {
		return nil, refuse(1049, "%.255s is not a registered domain", name)
	}
	// Partial setups need the business plan, secondary ones enterprise
	// (https://developers.cloudflare.com/dns/zone-setups/).
	switch kind {
	case "full":
	case "partial":
		if plan != Business && plan != Enterprise {
			return nil, refuseAs(http.StatusForbidden, 1206, "Partial zone signup is not allowed on this plan.")
		}
	case "secondary", "internal":
		if plan != Enterprise {
			return nil, refuseAs(http.StatusForbidden, 1206, "A zone of type %s needs an Enterprise plan.", kind)
		}
	default:
		return nil, refuse(1001, "Invalid zone type %.20q", kind)
	}
	name = plain(name)
	if s.byName[a.ID+"/"+name] != nil {
		return nil, refuse(1061, "%s already exists.", name)
	}
	z := &hosted{
		id: s.newID(), name: name, origin: origin, account: a, plan: plan, kind: kind, status: "pending",
		servers: serversFor(a.ID), created: now, modified: now, records: map[string]*record{},
		byName: map[zone.Name][]*record{}, flattened: map[zone.Name]bool{}, settings: newSettings(kind), dnssec: dnssec{Status: "disabled"},
	}
	s.zones[z.id], s.byName[a.ID+"/"+name] = z, z
	s.publish(z, nil)
	return z, nil
}

// serversFor are the two name servers that an account's zones get
// (https://developers.cloudflare.com/dns/nameservers/nameserver-options/#assignment-method).
func serversFor(account string) [2]string {
	women := [...]string{"ada", "dina", "elle", "gail", "kate", "lara", "nola", "uma"}
	men := [...]string{"bob", "cody", "dan", "guy", "hugh", "logan", "rick", "todd"}
	h := fnv.New32a()
	_, _ = h.Write([]byte(account))
	n := h.Sum32()
	return [2]string{
		fmt.Sprintf("%s.ns.cloudflare.com", women[n%8]), fmt.Sprintf("%s.ns.cloudflare.com", men[n/8%8]),
	}
}

func (s *Service) showZone(c call) (answer, *refusal) { return answer{result: s.view(c.zone, c)}, nil }

// patchZone answers PATCH /zones/{id}: paused, type, plan and vanity name servers, one at a time.
func (s *Service) patchZone(c call) (answer, *refusal) {
	var in struct {
		Paused *bool
		Type   *string
		Vanity []string `json:"vanity_name_servers"`
	}
	if no := c.decode(&in); no != nil {
		return answer{}, no
	}
	z := c.zone
	switch {
	case in.Vanity != nil && z.plan != Business && z.plan != Enterprise, in.Type != nil && z.plan != Enterprise:
		return answer{}, refuseAs(http.StatusForbidden, 1015, "This setting is not available on the zone's plan.")
	case in.Type != nil && !slices.Contains([]string{"full", "partial", "secondary", "internal"}, *in.Type):
		return answer{}, refuse(1001, "Invalid zone type %.20q", *in.Type)
	}
	if in.Paused != nil {
		z.paused = *in.Paused
	}
	if in.Type != nil {
		z.kind = *in.Type
	}
	z.modified = c.now
	s.publishAll(z)
	return answer{result: s.view(z, c)}, nil
}

func (s *Service) deleteZone(c call) (answer, *refusal) {
	s.drop(c.zone)
	return answer{result: map[string]string{"id": c.zone.id}}, nil
}

func (s *Service) drop(z *hosted) {
	delete(s.zones, z.id)
	delete(s.byName, z.account.ID+"/"+z.name)
	s.names.Withdraw(z.id)
}

// checkActivation answers PUT /zones/{id}/activation_check. The registrar here always has the
// assigned name servers, so that the check finds them.
func (s *Service) checkActivation(c call) (answer, *refusal) {
	if c.zone.status == "active" {
		return answer{}, refuse(1224, "This zone is already active.")
	}
	c.zone.activate(c.now)
	return answer{result: map[string]string{"id": c.zone.id}}, nil
}

func (z *hosted) activate(now time.Time) { z.status, z.activated, z.modified = "active", now, now }
