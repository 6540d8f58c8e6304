package socket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

// QUIC for DNS over QUIC and for HTTP/3. Connections have the same places in the accounts as those
// over TCP, from the first datagram on, so that all limits hold for all of them together.
const (
	// quicUnproven is how many handshakes there may be with addresses that nobody has proved. With
	// more, clients have to send back a token first (Retry: RFC 9000, section 8.1.2), so that made-up
	// addresses cannot take the places of real ones.
	quicUnproven = 32
	// quicStream and quicConnection are the windows for what clients send: a query that is longer
	// than a packet is rare.
	quicStream, quicConnection = 64 << 10, 256 << 10
	// quicUnanswered is what the unfinished queries of a connection may hold.
	quicUnanswered = 1 << 20
)

// A quicDoor is where QUIC connections come in: one UDP socket, as packets of a connection must all
// arrive at one place.
type quicDoor struct {
	server    *Server
	service   Service
	socket    *net.UDPConn
	transport *quic.Transport
	listener  *quic.Listener
	shaking   atomic.Int64 // handshakes under way
	protocol  quicProtocol
}

// A quicProtocol is what is spoken over a connection.
type quicProtocol struct {
	alpn string
	// none is the code that says that all is well, excess that it is too much.
	none, excess quic.ApplicationErrorCode
	// uni is how many one-way streams clients may open; below 0: none.
	uni int64
	// open returns what answers the streams of a new connection.
	open func(*quicLink) func(*quic.Stream)
}

func (s *Server) bindQUIC(e Endpoint) error {
	lc := net.ListenConfig{Control: streamControl(s.o.Share)}
	c, err := lc.ListenPacket(context.Background(), network("udp", e.Addr), netip.AddrPortFrom(e.Addr.Addr().Unmap(), e.Addr.Port()).String())
	if err != nil {
		return fmt.Errorf("listen on %s for %s: %w", e.Addr, e.Service, cause(err))
	}
	s.addQUIC(e.Service, c.(*net.UDPConn))
	return nil
}

func (s *Server) addQUIC(service Service, c *net.UDPConn) {
	_ = c.SetReadBuffer(s.o.ReceiveBuffer) // as far as the system allows
	s.quic = append(s.quic, &quicDoor{server: s, service: service, socket: c})
	s.bound = append(s.bound, Endpoint{service, addrPort(c.LocalAddr())})
}

// listen begins to take connections.
func (d *quicDoor) listen() error {
	d.protocol = doqProtocol
	if d.service == DoH3 {
		d.protocol = d.server.http3Protocol()
	}
	l := &d.server.o.Limits
	config := d.server.o.Certificates.config(d.protocol.alpn)
	config.ClientAuth, config.ClientCAs = d.server.o.ClientAuth, d.server.o.ClientCAs
	// The library would write to the standard log that the system allows less than 7 MiB.
	_ = os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true")
	d.transport = &quic.Transport{
		Conn:                d.socket,
		VerifySourceAddress: func(net.Addr) bool { return d.mustProve() },
		ConnContext:         d.admit,
	}
	transport := &quic.Config{
		HandshakeIdleTimeout:           max(l.Message/2, time.Millisecond), // twice that is the handshake's time
		MaxIdleTimeout:                 l.Idle,
		InitialStreamReceiveWindow:     quicStream,
		MaxStreamReceiveWindow:         quicStream,
		InitialConnectionReceiveWindow: quicConnection,
		MaxConnectionReceiveWindow:     quicConnection,
		MaxIncomingStreams:             int64(l.Requests),
		MaxIncomingUniStreams:          d.protocol.uni,
		// Allow0RTT stays off: what comes early can be played back by others (RFC 9250, section 4.5).
	}
	var err error
	d.listener, err = d.transport.Listen(config, transport)
	return err
}

// mustProve reports whether clients have to prove their address before anything is kept for them:
// while many handshakes are under way, and while connections run short.
func (d *quicDoor) mustProve() bool {
	l := &d.server.o.Limits
	// Half of a client's places at most, and no connection that makes room, can go to made-up addresses.
	if d.shaking.Load() < min(quicUnproven, int64(l.PerClient)/2) && d.server.streams.open() < l.Connections*3/4 {
		return false
	}
	d.server.streams.tally.retries.Add(1)
	return true
}

type linkKey struct{}

var errFull = errors.New("too many connections")

// admit gives a connection its place, or refuses it.
func (d *quicDoor) admit(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	s := d.server.streams
	from := addrPort(info.RemoteAddr)
	if proxied(d.server.o.ProxyFrom, from.Addr()) {
		s.tally.badProxy.Add(1) // QUIC has no place for the header: who is behind it cannot be known
		return nil, errProxy
	}
	l := &quicLink{door: d, remote: info.RemoteAddr}
	l.timer = time.AfterFunc(time.Hour, l.expire)
	l.timer.Stop()
	l.st = s.admit(l)
	if l.st == nil {
		return nil, errFull
	}
	if !s.claim(l.st, from) {
		_ = l.st.Close()
		return nil, errFull
	}
	d.shaking.Add(1)
	ctx = context.WithValue(ctx, linkKey{}, l)
	context.AfterFunc(ctx, func() {
		l.shaken(true)
		l.timer.Stop()
		_ = l.st.Close()
	})
	return ctx, nil
}

