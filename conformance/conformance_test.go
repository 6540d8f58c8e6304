package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// subject is Memory, seen through wrap.
func subject(wrap func(*conformance.Memory) provider.Provider) conformance.Subject {
	m := &conformance.Memory{}
	var zones, calls atomic.Int64
	origin := func() zone.Name {
		return zone.MustName(fmt.Sprintf("zone%d.example.", zones.Add(1)))
	}
	return conformance.Subject{
		Name: "memory",
		Open: func(conformance.T) provider.Provider { return counted{wrap(m), &calls} },
		Fresh: func(t conformance.T) provider.ZoneRef {
			snap, err := m.CreateZone(context.Background(), origin())
			if err != nil {
				t.Fatalf("%v", err)
			}
			return snap.Info.ZoneRef
		},
		NewOrigin: func(conformance.T) zone.Name { return origin() },
		Ask: func(ctx context.Context, k zone.Key) (zone.RRset, bool, error) {
			for info, err := range m.Zones(ctx) {
				if err != nil {
					return zone.RRset{}, false, err
				}
				if k.Owner.In(info.Origin) {
					snap, err := m.Read(ctx, info.ZoneRef)
					if err != nil {
						return zone.RRset{}, false, err
					}
					set, ok := snap.Sets.Set(k.Owner, k.Type)
					return set, ok, nil
				}
			}
			return zone.RRset{}, false, errors.New("no such zone")
		},
		Patience: time.Millisecond,
		WrongKey: func(conformance.T) provider.Provider { return denied{m} },
		Expired:  func(conformance.T) provider.Provider { return denied{m} },
		Narrow:   func(conformance.T) provider.Provider { return narrow{m, provider.Denied} },
		Via:      via(func() provider.Provider { return wrap(m) }, nil),
		Stated: func(t conformance.T, ref provider.ZoneRef) conformance.Count {
			var c conformance.Count
			for set := range must(m.Read(context.Background(), ref)).Sets.All() {
				c.Sets++
				c.Records += len(set.Data)
			}
			return c
		},
		Plant: func(t conformance.T, ref provider.ZoneRef) []conformance.Planted {
			key := zone.Key{Owner: zone.MustName("policy." + ref.Origin.String()), Type: zone.TypeA}
			m.PutForeign(ref.Origin, provider.Foreign{Key: key, Kind: "traffic policy", Text: "policy/7 at policy", Raw: []byte(`{"id":7}`), Owns: true})
			t.Cleanup(func() { m.PutForeign(ref.Origin) })
			other := zone.RRset{Owner: zone.MustName("other." + ref.Origin.String()), Type: zone.TypeA, TTL: 77, Data: []zone.Data{"\xc0\x00\x02\x4d"}}
			m.Put(must(must(m.Read(context.Background(), ref)).Sets.With([]zone.Change{{After: &other}})))
			return []conformance.Planted{{Name: "a traffic policy", Key: key}, {Name: "another tool's record", Key: other.Key(), Set: &other}}
		},
		Calls:    func() (int, int) { return int(calls.Load()), 0 },
		Page:     100,
		Switches: map[string][2]string{"dnssec": {"on", "off"}},
		Extras:   map[string][2]string{"memory/colour": {"red", "blue"}},
		Large:    true,
	}
}

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

// narrow lets nobody write. Its kind is what it says then.
type narrow struct {
	*conformance.Memory
	kind provider.ErrKind
}

func (n narrow) Write(context.Context, *provider.Snapshot, provider.ChangeSet) (*provider.Receipt, error) {
	return nil, &provider.Error{Op: "write", Kind: n.kind}
}

// counted counts calls of the methods that a service would see as requests.
type counted struct {
	provider.Provider
	calls *atomic.Int64
}

func (c counted) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	c.calls.Add(1)
	return c.Provider.Read(ctx, ref)
}

func (c counted) Write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet) (*provider.Receipt, error) {
	c.calls.Add(1)
	return c.Provider.Write(ctx, base, changes)
}

