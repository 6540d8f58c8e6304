package flow_test

import (
	"context"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/flow"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// hosted is an account at a service that names the servers of its zones, and puts them into the apex.
type hosted struct {
	*unreliable
	server zone.Name
}

func (h *hosted) named(snap *provider.Snapshot, err error) (*provider.Snapshot, error) {
	if err != nil {
		return nil, err
	}
	out := *snap
	out.Info.NameServers = []zone.Name{h.server}
	return &out, nil
}

func (h *hosted) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	return h.named(h.unreliable.Read(ctx, ref))
}

func (h *hosted) CreateZone(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	snap, err := h.Memory.CreateZone(ctx, origin)
	if err != nil {
		return nil, err
	}
	ns := zone.RRset{Owner: origin, Type: zone.TypeNS, TTL: 3600, Data: []zone.Data{zone.Data(h.server.AppendWire(nil))}}
	change := zone.Change{After: &ns}
	if have, ok := snap.Sets.Set(origin, zone.TypeNS); ok {
		change.Before = &have
	}
	if _, err := h.Write(ctx, snap, provider.ChangeSet{Sets: []zone.Change{change}}); err != nil {
		return nil, err
	}
	return h.Read(ctx, provider.ZoneRef{Origin: origin})
}

// host makes the accounts of a bench such services.
func (b *bench) host() {
	accounts.Store(b.dir+"/a", provider.Provider(&hosted{unreliable: b.a, server: zone.MustName("ns.a.test.")}))
	accounts.Store(b.dir+"/b", provider.Provider(&hosted{unreliable: b.b, server: zone.MustName("ns.b.test.")}))
}

// apexOf is what an account holds as apex NS.
func (b *bench) apexOf(m *conformance.Memory) string {
	b.t.Helper()
	snap, err := m.Read(b.t.Context(), provider.ZoneRef{Origin: zone.MustName("example.org.")})
	if err != nil {
		b.t.Fatal(err)
	}
	set, _ := snap.Sets.Set(snap.Sets.Origin(), zone.TypeNS)
	var names []string
	for _, d := range set.Data {
		names = append(names, rdata.Text(zone.TypeNS, d))
	}
	return strings.Join(names, " ")
}

func said(r *flow.Run, id string) *finding.Finding {
	for _, p := range r.Plans {
		for i := range p.Notes {
			if p.Notes[i].ID == id {
				return &p.Notes[i]
			}
		}
	}
	for i := range r.Findings {
		if r.Findings[i].ID == id {
			return &r.Findings[i]
		}
	}
	return nil
}

// A run over a new target alone gives it the name servers of the others as they were written last,
// says where its own are lacking, and takes none away. A run over all completes what is left.
func TestANewTargetAloneHasTheOthersNameServers(t *testing.T) {
	t.Parallel()
	b := newBench(t, two, map[string]string{"zones/example.org.yaml": www})
	b.host()
	only := func(id string) flow.Request { return flow.Request{Targets: []string{id}} }

	// Nobody has been written to: nothing is known of b, and that is said.
	r := b.plan(only("a"))
	if f := said(r, "apex-ns-partial"); f == nil || f.Severity != finding.Warning || !strings.Contains(f.Text, "without the name servers of b") || !strings.Contains(f.Fix, "zonecast apply example.org") {
		t.Errorf("findings %v, want a warning that those of b are not known", r.Findings)
	}
	b.apply(r)
	if got := b.apexOf(b.a.Memory); got != "ns.a.test." {
		t.Errorf("a has %q at its apex", got)
	}

	// a is not asked: what was written to its apex when it was made is known.
	b.a.broken = context.DeadlineExceeded // whoever reads it all the same fails
	r = b.plan(only("b"))
	if f := said(r, "apex-ns-partial"); f == nil || f.Severity != finding.Info || !strings.Contains(f.Text, "not in the apex NS at a yet") {
		t.Errorf("findings %v, want a note that those of b are not at a", r.Findings)
	}
	b.apply(r)
	if got := b.apexOf(b.b.Memory); got != "ns.a.test. ns.b.test." {
		t.Errorf("b has %q at its apex, want a's name server too", got)
	}
	r = b.plan(only("b"))
	b.expect(r, "b/example.org.:")
	if f := said(r, "apex-ns-partial"); f != nil {
		t.Errorf("a target that is filled is told of: %v", f)
	}

	b.a.broken = nil
	b.apply(b.plan(flow.Request{}))
	if a, bb := b.apexOf(b.a.Memory), b.apexOf(b.b.Memory); a != bb || a != "ns.a.test. ns.b.test." {
		t.Errorf("after a run over all a has %q, b has %q", a, bb)
	}
	b.expect(b.plan(flow.Request{}), "a/example.org.:\nb/example.org.:")
	b.expect(b.plan(only("a")), "a/example.org.:")
}

// The apex of a target that holds nothing else loses no name of an account that is not asked.
func TestAnEmptyTargetAloneLosesNoNames(t *testing.T) {
	t.Parallel()
	b := newBench(t, two, map[string]string{"zones/example.org.yaml": www})
	b.host()
	h, _ := accounts.Load(b.dir + "/b")
	snap, err := h.(*hosted).CreateZone(t.Context(), zone.MustName("example.org."))
	if err != nil {
		t.Fatal(err)
	}
	have, _ := snap.Sets.Set(snap.Sets.Origin(), zone.TypeNS)
	want := have
	want.Data = append([]zone.Data{zone.Data(zone.MustName("ns.a.test.").AppendWire(nil))}, have.Data...)
	if _, err := h.(*hosted).Write(t.Context(), snap, provider.ChangeSet{Sets: []zone.Change{{Before: &have, After: &want}}}); err != nil {
		t.Fatal(err)
	}
	r := b.plan(flow.Request{Targets: []string{"b"}})
	b.expect(r, "b/example.org.: +www/A[192.0.2.1]")
	b.apply(r)
	if got := b.apexOf(b.b.Memory); got != "ns.a.test. ns.b.test." {
		t.Errorf("b has %q at its apex, want a's name server still", got)
	}
}

