package apply

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// account is a provider that holds one zone in memory and fails on demand.
type account struct {
	mu     sync.Mutex
	zone   *zone.Zone
	absent bool
	serial int
	writes int
	// fault is called for write n (from 1); it says how many changes to carry out (-1: all), whether
	// the receipt admits it, and the error.
	fault func(n int) (carry int, honest bool, err error)
	reads func(n int) error
	nread int
	delay time.Duration
	ns    *zone.RRset // put into a new zone

	servers []zone.Name // of the zone, as the service says

	addresses []string
	busy      int
	most      int
}

func (a *account) Capabilities(provider.ZoneInfo) provider.Capabilities {
	return provider.Capabilities{CreateZone: true}
}

func (a *account) Zones(context.Context) iter.Seq2[provider.ZoneInfo, error] {
	return func(func(provider.ZoneInfo, error) bool) {}
}

func (a *account) Read(_ context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.nread++
	if a.reads != nil {
		if err := a.reads(a.nread); err != nil {
			return nil, err
		}
	}
	if a.absent {
		return nil, provider.NoZone(ref.Origin)
	}
	return &provider.Snapshot{Info: provider.ZoneInfo{ZoneRef: ref, Addresses: a.addresses, NameServers: a.servers}, Revision: fmt.Sprint(a.serial), Sets: a.zone}, nil
}

func (a *account) CreateZone(_ context.Context, origin zone.Name) (*provider.Snapshot, error) {
	a.mu.Lock()
	a.absent, a.zone = false, zone.Empty(origin)
	if a.ns != nil {
		a.zone, _ = a.zone.With([]zone.Change{{After: a.ns}})
	}
	a.mu.Unlock()
	return a.Read(context.Background(), provider.ZoneRef{Origin: origin})
}

func (a *account) Write(ctx context.Context, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
	a.mu.Lock()
	a.writes++
	n := a.writes
	a.busy++
	a.most = max(a.most, a.busy)
	a.mu.Unlock()
	if a.delay > 0 {
		select {
		case <-time.After(a.delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy--
	if base.Revision != fmt.Sprint(a.serial) {
		return nil, &provider.Error{Kind: provider.Conflict, Op: "write", Err: errors.New("serial moved")}
	}
	carry, honest, err := -1, true, error(nil)
	if a.fault != nil {
		carry, honest, err = a.fault(n)
	}
	if carry < 0 || carry > len(c.Sets) {
		carry = len(c.Sets)
	}
	z, werr := a.zone.With(c.Sets[:carry])
	if werr != nil {
		return nil, &provider.Error{Kind: provider.Conflict, Err: werr}
	}
	a.zone, a.serial = z, a.serial+1
	r := provider.NewReceipt(c, provider.Unknown)
	if honest {
		for i := range r.Sets {
			r.Sets[i] = provider.NotDone
			if i < carry {
				r.Sets[i] = provider.Done
			}
		}
	}
	return r, err
}

// memory is a journal that keeps entries in a slice.
type memory struct {
	mu       sync.Mutex
	entries  []Entry
	finished map[int64]string
	fail     error
	amend    error // what Amend says
	verified int
}

func (m *memory) Begin(_ context.Context, e Entry) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return 0, m.fail
	}
	for _, o := range m.entries {
		if o.Target == e.Target && o.Generation > e.Generation {
			return 0, fmt.Errorf("generation %d: %w", e.Generation, ErrStale)
		}
	}
	e.ID = int64(len(m.entries) + 1)
	m.entries = append(m.entries, e)
	return e.ID, nil
}

func (m *memory) Amend(_ context.Context, id int64, c provider.ChangeSet, want *zone.Zone) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := &m.entries[id-1]
	e.Changes, e.Want = c, want
	return m.amend
}

func (m *memory) Finish(_ context.Context, id int64, r *provider.Receipt, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.finished == nil {
		m.finished = map[int64]string{}
	}
	m.finished[id] = fmt.Sprintf("%d done, %v", r.Count(provider.Done), err)
	return nil
}

func (m *memory) Verified(context.Context, int64, Verification) error { m.verified++; return nil }
func (m *memory) Open(context.Context) iter.Seq2[Entry, error]        { return nil }
func (m *memory) Resolve(context.Context, int64, string) error        { return nil }

