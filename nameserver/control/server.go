package control

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A Server is the interface with its ways in bound.
type Server struct {
	o       *shared
	socket  *socketListener // nil: none
	tcp     net.Listener    // nil: none
	files   *certificates   // of tcp
	clients [2][]Client     // of the socket, of TLS
}

// Listen binds the ways in: a Unix socket, TLS, or both. When one cannot be bound, none is. Whoever
// does not go on to Run calls Close.
func Listen(o Options, unix *Unix, over *TLS) (*Server, error) {
	if o.Backend == nil {
		return nil, errors.New("control: no zones")
	}
	if unix == nil && over == nil {
		return nil, errors.New("the control interface has neither a socket nor an address")
	}
	s := &Server{o: newShared(o)}
	if over != nil {
		if err := s.listenTLS(over); err != nil {
			return nil, err
		}
	}
	if unix != nil {
		var err error
		if s.socket, err = unix.listen(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.clients[0] = unix.Clients
	}
	return s, nil
}

func (s *Server) listenTLS(over *TLS) (err error) {
	if s.files, err = over.load(); err != nil {
		return err
	}
	var lc net.ListenConfig
	if s.tcp, err = lc.Listen(context.Background(), "tcp", over.Address); err != nil {
		return fmt.Errorf("control interface at %s: %w", over.Address, err)
	}
	s.clients[1] = over.Clients
	return nil
}

// Addr is where TLS is, with the port that was taken; the zero value where it is not.
func (s *Server) Addr() netip.AddrPort {
	if s.tcp == nil {
		return netip.AddrPort{}
	}
	a, _ := netip.ParseAddrPort(s.tcp.Addr().String())
	return a
}

// Socket is the path of the socket, "" without one.
func (s *Server) Socket() string {
	if s.socket == nil {
		return ""
	}
	return s.socket.path
}

// Reload reads certificates and authorities again; new connections go by them. When they cannot be
// used, those before stay.
func (s *Server) Reload() error {
	if s.files == nil {
		return nil
	}
	return s.files.reload()
}

// Close frees the ways in of a server that was never run.
func (s *Server) Close() error {
	var err error
	if s.socket != nil {
		err = s.socket.Close()
	}
	if s.tcp != nil {
		err = errors.Join(err, s.tcp.Close())
	}
	return err
}

// Run serves until ctx ends, and then what is under way, for as long as Limits.Drain says.
func (s *Server) Run(ctx context.Context) error {
	var servers []*http.Server
	var wg sync.WaitGroup
	failed := make(chan error, 2)
	room := func() chan struct{} { return make(chan struct{}, s.o.o.Limits.Connections) }
	start := func(l net.Listener, clients []Client) {
		h := s.server(clients)
		servers = append(servers, h)
		wg.Go(func() { failed <- h.Serve(l) })
	}
	if s.socket != nil {
		start(limited(s.socket, room()), s.clients[0])
	}
	if s.tcp != nil {
		start(tls.NewListener(limited(s.tcp, room()), s.files.config()), s.clients[1])
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.o.Limits.Drain)
	defer cancel()
	for _, h := range servers {
		if h.Shutdown(drain) != nil {
			_ = h.Close()
		}
	}
	wg.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

func (s *Server) server(clients []Client) *http.Server {
	l := s.o.o.Limits
	return &http.Server{
		Handler:           s.o.handler(clients),
		ReadHeaderTimeout: min(l.Stall, 10*time.Second), // and of the handshake
		IdleTimeout:       l.Idle,
		MaxHeaderBytes:    64 << 10,
		// A handler sets deadlines of its own as it goes on; these are for what it does not see.
		WriteTimeout: l.Write + l.Stall,
		// HTTP/2 would let one connection hold many requests, and nobody here needs it.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ErrorLog:     log.New(io.Discard, "", 0), // handshakes of strangers are no news
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if p, ok := c.(*place); ok {
				if u, ok := p.Conn.(*net.UnixConn); ok {
					return withCaller(ctx, ofUser(peer(u)))
				}
			}
			return ctx
		},
	}
}

// limited takes a connection only when there is room for it; others wait in the system's queue.
func limited(l net.Listener, room chan struct{}) net.Listener {
	return &limitedListener{Listener: l, room: room, ended: make(chan struct{})}
}

type limitedListener struct {
	net.Listener
	room  chan struct{}
	once  sync.Once
	ended chan struct{}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.ended:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &place{Conn: c, leave: sync.OnceFunc(func() { <-l.room })}, nil
}

func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.ended) })
	return l.Listener.Close()
}

// A place is a connection that has its share of the room.
type place struct {
	net.Conn
	leave func()
	// unproven is set while the client has not shown a certificate that is taken.
	unproven atomic.Bool
}

// Close ends the connection. A client whose certificate was refused has sent its request already;
// were it left unread, the system would throw away the alert that tells the client why.
func (p *place) Close() error {
	defer p.leave()
	if c, ok := p.Conn.(*net.TCPConn); ok && p.unproven.Load() {
		_ = c.CloseWrite()
		_ = c.SetReadDeadline(time.Now().Add(linger))
		_, _ = io.CopyN(io.Discard, c, 64<<10)
	}
	return p.Conn.Close()
}

// linger is how long a client that was refused may take to see why.
const linger = time.Second
