package google

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/api/dns/v1"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// A managed is a managed zone without its records.
type managed struct {
	id, name string // either addresses it; the id is never given twice
	origin   zone.Name
	private  bool
	dnssec   string // on, off, transfer
	special  string // what makes it a zone that holds no records: "forwarding zone"; "" it holds some
	ns       []zone.Name
}

// Private and String make it a provider.Viewed zone.
func (m *managed) Private() bool { return m.private }

func (m *managed) String() string {
	if m.private {
		return m.name + " (private)"
	}
	return m.name + " (public)"
}

// managedZone translates what the API says of a zone.
func managedZone(z *dns.ManagedZone) (*managed, error) {
	m := &managed{id: strconv.FormatUint(z.Id, 10), name: z.Name, private: z.Visibility == "private", dnssec: "off"}
	var err error
	if m.origin, err = zone.ParseName(z.DnsName); err != nil || z.DnsName == "" || z.Id == 0 || z.Name == "" {
		return nil, fmt.Errorf("managed zone %q (id %d) has no proper name: %q", z.Name, z.Id, z.DnsName)
	}
	if z.DnssecConfig != nil && z.DnssecConfig.State != "" {
		m.dnssec = z.DnssecConfig.State
	}
	switch {
	case z.ForwardingConfig != nil:
		m.special = "forwarding zone"
	case z.PeeringConfig != nil:
		m.special = "peering zone"
	case z.ReverseLookupConfig != nil:
		m.special = "managed reverse lookup zone"
	case z.ServiceDirectoryConfig != nil:
		m.special = "Service Directory zone"
	}
	for _, s := range z.NameServers {
		n, err := zone.ParseName(s)
		if err != nil {
			return nil, fmt.Errorf("name server %q of managed zone %q has no proper name", s, z.Name)
		}
		m.ns = append(m.ns, n)
	}
	return m, nil
}

// info is what the contract says of a zone.
func (p *Provider) info(m *managed) provider.ZoneInfo {
	i := provider.ZoneInfo{
		ZoneRef: provider.ZoneRef{Origin: m.origin, ID: m.id}, Kind: provider.Primary,
		NameServers: m.ns, Signed: m.dnssec != "off", Addresses: p.addresses,
	}
	if m.private {
		i.Kind, i.View = provider.Private, provider.PrivateView
	}
	if m.special != "" {
		i.Kind = provider.Secondary // what it answers is kept elsewhere
	}
	return i
}

// known are the managed zones of a name, as they were at some time.
type known struct {
	zones []managed
	at    time.Time
}

// A directory remembers managed zones, so that a run asks for them once.
type directory struct {
	mu      sync.Mutex
	zones   map[zone.Name]known
	ids     map[string]known // by what they were asked for: id or name
	listed  time.Time        // when all zones were listed
	asked   int              // names that were looked up
	listing sync.Mutex
}

const (
	// byNameFirst is how many zones are looked up by name, one call each, before all are listed.
	byNameFirst = 3
	// remembered is how long a zone is taken to be as it was, fresh how long one is taken not to be.
	remembered = 15 * time.Minute
	fresh      = time.Minute
)

func (d *directory) forget(origin zone.Name) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.zones, origin)
	maps.DeleteFunc(d.ids, func(_ string, k known) bool { return k.zones[0].origin == origin })
	d.listed = time.Time{}
}

// known gives the zones of a name without a call, if it can.
func (d *directory) known(origin zone.Name) (zones []managed, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k, ok := d.zones[origin]
	if ok && time.Since(k.at) < remembered {
		return slices.Clone(k.zones), true
	}
	return nil, !ok && time.Since(d.listed) < fresh
}

func (d *directory) put(origin zone.Name, zones []managed, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(zones) == 0 {
		delete(d.zones, origin)
		return
	}
	d.zones[origin] = known{zones, at}
}

// byName reports whether a zone is to be looked up by its name.
func (d *directory) byName() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	return d.asked <= byNameFirst
}

