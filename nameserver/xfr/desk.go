package xfr

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A Desk takes the requests that are more than a question: transfers, NOTIFY, updates, and
// whatever is signed with TSIG. It checks the signature, hands the request on, and signs the answer.
// What a nil field would answer is refused.
type Desk struct {
	Keys wire.Keyring
	// Keyring returns the keys in place of Keys, for those that may change; may be nil.
	Keyring func() wire.Keyring
	// Unsigned is told of requests whose signature is wrong; may be nil.
	Unsigned func(p Peer, m *wire.Message, err error)
	Out      *Out
	// Notified takes a NOTIFY (RFC 1996) and returns the RCODE that it is answered with.
	Notified func(Notice) wire.RCODE
	// Update takes an update (RFC 2136). The returned RCODE is the answer; NOERROR says that the
	// update is kept.
	Update func(ctx context.Context, m *wire.Message, from Sender) wire.RCODE
	// Query answers ordinary questions, here without the signature that they came with. limit is
	// how long the answer may be; nil: no answer.
	Query func(query []byte, p Peer, limit int) []byte
}

// A Sender is who a request is known to come from.
type Sender struct {
	Peer
	Session *wire.Session // nil: it was not signed
}

// MaxDatagram is how long a Desk's answers over UDP become at most, in octets, whatever the client
// says that it takes.
const MaxDatagram = wire.UDPSize

// A request is one message from a client, with what is needed for answering.
type request struct {
	m       *wire.Message
	raw     []byte
	peer    Peer
	session *wire.Session
	// extended is what an answer without records says besides its RCODE (RFC 8914), and reason the
	// same in words; 0: nothing.
	extended uint16
	reason   string
	expire   uint32 // seconds that the zone lasts (RFC 7314)
	expires  bool   // the client wants to know that
}

// Of RFC 8914, section 4.19, and the option's code.
const (
	edeProhibited = 18
	optEDE        = 15
)

// Takes reports whether a request is one for the desk. It is quick and allocates nothing; requests
// that cannot be read are for nobody in particular.
func (d *Desk) Takes(query []byte) bool {
	if len(query) < headerLen+5 || query[2]&0x80 != 0 {
		return false
	}
	switch wire.Opcode(query[2] >> 3 & 0xF) {
	case wire.OpNotify, wire.OpUpdate:
		return true
	case wire.OpQuery:
	default:
		return false
	}
	if binary.BigEndian.Uint16(query[4:]) != 1 {
		return false
	}
	at := skipName(query, headerLen)
	if at < 0 || at+4 > len(query) {
		return false
	}
	if t := zone.Type(binary.BigEndian.Uint16(query[at:])); t == wire.TypeAXFR || t == wire.TypeIXFR {
		return true
	}
	return signed(query, at+4)
}

// signed reports whether the last record of a message is a TSIG record. at is behind the question.
func signed(b []byte, at int) bool {
	n := 0
	for i := 6; i < headerLen; i += 2 {
		n += int(binary.BigEndian.Uint16(b[i:]))
	}
	for ; n > 0; n-- {
		at = skipName(b, at)
		if at < 0 || at+10 > len(b) {
			return false
		}
		if n == 1 {
			return zone.Type(binary.BigEndian.Uint16(b[at:])) == wire.TypeTSIG
		}
		at += 10 + int(binary.BigEndian.Uint16(b[at+8:]))
	}
	return false
}

// skipName returns where a name ends, -1 when it does not.
func skipName(b []byte, at int) int {
	for at >= 0 && at < len(b) {
		switch l := int(b[at]); {
		case l == 0:
			return at + 1
		case l >= 0xC0:
			return at + 2
		case l > 63:
			return -1
		default:
			at += 1 + l
		}
	}
	return -1
}

// Stream answers a request that came over TCP or TLS, in one or more messages. send gets each
// without its length in front and must be done with it when it returns. A request that is not to be
// answered gets no message. The error is one of send, of ctx, or tells why the client got less than
// it asked for: the connection is then of no more use.
func (d *Desk) Stream(ctx context.Context, query []byte, p Peer, send func([]byte) error) error {
	return d.serve(ctx, query, p, 0, send)
}

// Datagram answers a request that came over UDP; nil is no answer.
func (d *Desk) Datagram(ctx context.Context, query []byte, p Peer) []byte {
	var answer []byte
	err := d.serve(ctx, query, p, 512, func(m []byte) error {
		answer = append([]byte(nil), m...)
		return nil
	})
	if err != nil {
		return nil
	}
	return answer
}

