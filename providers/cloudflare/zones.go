package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// Types of zones.
const (
	typePartial   = "partial"   // CNAME setup: the DNS of the zone is elsewhere
	typeSecondary = "secondary" // transferred from elsewhere
	typeInternal  = "internal"  // answered inside the account's networks
)

// viewInternal is the View of internal zones: an account may hold a public zone of the same name.
const viewInternal = "internal"

// freshFor is how long what a zone says of itself is believed.
const freshFor = 5 * time.Minute

type cachedZone struct {
	apiZone
	at time.Time
}

// keep remembers zones by id.
func (p *Provider) keep(list ...apiZone) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, z := range list {
		p.zones[z.ID] = cachedZone{z, p.now()}
	}
}

func (p *Provider) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.zones, id)
}

// known returns the zone of a reference from memory.
func (p *Provider) known(ref provider.ZoneRef) (*apiZone, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fits := func(z cachedZone) bool {
		return p.now().Sub(z.at) < freshFor && z.is(ref)
	}
	if ref.ID != "" {
		z, ok := p.zones[ref.ID]
		return &z.apiZone, ok && fits(z)
	}
	var found []cachedZone
	for _, z := range p.zones {
		if fits(z) {
			found = append(found, z)
		}
	}
	if len(found) != 1 {
		return nil, false
	}
	return &found[0].apiZone, true
}

// is reports whether the reference may mean the zone.
func (z *apiZone) is(ref provider.ZoneRef) bool {
	name, err := zone.ParseName(z.Name)
	return err == nil && name == ref.Origin && z.view() == ref.View && (ref.ID == "" || ref.ID == z.ID)
}

func (z *apiZone) view() string {
	if z.Type == typeInternal {
		return viewInternal
	}
	return ""
}

// find returns the zone of a reference. fromMemory tells that the zone may be gone meanwhile.
func (p *Provider) find(ctx context.Context, op string, ref provider.ZoneRef) (z *apiZone, fromMemory bool, err error) {
	if z, ok := p.known(ref); ok {
		return z, true, nil
	}
	if p.survey(ctx) {
		if z, ok := p.known(ref); ok {
			return z, true, nil
		}
	}
	z, err = p.lookUp(ctx, op, ref)
	return z, false, err
}

// A census decides when all zones are listed instead of looked up one by one.
type census struct {
	turn  chan struct{} // one asks at a time
	asked int           // look-ups so far
	pages int           // of the list of all zones, as far as is known
	at    time.Time     // when it was read to its end
}

// alone is how many zones are looked up one by one before the list is thought of.
const alone = 3

// survey lists all zones as soon as that takes no more calls than looking them up has taken. It
// reports whether memory is worth another look. Its failures are nobody's: look-ups go on.
func (p *Provider) survey(ctx context.Context) bool {
	c := &p.census
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return false
	}
	if !c.at.IsZero() && p.now().Sub(c.at) < freshFor {
		return true
	}
	if c.asked++; c.asked <= alone || c.asked < c.pages {
		return false
	}
	r := httpkit.Request{Op: "list zones", Path: "/zones", Query: p.inAccount()}
	first, total, err := page[apiZone](ctx, p, r, p.zonesPerPage, 1)
	if err == nil {
		p.keep(first...)
		if c.pages = (total + p.zonesPerPage - 1) / p.zonesPerPage; c.pages > c.asked {
			return true
		}
		first, err = rest(ctx, p, r, p.zonesPerPage, first, total)
	}
	if err != nil || len(first) != total {
		c.pages = 2 * max(c.asked, c.pages) // later, perhaps
		return false
	}
	p.keep(first...)
	c.at = p.now()
	return true
}

