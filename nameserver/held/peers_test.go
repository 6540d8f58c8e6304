package held_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// run gives a program its input and returns what it says.
func run(t *testing.T, input, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install bind9-dnsutils knot-dnsutils", name)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = strings.NewReader(input)
	out, _ := cmd.CombinedOutput() // it ends in an error when the update is refused
	return string(out)
}

// Updates by the programs that people use.
func TestNsupdate(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"nsupdate", "knsupdate"} {
		for _, transport := range []string{"UDP", "TCP"} {
			t.Run(program+" "+transport, func(t *testing.T) {
				t.Parallel()
				updates(t, program, transport == "TCP")
			})
		}
	}
}

func updates(t *testing.T, program string, tcp bool) {
	mine, ours := dnstest.Key(t)
	weak, theirs := dnstest.Key(t)
	stranger, _ := dnstest.Key(t)
	s := start(t, options{
		addr: "127.0.0.1:0", keys: []*wire.Key{ours, theirs},
		policy: func(zone.Name) held.Policy {
			return held.Policy{Grants: xfr.Grants{
				{Key: theirs.Name, Names: []zone.Name{zone.MustName("*.dyn.example.org.")}, Types: []zone.Type{zone.TypeTXT}},
				{Key: ours.Name},
			}}
		},
		taken: func(n zone.Name) (string, bool) { return "the file x", n == zone.MustName("file.example.") },
	})
	if _, err := s.Create(t.Context(), dnstest.Zone(t, example, apex)); err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		key    *testserver.Key
		zone   string // "": example.org.
		input  string
		answer string // what the program says; "": nothing
		want   string // lines of the zone besides the apex; "-": as before
	}{
		{"add", mine, "", "update add www.example.org. 300 A 192.0.2.1\nupdate add www.example.org. 300 A 192.0.2.2", "", "www 300 A 192.0.2.1\nwww 300 A 192.0.2.2\n"},
		{"prerequisite fails", mine, "", "prereq nxrrset www.example.org. A\nupdate add www.example.org. 300 A 192.0.2.3", "YXRRSET", "-"},
		{"name must not be", mine, "", "prereq nxdomain www.example.org.\nupdate add www.example.org. 300 A 192.0.2.3", "YXDOMAIN", "-"},
		{"name must be", mine, "", "prereq yxdomain nothing.example.org.\nupdate add www.example.org. 300 A 192.0.2.3", "NXDOMAIN", "-"},
		{"set must be as known", mine, "", "prereq yxrrset www.example.org. A 192.0.2.1\nupdate add www.example.org. 300 A 192.0.2.3", "NXRRSET", "-"},
		{"prerequisite holds", mine, "", "prereq yxrrset www.example.org. A 192.0.2.1\nprereq yxrrset www.example.org. A 192.0.2.2\nupdate delete www.example.org. A 192.0.2.1\nupdate add www.example.org. 60 TXT \"a b\"", "", "www 300 A 192.0.2.2\nwww 60 TXT \"a b\"\n"},
		{"delete a set", mine, "", "update delete www.example.org. A", "", "www 60 TXT \"a b\"\n"},
		{"outside", mine, "", "update add www.example.com. 300 A 192.0.2.1", "NOTZONE", "-"},
		{"a wrong key", stranger, "", "update add evil.example.org. 300 A 192.0.2.1", "BADKEY", "-"},
		{"no key, to find out", nil, "", "prereq yxdomain nothing.example.org.\nupdate add evil.example.org. 300 A 192.0.2.1", "REFUSED", "-"},
		{"no key", nil, "", "update add evil.example.org. 300 A 192.0.2.1", "REFUSED", "-"},
		{"a name without grant", weak, "", "update add www.example.org. 300 TXT x", "REFUSED", "-"},
		{"a type without grant", weak, "", "update add a.dyn.example.org. 300 A 192.0.2.1", "REFUSED", "-"},
		{"half with grant", weak, "", "update add a.dyn.example.org. 300 TXT x\nupdate add a.dyn.example.org. 300 A 192.0.2.1", "REFUSED", "-"},
		{"with grant", weak, "", "update add a.dyn.example.org. 300 TXT x", "", "a.dyn 300 TXT \"x\"\nwww 60 TXT \"a b\"\n"},
		{"another zone", mine, "example.net.", "update add www.example.net. 300 A 192.0.2.1", "NOTAUTH", "-"},
		{"a zone from a file", mine, "file.example.", "update add www.file.example. 300 A 192.0.2.1", "REFUSED", "-"},
		{"delete a name", mine, "", "update delete www.example.org.", "", "a.dyn 300 TXT \"x\"\n"},
		{"the apex keeps its NS", mine, "", "update delete example.org. NS", "", "-"},
	} {
		origin := c.zone
		if origin == "" {
			origin = "example.org."
		}
		before := s.newest(t, example)
		input := fmt.Sprintf("server %s %s\nzone %s\n%s\nsend\n", host, port, origin, c.input)
		var args []string
		if tcp {
			args = append(args, "-v")
		}
		if c.key != nil {
			args = append(args, "-y", c.key.Algorithm+":"+c.key.Name+":"+c.key.Secret)
		}
		said := run(t, input, program, args...)
		if c.answer == "" && strings.TrimSpace(said) != "" || !strings.Contains(said, c.answer) {
			t.Errorf("%s: %q, want %q", c.name, said, c.answer)
		}
		z := s.newest(t, example)
		if c.want == "-" {
			if z != before {
				t.Errorf("%s: the zone has changed", c.name)
			}
			continue
		}
		var rest strings.Builder
		for _, l := range strings.SplitAfter(lines(z), "\n") {
			if !strings.HasPrefix(l, "@ ") && !strings.HasPrefix(l, "ns ") {
				rest.WriteString(l)
			}
		}
		if diff := cmp.Diff(c.want, rest.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if got, want := serial(t, z), serial(t, before)+1; got != want {
			t.Errorf("%s: serial %d, want %d", c.name, got, want)
		}
		if got := dnstest.Answer(s.addr, example); got != fmt.Sprint(serial(t, z)) {
			t.Errorf("%s: serial %d is not answered", c.name, serial(t, z))
		}
	}
	past, err := s.Versions(t.Context(), example)
	if err != nil || len(past) == 0 || past[0].By != "update by key "+mine.Name+" from 127.0.0.1" {
		t.Errorf("versions: %+v (%v); want the newest by the key", past, err)
	}
}

