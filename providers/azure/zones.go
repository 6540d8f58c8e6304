package azure

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// A zoneFacts is what the service says of a zone.
type zoneFacts struct {
	provider.ZoneInfo
	count int // of record sets, the SOA included
}

// translate reads what the API says of a zone.
func (p *Provider) translate(z *armdns.Zone) (*zoneFacts, error) {
	if z == nil || z.Name == nil || z.Properties == nil || z.Properties.NumberOfRecordSets == nil {
		return nil, errors.New("a zone has no name or does not say how many record sets it has")
	}
	origin, err := zone.ParseName(*z.Name)
	if err != nil || origin.IsRoot() {
		return nil, fmt.Errorf("zone %q has no proper name", *z.Name)
	}
	f := &zoneFacts{ZoneInfo: provider.ZoneInfo{
		ZoneRef: provider.ZoneRef{Origin: origin}, Kind: provider.Primary, Addresses: p.addresses,
	}, count: int(*z.Properties.NumberOfRecordSets)}
	for _, s := range z.Properties.NameServers {
		n, err := host(text(s))
		if err != nil {
			return nil, fmt.Errorf("name server %q of zone %s has no proper name", text(s), origin)
		}
		f.NameServers = append(f.NameServers, n)
	}
	if t := z.Properties.ZoneType; t != nil && *t == armdns.ZoneTypePrivate {
		f.Kind, f.View = provider.Private, "private"
	}
	return f, nil
}

// facts asks for a zone without its records.
func (p *Provider) facts(ctx context.Context, op string, origin zone.Name) (*zoneFacts, error) {
	zoneName, err := bare(origin)
	if err != nil {
		return nil, &provider.Error{Op: op, Zone: origin.String(), Err: provider.ErrNoZone}
	}
	var out armdns.ZonesClientGetResponse
	if err := p.do(ctx, httpkit.Call{Op: op, Zone: origin.String(), Repeatable: true}, func(ctx context.Context, c *clients) (err error) {
		out, err = c.zones.Get(ctx, p.group, zoneName, nil)
		return err
	}); err != nil {
		return nil, err
	}
	f, err := p.translate(&out.Zone)
	if err == nil && f.Origin != origin {
		err = fmt.Errorf("asked for zone %s, the service gives %s", origin, f.Origin)
	}
	if err != nil {
		return nil, invalid(op, origin.String(), err)
	}
	return f, nil
}

// list lists the zones of the resource group.
func (p *Provider) list(ctx context.Context, op string) ([]*zoneFacts, error) {
	var out []*zoneFacts
	var pager *runtime.Pager[armdns.ZonesClientListByResourceGroupResponse]
	for pager == nil || pager.More() {
		var page armdns.ZonesClientListByResourceGroupResponse
		if err := p.do(ctx, httpkit.Call{Op: op, Repeatable: true}, func(ctx context.Context, c *clients) (err error) {
			if pager == nil {
				pager = c.zones.NewListByResourceGroupPager(p.group, nil)
			}
			page, err = pager.NextPage(ctx)
			return err
		}); err != nil {
			return nil, err
		}
		for _, z := range page.Value {
			f, err := p.translate(z)
			if err != nil {
				return nil, invalid(op, "", err)
			}
			out = append(out, f)
		}
	}
	return out, nil
}

// Zones implements provider.Provider.
func (p *Provider) Zones(ctx context.Context) iter.Seq2[provider.ZoneInfo, error] {
	return func(yield func(provider.ZoneInfo, error) bool) {
		zones, err := p.list(ctx, "list zones")
		if err != nil {
			yield(provider.ZoneInfo{}, err)
			return
		}
		for _, z := range zones {
			if !yield(z.ZoneInfo, nil) {
				return
			}
		}
	}
}

