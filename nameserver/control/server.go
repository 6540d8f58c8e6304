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
	start := func(l net.Listener, clients []Client, secure func(net.Listener) net.Listener) { //nolint:contextcheck // a request has a context of its own
		limit := newLimit(l, s.o.o.Limits.Connections)
		h := s.server(clients)
		h.ConnState = limit.state
		servers = append(servers, h)
		wg.Go(func() { failed <- h.Serve(secure(limit)) })
	}
	if s.socket != nil {
		start(s.socket, s.clients[0], func(l net.Listener) net.Listener { return l })
	}
	if s.tcp != nil {
		start(s.tcp, s.clients[1], func(l net.Listener) net.Listener { return tls.NewListener(l, s.files.config()) })
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
