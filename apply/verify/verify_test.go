package verify

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var origin = zone.MustName("example.org.")

// set reads "owner ttl type rdata | rdata", names relative to example.org.
func set(t *testing.T, line string) *zone.RRset {
	t.Helper()
	f := strings.SplitN(line, " ", 4)
	owner, err := zone.ParseNameIn(f[0], origin)
	if err != nil {
		t.Fatal(err)
	}
	typ, err := zone.ParseType(f[2])
	if err != nil {
		t.Fatal(err)
	}
	out := zone.RRset{Owner: owner, Type: typ}
	if _, err := fmt.Sscan(f[1], &out.TTL); err != nil {
		t.Fatal(err)
	}
	for _, text := range strings.Split(f[3], " | ") {
		d, err := rdata.Parse(typ, text, origin)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out.Data = append(out.Data, d)
	}
	out = out.Clean()
	return &out
}

// change reads "- line" and "+ line".
func change(t *testing.T, lines ...string) zone.Change {
	t.Helper()
	var c zone.Change
	for _, l := range lines {
		if rest, ok := strings.CutPrefix(l, "+ "); ok {
			c.After = set(t, rest)
		} else {
			c.Before = set(t, strings.TrimPrefix(l, "- "))
		}
	}
	return c
}

func target() *plan.Plan {
	return &plan.Plan{
		Target: plan.Target{Provider: "main", Driver: "rfc2136", Zone: origin},
		Base:   &provider.Snapshot{Info: provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: origin}, Addresses: []string{"192.0.2.53"}}, Sets: zone.Empty(origin)},
	}
}