// lookUp asks for the zone of a reference by its name. The API gives names of zones in Unicode or in
// A-labels; a name that has both is looked for by both.
func (p *Provider) lookUp(ctx context.Context, op string, ref provider.ZoneRef) (*apiZone, error) {
	var found []apiZone
	for _, name := range spellings(ref.Origin) {
		q := p.inAccount()
		q.Set("name", name)
		if ref.View == viewInternal {
			q.Set("type", typeInternal) // lists leave them out otherwise
		}
		list, err := p.listZones(ctx, op, ref.Origin.String(), q)
		if err != nil {
			return nil, err
		}
		p.keep(list...)
		for _, z := range list {
			if z.is(ref) && !slices.ContainsFunc(found, func(x apiZone) bool { return x.ID == z.ID }) {
				found = append(found, z)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	switch len(found) {
	case 0:
		return nil, &provider.Error{Op: op, Zone: ref.Origin.String(), Err: provider.ErrNoZone}
	case 1:
		return &found[0], nil
	}
	accounts := make([]string, len(found))
	for i, z := range found {
		accounts[i] = fmt.Sprintf("%s (%s)", z.Account.Name, z.Account.ID)
	}
	return nil, &provider.Error{
		Op: op, Zone: ref.Origin.String(), Kind: provider.Other,
		Err:    fmt.Errorf("the token sees %d zones of this name, in accounts %s", len(found), strings.Join(accounts, ", ")),
		Advice: "set account_id",
	}
}

func spellings(origin zone.Name) []string {
	ascii := strings.TrimSuffix(origin.String(), ".")
	if unicode := strings.TrimSuffix(origin.Unicode(), "."); unicode != ascii {
		return []string{ascii, unicode}
	}
	return []string{ascii}
}

// inAccount is the filter for what belongs to the account.
func (p *Provider) inAccount() url.Values {
	q := url.Values{}
	if p.account != "" {
		q.Set("account.id", p.account)
	}
	return q
}

func (p *Provider) listZones(ctx context.Context, op, origin string, q url.Values) ([]apiZone, error) {
	return pages(ctx, p, httpkit.Request{Op: op, Zone: origin, Path: "/zones", Query: q}, p.zonesPerPage, func(z apiZone) string { return z.ID })
}

// Zones implements provider.Provider.
func (p *Provider) Zones(ctx context.Context) iter.Seq2[provider.ZoneInfo, error] {
	return func(yield func(provider.ZoneInfo, error) bool) {
		list, err := p.listZones(ctx, "list zones", "", p.inAccount())
		if err != nil {
			yield(provider.ZoneInfo{}, err)
			return
		}
		p.keep(list...)
		for _, z := range list {
			origin, err := zone.ParseName(z.Name)
			if err != nil || z.Name == "" {
				yield(provider.ZoneInfo{}, invalid("list zones", "", fmt.Errorf("zone %q has no proper name", z.Name)))
				return
			}
			if !yield(p.info(&z, origin), nil) {
				return
			}
		}
	}
}

func (p *Provider) info(z *apiZone, origin zone.Name) provider.ZoneInfo {
	i := provider.ZoneInfo{
		ZoneRef: provider.ZoneRef{Origin: origin, ID: z.ID, View: z.view()}, Kind: provider.Primary,
		NameServers: z.servers(), Addresses: p.addresses, Disabled: !z.answered(),
	}
	switch z.Type {
	case typeSecondary:
		i.Kind = provider.Secondary
	case typeInternal:
		i.Kind = provider.Private
	}
	return i
}

// answered reports whether Cloudflare's name servers answer for the zone. They do for pending
// zones too (https://developers.cloudflare.com/dns/zone-setups/reference/domain-status/); those of a
// CNAME setup are answered elsewhere.
func (z *apiZone) answered() bool {
	return z.Type != typePartial && z.Status != "initializing" && z.Status != "deactivated"
}

// servers are the name servers that Cloudflare assigns, or the zone's own names for them.
func (z *apiZone) servers() []zone.Name {
	if z.Type == typePartial || z.Type == typeInternal {
		return nil
	}
	list := z.VanityNameServers
	if len(list) == 0 {
		list = z.NameServers
	}
	var out []zone.Name
	for _, s := range list {
		if n, err := zone.ParseName(s); err == nil && !n.IsRoot() {
			out = append(out, n)
		}
	}
	return out
}

// hasApexNS reports whether the zone has NS at its apex that Cloudflare answers.
func (z *apiZone) hasApexNS() bool { return len(z.servers()) > 0 }

// planOf is the plan of a zone: free, pro, business, enterprise.
func (p *Provider) planOf(z *apiZone) string {
	if p.plan != "" {
		return p.plan
	}
	if z != nil && z.Plan.LegacyID != "" {
		return z.Plan.LegacyID
	}
	return "free"
}

// CreateZone implements provider.ZoneCreator. The zone waits for its delegation (status pending).
func (p *Provider) CreateZone(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	account, err := p.home(ctx, origin)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"name": strings.TrimSuffix(origin.String(), "."), "type": "full"}
	if account != "" {
		body["account"] = apiID{account}
	}
	z, _, err := call[apiZone](ctx, p, httpkit.Request{Op: "create zone", Zone: origin.String(), Method: http.MethodPost, Path: "/zones", Body: body})
	if e, ok := errors.AsType[*provider.Error](err); ok && p.account != "" && (e.Kind == provider.Denied || e.Status == http.StatusNotFound) {
		out := *e
		out.Advice = strings.TrimPrefix(out.Advice+"; check that account_id ("+p.account+") is the account's id, and that the token is for it", "; ")
		return nil, &out
	}
	if err != nil {
		return nil, err
	}
	if !z.is(provider.ZoneRef{Origin: origin}) || z.ID == "" {
		return nil, invalid("create zone", origin.String(), fmt.Errorf("asked for zone %s, got zone %q", origin, z.Name))
	}
	p.keep(*z)
	return p.Read(ctx, provider.ZoneRef{Origin: origin, ID: z.ID})
}

// home is the account in which zones are created; "" leaves it to the service.
func (p *Provider) home(ctx context.Context, origin zone.Name) (string, error) {
	if p.account != "" {
		return p.account, nil
	}
	r := httpkit.Request{Op: "create zone", Zone: origin.String(), Path: "/accounts"}
	list, err := pages(ctx, p, r, 50, func(a apiID) string { return a.ID })
	switch {
	case provider.KindOf(err) == provider.Denied:
		return "", nil // a token may create zones and not list accounts
	case err != nil:
		return "", err
	case len(list) == 1:
		return list[0].ID, nil
	case len(list) == 0:
		return "", nil
	}
	return "", &provider.Error{
		Op: "create zone", Zone: origin.String(), Kind: provider.Rejected,
		Err: fmt.Errorf("the token sees %d accounts", len(list)), Advice: "set account_id to the one that the zone is to be in",
	}
}

// DeleteZone implements provider.ZoneDeleter.
func (p *Provider) DeleteZone(ctx context.Context, ref provider.ZoneRef) error {
	z, err := p.lookUp(ctx, "delete zone", ref)
	if err != nil {
		return err
	}
	p.forget(z.ID)
	_, _, err = call[apiID](ctx, p, httpkit.Request{Op: "delete zone", Zone: ref.Origin.String(), Method: http.MethodDelete, Path: zonePath(z.ID, "")})
	p.forget(z.ID)
	if e, ok := errors.AsType[*provider.Error](err); ok && e.Status == http.StatusNotFound {
		return &provider.Error{Op: "delete zone", Zone: ref.Origin.String(), Status: e.Status, Err: provider.ErrNoZone}
	}
	return err
}

// Verify implements provider.Verifier: it asks for one page of the zones.
func (p *Provider) Verify(ctx context.Context) (string, error) {
	q := p.inAccount()
	q.Set("per_page", "5")
	_, info, err := call[[]apiZone](ctx, p, httpkit.Request{Op: "verify", Path: "/zones", Query: q})
	if err != nil {
		return "", err
	}
	if info == nil || info.TotalCount == nil {
		return "", invalid("verify", "", errors.New("the list of zones does not say how long it is"))
	}
	return "Cloudflare, " + provider.CountZones(*info.TotalCount), nil
}
