package wire

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/zone"
)

var epoch = time.Unix(1_750_000_000, 0)

func testKey(t testing.TB, a Algorithm) *Key {
	t.Helper()
	k, err := NewKey("Key.Example.", string(a), base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef")))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// respond makes the other implementation sign answers as a server does.
func respond(t *testing.T, key *Key, id uint16, requestMAC string, timers bool, change func(*dns.Msg)) (raw []byte, mac string) {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion("example.org.", dns.TypeSOA)
	m.Id, m.Response = id, true
	m.SetTsig(key.Name.String(), string(key.algorithm())+".", 300, time.Now().Unix())
	if change != nil {
		change(m)
	}
	raw, mac, err := dns.TsigGenerate(m, base64.StdEncoding.EncodeToString(key.Secret), requestMAC, timers)
	if err != nil {
		t.Fatal(err)
	}
	return raw, mac
}

func TestSignaturesFitTheOtherImplementation(t *testing.T) {
	t.Parallel()
	for _, name := range Algorithms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := testKey(t, Algorithm(name))
			s := &signer{key: key}
			q := Query(zone.MustName("example.org."), zone.TypeSOA)
			q.ID = 7
			raw, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			plain := len(raw)
			if raw, err = s.sign(raw, time.Now()); err != nil {
				t.Fatal(err)
			}
			if got := len(raw) - plain; got != key.signedSize() {
				t.Errorf("the signature has %d octets; announced were %d", got, key.signedSize())
			}
			secret := base64.StdEncoding.EncodeToString(key.Secret)
			if err := dns.TsigVerify(raw, secret, "", false); err != nil {
				t.Fatalf("request: %v", err)
			}
			// Three messages, the second unsigned, as in a transfer.
			mac := fmt.Sprintf("%x", s.mac)
			first, mac := respond(t, key, 7, mac, false, nil)
			m, err := Unpack(first)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.check(first, m, time.Now()); err != nil {
				t.Fatalf("first answer: %v", err)
			}
			second, _ := respond(t, key, 7, mac, true, nil)
			if m, err = Unpack(second); err != nil {
				t.Fatal(err)
			}
			if err := s.check(second, m, time.Now()); err != nil {
				t.Fatalf("second answer: %v", err)
			}
			if !s.covered() {
				t.Error("all was signed, but does not count as covered")
			}
		})
	}
}

func TestSignaturesThatAreNotAccepted(t *testing.T) {
	t.Parallel()
	key, other := testKey(t, HMACSHA256), testKey(t, HMACSHA256)
	other.Secret = []byte("another secret")
	foreign := testKey(t, HMACSHA256)
	foreign.Name = zone.MustName("other.example.")
	for _, c := range []struct {
		name string
		raw  func(t *testing.T, mac string) []byte
		want string
	}{
		{"none", func(t *testing.T, _ string) []byte {
			m := new(dns.Msg)
			m.SetQuestion("example.org.", dns.TypeSOA)
			b, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			return b
		}, "is not signed"},
		{"another secret", func(t *testing.T, mac string) []byte {
			b, _ := respond(t, other, 7, mac, false, nil)
			return b
		}, "BADSIG"},
		{"another key", func(t *testing.T, mac string) []byte {
			b, _ := respond(t, foreign, 7, mac, false, nil)
			return b
		}, "BADKEY"},
		{"another algorithm", func(t *testing.T, mac string) []byte {
			b, _ := respond(t, testKey(t, HMACSHA512), 7, mac, false, nil)
			return b
		}, "BADKEY"},
		{"of another request", func(t *testing.T, _ string) []byte {
			b, _ := respond(t, key, 7, strings.Repeat("00", 32), false, nil)
			return b
		}, "BADSIG"},
		{"changed on the way", func(t *testing.T, mac string) []byte {
			b, _ := respond(t, key, 7, mac, false, nil)
			b[3] ^= 5
			return b
		}, "BADSIG"},
		{"an hour old", func(t *testing.T, mac string) []byte {
			b, _ := respond(t, key, 7, mac, false, func(m *dns.Msg) { m.IsTsig().TimeSigned -= 3600 })
			return b
		}, "BADTIME"},
		{"shortened", func(t *testing.T, mac string) []byte {
			b, _ := respond(t, key, 7, mac, false, nil)
			m := new(dns.Msg)
			if err := m.Unpack(b); err != nil {
				t.Fatal(err)
			}
			m.IsTsig().MAC, m.IsTsig().MACSize = m.IsTsig().MAC[:32], 16
			if b, err := m.Pack(); err == nil {
				return b
			}
			return nil
		}, "BADSIG"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := Query(zone.MustName("example.org."), zone.TypeSOA)
			q.ID = 7
			raw, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			s := &signer{key: key}
			if _, err := s.sign(raw, time.Now()); err != nil {
				t.Fatal(err)
			}
			raw = c.raw(t, fmt.Sprintf("%x", s.mac))
			m, err := Unpack(raw)
			if err != nil {
				t.Fatal(err)
			}
			err = s.check(raw, m, time.Now())
			if _, ok := errors.AsType[*SignatureError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want a SignatureError that says %q", err, c.want)
			}
			if s.covered() {
				t.Error("counts as covered")
			}
		})
	}
}