// message puts zone-file lines into an answer: "aa", "nxdomain", "refused" and sections, each
// line of which begins with its letter: "an ", "au ", "ad ".
func message(t *testing.T, lines ...string) *wire.Message {
	t.Helper()
	m := &wire.Message{Response: true}
	for _, l := range lines {
		section, rest, _ := strings.Cut(l, " ")
		to := map[string]*[]wire.Record{"an": &m.Answers, "au": &m.Authority, "ad": &m.Additional}[section]
		switch {
		case to != nil:
			s := set(t, rest)
			for _, d := range s.Data {
				*to = append(*to, wire.Record{Owner: s.Owner, Type: s.Type, Class: wire.ClassIN, TTL: s.TTL, Data: d})
			}
		case l == "aa":
			m.Authoritative = true
		case l == "nxdomain":
			m.RCODE = wire.NXDomain
		case l == "refused":
			m.RCODE = wire.Refused
		default:
			t.Fatalf("line %q", l)
		}
	}
	return m
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const soa = "au @ 300 SOA ns1 hostmaster 1 7200 900 1209600 300"
	for _, c := range []struct {
		name   string
		change []string
		answer []string
		want   verdict
		text   string
	}{
		{"new", []string{"+ www 300 A 192.0.2.1 | 192.0.2.2"}, []string{"aa", "an www 300 A 192.0.2.2 | 192.0.2.1"}, asPlanned, ""},
		{"new, with its signature", []string{"+ www 300 A 192.0.2.1"}, []string{"aa", "an www 300 A 192.0.2.1", "an www 300 TXT \"signature\""}, asPlanned, ""},
		{"not there", []string{"+ www 300 A 192.0.2.1"}, []string{"aa", "nxdomain", soa}, notYet, "not there yet"},
		{"no data", []string{"+ www 300 A 192.0.2.1"}, []string{"aa", soa}, notYet, "not there yet"},
		{"still the old", []string{"- www 300 A 192.0.2.9", "+ www 300 A 192.0.2.1"}, []string{"aa", "an www 300 A 192.0.2.9"}, notYet, "still 192.0.2.9"},
		{"something else", []string{"- www 300 A 192.0.2.9", "+ www 300 A 192.0.2.1"}, []string{"aa", "an www 300 A 192.0.2.7"}, notYet, "answers 192.0.2.7"},
		{"part of it", []string{"+ www 300 A 192.0.2.1 | 192.0.2.2"}, []string{"aa", "an www 300 A 192.0.2.1"}, notYet, "answers 192.0.2.1"},
		{"TTL from a cache", []string{"+ www 300 A 192.0.2.1"}, []string{"an www 17 A 192.0.2.1"}, asPlanned, ""},
		{"TTL lowered, not yet", []string{"- www 300 A 192.0.2.1", "+ www 60 A 192.0.2.1"}, []string{"aa", "an www 300 A 192.0.2.1"}, notYet, "TTL is 300, not 60"},
		{"TTL raised, not yet", []string{"- www 60 A 192.0.2.1", "+ www 300 A 192.0.2.1"}, []string{"aa", "an www 60 A 192.0.2.1"}, notYet, "TTL is 60, not 300"},
		{"gone, name and all", []string{"- www 300 A 192.0.2.1"}, []string{"aa", "nxdomain", soa}, asPlanned, ""},
		{"gone, other types stay", []string{"- www 300 A 192.0.2.1"}, []string{"aa", soa}, asPlanned, ""},
		{"not gone", []string{"- www 300 A 192.0.2.1"}, []string{"aa", "an www 300 A 192.0.2.1"}, notYet, "still 192.0.2.1"},
		{"became a CNAME", []string{"- www 300 A 192.0.2.1"}, []string{"aa", "an www 300 CNAME api", "an api 300 A 192.0.2.1"}, asPlanned, ""},
		{"was a CNAME, still is", []string{"+ www 300 A 192.0.2.1"}, []string{"aa", "an www 300 CNAME api", "an api 300 A 192.0.2.1"}, notYet, "not there yet"},
		{"refused", []string{"- www 300 A 192.0.2.1"}, []string{"refused"}, notYet, "REFUSED (the server does not allow it)"},

		{"delegation", []string{"+ sub 3600 NS ns1.sub | ns2.example.net."}, []string{"au sub 3600 NS ns1.sub | ns2.example.net.", "ad ns1.sub 300 A 192.0.2.5"}, asPlanned, ""},
		{"delegation in the answer", []string{"+ sub 3600 NS ns2.example.net."}, []string{"an sub 3600 NS ns2.example.net."}, asPlanned, ""},
		{"delegation still old", []string{"- sub 3600 NS ns3.example.net.", "+ sub 3600 NS ns2.example.net."}, []string{"au sub 3600 NS ns3.example.net."}, notYet, "still ns3.example.net."},
		{"delegation gone", []string{"- sub 3600 NS ns2.example.net."}, []string{"aa", "nxdomain", soa}, asPlanned, ""},
		{"delegation not gone", []string{"- sub 3600 NS ns2.example.net."}, []string{"au sub 3600 NS ns2.example.net."}, notYet, "still ns2.example.net."},
		{"child zone at the same server", []string{"+ sub 3600 NS ns2.example.net."}, []string{"aa", "an sub 60 NS ns9.example.net."}, hidden, "the server answers from a zone of its own below the delegation"},
		{"DS", []string{"+ sub 3600 DS 1 13 2 BE74359954660069D5C63D200C39F5603827D7DD02B56F120EE9F3A86764247C"}, []string{"aa", "an sub 3600 DS 1 13 2 BE74359954660069D5C63D200C39F5603827D7DD02B56F120EE9F3A86764247C"}, asPlanned, ""},
		{"glue", []string{"+ ns1.sub 300 A 192.0.2.5"}, []string{"au sub 3600 NS ns1.sub", "ad ns1.sub 300 A 192.0.2.5"}, asPlanned, ""},
		{"glue still old", []string{"- ns1.sub 300 A 192.0.2.4", "+ ns1.sub 300 A 192.0.2.5"}, []string{"au sub 3600 NS ns1.sub", "ad ns1.sub 300 A 192.0.2.4"}, notYet, "still 192.0.2.4"},
		{"glue gone", []string{"- ns1.sub 300 A 192.0.2.4"}, []string{"au sub 3600 NS ns2.example.net."}, asPlanned, ""},
		{"address below a cut that is no glue", []string{"+ www.sub 300 A 192.0.2.5"}, []string{"au sub 3600 NS ns1.sub"}, hidden, "lies below the delegation of sub.example.org. and is no glue that the server gives"},
		{"text below a cut", []string{"+ www.sub 300 TXT \"x\""}, []string{"au sub 3600 NS ns1.sub"}, hidden, "lies below the delegation of sub.example.org."},
		{"a referral upwards is none", []string{"+ www 300 A 192.0.2.5"}, []string{"au example.org. 3600 NS ns1.example.net."}, notYet, "not there yet"},
		{"below a DNAME", []string{"+ x.old 300 A 192.0.2.5"}, []string{"aa", "an old 300 DNAME new", "an x.old 300 CNAME x.new"}, hidden, "lies below the DNAME of old.example.org."},
		{"the DNAME itself", []string{"+ old 300 DNAME new"}, []string{"aa", "an old 300 DNAME new"}, asPlanned, ""},
		{"wildcard, literally", []string{"+ * 300 A 192.0.2.5"}, []string{"aa", "an * 300 A 192.0.2.5"}, asPlanned, ""},
		{"SOA counted on", []string{"+ @ 300 SOA ns1 h 5 7200 900 1209600 300"}, []string{"aa", "an @ 300 SOA ns1 h 9 7200 900 1209600 300"}, asPlanned, ""},
		{"SOA before", []string{"+ @ 300 SOA ns1 h 5 7200 900 1209600 300"}, []string{"aa", "an @ 300 SOA ns1 h 4 7200 900 1209600 300"}, notYet, "still ns1.example.org. h.example.org. 4 7200 900 1209600 300"},
		{"CDS beside the signer's", []string{"+ @ 300 CDS 1 13 2 AB"}, []string{"aa", "an @ 300 CDS 1 13 2 AB | 2 13 2 CD"}, asPlanned, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			checks, notes := checksOf(target(), []zone.Change{change(t, c.change...)})
			if len(checks) != 1 || len(notes) > 0 {
				t.Fatalf("%d checks, notes %v; want one check", len(checks), notes)
			}
			got, text := checks[0].judge(message(t, c.answer...), origin)
			if got != c.want || text != c.text {
				t.Errorf("verdict %d %q; want %d %q", got, text, c.want, c.text)
			}
		})
	}
}

