package route53

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// privateView is the view of private hosted zones.
const privateView = "private"

// A hosted is a hosted zone without its records.
type hosted struct {
	id      string
	origin  zone.Name
	private bool
	service string // that made the zone and alone may change it; "" the account itself
	count   int64  // of record sets, as last stated
	detail  bool   // ns and vpcs are known
	ns      []zone.Name
	vpcs    []string
}

func (h *hosted) String() string {
	if h.private {
		return h.id + " (private)"
	}
	return h.id + " (public)"
}

// hostedZone translates what the API says of a zone.
func hostedZone(z types.HostedZone) (*hosted, error) {
	h := &hosted{id: bareID(aws.ToString(z.Id)), count: aws.ToInt64(z.ResourceRecordSetCount)}
	var err error
	if h.origin, err = parseName(aws.ToString(z.Name)); err != nil || aws.ToString(z.Name) == "" || h.id == "" {
		return nil, fmt.Errorf("hosted zone %q has no proper name: %q", h.id, aws.ToString(z.Name))
	}
	if z.Config != nil {
		h.private = z.Config.PrivateZone
	}
	if z.LinkedService != nil {
		h.service = aws.ToString(z.LinkedService.ServicePrincipal)
	}
	return h, nil
}

// A directory remembers the ids of hosted zones, so that a run asks for them once.
type directory struct {
	mu      sync.Mutex
	zones   map[zone.Name][]hosted
	listed  time.Time // when all zones were listed
	asked   int       // zones that were looked up by name
	mayName bool      // looking up by name is not forbidden

	listing sync.Mutex
}

const (
	// byNameFirst is how many zones are looked up by name, one call each, before all are listed.
	byNameFirst = 3
	// fresh is how long a list of all zones tells that a zone is not there.
	fresh = time.Minute
)

func (d *directory) forgetAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.zones, d.listed, d.mayName = map[zone.Name][]hosted{}, time.Time{}, true
}

// forget drops a name, for its zone turned out to be gone or another.
func (d *directory) forget(origin zone.Name) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.zones, origin)
	d.listed = time.Time{}
}

// known gives the zones of a name without a call, if it can. Counts of sets are given once: later
// they are stale.
func (d *directory) known(origin zone.Name) (zones []hosted, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	zones, ok = d.zones[origin]
	zones = slices.Clone(zones)
	for i := range d.zones[origin] {
		d.zones[origin][i].count = 0
	}
	return zones, ok || time.Since(d.listed) < fresh
}

// put remembers all zones of some names; details that were known stay.
func (d *directory) put(zones map[zone.Name][]hosted) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for origin, list := range zones {
		for i := range list {
			old := slices.IndexFunc(d.zones[origin], func(h hosted) bool { return h.id == list[i].id && h.detail })
			if old >= 0 && !list[i].detail {
				have := d.zones[origin][old]
				list[i].detail, list[i].ns, list[i].vpcs = true, have.ns, have.vpcs
			}
		}
		d.zones[origin] = list
	}
}

// add remembers one zone beside others of its name that are known.
func (d *directory) add(h hosted) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list, ok := d.zones[h.origin]
	at := slices.IndexFunc(list, func(x hosted) bool { return x.id == h.id })
	switch {
	case at >= 0:
		h.count = 0
		list[at] = h
	case ok:
		d.zones[h.origin] = append(list, h)
	}
}

// candidates are all hosted zones of a name.
func (p *Provider) candidates(ctx context.Context, op string, origin zone.Name) ([]hosted, error) {
	d := &p.directory
	if zones, ok := d.known(origin); ok {
		return zones, nil
	}
	d.mu.Lock()
	d.asked++
	byName := d.mayName && (p.byName || d.asked <= byNameFirst)
	d.mu.Unlock()
	if byName {
		zones, err := p.lookUp(ctx, op, origin)
		if provider.KindOf(err) != provider.Denied {
			return zones, err
		}
		// The policy may allow ListHostedZones alone.
		d.mu.Lock()
		d.mayName = false
		d.mu.Unlock()
	}
	d.listing.Lock()
	defer d.listing.Unlock()
	if zones, ok := d.known(origin); ok {
		return zones, nil
	}
	if _, err := p.listAll(ctx, op, origin.String()); err != nil {
		return nil, err
	}
	zones, _ := d.known(origin)
	return zones, nil
}

