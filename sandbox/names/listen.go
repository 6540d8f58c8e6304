package names

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/zone"
)

// Zones are what questions are answered from. *service.Names has it.
type Zones interface {
	// Find returns the zone with the longest origin that encloses name.
	Find(name zone.Name) (*zone.Zone, bool)
	// Dark reports whether nothing is answered at all.
	Dark() bool
}

// A Server answers at one address, over UDP and TCP.
type Server struct {
	addr netip.AddrPort
	stop context.CancelFunc
	done chan struct{}
}

// Listen starts a server at address ("127.0.0.1:5301"; port 0 takes one that is free over both).
func Listen(address string, zones Zones) (*Server, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("name server at %q: %w", address, err)
	}
	s, err := socket.Listen(socket.Options{
		Answerer:  answerer{zones, new(nameserver.Engine)},
		Endpoints: []socket.Endpoint{{Service: socket.DNS, Addr: at}},
		// Testers ask this one: it need not be fast, and should be small.
		Threads: 1, ReceiveBuffer: 256 << 10,
		Limits: socket.Limits{Connections: 200, PerClient: 200, Drain: time.Second},
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	server := &Server{addr: s.Endpoints()[0].Addr, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(server.done)
		_ = s.Run(ctx) // who does not take an answer while the server ends, does not get it
	}()
	return server, nil
}

// Addr is where the server answers: "127.0.0.1:5301".
func (s *Server) Addr() string { return s.addr.String() }

// Close stops the server and waits for what it does.
func (s *Server) Close() error {
	s.stop()
	<-s.done
	return nil
}

// An answerer answers each question from an excerpt of the zones as they are at that moment.
type answerer struct {
	zones  Zones
	engine *nameserver.Engine // without zones: it makes working memory, and answers what asks for none
}

func (a answerer) Worker() socket.Worker { return &worker{a, a.engine.NewScratch()} }

type worker struct {
	answerer
	scratch *nameserver.Scratch
}

func (w *worker) Answer(dst, query []byte, from *socket.Client) []byte {
	if w.zones.Dark() {
		return nil
	}
	e := w.engine
	if name, t, ok := question(query); ok {
		e = excerpt(w.zones, name, t)
	}
	return e.Answer(w.scratch, query, nameserver.Client{Addr: from.Addr, Stream: from.Transport.Stream(), Keepalive: from.KeepAlive}, dst)
}

// question reads what a query asks for. Whether it is a proper query is the engine's to say.
func question(query []byte) (name zone.Name, t zone.Type, ok bool) {
	const header = 12
	name, n, err := zone.NameFromWire(query[header:])
	if rest := query[header+n:]; err == nil && len(rest) >= 4 {
		return name, zone.Type(rest[0])<<8 | zone.Type(rest[1]), true
	}
	return name, 0, false
}
