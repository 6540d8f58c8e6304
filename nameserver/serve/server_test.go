package serve_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/serve"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// start runs a server until the test ends and returns the address of its first endpoint. end ends it.
func folder(dir string) []serve.Folder { return []serve.Folder{{Dir: dir}} }

func start(t *testing.T, o serve.Options, reload <-chan struct{}) (s *serve.Server, addr string, end func() error) {
	t.Helper()
	if o.Endpoints == nil && o.Inherited == nil {
		o.Endpoints = []socket.Endpoint{{Service: socket.DNS, Addr: loopback}}
	}
	o.Poll = 5 * time.Millisecond
	s, err := serve.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, reload) }()
	end = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	return s, s.Endpoints()[0].Addr.String(), end
}

// ask asks over a connection and returns the RCODE and the last octet of the answer.
func ask(c net.Conn, stream bool, name string) (rcode, last byte, err error) {
	q := zone.MustName(name).AppendWire([]byte{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	q = append(q, 0, 1, 0, 1)
	if stream {
		q = append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)
	}
	_ = c.SetDeadline(time.Now().Add(patience.Limit))
	if _, err := c.Write(q); err != nil {
		return 0, 0, err
	}
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil {
		return 0, 0, err
	}
	if stream {
		buf, n = buf[2:], n-2
	}
	if n < 12 {
		return 0, 0, fmt.Errorf("an answer of %d octets", n)
	}
	return buf[3] & 0xF, buf[n-1], nil
}

func dial(t *testing.T, network, addr string) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestNoQueryIsDropped asks without pause while zones are replaced, broken and mended, by reload and
// by change of the file. Every query gets an answer, and it is one of a version that there was.
func TestNoQueryIsDropped(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1"), "b.example.zone": text(1, "192.0.2.1")})
	reload := make(chan struct{})
	var mu sync.Mutex
	reported := map[uint32]bool{} // serials
	_, addr, end := start(t, serve.Options{Content: serve.Content{Folders: folder(h.dir)}, Report: func(r serve.Report) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range r.Changes {
			reported[c.Serial] = true
		}
	}}, reload)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var asking sync.WaitGroup
	asked := make([]int, 2)
	for i, network := range []string{"udp", "tcp"} {
		c := dial(t, network, addr)
		asking.Go(func() {
			newest := byte(0)
			for ctx.Err() == nil {
				rcode, last, err := ask(c, i == 1, "www.a.example.")
				if err != nil || rcode != 0 || last < newest || last > 60 {
					t.Errorf("over %s, after %d answers: RCODE %d, address 192.0.2.%d after 192.0.2.%d, %v", network, asked[i], rcode, last, newest, err)
					return
				}
				asked[i]++
				newest = last
			}
		})
	}
	for i := 2; i <= 60; i++ {
		if i%10 == 0 {
			h.write("a.example.zone", "broken\n")
			reload <- struct{}{}
		}
		h.write("a.example.zone", text(i, fmt.Sprintf("192.0.2.%d", i)))
		if i%2 == 0 {
			reload <- struct{}{}
		}
		patience.Until(t, fmt.Sprintf("version %d is reported", i), func() (any, bool) {
			mu.Lock()
			defer mu.Unlock()
			return slices.Sorted(maps.Keys(reported)), reported[uint32(i)]
		})
	}
	stop()
	asking.Wait()
	if asked[0] < 100 || asked[1] < 100 {
		t.Errorf("%d queries over UDP and %d over TCP are too few to say anything", asked[0], asked[1])
	}
	if _, last, err := ask(dial(t, "udp", addr), false, "www.a.example."); err != nil || last != 60 {
		t.Errorf("in the end: 192.0.2.%d, %v; want 192.0.2.60", last, err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestReadyAndReloading(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1")})
	said, reload := make(chan string, 10), make(chan struct{})
	start(t, serve.Options{
		Content: serve.Content{Folders: folder(h.dir)}, Ready: func() { said <- "ready" }, Reloading: func() { said <- "reloading" },
	}, reload)
	for i, want := range []string{"ready", "reloading", "ready"} {
		if i == 1 {
			reload <- struct{}{}
		}
		if got := patience.Receive(t, "that the server is "+want, said); got != want {
			t.Errorf("step %d: %s, want %s", i, got, want)
		}
	}
}

func TestUpdatesAndTransfersAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1")})
	_, addr, _ := start(t, serve.Options{Content: serve.Content{Folders: folder(h.dir)}}, nil)
	for name, m := range map[string]*wire.Message{
		"update": {ID: 1, Opcode: wire.OpUpdate, Questions: []wire.Question{{Name: zone.MustName("a.example."), Type: zone.TypeSOA, Class: wire.ClassIN}}},
		"axfr":   {ID: 1, Questions: []wire.Question{{Name: zone.MustName("a.example."), Type: wire.TypeAXFR, Class: wire.ClassIN}}},
	} {
		raw, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		c := dial(t, "udp", addr)
		_ = c.SetDeadline(time.Now().Add(patience.Limit))
		if _, err := c.Write(raw); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1000)
		n, err := c.Read(buf)
		if err != nil || n < 12 || wire.RCODE(buf[3]&0xF) != wire.Refused {
			t.Errorf("%s: %d octets %x, %v; want REFUSED", name, n, buf[:n], err)
		}
	}
}

// TestSecondaryFollows has one server transfer from another, told by NOTIFY.
func TestSecondaryFollows(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1")})
	var in *xfr.In
	versions := make(chan *zone.Zone, 10)
	desk := &xfr.Desk{Notified: func(n xfr.Notice) wire.RCODE { return in.Notified(n) }}
	ear, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ear.Close() })
	reload := make(chan struct{})
	_, addr, _ := start(t, serve.Options{
		Content: serve.Content{Folders: []serve.Folder{{Dir: h.dir, Policy: serve.Policy{
			Transfer: xfr.Access{xfr.Everyone}, Notify: []xfr.Target{{Addr: ear.LocalAddr().String()}},
		}}}},
	}, reload)
	in = &xfr.In{
		Origin: zone.MustName("a.example."), Primaries: []xfr.Primary{{Addr: addr}},
		Publish: func(z *zone.Zone) error { versions <- z; return nil },
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := ear.ReadFrom(buf)
			if err != nil {
				return
			}
			ap := from.(*net.UDPAddr).AddrPort()
			if a := desk.Datagram(t.Context(), buf[:n], xfr.Peer{Addr: ap}); a != nil {
				_, _ = ear.WriteTo(a, from)
			}
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { _ = in.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	for i := 1; i < 5; i++ {
		if i > 1 {
			h.write("a.example.zone", text(i, fmt.Sprintf("192.0.2.%d", i)))
			reload <- struct{}{}
		}
		z := patience.Receive(t, fmt.Sprintf("version %d", i), versions)
		set, _ := z.Set(zone.MustName("www.a.example."), zone.TypeA)
		if want := string([]byte{192, 0, 2, byte(i)}); len(set.Data) != 1 || string(set.Data[0]) != want {
			t.Errorf("version %d has %x, want %x", i, set.Data, want)
		}
	}
	cancel()
	<-ended // what was published is counted, too
	if got := in.Status(); got.Changes != 3 {
		t.Errorf("%d transfers of changes, want 3; %d were whole", got.Changes, got.Whole)
	}
}

func TestInheritedSockets(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1")})
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	lf, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lf.Close() })
	pf, err := p.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pf.Close() })
	for round := range 2 { // the sockets are good for the next server too
		_, _, end := start(t, serve.Options{Content: serve.Content{Folders: folder(h.dir)}, Inherited: []socket.Inherited{{File: lf}, {File: pf}}}, nil)
		for network, addr := range map[string]net.Addr{"tcp": l.Addr(), "udp": p.LocalAddr()} {
			if rcode, last, err := ask(dial(t, network, addr.String()), network == "tcp", "www.a.example."); err != nil || rcode != 0 || last != 1 {
				t.Errorf("round %d over %s: RCODE %d, 192.0.2.%d, %v", round, network, rcode, last, err)
			}
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	}
	if _, err := serve.Listen(serve.Options{Inherited: []socket.Inherited{{Service: socket.DoT, File: lf}}}); err == nil {
		t.Error("DNS over TLS without a certificate was taken")
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1"), "b.example.zone": "broken"})
	s, addr, _ := start(t, serve.Options{Content: serve.Content{Folders: []serve.Folder{{Dir: h.dir, Policy: serve.Policy{Transfer: xfr.Access{xfr.Everyone}}}}}, Metrics: "127.0.0.1:0"}, nil)
	c := dial(t, "tcp", addr)
	for _, name := range []string{"www.a.example.", "none.a.example.", "elsewhere.example."} {
		if _, _, err := ask(c, true, name); err != nil {
			t.Fatal(err)
		}
	}
	wants := []string{
		`zonecast_dns_queries_total{transport="tcp"} 3`, `zonecast_dns_answers_total{rcode="NOERROR"} 1`,
		`zonecast_dns_answers_total{rcode="NXDOMAIN"} 1`, `zonecast_dns_answers_total{rcode="REFUSED"} 1`,
		`zonecast_dns_questions_total{type="A"} 3`, "zonecast_dns_connections 1", "zonecast_zones 1", "zonecast_zone_files 2",
		"zonecast_zone_files_broken 1", `zonecast_transfers_total{result="axfr"} 0`, `zonecast_zones_by_kind{kind="file"} 1`,
		`zonecast_zone_queries_total{zone="a.example."} 2`, `zonecast_dns_query_seconds_count{transport="tcp"} 3`,
		`zonecast_secondary_zones{state="good"} 0`,
	}
	var page string
	patience.Until(t, "the metrics have all", func() (any, bool) { // an answer is counted a moment after it was sent
		conn := dial(t, "tcp", s.MetricsAddr().String())
		defer conn.Close()
		fmt.Fprintf(conn, "GET /metrics HTTP/1.0\r\n\r\n")
		b, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		page = string(b)
		lacks := slices.DeleteFunc(slices.Clone(wants), func(want string) bool { return strings.Contains(page, "\n"+want+"\n") })
		return fmt.Sprintf("they lack %s", lacks), len(lacks) == 0
	})
	seen, kind := map[string]bool{}, ""
	_, text, _ := strings.Cut(page, "\r\n\r\n")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			kind, _, _ = strings.Cut(name, " ")
			continue
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		key, _, _ := strings.Cut(line, " ")
		name, _, _ := strings.Cut(key, "{")
		if part, ok := strings.CutPrefix(name, kind); !ok || seen[key] || !slices.Contains([]string{"", "_bucket", "_sum", "_count"}, part) {
			t.Errorf("%q stands below the type of %s, or twice", line, kind)
		}
		seen[key] = true
	}
}

