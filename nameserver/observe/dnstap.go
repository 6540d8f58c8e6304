package observe

import (
	"encoding/binary"
	"net/netip"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/zonecast/zonecast/nameserver/socket"
)

// Dnstap says where queries and answers go as dnstap messages (dnstap.info, dnstap.proto), of types
// AUTH_QUERY and AUTH_RESPONSE.
type Dnstap struct {
	// Network is "unix" or "tcp", where the receiver listens and says hello (Frame Streams,
	// bidirectional), or "file".
	Network string
	// Address is a path, or host and port. A file that is there already is kept beside, with ".1"
	// behind its name.
	Address string
	// NoQueries and NoResponses leave out one of the two kinds.
	NoQueries, NoResponses bool
	// Sample takes one in so many; 0 and 1: all.
	Sample int
	// Identity and Version of this server; "" leaves them out. Together they have at most 1000 octets.
	Identity, Version string
	// Buffer is how many octets wait for the receiver at most, for each of 16 threads; 0: 256 KiB.
	// What is more is dropped.
	Buffer int
}

// contentType of Frame Streams that hold dnstap.
const contentType = "protobuf:dnstap.Dnstap"

// Fields of message Dnstap.
const (
	tapIdentity = 1
	tapVersion  = 2
	tapMessage  = 14
	tapType     = 15
)

// Fields of message Message.
const (
	messageType            = 1
	messageFamily          = 2
	messageProtocol        = 3
	messageQueryAddress    = 4
	messageResponseAddress = 5
	messageQueryPort       = 6
	messageResponsePort    = 7
	messageQuerySec        = 8
	messageQueryNsec       = 9
	messageQuery           = 10
	messageResponseSec     = 12
	messageResponseNsec    = 13
	messageResponse        = 14

	authQuery    = 1
	authResponse = 2
)

// protocols are SocketProtocol, by transport.
var protocols = [transports]uint64{socket.UDP: 1, socket.TCP: 2, socket.TLS: 3, socket.HTTPS: 4, socket.QUIC: 7}

// tapOverhead is how many octets a frame has at most beside the DNS message and the names of the server.
const tapOverhead = 128

type dnstap struct {
	o    *Dnstap
	out  *pump
	head []byte // identity and version
}

func newDnstap(o *Dnstap) *dnstap {
	d := &dnstap{o: o, out: newPump(newFrames(o.Network, o.Address), o.Buffer)}
	if o.Identity != "" {
		d.head = protowire.AppendTag(d.head, tapIdentity, protowire.BytesType)
		d.head = protowire.AppendString(d.head, o.Identity)
	}
	if o.Version != "" {
		d.head = protowire.AppendTag(d.head, tapVersion, protowire.BytesType)
		d.head = protowire.AppendString(d.head, o.Version)
	}
	return d
}

func (d *dnstap) pump() *pump { return d.out }

func (d *dnstap) wants(s *sampler, _ *exchange) bool { return s.pass(d.o.Sample) }

func (d *dnstap) take(r *ring, x *exchange) (lost uint64) {
	if !d.o.NoQueries && !d.frame(r, x, authQuery, x.query) {
		lost++
	}
	if !d.o.NoResponses && x.answer != nil && !d.frame(r, x, authResponse, x.answer) {
		lost++
	}
	return lost
}

// frame appends a frame of Frame Streams with one dnstap message. It reports false when that has no
// room. The message inside is written first, so that its length is known.
func (d *dnstap) frame(r *ring, x *exchange, kind uint64, dns []byte) bool {
	if len(dns)+len(d.head)+tapOverhead > cap(r.buf)-len(r.buf) {
		return false
	}
	var fixed [tapOverhead]byte
	m := appendUint(fixed[:0], messageType, kind)
	m = appendFrom(m, x.from)
	m = appendTime(m, messageQuerySec, messageQueryNsec, x.asked)
	field := protowire.Number(messageQuery)
	if kind == authResponse {
		m = appendTime(m, messageResponseSec, messageResponseNsec, x.responded)
		field = messageResponse
	}
	m = protowire.AppendTag(m, field, protowire.BytesType)
	m = protowire.AppendVarint(m, uint64(len(dns)))

	b := r.buf
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = append(b, d.head...)
	b = protowire.AppendTag(b, tapMessage, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(m)+len(dns)))
	b = append(append(b, m...), dns...)
	b = appendUint(b, tapType, 1) // MESSAGE
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	r.buf = b
	r.items++
	return true
}

func appendUint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

// appendFrom tells who asked, whom of ours, and by what way. An address of ours of another family than
// the client's, as behind a balancer, has no place: a message has one family.
func appendFrom(b []byte, from *socket.Client) []byte {
	addr := from.Addr.Addr().Unmap()
	family := uint64(1)
	if addr.Is6() {
		family = 2
	}
	b = appendUint(b, messageFamily, family)
	if p := protocols[from.Transport%transports]; p != 0 {
		b = appendUint(b, messageProtocol, p)
	}
	if addr.IsValid() {
		b = appendAddr(b, messageQueryAddress, addr)
		b = appendUint(b, messageQueryPort, uint64(from.Addr.Port()))
	}
	if from.Local == nil {
		return b
	}
	if local := from.Local.Addr().Unmap(); local.IsValid() && local.Is6() == addr.Is6() {
		b = appendAddr(b, messageResponseAddress, local)
		b = appendUint(b, messageResponsePort, uint64(from.Local.Port()))
	}
	return b
}

func appendAddr(b []byte, field protowire.Number, a netip.Addr) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	if a.Is4() {
		v4 := a.As4()
		return protowire.AppendBytes(b, v4[:])
	}
	v6 := a.As16()
	return protowire.AppendBytes(b, v6[:])
}

func appendTime(b []byte, sec, nsec protowire.Number, t int64) []byte {
	b = appendUint(b, sec, uint64(t/1e9))
	b = protowire.AppendTag(b, nsec, protowire.Fixed32Type)
	return protowire.AppendFixed32(b, uint32(t%1e9))
}