// model is a zone as RFC 2136 has updates change it, told in another way.
type model map[zone.Key]map[zone.Data]uint32

func (m model) apply(u *wire.Message) wire.RCODE {
	for _, p := range u.Answers {
		exists := len(m[p.Key()]) > 0
		switch {
		case p.Class == wire.ClassANY && !exists:
			return wire.NXRRSet
		case p.Class == wire.ClassNONE && exists:
			return wire.YXRRSet
		}
	}
	for _, r := range u.Authority {
		set := m[r.Key()]
		switch {
		case r.Class == wire.ClassANY && r.Type == wire.TypeANY:
			for k := range m {
				if k.Owner == r.Owner {
					delete(m, k)
				}
			}
		case r.Class == wire.ClassANY:
			delete(m, r.Key())
		case r.Class == wire.ClassNONE:
			delete(set, r.Data)
		default:
			if set == nil {
				set = map[zone.Data]uint32{}
				m[r.Key()] = set
			}
			set[r.Data] = 0
			for d := range set { // a set has one TTL, the newest
				set[d] = r.TTL
			}
		}
	}
	return wire.NoError
}

func modelOf(z *zone.Zone) model {
	m := model{}
	for set := range z.All() {
		if label := set.Owner.Relative(z.Origin()); label == "@" || label == "ns" || strings.HasPrefix(label, "static") {
			continue
		}
		m[set.Key()] = map[zone.Data]uint32{}
		for _, d := range set.Data {
			m[set.Key()][d] = set.TTL
		}
	}
	return m
}

func (m model) clean() model {
	for k, set := range m {
		if len(set) == 0 {
			delete(m, k)
		}
	}
	return m
}

