package nameserver_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/zone"
)

func TestZonesComeAndGo(t *testing.T) {
	t.Parallel()
	e := &nameserver.Engine{}
	at := func(i int) string { return fmt.Sprintf("z%d.example.", i) }
	const n = 300
	for i := range n {
		e.Zones.Put(compiled(t, at(i), "@ SOA ns hm 1 2 3 4 5\n@ NS ns\n"))
	}
	for i := range n {
		if i%3 == 0 && !e.Zones.Remove(zone.MustName(at(i))) {
			t.Errorf("%s was not there", at(i))
		}
	}
	if e.Zones.Remove(zone.MustName(at(0))) || e.Zones.Remove(zone.MustName("example.")) {
		t.Error("zones that are not there were removed")
	}
	if got := e.Zones.Count(); got != n*2/3 {
		t.Errorf("%d zones, want %d", got, n*2/3)
	}
	for i := range n {
		want := dns.RcodeSuccess
		if i%3 == 0 {
			want = dns.RcodeRefused
		}
		if m := ask(t, e, query(t, at(i), dns.TypeSOA)); m.Rcode != want {
			t.Errorf("%s: %s, want %s", at(i), dns.RcodeToString[m.Rcode], dns.RcodeToString[want])
		}
		if (e.Zones.Find(zone.MustName(at(i))) != nil) != (want == dns.RcodeSuccess) {
			t.Errorf("%s is found wrongly", at(i))
		}
	}
	for i := range n {
		e.Zones.Put(compiled(t, at(i), "@ SOA ns hm 2 2 3 4 5\n@ NS ns\n"))
	}
	if got := e.Zones.Count(); got != n {
		t.Errorf("%d zones after putting all again, want %d", got, n)
	}
	e.Zones.Put(compiled(t, ".", "@ SOA ns hm 1 2 3 4 5\n@ NS ns\nexample NS ns\n"))
	if m := ask(t, e, query(t, "x.z1.example.", dns.TypeA)); m.Rcode != dns.RcodeNameError || !m.Authoritative {
		t.Errorf("below a zone that is below the root: %s", m)
	}
	if m := ask(t, e, query(t, "y.example.", dns.TypeA)); m.Rcode != 0 || m.Authoritative || len(m.Ns) != 1 {
		t.Errorf("below a delegation of the root: %s; want a referral", m)
	}
	if m := ask(t, e, query(t, "org.", dns.TypeA)); m.Rcode != dns.RcodeNameError {
		t.Errorf("below the root: %s; want NXDOMAIN", m)
	}
}

// TestSwapWhileAnswering wants every answer to be from one version of the zone or the other.
func TestSwapWhileAnswering(t *testing.T) {
	t.Parallel()
	version := func(i int) *nameserver.Compiled {
		return compiled(t, "example.org.", fmt.Sprintf("@ SOA ns hm %d 2 3 4 5\n@ NS ns\nwww A 192.0.2.%d\nwww A 198.51.100.%d\n", i, i, i))
	}
	versions := []*nameserver.Compiled{version(1), version(2), version(3)}
	e := &nameserver.Engine{}
	e.Zones.Put(versions[0])
	q := query(t, "www.example.org.", dns.TypeA)
	var busy sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		s := e.NewScratch()
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				m := new(dns.Msg)
				if err := m.Unpack(e.Answer(s, q, client, nil)); err != nil || len(m.Answer) != 2 {
					t.Errorf("%v: %v", m, err)
					return
				}
				a, b := m.Answer[0].(*dns.A).A.To4(), m.Answer[1].(*dns.A).A.To4()
				if a[3] != b[3] {
					t.Errorf("records of two versions: %v and %v", a, b)
					return
				}
			}
		})
	}
	for i := range 3000 {
		e.Zones.Put(versions[i%len(versions)])
		if i%7 == 0 {
			e.Zones.Put(compiled(t, fmt.Sprintf("z%d.example.", i), "@ SOA ns hm 1 2 3 4 5\n@ NS ns\n"))
		}
	}
	close(stop)
	busy.Wait()
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"www A 192.0.2.1\n"} {
		if c, err := nameserver.Compile(parsed(t, "example.org.", text), nameserver.CompileOptions{}); err == nil || !strings.Contains(err.Error(), "example.org.: there is no single SOA") {
			t.Errorf("%q: %v, error %v; want one about the SOA", text, c, err)
		}
	}
	// Data that no parser lets through must not be answered from.
	for typ, data := range map[zone.Type]zone.Data{zone.TypeNS: "\x03abc", zone.TypeMX: "\x00", zone.TypeSRV: "\x00\x00\x00\x00\x00\x00", zone.TypeDNAME: "\xc0\x0c", zone.TypeCNAME: ""} {
		z := parsed(t, "example.org.", "@ SOA ns hm 1 2 3 4 5\n@ NS ns\n")
		bad := zone.RRset{Owner: zone.MustName("bad.example.org."), Type: typ, Data: []zone.Data{data}}
		z, err := z.With([]zone.Change{{After: &bad}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nameserver.Compile(z, nameserver.CompileOptions{}); err == nil || !strings.Contains(err.Error(), "bad.example.org. "+typ.String()+" is malformed") {
			t.Errorf("%s %q: error %v; want one about it", typ, data, err)
		}
	}
	c := compiled(t, "example.org.", dnstest.Example)
	if c.Origin() != zone.MustName("example.org.") || c.Names() != 30 || c.Sets() != 30 || c.Signed() || c.Size() == 0 {
		t.Errorf("%s: %d names, %d sets, signed %t, %d octets", c.Origin(), c.Names(), c.Sets(), c.Signed(), c.Size())
	}
}

// TestHugeRRset is one that no message can hold.
func TestHugeRRset(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("@ SOA ns hm 1 2 3 4 5\n@ NS ns\nalias CNAME many\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "many A 10.0.%d.%d\n", i>>8, i&255)
	}
	e := engine(t, map[string]string{"example.org.": b.String()})
	if m := ask(t, e, query(t, "many.example.org.", dns.TypeA), stream); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("%d records, %s; want SERVFAIL", len(m.Answer), dns.RcodeToString[m.Rcode])
	}
	if m := ask(t, e, query(t, "alias.example.org.", dns.TypeA), stream); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("by an alias: %s; want SERVFAIL", dns.RcodeToString[m.Rcode])
	}
}

func BenchmarkPut(b *testing.B) {
	for _, n := range []int{1, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e := &nameserver.Engine{}
			small := func(i int) *nameserver.Compiled {
				origin := zone.MustName(fmt.Sprintf("z%d.example.", i))
				flat := string(origin.AppendWire(nil))
				z, err := zone.Of(origin, zone.RRset{Owner: origin, Type: zone.TypeSOA, TTL: 60, Data: []zone.Data{zone.Data(flat + flat + strings.Repeat("\x00\x00\x00\x01", 5))}})
				if err != nil {
					b.Fatal(err)
				}
				c, err := nameserver.Compile(z, nameserver.CompileOptions{})
				if err != nil {
					b.Fatal(err)
				}
				return c
			}
			for i := range n {
				e.Zones.Put(small(i))
			}
			c := small(0)
			for b.Loop() {
				e.Zones.Put(c)
			}
		})
	}
}