func TestWhatCannotBeComparedIsNoted(t *testing.T) {
	t.Parallel()
	alias := zone.Change{After: &zone.RRset{Owner: origin, Type: zone.TypeALIAS, TTL: 300, Data: []zone.Data{"\x00"}}}
	dynamic := change(t, "+ geo 60 A 192.0.2.1")
	dynamic.After.Extra = zone.ExtraOf(map[string]string{"octodns/dynamic": "{}"})
	comment := change(t, "+ www 60 A 192.0.2.1")
	comment.After.Extra = zone.ExtraOf(map[string]string{"powerdns/comment": "x"})
	checks, notes := checksOf(target(), []zone.Change{alias, dynamic, change(t, "+ @ 300 CNAME www"), comment})
	if len(checks) != 1 || checks[0].key.Owner != comment.Key().Owner {
		t.Errorf("checks %v; want the one with a comment", checks)
	}
	want := []string{
		"example.org. ALIAS: a pseudo-type, answered as the provider resolves it",
		"geo.example.org. A: the answer depends on who asks",
		"example.org. CNAME: a CNAME at the apex, answered as the provider resolves it",
	}
	if diff := cmp.Diff(want, notes); diff != "" {
		t.Errorf("notes differ (-want +got):\n%s", diff)
	}
}

// A fake is some servers whose answers change with time.
type fake struct {
	t     *testing.T
	began time.Time
	// after tells from when on a server answers as planned; a server that is not in it is silent.
	after  map[string]time.Duration
	before map[string][]string // answers before, by "owner TYPE"
	then   map[string][]string // answers afterwards
	mu     sync.Mutex
	asked  map[string]int
}

func (f *fake) ask(ctx context.Context, addr string, m *wire.Message) (*wire.Message, error) {
	f.mu.Lock()
	f.asked[addr]++
	f.mu.Unlock()
	after, ok := f.after[addr]
	if !ok {
		t := time.NewTimer(4 * time.Second)
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		return nil, &wire.Error{Op: "query", Addr: addr, Sent: true, Err: context.DeadlineExceeded}
	}
	key := zone.Key{Owner: m.Questions[0].Name, Type: m.Questions[0].Type}
	from := f.before
	if time.Since(f.began) >= after {
		from = f.then
	}
	lines, ok := from[key.String()]
	if !ok {
		lines = []string{"aa", "nxdomain"}
	}
	return message(f.t, lines...), nil
}

