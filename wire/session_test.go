package wire

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// What a server finds wrong with a signature, and what the client makes of its answer.
func TestSessionCheck(t *testing.T) {
	t.Parallel()
	key := &Key{Name: zone.MustName("k.example."), Algorithm: HMACSHA384, Secret: []byte("secret")}
	other := *key
	other.Secret = []byte("terces")
	unknown := *key
	unknown.Name = zone.MustName("x.example.")
	weaker := *key
	weaker.Algorithm = HMACSHA1
	now := time.Now()
	cut := func(n int) func([]byte) []byte {
		return func(b []byte) []byte { // the MAC of 48 octets lies before the last six
			at := len(b) - 6 - 48
			out := slices.Concat(b[:at+n], b[len(b)-6:])
			out[at-1] = byte(n)
			l := len(b) - 6 - 48 - 2 - 8 - key.algorithmLen() - 2
			out[l], out[l+1] = 0, out[l+1]-byte(48-n)
			return out
		}
	}
	for _, c := range []struct {
		name   string
		with   *Key
		at     time.Time
		change func([]byte) []byte
		code   TSIGError
		rcode  RCODE
		signed bool // the refusal is
	}{
		{"right", key, now, nil, 0, 0, true},
		{"a clock that is a little off", key, now.Add(-4 * time.Minute), nil, 0, 0, true},
		{"another secret", &other, now, nil, BadSig, NotAuth, false},
		{"another name", &unknown, now, nil, BadKey, NotAuth, false},
		{"another algorithm", &weaker, now, nil, BadKey, NotAuth, false},
		{"another hour", key, now.Add(-time.Hour), nil, BadTime, NotAuth, true},
		{"changed on the way", key, now, func(b []byte) []byte { b[3] ^= 0x20; return b }, BadSig, NotAuth, false},
		{"half a MAC", key, now, cut(24), BadTrunc, NotAuth, true},
		{"less than half", key, now, cut(23), BadSig, FormErr, false},
	} {
		q := Query(example, TypeAXFR)
		q.ID = 77
		raw, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		client, before := &signer{key: c.with}, raw
		if raw, err = client.sign(raw, c.at); err != nil {
			t.Fatal(err)
		}
		if m, err := Unpack(raw); err != nil || !bytes.Equal(m.Unsigned(raw), before) {
			t.Errorf("%s: without its signature it is not what it was: %v", c.name, err)
		}
		if c.change != nil {
			raw = c.change(raw)
		}
		m, err := Unpack(raw)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		s, err := NewKeyring(key).Check(raw, m, now)
		e, ok := errors.AsType[*SignatureError](err)
		if (c.rcode != 0) != ok || ok && (e.Code != c.code || e.RCODE != c.rcode) {
			t.Errorf("%s: error %v, want %s and %s", c.name, err, c.code, c.rcode)
		}
		if name, known := s.Key(); known != (c.code == 0 && c.rcode == 0) || known && name != key.Name {
			t.Errorf("%s: key %s, %v", c.name, name, known)
		}
		if c.change != nil { // the client does not know what it is said to have sent
			continue
		}
		for i := range 3 {
			reply := &Message{ID: 77, Response: true, RCODE: c.rcode, Questions: q.Questions}
			raw, err := reply.Pack()
			if err != nil {
				t.Fatal(err)
			}
			size := len(raw)
			if raw, err = s.Sign(raw, now); err != nil {
				t.Fatal(err)
			}
			if got := len(raw) - size; got != s.Size() {
				t.Errorf("%s: signing added %d octets, Size says %d", c.name, got, s.Size())
			}
			m, err := Unpack(raw)
			if err != nil {
				t.Fatal(err)
			}
			if (m.TSIG.MAC != "") != c.signed {
				t.Errorf("%s: MAC of %d octets", c.name, len(m.TSIG.MAC))
			}
			err = client.check(raw, m, c.at)
			e, ok := errors.AsType[*SignatureError](err)
			if ok != (c.code != 0) || ok && (!e.Remote || e.Code != c.code) {
				t.Errorf("%s: message %d: the client says %v", c.name, i, err)
			}
			if ok {
				break
			}
		}
	}
}

func (k *Key) algorithmLen() int { return len(k.algorithm()) + 2 }

// Messages of an answer that change places, or are lost, are noticed.
func TestSessionOrder(t *testing.T) {
	t.Parallel()
	key := &Key{Name: zone.MustName("k.example."), Secret: []byte("secret")}
	q := Query(example, TypeAXFR)
	q.ID = 1
	raw, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range [][]int{{0, 1, 2, 3}, {0, 2, 1, 3}, {1}, {0, 1, 3}, {0, 1, 1}} {
		client := &signer{key: key}
		b, err := client.sign(raw, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		m, err := Unpack(b)
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewKeyring(key).Check(b, m, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		var sent [][]byte
		for range 4 {
			b, err := (&Message{ID: 1, Response: true}).Pack()
			if err == nil {
				b, err = s.Sign(b, time.Now())
			}
			if err != nil {
				t.Fatal(err)
			}
			sent = append(sent, b)
		}
		for _, i := range order {
			m, _ := Unpack(sent[i])
			if err = client.check(sent[i], m, time.Now()); err != nil {
				break
			}
		}
		if good := slices.Equal(order, []int{0, 1, 2, 3}); good != (err == nil) {
			t.Errorf("messages %v: %v", order, err)
		}
	}
}
