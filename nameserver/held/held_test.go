package held_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// changes are what turns zone text into other text.
func changes(t *testing.T, from, to *zone.Zone) []zone.Change {
	t.Helper()
	var list []zone.Change
	for c := range zone.Diff(from, to) {
		list = append(list, c)
	}
	return list
}

// A zone is created, changed, brought back and deleted, and each step says what it did.
func TestEdits(t *testing.T) {
	t.Parallel()
	ctx := held.WithActor(t.Context(), "control by ada")
	s := start(t, options{
		policy: func(zone.Name) held.Policy { return held.Policy{Serial: xfr.Increment} },
		taken:  func(n zone.Name) (string, bool) { return "the file x.zone", n == zone.MustName("file.example.") },
	})
	first := dnstest.Zone(t, example, apex)
	info, err := s.Create(ctx, first)
	want := held.Info{Origin: example, Kind: held.Primary, Serial: 1, Revision: first.Hash().String(), Sets: 3}
	if diff := cmp.Diff(want, info, cmp.AllowUnexported(zone.Name{})); err != nil || diff != "" {
		t.Fatalf("created (%v) (-want +got):\n%s", err, diff)
	}
	if _, err := s.Create(ctx, first); !errors.Is(err, held.ErrExists) {
		t.Errorf("created twice: %v", err)
	}
	fromFile := zone.MustName("file.example.")
	if _, err := s.Create(ctx, dnstest.Zone(t, fromFile, strings.ReplaceAll(apex, "ns.example.org.", "ns"))); !errors.Is(err, held.ErrExists) || !strings.Contains(err.Error(), "x.zone") {
		t.Errorf("created over a file: %v", err)
	}
	if _, err := s.Change(ctx, fromFile, "", nil); !errors.Is(err, held.ErrReadOnly) {
		t.Errorf("changed a file: %v", err)
	}

	second := dnstest.Zone(t, example, apex+"www 300 A 192.0.2.1\n")
	forward := changes(t, first, second)
	if info, err = s.Change(ctx, example, info.Revision, forward); err != nil || info.Serial != 2 {
		t.Fatalf("changed: serial %d, %v; want 2", info.Serial, err)
	}
	if _, err := s.Change(ctx, example, want.Revision, forward); !errors.Is(err, held.ErrMoved) {
		t.Errorf("changed from what was before: %v", err)
	}
	if again, err := s.Change(ctx, example, info.Revision, nil); err != nil || again != info {
		t.Errorf("no changes: %+v, %v; want %+v", again, err, info)
	}
	if _, err := s.Change(ctx, example, info.Revision, forward); !errors.Is(err, held.ErrInvalid) {
		t.Errorf("changes that do not fit the zone: %v", err)
	}
	// A SOA that is newer stays, one that is not gets a serial.
	z := s.newest(t, example)
	for _, c := range []struct{ set, want uint32 }{{70, 70}, {3, 71}, {71, 72}} {
		next, err := xfr.WithSerial(z, c.set)
		if err != nil {
			t.Fatal(err)
		}
		www, _ := next.Set(zone.MustName("www.example.org."), zone.TypeA)
		longer := www
		longer.TTL = www.TTL + 1
		if next, err = next.With([]zone.Change{{Before: &www, After: &longer}}); err != nil {
			t.Fatal(err)
		}
		info, err = s.Change(ctx, example, z.Hash().String(), changes(t, z, next))
		if err != nil || info.Serial != c.want {
			t.Errorf("serial %d brought: %d, %v; want %d", c.set, info.Serial, err, c.want)
		}
		z = s.newest(t, example)
	}

	old, err := s.Restore(ctx, example, "", 2)
	if err != nil || old.Serial != 73 {
		t.Fatalf("restored: %+v, %v; want serial 73", old, err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(lines(second), " 1 7200", " 73 7200"), lines(s.newest(t, example))); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	if _, err := s.Restore(ctx, example, z.Hash().String(), 1); !errors.Is(err, held.ErrMoved) {
		t.Errorf("restored over another revision than the one that was seen: %v", err)
	}
	if _, err := s.Restore(ctx, example, "", 4711); !errors.Is(err, journal.ErrNoVersion) {
		t.Errorf("restored what never was: %v", err)
	}
	past, err := s.Versions(ctx, example)
	var history []string
	for _, p := range past {
		history = append(history, fmt.Sprint(p.Serial, " ", p.By))
	}
	wantHistory := []string{"73 control by ada: serial 2 again", "72 control by ada", "71 control by ada", "70 control by ada", "2 control by ada", "1 control by ada"}
	if diff := cmp.Diff(wantHistory, history); err != nil || diff != "" {
		t.Errorf("history (%v) (-want +got):\n%s", err, diff)
	}

	if list := s.Zones.Zones(); len(list) != 1 || list[0] != old {
		t.Errorf("zones: %+v, want %+v", list, old)
	}
	if err := s.Delete(ctx, example, "other"); !errors.Is(err, held.ErrMoved) {
		t.Errorf("deleted another revision: %v", err)
	}
	if err := s.Delete(ctx, example, old.Revision); err != nil {
		t.Errorf("deleted: %v", err)
	}
	if err := s.Delete(ctx, example, ""); !errors.Is(err, held.ErrNoZone) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, _, err := s.Zone(example); !errors.Is(err, held.ErrNoZone) || s.Holds(example) || s.journal(example) != nil {
		t.Errorf("after deletion: %v", err)
	}
	if _, err := s.Versions(ctx, example); !errors.Is(err, held.ErrNoZone) {
		t.Errorf("versions of nothing: %v", err)
	}
	if _, err := s.Create(ctx, first); err != nil {
		t.Errorf("created again: %v", err)
	}
	if got := s.findings(); got != "" {
		t.Errorf("findings:\n%s", got)
	}
}

// What cannot be served is refused, with all that is wrong.
func TestInvalid(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	good := dnstest.Zone(t, example, apex)
	info, err := s.Create(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	www, ns := zone.MustName("www.example.org."), zone.MustName("ns.example.org.")
	soa, _ := good.Set(example, zone.TypeSOA)
	apexNS, _ := good.Set(example, zone.TypeNS)
	two := soa
	two.Data = append([]zone.Data{"\x00\x00" + soa.Data[0][len(soa.Data[0])-20:]}, soa.Data...)
	set := func(owner zone.Name, kind zone.Type, data ...zone.Data) zone.Change {
		return zone.Change{After: &zone.RRset{Owner: owner, Type: kind, TTL: 60, Data: data}}
	}
	for _, c := range []struct {
		name    string
		changes []zone.Change
		want    string
	}{
		{"no SOA", []zone.Change{{Before: &soa}}, "has no SOA record at its apex; every zone begins with one [zones-soa]"},
		{"two SOA", []zone.Change{{Before: &soa, After: &two}}, "has 2 SOA records"},
		{"no NS", []zone.Change{{Before: &apexNS}}, "has no NS records at its apex"},
		{"a CNAME beside others", []zone.Change{set(ns, zone.TypeCNAME, "\x01x\x00")}, "has a CNAME and also A records"},
		{"two CNAME", []zone.Change{set(www, zone.TypeCNAME, "\x01x\x00", "\x01y\x00")}, "has 2 CNAME records"},
		{"bad RDATA", []zone.Change{set(www, zone.TypeA, "abc")}, "the RDATA cannot be read"},
		{"not of DNS", []zone.Change{set(www, zone.TypeALIAS, "\x01x\x00")}, "type ALIAS is none of DNS"},
		{"nothing in it", []zone.Change{set(www, zone.TypeA)}, "www.example.org. A has no records"},
		{"another SOA", []zone.Change{set(www, zone.TypeSOA, soa.Data...)}, "is not the apex"},
		{"outside", []zone.Change{set(zone.MustName("example.com."), zone.TypeA, "\xc0\x00\x02\x01")}, "not in zone"},
	} {
		_, err := s.Change(t.Context(), example, info.Revision, c.changes)
		if !errors.Is(err, held.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		other, err := good.With(c.changes)
		if err != nil {
			continue
		}
		b := zone.NewBuilder(zone.MustName("org."))
		for set := range other.All() {
			if set.Owner == example && (set.Type == zone.TypeSOA || set.Type == zone.TypeNS) {
				set.Owner = zone.MustName("org.")
			}
			b.Add(set)
		}
		if other, err = b.Zone(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(t.Context(), other); !errors.Is(err, held.ErrInvalid) {
			t.Errorf("%s: created: %v", c.name, err)
		}
	}
	var both error
	_, both = s.Create(t.Context(), zone.Empty(zone.MustName("example.net.")))
	if both == nil || !strings.Contains(both.Error(), "no SOA") || !strings.Contains(both.Error(), "no NS") {
		t.Errorf("all that is wrong: %v", both)
	}
	if z := s.newest(t, example); z != good {
		t.Error("a refused change has changed something")
	}
}

const signature = "@ 3600 RRSIG SOA 13 2 3600 20300101000000 20250101000000 1 example.org. %s\n"

// A zone that was signed elsewhere is changed together with its signatures, or not at all.
func TestSigned(t *testing.T) {
	t.Parallel()
	_, key := dnstest.Key(t)
	p := held.Policy{Grants: xfr.Grants{{Key: key.Name}}}
	var mu sync.Mutex
	s := start(t, options{addr: "127.0.0.1:0", keys: []*wire.Key{key}, policy: func(zone.Name) held.Policy {
		mu.Lock()
		defer mu.Unlock()
		return p
	}})
	z := dnstest.Zone(t, example, apex+fmt.Sprintf(signature, "AAAA"))
	info, err := s.Create(t.Context(), z)
	if err != nil || !info.Signed {
		t.Fatalf("%+v, %v; want a signed zone", info, err)
	}
	client := wire.Client{Key: key, Timeout: patience.Limit}
	update := func() wire.RCODE {
		m := wire.Update(example)
		m.Authority = []wire.Record{record(t, "www", 60, zone.TypeA, "192.0.2.1")}
		answer, err := client.Exchange(t.Context(), s.addr, m)
		if err != nil {
			t.Fatal(err)
		}
		return answer.RCODE
	}
	if got := update(); got != wire.Refused || !strings.Contains(s.findings(), "signed elsewhere") {
		t.Errorf("an update: %s, want REFUSED and why; findings:\n%s", got, s.findings())
	}
	unsigned := dnstest.Zone(t, example, strings.Replace(apex, " 1 7200", " 2 7200", 1)+"www 60 A 192.0.2.1\n"+fmt.Sprintf(signature, "AAAA"))
	if _, err := s.Change(t.Context(), example, info.Revision, changes(t, z, unsigned)); !errors.Is(err, held.ErrInvalid) {
		t.Errorf("a change without signatures: %v", err)
	}
	resigned := dnstest.Zone(t, example, strings.Replace(apex, " 1 7200", " 2 7200", 1)+"www 60 A 192.0.2.1\n"+fmt.Sprintf(signature, "BBBB"))
	if info, err = s.Change(t.Context(), example, info.Revision, changes(t, z, resigned)); err != nil || info.Serial != 2 {
		t.Errorf("a change with signatures: %+v, %v", info, err)
	}
	if _, err := s.Restore(t.Context(), example, "", 1); !errors.Is(err, held.ErrInvalid) {
		t.Errorf("a restored version: %v", err)
	}
	mu.Lock()
	p.Signed = true
	mu.Unlock()
	if _, err := s.Restore(t.Context(), example, "", 1); err != nil {
		t.Errorf("a restored version, where it is allowed: %v", err)
	}
	if got := update(); got != wire.NoError {
		t.Errorf("an update, where it is allowed: %s", got)
	}
}

// A version that cannot be published is taken back, on disk as well.
func TestTakenBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(dnstest.Folder(t), "zones.db")
	s := start(t, options{path: path})
	first := dnstest.Zone(t, example, apex)
	info, err := s.Create(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.refuse = errors.New("no room")
	s.mu.Unlock()
	other := zone.MustName("example.net.")
	if _, err := s.Create(t.Context(), dnstest.Zone(t, other, strings.ReplaceAll(apex, "ns.example.org.", "ns"))); err == nil || s.Holds(other) {
		t.Errorf("created: %v", err)
	}
	second := dnstest.Zone(t, example, apex+"www 60 A 192.0.2.1\n")
	if _, err := s.Change(t.Context(), example, info.Revision, changes(t, first, second)); err == nil || !strings.Contains(err.Error(), "the one before stays") {
		t.Errorf("changed: %v", err)
	}
	if s.newest(t, example) != first || !strings.Contains(s.findings(), "no room") {
		t.Errorf("the version before is gone, or nothing was said:\n%s", s.findings())
	}
	s.end()
	s = start(t, options{path: path})
	if got := s.newest(t, example); !got.Equal(first) {
		t.Errorf("after starting again:\n%s", lines(got))
	}
	if got := s.Zones.Zones(); len(got) != 1 {
		t.Errorf("zones after starting again: %+v", got)
	}
}

// Many clients update one zone at once: each gets its answer, and nothing is lost.
func TestManyClients(t *testing.T) {
	t.Parallel()
	_, key := dnstest.Key(t)
	path := filepath.Join(dnstest.Folder(t), "zones.db")
	policy := func(zone.Name) held.Policy { return held.Policy{Grants: xfr.Grants{{Key: key.Name}}} }
	s := start(t, options{path: path, addr: "127.0.0.1:0", keys: []*wire.Key{key}, policy: policy})
	if _, err := s.Create(t.Context(), dnstest.Zone(t, example, apex)); err != nil {
		t.Fatal(err)
	}
	const clients, each = 20, 15
	var running sync.WaitGroup
	for i := range clients {
		running.Go(func() {
			c := wire.Client{Transport: wire.Transport(i % 2), Key: key, Timeout: patience.Limit}
			for n := range each {
				m := wire.Update(example)
				m.Authority = []wire.Record{record(t, fmt.Sprintf("c%d", i), 60, zone.TypeTXT, fmt.Sprintf(`"%d"`, n))}
				answer, err := c.Exchange(t.Context(), s.addr, m)
				if err != nil || answer.RCODE != wire.NoError {
					t.Errorf("client %d: %v, %v", i, answer, err)
				}
			}
		})
	}
	running.Wait()
	for range 2 {
		z := s.newest(t, example)
		if got := serial(t, z); got != 1+clients*each {
			t.Errorf("serial %d, want %d", got, 1+clients*each)
		}
		for i := range clients {
			set, _ := z.Set(zone.MustName(fmt.Sprintf("c%d.example.org.", i)), zone.TypeTXT)
			if len(set.Data) != each {
				t.Errorf("client %d: %d records, want %d", i, len(set.Data), each)
			}
		}
		s.end()
		s = start(t, options{path: path, policy: policy})
	}
}

// A client that did not get its answer repeats its update: it is carried out once, and gets the same
// answer, even when its prerequisite does not hold any more.
func TestRepeated(t *testing.T) {
	t.Parallel()
	_, key := dnstest.Key(t)
	s := start(t, options{addr: "127.0.0.1:0", keys: []*wire.Key{key}, policy: func(zone.Name) held.Policy { return held.Policy{Grants: xfr.Grants{{Key: key.Name}}} }})
	if _, err := s.Create(t.Context(), dnstest.Zone(t, example, apex)); err != nil {
		t.Fatal(err)
	}
	var sent [][]byte
	client := wire.Client{Key: key, Timeout: patience.Limit, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, addr)
		return &tap{c, &sent}, err
	}}
	exchange := func(m *wire.Message) wire.RCODE {
		answer, err := client.Exchange(t.Context(), s.addr, m)
		if err != nil {
			t.Fatal(err)
		}
		return answer.RCODE
	}
	add := wire.Update(example)
	www := record(t, "www", 60, zone.TypeA, "192.0.2.1")
	absent := www
	absent.Class, absent.TTL, absent.Data = wire.ClassNONE, 0, ""
	add.Answers, add.Authority = []wire.Record{absent}, []wire.Record{www}
	if got := exchange(add); got != wire.NoError {
		t.Fatalf("the first: %s", got)
	}
	if got := exchange(add); got != wire.YXRRSet {
		t.Errorf("another one that says the same: %s, want YXRRSET", got)
	}
	remove := wire.Update(example)
	remove.Authority = []wire.Record{{Owner: www.Owner, Type: www.Type, Class: wire.ClassANY}}
	if got := exchange(remove); got != wire.NoError {
		t.Fatalf("removed: %s", got)
	}
	// The very first one comes again, from another port.
	c, err := (&net.Dialer{}).DialContext(t.Context(), "udp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 3 {
		if _, err := c.Write(sent[0]); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 512)
		_ = c.SetReadDeadline(time.Now().Add(patience.Limit))
		n, err := c.Read(b)
		if err != nil || n < 12 || wire.RCODE(b[3]&0xF) != wire.NoError {
			t.Fatalf("repeated: % x, %v; want NOERROR", b[:n], err)
		}
	}
	if _, ok := s.newest(t, example).Set(www.Owner, www.Type); ok {
		t.Error("a repeated update was carried out again")
	}
	if c := s.Counts(); c.Updates != 2 || c.Again != 3 || c.Refused != 1 {
		t.Errorf("counts: %+v; want 2 updates, 3 again, 1 refused", c)
	}
}

// A tap remembers what is sent.
type tap struct {
	net.Conn
	sent *[][]byte
}

func (c *tap) Write(b []byte) (int, error) {
	*c.sent = append(*c.sent, append([]byte(nil), b...))
	return c.Conn.Write(b)
}

// What is on disk of one zone is damaged, and another is now served from a file: the rest is there,
// and people are told.
func TestLoadTellsAndGoesOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(dnstest.Folder(t), "zones.db")
	s := start(t, options{path: path})
	for _, n := range []string{"a.example.", "b.example.", "c.example."} {
		if _, err := s.Create(t.Context(), dnstest.Zone(t, zone.MustName(n), strings.ReplaceAll(apex, "ns.example.org.", "ns"))); err != nil {
			t.Fatal(err)
		}
	}
	s.end()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	a, b := zone.MustName("a.example."), zone.MustName("b.example.")
	if _, err := raw.ExecContext(t.Context(), `UPDATE parts SET data = data || x'00' WHERE zone = (SELECT id FROM zones WHERE origin = ?)`, []byte(a.Key())); err != nil {
		t.Fatal(err)
	}
	raw.Close()
	free := false
	taken := func(n zone.Name) (string, bool) { return "b.example.zone", n == b && !free }
	s = start(t, options{path: path, taken: taken})
	if list := s.Zones.Zones(); len(list) != 1 || list[0].Origin != zone.MustName("c.example.") {
		t.Errorf("zones: %+v; want c.example. alone", list)
	}
	for _, want := range []string{"zone a.example.: what " + path + " holds of it cannot be used", "zone b.example. is in the store and served from b.example.zone"} {
		if !strings.Contains(s.findings(), want) {
			t.Errorf("findings lack %q:\n%s", want, s.findings())
		}
	}
	again := dnstest.Zone(t, a, strings.ReplaceAll(apex, "ns.example.org.", "ns"))
	if _, err := s.Create(t.Context(), again); !errors.Is(err, held.ErrExists) {
		t.Errorf("created over what is damaged: %v", err)
	}
	// When nobody else serves it any more, what the store has is not lost, but comes back.
	if err := s.Resettle(t.Context()); err != nil || s.Holds(b) {
		t.Errorf("Resettle: %v; b.example. is held while a file serves it: %t", err, s.Holds(b))
	}
	free = true
	if _, err := s.Create(t.Context(), dnstest.Zone(t, b, strings.ReplaceAll(apex, "ns.example.org.", "ns"))); !errors.Is(err, held.ErrExists) {
		t.Errorf("created over what is in the store: %v", err)
	}
	if err := s.Resettle(t.Context()); err != nil || !s.Holds(b) {
		t.Errorf("Resettle: %v; b.example. is held: %t, want true", err, s.Holds(b))
	}
	if err := s.Delete(t.Context(), a, ""); err != nil {
		t.Errorf("deleted: %v", err)
	}
	if _, err := s.Create(t.Context(), again); err != nil {
		t.Errorf("created anew: %v", err)
	}
}

