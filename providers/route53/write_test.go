package route53_test

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/route53"
	emulated "github.com/zonecast/zonecast/sandbox/route53"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

const origin = "example.org."

// fresh is a cloud with one zone, example.org, and an account of it.
func fresh(t testing.TB, more values) (*cloud, *route53.Provider, *provider.Snapshot) {
	t.Helper()
	c := newCloud(t, emulated.Options{Sets: 20_000})
	p := c.open(t, more)
	snap, err := p.CreateZone(t.Context(), zone.MustName(origin))
	if err != nil {
		t.Fatalf("create zone: %v", err)
	}
	return c, p, snap
}

func set(t testing.TB, owner, typ string, ttl uint32, data ...string) *zone.RRset {
	t.Helper()
	n, err := zone.ParseNameIn(owner, zone.MustName(origin))
	if err != nil {
		t.Fatal(err)
	}
	s := zone.RRset{Owner: n, TTL: ttl}
	if s.Type, err = zone.ParseType(typ); err != nil {
		t.Fatal(err)
	}
	for _, text := range data {
		d := zone.Data(text)
		if !s.Type.Vendor() {
			if d, err = rdata.Parse(s.Type, text, zone.MustName(origin)); err != nil {
				t.Fatal(err)
			}
		}
		s.Data = append(s.Data, d)
	}
	s = s.Clean()
	return &s
}

// hosts creates n address records.
func hosts(t testing.TB, n int) []zone.Change {
	t.Helper()
	out := make([]zone.Change, n)
	for i := range out {
		ip := binary.BigEndian.AppendUint32(nil, 10<<24|uint32(i))
		s := set(t, fmt.Sprintf("h%d", i), "A", 300)
		s.Data = []zone.Data{zone.Data(ip)}
		out[i] = zone.Change{After: s}
	}
	return out
}

func write(t testing.TB, p *route53.Provider, base *provider.Snapshot, changes ...zone.Change) (*provider.Receipt, error) {
	t.Helper()
	r, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: changes})
	if r == nil || len(r.Sets) != len(changes) {
		t.Fatalf("receipt %+v for %d changes (%v)", r, len(changes), err)
	}
	return r, err
}

// done writes and demands that all is done.
func done(t testing.TB, p *route53.Provider, base *provider.Snapshot, changes ...zone.Change) *provider.Receipt {
	t.Helper()
	r, err := write(t, p, base, changes...)
	if err != nil || r.Count(provider.Done) != len(changes) {
		t.Fatalf("write: %v, %d of %d done", err, r.Count(provider.Done), len(changes))
	}
	return r
}

func read(t testing.TB, p *route53.Provider) *provider.Snapshot {
	t.Helper()
	snap, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName(origin)})
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return snap
}

// sets are the RRsets of a snapshot as text, but for SOA and NS of the apex.
func sets(s *provider.Snapshot) []string {
	var out []string
	for set := range s.Sets.All() {
		if set.Owner == s.Sets.Origin() && (set.Type == zone.TypeSOA || set.Type == zone.TypeNS) {
			continue
		}
		line := fmt.Sprintf("%s %d %s", set.Owner.Relative(s.Sets.Origin()), set.TTL, set.Type)
		for _, d := range set.Data {
			text := string(d)
			if !set.Type.Vendor() {
				text = rdata.Text(set.Type, d)
			}
			line += " " + text
		}
		out = append(out, line)
	}
	return out
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: not as wanted (-want +got):\n%s", what, d)
	}
}

// batchesOf writes and tells how many ChangeResourceRecordSets it took.
func batchesOf(t *testing.T, c *cloud, p *route53.Provider, base *provider.Snapshot, changes ...zone.Change) int {
	t.Helper()
	return done(t, p, base, changes...).Calls
}

// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html
// "Maximums on ChangeResourceRecordSets requests".
func TestBatchesAreCountedAsTheServiceCounts(t *testing.T) {
	t.Parallel()
	updated := func(changes []zone.Change) (updates, deletes []zone.Change) {
		for _, c := range changes {
			after := *c.After
			after.TTL = 600
			updates = append(updates, zone.Change{Before: c.After, After: &after})
			deletes = append(deletes, zone.Change{Before: &after})
		}
		return updates, deletes
	}
	for _, x := range []struct{ n, create, update, remove int }{
		{500, 1, 1, 1}, {501, 1, 2, 1}, {1000, 1, 2, 1}, {1001, 2, 3, 2},
	} {
		c, p, base := fresh(t, nil)
		changes := hosts(t, x.n)
		updates, deletes := updated(changes)
		got := []int{batchesOf(t, c, p, base, changes...), batchesOf(t, c, p, base, updates...), batchesOf(t, c, p, base, deletes...)}
		if want := []int{x.create, x.update, x.remove}; !slices.Equal(got, want) {
			t.Errorf("%d sets created, changed, deleted: %v batches, want %v", x.n, got, want)
		}
	}
}

