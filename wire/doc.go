// Package wire speaks DNS: it builds and reads messages (RFC 1035, EDNS of RFC 6891), signs and
// checks them with TSIG (RFC 8945), exchanges them over UDP with fallback to TCP, over TCP, TLS
// (RFC 7858) and HTTPS (RFC 8484), and transfers whole zones (AXFR, RFC 5936).
//
// In come questions and records of package zone, out come the same: names keep their exact
// octets on the way, RDATA is canonical wire form. No type of another DNS library appears in an
// exported signature.
//
// The reader takes any compression that points backwards and nothing that is malformed; what
// it reads costs time and memory in proportion to the message, whatever the octets.
//
// The package never retries an update, never follows a referral, never resolves: it asks the
// address that it is told and says what came back, and whether anything may have been sent.
//
//	c := wire.Client{Timeout: 2 * time.Second}
//	q := wire.Query(zone.MustName("www.example.org."), zone.TypeA)
//	answer, err := c.Exchange(ctx, "192.0.2.53:53", q)
//	if err == nil && answer.RCODE == wire.NoError {
//		for _, r := range answer.Answers { … }
//	}
package wire
