package route53

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

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

// Private and String make it a provider.Viewed zone.
func (h *hosted) Private() bool { return h.private }

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
		if err := p.ofAccount(ctx, httpkit.Call{Op: op, Zone: origin.String(), Repeatable: true}, func(ctx context.Context, c *route53.Client) (err error) {
			out, err = c.ListHostedZonesByName(ctx, in)
			return err
		}); err != nil {
			return nil, err
		}
		if out.MaxItems == nil {
			return nil, invalid(op, origin.String(), otherCall("ListHostedZonesByName"))
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
		if err := p.ofAccount(ctx, httpkit.Call{Op: op, Zone: origin, Repeatable: true}, func(ctx context.Context, c *route53.Client) (err error) {
			out, err = c.ListHostedZones(ctx, in)
			return err
		}); err != nil {
			return nil, err
		}
		if out.MaxItems == nil {
			return nil, invalid(op, origin, otherCall("ListHostedZones"))
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
		if err := p.ofAccount(ctx, httpkit.Call{Op: op, Zone: origin, Repeatable: true}, func(ctx context.Context, c *route53.Client) (err error) {
			out, err = c.ListHostedZonesByVPC(ctx, in)
			return err
		}); err != nil {
			return nil, err
		}
		if out.MaxItems == nil {
			return nil, invalid(op, origin, otherCall("ListHostedZonesByVPC"))
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