func TestBatchesByCharacters(t *testing.T) {
	t.Parallel()
	c, p, base := fresh(t, nil)
	texts := make([]zone.Change, 33)
	for i := range texts {
		// 990 characters of text, in four strings with quotes and spaces: 1,001.
		var parts []string
		for n := 990; n > 0; n -= 255 {
			parts = append(parts, `"`+strings.Repeat("x", min(n, 255))+`"`)
		}
		texts[i] = zone.Change{After: set(t, fmt.Sprintf("t%d", i), "TXT", 300, strings.Join(parts, " "))}
	}
	if got := batchesOf(t, c, p, base, texts[:31]...); got != 1 {
		t.Errorf("31,031 characters took %d batches, want 1", got)
	}
	for i := range texts[:31] {
		texts[i] = zone.Change{Before: texts[i].After}
	}
	if got := batchesOf(t, c, p, base, texts...); got != 2 {
		t.Errorf("33,033 characters took %d batches, want 2", got)
	}
}

// A set that does not fit into a batch twice is overwritten, not gone for a while.
func TestSetsTooLargeForBothHalves(t *testing.T) {
	t.Parallel()
	_, p, base := fresh(t, values{"max_changes": "100"})
	many := func(first byte) *zone.RRset {
		s := set(t, "many", "A", 300)
		for i := range 60 {
			s.Data = append(s.Data, zone.Data([]byte{10, first, 0, byte(i)}))
		}
		return s
	}
	few := set(t, "many", "A", 300, "192.0.2.1")
	done(t, p, base, zone.Change{After: many(1)})
	r, err := write(t, p, base, zone.Change{Before: many(1), After: many(2)})
	if provider.KindOf(err) != provider.Rejected || !strings.Contains(err.Error(), "120 records") || r.Sets[0] != provider.NotDone {
		t.Errorf("60 records for 60 others in batches of 100: %v, %v; want it rejected", r.Sets, err)
	}
	done(t, p, base, zone.Change{Before: many(1), After: few})
	other := set(t, "many", "A", 300, "192.0.2.2")
	forty := *many(3)
	forty.Data = forty.Data[:50]
	done(t, p, base, zone.Change{Before: few, After: many(1)})
	done(t, p, base, zone.Change{Before: many(1), After: &forty}) // by UPSERT: 100 as the service counts
	if _, err := write(t, p, base, zone.Change{Before: many(1), After: &forty}); provider.KindOf(err) != provider.Conflict {
		t.Errorf("the same from a stale base: %v, want a conflict", err)
	}
	done(t, p, base, zone.Change{Before: &forty, After: other})
	same(t, "at the end", sets(read(t, p)), []string{"many 300 A 192.0.2.2"})
}

// Change batches are transactional
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html). The
// capability Atomic speaks of all changes of a plan, which may be more than a batch holds; the
// suite's group is run for one batch.
func TestOneBatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := subject(t)
	opened := s.Open
	s.Open = func(t conformance.T) provider.Provider { return claimsAtomic{opened(t).(*route53.Provider)} }
	s.Only = "all or nothing"
	r := conformance.Run(t, s)
	if len(r.Results) != 1 || r.Results[0].Status != conformance.Passed {
		t.Errorf("results %+v, want one that passed", r.Results)
	}
}

type claimsAtomic struct{ *route53.Provider }

func (a claimsAtomic) Capabilities(i provider.ZoneInfo) provider.Capabilities {
	c := a.Provider.Capabilities(i)
	c.Atomic = true
	return c
}

func TestRefusalNamesTheCulprits(t *testing.T) {
	t.Parallel()
	for _, list := range []bool{false, true} {
		c := newCloud(t, emulated.Options{BatchErrors: list})
		p := c.open(t, values{"max_changes": "100"})
		base, err := p.CreateZone(t.Context(), zone.MustName(origin))
		if err != nil {
			t.Fatal(err)
		}
		changes := hosts(t, 250)
		c.change(t, base.Info.ID, types.ChangeActionCreate, plain("h120.example.org.", types.RRTypeA, 60, "192.0.2.9"))
		r, err := write(t, p, base, changes...)
		if provider.KindOf(err) != provider.Conflict {
			t.Fatalf("kind %q, want a conflict: %v", provider.KindOf(err), err)
		}
		for _, want := range []string{"h120.example.org. A: it already exists", "batch 2 of 3", "plan again"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say %q: %v", want, err)
			}
		}
		if d, n := r.Count(provider.Done), r.Count(provider.NotDone); d != 100 || n != 150 {
			t.Errorf("%d done, %d not done; want 100 and 150", d, n)
		}
		if got := len(sets(read(t, p))); got != 101 {
			t.Errorf("%d sets are there, want 101", got)
		}
	}
}

