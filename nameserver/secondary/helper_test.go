package secondary_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

func name(s string) zone.Name { return zone.MustName(s) }

// version makes a zone with timers of an hour, ten minutes and a day.
func version(t testing.TB, origin zone.Name, serial uint32) *zone.Zone {
	t.Helper()
	soa, err := rdata.SOA{MName: name("ns.invalid."), RName: name("x.invalid."), Serial: serial, Refresh: 3600, Retry: 600, Expire: 86400, Minimum: 300}.Data()
	if err != nil {
		t.Fatal(err)
	}
	z, err := zone.Of(origin,
		zone.RRset{Owner: origin, Type: zone.TypeSOA, TTL: 300, Data: []zone.Data{soa}},
		zone.RRset{Owner: origin, Type: zone.TypeNS, TTL: 300, Data: []zone.Data{rdata.Name(name("ns.invalid."))}},
		zone.RRset{Owner: origin, Type: zone.TypeTXT, TTL: 300, Data: []zone.Data{rdata.TXT(fmt.Sprint("version ", serial))}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// list makes a catalog of members like "example.org.", "example.org.=id", "example.org.+group" or
// "example.org.>owner.".
func list(t testing.TB, origin zone.Name, serial uint32, members ...string) *zone.Zone {
	t.Helper()
	var all []xfr.Member
	for _, text := range members {
		at := strings.IndexAny(text, "=+>")
		if at < 0 {
			at = len(text)
		}
		m := xfr.Member{Origin: name(text[:at])}
		if at < len(text) {
			switch rest := text[at+1:]; text[at] {
			case '=':
				m.ID = rest
			case '+':
				m.Groups = []string{rest}
			case '>':
				m.Owner = name(rest)
			}
		}
		all = append(all, m)
	}
	z, err := xfr.NewCatalog(origin, serial, all)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// A server is a primary for any zones, without a network.
type server struct {
	desk *xfr.Desk

	mu       sync.Mutex
	journals map[zone.Name]*xfr.Journal
	down     bool
	asked    int
}

func newServer(zones ...*zone.Zone) *server {
	s := &server{journals: map[zone.Name]*xfr.Journal{}}
	s.desk = &xfr.Desk{
		Out:   &xfr.Out{Journal: s.journal, Access: func(zone.Name) xfr.Access { return xfr.Access{xfr.Everyone} }},
		Query: s.soa,
	}
	s.put(zones...)
	return s
}

func (s *server) journal(origin zone.Name) *xfr.Journal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journals[origin]
}

func (s *server) put(zones ...*zone.Zone) {
	for _, z := range zones {
		j := s.journal(z.Origin())
		if j == nil {
			j = &xfr.Journal{}
		}
		if j.Put(z) != nil {
			if err := j.Reset(z); err != nil {
				panic(err)
			}
		}
		s.mu.Lock()
		s.journals[z.Origin()] = j
		s.mu.Unlock()
	}
}

func (s *server) set(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func (s *server) questions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *server) soa(q []byte, _ xfr.Peer, _ int) []byte {
	return dnstest.SOA(q, func(origin zone.Name) *zone.Zone {
		if j := s.journal(origin); j != nil {
			return j.Zone()
		}
		return nil
	})
}

// dial serves one request on the other end of a connection.
func (s *server) dial(_ context.Context, network, _ string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.down {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused")}
	}
	return dnstest.Pipe(network, func(request []byte, send func([]byte) error) { s.serve(network, request, send) }), nil
}

var home = xfr.Peer{Addr: netip.MustParseAddrPort("192.0.2.200:4000")}

func (s *server) serve(network string, request []byte, send func([]byte) error) {
	switch {
	case network != "udp":
		_ = s.desk.Stream(context.Background(), request, home, send)
	case s.desk.Takes(request): // what is signed, and transfers; all else is ours
		_ = send(s.desk.Datagram(context.Background(), request, home))
	default:
		_ = send(s.soa(request, home, 1232))
	}
}

func (s *server) source() secondary.Source {
	return secondary.Source{Primaries: []xfr.Primary{{Addr: "192.0.2.1:53", Dial: s.dial}}}
}

// signed is the source with a key.
func (s *server) signed() secondary.Source {
	key := &wire.Key{Name: name("k."), Secret: []byte("secret")}
	s.desk.Keys = wire.NewKeyring(key)
	src := s.source()
	src.Primaries[0].Key = key
	return src
}

// A book says what is answered.
type book struct {
	mu       sync.Mutex
	answered map[zone.Name]uint32
	expired  map[zone.Name]bool
	findings []finding.Finding
	bad      map[zone.Name]error
}

// zonesFor makes Zones that write into a book.
func zonesFor(b *book, disk secondary.Disk) *secondary.Zones {
	b.answered, b.expired, b.bad = map[zone.Name]uint32{}, map[zone.Name]bool{}, map[zone.Name]error{}
	z := &secondary.Zones{Disk: disk}
	z.Publish = func(z *zone.Zone) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		serial, err := xfr.SerialOf(z)
		if err != nil || b.bad[z.Origin()] != nil {
			return errors.Join(err, b.bad[z.Origin()])
		}
		b.answered[z.Origin()] = serial
		delete(b.expired, z.Origin())
		return nil
	}
	z.Withdraw = func(origin zone.Name) {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.answered, origin)
		delete(b.expired, origin)
	}
	z.Expired = func(origin zone.Name) {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.answered, origin)
		b.expired[origin] = true
	}
	z.Log = func(f finding.Finding) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.findings = append(b.findings, f)
	}
	return z
}