// candidates are all managed zones of a name.
func (p *Provider) candidates(ctx context.Context, op string, origin zone.Name) ([]managed, error) {
	d := &p.directory
	if zones, ok := d.known(origin); ok {
		return zones, nil
	}
	if d.byName() {
		return p.lookUp(ctx, op, origin)
	}
	d.listing.Lock()
	defer d.listing.Unlock()
	if zones, ok := d.known(origin); ok {
		return zones, nil
	}
	zones, err := p.list(ctx, op, origin.String(), "")
	return slices.DeleteFunc(zones, func(m managed) bool { return m.origin != origin }), err
}

// lookUp asks for the zones of one name: one call.
func (p *Provider) lookUp(ctx context.Context, op string, origin zone.Name) ([]managed, error) {
	began := time.Now()
	zones, err := p.list(ctx, op, origin.String(), origin.String())
	if err == nil {
		p.directory.put(origin, zones, began)
	}
	return zones, err
}

// perPage is what is asked for of lists. The service may give less.
const perPage = 1000

// list lists the managed zones of the project, or those of one name, and remembers all of them.
func (p *Provider) list(ctx context.Context, op, origin, only string) ([]managed, error) {
	var all []managed
	began, seen, token := time.Now(), map[string]bool{}, ""
	for {
		var out *dns.ManagedZonesListResponse
		if err := p.do(ctx, httpkit.Call{Op: op, Zone: origin, Repeatable: true}, func(ctx context.Context, c caller) (err error) {
			call := c.ManagedZones.List(c.project).MaxResults(perPage).Context(ctx)
			if only != "" {
				call.DnsName(only)
			}
			if token != "" {
				call.PageToken(token)
			}
			out, err = call.Do()
			return err
		}); err != nil {
			return nil, err
		}
		if out.Kind == "" {
			return nil, invalid(op, origin, errors.New("the answer is no list of managed zones"))
		}
		for _, z := range out.ManagedZones {
			m, err := managedZone(z)
			if err != nil {
				return nil, invalid(op, origin, err)
			}
			if only != "" && m.origin.String() != only {
				return nil, invalid(op, origin, fmt.Errorf("asked for zones of one name, the answer holds %s", m.origin))
			}
			if !seen[m.id] {
				all = append(all, *m)
			}
			seen[m.id] = true
		}
		if out.NextPageToken == "" {
			break
		}
		if out.NextPageToken == token {
			return nil, invalid(op, origin, errors.New("the list of managed zones does not go on"))
		}
		token = out.NextPageToken
	}
	if only == "" {
		p.directory.all(all, began)
	}
	return all, nil
}

// all takes in a list of all zones.
func (d *directory) all(zones []managed, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.zones)
	for _, m := range zones {
		d.zones[m.origin] = known{append(d.zones[m.origin].zones, m), at}
	}
	d.listed = at
}

// ours leaves out zones that the option private excludes.
func (p *Provider) ours(zones []managed) []managed {
	if p.private == nil {
		return zones
	}
	return slices.DeleteFunc(zones, func(m managed) bool { return m.private != *p.private })
}

// find finds the managed zone that a reference means.
func (p *Provider) find(ctx context.Context, op string, ref provider.ZoneRef) (*managed, error) {
	if ref.ID != "" {
		return p.byID(ctx, op, ref.Origin, ref.ID)
	}
	if id := p.zoneNames[ref.Origin]; id != "" {
		m, err := p.byID(ctx, op, ref.Origin, id)
		if errors.Is(err, provider.ErrNoZone) {
			// Whoever names a zone means one that is there: another of the same name is not made.
			return nil, &provider.Error{
				Op: op, Zone: ref.Origin.String(), Kind: provider.Rejected,
				Err:    fmt.Errorf("the project has no managed zone %s, which option zone_names names", id),
				Advice: "mend the name, or take the zone out of zone_names to have a new one made",
			}
		}
		return m, err
	}
	zones, err := p.candidates(ctx, op, ref.Origin)
	if e, ok := errors.AsType[*provider.Error](err); ok && e.Kind == provider.Denied && e.Status == http.StatusForbidden {
		e.Advice += "; who has rights in single zones alone cannot list them: name the zone by the option zone_names"
	}
	if err != nil {
		return nil, err
	}
	zones = p.ours(zones)
	return provider.ChooseZone(op, ref, zones, "the project", "managed zones", "say which one is meant by the option zone_names or private")
}

