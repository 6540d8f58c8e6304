package wire

import (
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// fudge is how far clocks may differ, in seconds; what RFC 8945, section 10 recommends.
const fudge = 300

// maxUnsigned is how many messages of a transfer may come between two signed ones (RFC 8945,
// section 5.3.1).
const maxUnsigned = 99

// A SignatureError says why a message's signature was not accepted, by us or by the server.
type SignatureError struct {
	Code   TSIGError // 0: there was no signature
	Remote bool      // the server refused ours; else we refused the server's
	RCODE  RCODE     // of the answer that came
	Detail string
}

// Error says it in one line.
func (e *SignatureError) Error() string {
	who := "the server's answer"
	if e.Remote {
		who = "the server refused our signature"
	}
	if e.Code == 0 {
		return who + " is not signed" + withColon(e.Detail)
	}
	return fmt.Sprintf("%s: %s (%s)%s", who, e.Code, e.Code.Meaning(), withColon(e.Detail))
}

func withColon(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}

// A signer signs a request and checks what comes back, over all messages of an exchange (RFC
// 8945, section 5.3).
type signer struct {
	key      *Key
	mac      []byte // of the message signed last, on either side
	pending  []byte // unsigned messages since then
	unsigned int    // how many
	later    bool   // a signed answer has come: from now on only timers are covered
}

// sign appends a TSIG record to a request.
func (s *signer) sign(b []byte, now time.Time) ([]byte, error) {
	t := &TSIG{
		Key: s.key.Name, Time: uint64(now.Unix()), Fudge: fudge, OriginalID: binary.BigEndian.Uint16(b),
	}
	var err error
	if t.Algorithm, err = zone.ParseName(string(s.key.algorithm())); err != nil {
		return nil, err
	}
	h, err := s.key.mac()
	if err != nil {
		return nil, err
	}
	h.Write(b)
	h.Write(t.variables())
	s.mac = h.Sum(nil)
	t.MAC = string(s.mac)
	return t.appendTo(b)
}

// appendTo puts the record at the end of a copy of a message.
func (t *TSIG) appendTo(b []byte) ([]byte, error) {
	return t.appendRecord(append([]byte(nil), b...))
}

// appendRecord puts the record at the end of a message, which it may change.
func (t *TSIG) appendRecord(b []byte) ([]byte, error) {
	data := t.Algorithm.AppendWire(nil)
	data = appendTime(data, t.Time)
	data = binary.BigEndian.AppendUint16(data, t.Fudge)
	data = binary.BigEndian.AppendUint16(data, uint16(len(t.MAC)))
	data = append(data, t.MAC...)
	data = binary.BigEndian.AppendUint16(data, t.OriginalID)
	data = binary.BigEndian.AppendUint16(data, uint16(t.Error))
	data = binary.BigEndian.AppendUint16(data, uint16(len(t.Other)))
	data = append(data, t.Other...)

	out := t.Key.AppendWire(b)
	out = binary.BigEndian.AppendUint16(out, uint16(TypeTSIG))
	out = binary.BigEndian.AppendUint16(out, uint16(ClassANY))
	out = binary.BigEndian.AppendUint32(out, 0)
	out = binary.BigEndian.AppendUint16(out, uint16(len(data)))
	out = append(out, data...)
	if len(out) > MaxSize {
		return nil, fmt.Errorf("%d octets with the signature: %w", len(out), ErrTooLarge)
	}
	binary.BigEndian.PutUint16(out[10:], binary.BigEndian.Uint16(out[10:])+1)
	return out, nil
}

// signedSize is how many octets a signature with the key adds to a message.
func (k *Key) signedSize() int {
	if k == nil {
		return 0
	}
	h, err := k.mac()
	if err != nil {
		return 0
	}
	return k.Name.WireLen() + 10 + len(k.algorithm()) + 2 + 16 + h.Size()
}

func appendTime(b []byte, t uint64) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(t>>32))
	return binary.BigEndian.AppendUint32(b, uint32(t))
}

