package wire

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// A Transport says how messages travel.
type Transport uint8

// Transports.
const (
	UDP   Transport = iota // and TCP when the answer does not fit, for transfers and long requests
	TCP                    //
	TLS                    // DNS over TLS (RFC 7858)
	HTTPS                  // DNS over HTTPS (RFC 8484); addresses are URLs
)

// String names the transport.
func (t Transport) String() string {
	return [...]string{"UDP", "TCP", "TLS", "HTTPS"}[min(t, HTTPS)]
}

// A Client asks servers. The zero Client asks over UDP with fallback to TCP. It is safe for
// concurrent use as long as its fields are left alone.
type Client struct {
	Transport Transport
	Timeout   time.Duration // wait for one answer, or for one message of a transfer; 0: 5 s
	Tries     int           // how often a query is sent over UDP; 0: 2. Updates are sent once.
	Key       *Key          // signs requests and must have signed answers; nil: no signatures

	// EDNS goes with requests for transfers; nil: they have none, as many servers want it. Heard is
	// given the EDNS of each message of a transfer that has it; may be nil.
	EDNS  *EDNS
	Heard func(*EDNS)

	// Dial opens connections; nil: the system's. network is "udp" or "tcp".
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	TLS  *tls.Config  // for TLS; nil: the server must have a certificate for the host of the address
	HTTP *http.Client // for HTTPS; nil: http.DefaultClient
	// Trace is told each request and answer in one line, without data or secrets; may be nil.
	Trace func(format string, args ...any)
}

// An Error is trouble with one exchange.
type Error struct {
	Op   string // "query", "update", "transfer"
	What string // "www.example.org. IN A"
	Addr string
	Sent bool  // the whole request may have reached the server
	Err  error // *SignatureError, *RCODEError, ErrMalformed, or what the network said
}

// Error says it in one line, with what to do where that is known.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s %s at %s: %s", e.Op, e.What, e.Addr, e.Cause())
	if advice := adviceOn(e.Err); advice != "" {
		s += "; " + advice
	}
	return s
}

// Cause says what happened, without what was asked of whom.
func (e *Error) Cause() string {
	switch {
	case errors.Is(e.Err, context.DeadlineExceeded), errors.Is(e.Err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.Is(e.Err, context.Canceled):
		return "cancelled"
	}
	if op, ok := errors.AsType[*net.OpError](e.Err); ok { // it repeats the address
		return op.Err.Error()
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// An RCODEError is an answer other than NOERROR where only NOERROR helps.
type RCODEError struct{ RCODE RCODE }

// Error gives the code and what it means.
func (e *RCODEError) Error() string {
	if m := e.RCODE.Meaning(); m != "" {
		return fmt.Sprintf("%s (%s)", e.RCODE, m)
	}
	return e.RCODE.String()
}

func (c *Client) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return 5 * time.Second
}

func (c *Client) trace(format string, args ...any) {
	if c.Trace != nil {
		c.Trace(format, args...)
	}
}

// Exchange sends m to a server ("192.0.2.53:53", for HTTPS a URL) and returns its answer, whatever
// its RCODE. The answer belongs to the question: id, opcode and question are the same, and the
// signature fits where the client has a key. Every error is an *Error.
func (c *Client) Exchange(ctx context.Context, addr string, m *Message) (*Message, error) {
	fail := func(sent bool, err error) (*Message, error) {
		if ctxErr := ctx.Err(); ctxErr != nil && !errors.Is(err, ctxErr) {
			err = fmt.Errorf("%w: %w", ctxErr, err)
		}
		e := &Error{Op: m.Opcode.String(), Addr: addr, Sent: sent, Err: err}
		if len(m.Questions) > 0 {
			e.What = m.Questions[0].Name.String()
			if m.Opcode == OpQuery {
				e.What += " " + m.Questions[0].Type.String()
			}
		}
		c.trace("%v", e)
		return nil, e
	}
	req := *m
	if req.ID == 0 && c.Transport != HTTPS { // RFC 8484, section 4.1 wants 0
		req.ID = newID()
	}
	sign := c.signer()
	raw, err := pack(&req, sign)
	if err != nil {
		return fail(false, err)
	}
	began := time.Now()
	var answer *Message
	sent := false
	switch c.Transport {
	case HTTPS:
		answer, sent, err = c.overHTTPS(ctx, addr, &req, raw, sign)
	case TCP, TLS:
		answer, sent, err = c.overStream(ctx, addr, &req, raw, sign)
	default:
		if len(raw) <= UDPSize {
			answer, sent, err = c.overUDP(ctx, addr, &req, raw, sign)
		}
		if err == nil && (answer == nil || answer.Truncated) {
			if req.Opcode == OpUpdate && answer != nil {
				break // it was carried out; asking again would do it twice
			}
			if sign = c.signer(); sign != nil { // the answer that did not fit took part in the signing
				if raw, err = pack(&req, sign); err != nil {
					return fail(sent, err)
				}
			}
			answer, sent, err = c.overStream(ctx, addr, &req, raw, sign)
		}
	}
	if err != nil {
		return fail(sent, err)
	}
	c.trace("%s %s: %v in %s", c.Transport, addr, answer, time.Since(began).Round(time.Microsecond))
	return answer, nil
}

func (c *Client) signer() *signer {
	if c.Key == nil {
		return nil
	}
	return &signer{key: c.Key}
}

// RequestSize is how many octets a request may have before it is signed.
func (c *Client) RequestSize() int { return MaxSize - c.Key.signedSize() }

func pack(m *Message, s *signer) ([]byte, error) {
	raw, err := m.Pack()
	if err != nil || s == nil {
		return raw, err
	}
	return s.sign(raw, time.Now())
}

func newID() uint16 {
	var b [2]byte
	for {
		_, _ = rand.Read(b[:]) // never returns an error (Go 1.24 and later)
		if id := binary.BigEndian.Uint16(b[:]); id != 0 {
			return id
		}
	}
}

// errForeign means that a message is no answer to the request.
var errForeign = errors.New("the answer belongs to another question")

// accept reads an answer and checks that it is one to req.
func accept(req *Message, raw []byte, s *signer) (*Message, error) {
	head, _, err := unpackHeader(raw)
	if err != nil {
		return nil, err
	}
	if !head.Response || head.ID != req.ID || head.Opcode != req.Opcode {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, errForeign)
	}
	m, err := Unpack(raw)
	if err != nil {
		// A server may cut a truncated message anywhere; it is asked again over TCP.
		if head.Truncated && s == nil {
			return head, nil
		}
		return nil, err
	}
	if len(m.Questions) > 0 && len(req.Questions) > 0 && (len(m.Questions) != 1 || m.Questions[0] != req.Questions[0]) {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, errForeign)
	}
	if s == nil {
		return m, nil
	}
	if err := s.check(raw, m, time.Now()); err != nil {
		if e, ok := errors.AsType[*SignatureError](err); ok {
			e.RCODE = m.RCODE
			if e.Code == 0 && m.RCODE != NoError {
				e.Detail = "it said " + (&RCODEError{m.RCODE}).Error()
			}
		}
		return nil, err
	}
	return m, nil
}