// CreateZone implements provider.ZoneCreator.
func (p *Provider) CreateZone(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	const op = "create zone"
	zoneName, err := bare(origin)
	if err != nil {
		return nil, &provider.Error{Op: op, Zone: origin.String(), Kind: provider.Rejected, Err: err}
	}
	err = p.do(ctx, httpkit.Call{Op: op, Zone: origin.String(), Absent: func(ctx context.Context) (bool, error) {
		_, err := p.facts(ctx, op, origin)
		if errors.Is(err, provider.ErrNoZone) {
			return true, nil
		}
		return false, err
	}}, func(ctx context.Context, c *clients) error {
		_, err := c.zones.CreateOrUpdate(ctx, p.group, zoneName, armdns.Zone{Location: new("global")}, &armdns.ZonesClientCreateOrUpdateOptions{IfNoneMatch: new("*")})
		return err
	})
	if err != nil && !errors.Is(err, httpkit.ErrCarriedOut) {
		return nil, err
	}
	return p.Read(ctx, provider.ZoneRef{Origin: origin})
}

// DeleteZone implements provider.ZoneDeleter. It returns when the service says that the zone is
// gone.
func (p *Provider) DeleteZone(ctx context.Context, ref provider.ZoneRef) error {
	const op = "delete zone"
	zoneName, err := bare(ref.Origin)
	if err != nil {
		return &provider.Error{Op: op, Zone: ref.Origin.String(), Err: provider.ErrNoZone}
	}
	// The service answers "no content" for a zone that is not there.
	if _, err := p.facts(ctx, op, ref.Origin); err != nil {
		return err
	}
	var poller *runtime.Poller[armdns.ZonesClientDeleteResponse]
	err = p.do(ctx, httpkit.Call{Op: op, Zone: ref.Origin.String(), Absent: func(ctx context.Context) (bool, error) {
		_, err := p.facts(ctx, op, ref.Origin)
		if errors.Is(err, provider.ErrNoZone) {
			return false, nil
		}
		return true, err
	}}, func(ctx context.Context, c *clients) (err error) {
		poller, err = c.zones.BeginDelete(ctx, p.group, zoneName, nil)
		return err
	})
	if errors.Is(err, httpkit.ErrCarriedOut) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.await(ctx, op, ref.Origin, poller)
}

// longest is how long a deletion is waited for.
const longest = 5 * time.Minute

// await asks until a deletion is over, as often as the service asks to be asked.
func (p *Provider) await(ctx context.Context, op string, origin zone.Name, poller *runtime.Poller[armdns.ZonesClientDeleteResponse]) error {
	fail := func(kind provider.ErrKind, err error, advice string) error {
		return &provider.Error{Op: op, Zone: origin.String(), Kind: kind, Err: err, Advice: advice}
	}
	waiting, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	for wait := 250 * time.Millisecond; !poller.Done(); wait = min(2*wait, 5*time.Second) {
		pause := wait
		err := p.do(waiting, httpkit.Call{Op: op, Zone: origin.String(), Repeatable: true}, func(ctx context.Context, _ *clients) error {
			resp, err := poller.Poll(ctx)
			if err != nil {
				return err
			}
			pause = max(pause, httpkit.RetryAfter(resp.Header, time.Now()))
			return resp.Body.Close()
		})
		if err == nil && !poller.Done() {
			err = httpkit.Pause(waiting, pause, httpkit.Wait{Account: p.id, Op: op, Zone: origin.String(), Why: "the service has not done it yet"})
		}
		if err != nil && waiting.Err() != nil && ctx.Err() == nil {
			return fail(provider.Transient, fmt.Errorf("the service has taken it up, but was not done after %v", longest), "look again later whether the zone is gone")
		}
		if err != nil {
			return err
		}
	}
	if _, err := poller.Result(ctx); err != nil {
		if _, ok := errors.AsType[*azcore.ResponseError](err); ok {
			e := p.classify(err)
			e.Op, e.Zone, e.Kind = op, origin.String(), provider.Other
			return e
		}
		return fail(provider.Other, errors.New(p.clean(err.Error())), "")
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