var org = zone.MustName("example.org.")

func records(t *testing.T, origin zone.Name, spec ...string) *zone.Zone {
	t.Helper()
	var sets []zone.RRset
	for _, s := range spec {
		owner, data, _ := strings.Cut(s, "=")
		n, err := zone.ParseNameIn(owner, origin)
		if err != nil {
			t.Fatal(err)
		}
		typ := zone.TypeTXT
		if strings.HasPrefix(data, "ns") {
			typ = zone.TypeNS
		}
		sets = append(sets, zone.RRset{Owner: n, Type: typ, TTL: 300, Data: []zone.Data{zone.Data(data)}})
	}
	z, err := zone.Of(origin, sets...)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func planFor(t *testing.T, name string, a *account, want *zone.Zone) *plan.Plan {
	t.Helper()
	origin := want.Origin()
	snap, err := a.Read(t.Context(), provider.ZoneRef{Origin: origin})
	if errors.Is(err, provider.ErrNoZone) {
		snap = &provider.Snapshot{Info: provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: origin}}, Sets: zone.Empty(origin), Missing: true}
	} else if err != nil {
		t.Fatal(err)
	}
	return plan.Compute(plan.Input{Target: plan.Target{Provider: name, Driver: "memory", Zone: origin}, Generation: 1, Observed: snap, Desired: want})
}

func executor(accounts map[string]*account, j Journal) *Executor {
	return &Executor{Journal: j, Run: "r1", Open: func(t plan.Target) (provider.Provider, error) {
		a, ok := accounts[t.Provider]
		if !ok {
			return nil, errors.New("no such account")
		}
		return a, nil
	}}
}

func text(z *zone.Zone) string {
	var out []string
	for r := range z.All() {
		out = append(out, r.Owner.Relative(z.Origin())+"="+string(r.Data[0]))
	}
	return strings.Join(out, " ")
}

func TestWriteEndsWell(t *testing.T) {
	t.Parallel()
	transient := &provider.Error{Kind: provider.Transient, Err: errors.New("502")}
	lost := &provider.Error{Kind: provider.Lost, Err: errors.New("connection reset")}
	for name, c := range map[string]struct {
		fault    func(int) (int, bool, error)
		attempts int
	}{
		"at once":                        {nil, 1},
		"after two refusals":             {func(n int) (int, bool, error) { return pick(n <= 2, 0, -1), true, pickErr(n <= 2, transient) }, 3},
		"half done, then the rest":       {func(n int) (int, bool, error) { return pick(n == 1, 2, -1), true, pickErr(n == 1, transient) }, 2},
		"answer lost, nothing was done":  {func(n int) (int, bool, error) { return pick(n == 1, 0, -1), n > 1, pickErr(n == 1, lost) }, 2},
		"answer lost, all was done":      {func(n int) (int, bool, error) { return -1, false, lost }, 1},
		"answer lost, half was done":     {func(n int) (int, bool, error) { return pick(n == 1, 2, -1), n > 1, pickErr(n == 1, lost) }, 2},
		"no error, but not all was done": {func(n int) (int, bool, error) { return pick(n == 1, 1, -1), true, nil }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, j := &account{zone: records(t, org, "a=1", "b=1", "c=1"), fault: c.fault}, &memory{}
				want := records(t, org, "a=2", "c=1", "d=1", "e=1")
				report, err := executor(map[string]*account{"x": a}, j).Do(t.Context(), []*plan.Plan{planFor(t, "x", a, want)}, nil)
				if err != nil {
					t.Fatal(err)
				}
				res := report.Results[0]
				if res.State != DoneState || res.Receipt.Count(provider.Done) != 4 {
					t.Errorf("result = %s, %s, %v; want done", res.State, res.Error, res.Receipt)
				}
				if text(a.zone) != text(want) {
					t.Errorf("zone is %s; want %s", text(a.zone), text(want))
				}
				if res.Attempts != c.attempts {
					t.Errorf("%d attempts; want %d", res.Attempts, c.attempts)
				}
				if len(j.entries) != 1 || j.finished[1] != "4 done, <nil>" {
					t.Errorf("journal: %d entries, finished %v", len(j.entries), j.finished)
				}
			})
		})
	}
}

func pick(b bool, x, y int) int {
	if b {
		return x
	}
	return y
}