// byID finds a managed zone by its id or name and sees that it is of the right DNS name.
func (p *Provider) byID(ctx context.Context, op string, origin zone.Name, id string) (*managed, error) {
	if !properName.MatchString(id) {
		return nil, &provider.Error{Op: op, Zone: origin.String(), Kind: provider.Rejected, Err: fmt.Errorf("%q is no managed zone's id", id)}
	}
	if zones, ok := p.directory.known(origin); ok {
		if i := slices.IndexFunc(zones, func(m managed) bool { return m.id == id || m.name == id }); i >= 0 {
			return &zones[i], nil
		}
	}
	if m, ok := p.directory.byID(id); ok && m.origin == origin {
		return m, nil
	}
	var out *dns.ManagedZone
	if err := p.do(ctx, httpkit.Call{Op: op, Zone: origin.String(), Repeatable: true}, func(ctx context.Context, c caller) (err error) {
		out, err = c.ManagedZones.Get(c.project, id).Context(ctx).Do()
		return err
	}); err != nil {
		return nil, err
	}
	m, err := managedZone(out)
	if err != nil {
		return nil, invalid(op, origin.String(), err)
	}
	if m.origin != origin {
		return nil, &provider.Error{
			Op: op, Zone: origin.String(), Kind: provider.Rejected,
			Err: fmt.Errorf("managed zone %s is of the name %s", id, m.origin), Advice: "give the name of the right managed zone",
		}
	}
	p.directory.addID(id, *m)
	return m, nil
}

// byID and addID remember zones that were asked for by id or name.
func (d *directory) byID(id string) (*managed, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k, ok := d.ids[id]
	if !ok || time.Since(k.at) >= remembered {
		return nil, false
	}
	return &k.zones[0], true
}

func (d *directory) addID(id string, m managed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ids[id] = known{[]managed{m}, time.Now()}
}

// Zones implements provider.Provider.
func (p *Provider) Zones(ctx context.Context) iter.Seq2[provider.ZoneInfo, error] {
	return func(yield func(provider.ZoneInfo, error) bool) {
		zones, err := p.list(ctx, "list zones", "", "")
		if err != nil {
			yield(provider.ZoneInfo{}, err)
			return
		}
		for _, m := range p.ours(zones) {
			if !yield(p.info(&m), nil) {
				return
			}
		}
	}
}

// nameFor is the name of a managed zone that is created: it tells the zone, and what of it does not
// fit into letters, digits and hyphens is told apart by a hash. Equal zones have equal names, so
// that a zone is not created twice.
func nameFor(origin zone.Name, private bool) string {
	const most = 63
	text := origin.String()
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %t", text, private))
	tail := "-" + hex.EncodeToString(sum[:5])
	head := "zone-"
	if private {
		head += "private-"
	}
	head += strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.TrimSuffix(text, "."))
	return strings.TrimRight(head[:min(len(head), most-len(tail))], "-") + tail
}

// network is the address of a VPC network, of which the option may give the name alone.
func network(name, project string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return "https://www.googleapis.com/compute/v1/projects/" + project + "/global/networks/" + name
}