// CreateZone and DeleteZone are those of Memory.
func (c counted) CreateZone(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	return c.Provider.(provider.ZoneCreator).CreateZone(ctx, origin)
}

func (c counted) DeleteZone(ctx context.Context, ref provider.ZoneRef) error {
	return c.Provider.(provider.ZoneDeleter).DeleteZone(ctx, ref)
}

type denied struct{ *conformance.Memory }

func (denied) Read(context.Context, provider.ZoneRef) (*provider.Snapshot, error) {
	return nil, &provider.Error{Op: "read", Kind: provider.Denied}
}

func (denied) Write(context.Context, *provider.Snapshot, provider.ChangeSet) (*provider.Receipt, error) {
	return nil, &provider.Error{Op: "write", Kind: provider.Denied}
}

func (denied) Verify(context.Context) (string, error) {
	return "", &provider.Error{Op: "verify", Kind: provider.Denied}
}

func plain(m *conformance.Memory) provider.Provider { return m }

func TestMemoryPasses(t *testing.T) {
	t.Parallel()
	r := conformance.Run(t, subject(plain))
	if r.Failed() {
		t.Errorf("a correct provider fails the suite: unproven %v", r.Unproven)
	}
	want := []string{"refused types", "server killed", "borders of batches"}
	for _, x := range r.Results {
		if x.Status == conformance.Skipped && !slices.ContainsFunc(want, func(g string) bool { return strings.HasPrefix(x.Group, g) }) {
			t.Errorf("group %q was skipped: %s", x.Group, x.Reason)
		}
	}
}

// A broken provider is Memory with one fault.
type broken struct {
	*conformance.Memory
	caps  func(*provider.Capabilities)
	read  func(*provider.Snapshot) *provider.Snapshot
	write func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error)
	err   func(error) error
}

func (b broken) Capabilities(i provider.ZoneInfo) provider.Capabilities {
	c := b.Memory.Capabilities(i)
	if b.caps != nil {
		b.caps(&c)
	}
	return c
}

func (b broken) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	s, err := b.Memory.Read(ctx, ref)
	if err != nil {
		if b.err != nil {
			err = b.err(err)
		}
		return s, err
	}
	if b.read != nil {
		s = b.read(s)
	}
	return s, nil
}

func (b broken) Write(ctx context.Context, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
	if b.write != nil {
		return b.write(ctx, b.Memory, base, c)
	}
	return b.Memory.Write(ctx, base, c)
}

// edited changes every RRset on its way in.
func edited(f func(zone.RRset) (zone.RRset, bool)) func(context.Context, *conformance.Memory, *provider.Snapshot, provider.ChangeSet) (*provider.Receipt, error) {
	return func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
		sent := provider.ChangeSet{}
		for _, x := range c.Sets {
			if x.After != nil {
				set, ok := f(*x.After)
				if !ok {
					continue
				}
				x.After = &set
			}
			sent.Sets = append(sent.Sets, x)
		}
		r, err := m.Write(ctx, base, sent)
		if err != nil {
			return provider.NewReceipt(c, provider.NotDone), err
		}
		full := provider.NewReceipt(c, provider.Done)
		full.Revision = r.Revision
		return full, nil
	}
}

// blind writes without comparing anything.
func blind(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
	for {
		now, err := m.Read(ctx, base.Info.ZoneRef)
		if err != nil {
			return nil, err
		}
		var sets []zone.Change
		for _, x := range c.Sets {
			x.Before = nil
			if have, ok := now.Sets.Set(x.Key().Owner, x.Key().Type); ok {
				x.Before = &have
			}
			if x.Before != nil || x.After != nil {
				sets = append(sets, x)
			}
		}
		if _, err = m.Write(ctx, now, provider.ChangeSet{Sets: sets}); provider.KindOf(err) == provider.Conflict {
			continue
		}
		if err != nil {
			return provider.NewReceipt(c, provider.NotDone), err
		}
		return provider.NewReceipt(c, provider.Done), nil
	}
}