func pickErr(b bool, err error) error {
	if b {
		return err
	}
	return nil
}

func TestWriteEndsBadly(t *testing.T) {
	t.Parallel()
	denied := &provider.Error{Kind: provider.Denied, Op: "write", Err: errors.New("403")}
	lost := &provider.Error{Kind: provider.Lost, Err: errors.New("reset")}
	for name, c := range map[string]struct {
		fault  func(*account) func(int) (int, bool, error)
		reads  func(int) error
		state  State
		errHas string
		writes int
	}{
		"denied is not tried again": {fault: func(*account) func(int) (int, bool, error) {
			return func(int) (int, bool, error) { return 0, true, denied }
		}, state: Failed, errHas: "403", writes: 1},
		"lost, and reading back fails": {fault: func(*account) func(int) (int, bool, error) {
			return func(int) (int, bool, error) { return 1, false, lost }
		}, reads: func(n int) error { return pickErr(n > 1, errors.New("down")) }, state: UnknownEnd, errHas: "not known", writes: 1},
		"somebody else wrote meanwhile": {fault: func(a *account) func(int) (int, bool, error) {
			return func(int) (int, bool, error) {
				a.zone, _ = a.zone.With([]zone.Change{{After: &zone.RRset{Owner: zone.MustName("other.example.org."), Type: zone.TypeTXT, TTL: 1, Data: []zone.Data{"z"}}}})
				return 0, false, lost
			}
		}, state: Refused, errHas: "changed by somebody else", writes: 1},
		"never gets through": {fault: func(*account) func(int) (int, bool, error) {
			return func(int) (int, bool, error) {
				return 0, true, &provider.Error{Kind: provider.Throttled, RetryAfter: time.Minute}
			}
		}, state: Failed, errHas: "0 of 2 changes done", writes: 5},
		"a long pause is not waited": {fault: func(*account) func(int) (int, bool, error) {
			return func(int) (int, bool, error) {
				return 0, true, &provider.Error{Kind: provider.Throttled, RetryAfter: time.Hour}
			}
		}, state: Failed, errHas: "asks to wait 1h0m0s: run the same command again", writes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, j := &account{zone: records(t, org, "a=1"), reads: c.reads}, &memory{}
				p := planFor(t, "x", a, records(t, org, "a=2", "b=1"))
				a.fault = c.fault(a)
				report, err := executor(map[string]*account{"x": a}, j).Do(t.Context(), []*plan.Plan{p}, nil)
				if err != nil {
					t.Fatal(err)
				}
				res := report.Results[0]
				if res.State != c.state || !strings.Contains(res.Error, c.errHas) || a.writes != c.writes {
					t.Errorf("%s after %d writes: %s; want %s after %d: …%s…", res.State, a.writes, res.Error, c.state, c.writes, c.errHas)
				}
				if len(j.finished) != 1 {
					t.Error("the journal entry was not closed")
				}
			})
		})
	}
}

func TestNothingIsSentWithoutJournal(t *testing.T) {
	t.Parallel()
	a := &account{zone: records(t, org, "a=1")}
	x := executor(map[string]*account{"x": a}, &memory{fail: errors.New("disk full")})
	report, err := x.Do(t.Context(), []*plan.Plan{planFor(t, "x", a, records(t, org, "a=2"))}, nil)
	if err == nil || !strings.Contains(err.Error(), "disk full") || a.writes != 0 || report.Results[0].State != Refused {
		t.Errorf("Do = %v, %d writes, %s; want an error, none, refused", err, a.writes, report.Results[0].State)
	}
}

func TestGenerationsFence(t *testing.T) {
	t.Parallel()
	a, j := &account{zone: records(t, org, "a=1")}, &memory{}
	older, newer := planFor(t, "x", a, records(t, org, "a=2")), planFor(t, "x", a, records(t, org, "a=3"))
	newer.Generation = 2
	x := executor(map[string]*account{"x": a}, j)
	if _, err := x.Do(t.Context(), []*plan.Plan{newer}, nil); err != nil {
		t.Fatal(err)
	}
	report, err := x.Do(t.Context(), []*plan.Plan{older}, nil)
	if err != nil || report.Results[0].State != Refused || text(a.zone) != "a=3" {
		t.Errorf("%v, %s, zone %s; want refused and the newer data", err, report.Results[0].State, text(a.zone))
	}
}

