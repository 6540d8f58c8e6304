package socket

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// A packetSocket is a UDP socket and the thread that serves it.
type packetSocket interface {
	addr() netip.AddrPort
	// serve answers until drain, then what has arrived before, and returns.
	serve(w Worker)
	// drain ends serve soon. It is called once, by another goroutine.
	drain()
	// close frees the socket. It is called when serve has returned or was never called.
	close()
	counts() *tally
}

// portable is a UDP socket of the standard library: one datagram a call.
type portable struct {
	conn  *net.UDPConn
	proxy []netip.Prefix
	tally tally
}

func listenPortable(ctx context.Context, addr netip.AddrPort, o *Options) (packetSocket, error) {
	var lc net.ListenConfig
	p, err := lc.ListenPacket(ctx, network("udp", addr), netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()).String())
	if err != nil {
		return nil, err
	}
	conn := p.(*net.UDPConn)
	_ = conn.SetReadBuffer(o.ReceiveBuffer) // as far as the system allows
	return &portable{conn: conn, proxy: o.ProxyFrom}, nil
}

func (p *portable) addr() netip.AddrPort { return addrPort(p.conn.LocalAddr()) }
func (p *portable) counts() *tally       { return &p.tally }
func (p *portable) close()               { _ = p.conn.Close() }

// drain leaves some time for datagrams that the kernel holds: Go reads none after a deadline.
func (p *portable) drain() { _ = p.conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) }

func (p *portable) serve(w Worker) {
	in, out := make([]byte, proxyFixed+proxyMax+MaxDatagram+1), make([]byte, 0, MaxDatagram)
	var from Client
	flusher, _ := w.(Flusher)
	for {
		if flusher != nil {
			flusher.Flush()
		}
		n, addr, err := p.conn.ReadFromUDPAddrPort(in)
		if err != nil {
			if netErr, ok := errors.AsType[net.Error](err); errors.Is(err, net.ErrClosed) || ok && netErr.Timeout() {
				return
			}
			continue // such as an ICMP refusal of an earlier answer
		}
		p.tally.datagrams.Add(1)
		if n == len(in) {
			p.tally.cut.Add(1)
			continue
		}
		query := in[:n]
		from.Addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
		if query = unwrap(p.proxy, query, &from, &p.tally); len(query) < header {
			continue
		}
		if answer := w.Answer(out, query, &from); answer != nil {
			if _, err := p.conn.WriteToUDPAddrPort(answer, addr); err != nil {
				p.tally.unsent.Add(1)
				continue
			}
			p.tally.answers.Add(1)
		}
	}
}

// unwrap takes the PROXY header off a balancer's datagram and puts the true client in from. It
// returns nil for what must not be answered.
func unwrap(proxy []netip.Prefix, query []byte, from *Client, t *tally) []byte {
	if !proxied(proxy, from.Addr.Addr()) {
		return query
	}
	client, n, err := parseProxy(query)
	if err != nil {
		t.badProxy.Add(1)
		return nil
	}
	if client.IsValid() {
		from.Addr = client
	}
	return query[n:]
}