// The disk does not take a version: the client is told so, nothing else is answered, and the same
// update works when the disk does again.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	_, key := dnstest.Key(t)
	s := start(t, options{addr: "127.0.0.1:0", keys: []*wire.Key{key}, policy: func(zone.Name) held.Policy { return held.Policy{Grants: xfr.Grants{{Key: key.Name}}} }})
	disk := &failing{Disk: s.db}
	s.DB = disk
	if _, err := s.Create(t.Context(), dnstest.Zone(t, example, apex)); err != nil {
		t.Fatal(err)
	}
	c, err := (&net.Dialer{}).DialContext(t.Context(), "udp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var sent [][]byte
	client := wire.Client{Key: key, Timeout: patience.Limit, Dial: func(context.Context, string, string) (net.Conn, error) { return &tap{c, &sent}, nil }}
	m := wire.Update(example)
	m.Authority = []wire.Record{record(t, "www", 60, zone.TypeA, "192.0.2.1")}
	disk.fails.Store(true)
	before := s.newest(t, example)
	answer, err := client.Exchange(t.Context(), s.addr, m)
	if err != nil || answer.RCODE != wire.ServFail || s.newest(t, example) != before || dnstest.Answer(s.addr, example) != "1" {
		t.Errorf("%v, %v; want SERVFAIL and the zone as it was", answer, err)
	}
	if !strings.Contains(s.findings(), "could not be kept, and is not answered: no disk") || s.Counts().Failed != 1 {
		t.Errorf("findings:\n%s", s.findings())
	}
	if _, err := s.Create(t.Context(), dnstest.Zone(t, zone.MustName("a.example."), strings.ReplaceAll(apex, "ns.example.org.", "ns"))); err == nil || s.Holds(zone.MustName("a.example.")) {
		t.Errorf("created without a disk: %v", err)
	}
	disk.fails.Store(false)
	c, err = (&net.Dialer{}).DialContext(t.Context(), "udp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(sent[0]); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 512)
	_ = c.SetReadDeadline(time.Now().Add(patience.Limit))
	n, err := c.Read(b)
	if err != nil || n < 12 || wire.RCODE(b[3]&0xF) != wire.NoError || dnstest.Answer(s.addr, example) != "2" {
		t.Errorf("once more: % x, %v; want NOERROR and serial 2", b[:n], err)
	}
	if _, err := s.Create(t.Context(), dnstest.Zone(t, zone.MustName("a.example."), strings.ReplaceAll(apex, "ns.example.org.", "ns"))); err != nil {
		t.Errorf("created with a disk: %v", err)
	}
}

// A failing disk writes nothing.
type failing struct {
	held.Disk
	fails atomic.Bool
}

func (d *failing) Write(ctx context.Context, list ...journal.Version) error {
	if d.fails.Load() {
		return errors.New("no disk")
	}
	return d.Disk.Write(ctx, list...)
}
