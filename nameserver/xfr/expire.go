package xfr

import (
	"encoding/binary"
	"time"

	"github.com/zonecast/zonecast/wire"
)

// EDNS options of transfers.
const (
	optExpire  = 9  // RFC 7314
	optPadding = 12 // RFC 7830
)

// Blocks that messages over TLS are filled to (RFC 8467, section 4.1).
const (
	requestBlock = 128
	answerBlock  = 468
)

// option returns an option of a message.
func option(e *wire.EDNS, code uint16) (data string, ok bool) {
	if e == nil {
		return "", false
	}
	for _, o := range e.Options {
		if o.Code == code {
			return o.Data, true
		}
	}
	return "", false
}

// expireOf is how long the zone that an answer tells of lasts at who sent it (RFC 7314, section 3).
func expireOf(e *wire.EDNS) (d time.Duration, ok bool) {
	data, ok := option(e, optExpire)
	if !ok || len(data) != 4 {
		return 0, false
	}
	return time.Duration(binary.BigEndian.Uint32([]byte(data))) * time.Second, true
}

// requestEDNS is what goes with a request for a zone: a question for how long the zone lasts, and
// over TLS what makes requests alike in length. The message is the request without EDNS.
func (p *Primary) requestEDNS(c *wire.Client, m *wire.Message) *wire.EDNS {
	e := &wire.EDNS{Size: wire.UDPSize, Options: []wire.Option{{Code: optExpire}}}
	if c.Transport != wire.TLS {
		return e
	}
	e.Options = append(e.Options, wire.Option{Code: optPadding})
	full := *m
	full.EDNS = e
	b, err := full.Pack()
	if err != nil { // sending it tells
		return e
	}
	n := len(b) + wire.MaxSize - c.RequestSize() // with the signature
	e.Options[1].Data = string(make([]byte, (requestBlock-n%requestBlock)%requestBlock))
	return e
}
