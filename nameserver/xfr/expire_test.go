package xfr_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// ask is a request for example.org with options, signed when there is a key.
func ask(t testing.TB, kind zone.Type, have uint32, key *wire.Key, options ...wire.Option) []byte {
	t.Helper()
	m, err := wire.Unpack(request(t, example, have, kind))
	if err != nil {
		t.Fatal(err)
	}
	m.EDNS = &wire.EDNS{Size: wire.UDPSize, Options: options}
	if key == nil {
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return signedBy(t, m, key)
}

// signedBy is a message as a client with a key sends it.
func signedBy(t testing.TB, m *wire.Message, key *wire.Key) []byte {
	t.Helper()
	var sent []byte
	p := newPipe(&xfr.Journal{})
	c := wire.Client{Key: key, Tries: 1, Timeout: patience.Limit, Dial: p.dial}
	p.raw = func(b []byte) { sent = slices.Clone(b) }
	_, _ = c.Exchange(t.Context(), "192.0.2.1:53", m)
	if sent == nil {
		t.Fatal("nothing was sent")
	}
	return sent
}

func optionOf(m *wire.Message, code uint16) (string, bool) {
	if m.EDNS != nil {
		for _, o := range m.EDNS.Options {
			if o.Code == code {
				return o.Data, true
			}
		}
	}
	return "", false
}

// Who asks for it is told how long the zone lasts: what its SOA says, or what is left where it was
// transferred in.
func TestExpireIsTold(t *testing.T) {
	t.Parallel()
	j := &xfr.Journal{}
	put(t, j, hourly(t, 1))
	put(t, j, hourly(t, 2))
	for _, c := range []struct {
		name   string
		query  []byte
		expire func(zone.Name) (time.Duration, bool)
		want   string
	}{
		{"of a primary", ask(t, wire.TypeAXFR, 0, nil, wire.Option{Code: 9}), nil, "\x00\x01\x51\x80"},
		{"of a secondary", ask(t, wire.TypeAXFR, 0, nil, wire.Option{Code: 9}), func(zone.Name) (time.Duration, bool) { return 258 * time.Second, true }, "\x00\x00\x01\x02"},
		{"with changes", ask(t, wire.TypeIXFR, 1, nil, wire.Option{Code: 9}), nil, "\x00\x01\x51\x80"},
		{"when nothing is new", ask(t, wire.TypeIXFR, 2, nil, wire.Option{Code: 9}), nil, "\x00\x01\x51\x80"},
		{"unasked", ask(t, wire.TypeAXFR, 0, nil), nil, ""},
	} {
		d := deskFor(j)
		d.Out.Expire = c.expire
		got, _ := optionOf(stream(t, d, c.query)[0], 9)
		if got != c.want {
			t.Errorf("%s: option %x, want %x", c.name, got, c.want)
		}
	}
}

// A zone that comes from another secondary lasts no longer than there, unless that is asked again.
func TestExpireIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &xfr.Journal{}
		put(t, j, hourly(t, 1))
		p := newPipe(j)
		left := 5 * time.Hour
		p.desk.Out.Expire = func(zone.Name) (time.Duration, bool) { return left, true }
		var events diary
		began := time.Now()
		in := &xfr.In{
			Publish:   func(*zone.Zone) error { events.add("published"); return nil },
			Confirmed: func(at time.Time) { events.add(fmt.Sprint("counts from ", at.Sub(began).Round(time.Hour))) },
			Expired:   func() { events.add("expired") },
		}
		follow(t, in, p)
		if got := in.Status().Expires.Sub(began); got != left {
			t.Errorf("it lasts %s, want %s", got, left)
		}
		p.set(true)
		later(4 * time.Hour)
		if in.Status().Expired {
			t.Errorf("expired after 4 hours: %+v", in.Status())
		}
		later(90 * time.Minute)
		want := []string{"published", "counts from -19h0m0s", "expired"}
		if got := events.all(); !slices.Equal(got, want) || !in.Status().Expired {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

// Over TLS messages have lengths that say little, for who asks for it.
func TestPadding(t *testing.T) {
	t.Parallel()
	j := &xfr.Journal{}
	put(t, j, dnstest.Zone(t, example, apex+"$GENERATE 1-300 h$ A 192.0.2.1\n"))
	key := &wire.Key{Name: zone.MustName("k."), Secret: []byte("secret")}
	for _, c := range []struct {
		name    string
		tls     bool
		padding bool
		key     *wire.Key
		padded  bool
	}{
		{"over TLS", true, true, nil, true},
		{"over TLS, signed", true, true, key, true},
		{"over TLS, unasked", true, false, nil, false},
		{"over TCP", false, true, nil, false},
	} {
		d := deskFor(j)
		d.Keys = wire.NewKeyring(key)
		d.Out.MessageSize = 2000
		peer := home
		if c.tls {
			peer.TLS = &tls.ConnectionState{}
		}
		options := []wire.Option{{Code: 9}}
		if c.padding {
			options = append(options, wire.Option{Code: 12})
		}
		n, records := 0, 0
		err := d.Stream(t.Context(), ask(t, wire.TypeAXFR, 0, c.key, options...), peer, func(b []byte) error {
			m, err := wire.Unpack(b)
			if err != nil {
				return err
			}
			_, has := optionOf(m, 12)
			if has != c.padded || c.padded && len(b)%468 != 0 {
				t.Errorf("%s: message of %d octets, padding %v", c.name, len(b), has)
			}
			n++
			records += len(m.Answers)
			return nil
		})
		if err != nil || n < 3 || records != 305 {
			t.Errorf("%s: %d messages, %d records, %v", c.name, n, records, err)
		}
	}
}

// Requests that we send over TLS are all of one length, signed or not.
func TestRequestsArePadded(t *testing.T) {
	t.Parallel()
	server, pool := certificate(t, "primary.example")
	_, ours := dnstest.Key(t)
	for _, key := range []*wire.Key{nil, ours} {
		j := &xfr.Journal{}
		put(t, j, dnstest.Zone(t, example, apex))
		p := startPrimary(t, j, key, &tls.Config{Certificates: []tls.Certificate{server}, NextProtos: []string{"dot"}})
		r := newReplica(t)
		r.Have = dnstest.Zone(t, example, strings.Replace(apex, " 1 7200", " 0 7200", 1))
		r.run(t, xfr.Primary{Addr: p.tlsAddr, Key: key, TLS: &tls.Config{RootCAs: pool, ServerName: "primary.example"}})
		patience.Until(t, "the zone has come", func() (any, bool) { return r.Status(), r.zone() != nil })
		if got := p.lengths(); len(got) < 2 || slices.ContainsFunc(got, func(n int) bool { return n%128 != 0 }) {
			t.Errorf("lengths %d, want multiples of 128", got)
		}
	}
}

// A peer that knows nothing of EDNS is asked without.
func TestWithoutEDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &xfr.Journal{}
		put(t, j, hourly(t, 1))
		p := newPipe(j)
		p.hook = func(q *wire.Message) ([]*wire.Message, bool) {
			return []*wire.Message{{RCODE: wire.FormErr}}, q.EDNS != nil
		}
		in := &xfr.In{Publish: func(*zone.Zone) error { return nil }}
		follow(t, in, p)
		put(t, j, hourly(t, 2))
		later(time.Hour)
		if s := in.Status(); s.Serial != 2 || s.Err != nil || s.Whole != 1 || s.Changes != 1 {
			t.Errorf("%+v; want serial 2 by its changes", s)
		}
	})
}

