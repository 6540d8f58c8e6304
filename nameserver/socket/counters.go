package socket

import "sync/atomic"

// Counters are what happened since Listen. They only grow, but for Open.
type Counters struct {
	Datagrams uint64 // queries that arrived over UDP
	Answers   uint64 // answers over UDP that the kernel took
	Unsent    uint64 // answers over UDP that the kernel did not take
	Cut       uint64 // datagrams longer than what is taken (MaxDatagram)
	LongUDP   uint64 // queries over UDP for the Streamer
	Busy      uint64 // of these: not answered, because Limits.LongUDP others were
	BadProxy  uint64 // datagrams and connections of balancers without a valid PROXY header

	Connections uint64 // that were accepted
	Refused     uint64 // of these: ended at once, because their client had too many
	Evicted     uint64 // of these: idle ones that made room for others
	Crowded     uint64 // of these: ended with a long message, because of Limits.Large
	Late        uint64 // of these: ended because a message did not arrive or was not accepted in time
	Handshakes  uint64 // handshakes of TLS and QUIC that failed
	Open        uint64 // connections there are now
	Messages    uint64 // queries over TCP and TLS
	QUIC        uint64 // queries over QUIC
	Long        uint64 // of both: answered by the Streamer
	Requests    uint64 // requests over HTTP
	HTTP3       uint64 // of these: over HTTP/3
	BadRequests uint64 // of these: no DNS queries
	Retries     uint64 // handshakes over QUIC whose client had to prove its address first
}

// tally counts what one UDP thread does. Only this thread writes it, once a batch; the padding
// keeps tallies of different threads in different cache lines.
type tally struct {
	datagrams, answers, unsent, cut, badProxy, long, busy atomic.Uint64
	_                                                     [72]byte
}

func (t *tally) add(c *Counters) {
	c.Datagrams += t.datagrams.Load()
	c.Answers += t.answers.Load()
	c.Unsent += t.unsent.Load()
	c.Cut += t.cut.Load()
	c.BadProxy += t.badProxy.Load()
	c.LongUDP += t.long.Load()
	c.Busy += t.busy.Load()
}

// streamTally counts what happens to connections.
type streamTally struct {
	connections, refused, evicted, late, crowded, handshakes, messages, long, requests, badRequests, badProxy, quic, http3, retries atomic.Uint64
}

// Counters returns what happened up to now.
func (s *Server) Counters() Counters {
	t := &s.streams.tally
	c := Counters{
		Connections: t.connections.Load(),
		Refused:     t.refused.Load(),
		Evicted:     t.evicted.Load(),
		Crowded:     t.crowded.Load(),
		Late:        t.late.Load(),
		Handshakes:  t.handshakes.Load(),
		Messages:    t.messages.Load(),
		QUIC:        t.quic.Load(),
		HTTP3:       t.http3.Load(),
		Retries:     t.retries.Load(),
		Long:        t.long.Load(),
		Requests:    t.requests.Load(),
		BadRequests: t.badRequests.Load(),
		BadProxy:    t.badProxy.Load(),
		Open:        uint64(s.streams.open()),
	}
	for _, p := range s.packets {
		p.counts().add(&c)
	}
	return c
}