// serve takes connections until the door is closed.
func (d *quicDoor) serve(ctx context.Context, conns *sync.WaitGroup) {
	for {
		c, err := d.listener.Accept(ctx)
		if err != nil {
			return
		}
		l, ok := c.Context().Value(linkKey{}).(*quicLink)
		if !ok || !l.attach(c) {
			continue
		}
		conns.Go(l.serve)
	}
}

// end takes no more connections; those there are go on.
func (d *quicDoor) end() { _ = d.listener.Close() }

// close frees the address when all connections have ended.
func (d *quicDoor) close() error {
	if d.transport != nil {
		_ = d.transport.Close()
	}
	return d.socket.Close()
}

// A quicLink is a QUIC connection in the accounts. There it is a net.Conn, of which only what is
// defined here is ever used.
type quicLink struct {
	net.Conn
	door   *quicDoor
	st     *stream
	remote net.Addr
	tls    tls.ConnectionState
	timer  *time.Timer // runs while no query is answered

	conn   atomic.Pointer[quic.Conn] // nil: the handshake is under way
	closed atomic.Bool
	ready  atomic.Bool
	held   atomic.Int64 // octets of queries that have not come to their end

	beside sync.WaitGroup // what the protocol does beside answering; it ends with the connection

	mu      sync.Mutex
	queries int // that are answered
}

// RemoteAddr is where the client is.
func (l *quicLink) RemoteAddr() net.Addr { return l.remote }

// Close ends the connection because there are too many of them or because it takes too long.
func (l *quicLink) Close() error {
	l.closed.Store(true)
	l.close(l.door.protocol.excess)
	return nil
}

func (l *quicLink) close(code quic.ApplicationErrorCode) {
	if c := l.conn.Load(); c != nil {
		_ = c.CloseWithError(code, "")
	}
}

// SetReadDeadline says until when the connection lives without queries.
func (l *quicLink) SetReadDeadline(t time.Time) error {
	l.timer.Reset(time.Until(t))
	return nil
}

// expire ends a connection that is idle.
func (l *quicLink) expire() {
	l.mu.Lock()
	idle := l.queries == 0
	l.mu.Unlock()
	if idle {
		l.close(l.door.protocol.none)
	}
}

// shaken notes once that the handshake is over.
func (l *quicLink) shaken(failed bool) {
	if l.ready.Swap(true) {
		return
	}
	l.door.shaking.Add(-1)
	if failed {
		l.door.server.streams.tally.handshakes.Add(1)
	}
}

// attach joins the place and the connection, whose handshake is done. It reports false when the
// place is lost.
func (l *quicLink) attach(c *quic.Conn) bool {
	l.tls = c.ConnectionState().TLS
	l.shaken(false)
	l.conn.Store(c)
	if l.closed.Load() {
		l.close(l.door.protocol.excess)
		return false
	}
	return true
}

// serve answers the streams of a connection until its end.
func (l *quicLink) serve() {
	c := l.conn.Load()
	answer := l.door.protocol.open(l)
	var running sync.WaitGroup
	l.rest()
	for {
		str, err := c.AcceptStream(context.Background())
		if err != nil {
			break
		}
		l.begin()
		if l.st.ending.Load() && time.Now().After(l.st.streams.endAt) {
			l.done()
			break // a client that is never idle
		}
		running.Go(func() {
			defer l.done()
			answer(str)
		})
	}
	running.Wait()
	l.close(l.door.protocol.none)
	l.beside.Wait()
}

// rest lets the connection be idle for a while.
func (l *quicLink) rest() {
	l.st.rest()
	l.st.expectWithin(l.st.streams.patience())
}

func (l *quicLink) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queries++; l.queries == 1 {
		l.st.work()
	}
}

func (l *quicLink) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queries--; l.queries == 0 {
		l.rest()
	}
}

// hold counts octets of an unfinished query. It reports false when the connection has too many.
func (l *quicLink) hold(n int) bool { return l.held.Add(int64(n)) <= quicUnanswered }

// readAll reads to the end of a query, at most limit octets and one more. It holds no more memory
// than what has come takes.
func (l *quicLink) readAll(r interface{ Read([]byte) (int, error) }, limit int) (b []byte, err error) {
	b = make([]byte, 0, smallRead)
	held := 0
	defer func() { l.held.Add(int64(-held)) }()
	for len(b) <= limit {
		if len(b) == cap(b) {
			grown := make([]byte, len(b), min(4*cap(b), limit+1))
			more := cap(grown) - cap(b)
			held += more
			if !l.hold(more) {
				return b, errFull
			}
			copy(grown, b)
			b = grown
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err != nil {
			return b, err
		}
	}
	return b, nil
}
