package names_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zonecast/zonecast/sandbox/names"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

const text = `
@ 3600 SOA ns1 hostmaster 1 7200 900 1209600 300
@ 3600 NS ns1
@ 3600 NS ns2.example.net.
ns1 300 A 192.0.2.1
www 300 A 192.0.2.10
www 300 AAAA 2001:db8::10
a.b.deep 300 A 192.0.2.11
alias 60 CNAME www
chain 60 CNAME alias
gone 60 CNAME nothing
away 60 CNAME www.elsewhere.example.
loop 60 CNAME pool
pool 60 CNAME loop
*.wild 300 TXT "star"
x.wild 300 A 192.0.2.12
*.aliased 60 CNAME www
sub 300 NS ns.sub
sub 300 DS 12345 13 2 1F8188345DBD5A0D1C2B9B6B5EA6A1A1F8188345DBD5A0D1C2B9B6B5EA6A1A12
ns.sub 300 A 192.0.2.53
old 300 DNAME new.example.org.
host.new 300 A 192.0.2.13
`

func build(t testing.TB, origin, text string) *zone.Zone {
	t.Helper()
	at := zone.MustName(origin)
	byKey := map[zone.Key]*zone.RRset{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		owner, err := zone.ParseNameIn(f[0], at)
		if err != nil {
			t.Fatal(err)
		}
		typ, err := zone.ParseType(f[2])
		if err != nil {
			t.Fatal(err)
		}
		var ttl uint32
		if _, err := fmt.Sscan(f[1], &ttl); err != nil {
			t.Fatal(err)
		}
		data, err := rdata.Parse(typ, strings.Join(f[3:], " "), at)
		if err != nil {
			t.Fatal(err)
		}
		k := zone.Key{Owner: owner, Type: typ}
		if byKey[k] == nil {
			byKey[k] = &zone.RRset{Owner: owner, Type: typ, TTL: ttl}
		}
		byKey[k].Data = append(byKey[k].Data, data)
	}
	var sets []zone.RRset
	for _, s := range byKey {
		sets = append(sets, *s)
	}
	z, err := zone.Of(at, sets...)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func show(m *wire.Message) string {
	var b strings.Builder
	b.WriteString(m.RCODE.String())
	if m.Authoritative {
		b.WriteString(" aa")
	}
	for _, section := range []struct {
		name string
		list []wire.Record
	}{{"an", m.Answers}, {"au", m.Authority}, {"ad", m.Additional}} {
		var list []string
		for _, r := range section.list {
			data := rdata.Text(r.Type, r.Data)
			if r.Type == zone.TypeSOA {
				data = "…"
			}
			list = append(list, fmt.Sprintf("%s %d %s %s", r.Owner, r.TTL, r.Type, data))
		}
		slices.Sort(list)
		for _, l := range list {
			fmt.Fprintf(&b, "\n%s %s", section.name, l)
		}
	}
	return b.String()
}

func listen(t testing.TB, zones names.Zones) *names.Server {
	t.Helper()
	s, err := names.Listen("127.0.0.1:0", zones)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	n := service.NewNames(&service.Panel{})
	n.Publish("1", build(t, "example.org.", text))
	n.Publish("2", build(t, "child.www.example.org.", "@ 60 SOA ns1 hostmaster 1 7200 900 1209600 30\n@ 60 A 192.0.2.77\n"))
	s := listen(t, n)
	client := &wire.Client{Timeout: 5 * time.Second}
	const soa = "\nau example.org. 300 SOA …"
	for _, c := range []struct{ name, typ, want string }{
		{"www.example.org.", "A", "NOERROR aa\nan www.example.org. 300 A 192.0.2.10"},
		{"WWW.example.org.", "AAAA", "NOERROR aa\nan www.example.org. 300 AAAA 2001:db8::10"},
		{"www.example.org.", "MX", "NOERROR aa" + soa},
		{"b.deep.example.org.", "A", "NOERROR aa" + soa},
		{"nothing.example.org.", "A", "NXDOMAIN aa" + soa},
		{"chain.example.org.", "A", "NOERROR aa\nan alias.example.org. 60 CNAME www.example.org.\nan chain.example.org. 60 CNAME alias.example.org.\nan www.example.org. 300 A 192.0.2.10"},
		{"alias.example.org.", "CNAME", "NOERROR aa\nan alias.example.org. 60 CNAME www.example.org."},
		{"gone.example.org.", "A", "NXDOMAIN aa\nan gone.example.org. 60 CNAME nothing.example.org." + soa},
		{"away.example.org.", "A", "NOERROR aa\nan away.example.org. 60 CNAME www.elsewhere.example."},
		{"q.wild.example.org.", "TXT", "NOERROR aa\nan q.wild.example.org. 300 TXT \"star\""},
		{"q.r.wild.example.org.", "TXT", "NOERROR aa\nan q.r.wild.example.org. 300 TXT \"star\""},
		{"q.wild.example.org.", "A", "NOERROR aa" + soa},
		{"x.wild.example.org.", "TXT", "NOERROR aa" + soa},
		{"q.x.wild.example.org.", "TXT", "NXDOMAIN aa" + soa},
		{"wild.example.org.", "TXT", "NOERROR aa" + soa},
		{"q.aliased.example.org.", "A", "NOERROR aa\nan q.aliased.example.org. 60 CNAME www.example.org.\nan www.example.org. 300 A 192.0.2.10"},
		{"sub.example.org.", "A", "NOERROR\nau sub.example.org. 300 NS ns.sub.example.org.\nad ns.sub.example.org. 300 A 192.0.2.53"},
		{"x.y.sub.example.org.", "A", "NOERROR\nau sub.example.org. 300 NS ns.sub.example.org.\nad ns.sub.example.org. 300 A 192.0.2.53"},
		{"sub.example.org.", "DS", "NOERROR aa\nan sub.example.org. 300 DS 12345 13 2 1f8188345dbd5a0d1c2b9b6b5ea6a1a1f8188345dbd5a0d1c2b9b6b5ea6a1a12"},
		{"host.old.example.org.", "A", "NOERROR aa\nan host.new.example.org. 300 A 192.0.2.13\nan host.old.example.org. 300 CNAME host.new.example.org.\nan old.example.org. 300 DNAME new.example.org."},
		{"child.www.example.org.", "A", "NOERROR aa\nan child.www.example.org. 60 A 192.0.2.77"},
		{"child.www.example.org.", "DS", "NXDOMAIN aa" + soa},
		{"example.org.", "NS", "NOERROR aa\nan example.org. 3600 NS ns1.example.org.\nan example.org. 3600 NS ns2.example.net.\nad ns1.example.org. 300 A 192.0.2.1"},
		{"www.elsewhere.example.", "A", "REFUSED"},
		{"example.org.", "AXFR", "REFUSED"},
		{"loop.example.org.", "A", "NOERROR aa\nan loop.example.org. 60 CNAME pool.example.org.\nan pool.example.org. 60 CNAME loop.example.org."},
	} {
		typ, err := zone.ParseType(c.typ)
		if c.typ == "AXFR" {
			typ, err = wire.TypeAXFR, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		m, err := client.Exchange(t.Context(), s.Addr(), wire.Query(zone.MustName(c.name), typ))
		if err != nil {
			t.Fatalf("%s %s: %v", c.name, c.typ, err)
		}
		if got := show(m); got != c.want {
			t.Errorf("%s %s:\n%s\nwant\n%s", c.name, c.typ, got, c.want)
		}
	}
}

func TestOverTheNetwork(t *testing.T) {
	t.Parallel()
	var panel service.Panel
	n := service.NewNames(&panel)
	long := "@ 3600 SOA ns1 hostmaster 1 7200 900 1209600 300\n"
	for i := range 200 {
		long += fmt.Sprintf("many 300 A 10.0.0.%d\n", i)
	}
	n.Publish("1", build(t, "example.org.", long))
	s := listen(t, n)
	client := &wire.Client{Timeout: 5 * time.Second}
	question := wire.Query(zone.MustName("many.example.org."), zone.TypeA)
	m, err := client.Exchange(t.Context(), s.Addr(), question)
	if err != nil || len(m.Answers) != 200 {
		t.Fatalf("200 records, by TCP after truncation: %v, error %v", m, err)
	}
	// What is no question gets FORMERR or nothing, and harms nobody.
	c, err := net.Dial("udp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	for _, junk := range []string{"x", strings.Repeat("\xff", 40), "\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0"} {
		if _, err := c.Write([]byte(junk)); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 512)
	if k, err := c.Read(buf); err != nil || buf[0] != 0 || buf[1] != 7 || buf[3]&15 != byte(wire.FormErr) {
		t.Errorf("answer to half a question: % x, error %v", buf[:k], err)
	}
	panel.Turn(func(k *service.Knobs) { k.Dark = true })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if m, err := client.Exchange(ctx, s.Addr(), question); err == nil {
		t.Errorf("a dark server answers %v", m)
	}
}

// What has the address already is told, whatever it is spoken over.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	n := service.NewNames(&service.Panel{})
	s := listen(t, n)
	if _, err := names.Listen(s.Addr(), n); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second server at %s: %v, want an address in use", s.Addr(), err)
	}
	if _, err := names.Listen("nowhere", n); err == nil {
		t.Error("a server at nowhere")
	}
}
