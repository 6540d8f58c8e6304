package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// Memory is a provider that keeps zones in memory, and a correct one: it compares the whole zone,
// changes all or nothing, and forgets nothing. Its zero value is an account without zones.
type Memory struct {
	// Delay is how long each call takes, as one to a distant service does.
	Delay time.Duration

	mu    sync.Mutex
	zones map[zone.Name]*memoryZone
}

type memoryZone struct {
	z        *zone.Zone
	rev      uint64
	settings provider.Settings
	foreign  []provider.Foreign
}

var (
	_ provider.SetReader   = (*Memory)(nil)
	_ provider.ZoneCreator = (*Memory)(nil)
	_ provider.ZoneDeleter = (*Memory)(nil)
	_ provider.Verifier    = (*Memory)(nil)
)

// Capabilities are all that the contract knows, but for steering.
func (m *Memory) Capabilities(provider.ZoneInfo) provider.Capabilities {
	var types []zone.Type
	for t := range values {
		if t.Known() {
			types = append(types, t)
		}
	}
	slices.Sort(types)
	return provider.Capabilities{
		Types: types, UnknownTypes: true, ApexNS: provider.ApexNSEditable, ApexNSTTL: true, Alias: "ALIAS",
		Wildcards: true, MultiValuePTR: true, TXTChunks: true, EmptyTXT: true, Extras: []string{"memory/*"},
		Compare: provider.CompareAll, Atomic: true, ListZones: true, CreateZone: true, DeleteZone: true,
		InFlight: 64, Proof: "simulated",
	}
}

// wait is the way to the service and back.
func (m *Memory) wait(ctx context.Context) error {
	if m.Delay == 0 {
		return ctx.Err()
	}
	return pause(ctx, m.Delay)
}

// Put makes or replaces a zone behind everyone's back.
func (m *Memory) Put(z *zone.Zone) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(z)
}

func (m *Memory) put(z *zone.Zone) *memoryZone {
	if m.zones == nil {
		m.zones = map[zone.Name]*memoryZone{}
	}
	next := &memoryZone{z: z, rev: 1}
	if have := m.zones[z.Origin()]; have != nil {
		next.rev, next.settings, next.foreign = have.rev+1, have.settings, have.foreign
	}
	m.zones[z.Origin()] = next
	return next
}

// memorySwitch is the one setting that zones in memory have; its values are "on" and "off".
const memorySwitch = "dnssec"

// PutForeign gives a zone things that are not ours, in place of those that it has.
func (m *Memory) PutForeign(origin zone.Name, list ...provider.Foreign) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if z := m.zones[origin]; z != nil {
		m.put(z.z).foreign = slices.Clone(list)
	}
}