func TestHeldAndEmptyPlansAreNotWritten(t *testing.T) {
	t.Parallel()
	a := &account{zone: records(t, org, "a=1")}
	same, dry := planFor(t, "x", a, records(t, org, "a=1")), planFor(t, "x", a, records(t, org, "a=2"))
	dry.DryRun = "always-dry-run"
	report, err := executor(map[string]*account{"x": a}, &memory{}).Do(t.Context(), []*plan.Plan{same, dry}, nil)
	if err != nil || a.writes != 0 || report.Results[0].State != Unchanged || report.Results[1].State != Refused {
		t.Errorf("%v, %d writes, %s, %s", err, a.writes, report.Results[0].State, report.Results[1].State)
	}
}

func TestOneFailureTouchesOneTarget(t *testing.T) {
	t.Parallel()
	good, bad := &account{zone: records(t, org, "a=1")}, &account{zone: records(t, org, "a=1"), fault: func(int) (int, bool, error) {
		return 0, true, &provider.Error{Kind: provider.Rejected, Err: errors.New("no")}
	}}
	want := records(t, org, "a=2")
	for _, compensate := range []bool{false, true} {
		good.zone, good.serial = records(t, org, "a=1"), 0
		x := executor(map[string]*account{"good": good, "bad": bad}, &memory{})
		x.Compensate = compensate
		report, err := x.Do(t.Context(), []*plan.Plan{planFor(t, "bad", bad, want), planFor(t, "good", good, want)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		wantState, wantZone := DoneState, "a=2"
		if compensate {
			wantState, wantZone = Compensated, "a=1"
		}
		if report.Results[0].State != Failed || report.Results[1].State != wantState || text(good.zone) != wantZone {
			t.Errorf("compensate %v: %s, %s (%s), zone %s", compensate, report.Results[0].State, report.Results[1].State, report.Results[1].Error, text(good.zone))
		}
	}
}

func TestZoneIsCreated(t *testing.T) {
	t.Parallel()
	a := &account{absent: true, zone: zone.Empty(org)}
	set, _ := records(t, org, "@=nsX").Set(org, zone.TypeNS)
	a.ns = &set
	want := records(t, org, "@=nsY", "a=1")
	report, err := executor(map[string]*account{"x": a}, &memory{}).Do(t.Context(), []*plan.Plan{planFor(t, "x", a, want)}, nil)
	if err != nil || report.Results[0].State != DoneState || text(a.zone) != "@=nsY a=1" {
		t.Errorf("%v, %s %s, zone %s", err, report.Results[0].State, report.Results[0].Error, text(a.zone))
	}
}

// What cannot be kept is not written: the zone is there then, and empty.
func TestNothingIsWrittenThatCannotBeKept(t *testing.T) {
	t.Parallel()
	a := &account{absent: true, zone: zone.Empty(org), servers: []zone.Name{zone.MustName("nsX.example.org.")}}
	p := planFor(t, "x", a, records(t, org, "@=nsY", "a=1"))
	p.JoinNS = true
	report, err := executor(map[string]*account{"x": a}, &memory{amend: errors.New("the disk is full")}).Do(t.Context(), []*plan.Plan{p}, nil)
	if err == nil || report.Results[0].State != Failed || a.zone.Len() != 0 || !strings.Contains(report.Results[0].Error, "nothing was written to it: the disk is full") {
		t.Errorf("%v, %s %s, zone %s; want an empty zone, and why", err, report.Results[0].State, report.Results[0].Error, text(a.zone))
	}
}

// What a service gives to a zone that it creates joins the apex NS that was planned, where it is
// managed, and the result tells so.
func TestNameServersOfANewZoneJoin(t *testing.T) {
	t.Parallel()
	for joins, want := range map[bool]int{true: 2, false: 1} {
		a := &account{absent: true, zone: zone.Empty(org), servers: []zone.Name{zone.MustName("nsX.example.org.")}}
		set, _ := records(t, org, "@=nsX").Set(org, zone.TypeNS)
		a.ns = &set
		p := planFor(t, "x", a, records(t, org, "@=nsY", "a=1"))
		p.JoinNS = joins
		j := &memory{}
		report, err := executor(map[string]*account{"x": a}, j).Do(t.Context(), []*plan.Plan{p}, nil)
		res := &report.Results[0]
		if got := j.entries[0]; !got.Want.Equal(a.zone) || len(got.Changes.Sets) != 2 || !got.Changes.Sets[0].After.Equal(*res.Plan.Changes.Sets[0].After) {
			t.Errorf("joins %v: the journal has %s, changes %v; want the zone as written", joins, text(got.Want), got.Changes.Sets)
		}
		written, _ := a.zone.Set(org, zone.TypeNS)
		if err != nil || res.State != DoneState || len(written.Data) != want || a.zone.Len() != 2 {
			t.Fatalf("joins %v: %v, %s %s, apex NS %v; want %d", joins, err, res.State, res.Error, written, want)
		}
		if !res.Filled() || len(res.NewServers()) != 1 || !res.Plan.Want.Equal(a.zone) {
			t.Errorf("joins %v: filled %v, new servers %v, wanted %s; want the zone as written", joins, res.Filled(), res.NewServers(), text(res.Plan.Want))
		}
		if ns, _ := p.Want.Set(org, zone.TypeNS); len(ns.Data) != 1 {
			t.Errorf("joins %v: the plan that was handed over has changed: %v", joins, ns)
		}
	}
}

// A service that answers its own name servers whatever is written says so as a Fitter.
type stubborn struct{ *account }

func (s stubborn) Fit(info provider.ZoneInfo, want zone.RRset, _ *zone.RRset) zone.RRset {
	if want.Type == zone.TypeNS {
		want.Data = slices.Clone(want.Data)
		for _, n := range info.NameServers {
			want.Data = append(want.Data, zone.Data(n.AppendWire(nil)))
		}
	}
	return want.Clean()
}

func TestNameServersThatAlwaysAnswerJoin(t *testing.T) {
	t.Parallel()
	a := &account{absent: true, zone: zone.Empty(org), servers: []zone.Name{zone.MustName("nsX.example.org.")}}
	x := executor(nil, &memory{})
	x.Open = func(plan.Target) (provider.Provider, error) { return stubborn{a}, nil }
	report, err := x.Do(t.Context(), []*plan.Plan{planFor(t, "x", a, records(t, org, "@=nsY"))}, nil)
	if written, _ := a.zone.Set(org, zone.TypeNS); err != nil || report.Results[0].State != DoneState || len(written.Data) != 2 {
		t.Errorf("%v, %s %s, apex NS %v; want the service's own beside the planned", err, report.Results[0].State, report.Results[0].Error, written)
	}
}

func TestChildAnswersBeforeDelegation(t *testing.T) {
	t.Parallel()
	child := zone.MustName("sub.example.org.")
	for _, childFails := range []bool{false, true} {
		c, p := &account{zone: records(t, child, "a=1")}, &account{zone: records(t, org, "a=1")}
		if childFails {
			c.fault = func(int) (int, bool, error) { return 0, true, &provider.Error{Kind: provider.Denied} }
		}
		var order []string
		x := executor(map[string]*account{"child": c, "parent": p}, &memory{})
		report, err := x.Do(t.Context(), []*plan.Plan{
			planFor(t, "parent", p, records(t, org, "a=1", "sub=ns.sub")),
			planFor(t, "child", c, records(t, child, "a=2")),
		}, func(e Event) {
			if e.State == Writing || e.State == DoneState {
				order = append(order, e.Target.Provider+" "+string(e.State))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if childFails {
			if report.Results[0].State != NotStarted || p.writes != 0 {
				t.Errorf("the delegation of a child that failed: %s, %d writes", report.Results[0].State, p.writes)
			}
			continue
		}
		if i, j := slices.Index(order, "child done"), slices.Index(order, "parent writing"); i < 0 || j < 0 || i > j {
			t.Errorf("order is %v", order)
		}
	}
}

func TestInterruptFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &account{zone: records(t, org, "a=1"), delay: 2 * time.Second}
		other := zone.MustName("example.net.")
		b := &account{zone: records(t, other, "a=1"), delay: 2 * time.Second}
		x := executor(map[string]*account{"x": a, "y": b}, &memory{})
		x.InFlight = func(string) int { return 1 }
		x.Open = func(t plan.Target) (provider.Provider, error) {
			if t.Zone == org {
				return a, nil
			}
			return b, nil
		}
		p, q := planFor(t, "x", a, records(t, org, "a=2")), planFor(t, "x", b, records(t, other, "a=2"))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		report, err := x.Do(ctx, []*plan.Plan{p, q}, nil)
		if err != nil || !report.Cancelled {
			t.Fatal(err, report.Cancelled)
		}
		states := []string{string(report.Results[0].State), string(report.Results[1].State)}
		slices.Sort(states)
		if !slices.Equal(states, []string{"done", "not started"}) {
			t.Errorf("states are %v; want one done, one not started", states)
		}
		if report.Took != 2*time.Second {
			t.Errorf("took %v; want 2s", report.Took)
		}
	})
}

func TestAccountsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &account{zone: records(t, org, "a=1"), delay: time.Second, fault: func(int) (int, bool, error) { return 0, true, nil }}
		var plans []*plan.Plan
		for i := range 8 {
			p := planFor(t, "x", a, records(t, org, fmt.Sprintf("n%d=1", i)))
			plans = append(plans, p)
		}
		x := executor(map[string]*account{"x": a}, &memory{})
		x.InFlight, x.Attempts = func(string) int { return 3 }, 1
		if _, err := x.Do(t.Context(), plans, nil); err != nil {
			t.Fatal(err)
		}
		if a.most != 3 {
			t.Errorf("%d writes at once; want 3", a.most)
		}
	})
}