func (f *fake) verify(o Options, p *plan.Plan, done []zone.Change) (apply.Verification, []int) {
	f.began, f.asked = time.Now(), map[string]int{}
	var progress []int
	o.Ask = f.ask
	v := New(o).Verify(f.t.Context(), p, done, func(seen, total int) {
		if total != len(done) {
			f.t.Errorf("total is %d; want %d", total, len(done))
		}
		progress = append(progress, seen)
	})
	return v, progress
}

func TestTimeToVisibleIsMeasuredPerServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := target()
		p.Base.Info.Addresses = []string{"192.0.2.53", "[2001:db8::53]:5300"}
		f := &fake{
			t:     t,
			after: map[string]time.Duration{"192.0.2.53:53": 0, "[2001:db8::53]:5300": 3 * time.Second},
			then:  map[string][]string{"www.example.org. A": {"aa", "an www 300 A 192.0.2.1"}},
		}
		done := []zone.Change{change(t, "+ www 300 A 192.0.2.1"), change(t, "- old 300 A 192.0.2.1")}
		v, progress := f.verify(Options{}, p, done)
		want := apply.Verification{
			Servers: []apply.Server{{Addr: "192.0.2.53:53"}, {Addr: "[2001:db8::53]:5300", Visible: 3100 * time.Millisecond}},
			Checked: 2, Visible: 2, Took: 3100 * time.Millisecond,
		}
		if diff := cmp.Diff(want, v); diff != "" {
			t.Errorf("verification differs (-want +got):\n%s", diff)
		}
		if !slices.Equal(progress, []int{1, 2}) {
			t.Errorf("progress %v; want [1 2]", progress)
		}
	})
}

func TestTimeIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := target()
		p.Base.Info.Addresses = []string{"192.0.2.53", "192.0.2.54"}
		f := &fake{
			t:      t,
			after:  map[string]time.Duration{"192.0.2.53:53": time.Hour},
			before: map[string][]string{"www.example.org. A": {"aa", "an www 300 A 192.0.2.9"}},
		}
		var done []zone.Change
		done = append(done, change(t, "- www 300 A 192.0.2.9", "+ www 300 A 192.0.2.1"))
		for i := range 2000 {
			done = append(done, change(t, fmt.Sprintf("+ n%d 300 A 192.0.2.1", i)))
		}
		v, _ := f.verify(Options{Timeout: 20 * time.Second}, p, done)
		if v.Took != 20*time.Second || v.Checked != 2001 || v.Visible != 0 {
			t.Errorf("took %v, checked %d, visible %d; want 20s, 2001, 0", v.Took, v.Checked, v.Visible)
		}
		if want := "www.example.org. A at 192.0.2.53:53: still 192.0.2.9"; v.Missing[0] != want {
			t.Errorf("first missing is %q; want %q", v.Missing[0], want)
		}
		if len(v.Missing) != maxLines+1 || !strings.HasPrefix(v.Missing[maxLines], "… and 3902 more") {
			t.Errorf("%d lines of missing, the last %q", len(v.Missing), v.Missing[len(v.Missing)-1])
		}
		if v.Servers[1].Error != "no answer in time" || v.Servers[0].Error != "" {
			t.Errorf("errors %q and %q", v.Servers[0].Error, v.Servers[1].Error)
		}
		// A silent server is not asked for everything, over and over.
		if n := f.asked["192.0.2.54:53"]; n > 6*64 {
			t.Errorf("the silent server was asked %d times", n)
		}
	})
}

func TestDeletedNameThatAWildcardAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{
			t:     t,
			after: map[string]time.Duration{"192.0.2.53:53": 0},
			then: map[string][]string{
				"a.www.example.org. A": {"aa", "an a.www 300 A 192.0.2.7"},
				"*.example.org. A":     {"aa", "an * 300 A 192.0.2.7"},
				"b.www.example.org. A": {"aa", "an b.www 300 A 192.0.2.8"},
			},
		}
		done := []zone.Change{change(t, "- a.www 300 A 192.0.2.1"), change(t, "- b.www 300 A 192.0.2.8")}
		v, _ := f.verify(Options{Timeout: time.Second}, target(), done)
		if v.Visible != 1 || !slices.Equal(v.Missing, []string{"b.www.example.org. A at 192.0.2.53:53: still 192.0.2.8"}) {
			t.Errorf("visible %d, missing %q; want 1 and b.www", v.Visible, v.Missing)
		}
	})
}

