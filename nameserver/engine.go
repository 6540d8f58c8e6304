package nameserver

import (
	"net/netip"
	"sync"
)

// A Client is who asked, and by what way.
type Client struct {
	Addr netip.AddrPort
	// Stream is set where answers may have 65535 octets and the address is proven: TCP, TLS, HTTPS,
	// QUIC. There is no truncation then, and no rate limit.
	Stream bool
	// Encrypted is set where a query's wish for padding is fulfilled (RFC 7830, RFC 8467).
	Encrypted bool
	// Keepalive is the time that the connection may stay idle, in units of 100 ms. It is told to
	// those who ask for it over a stream (RFC 7828); with 0 it is not.
	Keepalive uint16
	// MaxUDP is the most octets of a datagram for this client; 0 means Engine.MaxUDP.
	MaxUDP int
}

// An Engine answers from Zones. Its fields are set before the first query and stay, apart from
// Zones, which may change at any time. The zero value answers.
type Engine struct {
	Zones Zones

	// MaxUDP is the most octets of an answer over UDP, and the size that is announced by EDNS. 0
	// means 1232, which passes without fragments nearly everywhere (DNS Flag Day 2020).
	MaxUDP int
	// NSID is the name of this server that is told to who asks for it (RFC 5001); "" tells none.
	NSID string
	// Version is the answer to version.bind and version.server, class CHAOS; "" refuses the question.
	Version string
	// Hostname is the answer to hostname.bind and id.server, class CHAOS (RFC 4892); "" refuses.
	Hostname string
	// Rotate starts RRsets with another record in each answer. Signatures do not mind.
	Rotate bool
	// Cookies protects against spoofed addresses (RFC 7873); nil answers without cookies.
	Cookies *Cookies
	// ClientSubnet takes note of the subnets of clients that resolvers tell of (RFC 7871): Steer gets
	// them, and who sent one gets it back with the scope of the answer. Without it they are ignored, as
	// that RFC wants it from who does not make use of them: answers are the same for all networks then,
	// and resolvers know so without being told.
	ClientSubnet bool
	// Reports tells resolvers where to report what they could not resolve or validate (RFC 9567); nil
	// does not.
	Reports *Reports
	// Steer appends to picked the numbers of the records that a client is answered with, in their
	// order, for sets that have a policy (CompileOptions.Policy). None means that there is no such
	// data. It is called by many threads at once, once for each such set of an answer, and must be as
	// quick as the rest: no waiting, no allocation. nil answers with whole sets.
	Steer func(c *Choice, picked []uint16) []uint16
	// Limit bounds answers over UDP to those who may be spoofed; nil does not.
	Limit *RateLimit

	mu        sync.Mutex
	scratches []*Scratch
}

// defaultMaxUDP is what DNS Flag Day 2020 recommends.
const defaultMaxUDP = 1232

// NewScratch returns working memory for one thread. It is reused from query to query, and counts
// them.
func (e *Engine) NewScratch() *Scratch {
	s := newScratch()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.scratches = append(e.scratches, s)
	return s
}

// Counts adds up what all threads have counted. A thread tells now and then, and at Flush.
func (e *Engine) Counts() Counts {
	e.mu.Lock()
	defer e.mu.Unlock()
	var sum Counts
	for _, s := range e.scratches {
		for i := range s.told {
			sum.add(i, s.told[i].Load())
		}
	}
	return sum
}
