package held_test

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var example = zone.MustName("example.org.")

const apex = `@ 3600 SOA ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300
@ 3600 NS ns1.example.net.
@ 3600 NS ns.example.org.
ns 300 A 192.0.2.53
`

// lines is a zone as a person reads it.
func lines(z *zone.Zone) string {
	var b strings.Builder
	for set := range z.All() {
		for _, d := range set.Data {
			fmt.Fprintf(&b, "%s %d %s %s\n", set.Owner.Relative(z.Origin()), set.TTL, set.Type, rdata.Text(set.Type, d))
		}
	}
	return b.String()
}

func serial(t testing.TB, z *zone.Zone) uint32 {
	t.Helper()
	return held.InfoOf(z, "").Serial
}

// A server is a name server of what is held.
type server struct {
	*held.Zones
	db     *journal.DB
	engine *nameserver.Engine
	out    *xfr.Out
	notify *xfr.Notifier

	mu       sync.Mutex
	journals map[zone.Name]*xfr.Journal
	found    []finding.Finding
	refuse   error // what Publish returns

	addr    string
	end     func()
	targets atomic.Pointer[[]xfr.Target] // who is told of new versions
}

type options struct {
	path   string // of the file; "": a new one
	addr   string // to listen at; "": nowhere, "127.0.0.1:0": anywhere
	keys   []*wire.Key
	notify []xfr.Target
	policy func(zone.Name) held.Policy
	taken  func(zone.Name) (string, bool)
	limit  int64
}

func start(t testing.TB, o options) *server {
	t.Helper()
	if o.path == "" {
		o.path = filepath.Join(dnstest.Folder(t), "zones.db")
	}
	db, err := journal.Open(t.Context(), o.path)
	if err != nil {
		t.Fatal(err)
	}
	db.Limit = func(zone.Name) int64 { return o.limit }
	s := &server{db: db, engine: &nameserver.Engine{}, journals: map[zone.Name]*xfr.Journal{}}
	s.notify = &xfr.Notifier{Targets: func(zone.Name) []xfr.Target {
		if list := s.targets.Load(); list != nil {
			return *list
		}
		return nil
	}}
	s.targets.Store(&o.notify)
	s.Zones = &held.Zones{
		DB: db, Publish: s.publish, Withdraw: s.withdraw, Resume: s.resume, Policy: o.policy, Taken: o.taken,
		Log: func(f finding.Finding) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.found = append(s.found, f)
		},
	}
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.end = sync.OnceFunc(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if o.addr != "" {
		s.listen(t, o)
	}
	t.Cleanup(func() { s.end() })
	return s
}

func (s *server) listen(t testing.TB, o options) {
	t.Helper()
	s.out = &xfr.Out{Journal: s.journal, Access: func(zone.Name) xfr.Access { return xfr.Access{xfr.Everyone} }}
	desk := &xfr.Desk{Keys: wire.NewKeyring(o.keys...), Out: s.out, Update: s.Update, Query: func(q []byte, p xfr.Peer, limit int) []byte {
		return s.engine.Answer(s.engine.NewScratch(), q, nameserver.Client{Addr: p.Addr, MaxUDP: limit}, nil)
	}}
	var sockets *socket.Server
	var err error
	for range 100 { // the address may just be freed
		sockets, err = socket.Listen(socket.Options{
			Answerer:  socket.Engine(s.engine, desk),
			Endpoints: []socket.Endpoint{{Service: socket.DNS, Addr: netip.MustParseAddrPort(o.addr)}}, Threads: 1,
		})
		if err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	s.addr = sockets.Endpoints()[0].Addr.String()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = sockets.Run(ctx) })
	running.Go(func() { _ = s.notify.Run(ctx) })
	closeDB := s.end
	s.end = sync.OnceFunc(func() { cancel(); running.Wait(); closeDB() })
}

func (s *server) publish(z *zone.Zone) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	c, err := nameserver.Recompile(s.engine.Zones.Find(z.Origin()), z, nameserver.CompileOptions{})
	if err != nil {
		return err
	}
	j := s.journals[z.Origin()]
	if j == nil {
		j = &xfr.Journal{}
		s.journals[z.Origin()] = j
	}
	if err := j.Put(z); err != nil {
		return err
	}
	s.engine.Zones.Put(c)
	return s.notify.Changed(z)
}

func (s *server) resume(z *zone.Zone, list []xfr.Difference) {
	j := &xfr.Journal{}
	_ = j.Restore(z, list)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journals[z.Origin()] = j
}

func (s *server) withdraw(origin zone.Name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.journals, origin)
	s.engine.Zones.Remove(origin)
}

func (s *server) journal(origin zone.Name) *xfr.Journal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journals[origin]
}

func (s *server) findings() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, f := range s.found {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

// newest is the version of a zone that is held.
func (s *server) newest(t testing.TB, origin zone.Name) *zone.Zone {
	t.Helper()
	z, _, err := s.Zone(origin)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func record(t testing.TB, owner string, ttl uint32, kind zone.Type, text string) wire.Record {
	t.Helper()
	d, err := rdata.Parse(kind, text, example)
	if err != nil {
		t.Fatal(err)
	}
	n, err := zone.ParseNameIn(owner, example)
	if err != nil {
		t.Fatal(err)
	}
	return wire.Record{Owner: n, Type: kind, Class: wire.ClassIN, TTL: ttl, Data: d}
}