// moved lock: who waited for another run reads again and refuses when the zone has moved.
func TestWhoWaitedReadsAgain(t *testing.T) {
	t.Parallel()
	a := &account{zone: records(t, org, "a=1")}
	p := planFor(t, "x", a, records(t, org, "a=2"))
	a.zone = records(t, org, "a=3")
	x := executor(map[string]*account{"x": a}, &memory{})
	x.Lock = waited{}
	report, err := x.Do(t.Context(), []*plan.Plan{p}, nil)
	if err != nil || report.Results[0].State != Refused || a.writes != 0 {
		t.Errorf("%v, %s, %d writes; want refused, none", err, report.Results[0].State, a.writes)
	}
}

type waited struct{}

func (waited) Lock(context.Context, plan.Target, string) (Lease, error) {
	return Lease{Fence: 2, Waited: true, Unlock: func() {}}, nil
}

// asker notes where verification would ask.
type asker struct{ addresses *[]string }

func (a asker) Verify(_ context.Context, p *plan.Plan, done []zone.Change, _ func(int, int)) Verification {
	*a.addresses = p.Base.Info.Addresses
	return Verification{Checked: len(done), Visible: len(done)}
}

// Where a zone's name servers are is known only once the zone exists.
func TestNewZonesAreAskedWhereTheyWereMade(t *testing.T) {
	t.Parallel()
	a := &account{absent: true, zone: zone.Empty(org), addresses: []string{"192.0.2.1:53"}}
	x := executor(map[string]*account{"x": a}, &memory{})
	var asked []string
	x.Verify = asker{&asked}
	if _, err := x.Do(t.Context(), []*plan.Plan{planFor(t, "x", a, records(t, org, "a=1"))}, nil); err != nil || len(asked) != 1 {
		t.Errorf("asked at %v, %v; want the new zone's address", asked, err)
	}
}

type eye struct{ visible int }

func (e eye) Verify(_ context.Context, _ *plan.Plan, done []zone.Change, _ func(int, int)) Verification {
	return Verification{Checked: len(done), Visible: e.visible, Missing: []string{"b.example.org. TXT at 192.0.2.1: still absent"}}
}

func TestVerification(t *testing.T) {
	t.Parallel()
	for visible, want := range map[int]State{2: DoneState, 1: Unseen} {
		a, j := &account{zone: records(t, org, "a=1")}, &memory{}
		x := executor(map[string]*account{"x": a}, j)
		x.Verify = eye{visible}
		report, err := x.Do(t.Context(), []*plan.Plan{planFor(t, "x", a, records(t, org, "a=2", "b=1"))}, nil)
		if err != nil || report.Results[0].State != want || j.verified != 1 {
			t.Errorf("visible %d: %v, %s, %d kept; want %s", visible, err, report.Results[0].State, j.verified, want)
		}
	}
}