// As octoDNS and the console write values: the DELETE has to repeat them.
func TestValuesThatOthersWroteDifferently(t *testing.T) {
	t.Parallel()
	c, p, base := fresh(t, nil)
	c.change(t, base.Info.ID, types.ChangeActionCreate,
		plain("_dmarc.example.org.", types.RRTypeTxt, 300, `"v=DMARC1\; p=none"`),
		plain("www.example.org.", types.RRTypeCname, 300, "Target.Example.Net"),
		plain("v6.example.org.", types.RRTypeAaaa, 300, "2001:0DB8:0:0:0:0:0:1"),
		types.ResourceRecordSet{Name: aws.String("cdn.example.org."), Type: types.RRTypeA, AliasTarget: &types.AliasTarget{
			DNSName: aws.String("D1.CloudFront.net"), HostedZoneId: aws.String("Z2FDTNDATAQYW2"),
		}},
	)
	snap := read(t, p)
	var changes []zone.Change
	for s := range snap.Sets.All() {
		if s.Owner != zone.MustName(origin) {
			after := s
			after.TTL = 60
			if s.Type.Vendor() {
				changes = append(changes, zone.Change{Before: &s})
				continue
			}
			changes = append(changes, zone.Change{Before: &s, After: &after})
		}
	}
	if len(changes) != 4 {
		t.Fatalf("%d sets were read, want 4: %v", len(changes), sets(snap))
	}
	half := changes[:2]
	if r := done(t, p, snap, half...); r.Calls != 1 {
		t.Errorf("with what Read remembered it took %d calls, want 1", r.Calls)
	}
	t.Log("out of a saved plan, without what Read remembered")
	saved := &provider.Snapshot{Info: snap.Info, Sets: zone.Empty(zone.MustName(origin))}
	done(t, c.open(t, nil), saved, changes[2:]...)
	if got := sets(read(t, p)); len(got) != 3 {
		t.Errorf("left are %v, want 3 sets", got)
	}
}

// https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html
func TestWaitsUntilInSync(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name        string
		propagation time.Duration
		timeout     string
		note        string
		least       time.Duration
	}{
		{"at once", 0, "60", "", 0},
		{"some time", 1100 * time.Millisecond, "60", "INSYNC at all name servers after", 1100 * time.Millisecond},
		{"too long", time.Hour, "1", "is still PENDING after", time.Second},
		{"switched off", time.Hour, "0", "", 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c, p, base := fresh(t, values{"sync_timeout": x.timeout})
			c.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(x.propagation) })
			r := done(t, p, base, hosts(t, 1)...)
			if r.Calls != 1 {
				t.Errorf("%d calls, want 1: polls are counted apart", r.Calls)
			}
			if x.note == "" {
				if len(r.Notes) > 0 {
					t.Errorf("notes %v, want none", r.Notes)
				}
				return
			}
			if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], x.note) || !strings.Contains(r.Notes[0], "not counted as calls") {
				t.Errorf("notes %q, want one with %q", r.Notes, x.note)
			}
			if r.Took < x.least {
				t.Errorf("came back after %v, want at least %v", r.Took, x.least)
			}
		})
	}
}

// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests
func TestPriorRequestNotComplete(t *testing.T) {
	t.Parallel()
	c, p, base := fresh(t, nil)
	release := c.Hold(base.Info.ID)
	ended := make(chan *provider.Receipt, 1)
	go func() {
		r, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: hosts(t, 1)})
		if err != nil {
			t.Errorf("write: %v", err)
		}
		ended <- r
	}()
	patience.Until(t, "the write is repeated", func() (any, bool) {
		select {
		case r := <-ended:
			t.Fatalf("ended while the zone was busy: %+v; calls %v", r, c.Panel().Calls())
		default:
		}
		calls := c.Panel().Calls()
		return calls, calls["POST /2013-04-01/hostedzone/{id}/rrset"] >= 2
	})
	release()
	if r := patience.Receive(t, "the end of the write", ended); r.Count(provider.Done) != 1 || r.Calls < 3 {
		t.Errorf("receipt %+v, want it done after at least 3 calls", r)
	}
}

func TestThrottlingIsWaitedFor(t *testing.T) {
	t.Parallel()
	c, _, _ := fresh(t, nil)
	n := 0
	p := c.open(t, values{"limits": "1001/1s"}, func(conf *provider.Config) {
		conf.HTTP = func() http.RoundTripper {
			return tripper(func(r *http.Request) (*http.Response, error) {
				if n++; n == 1 {
					c.Panel().Turn(func(k *service.Knobs) { k.Throttle = 1 })
					defer c.Panel().Turn(func(k *service.Knobs) { k.Throttle = 0 })
					if resp, err := http.DefaultTransport.RoundTrip(r.Clone(r.Context())); err == nil {
						_ = resp.Body.Close() // takes the only place of this second
					}
				}
				return http.DefaultTransport.RoundTrip(r)
			})
		}
	})
	snap := read(t, p)
	if state := p.Budget().State(); state.Refused != 1 || state.Speed >= 1 {
		t.Errorf("the budget knows of %d refusals and goes at %v, want 1 and less than full", state.Refused, state.Speed)
	}
	done(t, p, snap, hosts(t, 1)...)
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