func TestBrokenProvidersAreCaught(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		group string // that must catch it
		b     broken
	}{
		{"drops TXT", "type TXT", broken{write: edited(func(s zone.RRset) (zone.RRset, bool) { return s, s.Type != zone.TypeTXT })}},
		{"says done, does nothing", "type A", broken{write: func(_ context.Context, _ *conformance.Memory, _ *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
			return provider.NewReceipt(c, provider.Done), nil
		}}},
		{"clamps TTL silently", "TTL alone", broken{write: edited(func(s zone.RRset) (zone.RRset, bool) { s.TTL = max(s.TTL, 60); return s, true })}},
		{"cuts TXT at 255", "long TXT", broken{write: edited(func(s zone.RRset) (zone.RRset, bool) {
			for i, d := range s.Data {
				if s.Type == zone.TypeTXT && len(d) > 256 {
					s.Data = slices.Clone(s.Data)
					s.Data[i] = d[:256]
				}
			}
			return s, true
		})}},
		{"joins strings of TXT", "TXT in several strings", broken{write: edited(func(s zone.RRset) (zone.RRset, bool) {
			if s.Type == zone.TypeTXT && strings.HasPrefix(string(s.Data[0]), "\x02ab\x01c") {
				s.Data = []zone.Data{"\x03abc"}
			}
			return s, true
		})}},
		{"loses the comment", "extras", broken{write: edited(func(s zone.RRset) (zone.RRset, bool) { s.Extra = zone.Extra{}; return s, true })}},
		{"drops types it does not declare", "refused types", broken{
			caps: func(c *provider.Capabilities) {
				c.Types = slices.DeleteFunc(c.Types, func(t zone.Type) bool { return t == zone.TypeLOC })
			},
			write: edited(func(s zone.RRset) (zone.RRset, bool) { return s, s.Type != zone.TypeLOC }),
		}},
		{"no wildcards on reading", "wildcards", broken{read: func(s *provider.Snapshot) *provider.Snapshot {
			n := *s
			b := zone.NewBuilder(s.Sets.Origin())
			for set := range s.Sets.All() {
				if !set.Owner.IsWildcard() {
					b.Add(set)
				}
			}
			n.Sets, _ = b.Zone()
			return &n
		}}},
		{"first page only", "1,200 sets", broken{read: func(s *provider.Snapshot) *provider.Snapshot {
			n := *s
			b := zone.NewBuilder(s.Sets.Origin())
			i := 0
			for set := range s.Sets.All() {
				if i++; i <= 1000 {
					b.Add(set)
				}
			}
			n.Sets, _ = b.Zone()
			return &n
		}}},
		{"overwrites what moved", "stale snapshot", broken{write: blind}},
		{"claims compare-and-set", "two writers, one set", broken{write: blind}},
		{"any error is no error", "cancelled before", broken{write: func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
			return m.Write(context.WithoutCancel(ctx), base, c)
		}}},
		{"carries out the good half", "all or nothing", broken{write: func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
			r, err := m.Write(ctx, base, c)
			if err != nil && len(c.Sets) > 1 {
				r.Sets[0] = provider.Done
				_, _ = m.Write(ctx, base, provider.ChangeSet{Sets: c.Sets[:1]})
			}
			return r, err
		}}},
		{"a missing zone is an empty one", "missing zone", broken{err: func(error) error { return errors.New("404") }}},
		{"claims what nobody proves", "", broken{caps: func(c *provider.Capabilities) { c.Transfers = true }}},
		{"claims a type without values", "", broken{caps: func(c *provider.Capabilities) { c.Types = append(c.Types, zone.TypeNSEC) }}},
		{"plans only from its own snapshot", "saved plan", broken{write: func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
			if base.Sets.Len() == 0 {
				return nil, errors.New("no sets")
			}
			return m.Write(ctx, base, c)
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			caught(t, c.group, subject(func(m *conformance.Memory) provider.Provider { b := c.b; b.Memory = m; return b }))
		})
	}
}