// CreateZone implements provider.ZoneCreator. Cloud DNS would make a second zone of the same DNS
// name: that there is none is looked up before.
func (p *Provider) CreateZone(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	const op = "create zone"
	refuse := func(kind provider.ErrKind, err error, advice string) (*provider.Snapshot, error) {
		return nil, &provider.Error{Op: op, Zone: origin.String(), Kind: kind, Err: err, Advice: advice}
	}
	private := p.private != nil && *p.private
	if private && len(p.networks) == 0 {
		return refuse(provider.Rejected, errors.New("a private zone needs a network that sees it"), "set the option networks")
	}
	zones, err := p.lookUp(ctx, op, origin)
	if err != nil {
		return nil, err
	}
	for _, m := range zones {
		if m.private == private {
			return refuse(provider.Conflict, fmt.Errorf("managed zone %s has this DNS name", m.String()), "plan again")
		}
	}
	m, err := p.create(ctx, op, origin, private)
	if err != nil {
		return nil, err
	}
	// A zone that was only just made is not always found at once
	// (https://github.com/DNSControl/dnscontrol/blob/main/providers/gcloud/retry.go).
	for wait := 250 * time.Millisecond; ; wait *= 2 {
		snap, err := p.readZone(ctx, op, m)
		if !errors.Is(err, provider.ErrNoZone) || wait > 4*time.Second || sleep(ctx, wait) != nil {
			return snap, err
		}
	}
}

func (p *Provider) create(ctx context.Context, op string, origin zone.Name, private bool) (*managed, error) {
	p.directory.forget(origin)
	in := &dns.ManagedZone{
		Name: nameFor(origin, private), DnsName: origin.String(), Description: "kept by zonecast",
		ForceSendFields: []string{"Description"}, Visibility: "public",
	}
	// mine finds the zone of the name that only this adapter gives.
	mine := func(ctx context.Context) (*managed, error) {
		zones, err := p.lookUp(ctx, op, origin)
		i := slices.IndexFunc(zones, func(m managed) bool { return m.name == in.Name })
		if err != nil || i < 0 {
			return nil, err
		}
		return &zones[i], nil
	}
	var out *dns.ManagedZone
	err := p.do(ctx, httpkit.Call{Op: op, Zone: origin.String(), Absent: func(ctx context.Context) (bool, error) {
		m, err := mine(ctx)
		return m == nil, err
	}}, func(ctx context.Context, c caller) (err error) {
		if private {
			in.Visibility, in.PrivateVisibilityConfig = "private", &dns.ManagedZonePrivateVisibilityConfig{}
			for _, n := range p.networks {
				in.PrivateVisibilityConfig.Networks = append(in.PrivateVisibilityConfig.Networks,
					&dns.ManagedZonePrivateVisibilityConfigNetwork{NetworkUrl: network(n, c.project)})
			}
		}
		if out, err = c.ManagedZones.Create(c.project, in).Context(ctx).Do(); err == nil {
			if _, bad := managedZone(out); bad != nil {
				err = &provider.Error{Kind: provider.Invalid, Err: bad}
			}
		}
		return err
	})
	if errors.Is(err, httpkit.ErrCarriedOut) {
		m, err := mine(ctx)
		if err == nil && m == nil {
			err = &provider.Error{Op: op, Zone: origin.String(), Kind: provider.Lost, Err: errors.New("the zone was there and is gone again")}
		}
		return m, err
	}
	if err != nil {
		return nil, err
	}
	m, err := managedZone(out)
	if err != nil {
		return nil, invalid(op, origin.String(), err)
	}
	return m, nil
}

// DeleteZone implements provider.ZoneDeleter. Cloud DNS deletes only empty zones: all sets but the
// SOA and NS of the apex are deleted before, those with a routing policy too.
func (p *Provider) DeleteZone(ctx context.Context, ref provider.ZoneRef) error {
	const op = "delete zone"
	m, err := p.find(ctx, op, ref)
	if err != nil {
		return err
	}
	defer p.directory.forget(m.origin)
	if err := p.empty(ctx, op, m); err != nil {
		return err
	}
	return p.do(ctx, httpkit.Call{Op: op, Zone: m.origin.String()}, func(ctx context.Context, c caller) error {
		return c.ManagedZones.Delete(c.project, m.id).Context(ctx).Do()
	})
}