func TestUnsignedMessagesOfATransferAreBounded(t *testing.T) {
	t.Parallel()
	s := &signer{key: testKey(t, ""), later: true}
	raw, err := full(t).Pack()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Unpack(raw)
	if err != nil {
		t.Fatal(err)
	}
	for range maxUnsigned {
		if err := s.check(raw, m, epoch); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.check(raw, m, epoch); err == nil {
		t.Errorf("%d messages without a signature were accepted", maxUnsigned+1)
	}
}

func TestKeyNeverShowsItsSecret(t *testing.T) {
	t.Parallel()
	k := testKey(t, HMACSHA256)
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "key", k, "value", *k, "group", slog.GroupValue(slog.Any("k", k)))
	for _, v := range []any{k, *k, []*Key{k}, map[string]Key{"a": *k}, Client{Key: k}} {
		fmt.Fprintf(&b, "%v %+v %#v %s %q %x %d\n", v, v, v, v, v, v, v)
	}
	j, err := json.Marshal(map[string]any{"k": k, "v": *k})
	if err != nil {
		t.Fatal(err)
	}
	b.Write(j)
	text := b.String()
	for _, secret := range []string{string(k.Secret), base64.StdEncoding.EncodeToString(k.Secret), fmt.Sprintf("%x", k.Secret), "48 49 50"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q shows in\n%s", secret, text)
		}
	}
}

func TestKeyFromConfiguration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, algorithm, secret, want string }{
		{"k.example", "hmac-sha256", "c2VjcmV0", ""},
		{"k.example.", "HMAC-SHA512.", "c2Vj cmV0\n", ""},
		{"k", "sha384", "c2VjcmV0MQ", ""},
		{"k", "", "c2VjcmV0MQ==", ""},
		{"", "", "c2VjcmV0", "no name"},
		{"k..x", "", "c2VjcmV0", "empty label"},
		{"k", "hmac-sha2", "c2VjcmV0", "did you mean"},
		{"k", "gss-tsig", "c2VjcmV0", "write one of hmac-sha1, hmac-sha224"},
		{"k", "hmac-md5", "c2VjcmV0", "broken"},
		{"k", "", "", "is empty"},
		{"k", "", "?my password?", "is not base64"},
	} {
		_, err := NewKey(c.name, c.algorithm, c.secret)
		switch {
		case err == nil && c.want != "":
			t.Errorf("%v: no error; want %q", c, c.want)
		case err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "password")):
			t.Errorf("%v: error %v; want %q", c, err, c.want)
		}
	}
}