// lookUp asks for the zones of one name: one call. Its page goes on with the names that follow, and
// those are remembered too.
func (p *Provider) lookUp(ctx context.Context, op string, origin zone.Name) ([]hosted, error) {
	found := map[zone.Name][]hosted{}
	in := &route53.ListHostedZonesByNameInput{DNSName: aws.String(nameText(origin)), MaxItems: aws.Int32(zonesPerPage)}
	for {
		var out *route53.ListHostedZonesByNameOutput
		if err := p.do(ctx, httpkit.Call{Op: op, Zone: origin.String(), Repeatable: true}, func(ctx context.Context, c *route53.Client) (err error) {
			out, err = c.ListHostedZonesByName(ctx, in)
			return err
		}); err != nil {
			return nil, err
		}
		last := zone.Root
		for _, z := range out.HostedZones {
			h, err := hostedZone(z)
			if err != nil {
				return nil, invalid(op, origin.String(), err)
			}
			last = h.origin
			if !slices.ContainsFunc(found[last], func(x hosted) bool { return x.id == h.id }) {
				found[last] = append(found[last], *h)
			}
		}
		if !out.IsTruncated {
			break
		}
		if last != origin {
			delete(found, last) // more of its name may follow
			break
		}
		if aws.ToString(out.NextHostedZoneId) == aws.ToString(in.HostedZoneId) {
			return nil, invalid(op, origin.String(), errors.New("the list of hosted zones does not go on"))
		}
		in.DNSName, in.HostedZoneId = out.NextDNSName, out.NextHostedZoneId
	}
	zones := found[origin]
	if len(zones) == 0 {
		delete(found, origin)
	}
	p.directory.put(found)
	zones = slices.Clone(zones)
	p.directory.known(origin) // the counts are given with zones
	return zones, nil
}

// zonesPerPage is the most that a page of hosted zones holds.
const zonesPerPage = 100

// listAll lists all hosted zones of the account, 100 to a call, and remembers them.
func (p *Provider) listAll(ctx context.Context, op, origin string) ([]hosted, error) {
	var all []hosted
	began := time.Now()
	found := map[zone.Name][]hosted{}
	seen := map[string]bool{}
	in := &route53.ListHostedZonesInput{MaxItems: aws.Int32(zonesPerPage)}
	for {
		var out *route53.ListHostedZonesOutput
		if err := p.do(ctx, httpkit.Call{Op: op, Zone: origin, Repeatable: true}, func(ctx context.Context, c *route53.Client) (err error) {
			out, err = c.ListHostedZones(ctx, in)
			return err
		}); err != nil {
			return nil, err
		}
		for _, z := range out.HostedZones {
			h, err := hostedZone(z)
			if err != nil {
				return nil, invalid(op, origin, err)
			}
			if !seen[h.id] {
				all = append(all, *h)
				found[h.origin] = append(found[h.origin], *h)
			}
			seen[h.id] = true
		}
		if !out.IsTruncated {
			break
		}
		if next := aws.ToString(out.NextMarker); next == "" || next == aws.ToString(in.Marker) {
			return nil, invalid(op, origin, errors.New("the list of hosted zones does not go on"))
		}
		in.Marker = out.NextMarker
	}
	d := &p.directory
	d.put(found)
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.zones, func(n zone.Name, _ []hosted) bool { return found[n] == nil })
	d.listed = began
	return all, nil
}

// ofVPC are the ids of the private hosted zones that the VPC sees.
func (p *Provider) ofVPC(ctx context.Context, op, origin string) (map[string]bool, error) {
	ids := map[string]bool{}
	in := &route53.ListHostedZonesByVPCInput{VPCId: &p.vpc, VPCRegion: types.VPCRegion(p.vpcRegion)}
	for {
		var out *route53.ListHostedZonesByVPCOutput
		if err := p.do(ctx, httpkit.Call{Op: op, Zone: origin, Repeatable: true}, func(ctx context.Context, c *route53.Client) (err error) {
			out, err = c.ListHostedZonesByVPC(ctx, in)
			return err
		}); err != nil {
			return nil, err
		}
		for _, z := range out.HostedZoneSummaries {
			ids[bareID(aws.ToString(z.HostedZoneId))] = true
		}
		next := aws.ToString(out.NextToken)
		if next == "" {
			return ids, nil
		}
		if next == aws.ToString(in.NextToken) {
			return nil, invalid(op, origin, errors.New("the list of the VPC's hosted zones does not go on"))
		}
		in.NextToken = &next
	}
}

// ours are the zones that the account's options let through.
func (p *Provider) ours(ctx context.Context, op, origin string, zones []hosted) ([]hosted, error) {
	if p.private != nil {
		zones = slices.DeleteFunc(zones, func(h hosted) bool { return h.private != *p.private })
	}
	if p.vpc == "" || len(zones) == 0 {
		return zones, nil
	}
	seen, err := p.ofVPC(ctx, op, origin)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(zones, func(h hosted) bool { return !seen[h.id] }), nil
}

