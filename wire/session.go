package wire

import (
	"crypto/hmac"
	"encoding/binary"
	"fmt"
	"hash"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// A Keyring holds the keys that a server shares with those who ask it, by their names.
type Keyring map[zone.Name]*Key

// NewKeyring puts keys into a ring.
func NewKeyring(keys ...*Key) Keyring {
	r := make(Keyring, len(keys))
	for _, k := range keys {
		r[k.Name] = k
	}
	return r
}

// A Session signs what answers one request, message by message in their order (RFC 8945, section
// 5.3.1). A nil Session signs nothing.
type Session struct {
	key  *Key // nil: what was sent in is answered without a signature
	tsig TSIG // of the next answer, without MAC
	mac  []byte
	sent bool // a message was signed: from now on only timers are covered
	hash hash.Hash
}

// Check looks at a request's signature as a server does (RFC 8945, section 5.2). Without a
// signature both results are nil. An error is a *SignatureError; the request is then to be answered
// with RCODE NOTAUTH, or FORMERR where the error says so, signed by the session that comes with it.
func (r Keyring) Check(raw []byte, m *Message, now time.Time) (*Session, error) {
	t := m.TSIG
	if t == nil {
		return nil, nil
	}
	s := &Session{tsig: TSIG{
		Key: t.Key, Algorithm: t.Algorithm, Time: uint64(now.Unix()), Fudge: fudge, OriginalID: t.OriginalID,
	}}
	refuse := func(code TSIGError, detail string) (*Session, error) {
		s.tsig.Error = code
		return s, &SignatureError{Code: code, RCODE: NotAuth, Detail: detail}
	}
	key := r[t.Key]
	algorithm, err := ParseAlgorithm(t.Algorithm.String())
	if key == nil || err != nil || algorithm != key.algorithm() {
		return refuse(BadKey, fmt.Sprintf("signed with %s %s", t.Key, t.Algorithm))
	}
	h, err := key.mac()
	if err != nil {
		return refuse(BadKey, "")
	}
	size := h.Size()
	if len(t.MAC) > size || len(t.MAC) < max(10, size/2) { // section 5.2.2.1
		return nil, &SignatureError{Code: BadSig, RCODE: FormErr, Detail: fmt.Sprintf("a MAC of %d octets", len(t.MAC))}
	}
	t.hashMessage(h, raw)
	h.Write(t.variables())
	if !hmac.Equal(h.Sum(nil)[:len(t.MAC)], []byte(t.MAC)) {
		return refuse(BadSig, "")
	}
	s.key, s.mac = key, []byte(t.MAC)
	if d := now.Unix() - int64(t.Time); d > int64(t.Fudge) || -d > int64(t.Fudge) {
		s.tsig.Time = t.Time // section 5.2.3: our clock goes to the other data
		s.tsig.Other = string(appendTime(nil, uint64(now.Unix())))
		return refuse(BadTime, fmt.Sprintf("it was signed %d seconds off our clock", d))
	}
	if len(t.MAC) < size {
		return refuse(BadTrunc, "")
	}
	return s, nil
}

// hashMessage hashes what a signature covers of the message it ends: everything before it, as if it
// were not there (RFC 8945, section 4.3.2).
func (t *TSIG) hashMessage(h hash.Hash, raw []byte) {
	var head [headerLen]byte
	copy(head[:], raw)
	binary.BigEndian.PutUint16(head[:], t.OriginalID)
	binary.BigEndian.PutUint16(head[10:], binary.BigEndian.Uint16(head[10:])-1)
	h.Write(head[:])
	h.Write(raw[headerLen:t.offset])
}

// Unsigned returns what a message was before it was signed, itself when it was not. raw stays.
func (m *Message) Unsigned(raw []byte) []byte {
	if m.TSIG == nil {
		return raw
	}
	b := append([]byte(nil), raw[:m.TSIG.offset]...)
	binary.BigEndian.PutUint16(b, m.TSIG.OriginalID)
	binary.BigEndian.PutUint16(b[10:], binary.BigEndian.Uint16(b[10:])-1)
	return b
}

// Key is the name of the key that signed the request; ok is false when no known key did.
func (s *Session) Key() (name zone.Name, ok bool) {
	if s == nil || s.key == nil || s.tsig.Error != 0 {
		return zone.Name{}, false
	}
	return s.key.Name, true
}

// Size is how many octets Sign adds to a message.
func (s *Session) Size() int {
	if s == nil {
		return 0
	}
	n := s.tsig.Key.WireLen() + 10 + s.tsig.Algorithm.WireLen() + 16 + len(s.tsig.Other)
	if s.key != nil {
		if h, err := s.key.mac(); err == nil {
			n += h.Size()
		}
	}
	return n
}

// Sign appends a TSIG record to the next message of the answer and returns the message; b may be
// changed. The whole has at most MaxSize octets, else the error wraps ErrTooLarge.
func (s *Session) Sign(b []byte, now time.Time) ([]byte, error) {
	if s == nil {
		return b, nil
	}
	if s.tsig.Error != BadTime {
		s.tsig.Time = uint64(now.Unix())
	}
	if s.key != nil {
		if s.hash == nil {
			h, err := s.key.mac()
			if err != nil {
				return nil, err
			}
			s.hash = h
		}
		h := s.hash
		h.Reset()
		var length [2]byte
		binary.BigEndian.PutUint16(length[:], uint16(len(s.mac)))
		h.Write(length[:])
		h.Write(s.mac)
		h.Write(b)
		if s.sent {
			h.Write(s.tsig.timers(nil))
		} else {
			h.Write(s.tsig.variables())
		}
		s.mac, s.sent = h.Sum(nil), true
		s.tsig.MAC = string(s.mac)
	}
	return s.tsig.appendRecord(b)
}
