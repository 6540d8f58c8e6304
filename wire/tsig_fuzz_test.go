package wire

import (
	"bytes"
	"testing"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// FuzzCheck changes signed messages. Whatever is accepted as signed says what was signed; everything
// else is refused with an answer that can be sent.
func FuzzCheck(f *testing.F) {
	now := time.Unix(1_700_000_000, 0)
	key := &Key{Name: zone.MustName("key.example."), Secret: []byte("0123456789abcdef0123456789abcdef")}
	ring := NewKeyring(key)
	plain, err := (&Message{ID: 7, Questions: []Question{{Name: zone.MustName("www.example.org."), Type: zone.TypeA, Class: ClassIN}}}).Pack()
	if err != nil {
		f.Fatal(err)
	}
	s := signer{key: key}
	signed, err := s.sign(plain, now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed, uint16(0), byte(0))
	f.Add(signed, uint16(20), byte(1))
	f.Add(signed, uint16(len(plain)+3), byte(0x20))
	f.Add(plain, uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, raw []byte, at uint16, flip byte) {
		raw = bytes.Clone(raw)
		if int(at) < len(raw) {
			raw[at] ^= flip
		}
		m, err := Unpack(raw)
		if err != nil {
			return
		}
		session, err := ring.Check(raw, m, now)
		name, ok := session.Key()
		if ok != (err == nil && m.TSIG != nil) {
			t.Fatalf("key %v %t with error %v", name, ok, err)
		}
		if ok && !bytes.Equal(m.Unsigned(raw), plain) {
			t.Fatalf("% x was accepted as signed", raw)
		}
		if session == nil {
			return
		}
		answer, err := session.Sign(append([]byte(nil), raw[:headerLen]...), now)
		if err == nil && len(answer) > headerLen+session.Size() {
			t.Fatalf("a signature of %d octets, was to have %d", len(answer)-headerLen, session.Size())
		}
	})
}
