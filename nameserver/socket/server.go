package socket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A Server has its addresses bound. Whatever it does happens in Run.
type Server struct {
	o        Options
	streamer Streamer // nil: there are no long answers
	dot      *tls.Config
	bound    []Endpoint
	packets  []packetSocket
	doors    []*door
	quic     []*quicDoor
	streams  *streams
	started  atomic.Bool

	mu      sync.Mutex
	workers []Worker // that connections lend to each other
}

// A door is where connections come in.
type door struct {
	service  Service
	listener net.Listener
}

// Listen binds all endpoints. When one of them cannot be bound, none is. Whoever does not go on to
// Run calls Close.
func Listen(o Options) (*Server, error) {
	o, err := o.prepared()
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, streams: newStreams(o.Limits)}
	s.streamer, _ = o.Answerer.(Streamer)
	if o.Certificates != nil {
		s.dot = o.Certificates.config(append([]string{"dot"}, o.Certificates.protocols...)...)
		s.dot.ClientAuth, s.dot.ClientCAs = o.ClientAuth, o.ClientCAs
	}
	for _, e := range o.Endpoints {
		if err := s.bind(e); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	for _, i := range o.Inherited {
		if err := s.inherit(i); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func (s *Server) bind(e Endpoint) error {
	if e.Service == DoQ || e.Service == DoH3 {
		return s.bindQUIC(e)
	}
	if e.Service != DNS {
		_, err := s.bindStream(e)
		return err
	}
	// With port 0 the port that TCP is given may be taken over UDP, by another process.
	for tries := 20; ; tries-- {
		d, err := s.bindStream(e)
		if err != nil {
			return err
		}
		if err = s.bindPackets(addrPort(d.listener.Addr())); err == nil {
			return nil
		}
		if e.Addr.Port() != 0 || tries == 0 {
			return err
		}
		_ = d.listener.Close()
		s.doors, s.bound = s.doors[:len(s.doors)-1], s.bound[:len(s.bound)-1]
	}
}

func (s *Server) bindStream(e Endpoint) (*door, error) {
	// Idle connections end by our own clock; probing them is not needed.
	lc := net.ListenConfig{KeepAlive: -1, Control: streamControl(s.o.Share)}
	l, err := lc.Listen(context.Background(), network("tcp", e.Addr), netip.AddrPortFrom(e.Addr.Addr().Unmap(), e.Addr.Port()).String())
	if err != nil {
		return nil, fmt.Errorf("listen on %s for %s: %w", e.Addr, e.Service, cause(err))
	}
	d := &door{e.Service, l}
	s.doors = append(s.doors, d)
	s.bound = append(s.bound, Endpoint{e.Service, addrPort(l.Addr())})
	return d, nil
}

func (s *Server) bindPackets(addr netip.AddrPort) error {
	threads := s.o.Threads
	if !canShare {
		threads = 1
	}
	if threads > 1 && !s.o.Share {
		if err := unused(addr, &s.o); err != nil {
			return err
		}
	}
	for range threads {
		p, err := listenPacket(context.Background(), addr, &s.o)
		if err != nil {
			return err
		}
		s.packets = append(s.packets, p)
	}
	return nil
}

// cause leaves out what the caller says anyway.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// Endpoints are those of the options in their order, with the ports that were taken, and then those
// that were inherited.
func (s *Server) Endpoints() []Endpoint { return append([]Endpoint(nil), s.bound...) }

// Close frees the addresses of a server that was never run.
func (s *Server) Close() error {
	if !s.started.CompareAndSwap(false, true) {
		return nil // Run sees to it
	}
	var errs []error
	for _, p := range s.packets {
		p.close()
	}
	for _, d := range s.doors {
		errs = append(errs, d.listener.Close())
	}
	for _, d := range s.quic {
		errs = append(errs, d.close())
	}
	return errors.Join(errs...)
}

// Run answers until ctx ends. Then it takes no more connections, answers what has arrived, waits for
// the last answers as long as Limits.Drain says, and frees the addresses. It returns an error when
// that time was too short. A Server runs once.
func (s *Server) Run(ctx context.Context) error {
	if !s.started.CompareAndSwap(false, true) {
		return errors.New("the server has been run or closed before")
	}
	defer func() {
		for _, d := range s.quic {
			_ = d.close()
		}
	}()
	for _, d := range s.quic {
		if err := d.listen(); err != nil {
			s.started.Store(false) // for Close
			return errors.Join(fmt.Errorf("%s at %s: %w", d.service, d.socket.LocalAddr(), err), s.Close())
		}
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var packets, conns sync.WaitGroup
	for _, p := range s.packets {
		packets.Go(func() {
			defer p.close()
			p.serve(work, s.o.Answerer.Worker())
		})
	}
	var webs []*web
	for _, d := range s.doors {
		switch d.service {
		case DoH, DoHPlain:
			w := s.newWeb(work, d)
			webs = append(webs, w)
			conns.Go(w.serve)
			conns.Go(func() { s.accept(d, &conns, w.admit) })
		default:
			t := TCP
			if d.service == DoT {
				t = TLS
			}
			conns.Go(func() { s.accept(d, &conns, func(st *stream) { s.converse(work, st, t) }) })
		}
	}
	for _, d := range s.quic {
		conns.Go(func() { d.serve(work, &conns) })
	}
	<-ctx.Done()
	for _, d := range s.doors {
		_ = d.listener.Close()
	}
	for _, d := range s.quic {
		d.end()
	}
	for _, p := range s.packets {
		p.drain()
	}
	limit, cancel := context.WithTimeout(work, s.o.Limits.Drain)
	defer cancel()
	var ending sync.WaitGroup
	ending.Go(packets.Wait)
	for _, w := range webs {
		ending.Go(func() { w.end(limit) })
	}
	s.streams.end()
	done := make(chan struct{})
	go func() { conns.Wait(); ending.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-limit.Done():
	}
	left := s.streams.open()
	stop()
	s.streams.closeAll()
	<-done
	return fmt.Errorf("%d connections were cut off: their answers were not taken within %s", left, s.o.Limits.Drain)
}

// accept hands connections over, each in a goroutine of its own, until the door is closed.
func (s *Server) accept(d *door, conns *sync.WaitGroup, serve func(*stream)) {
	for wait := time.Duration(0); ; {
		c, err := d.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// No file descriptor is free: calling again at once would only burn time.
			wait = min(max(2*wait, time.Millisecond), 100*time.Millisecond)
			time.Sleep(wait)
			continue
		}
		wait = 0
		st := s.streams.admit(c)
		if st == nil {
			continue
		}
		conns.Go(func() {
			if !s.identify(st) {
				_ = st.Close()
				return
			}
			serve(st)
		})
	}
}

// identify finds out who the client is and whether it may have one more connection.
func (s *Server) identify(st *stream) bool {
	from := st.from
	if proxied(s.o.ProxyFrom, from.Addr()) {
		var err error
		if from, err = readProxy(st.Conn, s.o.Limits.Message); err != nil {
			s.streams.tally.badProxy.Add(1)
			return false
		}
	}
	return s.streams.claim(st, from)
}

// borrow returns a worker for some messages of a connection. There are never more of them than
// connections that had something to answer at the same moment.
func (s *Server) borrow() Worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.workers); n > 0 {
		w := s.workers[n-1]
		s.workers = s.workers[:n-1]
		return w
	}
	return s.o.Answerer.Worker()
}

func (s *Server) giveBack(w Worker) {
	if f, ok := w.(Flusher); ok {
		f.Flush()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.workers = append(s.workers, w)
}
