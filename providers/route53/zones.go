package route53

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// ours are the zones that the account's options let through.
func (p *Provider) ours(ctx context.Context, op, origin string, zones []hosted) ([]hosted, error) {
	zones = slices.DeleteFunc(zones, func(h hosted) bool {
		id := p.zoneIDs[h.origin]
		return id != "" && id != h.id
	})
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
	if id := bareID(ref.ID); id != "" {
		return p.byID(ctx, op, ref.Origin, id)
	}
	if id := p.zoneIDs[ref.Origin]; id != "" {
		h, err := p.byID(ctx, op, ref.Origin, id)
		if errors.Is(err, provider.ErrNoZone) {
			// Whoever names a zone means one that is there: another of the same name is not made.
			return nil, &provider.Error{
				Op: op, Zone: ref.Origin.String(), Kind: provider.Rejected,
				Err:    fmt.Errorf("the account has no hosted zone %s, which option zone_ids names", id),
				Advice: "mend the id, or take the zone out of zone_ids to have a new one made",
			}
		}
		return h, err
	}
	zones, err := p.candidates(ctx, op, ref.Origin)
	if err != nil {
		return nil, err
	}
	if zones, err = p.ours(ctx, op, ref.Origin.String(), zones); err != nil {
		return nil, err
	}
	return provider.ChooseZone(op, ref, zones, "the account", "hosted zones", "say which one is meant by the option zone_ids, private or vpc_id")
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
	}); forbidden(err) {
		return p.listed(ctx, op, origin, id, err)
	} else if err != nil {
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

// forbidden reports whether the credentials are good, but not for this action.
func forbidden(err error) bool {
	s := saidIn(err)
	return s != nil && (s.code == "AccessDenied" || s.code == "AccessDeniedException")
}

// listed is what lists tell of a zone, for policies that allow those alone, such as the least that
// octoDNS asks for. The assigned name servers are not in them.
func (p *Provider) listed(ctx context.Context, op string, origin zone.Name, id string, refusal error) (*hosted, error) {
	zones, err := p.lookUp(ctx, op, origin)
	if forbidden(err) {
		zones, err = p.listAll(ctx, op, origin.String())
	}
	switch i := slices.IndexFunc(zones, func(h hosted) bool { return h.id == id && h.origin == origin }); {
	case forbidden(err):
		return nil, refusal
	case err != nil:
		return nil, err
	case i < 0:
		return nil, &provider.Error{Op: op, Zone: origin.String(), Err: provider.ErrNoZone}
	default:
		return &zones[i], nil
	}
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
		Advice: "check that option endpoint is the address of the API, and that no proxy answers in its place",
	}
}

// info is what the contract says of a zone.
func (p *Provider) info(h *hosted) provider.ZoneInfo {
	i := provider.ZoneInfo{
		ZoneRef: provider.ZoneRef{Origin: h.origin, ID: h.id}, Kind: provider.Primary,
		NameServers: h.ns, Addresses: p.addresses,
	}
	if h.private {
		i.Kind, i.View = provider.Private, provider.PrivateView
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
	err := p.ofAccount(ctx, httpkit.Call{Op: "verify", Repeatable: true}, func(ctx context.Context, c *route53.Client) error {
		out, err := c.GetHostedZoneCount(ctx, &route53.GetHostedZoneCountInput{})
		if err == nil {
			n = aws.ToInt64(out.HostedZoneCount)
		}
		return err
	})
	if forbidden(err) {
		var all []hosted
		all, err = p.listAll(ctx, "verify", "")
		n = int64(len(all))
	}
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
	all, err := p.lookUp(ctx, op, origin)
	if provider.KindOf(err) == provider.Denied {
		p.directory.forget(origin) // the policy may allow to list all
		all, err = p.candidates(ctx, op, origin)
	}
	if err != nil {
		return nil, err
	}
	ours, err := p.ours(ctx, op, origin.String(), slices.Clone(all))
	if err != nil {
		return nil, err
	}
	for _, h := range ours {
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
	p.directory.put(map[zone.Name][]hosted{origin: append(all, *h)})
	return p.readZone(ctx, op, h)
}

func (p *Provider) create(ctx context.Context, op string, origin zone.Name, in *route53.CreateHostedZoneInput) (*hosted, error) {
	var out *route53.CreateHostedZoneOutput
	err := p.ofAccount(ctx, httpkit.Call{Op: op, Zone: origin.String(), Repeatable: true}, func(ctx context.Context, c *route53.Client) (err error) {
		out, err = c.CreateHostedZone(ctx, in)
		return err
	})
	if s := saidIn(err); s != nil && s.code == "HostedZoneAlreadyExists" {
		// An earlier try got through although its answer did not.
		p.directory.forget(origin)
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