// String is like "example.net. 3, example.org. expired".
func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for n, serial := range b.answered {
		out = append(out, fmt.Sprintf("%s %d", n, serial))
	}
	for n := range b.expired {
		out = append(out, n.String()+" expired")
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func (b *book) want(t testing.TB, when, want string) {
	t.Helper()
	if got := b.String(); got != want {
		t.Errorf("%s: answered are %q, want %q", when, got, want)
	}
}

// count is how many zones are answered.
func (b *book) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.answered)
}

// said returns the texts of an id since the last call.
func (b *book) said(id string) (out []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.findings = slices.DeleteFunc(b.findings, func(f finding.Finding) bool {
		if f.ID == id {
			out = append(out, f.String())
		}
		return f.ID == id
	})
	return out
}

// run starts Zones for the time of a test.
func run(t *testing.T, z *secondary.Zones) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = z.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return stop
}

func set(t testing.TB, z *secondary.Zones, c secondary.Config) {
	t.Helper()
	if err := z.Set(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// later lets time pass in a synctest bubble.
func later(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// A disk is one without a disk.
type disk struct {
	mu      sync.Mutex
	entries map[zone.Name]journal.Entry
	puts    int
	touches int
	err     error
}

func newDisk() *disk { return &disk{entries: map[zone.Name]journal.Entry{}} }

func (d *disk) Zones(_ context.Context, kind string) iter.Seq2[journal.Entry, error] {
	d.mu.Lock()
	all := maps.Clone(d.entries)
	d.mu.Unlock()
	return func(yield func(journal.Entry, error) bool) {
		for _, e := range all {
			if e.Kind == kind && !yield(e, nil) {
				return
			}
		}
	}
}

func (d *disk) Put(_ context.Context, kind string, z *zone.Zone, at time.Time, note []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return d.err
	}
	d.puts++
	d.entries[z.Origin()] = journal.Entry{Zone: z, Kind: kind, At: at, Note: note}
	return nil
}

func (d *disk) Touch(_ context.Context, origin zone.Name, at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.entries[origin]
	if !ok {
		return errors.New("no such zone")
	}
	d.touches++
	e.At = at
	d.entries[origin] = e
	return nil
}

func (d *disk) Forget(_ context.Context, kind string, origin zone.Name) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.entries[origin].Kind == kind {
		delete(d.entries, origin)
	}
	return nil
}

func (d *disk) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for n, e := range d.entries {
		serial, err := xfr.SerialOf(e.Zone)
		out = append(out, fmt.Sprintf("%s %d", n, serial))
		if err != nil {
			return err.Error()
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
