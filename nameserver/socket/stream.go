package socket

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	prefix     = 2 // the length before each message (RFC 1035, section 4.2.2)
	header     = 12
	maxMessage = 65535
	// smallRead is what a connection holds while nothing comes: enough for most queries.
	smallRead = 512
	// bigRead holds the longest message, or many queries that arrive together.
	bigRead = prefix + maxMessage + 1
	// bigWrite holds the longest message behind others that are not sent yet.
	bigWrite = 2 * (prefix + maxMessage)
)

// lent are buffers that connections lend to each other: idle ones need none.
var (
	lentReads  = sync.Pool{New: func() any { return new([bigRead]byte) }}
	lentWrites = sync.Pool{New: func() any { b := make([]byte, 0, bigWrite); return &b }}
)

// A conversation is a connection over TCP or TLS with queries and answers on it.
type conversation struct {
	server *Server
	st     *stream  // its place in the accounts
	conn   net.Conn // of TLS, or st itself
	client Client
	ctx    context.Context // ends with the conversation

	small [smallRead]byte
	big   *[bigRead]byte // borrowed when what comes does not fit into small
	in    []byte         // one of them
	r, w  int            // in[r:w] has been read and is not answered
	since time.Time      // when the first octet of an unfinished message was seen
	left  bool           // the client has ended the connection

	sending sync.Mutex
	long    chan struct{} // holds one token for each long answer
	running sync.WaitGroup
}

// converse answers what comes over a connection until its end.
func (s *Server) converse(ctx context.Context, st *stream, t Transport) {
	defer func() { _ = st.Close() }()
	c := &conversation{server: s, st: st, conn: st, client: Client{Addr: st.from, Transport: t, Local: s.o.local(st.LocalAddr())}}
	if t == TLS {
		secure, err := s.handshake(ctx, st, s.dot)
		if err != nil {
			return
		}
		c.conn = secure
		state := secure.ConnectionState()
		c.client.TLS = &state
		defer func() { _ = secure.Close() }() // unlike st.Close it says so to the client
	}
	ctx, cancel := context.WithCancel(ctx)
	c.ctx, c.in = ctx, c.small[:]
	for c.read() && c.answer() {
	}
	c.giveBack()
	if c.left || !st.ending.Load() {
		cancel() // otherwise what is being sent is sent to its end
	}
	c.running.Wait()
	cancel()
}

var errSeen = errors.New("the client wanted to see the certificate alone")

func (s *Server) handshake(ctx context.Context, st *stream, config *tls.Config) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Limits.Message)
	defer cancel()
	secure := tls.Server(st, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		s.streams.tally.handshakes.Add(1)
		return nil, err
	}
	if slices.Contains(s.o.Certificates.protocols, secure.ConnectionState().NegotiatedProtocol) {
		return nil, errors.Join(errSeen, secure.Close())
	}
	return secure, nil
}

// read waits for octets. It reports false when the conversation is over.
func (c *conversation) read() bool {
	for {
		idle := c.w == c.r
		if idle {
			c.r, c.w, c.since = 0, 0, time.Time{}
			c.giveBack()
			if len(c.long) == 0 {
				c.st.rest()
			}
			c.st.expectWithin(c.server.streams.patience())
		} else {
			if c.since.IsZero() {
				c.since = time.Now()
			}
			c.st.expectWithin(c.server.o.Limits.Message - time.Since(c.since))
		}
		n, err := c.conn.Read(c.in[c.w:])
		c.w += n
		if idle {
			c.st.work()
		}
		if n > 0 {
			return true
		}
		if err == nil {
			continue
		}
		netErr, ok := errors.AsType[net.Error](err)
		if c.left = !ok || !netErr.Timeout(); c.left || c.st.ending.Load() {
			return false
		}
		if idle && len(c.long) > 0 {
			continue // it listens to a long answer
		}
		c.server.streams.tally.late.Add(1)
		return false
	}
}