func TestWhomToAsk(t *testing.T) {
	t.Parallel()
	want, err := zone.Of(origin, *set(t, "@ 300 NS ns1 | ns2.example.net. | ns3.example.net."), *set(t, "ns1 300 A 192.0.2.1"), *set(t, "ns1 300 AAAA 2001:db8::1"))
	if err != nil {
		t.Fatal(err)
	}
	resolve := func(_ context.Context, host string) ([]netip.Addr, error) {
		switch host {
		case "ns2.example.net.":
			return []netip.Addr{netip.MustParseAddr("2001:db8::2")}, nil
		case "ns1.provider.example.":
			return []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.9")}, nil
		}
		return nil, errors.New("no such host")
	}
	for _, c := range []struct {
		name   string
		change func(*plan.Plan, *Options)
		want   []string
		why    string
	}{
		{"addresses of the adapter", func(*plan.Plan, *Options) {}, []string{"192.0.2.53:53"}, ""},
		{"override", func(_ *plan.Plan, o *Options) { o.Addresses = map[string][]string{"main": {"127.0.0.1:5300", "::1"}} }, []string{"127.0.0.1:5300", "[::1]:53"}, ""},
		{"name servers of the provider", func(p *plan.Plan, _ *Options) {
			p.Base.Info.Addresses, p.Base.Info.NameServers = nil, []zone.Name{zone.MustName("ns1.provider.example.")}
		}, []string{"192.0.2.9:53"}, ""},
		{"name servers of the configuration", func(p *plan.Plan, o *Options) {
			p.Base.Info.Addresses, p.Want = nil, want
			o.NameServers = map[string][]zone.Name{"main": {zone.MustName("ns1.provider.example.")}}
		}, []string{"192.0.2.9:53"}, ""},
		{"NS of the zone", func(p *plan.Plan, _ *Options) { p.Base.Info.Addresses, p.Want = nil, want }, []string{"192.0.2.1:53", "[2001:db8::2]:53"}, ""},
		{"nobody knows", func(p *plan.Plan, _ *Options) { p.Base.Info.Addresses = nil }, nil, "no name server of the target is known"},
		{"no address", func(p *plan.Plan, _ *Options) {
			p.Base.Info.Addresses, p.Base.Info.NameServers = nil, []zone.Name{zone.MustName("ns9.example.")}
		}, nil, "no name server's address is known: ns9.example.: no such host"},
		{"no addresses", func(p *plan.Plan, _ *Options) {
			p.Base.Info.Addresses, p.Base.Info.NameServers = nil, []zone.Name{zone.MustName("ns8.example."), zone.MustName("ns9.example.")}
		}, nil, "no name server's address is known: ns8.example.: no such host, and 1 more"},
		{"files", func(p *plan.Plan, _ *Options) { p.Base.Info.Addresses, p.Target.Driver, p.Want = nil, "zonefile", want }, nil, "target serves no DNS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, o := target(), Options{Resolve: resolve}
			c.change(p, &o)
			servers, why := New(o).servers(t.Context(), p, nil)
			var got []string
			for _, s := range servers {
				got = append(got, s.addr)
			}
			if !slices.Equal(got, c.want) || why != c.why {
				t.Errorf("servers %v, why %q; want %v, %q", got, why, c.want, c.why)
			}
		})
	}
}

func TestNothingToAsk(t *testing.T) {
	t.Parallel()
	done := []zone.Change{change(t, "+ www 300 A 192.0.2.1")}
	for name, c := range map[string]struct {
		edit func(*plan.Plan)
		done []zone.Change
		want string
	}{
		"nothing":  {func(*plan.Plan) {}, nil, "nothing was changed"},
		"disabled": {func(p *plan.Plan) { p.Base.Info.Disabled = true }, done, "the zone is disabled and not answered"},
		"private":  {func(p *plan.Plan) { p.Base.Info.Kind = provider.Private }, done, "a private zone is answered inside its network only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := target()
			c.edit(p)
			ask := func(context.Context, string, *wire.Message) (*wire.Message, error) {
				t.Error("a server was asked")
				return nil, errors.New("no")
			}
			if got := New(Options{Ask: ask}).Verify(t.Context(), p, c.done, nil); got.Skipped != c.want {
				t.Errorf("skipped %q; want %q", got.Skipped, c.want)
			}
		})
	}
}

