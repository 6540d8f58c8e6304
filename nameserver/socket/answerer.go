package socket

import (
	"context"
	"crypto/tls"
	"net/netip"
)

// A Transport says how a query came.
type Transport uint8

// Transports.
const (
	UDP   Transport = iota
	TCP             // RFC 7766
	TLS             // RFC 7858
	HTTPS           // RFC 8484, over TCP and QUIC
	QUIC            // RFC 9250
)

// String names the transport in lower case, as labels of metrics have it.
func (t Transport) String() string {
	return [...]string{"udp", "tcp", "tls", "https", "quic"}[min(t, QUIC)]
}

// Stream reports whether answers may have any length that DNS can express.
func (t Transport) Stream() bool { return t != UDP }

// Encrypted reports whether padding (RFC 8467) is of use.
func (t Transport) Encrypted() bool { return t == TLS || t == HTTPS || t == QUIC }

// A Client is who asks.
type Client struct {
	Addr      netip.AddrPort // as the balancer tells it, where there is one
	Transport Transport
	// KeepAlive is how long the connection may stay idle, in units of 100 ms, for the option of
	// RFC 7828. It is 0 where that option has no meaning: over UDP, HTTPS and QUIC.
	KeepAlive uint16
	// TLS is what is known of the connection over TLS and QUIC, the client's certificate included; else nil.
	TLS *tls.ConnectionState
	// Local is the address of ours that the query came to; behind a balancer the one that this
	// connected to. nil unless Options.Locals asks for it, and where the socket does not know: of a
	// datagram at all addresses, where the system does not tell.
	Local *netip.AddrPort
}

// An Answerer makes answers. Its methods are called by many threads at once.
type Answerer interface {
	// Worker returns what one thread answers with. It is called once for each thread that reads
	// datagrams, and now and then for connections, which lend workers to each other.
	Worker() Worker
}

// A Worker answers, one query at a time. It may keep working memory.
type Worker interface {
	// Answer appends the answer to dst, whose length is 0, and returns it; nil leaves the query
	// without an answer, and ends a connection, over QUIC a stream, that it came over. An answer over UDP has at most
	// MaxDatagram octets. query has at least the 12 octets of a header and may be changed. Neither
	// query, nor from and what it points to, nor dst are kept.
	Answer(dst, query []byte, from *Client) []byte
}

// A BatchWorker answers all datagrams that arrived together. It can have the memory of them all on
// its way to the processor before it looks at the first.
type BatchWorker interface {
	Worker
	// AnswerBatch sets Answer of every packet, by the rules of Worker.Answer.
	AnswerBatch(batch []Packet)
}

// A Flusher is a Worker that wants to know when it has nothing to do for a while: before a thread
// waits for datagrams, and after the queries of a connection that came together.
type Flusher interface{ Flush() }

// A Clocked worker takes the time from who has looked at the clock anyway: before a call of Answer or
// AnswerBatch, and for that call alone, in nanoseconds since 1970.
type Clocked interface{ At(now int64) }

// A Packet is a datagram and its answer.
type Packet struct {
	Query  []byte
	From   Client
	Dst    []byte // room for the answer, of length 0
	Answer []byte // what to send; nil for nothing
	slot   int
}

// A Streamer is an Answerer that has answers which take several messages or much time, such as zone
// transfers and updates. They do not hold up the queries behind them.
type Streamer interface {
	// Long reports whether Stream has to answer the query. It is called for every query over UDP,
	// TCP, TLS and QUIC, and must be quick.
	Long(query []byte, from *Client) bool
	// Stream answers a query, message by message. send waits until the client has taken the
	// message, and returns an error when it does not, or when ctx has ended; Stream then gives up.
	// Over UDP only one message can be sent, of at most MaxDatagram octets. query belongs to Stream.
	// An error ends the connection, over QUIC the stream.
	Stream(ctx context.Context, query []byte, from Client, send func(message []byte) error) error
}

// MaxDatagram is how long an answer over UDP may be, in octets.
const MaxDatagram = 4096
