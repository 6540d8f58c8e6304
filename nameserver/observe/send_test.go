package observe

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/zone"
)

// A buffer takes what a log writes.
type buffer struct {
	mu sync.Mutex
	b  []byte
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b = append(b.b, p...)
	return len(p), nil
}

func (b *buffer) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b.b), "\n"), "\n")
}

// exchanges has some queries answered over several transports.
func exchanges(t *testing.T, o *Observer, rounds int) {
	t.Helper()
	e := served(t, "a.example.")
	w := o.Wrap(socket.Engine(e, nil)).Worker()
	for range rounds {
		w.(socket.BatchWorker).AnswerBatch(packets(ask("WWW.a.example.", zone.TypeA), ask("none.a.example.", zone.TypeMX)))
		over := client
		over.Addr, over.Transport, over.Local = v6client, socket.TLS, ours("[2001:db8::53]:853")
		w.Answer(nil, ask(`we\.ird\"\\\010.example.`, zone.TypeTXT), &over)
		w.(socket.Flusher).Flush()
	}
}

var v6client = client.Addr // replaced in init

func init() {
	a, err := net.ResolveTCPAddr("tcp", "[2001:db8::7]:853")
	if err != nil {
		panic(err)
	}
	v6client = a.AddrPort()
}

func TestLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		log  Log
		want []string // without their times
	}{
		"all": {Log{}, []string{
			`192.0.2.7#5353 udp WWW.a.example. IN A NOERROR 58 aa rd edns do`,
			`192.0.2.7#5353 udp none.a.example. IN MX NXDOMAIN 85 aa rd edns do`,
			`2001:db8::7#853 tls we\046ird\034\092\010.example. IN TXT REFUSED 52 rd edns do`,
		}},
		"by RCODE": {Log{RCODEs: []int{5}}, []string{
			`2001:db8::7#853 tls we\046ird\034\092\010.example. IN TXT REFUSED 52 rd edns do`,
		}},
		"by zone": {Log{Zones: []zone.Name{zone.MustName("A.example.")}, Sample: 2}, []string{
			`192.0.2.7#5353 udp none.a.example. IN MX NXDOMAIN 85 aa rd edns do`,
		}},
	} {
		var log buffer
		c.log.Writer = &log
		o := New(Options{Log: &c.log})
		end := running(t, o)
		exchanges(t, o, 1)
		end()
		var got []string
		for _, l := range log.lines() {
			at, rest, _ := strings.Cut(l, " ")
			if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			got = append(got, rest)
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
		if s, ok := o.Log(); !ok || s.Written != uint64(len(c.want)) || s.Dropped != 0 {
			t.Errorf("%s: %+v, want %d lines written", name, s, len(c.want))
		}
	}
}

func TestJSONLog(t *testing.T) {
	t.Parallel()
	var log buffer
	o := New(Options{Log: &Log{Writer: &log, JSON: true}})
	end := running(t, o)
	exchanges(t, o, 1)
	end()
	got := log.lines()
	if len(got) != 3 {
		t.Fatalf("%d lines, want 3: %q", len(got), got)
	}
	for _, l := range got {
		var v struct {
			Time                                               time.Time
			Client, Transport, Name, Class, Type, RCODE, Flags string
			Port, Size                                         int
		}
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		if v.Client == "" || v.Port == 0 || v.Transport == "" || !strings.HasSuffix(v.Name, "example.") || v.Class != "IN" || v.Type == "" || v.RCODE == "" || v.Size == 0 || v.Time.IsZero() || v.Flags == "" {
			t.Errorf("%s lacks something", l)
		}
	}
	if !strings.Contains(got[2], `"name":"we\\046ird\\034\\092\\010.example."`) {
		t.Errorf("%s: the name is not written as it should", got[2])
	}
}