func TestTell(t *testing.T) { // sets the environment, so not parallel
	path := filepath.Join(t.TempDir(), "notify")
	c, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "unixgram", path)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	if err := serve.TellReloading(t.Context()); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1000)
	n, _, err := c.ReadFrom(buf)
	if got := string(buf[:n]); err != nil || !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") || runtime.GOOS == "linux" && strings.HasSuffix(got, "=0") {
		t.Errorf("systemd was told %q, %v", got, err)
	}
	t.Setenv("NOTIFY_SOCKET", "")
	if err := serve.Tell(t.Context(), "READY=1"); err != nil {
		t.Errorf("without systemd: %v", err)
	}
	t.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid()))
	t.Setenv("LISTEN_FDS", "many")
	if _, err := serve.Inherited(); err == nil {
		t.Error("LISTEN_FDS=many was taken")
	}
	t.Setenv("LISTEN_FDS", "3")
	if got, err := serve.Inherited(); got != nil || err != nil {
		t.Errorf("the variables of another process: %v, %v", got, err)
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	_, addr, _ := start(t, serve.Options{Content: serve.Content{Folders: folder(t.TempDir())}, Log: func(finding.Finding) {}}, nil)
	_, err := serve.Listen(serve.Options{Endpoints: []socket.Endpoint{{Addr: netip.MustParseAddrPort(addr)}}})
	if err == nil || !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(serve.Advice(err), "another program") {
		t.Errorf("an address in use: %v; %s", err, serve.Advice(err))
	}
	if got := serve.Advice(fmt.Errorf("bind: %w", os.NewSyscallError("bind", syscall.EACCES))); !strings.Contains(got, "setcap") {
		t.Errorf("without rights: %q", got)
	}
}