// Zones implements provider.Provider.
func (m *Memory) Zones(ctx context.Context) iter.Seq2[provider.ZoneInfo, error] {
	return func(yield func(provider.ZoneInfo, error) bool) {
		if err := m.wait(ctx); err != nil {
			yield(provider.ZoneInfo{}, err)
			return
		}
		m.mu.Lock()
		var infos []provider.ZoneInfo
		for _, z := range m.zones {
			infos = append(infos, z.info())
		}
		m.mu.Unlock()
		slices.SortFunc(infos, func(a, b provider.ZoneInfo) int { return a.Origin.Compare(b.Origin) })
		for _, i := range infos {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func (z *memoryZone) info() provider.ZoneInfo {
	return provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: z.z.Origin()}, Kind: provider.Primary, Serial: uint32(z.rev)}
}

func (z *memoryZone) snapshot() *provider.Snapshot {
	return &provider.Snapshot{
		Info: z.info(), Revision: strconv.FormatUint(z.rev, 10), Sets: z.z,
		Settings: provider.Settings{memorySwitch: cmp.Or(z.settings[memorySwitch], "off")}, Foreign: slices.Clone(z.foreign),
	}
}

// Read implements provider.Provider.
func (m *Memory) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	if err := m.wait(ctx); err != nil {
		return nil, &provider.Error{Op: "read", Zone: ref.Origin.String(), Kind: provider.Transient, Err: err}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	z := m.zones[ref.Origin]
	if z == nil {
		return nil, provider.NoZone(ref.Origin)
	}
	return z.snapshot(), nil
}

// ReadSets implements provider.SetReader.
func (m *Memory) ReadSets(ctx context.Context, ref provider.ZoneRef, keys []zone.Key) ([]zone.RRset, error) {
	snap, err := m.Read(ctx, ref)
	if err != nil {
		return nil, err
	}
	var out []zone.RRset
	for _, k := range keys {
		if set, ok := snap.Sets.Set(k.Owner, k.Type); ok {
			out = append(out, set)
		}
	}
	return out, nil
}

// Write implements provider.Provider.
func (m *Memory) Write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet) (*provider.Receipt, error) {
	origin := base.Info.Origin
	refuse := func(kind provider.ErrKind, err error) (*provider.Receipt, error) {
		return provider.NewReceipt(changes, provider.NotDone), &provider.Error{Op: "write", Zone: origin.String(), Kind: kind, Err: err}
	}
	if err := m.wait(ctx); err != nil {
		return refuse(provider.Transient, err)
	}
	caps := m.Capabilities(base.Info)
	for _, c := range changes.Sets {
		if c.After != nil && !caps.Holds(c.After.Type) {
			return refuse(provider.Rejected, fmt.Errorf("%s: type not held here", c.Key()))
		}
	}
	for _, c := range changes.Settings {
		if c.Key != memorySwitch || c.After != "on" && c.After != "off" {
			return refuse(provider.Rejected, fmt.Errorf("there is no setting %s with value %q", c.Key, c.After))
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	z := m.zones[origin]
	if z == nil {
		return refuse(provider.Other, provider.ErrNoZone)
	}
	if have := strconv.FormatUint(z.rev, 10); have != base.Revision {
		return refuse(provider.Conflict, fmt.Errorf("revision is %s, the plan was computed from %s", have, base.Revision))
	}
	next, err := z.z.With(changes.Sets)
	if err == nil {
		err = z.taken(changes.Sets)
	}
	if err != nil {
		return refuse(provider.Conflict, err)
	}
	if err := aloneCNAME(next, changes.Sets); err != nil {
		return refuse(provider.Rejected, err)
	}
	z = m.put(next)
	for _, c := range changes.Settings {
		z.settings = provider.Settings{c.Key: c.After}
	}
	r := provider.NewReceipt(changes, provider.Done)
	r.Revision, r.Serial, r.Calls = strconv.FormatUint(z.rev, 10), uint32(z.rev), 1
	return r, nil
}

// taken refuses RRsets where something foreign stands.
func (z *memoryZone) taken(changes []zone.Change) error {
	for _, c := range changes {
		for _, f := range z.foreign {
			if f.Owns && f.Key == c.Key() {
				return fmt.Errorf("%s: a %s stands there", f.Key, f.Kind)
			}
		}
	}
	return nil
}

// aloneCNAME refuses a CNAME beside other data (RFC 2181, section 10.1).
func aloneCNAME(z *zone.Zone, changes []zone.Change) error {
	for _, c := range changes {
		owner := c.Key().Owner
		if _, ok := z.Set(owner, zone.TypeCNAME); !ok {
			continue
		}
		for set := range z.At(owner) {
			if set.Type != zone.TypeCNAME {
				return fmt.Errorf("%s: CNAME and other data", owner)
			}
		}
	}
	return nil
}

// CreateZone implements provider.ZoneCreator. The new zone has an SOA and two NS.
func (m *Memory) CreateZone(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	if err := m.wait(ctx); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.zones[origin] != nil {
		return nil, &provider.Error{Op: "create zone", Zone: origin.String(), Kind: provider.Conflict, Err: errors.New("the zone exists already")}
	}
	z, err := newborn(origin)
	if err != nil {
		return nil, err
	}
	return m.put(z).snapshot(), nil
}

// newborn is a zone as services make it.
func newborn(origin zone.Name) (*zone.Zone, error) {
	ns := []zone.Name{zone.MustName("ns1.memory.test."), zone.MustName("ns2.memory.test.")}
	soa := zone.MustName("hostmaster.memory.test.").AppendWire(ns[0].AppendWire(nil))
	soa = append(soa, 0, 0, 0, 1, 0, 0, 0x1c, 0x20, 0, 0, 3, 0x84, 0, 0x12, 0x75, 0, 0, 0, 1, 0x2c) // 1 7200 900 1209600 300
	return zone.Of(origin,
		zone.RRset{Owner: origin, Type: zone.TypeSOA, TTL: 3600, Data: []zone.Data{zone.Data(soa)}},
		zone.RRset{Owner: origin, Type: zone.TypeNS, TTL: 3600, Data: []zone.Data{
			zone.Data(ns[0].AppendWire(nil)), zone.Data(ns[1].AppendWire(nil)),
		}})
}

// DeleteZone implements provider.ZoneDeleter.
func (m *Memory) DeleteZone(ctx context.Context, ref provider.ZoneRef) error {
	if err := m.wait(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.zones[ref.Origin] == nil {
		return &provider.Error{Op: "delete zone", Zone: ref.Origin.String(), Err: provider.ErrNoZone}
	}
	delete(m.zones, ref.Origin)
	return nil
}

// Verify implements provider.Verifier.
func (m *Memory) Verify(ctx context.Context) (string, error) {
	if err := m.wait(ctx); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprintf("memory, %d zones", len(m.zones)), nil
}