// find finds the hosted zone that a reference means.
func (p *Provider) find(ctx context.Context, op string, ref provider.ZoneRef) (*hosted, error) {
	id := bareID(ref.ID)
	if id == "" {
		id = p.zoneIDs[ref.Origin]
	}
	if id != "" {
		return p.byID(ctx, op, ref.Origin, id)
	}
	zones, err := p.candidates(ctx, op, ref.Origin)
	if err != nil {
		return nil, err
	}
	if zones, err = p.ours(ctx, op, ref.Origin.String(), zones); err != nil {
		return nil, err
	}
	public := slices.DeleteFunc(slices.Clone(zones), func(h hosted) bool { return h.private })
	switch {
	case ref.View == privateView:
		zones = slices.DeleteFunc(zones, func(h hosted) bool { return !h.private })
	case ref.View != "":
		zones = nil
	case len(public) > 0:
		zones = public
	}
	switch len(zones) {
	case 0:
		return nil, &provider.Error{Op: op, Zone: ref.Origin.String(), Err: provider.ErrNoZone}
	case 1:
		return &zones[0], nil
	}
	names := make([]string, len(zones))
	for i := range zones {
		names[i] = zones[i].String()
	}
	return nil, &provider.Error{
		Op: op, Zone: ref.Origin.String(), Kind: provider.Rejected,
		Err:    fmt.Errorf("the account holds %d hosted zones of this name: %s", len(zones), strings.Join(names, ", ")),
		Advice: "say which one is meant by the option zone_ids, private or vpc_id",
	}
}

// byID finds a hosted zone by its id and sees that it is of the right name.
func (p *Provider) byID(ctx context.Context, op string, origin zone.Name, id string) (*hosted, error) {
	if zones, ok := p.directory.known(origin); ok {
		if i := slices.IndexFunc(zones, func(h hosted) bool { return h.id == id }); i >= 0 {
			return &zones[i], nil
		}
	}
	return p.ask(ctx, op, origin, id)
}

// ask asks for everything about a zone but its records.
func (p *Provider) ask(ctx context.Context, op string, origin zone.Name, id string) (*hosted, error) {
	var out *route53.GetHostedZoneOutput
	if err := p.do(ctx, httpkit.Call{Op: op, Zone: origin.String(), Repeatable: true}, func(ctx context.Context, c *route53.Client) (err error) {
		out, err = c.GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: &id})
		return err
	}); err != nil {
		return nil, err
	}
	if out.HostedZone == nil {
		return nil, invalid(op, origin.String(), errors.New("the answer does not say what hosted zone it is about"))
	}
	h, err := hostedZone(*out.HostedZone)
	if err != nil {
		return nil, invalid(op, origin.String(), err)
	}
	if h.origin != origin {
		return nil, &provider.Error{
			Op: op, Zone: origin.String(), Kind: provider.Rejected,
			Err: fmt.Errorf("hosted zone %s is of the name %s", id, h.origin), Advice: "give the id of the right hosted zone",
		}
	}
	if err := h.details(out.DelegationSet, out.VPCs); err != nil {
		return nil, invalid(op, origin.String(), err)
	}
	p.directory.add(*h)
	return h, nil
}

func (h *hosted) details(set *types.DelegationSet, vpcs []types.VPC) error {
	h.detail = true
	if set != nil && !h.private {
		for _, s := range set.NameServers {
			n, err := parseName(s)
			if err != nil {
				return fmt.Errorf("name server %q has no proper name", s)
			}
			h.ns = append(h.ns, n)
		}
	}
	for _, v := range vpcs {
		h.vpcs = append(h.vpcs, aws.ToString(v.VPCId))
	}
	return nil
}

func invalid(op, origin string, err error) error {
	return &provider.Error{
		Op: op, Zone: origin, Kind: provider.Invalid, Err: err,
		Advice: "check that the address is that of the API and that no proxy answers in its place",
	}
}

// info is what the contract says of a zone.
func (p *Provider) info(h *hosted) provider.ZoneInfo {
	i := provider.ZoneInfo{
		ZoneRef: provider.ZoneRef{Origin: h.origin, ID: h.id}, Kind: provider.Primary,
		NameServers: h.ns, Addresses: p.addresses,
	}
	if h.private {
		i.Kind, i.View = provider.Private, privateView
	}
	if h.service != "" {
		i.Kind = provider.Secondary // its records are kept elsewhere
	}
	return i
}

