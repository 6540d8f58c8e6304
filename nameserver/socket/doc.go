// Package socket carries DNS messages between clients and something that answers them: over UDP,
// TCP (RFC 7766), TLS (RFC 7858), HTTPS (RFC 8484, HTTP/1.1 to HTTP/3) and QUIC (RFC 9250), behind
// balancers with PROXY protocol v2.
//
// In flow octets of queries, out flow octets of answers. The package looks at no more of a message
// than its length, except for DNS over HTTPS, where the least TTL of an answer is how long it may
// be cached, and over QUIC, where an ID or an option can break the protocol. What a query means is
// the Answerer's business; package nameserver has one.
//
// On Linux each thread has a UDP socket of its own (SO_REUSEPORT), takes many datagrams with one
// call (recvmmsg) and sends many with one (sendmmsg), without allocating anything. Elsewhere the
// standard library's sockets do the same work more slowly.
//
// Nobody can hold much of the server: connections are limited in all and for each client, idle ones
// end, the longest idle one makes room for a new one, slow readers and writers are cut off.
//
// Binding and serving are two steps, so that a process can give up its rights between them:
//
//	s, err := socket.Listen(socket.Options{
//		Answerer:  engine,
//		Endpoints: []socket.Endpoint{{Service: socket.DNS, Addr: netip.MustParseAddrPort("192.0.2.53:53")}},
//	})
//	…
//	err = s.Run(ctx) // until ctx ends; then what has arrived is still answered
//
// The package never reads a zone, never asks another server and never logs; what goes wrong is
// counted, see Counters.
package socket