// TestBIND asks a real server for one of everything.
func TestBIND(t *testing.T) {
	t.Parallel()
	s := testserver.BIND(t, testserver.BINDOptions{Zones: map[string]string{"example.org.": `
@ 3600 SOA ns1 hostmaster 7 7200 900 1209600 300
@ 3600 NS ns1
ns1 300 A 192.0.2.53
www 300 CNAME ns1
* 60 TXT "wild"
big 300 TXT ( "` + strings.Repeat("x", 250) + `" "` + strings.Repeat("y", 250) + `" "` + strings.Repeat("z", 250) + `" "` + strings.Repeat("1", 250) + `" "` + strings.Repeat("2", 250) + `" "` + strings.Repeat("3", 250) + `" )
sub 3600 NS ns.sub
sub 3600 NS ns2.example.net.
ns.sub 300 A 192.0.2.54
hidden.sub 300 TXT "never seen"
old 300 DNAME new
`}})
	long := `"` + strings.Join([]string{
		strings.Repeat("x", 250), strings.Repeat("y", 250), strings.Repeat("z", 250),
		strings.Repeat("1", 250), strings.Repeat("2", 250), strings.Repeat("3", 250),
	}, `" "`) + `"`
	done := []zone.Change{
		change(t, "- @ 3600 NS ns9", "+ @ 3600 NS ns1"),
		change(t, "+ * 60 TXT \"wild\""),
		change(t, "+ big 300 TXT "+long), // comes over TCP
		change(t, "+ old 300 DNAME new"),
		change(t, "+ sub 3600 NS ns.sub | ns2.example.net."),
		change(t, "+ ns.sub 300 A 192.0.2.54"),
		change(t, "+ hidden.sub 300 TXT \"never seen\""),
		change(t, "+ www 300 CNAME ns1"),
		change(t, "- www 300 A 192.0.2.1"),
		change(t, "- gone 300 A 192.0.2.1"),
		change(t, "- gone 60 TXT \"wild\""), // the wildcard says so now
		change(t, "- ns1 300 A 192.0.2.53"),
		change(t, "+ new 300 A 192.0.2.99"),
	}
	p := target()
	p.Base.Info.Addresses = []string{s.Addr}
	got := New(Options{Timeout: 5 * time.Second}).Verify(t.Context(), p, done, nil)
	if got.Checked != 12 || got.Visible != 10 {
		t.Errorf("checked %d, visible %d; want 12 and 10", got.Checked, got.Visible)
	}
	want := []string{
		"ns1.example.org. A at " + s.Addr + ": still 192.0.2.53",
		"new.example.org. A at " + s.Addr + ": not there yet",
	}
	if diff := cmp.Diff(want, got.Missing); diff != "" {
		t.Errorf("missing differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"hidden.sub.example.org. TXT: lies below the delegation of sub.example.org."}, got.Notes); diff != "" {
		t.Errorf("notes differ (-want +got):\n%s", diff)
	}
}

// Many zones that are watched at one address together ask no more at once than one may.
func TestSharedBounds(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	shared := &Bounds{}
	ask := func(ctx context.Context, _ string, m *wire.Message) (*wire.Message, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return &wire.Message{Response: true, Authoritative: true, Questions: m.Questions, RCODE: wire.NXDomain}, nil
	}
	var wg sync.WaitGroup
	for i := range 20 {
		origin := zone.MustName(fmt.Sprintf("z%d.example.", i))
		var done []zone.Change
		for j := range 10 {
			owner, err := origin.Child(fmt.Sprintf("h%d", j))
			if err != nil {
				t.Fatal(err)
			}
			gone := zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 60, Data: []zone.Data{"\x7f\x00\x00\x01"}}
			done = append(done, zone.Change{Before: &gone})
		}
		p := &plan.Plan{Target: plan.Target{Provider: "x", Zone: origin}, Base: &provider.Snapshot{Sets: zone.Empty(origin)}}
		wg.Go(func() {
			v := New(Options{Ask: ask, InFlight: 3, Shared: shared, Addresses: map[string][]string{"x": {"192.0.2.1:53"}}})
			if got := v.Verify(t.Context(), p, done, nil); got.Skipped != "" || got.Visible != len(done) {
				t.Errorf("%s: %+v", origin, got)
			}
		})
	}
	wg.Wait()
	if got := most.Load(); got < 1 || got > 3 {
		t.Errorf("%d questions at once, want 1 to 3", got)
	}
}
