package names

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/zonecast/zonecast/wire"
)

// A Server answers at one address, over UDP and TCP.
type Server struct {
	zones Zones
	udp   net.PacketConn
	tcp   net.Listener

	mu    sync.Mutex
	conns map[net.Conn]bool
	over  bool
	busy  sync.WaitGroup
}

// Bounds of what strangers may hold.
const (
	maxConns = 200
	idle     = 10 * time.Second
)

// Listen starts a server at address ("127.0.0.1:5301"; port 0 takes one that is free over both).
func Listen(address string, zones Zones) (*Server, error) {
	var lastErr error
	var conf net.ListenConfig
	ctx := context.Background() // to listen takes no time
	for range 20 {
		tcp, err := conf.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		udp, err := conf.ListenPacket(ctx, "udp", tcp.Addr().String())
		if err != nil {
			lastErr = err
			_ = tcp.Close()
			if _, port, _ := net.SplitHostPort(address); port != "0" {
				return nil, err
			}
			continue // the port that TCP was given is taken over UDP
		}
		s := &Server{zones: zones, udp: udp, tcp: tcp, conns: map[net.Conn]bool{}}
		s.busy.Go(s.serveUDP)
		s.busy.Go(s.serveTCP)
		return s, nil
	}
	return nil, fmt.Errorf("no port is free over both TCP and UDP: %w", lastErr)
}

// Addr is where the server answers: "127.0.0.1:5301".
func (s *Server) Addr() string { return s.tcp.Addr().String() }

// Close stops the server and waits for what it does.
func (s *Server) Close() error {
	s.mu.Lock()
	s.over = true
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	err := errors.Join(s.udp.Close(), s.tcp.Close())
	s.busy.Wait()
	return err
}

func (s *Server) serveUDP() {
	buf := make([]byte, wire.MaxSize)
	for {
		n, from, err := s.udp.ReadFrom(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // such as an ICMP refusal of an earlier answer
		}
		if out := s.respond(buf[:n], false); out != nil {
			_, _ = s.udp.WriteTo(out, from)
		}
	}
}

func (s *Server) serveTCP() {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		s.mu.Lock()
		if s.over || len(s.conns) >= maxConns {
			s.mu.Unlock()
			_ = c.Close()
			continue
		}
		s.conns[c] = true
		s.busy.Go(func() { s.converse(c) })
		s.mu.Unlock()
	}
}

func (s *Server) converse(c net.Conn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	for {
		_ = c.SetDeadline(time.Now().Add(idle))
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		msg := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, msg); err != nil {
			return
		}
		out := s.respond(msg, true)
		if out == nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
			return
		}
	}
}

// respond gives the octets of the answer; nil for what deserves none.
func (s *Server) respond(msg []byte, stream bool) []byte {
	if s.zones.Dark() || len(msg) < 12 || msg[2]&0x80 != 0 {
		return nil
	}
	q, err := wire.Unpack(msg)
	if err != nil {
		m := &wire.Message{ID: binary.BigEndian.Uint16(msg), Response: true, RCODE: wire.FormErr}
		out, _ := m.Pack()
		return out
	}
	m := Answer(s.zones, q)
	out, err := m.Pack()
	if err != nil { // more than a message can hold
		out, _ = (&wire.Message{ID: q.ID, Response: true, Questions: q.Questions, RCODE: wire.ServFail}).Pack()
		return out
	}
	most := 512
	if q.EDNS != nil {
		most = max(most, min(int(q.EDNS.Size), wire.UDPSize))
	}
	if stream || len(out) <= most {
		return out
	}
	m.Truncated, m.Answers, m.Authority, m.Additional = true, nil, nil, nil
	out, _ = m.Pack()
	return out
}
