package wire

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// Limits of a transfer. Zero means the default.
type Limits struct {
	Records int   // 0: 5,000,000
	Octets  int64 // on the wire; 0: 1 GiB
}

func (l Limits) records() int {
	if l.Records > 0 {
		return l.Records
	}
	return 5_000_000
}

func (l Limits) octets() int64 {
	if l.Octets > 0 {
		return l.Octets
	}
	return 1 << 30
}

// ErrLimit is wrapped by the error of a transfer that grew over its limits.
var ErrLimit = errors.New("transfer is larger than its limit")

// Transfer asks a server for a whole zone (AXFR, RFC 5936) over TCP or TLS and yields its records,
// the SOA first; the SOA that ends the transfer is left out. The last element may be an error, an
// *Error: then nothing of what came before is to be believed.
//
// Timeout is the wait for each message; only ctx bounds the whole.
func (c *Client) Transfer(ctx context.Context, addr string, origin zone.Name, l Limits) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if sent, err := c.transfer(ctx, addr, origin, l, yield); err != nil {
			e := &Error{Op: "transfer", What: origin.String(), Addr: addr, Sent: sent, Err: err}
			c.trace("%v", e)
			yield(Record{}, e)
		}
	}
}

func (c *Client) transfer(ctx context.Context, addr string, origin zone.Name, l Limits, yield func(Record, error) bool) (sent bool, err error) {
	x := incoming{origin: origin, limits: l}
	req := &Message{Questions: []Question{{Name: origin, Type: TypeAXFR, Class: ClassIN}}}
	return c.stream(ctx, addr, req, l, func(m *Message) (ended, more bool, err error) {
		more, err = x.take(m, yield)
		return x.ended, more, err
	})
}

// stream sends a request and hands each message of the answer to take, until that says that the
// answer has ended or that there is no need of more.
func (c *Client) stream(ctx context.Context, addr string, req *Message, l Limits, take func(*Message) (ended, more bool, err error)) (sent bool, err error) {
	if c.Transport == HTTPS {
		return false, errors.New("zones are not transferred over HTTPS; use TCP or TLS")
	}
	conn, done, err := c.open(ctx, "tcp", addr)
	if err != nil {
		return false, err
	}
	defer done()
	req.ID, req.EDNS = newID(), c.EDNS
	sign := c.signer()
	raw, err := pack(req, sign)
	if err != nil {
		return false, err
	}
	if err := setDeadline(ctx, conn, time.Now().Add(c.timeout())); err != nil {
		return false, err
	}
	if sent, err := writeFrame(conn, raw); err != nil {
		return sent, err
	}
	began := time.Now()
	octets, records := int64(0), 0
	for ended := false; !ended; {
		raw, m, err := c.next(ctx, conn, req, sign)
		if err != nil {
			return true, cancelled(ctx, err)
		}
		if octets += int64(len(raw)); octets > l.octets() {
			return true, fmt.Errorf("%w of %d octets", ErrLimit, l.octets())
		}
		records += len(m.Answers)
		var more bool
		if ended, more, err = take(m); err != nil || !more {
			return true, err
		}
	}
	if sign != nil && !sign.covered() { // RFC 8945, section 5.3.1
		return true, &SignatureError{Detail: "the last message of the transfer"}
	}
	c.trace("transfer %s from %s: %d records, %d octets in %s", req.Questions[0].Name, addr, records, octets,
		time.Since(began).Round(time.Microsecond))
	return true, nil
}

func cancelled(ctx context.Context, err error) error {
	if c := ctx.Err(); c != nil {
		return c
	}
	return err
}

// next reads one message of a transfer.
func (c *Client) next(ctx context.Context, conn net.Conn, req *Message, s *signer) ([]byte, *Message, error) {
	if err := setDeadline(ctx, conn, time.Now().Add(c.timeout())); err != nil {
		return nil, nil, err
	}
	raw, err := readFrame(conn)
	if err != nil {
		return nil, nil, err
	}
	m, err := accept(req, raw, s)
	if err != nil {
		return nil, nil, err
	}
	if m.RCODE != NoError {
		return nil, nil, &RCODEError{m.RCODE}
	}
	if c.Heard != nil && m.EDNS != nil {
		c.Heard(m.EDNS)
	}
	return raw, m, nil
}

// incoming is the state of a transfer.
type incoming struct {
	origin  zone.Name
	limits  Limits
	soa     Record
	records int
	ended   bool
}

// take hands on the records of one message; more is false when the consumer has enough.
func (x *incoming) take(m *Message, yield func(Record, error) bool) (more bool, err error) {
	if len(m.Answers) == 0 {
		return false, fmt.Errorf("%w: a message of the transfer has no records", ErrMalformed)
	}
	for _, r := range m.Answers {
		isSOA := r.Type == zone.TypeSOA && r.Owner == x.origin
		switch {
		case x.ended:
			return false, fmt.Errorf("%w: records after the SOA that ends the transfer", ErrMalformed)
		case r.Class != ClassIN:
			return false, fmt.Errorf("%w: a record of class %s in the transfer", ErrMalformed, r.Class)
		case x.records == 0 && !isSOA:
			return false, fmt.Errorf("%w: the transfer does not begin with the zone's SOA", ErrMalformed)
		case x.records > 0 && isSOA:
			if r.Data != x.soa.Data {
				return false, fmt.Errorf("%w: the zone changed during the transfer: it ends with another SOA than it began with", ErrMalformed)
			}
			x.ended = true
			continue
		case x.records == 0:
			x.soa = r
		}
		if x.records++; x.records > x.limits.records() {
			return false, fmt.Errorf("%w of %d records", ErrLimit, x.limits.records())
		}
		if !yield(r, nil) {
			return false, nil
		}
	}
	return true, nil
}
