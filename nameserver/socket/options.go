package socket

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A Service is what is offered at an address.
type Service uint8

// Services.
const (
	DNS Service = iota // UDP and TCP at the same port
	DoT                // DNS over TLS
	DoH                // DNS over HTTPS, HTTP/2 and HTTP/1.1
	// DoHPlain is DNS over HTTP without TLS, HTTP/2 by prior knowledge included: for a balancer
	// that has ended the TLS, never for the open network.
	DoHPlain
	DoQ  // DNS over QUIC
	DoH3 // DNS over HTTPS, HTTP/3: over UDP
)

var services = [...]struct {
	name string
	port uint16
}{{"DNS", 53}, {"DNS over TLS", 853}, {"DNS over HTTPS", 443}, {"DNS over HTTP", 80}, {"DNS over QUIC", 853}, {"DNS over HTTP/3", 443}}

// String names the service.
func (s Service) String() string { return services[min(s, DoH3)].name }

// Port is where clients expect the service.
func (s Service) Port() uint16 { return services[min(s, DoH3)].port }

// secure reports whether the service needs a certificate.
func (s Service) secure() bool { return s == DoT || s == DoH || s == DoQ || s == DoH3 }

// An Endpoint is a service at an address. Port 0 takes a free port.
type Endpoint struct {
	Service Service
	Addr    netip.AddrPort
}

// ParseEndpoints reads "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:5353" or
// ":5353", which means every address of IPv4 and of IPv6. Names are not looked up: a name server
// that has to ask for its own address may wait for itself.
func ParseEndpoints(service Service, text string) ([]Endpoint, error) {
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return []Endpoint{{service, netip.AddrPortFrom(addr, service.Port())}}, nil
	}
	if addr, err := netip.ParseAddrPort(text); err == nil {
		return []Endpoint{{service, addr}}, nil
	}
	if digits, ok := strings.CutPrefix(text, ":"); ok {
		port, err := strconv.ParseUint(digits, 10, 16)
		if err == nil {
			return []Endpoint{
				{service, netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port))},
				{service, netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port))},
			}, nil
		}
	}
	return nil, fmt.Errorf("%q is no address to listen on; write it like 192.0.2.53, 192.0.2.53:53, [2001:db8::53]:53 or :53", text)
}

// Options tell where to listen, who answers and what clients may use up.
type Options struct {
	Answerer  Answerer
	Endpoints []Endpoint
	Inherited []Inherited
	// Threads is how many threads read datagrams at each address; 0: one for each processor that
	// the process may use. Elsewhere than on Linux it is always one.
	Threads int
	// Share lets another process that was started with Share listen at the same addresses, so that
	// a new one can take over without losing a query. Without it Listen refuses an address that is
	// in use: two unlike servers on one port would share the queries at random.
	Share bool
	// ReceiveBuffer is how many octets of datagrams the kernel keeps for each socket; 0: 4 MiB,
	// or what the system allows (net.core.rmem_max).
	ReceiveBuffer int
	Certificates  *Certificates // for all but DNS and DoHPlain
	// ClientAuth says whether clients are asked for a certificate over TLS and QUIC (RFC 9103,
	// section 9.3.3);
	// ClientCAs are the authorities that those are checked against.
	ClientAuth tls.ClientAuthType
	ClientCAs  *x509.CertPool
	Path       string // of DoH; "": /dns-query
	// ProxyFrom are the balancers. What comes from them must begin with a header of PROXY protocol
	// version 2, over UDP each datagram; what comes from others must not and is taken as it is. QUIC
	// has no such header: over QUIC balancers are refused.
	ProxyFrom []netip.Prefix
	Locals    bool // tell the Answerer which address each query came to (Client.Local)
	Limits    Limits
}

// Limits bound what clients can use up. Zero fields have the defaults.
type Limits struct {
	Connections int           // in all; 0: 5000
	PerClient   int           // connections of one IPv4 address or IPv6 /64; 0: 100
	Idle        time.Duration // how long a connection may be silent; 0: 10 s
	Message     time.Duration // how long one message, a PROXY header or a handshake may take to arrive; 0: 5 s
	Write       time.Duration // how long a client may take to accept what is sent to it; 0: 5 s
	Long        int           // long answers (see Streamer) at once over one connection; 0: 4
	Large       int           // connections over TCP and TLS at once on which more than 512 octets have come and are not answered, each holds 64 KiB; 0: 1000
	LongUDP     int           // the same over UDP, for each thread; more are not answered; 0: 16
	Requests    int           // requests over HTTPS or queries over QUIC at once over one connection; 0: 250
	Drain       time.Duration // how long to wait for the last answers in the end; 0: 5 s
}

func (l *Limits) setDefaults() {
	setDefault(&l.Connections, 5000)
	setDefault(&l.PerClient, 100)
	setDefault(&l.Idle, 10*time.Second)
	setDefault(&l.Message, 5*time.Second)
	setDefault(&l.Write, 5*time.Second)
	setDefault(&l.Long, 4)
	setDefault(&l.Large, 1000)
	setDefault(&l.LongUDP, 16)
	setDefault(&l.Requests, 250)
	setDefault(&l.Drain, 5*time.Second)
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// prepared checks the options and fills in what was left to default.
func (o Options) prepared() (Options, error) {
	if o.Answerer == nil {
		return o, errors.New("nobody answers: Options.Answerer is missing")
	}
	if len(o.Endpoints)+len(o.Inherited) == 0 {
		return o, errors.New("no address to listen on")
	}
	for _, e := range o.Endpoints {
		if !e.Addr.IsValid() {
			return o, fmt.Errorf("%s: no valid address to listen on", e.Service)
		}
		if e.Service == DoQ && e.Addr.Port() == DNS.Port() { // RFC 9250, section 4.1.1
			return o, fmt.Errorf("%s at %s: that port is for DNS without encryption, whose datagrams could not be told apart", e.Service, e.Addr)
		}
		if e.Service.secure() && o.Certificates == nil {
			return o, fmt.Errorf("%s at %s needs a certificate", e.Service, e.Addr)
		}
	}
	if o.Path == "" {
		o.Path = "/dns-query"
	}
	setDefault(&o.Threads, runtime.GOMAXPROCS(0))
	setDefault(&o.ReceiveBuffer, 4<<20)
	o.Limits.setDefaults()
	return o, nil
}

// network is "udp4" or the like; v4-mapped addresses count as IPv4.
func network(protocol string, a netip.AddrPort) string {
	if a.Addr().Unmap().Is4() {
		return protocol + "4"
	}
	return protocol + "6"
}

// local returns Client.Local of what came over a connection.
func (o *Options) local(a net.Addr) *netip.AddrPort {
	if !o.Locals {
		return nil
	}
	return known(addrPort(a))
}

// known is an address that says something.
func known(a netip.AddrPort) *netip.AddrPort {
	if !a.IsValid() || a.Addr().IsUnspecified() {
		return nil
	}
	return &a
}

// client is the unit that limits are counted for: an IPv6 network of one site has at least a /64.
func client(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// addrPort is the address of a connection's other end; the zero one for what has no IP address.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.TCPAddr:
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	case *net.UDPAddr:
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}
