package testserver

import (
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const (
	origin = "example.org."
	text   = `@ SOA ns hostmaster 1 7200 900 1209600 300
@ NS ns
ns A 192.0.2.1
www 300 A 192.0.2.80
`
)

// updatable starts a server that takes updates for example.org with a key.
type updatable struct {
	name  string
	start func(testing.TB, map[string]string, *Key) *Server
}

var updatables = []updatable{
	{"BIND", func(t testing.TB, zones map[string]string, k *Key) *Server {
		return BIND(t, BINDOptions{Zones: zones, TSIG: k})
	}},
	{"Knot", func(t testing.TB, zones map[string]string, k *Key) *Server {
		return Knot(t, KnotOptions{Zones: zones, TSIG: k})
	}},
}

func eachUpdatable(t *testing.T, f func(t *testing.T, s *Server, key *Key)) {
	t.Parallel()
	for _, u := range updatables {
		t.Run(u.name, func(t *testing.T) {
			t.Parallel()
			key := NewKey(t)
			f(t, u.start(t, map[string]string{origin: text}, key), key)
		})
	}
}

// send updates example.org with one record and tells the response code.
func send(t *testing.T, s *Server, key *Key, record string) int {
	t.Helper()
	rr, err := dns.NewRR(record)
	if err != nil {
		t.Fatal(err)
	}
	m := new(dns.Msg)
	m.SetUpdate(origin)
	m.Insert([]dns.RR{rr})
	c := dns.Client{Net: "tcp", Timeout: startLimit}
	if key != nil {
		m.SetTsig(key.fqdn(), dns.Fqdn(key.Algorithm), 300, time.Now().Unix())
		c.TsigSecret = map[string]string{key.fqdn(): key.Secret}
	}
	r, _, err := c.Exchange(m, s.Addr)
	if r == nil {
		t.Fatalf("update: %v", err)
	}
	return r.Rcode
}

// answers is the RDATA that a server gives for a name and type, sorted.
func answers(t *testing.T, s *Server, name string, qtype uint16) []string {
	t.Helper()
	var all []string
	for _, network := range []string{"udp", "tcp"} {
		r, err := ask(network, s.Addr, name, qtype, startLimit)
		if err != nil {
			t.Fatalf("%s over %s: %v", name, network, err)
		}
		var data []string
		for _, rr := range r.Answer {
			data = append(data, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
		slices.Sort(data)
		if network == "tcp" && !slices.Equal(all, data) {
			t.Errorf("%s: %q over UDP, %q over TCP", name, all, data)
		}
		all = data
	}
	return all
}

func wantAnswers(t *testing.T, s *Server, name string, want ...string) {
	t.Helper()
	if got := answers(t, s, name, dns.TypeA); !slices.Equal(got, want) {
		t.Errorf("A of %s: got %q, want %q", name, got, want)
	}
}

func TestServersAnswer(t *testing.T) {
	t.Parallel()
	key := NewKey(t)
	zones := map[string]string{origin: text, "2.0.192.in-addr.arpa.": "@ SOA ns.example.org. hostmaster.example.org. 1 2 3 4 5\n@ NS ns.example.org.\n1 PTR ns.example.org.\n"}
	type zoneText interface {
		ZoneText(testing.TB, string) string
	}
	for name, start := range map[string]func(*testing.T) (*Server, zoneText){
		"BIND": func(t *testing.T) (*Server, zoneText) {
			s := BIND(t, BINDOptions{Zones: zones, TSIG: key})
			return s, s
		},
		"Knot": func(t *testing.T) (*Server, zoneText) {
			s := Knot(t, KnotOptions{Zones: zones, TSIG: key})
			return s, s
		},
		"NSD": func(t *testing.T) (*Server, zoneText) {
			s := NSD(t, NSDOptions{Zones: zones, TSIG: key})
			return s, s
		},
		"PowerDNS": func(t *testing.T) (*Server, zoneText) {
			s := PowerDNS(t, PowerDNSOptions{Zones: zones, TSIG: key})
			return s.Server, s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, held := start(t)
			wantAnswers(t, s, "www.example.org.", "192.0.2.80")
			want := "example.org.\t3600\tIN\tSOA\tns.example.org. hostmaster.example.org. 1 7200 900 1209600 300\n" +
				"example.org.\t3600\tIN\tNS\tns.example.org.\n" +
				"ns.example.org.\t3600\tIN\tA\t192.0.2.1\n" +
				"www.example.org.\t300\tIN\tA\t192.0.2.80\n"
			if got := held.ZoneText(t, origin); got != want {
				t.Errorf("zone: got\n%s\nwant\n%s", got, want)
			}
			if got := s.AXFR(t, origin, key); got != want {
				t.Errorf("zone by the test's key: got\n%s\nwant\n%s", got, want)
			}
			if got, err := s.transfer(origin, nil); err == nil {
				t.Errorf("transfer without a key was answered:\n%s", got)
			}
			if got, err := s.transfer(origin, NewKey(t)); err == nil {
				t.Errorf("transfer with a foreign key was answered:\n%s", got)
			}
		})
	}
}

func TestUpdateNeedsTheKey(t *testing.T) {
	eachUpdatable(t, func(t *testing.T, s *Server, key *Key) {
		wrongSecret := NewKey(t)
		wrongSecret.Name = key.Name
		for _, c := range []struct {
			name string
			key  *Key
			want []int
		}{
			{"its key", key, []int{dns.RcodeSuccess}},
			{"no key", nil, []int{dns.RcodeRefused, dns.RcodeNotAuth}},
			{"an unknown key", NewKey(t), []int{dns.RcodeNotAuth}},
			{"a wrong secret", wrongSecret, []int{dns.RcodeNotAuth}},
		} {
			if got := send(t, s, c.key, "new.example.org. 60 A 192.0.2.9"); !slices.Contains(c.want, got) {
				t.Errorf("update with %s: got %s, want %v", c.name, dns.RcodeToString[got], c.want)
			}
		}
		wantAnswers(t, s, "new.example.org.", "192.0.2.9")
	})
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"hmac-sha1", "hmac-sha224", "hmac-sha384", "hmac-sha512"} {
		for _, u := range updatables {
			t.Run(u.name+"/"+algorithm, func(t *testing.T) {
				t.Parallel()
				key := NewKey(t)
				key.Algorithm = algorithm
				s := u.start(t, map[string]string{origin: text}, key)
				if got := send(t, s, key, "new.example.org. 60 A 192.0.2.9"); got != dns.RcodeSuccess {
					t.Errorf("update: got %s, want NOERROR", dns.RcodeToString[got])
				}
			})
		}
	}
}

func TestUpdatesSurvive(t *testing.T) {
	eachUpdatable(t, func(t *testing.T, s *Server, key *Key) {
		addr := s.Addr
		if got := send(t, s, key, "one.example.org. 60 A 192.0.2.1"); got != dns.RcodeSuccess {
			t.Fatalf("update: got %s, want NOERROR", dns.RcodeToString[got])
		}
		s.Restart(t)
		wantAnswers(t, s, "one.example.org.", "192.0.2.1")

		if got := send(t, s, key, "two.example.org. 60 A 192.0.2.2"); got != dns.RcodeSuccess {
			t.Fatalf("update: got %s, want NOERROR", dns.RcodeToString[got])
		}
		s.Kill()
		if s.Running() {
			t.Error("the server runs after Kill")
		}
		if _, err := ask("tcp", s.Addr, origin, dns.TypeSOA, impatient); err == nil {
			t.Error("something answers after Kill")
		}
		s.Restart(t)
		wantAnswers(t, s, "one.example.org.", "192.0.2.1")
		wantAnswers(t, s, "two.example.org.", "192.0.2.2")
		if s.Addr != addr {
			t.Errorf("address: got %s, want %s as before", s.Addr, addr)
		}

		s.Rewrite(t, origin, strings.Replace(text, "192.0.2.80", "192.0.2.81", 1))
		wantAnswers(t, s, "www.example.org.", "192.0.2.81")
		wantAnswers(t, s, "one.example.org.")
	})
}

func TestAnyUpdateAndTransfer(t *testing.T) {
	t.Parallel()
	zones := map[string]string{origin: text}
	for name, start := range map[string]func(*testing.T) *Server{
		"BIND": func(t *testing.T) *Server {
			return BIND(t, BINDOptions{Zones: zones, AnyUpdate: true, AnyTransfer: true})
		},
		"Knot": func(t *testing.T) *Server {
			return Knot(t, KnotOptions{Zones: zones, AnyUpdate: true, AnyTransfer: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			if got := send(t, s, nil, "new.example.org. 60 A 192.0.2.9"); got != dns.RcodeSuccess {
				t.Errorf("update without a key: got %s, want NOERROR", dns.RcodeToString[got])
			}
			if got := s.AXFR(t, origin, nil); !strings.Contains(got, "new.example.org.\t60\tIN\tA\t192.0.2.9") {
				t.Errorf("transfer without a key has no new.example.org:\n%s", got)
			}
		})
	}
	t.Run("NSD", func(t *testing.T) {
		t.Parallel()
		s := NSD(t, NSDOptions{Zones: zones, AnyTransfer: true})
		if got := s.AXFR(t, origin, nil); !strings.Contains(got, "www") {
			t.Errorf("transfer without a key has no www:\n%s", got)
		}
	})
	t.Run("PowerDNS", func(t *testing.T) {
		t.Parallel()
		s := PowerDNS(t, PowerDNSOptions{Zones: zones, AnyTransfer: true})
		if got := s.AXFR(t, origin, nil); !strings.Contains(got, "www") {
			t.Errorf("transfer without a key has no www:\n%s", got)
		}
	})
}

func TestBINDViews(t *testing.T) {
	t.Parallel()
	inside := NewKey(t)
	s := BIND(t, BINDOptions{
		Zones: map[string]string{origin: text},
		Views: []BINDView{{
			Name: "inside", TSIG: inside,
			Zones: map[string]string{origin: strings.Replace(text, "192.0.2.80", "10.0.0.80", 1)},
		}},
	})
	if got, want := s.AXFR(t, origin, inside), "10.0.0.80"; !strings.Contains(got, want) {
		t.Errorf("view of the key has no %s:\n%s", want, got)
	}
	if got, want := s.ZoneText(t, origin), "192.0.2.80"; !strings.Contains(got, want) {
		t.Errorf("view of everyone has no %s:\n%s", want, got)
	}
}

func TestPowerDNSAPI(t *testing.T) {
	t.Parallel()
	s := PowerDNS(t, PowerDNSOptions{})
	var about struct{ DaemonType, Version string }
	if err := s.Call(http.MethodGet, "/api/v1/servers/localhost", nil, &about); err != nil {
		t.Fatal(err)
	}
	if about.Version == "" {
		t.Errorf("no version in %+v", about)
	}
	zone := map[string]any{
		"name": origin, "kind": "Native", "nameservers": []string{"ns.example.org."},
		"rrsets": []any{map[string]any{
			"name": "www.example.org.", "type": "A", "ttl": 300,
			"records": []any{map[string]any{"content": "192.0.2.80"}},
		}},
	}
	if err := s.Call(http.MethodPost, "/api/v1/servers/localhost/zones", zone, nil); err != nil {
		t.Fatal(err)
	}
	wantAnswers(t, s.Server, "www.example.org.", "192.0.2.80")
	if err := s.Call(http.MethodPost, "/api/v1/servers/localhost/zones", zone, nil); err == nil || !strings.Contains(err.Error(), "409") {
		t.Errorf("creating the zone twice: got %v, want 409", err)
	}
	s.APIKey = "wrong"
	if err := s.Call(http.MethodGet, "/api/v1/servers/localhost", nil, nil); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("wrong API key: got %v, want 401", err)
	}
}

func TestPowerDNSKinds(t *testing.T) {
	t.Parallel()
	s := PowerDNS(t, PowerDNSOptions{
		Zones: map[string]string{origin: ""}, Kind: "Slave", Masters: []string{"127.0.0.1:1"},
	})
	var zone struct{ Kind string }
	if err := s.Call(http.MethodGet, "/api/v1/servers/localhost/zones/"+origin, nil, &zone); err != nil {
		t.Fatal(err)
	}
	if zone.Kind != "Slave" {
		t.Errorf("kind: got %q, want Slave", zone.Kind)
	}
}

func TestPowerDNSExpandsALIAS(t *testing.T) {
	t.Parallel()
	target := BIND(t, BINDOptions{Zones: map[string]string{"example.net.": text}})
	s := PowerDNS(t, PowerDNSOptions{
		Zones:       map[string]string{origin: text + "@ ALIAS www.example.net.\n"},
		ExpandALIAS: target.Addr,
	})
	wantAnswers(t, s.Server, origin, "192.0.2.80")
	s.Restart(t)
	wantAnswers(t, s.Server, origin, "192.0.2.80")
}

func TestReloadReadsZoneFiles(t *testing.T) {
	t.Parallel()
	s := NSD(t, NSDOptions{Zones: map[string]string{origin: text}})
	newer := strings.NewReplacer("hostmaster 1 ", "hostmaster 2 ", "192.0.2.80", "192.0.2.81").Replace(text)
	if err := s.writeZone(zoneFileName(origin), origin, newer); err != nil {
		t.Fatal(err)
	}
	s.Reload(t)
	// For a moment NSD's old and new processes both answer.
	limit := time.Now().Add(startLimit)
	for {
		r, err := ask("udp", s.Addr, "www.example.org.", dns.TypeA, impatient)
		if err == nil && len(r.Answer) == 1 && r.Answer[0].(*dns.A).A.String() == "192.0.2.81" {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("the zone is not reloaded after %v: %v", startLimit, r)
		}
	}
}

func TestServerThatEndsIsTold(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("false")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{
		Dir:  t.TempDir(),
		kind: kind{ports: 1, configure: func(*Server) ([]string, error) { return nil, nil }},
	}
	defer s.releasePorts()
	err = s.bringUp(path)
	if want := "it ended at once"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a server that ends at once: got %v, want %q in it", err, want)
	}
}

// Servers of several processes must not share a port; within one process the
// same locks apply.
func TestReserveGivesEachPortOnce(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 200 {
		p, err := reserve()
		if err != nil {
			t.Fatal(err)
		}
		defer p.release()
		if seen[p.number] {
			t.Fatalf("port %d was given twice", p.number)
		}
		seen[p.number] = true
	}
}

func BenchmarkStart(b *testing.B) {
	zones := map[string]string{origin: text}
	for name, start := range map[string]func(testing.TB){
		"BIND":     func(t testing.TB) { BIND(t, BINDOptions{Zones: zones}).Kill() },
		"Knot":     func(t testing.TB) { Knot(t, KnotOptions{Zones: zones}).Kill() },
		"NSD":      func(t testing.TB) { NSD(t, NSDOptions{Zones: zones}).Kill() },
		"PowerDNS": func(t testing.TB) { PowerDNS(t, PowerDNSOptions{Zones: zones}).Kill() },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				start(b)
			}
		})
	}
}