// hmac-sha1 lets read and no more; hmac-md5 is no key.
func TestOldAlgorithms(t *testing.T) {
	t.Parallel()
	old := &wire.Key{Name: zone.MustName("old."), Algorithm: wire.HMACSHA1, Secret: []byte("secret")}
	j := &xfr.Journal{}
	put(t, j, hourly(t, 1))
	d := deskFor(j)
	d.Keyring = func() wire.Keyring { return wire.NewKeyring(old) }
	took := 0
	d.Notified = func(xfr.Notice) wire.RCODE { took++; return wire.NoError }
	d.Update = func(context.Context, *wire.Message, xfr.Sender) wire.RCODE { took++; return wire.NoError }
	d.Query = func(q []byte, _ xfr.Peer, _ int) []byte {
		return dnstest.SOA(q, func(zone.Name) *zone.Zone { return j.Zone() })
	}
	soa := &wire.Message{Questions: []wire.Question{{Name: example, Type: zone.TypeSOA, Class: wire.ClassIN}}, EDNS: &wire.EDNS{Size: wire.UDPSize}}
	notify, update := *soa, *soa
	notify.Opcode, update.Opcode = wire.OpNotify, wire.OpUpdate
	for _, c := range []struct {
		name  string
		query []byte
		want  wire.RCODE
	}{
		{"query", signedBy(t, soa, old), wire.NoError},
		{"AXFR", ask(t, wire.TypeAXFR, 0, old), wire.NoError},
		{"NOTIFY", signedBy(t, &notify, old), wire.Refused},
		{"update", signedBy(t, &update, old), wire.Refused},
	} {
		m := stream(t, d, c.query)[0]
		why, _ := optionOf(m, 15)
		if m.RCODE != c.want || m.TSIG == nil || strings.Contains(why, "hmac-sha1") != (c.want == wire.Refused) {
			t.Errorf("%s: %s, signed %v, %q; want %s", c.name, m.RCODE, m.TSIG != nil, why, c.want)
		}
	}
	if took != 0 {
		t.Errorf("%d NOTIFY and updates were taken", took)
	}
	if fs := xfr.KeyFindings(d.Keyring()); len(fs) != 1 || !strings.Contains(fs[0].Text, "never for updates or NOTIFY") {
		t.Errorf("findings %v", fs)
	}
	if _, err := wire.NewKey("k", "hmac-md5", "c2VjcmV0"); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("hmac-md5: %v", err)
	}
}