// remake deletes a zone at a service and has it come back under another name server, as Route 53 does.
func (b *bench) remake(id string, m *conformance.Memory, server string) {
	b.t.Helper()
	if err := m.DeleteZone(b.t.Context(), provider.ZoneRef{Origin: zone.MustName("example.org.")}); err != nil {
		b.t.Fatal(err)
	}
	h, _ := accounts.Load(b.dir + "/" + id)
	h.(*hosted).server = zone.MustName(server)
}

// A zone that was deleted at a service and made anew has other name servers. Those join the apex NS of
// the other providers at once; that the old ones leave needs a yes, and does not hold them up.
func TestNewNamesOfAZoneMadeAnewJoinBeforeTheOldOnesLeave(t *testing.T) {
	t.Parallel()
	b := newBench(t, strings.Replace(two, "[always-ask, ttl-policy]", "[ttl-policy]", 1), map[string]string{"zones/example.org.yaml": www})
	b.host()
	b.apply(b.plan(flow.Request{}))
	b.apply(b.plan(flow.Request{}))
	if a, bb := b.apexOf(b.a.Memory), b.apexOf(b.b.Memory); a != bb || a != "ns.a.test. ns.b.test." {
		t.Fatalf("a has %q, b has %q", a, bb)
	}
	b.remake("a", b.a.Memory, "ns.new.test.")
	b.apply(b.plan(flow.Request{})) // makes the zone; b keeps what it has
	if got := b.apexOf(b.b.Memory); got != "ns.a.test. ns.b.test." {
		t.Errorf("b has %q at its apex", got)
	}
	r := b.plan(flow.Request{})
	b.expect(r, "a/example.org.:\nb/example.org.: ~@/NS[ns.a.test. ns.b.test. ns.new.test.]")
	if f := said(r, "apex-ns-leaving"); f == nil || !strings.Contains(f.Text, "b/example.org.: ns.a.test. stays in the apex NS") || !strings.Contains(f.Fix, "--allow always-ask") {
		t.Errorf("findings %v, want that the old name stays for now", r.Findings)
	}
	b.apply(r)

	// What is left is the leaving: held, until somebody says yes.
	r = b.plan(flow.Request{})
	b.expect(r, "a/example.org.:\nb/example.org.: ~@/NS[ns.b.test. ns.new.test.] held:always-ask")
	if f := said(r, "apex-ns-leaving"); f != nil {
		t.Errorf("nobody joins any more, and %v is said", f)
	}
	r = b.plan(flow.Request{Allow: []plan.Allowance{{Guard: "always-ask", Reason: "the zone was made anew"}}})
	b.apply(r)
	if a, bb := b.apexOf(b.a.Memory), b.apexOf(b.b.Memory); a != bb || a != "ns.b.test. ns.new.test." {
		t.Errorf("in the end a has %q, b has %q", a, bb)
	}
}

// With a yes given beforehand, joining and leaving are one change.
func TestAllowedLeavingIsOneChange(t *testing.T) {
	t.Parallel()
	b := newBench(t, strings.Replace(two, "[always-ask, ttl-policy]", "[ttl-policy]", 1), map[string]string{"zones/example.org.yaml": www})
	b.host()
	b.apply(b.plan(flow.Request{}))
	b.apply(b.plan(flow.Request{}))
	b.remake("a", b.a.Memory, "ns.new.test.")
	b.apply(b.plan(flow.Request{}))
	r := b.plan(flow.Request{Allow: []plan.Allowance{{Guard: "always-ask", Reason: "the zone was made anew"}}})
	b.expect(r, "a/example.org.:\nb/example.org.: ~@/NS[ns.b.test. ns.new.test.]")
}

// A saved plan whose zone has come or gone meanwhile says so.
func TestASavedPlanOfAZoneThatCameOrWent(t *testing.T) {
	t.Parallel()
	b := newBench(t, octo("[a]", ""), map[string]string{"zones/example.org.yaml": www})
	refused := func(p *plan.Plan, want string) {
		t.Helper()
		ready, finds := b.Refresh(t.Context(), []*plan.Plan{p})
		if len(ready) != 0 || len(finds) != 1 || finds[0].ID != "plan-stale" || !strings.Contains(finds[0].Text, want) {
			t.Errorf("%d plans are ready, findings %v; want %q", len(ready), finds, want)
		}
	}
	missing := b.plan(flow.Request{})
	b.apply(missing)
	refused(missing.Plans[0], "the zone exists there by now")
	b.write("zones/example.org.yaml", strings.Replace(www, "192.0.2.1", "192.0.2.2", 1))
	there := b.plan(flow.Request{})
	snap, err := b.a.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName("example.org.")})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.a.DeleteZone(t.Context(), snap.Info.ZoneRef); err != nil {
		t.Fatal(err)
	}
	refused(there.Plans[0], "the zone does not exist there any more")
}