// variables are what a signature covers beside the message (RFC 8945, section 4.3.3).
func (t *TSIG) variables() []byte {
	b := t.Key.AppendWire(nil)
	b = binary.BigEndian.AppendUint16(b, uint16(ClassANY))
	b = binary.BigEndian.AppendUint32(b, 0)
	b = t.Algorithm.AppendWire(b)
	b = t.timers(b)
	b = binary.BigEndian.AppendUint16(b, uint16(t.Error))
	b = binary.BigEndian.AppendUint16(b, uint16(len(t.Other)))
	return append(b, t.Other...)
}

func (t *TSIG) timers(b []byte) []byte {
	return binary.BigEndian.AppendUint16(appendTime(b, t.Time), t.Fudge)
}

// check takes the next message of an answer. A message without a signature is accepted only
// between signed ones; covered tells whether the last one was signed.
func (s *signer) check(raw []byte, m *Message, now time.Time) error {
	t := m.TSIG
	if t == nil {
		if !s.later {
			return &SignatureError{}
		}
		if s.unsigned++; s.unsigned > maxUnsigned {
			return &SignatureError{Detail: fmt.Sprintf("more than %d messages in a row", maxUnsigned)}
		}
		s.pending = append(s.pending, raw...)
		return nil
	}
	algorithm, err := ParseAlgorithm(t.Algorithm.String())
	if err != nil || t.Key != s.key.Name || algorithm != s.key.algorithm() {
		return &SignatureError{Code: BadKey, Detail: fmt.Sprintf("signed with %s %s", t.Key, t.Algorithm)}
	}
	// These two come without a signature, as the server could not make one (section 5.3.2).
	if (t.Error == BadKey || t.Error == BadSig) && t.MAC == "" {
		return &SignatureError{Code: t.Error, Remote: true}
	}
	if err := s.verify(raw, t); err != nil {
		return err
	}
	if t.Error != 0 {
		return &SignatureError{Code: t.Error, Remote: true, Detail: t.clock(now)}
	}
	if d := now.Unix() - int64(t.Time); d > int64(t.Fudge) || -d > int64(t.Fudge) {
		return &SignatureError{Code: BadTime, Detail: fmt.Sprintf("it was signed %d seconds off our clock", d)}
	}
	s.later, s.pending, s.unsigned = true, nil, 0
	return nil
}

// covered reports whether the last message was signed.
func (s *signer) covered() bool { return s.later && s.unsigned == 0 }

// verify computes the signature that the message should have (section 4.3).
func (s *signer) verify(raw []byte, t *TSIG) error {
	h, err := s.key.mac()
	if err != nil {
		return err
	}
	var length [2]byte
	binary.BigEndian.PutUint16(length[:], uint16(len(s.mac)))
	h.Write(length[:])
	h.Write(s.mac)
	h.Write(s.pending)
	t.hashMessage(h, raw)
	if s.later {
		h.Write(t.timers(nil))
	} else {
		h.Write(t.variables())
	}
	if want := h.Sum(nil); !hmac.Equal(want, []byte(t.MAC)) {
		return &SignatureError{Code: BadSig}
	}
	s.mac = []byte(t.MAC)
	return nil
}

// clock tells from a BADTIME answer how far the clocks differ.
func (t *TSIG) clock(now time.Time) string {
	if t.Error != BadTime || len(t.Other) != 6 {
		return ""
	}
	server := int64(binary.BigEndian.Uint16([]byte(t.Other)))<<32 | int64(binary.BigEndian.Uint32([]byte(t.Other[2:])))
	return fmt.Sprintf("the server's clock says %s, ours %s",
		time.Unix(server, 0).UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
}

// adviceOn says what to do about an error of an exchange, "" when nothing is known.
func adviceOn(err error) string {
	if e, ok := errors.AsType[*SignatureError](err); ok {
		switch {
		case e.Code == 0 && e.RCODE == FormErr:
			return "" // what cannot be read cannot be checked, nor answered with a signature
		case e.Code == 0:
			return "check that the server knows the key and signs with it"
		}
		return e.Code.Advice()
	}
	return ""
}