// FuzzLog writes any query and answer, in both ways.
func FuzzLog(f *testing.F) {
	f.Add(ask("www.example.org.", zone.TypeA), ask("www.example.org.", zone.TypeA))
	f.Add(ask(`\000\255.example.org.`, 65535), []byte("\x12\x34\x81\x85\x00\x00\x00\x00\x00\x00\x00\x00"))
	long := newLogger(&Log{})
	asJSON := newLogger(&Log{JSON: true, Zones: []zone.Name{zone.MustName("example.org.")}})
	f.Fuzz(func(t *testing.T, query, answer []byte) {
		if len(query) < headerLen {
			return
		}
		if len(answer) < headerLen {
			answer = nil
		}
		x := &exchange{query: query, answer: answer, from: &client, asked: 1.7e18}
		for _, l := range []*logger{long, asJSON} {
			r := &ring{buf: make([]byte, 0, longestLine)}
			l.wants(&sampler{}, x)
			if l.take(r, x) != 0 || cap(r.buf) != longestLine {
				t.Fatalf("a line of %d octets is longer than the longest", len(r.buf))
			}
			if strings.Count(string(r.buf), "\n") != 1 {
				t.Fatalf("%q is not one line", r.buf)
			}
			if l == asJSON && !json.Valid(r.buf) {
				t.Fatalf("%s is no JSON", r.buf)
			}
		}
	})
}

// A log file that was moved away is begun anew.
func TestReopen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "queries.log")
	o := New(Options{Log: &Log{Path: path}})
	end := running(t, o)
	exchanges(t, o, 1)
	patience.Until(t, "three lines are written", func() (any, bool) { s, _ := o.Log(); return s, s.Written == 3 })
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	o.Reopen()
	patience.Until(t, "the file is made anew", func() (any, bool) { _, err := os.Stat(path); return err, err == nil })
	exchanges(t, o, 2)
	end()
	for p, want := range map[string]int{path + ".old": 3, path: 6} {
		b, err := os.ReadFile(p)
		if got := strings.Count(string(b), "\n"); err != nil || got != want {
			t.Errorf("%s has %d lines, %v; want %d", p, got, err, want)
		}
	}
}

// Who reads slowly or not at all costs what is dropped, never time.
func TestSlowReceiver(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sock")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _, _ = readControl(c)
		_, _ = c.Write(control(controlAccept, true)) // and reads no more
	}()
	o := New(Options{Dnstap: &Dnstap{Network: "unix", Address: path, Buffer: 8 << 10}})
	running(t, o)
	patience.Until(t, "it is connected", func() (any, bool) { s, _ := o.Dnstap(); return s, s.Connected })
	began := time.Now()
	exchanges(t, o, 3000)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("9,000 answers took %v", took)
	}
	s, _ := o.Dnstap()
	if s.Dropped == 0 || s.Dropped+s.Written > 18000 {
		t.Errorf("%+v of 18,000; want some dropped", s)
	}
}

// TestDnstapFile is judged by dnstap-read.
func TestDnstapFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dnstap")
	for range 2 { // what was there is kept
		o := New(Options{Dnstap: &Dnstap{Network: "file", Address: path, Identity: "ns1.example.", Version: "zonecast 1"}})
		end := running(t, o)
		exchanges(t, o, 1)
		end()
		if s, ok := o.Dnstap(); !ok || s.Written != 6 || s.Dropped != 0 {
			t.Errorf("%+v, want 6 written", s)
		}
	}
	readBack(t, path, 6)
	readBack(t, path+".1", 6)
}