// serve answers; udp is the least room over UDP, 0 over a stream.
func (d *Desk) serve(ctx context.Context, query []byte, p Peer, udp int, send func([]byte) error) error {
	m, err := wire.Unpack(query)
	if err != nil {
		return formErr(query, send)
	}
	if m.Response {
		return nil
	}
	r := &request{m: m, raw: query, peer: p}
	if r.session, err = d.keys().Check(query, m, time.Now()); err != nil {
		if d.Unsigned != nil {
			d.Unsigned(p, m, err)
		}
		rcode := wire.NotAuth
		if e, ok := errors.AsType[*wire.SignatureError](err); ok && e.RCODE != 0 {
			rcode = e.RCODE
		}
		return r.refuse(rcode, send)
	}
	if udp > 0 && m.EDNS != nil {
		udp = min(max(udp, int(m.EDNS.Size)), MaxDatagram)
	}
	if len(m.Questions) != 1 {
		return r.refuse(wire.FormErr, send)
	}
	switch {
	case m.EDNS != nil && m.EDNS.Version > 0: // RFC 6891, section 6.1.3
		return r.refuse(wire.BadVers, send)
	case m.Opcode != wire.OpQuery && d.readOnly(r.session):
		r.extended, r.reason = edeProhibited, "hmac-sha1 is for queries and transfers only; use hmac-sha256"
		return r.refuse(wire.Refused, send)
	case m.Opcode == wire.OpNotify:
		return d.notified(r, send)
	case m.Opcode == wire.OpUpdate && d.Update != nil:
		return r.refuse(d.Update(ctx, m, Sender{p, r.session}), send)
	case m.Opcode == wire.OpUpdate:
		return r.refuse(wire.Refused, send)
	case m.Opcode != wire.OpQuery:
		return r.refuse(wire.NotImp, send)
	case m.Questions[0].Type == wire.TypeAXFR || m.Questions[0].Type == wire.TypeIXFR:
		if d.Out == nil {
			return r.refuse(wire.Refused, send)
		}
		return d.Out.serve(ctx, r, udp, send)
	}
	return d.question(r, udp, send)
}

func (d *Desk) keys() wire.Keyring {
	if d.Keyring != nil {
		return d.Keyring()
	}
	return d.Keys
}

// question has an ordinary question answered, and signs the answer.
func (d *Desk) question(r *request, udp int, send func([]byte) error) error {
	if d.Query == nil {
		return r.refuse(wire.Refused, send)
	}
	limit := wire.MaxSize
	if udp > 0 {
		limit = udp
	}
	answer := d.Query(r.m.Unsigned(r.raw), r.peer, limit-r.session.Size())
	if answer == nil {
		return nil
	}
	return r.sign(answer, send)
}

func (r *request) sign(b []byte, send func([]byte) error) error {
	b, err := r.session.Sign(b, time.Now())
	if err != nil {
		return err
	}
	return send(b)
}

// refuse answers with an RCODE and no records.
func (r *request) refuse(rcode wire.RCODE, send func([]byte) error) error {
	m := &wire.Message{
		ID: r.m.ID, Response: true, Opcode: r.m.Opcode, RecursionDesired: r.m.RecursionDesired,
		RCODE: rcode, Questions: r.m.Questions[:min(1, len(r.m.Questions))],
		Authoritative: rcode == wire.NoError && r.m.Opcode == wire.OpNotify,
	}
	if r.m.EDNS != nil {
		m.EDNS = &wire.EDNS{Size: wire.UDPSize}
		if r.extended != 0 {
			m.EDNS.Options = []wire.Option{{Code: optEDE, Data: string(binary.BigEndian.AppendUint16(nil, r.extended)) + r.reason}}
		}
	}
	b, err := m.Pack()
	if err != nil {
		return err
	}
	return r.sign(b, send)
}

// haveSerial is the serial that an IXFR request says the client has.
func (r *request) haveSerial() (uint32, bool) {
	for _, a := range r.m.Authority {
		if a.Type == zone.TypeSOA && a.Owner == r.m.Questions[0].Name && len(a.Data) >= 22 {
			return serialAt(a.Data), true
		}
	}
	return 0, false
}

// formErr answers what cannot be read, as far as there is anybody to answer.
func formErr(query []byte, send func([]byte) error) error {
	if len(query) < headerLen || query[2]&0x80 != 0 {
		return nil
	}
	b := make([]byte, headerLen)
	copy(b, query[:4])
	b[2] = 0x80 | query[2]&0x79
	b[3] = byte(wire.FormErr)
	return send(b)
}