// caught runs one group, "" all, and demands that it fails.
func caught(t *testing.T, group string, s conformance.Subject) {
	t.Helper()
	s.Only = group
	s.Large = s.Large && group != ""
	rec := conformance.NewRecorder(t.Context(), "suite")
	r := conformance.Run(rec, s)
	rec.Close()
	if !rec.Failed() || !r.Failed() {
		t.Fatalf("the suite did not catch it:\n%s", strings.Join(rec.Lines(), "\n"))
	}
	if group == "" {
		return
	}
	i := slices.IndexFunc(r.Results, func(x conformance.Result) bool { return x.Group == group })
	if i < 0 || r.Results[i].Status != conformance.Failed || r.Results[i].Reason == "" {
		t.Errorf("group %q ended as %+v, want failed with a reason", group, r.Results)
	}
}

func TestReportsAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/made"
	want := &conformance.Report{
		Subject:      "a (b 1.0)",
		Capabilities: provider.Capabilities{Types: []zone.Type{zone.TypeMX, zone.TypeALIAS}, Atomic: true, Compare: provider.CompareSet},
		Results:      []conformance.Result{{Group: "apex", Level: 2, Status: conformance.Passed, Steps: 3, Took: time.Second}},
		Unproven:     []string{"Atomic"},
	}
	if err := want.Save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := conformance.Load(dir)
	if err != nil || len(got) != 1 {
		t.Fatalf("loaded %d reports, %v", len(got), err)
	}
	if d := cmp.Diff(want, got[0]); d != "" {
		t.Errorf("report changed (-want +got):\n%s", d)
	}
}

func TestTableIsMarkdown(t *testing.T) {
	t.Parallel()
	r := &conformance.Report{
		Subject:      "example|1 one",
		Short:        "example",
		Capabilities: provider.Capabilities{Types: []zone.Type{zone.TypeMX, zone.TypeA}, Wildcards: true, MinTTL: 60, MaxTTL: 86400, Window: "a moment", Proof: "simulated"},
		Results: []conformance.Result{
			{Group: "apex", Level: 2, Status: conformance.Passed, Steps: 4, Took: 1200 * time.Millisecond, Notes: []string{"3 calls"}},
			{Group: "type A", Level: 1, Status: conformance.Failed, Reason: "x"},
			{Group: "extras", Level: 2, Status: conformance.Skipped, Reason: "not declared"},
			{Group: "server killed", Level: 4, Status: conformance.Skipped, Reason: "no server that could be killed"},
		},
		Unproven: []string{"Wildcards"},
	}
	for name, test := range map[string]struct {
		got  string
		want []string
	}{
		"alone": {conformance.Table(r), []string{
			"| capability | example |\n| --- | --- |\n| types | 2 |", "| TTL | 60–86400 |", "| compare-and-set | – (1) |",
			"| L1 every declared type | **failed** A |\n| L2 apex | passed |\n| L2 extras | – (not declared) |\n| L4 server killed | – (no server that could be killed) |",
			"\n1. a moment\n", "- **example**: A MX\n", "- **example**, apex: 3 calls\n", "example claims Wildcards, which no group proved.",
		}},
		"two": {conformance.Table(r, r), []string{
			"| **example**   | example\\|1 one | simulated | 1      | 1      | 1       | 1            | 4      |\n| **example 2** |",
			"| L1 every declared type | **✗** A | **✗** A   |\n", "| L2 apex                | ✓       | ✓         |\n",
			"| L2 extras              | ·       | ·         |\n", "| L4 server killed       | ○ (2)   | ○ (2)     |\n", "\n1. a moment\n2. no server that could be killed\n",
		}},
	} {
		for _, want := range test.want {
			if !strings.Contains(test.got, want) {
				t.Errorf("%s: table lacks %q:\n%s", name, want, test.got)
			}
		}
	}
}
