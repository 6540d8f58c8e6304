package nameserver_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver"
)

// serviceLacks are what targets of services in testdata/service-*.zone have not, by who names them.
var serviceLacks = map[string][]string{
	"web.":   {"web. AAAA"},
	"two.":   {"both. HTTPS", "four. AAAA", "gone. A"},
	"four.":  {"four. AAAA"},
	"alias.": {"web. AAAA"},
	"lost.":  {"nowhere.web. A"},
	"empty.": {"deep. A"},
	"q.any.": {"q.any. AAAA"},
	"full.":  nil,
	"far.":   nil, // of another zone
	"cut.":   nil, // of a child zone
	"star.":  nil, // a wildcard's
	"via.":   nil, // an alias's
	"below.": nil, // below a DNAME
	"off.":   nil, // of no target
}

// TestServicesLack wants beside SVCB records the proofs that who asks for what is missing gets.
func TestServicesLack(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"nsec", "nsec3"} {
		e := serviceEngine(t, way)
		for name, lacks := range serviceLacks {
			q := query(t, name+"service.example.", dns.TypeHTTPS, dnssec)
			m := ask(t, e, q, wide)
			if m.Rcode != 0 || m.Truncated || len(m.Answer) < 2 {
				t.Fatalf("%s, %s: %s", way, name, m)
			}
			have, want := denials(m.Extra), []string{}
			for _, l := range lacks {
				what, typ, _ := strings.Cut(l, " ")
				for _, d := range denials(ask(t, e, query(t, what+"service.example.", dns.StringToType[typ], dnssec), wide).Ns) {
					if !slices.Contains(want, d) && !slices.Contains(denials(m.Ns), d) {
						want = append(want, d)
					}
				}
			}
			slices.Sort(want)
			if !slices.Equal(have, want) || lacks != nil && len(have)+len(denials(m.Ns)) == 0 {
				t.Errorf("%s, %s: proofs\n%s\nwant\n%s", way, name, strings.Join(have, "\n"), strings.Join(want, "\n"))
			}
			for _, r := range have {
				if owner, _, _ := strings.Cut(r, "\t"); !slices.ContainsFunc(m.Extra, func(rr dns.RR) bool {
					sig, ok := rr.(*dns.RRSIG)
					return ok && strings.EqualFold(rr.Header().Name, owner) && (sig.TypeCovered == dns.TypeNSEC || sig.TypeCovered == dns.TypeNSEC3)
				}) {
					t.Errorf("%s, %s: no signature of %s", way, name, r)
				}
			}
			if d := denials(ask(t, e, query(t, name+"service.example.", dns.TypeHTTPS, withEDNS), wide).Extra); len(d) > 0 {
				t.Errorf("%s, %s without DO: proofs %s", way, name, d)
			}
		}
	}
}

// Knot proves the same of targets that exist, some of it more than once. Where a wildcard or an alias
// stands in their place it gives a part of a proof.
func TestServicesLackAsKnot(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"nsec", "nsec3"} {
		e := serviceEngine(t, way)
		p := peer{"Knot", testserver.Knot(t, testserver.KnotOptions{Zones: map[string]string{"service.example.": serviceText(t, way)}}).Addr}
		proofs := 0
		for name := range serviceLacks {
			if name == "star." || name == "via." {
				continue
			}
			q := query(t, name+"service.example.", dns.TypeHTTPS, dnssec)
			m, _ := p.ask(t, q)
			mine := ask(t, e, q, wide)
			have := slices.Concat(denials(mine.Extra), denials(mine.Ns))
			for _, d := range denials(m.Extra) {
				proofs++
				if !slices.Contains(have, d) {
					t.Errorf("%s, %s: no proof %s; have\n%s", way, name, d, strings.Join(have, "\n"))
				}
			}
		}
		if proofs < 4 {
			t.Errorf("%s: Knot has %d proofs; want more, to compare", way, proofs)
		}
	}
}