// What is not known, or of another family than the client's address, is left out.
func TestDnstapAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		local *netip.AddrPort
		from  string
		want  string // fields of addresses and ports
	}{
		{"known", ours("192.0.2.53:53"), "192.0.2.7:5353", "4:c0000207 6:5353 5:c0000235 7:53"},
		{"unknown", nil, "192.0.2.7:5353", "4:c0000207 6:5353"},
		{"mapped", ours("[::ffff:192.0.2.53]:53"), "[::ffff:192.0.2.7]:1", "4:c0000207 6:1 5:c0000235 7:53"},
		{"behind a balancer", ours("192.0.2.53:53"), "[2001:db8::7]:1", "4:20010db8000000000000000000000007 6:1"},
		{"not told by the kernel", &netip.AddrPort{}, "192.0.2.7:1", "4:c0000207 6:1"},
	} {
		b := appendFrom(nil, &socket.Client{Addr: netip.MustParseAddrPort(c.from), Local: c.local})
		var got []string
		for len(b) > 0 {
			field, kind, n := protowire.ConsumeTag(b)
			if n < 0 {
				t.Fatalf("%s: % x is no message", c.name, b)
			}
			b = b[n:]
			var value string
			if kind == protowire.BytesType {
				v, m := protowire.ConsumeBytes(b)
				value, n = hex.EncodeToString(v), m
			} else {
				v, m := protowire.ConsumeVarint(b)
				value, n = strconv.FormatUint(v, 10), m
			}
			if b = b[n:]; field >= messageQueryAddress {
				got = append(got, fmt.Sprintf("%d:%s", field, value))
			}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %s, want %s", c.name, text, c.want)
		}
	}
}

func readBack(t *testing.T, path string, want int) {
	t.Helper()
	if _, err := exec.LookPath("dnstap-read"); err != nil {
		t.Skip("dnstap-read is not installed")
	}
	out, err := exec.CommandContext(t.Context(), "dnstap-read", "-y", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := string(out)
	if got := strings.Count(text, "type: MESSAGE"); got != want {
		t.Errorf("%d messages, want %d", got, want)
	}
	for _, part := range []string{
		"identity: ns1.example.", "version: zonecast 1", "type: AUTH_QUERY", "type: AUTH_RESPONSE", "socket_family: INET\n",
		"socket_family: INET6", "socket_protocol: UDP", `query_address: "192.0.2.7"`, `query_address: "2001:db8::7"`, "query_port: 5353",
		`response_address: "192.0.2.53"`, `response_address: "2001:db8::53"`, "response_port: 53\n", "response_port: 853",
		"status: NOERROR", "status: NXDOMAIN", "status: REFUSED", "WWW.a.example", "192.0.2.2",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
			return
		}
	}
}

// TestDnstapSocket sends to the reference implementation's receiver, which is started late, and
// started again.
func TestDnstapSocket(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("fstrm_capture"); err != nil {
		t.Skip("fstrm_capture (fstrm-bin) is not installed")
	}
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			address, args := filepath.Join(dir, "s"), []string{"-u", filepath.Join(dir, "s")}
			if network == "tcp" {
				port := freePort(t)
				address, args = fmt.Sprintf("127.0.0.1:%d", port), []string{"-a", "127.0.0.1", "-p", fmt.Sprint(port)}
			}
			o := New(Options{Dnstap: &Dnstap{Network: network, Address: address, Identity: "ns1.example.", Version: "zonecast 1"}})
			end := running(t, o)
			exchanges(t, o, 1)
			file := filepath.Join(dir, "out")
			cmd := exec.CommandContext(t.Context(), "fstrm_capture", append(args, "-t", contentType, "-w", file)...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			patience.Until(t, "it is connected and six are written", func() (any, bool) { s, _ := o.Dnstap(); return s, s.Connected && s.Written == 6 })
			exchanges(t, o, 1)
			end() // waits for FINISH
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if s, _ := o.Dnstap(); s.Written != 12 || s.Dropped != 0 {
				t.Errorf("%+v, want 12 written", s)
			}
			readBack(t, file, 12)
		})
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// FuzzControl reads what a receiver may say.
func FuzzControl(f *testing.F) {
	f.Add(control(controlAccept, true))
	f.Add(control(controlFinish, false))
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, types, err := readControl(strings.NewReader(string(b)))
		if err != nil && (kind != 0 || types != nil) {
			t.Fatalf("%d, %q with error %v", kind, types, err)
		}
	})
}
