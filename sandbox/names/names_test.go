package names_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/sandbox/names"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

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
	for origin, text := range dnstest.Examples {
		n.Publish(origin, dnstest.Zone(t, zone.MustName(origin), text))
	}
	s := listen(t, n)
	client := &wire.Client{Timeout: 20 * time.Second, Tries: 6}
	for _, c := range dnstest.Answers {
		m, err := client.Exchange(t.Context(), s.Addr(), wire.Query(zone.MustName(c.Name), zone.Type(c.Qtype())))
		if err != nil {
			t.Fatalf("%s %s: %v", c.Name, c.Type, err)
		}
		if got := show(t, m); got != c.Want {
			t.Errorf("%s %s:\n%s\nwant\n%s", c.Name, c.Type, got, c.Want)
		}
	}
}

// show prints an answer by another implementation.
func show(t testing.TB, m *wire.Message) string {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var theirs dns.Msg
	if err := theirs.Unpack(b); err != nil {
		t.Fatal(err)
	}
	return dnstest.Show(&theirs)
}

func TestOverTheNetwork(t *testing.T) {
	t.Parallel()
	var panel service.Panel
	n := service.NewNames(&panel)
	long := "@ 3600 SOA ns1 hostmaster 1 7200 900 1209600 300\n"
	for i := range 200 {
		long += fmt.Sprintf("many 300 A 10.0.0.%d\n", i)
	}
	n.Publish("1", dnstest.Zone(t, zone.MustName("example.org."), long))
	s := listen(t, n)
	client := &wire.Client{Timeout: 20 * time.Second, Tries: 6}
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
	_ = c.SetDeadline(time.Now().Add(patience.Limit))
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