// A validating resolver takes answers with such proofs for secure.
func TestUnboundTakesServices(t *testing.T) {
	t.Parallel()
	binary, err := exec.LookPath("unbound")
	if err != nil {
		t.Skip("unbound is not installed")
	}
	for _, way := range []string{"nsec", "nsec3"} {
		resolver := unbound(t, binary, serveUDP(t, serviceEngine(t, way)).Port(), anchorsOf(t, "service-"+way), "")
		for name := range serviceLacks {
			for _, typ := range []uint16{dns.TypeHTTPS, dns.TypeAAAA} {
				m := new(dns.Msg)
				m.SetQuestion(name+"service.example.", typ)
				m.SetEdns0(1232, true)
				r, _, err := (&dns.Client{Timeout: patience.Limit}).Exchange(m, resolver)
				if err != nil || r.Rcode != dns.RcodeSuccess || !r.AuthenticatedData || typ == dns.TypeHTTPS && len(r.Answer) == 0 {
					t.Errorf("%s, %s %s: %v, %v; want a secure answer", way, name, dns.TypeToString[typ], r, err)
				}
			}
		}
	}
}

// What does not fit is left out, and is no reason to truncate.
func TestServicesLackRoom(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"nsec", "nsec3"} {
		e := serviceEngine(t, way)
		full := ask(t, e, query(t, "two.service.example.", dns.TypeHTTPS, dnssec), wide)
		last, sizes := 0, 0
		for size := 512; size <= 2500; size += 4 {
			q := query(t, "two.service.example.", dns.TypeHTTPS, func(m *dns.Msg) { m.SetEdns0(uint16(size), true) })
			c := client
			wide(&c)
			out := e.Answer(e.NewScratch(), q, c, nil)
			m := new(dns.Msg)
			if err := m.Unpack(out); err != nil || len(out) > size || m.Truncated || len(m.Answer) != len(full.Answer) {
				t.Fatalf("%s, %d octets: %d octets, %v, %s", way, size, len(out), err, m)
			}
			n := len(denials(m.Extra))
			if n < last {
				t.Errorf("%s, %d octets: %d proofs, %d in less", way, size, n, last)
			}
			if n > last {
				sizes++
			}
			last = n
		}
		if want := len(denials(full.Extra)); last != want || sizes != 3 {
			t.Errorf("%s: %d proofs in the end, want %d; %d steps, want one for each of three targets", way, last, want, sizes)
		}
	}
}

// SVCB records of targets are given in ServiceMode, too, once and not again for the owner.
func TestServicesOfTargets(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": `@ SOA ns hm 1 2 3 4 5
@ NS ns.elsewhere.example.
web HTTPS 1 pool alpn=h2
web HTTPS 2 pool alpn=h3 port=8443
web HTTPS 3 . alpn=h2
web HTTPS 4 host.sub alpn=h2
web A 192.0.2.1
pool HTTPS 1 . alpn=h3
pool AAAA 2001:db8::1
pool SVCB 1 . alpn=dot
sub NS ns.sub
ns.sub A 192.0.2.2
host.sub HTTPS 1 . alpn=h2
`})
	for _, opt := range []func(*dns.Msg){func(*dns.Msg) {}, withEDNS, dnssec} {
		m := ask(t, e, query(t, "web.example.org.", dns.TypeHTTPS, opt))
		const want = `ad pool.example.org. 3600 aaaa 2001:db8::1
ad pool.example.org. 3600 https 1 . alpn="h3"
ad web.example.org. 3600 a 192.0.2.1`
		if got := dnstest.Show(m); len(m.Answer) != 4 || !strings.HasSuffix(got, "\n"+want) || strings.Count(got, "\nad ") != 3 {
			t.Errorf("%s\nwant beside four records\n%s", got, want)
		}
	}
}

func serviceText(t testing.TB, way string) string {
	t.Helper()
	return signedText(t, "service-"+way)
}

func serviceEngine(t testing.TB, way string) *nameserver.Engine {
	t.Helper()
	return engine(t, map[string]string{"service.example.": serviceText(t, way)})
}

// denials are the NSEC and NSEC3 records of a section, in order.
func denials(section []dns.RR) []string {
	list := []string{}
	for _, r := range section {
		if t := r.Header().Rrtype; t == dns.TypeNSEC || t == dns.TypeNSEC3 {
			list = append(list, strings.ToLower(r.String()))
		}
	}
	slices.Sort(list)
	return list
}
