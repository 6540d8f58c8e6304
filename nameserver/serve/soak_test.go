//go:build soak

package serve_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/observe"
	"github.com/zonecast/zonecast/nameserver/serve"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

var soakFor = flag.Duration("soak.time", 10*time.Minute, "how long TestSoak sends its traffic")

const (
	steadyText = "$TTL 300\n@ SOA ns hm 1 7200 900 1209600 300\n@ NS ns\n@ MX 10 mail\nns A 192.0.2.1\nmail A 192.0.2.2\nmail AAAA 2001:db8::2\n" +
		"www A 192.0.2.3\nalias CNAME www\n*.wild TXT \"any\"\nsub NS ns.sub\nns.sub A 192.0.2.4\nold DNAME new\nwww.new A 192.0.2.5\n"
	dynText = "$TTL 300\n@ SOA ns.steady.example. hm.steady.example. 1 7200 900 1209600 300\n@ NS ns.steady.example.\nwww A 192.0.2.3\n"
)

// A soak is a server with everything on, a secondary of it, and those who ask.
type soak struct {
	*testing.T
	house   *house
	addrs   map[socket.Service]string
	second  string // the secondary's address
	key     *wire.Key
	control map[string]*known // by question
	swapped [2][]byte         // answers of the two versions of the zone that is swapped, without ID

	right, lost, mutated, answered, swaps, updates, transfers, slowest atomic.Int64

	stalled sync.Once
}

// known is a question and its only right answer.
type known struct{ query, udp, stream []byte }