// randomUpdate is an update of a few names, most of which make sense.
func randomUpdate(t testing.TB, rng *rand.Rand) *wire.Message {
	t.Helper()
	u := wire.Update(example)
	types := []zone.Type{zone.TypeA, zone.TypeTXT, zone.TypeMX}
	some := func() wire.Record {
		i := rng.IntN(len(types))
		text := []string{"192.0.2.%d", `"t%d"`, "10 mx%d.example.net."}[i]
		return record(t, fmt.Sprintf("n%d", rng.IntN(12)), uint32(60*(1+rng.IntN(2))), types[i], fmt.Sprintf(text, rng.IntN(4)))
	}
	for range rng.IntN(2) {
		r := some()
		r.Class, r.TTL, r.Data = []wire.Class{wire.ClassANY, wire.ClassNONE}[rng.IntN(2)], 0, ""
		u.Answers = append(u.Answers, r)
	}
	for range 1 + rng.IntN(4) {
		r := some()
		switch rng.IntN(8) {
		case 0:
			r.Class, r.TTL, r.Type, r.Data = wire.ClassANY, 0, wire.TypeANY, ""
		case 1:
			r.Class, r.TTL, r.Data = wire.ClassANY, 0, ""
		case 2, 3:
			r.Class, r.TTL = wire.ClassNONE, 0
		}
		u.Authority = append(u.Authority, r)
	}
	return u
}

// A secondary follows through 1,000 random updates, by differences, while the process that holds the
// zone is started anew again and again; and the zone is what a model says.
func TestThousandUpdatesReachBIND(t *testing.T) {
	t.Parallel()
	theirs, ours := dnstest.Key(t)
	o := options{
		path: filepath.Join(dnstest.Folder(t), "zones.db"), addr: "127.0.0.1:0", keys: []*wire.Key{ours},
		policy: func(zone.Name) held.Policy { return held.Policy{Grants: xfr.Grants{{Key: ours.Name}}} },
	}
	s := start(t, o)
	static := strings.Builder{} // so much that differences are less than the whole
	for i := range 3000 {
		fmt.Fprintf(&static, "static%d 60 A 192.0.2.1\n", i)
	}
	if _, err := s.Create(t.Context(), dnstest.Zone(t, example, apex+static.String())); err != nil {
		t.Fatal(err)
	}
	o.addr = s.addr
	bind := testserver.BIND(t, testserver.BINDOptions{Secondary: map[string]string{"example.org.": s.addr}, TSIG: theirs})
	o.notify = []xfr.Target{{Addr: bind.Addr, Key: ours}}
	s.targets.Store(&o.notify)
	dnstest.AwaitSerial(t, bind.Addr, example, 1)

	rng := rand.New(rand.NewPCG(5, 6))
	want, incremental := model{}, int64(0)
	client := wire.Client{Transport: wire.TCP, Key: ours, Timeout: patience.Limit}
	for i := range 1000 {
		switch i % 200 {
		case 100: // from here on the secondary is told nothing, and falls behind
			n := serial(t, s.newest(t, example))
			dnstest.AwaitSerial(t, bind.Addr, example, n)
			s.targets.Store(nil)
		case 150: // and the process that knew what it lacks is gone
			c := s.out.Counts()
			if incremental += c.Incremental; c.Whole > 0 && i > 150 {
				t.Errorf("after %d updates: the secondary fetched the zone whole", i)
			}
			s.end()
			s = start(t, o)
		}
		u := randomUpdate(t, rng)
		m, err := client.Exchange(t.Context(), s.addr, u)
		if err != nil {
			t.Fatal(err)
		}
		if code := want.apply(u); m.RCODE != code {
			t.Fatalf("update %d: %s, want %s", i, m.RCODE, code)
		}
		if diff := cmp.Diff(want.clean(), modelOf(s.newest(t, example)), cmp.AllowUnexported(zone.Name{})); diff != "" {
			t.Fatalf("update %d (-model +zone):\n%s", i, diff)
		}
	}
	z := s.newest(t, example)
	dnstest.AwaitSerial(t, bind.Addr, example, serial(t, z))
	if diff := cmp.Diff(sorted(t, lines(z)), sorted(t, bind.ZoneText(t, "example.org."))); diff != "" {
		t.Errorf("(-ours +BIND):\n%s", diff)
	}
	if incremental += s.out.Counts().Incremental; incremental < 5 { // how many updates one of them takes along is a matter of time
		t.Errorf("%d transfers were incremental, want one at least for each time that the secondary was waited for", incremental)
	}
	t.Logf("serial %d, %d transfers of differences", serial(t, z), incremental)
}

// sorted is zone text as a set of records, written by another library.
func sorted(t *testing.T, text string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	zp := dns.NewZoneParser(strings.NewReader(text), "example.org.", "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		out[rr.String()] = true
	}
	if err := zp.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
