package acme

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/zonecast/zonecast/zone"
)

// A solver does DNS-01.
type solver struct {
	present, cleanUp func(ctx context.Context, owner zone.Name, value string) error
}

// Present publishes the answer to a challenge.
func (s solver) Present(ctx context.Context, c acme.Challenge) error { return carry(ctx, c, s.present) }

// CleanUp takes it away.
func (s solver) CleanUp(ctx context.Context, c acme.Challenge) error { return carry(ctx, c, s.cleanUp) }

func carry(ctx context.Context, c acme.Challenge, to func(context.Context, zone.Name, string) error) error {
	owner, err := zone.ParseName(strings.TrimSuffix(c.DNS01TXTRecordName(), ".") + ".")
	if err != nil {
		return err
	}
	if err := to(ctx, owner, c.DNS01KeyAuthorization()); err != nil {
		return fmt.Errorf("TXT record at %s: %w", owner, err)
	}
	return nil
}

// Zones answers challenges by zones of their own, each with the TXT records of one name and nothing
// else, beside whatever zone the name lies in. That zone stays as it is, so it may be one that is
// only read here. It works where all servers of that zone are this one, and where it is not signed:
// validating resolvers take no answer from a zone that it does not delegate. Elsewhere see Edits.
type Zones struct {
	Publish  func(*zone.Zone) error // from now on it is answered
	Withdraw func(origin zone.Name) // it is not answered any more

	mu     sync.Mutex
	values map[zone.Name][]string
}

// Present is for Options.Present.
func (z *Zones) Present(_ context.Context, owner zone.Name, value string) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.values == nil {
		z.values = map[zone.Name][]string{}
	}
	if !slices.Contains(z.values[owner], value) {
		z.values[owner] = append(z.values[owner], value)
	}
	return z.publish(owner)
}

// CleanUp is for Options.CleanUp.
func (z *Zones) CleanUp(_ context.Context, owner zone.Name, value string) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	values := slices.DeleteFunc(z.values[owner], func(v string) bool { return v == value })
	if len(values) > 0 {
		z.values[owner] = values
		return z.publish(owner)
	}
	delete(z.values, owner)
	z.Withdraw(owner)
	return nil
}

// publish makes a zone of the values at a name. The caller holds mu.
func (z *Zones) publish(owner zone.Name) error {
	host := owner.Parent()
	soa := host.AppendWire(host.AppendWire(nil))
	for _, n := range []uint32{uint32(time.Now().Unix()), 3600, 900, 86400, 1} {
		soa = binary.BigEndian.AppendUint32(soa, n)
	}
	txt := make([]zone.Data, len(z.values[owner]))
	for i, v := range z.values[owner] {
		txt[i] = text(v)
	}
	made, err := zone.Of(owner,
		zone.RRset{Owner: owner, Type: zone.TypeSOA, TTL: 1, Data: []zone.Data{zone.Data(soa)}},
		zone.RRset{Owner: owner, Type: zone.TypeNS, TTL: 1, Data: []zone.Data{zone.Data(host.AppendWire(nil))}},
		zone.RRset{Owner: owner, Type: zone.TypeTXT, TTL: 1, Data: txt})
	if err != nil {
		return err
	}
	return z.Publish(made)
}