// Nobody is sent more than was sent in its name, whatever is asked for over UDP.
func TestNoAmplification(t *testing.T) {
	t.Parallel()
	j := &xfr.Journal{}
	for i := range 3 {
		put(t, j, hourly(t, i+1))
	}
	key := &wire.Key{Name: zone.MustName("k."), Secret: []byte("secret")}
	d := deskFor(j)
	d.Keys = wire.NewKeyring(key)
	for name, q := range map[string][]byte{
		"AXFR": ask(t, wire.TypeAXFR, 0, nil), "IXFR": ask(t, wire.TypeIXFR, 1, nil), "IXFR of nothing": ask(t, wire.TypeIXFR, 3, nil),
		"AXFR, signed by another": ask(t, wire.TypeAXFR, 0, &wire.Key{Name: zone.MustName("x."), Secret: []byte("x")}),
		"IXFR, signed wrong":      ask(t, wire.TypeIXFR, 1, &wire.Key{Name: zone.MustName("k."), Secret: []byte("x")}),
	} {
		if b := d.Datagram(t.Context(), q, home); len(b) > len(q)+60 {
			t.Errorf("%s: %d octets were answered with %d", name, len(q), len(b))
		}
	}
	// Who has signed is who it says.
	m, err := wire.Unpack(d.Datagram(t.Context(), ask(t, wire.TypeIXFR, 1, key), home))
	if err != nil || len(m.Answers) != 10 {
		t.Errorf("signed IXFR: %v, %v; want the changes", m, err)
	}
	// Without EDNS, no more than RFC 1035 allows.
	if b := d.Datagram(t.Context(), request(t, example, 1, wire.TypeIXFR), home); len(b) > 120 {
		t.Errorf("IXFR without EDNS: %d octets", len(b))
	}
}

// Transfers above the bound wait for their turn.
func TestTransfersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &xfr.Journal{}
		put(t, j, hourly(t, 1))
		d := deskFor(j)
		d.Out.Transfers = 1
		first := make(chan struct{})
		go func() {
			_ = d.Stream(t.Context(), request(t, example, 0, wire.TypeAXFR), home, func([]byte) error { <-first; return nil })
		}()
		synctest.Wait()
		answer := make(chan wire.RCODE, 2)
		for range 2 {
			go func() {
				_ = d.Stream(t.Context(), request(t, example, 0, wire.TypeAXFR), home, func(b []byte) error {
					answer <- wire.RCODE(b[3] & 15)
					return nil
				})
			}()
			later(6 * time.Second)
		}
		// 12 s for one, 6 s for the other
		if len(answer) != 1 || <-answer != wire.Refused {
			t.Error("the first that waits was not refused after 10 s")
		}
		close(first)
		synctest.Wait()
		if len(answer) != 1 || <-answer != wire.NoError {
			t.Error("the second that waits was not served")
		}
		if c := d.Out.Counts(); c.Whole != 2 || c.Refused != 1 {
			t.Errorf("counts %+v", c)
		}
	})
}

// Transfers in share their memory: what would need more fails and says so, and gives it back.
func TestMemoryOfTransfers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &xfr.Journal{}
		put(t, j, dnstest.Zone(t, example, apex+"$GENERATE 1-100 h$ A 192.0.2.1\n"))
		shared := &xfr.Shared{Octets: 2000}
		in := &xfr.In{Publish: func(*zone.Zone) error { return nil }, Shared: shared}
		follow(t, in, newPipe(j))
		if s := in.Status(); s.Loaded || s.Err == nil || !strings.Contains(s.Err.Error(), "2000 octets of memory") {
			t.Errorf("%+v; want an error", s)
		}
		if n, octets := shared.UnderWay(); n != 0 || octets != 0 {
			t.Errorf("%d transfers, %d octets are left", n, octets)
		}
	})
}
