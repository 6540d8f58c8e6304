package socket

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	"github.com/quic-go/quic-go"
)

// Codes of DNS over QUIC (RFC 9250, section 8.4).
const (
	doqNoError       = 0x0
	doqInternalError = 0x1
	doqProtocolError = 0x2
	doqExcessiveLoad = 0x4
)

// doqProtocol is DNS over dedicated QUIC connections (RFC 9250). Clients may not open one-way
// streams.
var doqProtocol = quicProtocol{
	alpn: "doq", none: doqNoError, excess: doqExcessiveLoad, uni: -1,
	open: func(l *quicLink) func(*quic.Stream) {
		d := &doq{
			quicLink: l,
			client:   Client{Addr: l.st.from, Transport: QUIC, TLS: &l.tls, Local: l.door.server.o.local(l.conn.Load().LocalAddr())},
			long:     make(chan struct{}, l.door.server.o.Limits.Long),
		}
		return d.answer
	},
}

// A doq is a connection. Each query has a stream of its own.
type doq struct {
	*quicLink
	client Client
	long   chan struct{} // holds one token for each long answer
}

// broken ends the connection because the client does not obey the protocol.
func (d *doq) broken() { d.close(doqProtocolError) }

// answer answers the query of a stream.
func (d *doq) answer(str *quic.Stream) {
	s := d.door.server
	query := d.read(str)
	if query == nil {
		return
	}
	s.streams.tally.quic.Add(1)
	if notOverQUIC(query) {
		d.broken()
		return
	}
	if s.streamer != nil && s.streamer.Long(query, &d.client) {
		d.stream(str, query)
		return
	}
	lent := lentWrites.Get().(*[]byte)
	defer lentWrites.Put(lent)
	worker := s.borrow()
	answer := worker.Answer((*lent)[prefix:prefix], query, &d.client)
	s.giveBack(worker)
	if answer == nil || len(answer) > maxMessage {
		str.CancelWrite(doqInternalError)
		return
	}
	if d.send(str, answer, lent) == nil {
		_ = str.Close()
	}
}

// read returns the query of a stream when the client has ended it, and nil when there is none.
func (d *doq) read(str *quic.Stream) []byte {
	l := &d.door.server.o.Limits
	_ = str.SetReadDeadline(time.Now().Add(l.Message))
	b, err := d.readAll(str, prefix+maxMessage)
	cancelled, _ := errors.AsType[*quic.StreamError](err)
	netErr, _ := errors.AsType[net.Error](err)
	switch {
	case err == nil: // more than any message has
		d.broken()
	case errors.Is(err, errFull):
		d.close(doqExcessiveLoad)
	case cancelled != nil: // RFC 9250, section 4.3.1: it is not answered
		str.CancelWrite(cancelled.ErrorCode)
	case netErr != nil && netErr.Timeout() && d.conn.Load().Context().Err() == nil:
		// It may not leave a stream without its end.
		d.door.server.streams.tally.late.Add(1)
		d.broken()
	case !errors.Is(err, io.EOF): // the connection has ended
	case len(b) < prefix+header || len(b) != prefix+int(binary.BigEndian.Uint16(b)):
		d.broken()
	default:
		return b[prefix:]
	}
	return nil
}

// stream has the Streamer answer a query. The client may give it up (STOP_SENDING) or end the
// connection: both end the stream's context.
func (d *doq) stream(str *quic.Stream, query []byte) {
	ctx := str.Context()
	select {
	case d.long <- struct{}{}:
		defer func() { <-d.long }()
	case <-ctx.Done():
		return
	}
	s := d.door.server
	s.streams.tally.long.Add(1)
	lent := lentWrites.Get().(*[]byte)
	defer lentWrites.Put(lent)
	sent := false
	err := s.streamer.Stream(ctx, query, d.client, func(message []byte) error {
		if len(message) > maxMessage {
			return errTooLong
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		sent = true
		return d.send(str, message, lent)
	})
	if err != nil || !sent {
		str.CancelWrite(doqInternalError)
		return
	}
	_ = str.Close()
}

// send sends a message, with its length in front. The message may be in lent already.
func (d *doq) send(str *quic.Stream, message []byte, lent *[]byte) error {
	framed := (*lent)[:prefix]
	binary.BigEndian.PutUint16(framed, uint16(len(message)))
	framed = append(framed, message...) // onto itself, unless the worker took memory of its own
	_ = str.SetWriteDeadline(time.Now().Add(d.door.server.o.Limits.Write))
	_, err := str.Write(framed)
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() && d.conn.Load().Context().Err() == nil {
		d.door.server.streams.tally.late.Add(1)
		str.CancelWrite(doqExcessiveLoad)
	}
	return err
}

// notOverQUIC reports whether a message is one that no client may send over QUIC: an answer, one
// with an ID (RFC 9250, section 4.2.1), or one with the option of RFC 7828 (section 5.5.2).
func notOverQUIC(m []byte) bool {
	if m[0]|m[1] != 0 || m[2]&0x80 != 0 {
		return true
	}
	at := header
	for range binary.BigEndian.Uint16(m[4:]) {
		if at = skipName(m, at) + 4; at > len(m) {
			return false // whoever answers finds out
		}
	}
	records := int(binary.BigEndian.Uint16(m[6:])) + int(binary.BigEndian.Uint16(m[8:])) + int(binary.BigEndian.Uint16(m[10:]))
	for range records {
		if at = skipName(m, at); at+10 > len(m) {
			return false
		}
		rtype := binary.BigEndian.Uint16(m[at:])
		end := at + 10 + int(binary.BigEndian.Uint16(m[at+8:]))
		if end > len(m) {
			return false
		}
		if rtype == typeOPT && hasOption(m[at+10:end], optionKeepAlive) {
			return true
		}
		at = end
	}
	return false
}

const (
	typeOPT         = 41
	optionKeepAlive = 11
)

// hasOption looks for an option in the RDATA of an OPT record.
func hasOption(b []byte, code uint16) bool {
	for len(b) >= 4 {
		if binary.BigEndian.Uint16(b) == code {
			return true
		}
		b = b[min(4+int(binary.BigEndian.Uint16(b[2:])), len(b)):]
	}
	return false
}