// Zones implements provider.Provider.
func (p *Provider) Zones(ctx context.Context) iter.Seq2[provider.ZoneInfo, error] {
	return func(yield func(provider.ZoneInfo, error) bool) {
		zones, err := p.listAll(ctx, "list zones", "")
		if err == nil {
			zones, err = p.ours(ctx, "list zones", "", zones)
		}
		if err != nil {
			yield(provider.ZoneInfo{}, err)
			return
		}
		for i := range zones {
			if !yield(p.info(&zones[i]), nil) {
				return
			}
		}
	}
}

func (p *Provider) countZones(ctx context.Context) (int, error) {
	var n int64
	err := p.do(ctx, httpkit.Call{Op: "verify", Repeatable: true}, func(ctx context.Context, c *route53.Client) error {
		out, err := c.GetHostedZoneCount(ctx, &route53.GetHostedZoneCountInput{})
		if err == nil {
			n = aws.ToInt64(out.HostedZoneCount)
		}
		return err
	})
	return int(n), err
}

// CreateZone implements provider.ZoneCreator. Route 53 would make a second zone of the same name:
// that there is none is looked up before.
func (p *Provider) CreateZone(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	const op = "create zone"
	refuse := func(kind provider.ErrKind, err error, advice string) (*provider.Snapshot, error) {
		return nil, &provider.Error{Op: op, Zone: origin.String(), Kind: kind, Err: err, Advice: advice}
	}
	private := p.private != nil && *p.private
	if private && p.vpc == "" {
		return refuse(provider.Rejected, errors.New("a private hosted zone needs a VPC"), "set the options vpc_id and vpc_region")
	}
	zones, err := p.lookUp(ctx, op, origin)
	if err != nil {
		return nil, err
	}
	if zones, err = p.ours(ctx, op, origin.String(), zones); err != nil {
		return nil, err
	}
	for _, h := range zones {
		if h.private == private {
			return refuse(provider.Conflict, fmt.Errorf("hosted zone %s has this name", h.String()), "plan again")
		}
	}
	// The reference makes it one zone, however often the call is repeated.
	in := &route53.CreateHostedZoneInput{Name: aws.String(nameText(origin)), CallerReference: aws.String("zonecast-" + rand.Text())}
	if p.delegationSet != "" {
		in.DelegationSetId = &p.delegationSet
	}
	if private {
		in.HostedZoneConfig = &types.HostedZoneConfig{PrivateZone: true}
		in.VPC = &types.VPC{VPCId: &p.vpc, VPCRegion: types.VPCRegion(p.vpcRegion)}
	}
	h, err := p.create(ctx, op, origin, in)
	if err != nil {
		return nil, err
	}
	return p.readZone(ctx, op, h)
}

func (p *Provider) create(ctx context.Context, op string, origin zone.Name, in *route53.CreateHostedZoneInput) (*hosted, error) {
	p.directory.forget(origin)
	var out *route53.CreateHostedZoneOutput
	err := p.do(ctx, httpkit.Call{Op: op, Zone: origin.String(), Repeatable: true}, func(ctx context.Context, c *route53.Client) (err error) {
		out, err = c.CreateHostedZone(ctx, in)
		return err
	})
	if s := saidIn(err); s != nil && s.code == "HostedZoneAlreadyExists" {
		// An earlier try got through although its answer did not.
		return p.find(ctx, op, provider.ZoneRef{Origin: origin})
	}
	if err != nil {
		return nil, err
	}
	if out.HostedZone == nil {
		return nil, invalid(op, origin.String(), errors.New("the answer does not say what hosted zone was made"))
	}
	h, err := hostedZone(*out.HostedZone)
	if err == nil {
		err = h.details(out.DelegationSet, nil)
	}
	if err != nil {
		return nil, invalid(op, origin.String(), err)
	}
	if p.vpc != "" {
		h.vpcs = []string{p.vpc}
	}
	h.count = 0
	return h, nil
}

// DeleteZone implements provider.ZoneDeleter. Route 53 deletes only empty zones: all record sets
// but the SOA and NS of the apex are deleted before, those with a routing policy too.
func (p *Provider) DeleteZone(ctx context.Context, ref provider.ZoneRef) error {
	const op = "delete zone"
	h, err := p.find(ctx, op, ref)
	if err != nil {
		return err
	}
	defer p.directory.forget(h.origin)
	if err := p.empty(ctx, op, h); err != nil {
		return err
	}
	return p.do(ctx, httpkit.Call{Op: op, Zone: h.origin.String()}, func(ctx context.Context, c *route53.Client) error {
		_, err := c.DeleteHostedZone(ctx, &route53.DeleteHostedZoneInput{Id: &h.id})
		return err
	})
}