// answer answers the messages that are there whole, and sends all answers together. It reports
// false when the conversation is over.
func (c *conversation) answer() bool {
	if !c.whole() {
		return c.makeRoom()
	}
	worker := c.server.borrow()
	defer c.server.giveBack(worker)
	lent := lentWrites.Get().(*[]byte)
	defer lentWrites.Put(lent)
	out, good := (*lent)[:0], true
	c.client.KeepAlive = uint16(min(c.server.streams.patience()/(100*time.Millisecond), 65535))
	for good && c.whole() {
		n := int(binary.BigEndian.Uint16(c.in[c.r:]))
		query := c.in[c.r+prefix : c.r+prefix+n]
		c.r += prefix + n
		c.since = time.Time{}
		c.server.streams.tally.messages.Add(1)
		if n < header {
			good = false
			break
		}
		if l := c.server.streamer; l != nil && l.Long(query, &c.client) {
			good = c.begin(query)
			continue
		}
		if cap(out)-len(out) < prefix+maxMessage {
			if !c.send(out) {
				return false
			}
			out = out[:0]
		}
		mark := len(out) + prefix
		answer := worker.Answer(out[mark:mark:cap(out)], query, &c.client)
		if good = answer != nil && len(answer) <= maxMessage; !good {
			break
		}
		out = binary.BigEndian.AppendUint16(out, uint16(len(answer)))
		out = append(out, answer...) // onto itself, unless the worker took memory of its own
	}
	if len(out) > 0 && !c.send(out) {
		return false
	}
	return c.makeRoom() && good
}

// whole reports whether the next message is there to its end.
func (c *conversation) whole() bool {
	return c.w-c.r >= prefix && c.w-c.r >= prefix+int(binary.BigEndian.Uint16(c.in[c.r:]))
}

// makeRoom moves an unfinished message to the front, of a larger buffer if what came filled this one.
// It reports false when there is no room for the message, as too many others are unfinished.
func (c *conversation) makeRoom() bool {
	if c.r == c.w && (c.big != nil || c.w < len(c.in)) {
		return true // read begins anew
	}
	if c.big == nil && c.w == len(c.in) && c.borrowBig() {
		c.w = copy(c.big[:], c.in[c.r:c.w])
		c.in, c.r = c.big[:], 0
		return true
	}
	if c.r > 0 {
		c.w = copy(c.in, c.in[c.r:c.w])
		c.r = 0
	}
	if c.w == len(c.in) {
		c.server.streams.tally.crowded.Add(1)
		return false
	}
	return true
}

// borrowBig takes a large buffer, as long as there are not too many in use.
func (c *conversation) borrowBig() bool {
	if large := &c.server.streams.large; large.Add(1) > int64(c.server.o.Limits.Large) {
		large.Add(-1)
		return false
	}
	c.big = lentReads.Get().(*[bigRead]byte)
	return true
}

// giveBack returns the large buffer; a conversation holds little while it is idle.
func (c *conversation) giveBack() {
	if c.big != nil {
		lentReads.Put(c.big)
		c.server.streams.large.Add(-1)
		c.big, c.in = nil, c.small[:]
	}
}

// send writes framed messages. Messages of long answers may come before and after, never between.
func (c *conversation) send(framed []byte) bool {
	c.sending.Lock()
	defer c.sending.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(c.server.o.Limits.Write))
	_, err := c.conn.Write(framed)
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
		c.server.streams.tally.late.Add(1)
	}
	return err == nil
}

// begin starts a long answer. When the client has as many as it may, it waits for one to end.
func (c *conversation) begin(query []byte) bool {
	if c.long == nil {
		c.long = make(chan struct{}, c.server.o.Limits.Long)
	}
	select {
	case c.long <- struct{}{}:
	case <-c.ctx.Done():
		return false
	}
	c.server.streams.tally.long.Add(1)
	query, from := append([]byte(nil), query...), c.client
	c.running.Go(func() {
		defer func() { <-c.long }()
		if c.server.streamer.Stream(c.ctx, query, from, c.sendOne) != nil {
			_ = c.st.Close() // the reader ends, too
		}
	})
	return true
}

func (c *conversation) sendOne(message []byte) error {
	if len(message) > maxMessage {
		return errTooLong
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	lent := lentWrites.Get().(*[]byte)
	defer lentWrites.Put(lent)
	framed := binary.BigEndian.AppendUint16((*lent)[:0], uint16(len(message)))
	if !c.send(append(framed, message...)) {
		return io.ErrClosedPipe
	}
	return nil
}

var errTooLong = errors.New("the answer is longer than the transport allows")