// TestSoak keeps a server busy with mutated messages over every transport, while zones are swapped,
// updates and transfers go on and clients ask what has one right answer. It ends with no crash, no
// wrong answer, no goroutine and no memory more than after a short while of the same.
func TestSoak(t *testing.T) {
	s := newSoak(t)
	s.traffic(min(30*time.Second, *soakFor/4))
	goroutines, heap := s.rest()
	t.Logf("after the warm-up: %d goroutines, %.1f MB", goroutines, heap)
	began := time.Now()
	s.traffic(*soakFor)
	t.Logf("in %v: %d right answers and none wrong, %d without answer (UDP); %d mutated messages, %d answered; %d swaps, %d updates, %d transfers, the slowest of both took %v",
		time.Since(began).Round(time.Second), s.right.Load(), s.lost.Load(), s.mutated.Load(), s.answered.Load(), s.swaps.Load(), s.updates.Load(), s.transfers.Load(), time.Duration(s.slowest.Load()).Round(time.Millisecond))
	g, h := s.rest()
	t.Logf("in the end: %d goroutines, %.1f MB", g, h)
	if g > goroutines+10 {
		buf := make([]byte, 1<<20)
		t.Errorf("%d goroutines, after the warm-up %d:\n%s", g, goroutines, buf[:runtime.Stack(buf, true)])
	}
	if h > heap+10 {
		t.Errorf("%.1f MB on the heap, after the warm-up %.1f", h, heap)
	}
	for what, n := range map[string]int64{"right answers": s.right.Load(), "mutated messages": s.mutated.Load(), "swaps": s.swaps.Load(), "updates": s.updates.Load(), "transfers": s.transfers.Load()} {
		if n < 10*int64(soakFor.Seconds()) {
			t.Errorf("%d %s are too few to say anything", n, what)
		}
	}
	if s.lost.Load() > s.right.Load()/10 {
		t.Errorf("%d questions over UDP had no answer", s.lost.Load())
	}
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	signed, err := os.ReadFile("../testdata/nsec3.zone")
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, map[string]string{"steady.example.zone": steadyText, "swap.example.zone": text(1, "192.0.2.1"), "signed.example.zone": string(signed)})
	certificateIn(t, h.dir)
	certs, err := socket.LoadCertificates(socket.CertificateFiles{Chain: filepath.Join(h.dir, "cert.pem"), Key: filepath.Join(h.dir, "key.pem")})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	from := filepath.Join(dir, "dyn.zone")
	if err := os.WriteFile(from, []byte(dynText), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &soak{T: t, house: h, addrs: map[socket.Service]string{}, key: &wire.Key{Name: zone.MustName("k."), Secret: bytes.Repeat([]byte{7}, 32)}}
	s.known(map[string]string{"steady.example.": steadyText, "signed.example.": string(signed)})

	secondary, err := serve.Listen(serve.Options{Endpoints: endpoints(socket.DNS), Poll: time.Hour, Log: s.told})
	if err != nil {
		t.Fatal(err)
	}
	s.second = secondary.Endpoints()[0].Addr.String()
	open := serve.Policy{Transfer: xfr.Access{xfr.Everyone}, Notify: []xfr.Target{{Addr: s.second}}}
	o := serve.Options{
		Content: serve.Content{
			Folders: []serve.Folder{{Dir: h.dir, Policy: open}},
			Primaries: []serve.Primary{{
				Origin: zone.MustName("dyn.example."), From: from, Update: xfr.Grants{{Key: s.key.Name}}, Policy: open,
			}},
			Keys: wire.NewKeyring(s.key),
		},
		Store: filepath.Join(dir, "store"), Journal: 64 << 10, Certificates: certs, Metrics: "127.0.0.1:0", Log: s.told,
		Endpoints: endpoints(socket.DNS, socket.DoT, socket.DoH, socket.DoQ, socket.DoH3),
		Limits:    socket.Limits{Idle: 2 * time.Second, Message: 2 * time.Second, PerClient: 1000},
		Limit:     nameserver.NewRateLimit(nameserver.RateLimitOptions{PerSecond: 200, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
		NSID:      "soak", Rotate: false,
		Dnstap:   &observe.Dnstap{Network: "file", Address: filepath.Join(dir, "dnstap"), Sample: 100},
		QueryLog: &observe.Log{Path: filepath.Join(dir, "queries"), Sample: 100},
	}
	primary, addr, _ := start(t, o, nil)
	for _, e := range primary.Endpoints() {
		s.addrs[e.Service] = e.Addr.String()
	}
	var run sync.WaitGroup
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(func() { cancel(); run.Wait() })
	if err := secondary.Close(); err != nil { // its zones are known only now
		t.Fatal(err)
	}
	addrPort := netip.MustParseAddrPort(s.second)
	o2 := serve.Options{Endpoints: []socket.Endpoint{{Service: socket.DNS, Addr: addrPort}}, Poll: time.Hour, Log: s.told, Journal: 64 << 10}
	for _, origin := range []string{"dyn.example.", "swap.example.", "signed.example."} {
		o2.Secondaries = append(o2.Secondaries, serve.Secondary{
			Origin: zone.MustName(origin), Primaries: []xfr.Primary{{Addr: addr}}, NotifyBy: xfr.Access{xfr.Everyone}, Policy: serve.Policy{Transfer: xfr.Access{xfr.Everyone}},
		})
	}
	if secondary, err = serve.Listen(o2); err != nil {
		t.Fatal(err)
	}
	if _, err := secondary.Load(ctx); err != nil {
		t.Fatal(err)
	}
	run.Go(func() {
		if err := secondary.Run(ctx, nil); err != nil {
			t.Error(err)
		}
	})
	return s
}

func endpoints(services ...socket.Service) (out []socket.Endpoint) {
	for _, s := range services {
		out = append(out, socket.Endpoint{Service: s, Addr: loopback})
	}
	return out
}

// told hears what the servers tell; serials that go on while a transfer is under way are daily business.
func (s *soak) told(f finding.Finding) {
	if f.Severity == finding.Error {
		s.Logf("told: %s", f)
	}
}

// known computes the right answers to all that is asked of zones which stay.
func (s *soak) known(zones map[string]string) {
	e := &nameserver.Engine{NSID: "soak"}
	put := func(origin, content string) {
		res, err := zonefile.Parse([]byte(content), zonefile.Options{Origin: zone.MustName(origin), HasOrigin: true, File: origin})
		if err != nil || res.Zone == nil {
			s.Fatalf("%s: %v", origin, err)
		}
		c, err := nameserver.Compile(res.Zone, nameserver.CompileOptions{})
		if err != nil {
			s.Fatal(err)
		}
		e.Zones.Put(c)
	}
	for origin, content := range zones {
		put(origin, content)
	}
	right := func(q []byte, stream bool) []byte {
		return bytes.Clone(e.Answer(e.NewScratch(), q, nameserver.Client{Addr: loopback, Stream: stream}, nil))
	}
	s.control = map[string]*known{}
	for _, name := range []string{"steady.example.", "www.steady.example.", "alias.steady.example.", "x.y.wild.steady.example.", "none.steady.example.", "a.sub.steady.example.", "www.old.steady.example.", "signed.example.", "www.signed.example.", "nothing.signed.example.", "q.wild.signed.example.", "elsewhere."} {
		for _, typ := range []zone.Type{zone.TypeA, zone.TypeMX, zone.TypeTXT, zone.TypeSOA, 48, 255} {
			for _, do := range []bool{false, true} {
				q := zone.MustName(name).AppendWire([]byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})
				q = append(binary.BigEndian.AppendUint16(q, uint16(typ)), 0, 1)
				if do {
					q[11] = 1
					q = append(q, 0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0)
				}
				s.control[fmt.Sprint(name, typ, do)] = &known{q, right(q, false), right(q, true)}
			}
		}
	}
	q := zone.MustName("www.swap.example.").AppendWire([]byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	q = append(q, 0, 1, 0, 1)
	for i := range s.swapped {
		put("swap.example.", text(1, fmt.Sprintf("192.0.2.%d", i+1)))
		s.swapped[i] = right(q, true)
	}
	s.control["swap"] = &known{query: q}
}

// judge compares an answer to a control question octet by octet.
func (s *soak) judge(k *known, id uint16, got []byte, stream bool, way string) {
	if len(got) < 12 || binary.BigEndian.Uint16(got) != id {
		s.Errorf("%s: the answer to %x is % x", way, id, got)
		return
	}
	got[0], got[1] = 0, 0
	want := k.udp
	if stream {
		want = k.stream
	}
	if k.udp == nil {
		want = s.swapped[0]
		if bytes.Equal(got, s.swapped[1]) {
			want = s.swapped[1]
		}
	}
	if !bytes.Equal(got, want) {
		s.Errorf("%s: wrong answer to % x:\ngot  % x\nwant % x", way, k.query, got, want)
		return
	}
	s.right.Add(1)
}

// traffic runs everything for a while.
func (s *soak) traffic(d time.Duration) {
	ctx, cancel := context.WithTimeout(s.Context(), d)
	defer cancel()
	var all sync.WaitGroup
	for name, f := range map[string]func(context.Context){
		"control over UDP": s.controlUDP, "control over TCP": s.controlStream(socket.DNS), "control over TLS": s.controlStream(socket.DoT),
		"control over HTTPS": s.controlHTTPS, "swap": s.swap, "update": s.update, "transfer": s.transfer,
		"mutate UDP": s.mutateUDP, "mutate TCP": s.mutateStream(socket.DNS), "mutate TLS": s.mutateStream(socket.DoT),
		"mutate HTTPS": s.mutateHTTPS, "mutate frames": s.mutateFrames, "mutate QUIC": s.mutateQUIC,
	} {
		all.Go(func() {
			f(ctx)
			if !over(ctx) {
				s.Errorf("%s has ended before its time", name)
			}
		})
	}
	all.Wait()
}

// rest waits until the server has nothing to do, and returns what there is then: goroutines, and
// megabytes on the heap.
func (s *soak) rest() (goroutines int, heap float64) {
	for last, same := 0, 0; same < 5; {
		time.Sleep(time.Second)
		runtime.GC()
		if n := runtime.NumGoroutine(); n == last {
			same++
		} else {
			last, same = n, 0
		}
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), float64(m.HeapAlloc) / 1e6
}

// swap replaces a zone by rewriting its file.
func (s *soak) swap(ctx context.Context) {
	for i := int(s.swaps.Load()) + 2; ctx.Err() == nil; i++ {
		s.house.write("swap.example.zone", text(i, fmt.Sprintf("192.0.2.%d", i%2+1)))
		s.swaps.Add(1)
		pause(ctx, 10*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// update adds and deletes names, and looks whether they are there and gone.
func (s *soak) update(ctx context.Context) {
	c := &wire.Client{Transport: wire.TCP, Key: s.key, Timeout: 20 * time.Second}
	plain := &wire.Client{Transport: wire.TCP, Timeout: 20 * time.Second}
	for i := 0; ctx.Err() == nil; i++ {
		owner := zone.MustName(fmt.Sprintf("n%d.dyn.example.", i/2%200))
		m := wire.Update(zone.MustName("dyn.example."))
		m.Authority = []wire.Record{{Owner: owner, Type: zone.TypeA, Class: wire.ClassIN, TTL: 60, Data: zone.Data([]byte{192, 0, 2, byte(i / 2)})}}
		gone := wire.Record{Owner: owner, Type: zone.TypeA, Class: wire.ClassANY}
		if m.Authority = slices.Insert(m.Authority, 0, gone); i%2 == 1 {
			m.Authority = m.Authority[:1]
		}
		done := s.timed("update")
		got, err := c.Exchange(ctx, s.addrs[socket.DNS], m)
		done()
		if over(ctx) {
			return
		}
		if err != nil || got.RCODE != wire.NoError {
			s.Errorf("update %d: %v, %v", i, got, err)
			return
		}
		s.updates.Add(1)
		got, err = plain.Exchange(ctx, s.addrs[socket.DNS], wire.Query(owner, zone.TypeA))
		if !over(ctx) && (err != nil || len(got.Answers) != 1-i%2) {
			s.Errorf("after update %d: %v, %v", i, got, err)
			return
		}
		pause(ctx, 5*time.Millisecond)
	}
}

// transfer fetches zones, from the primary and from its secondary.
func (s *soak) transfer(ctx context.Context) {
	c := &wire.Client{Transport: wire.TCP, Timeout: 20 * time.Second}
	for i := 0; ctx.Err() == nil; i++ {
		origin := []string{"dyn.example.", "swap.example.", "signed.example."}[i%3]
		addr := []string{s.addrs[socket.DNS], s.second}[i/3%2]
		n := 0
		done := s.timed("transfer of " + origin + " from " + addr)
		for _, err := range c.Transfer(ctx, addr, zone.MustName(origin), wire.Limits{}) {
			if err != nil && !over(ctx) && !(addr == s.second && n == 0) { // it may have nothing yet
				s.Errorf("transfer of %s from %s: %v", origin, addr, err)
				return
			}
			n++
		}
		done()
		if want := strings.Count(s.signedText(), "\n"); origin == "signed.example." && n > 1 && !over(ctx) && (n < want/2 || n > want) {
			s.Errorf("transfer of %s: %d records from a file of %d lines", origin, n, want)
		}
		s.transfers.Add(1)
		pause(ctx, 20*time.Millisecond)
	}
}

func (s *soak) signedText() string {
	b, err := os.ReadFile("../testdata/nsec3.zone")
	if err != nil {
		s.Fatal(err)
	}
	return string(b)
}

// timed notes how long something takes, and tells once what everybody was doing when it took too long.
func (s *soak) timed(what string) (done func()) {
	began := time.Now()
	late := time.AfterFunc(4*time.Second, func() {
		s.stalled.Do(func() {
			buf := make([]byte, 1<<20)
			s.Logf("%s takes more than 4 s:\n%s", what, buf[:runtime.Stack(buf, true)])
		})
	})
	return func() {
		late.Stop()
		for took := int64(time.Since(began)); took > s.slowest.Load(); {
			s.slowest.Store(took)
		}
	}
}

// over reports whether the time is up. Connections notice the deadline a little before ctx does.
func over(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(end) < 100*time.Millisecond
}

// open dials until it succeeds or ctx ends: under load a listener's queue may be full.
func (s *soak) open(ctx context.Context, network, addr string) net.Conn {
	for ctx.Err() == nil {
		var d net.Dialer
		if c, err := d.DialContext(ctx, network, addr); err == nil {
			return c
		}
		pause(ctx, 10*time.Millisecond)
	}
	return nil
}
