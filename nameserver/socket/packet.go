package socket

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A packetSocket is a UDP socket and the thread that serves it.
type packetSocket interface {
	addr() netip.AddrPort
	// serve answers until drain, then what has arrived before, and returns.
	serve(ctx context.Context, w Worker)
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
	local *netip.AddrPort // nil: nobody wants to know
	tally tally
	aside *aside
}

func listenPortable(ctx context.Context, addr netip.AddrPort, o *Options) (packetSocket, error) {
	var lc net.ListenConfig
	c, err := lc.ListenPacket(ctx, network("udp", addr), netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()).String())
	if err != nil {
		return nil, err
	}
	return newPortable(c.(*net.UDPConn), o), nil
}

func newPortable(conn *net.UDPConn, o *Options) *portable {
	_ = conn.SetReadBuffer(o.ReceiveBuffer) // as far as the system allows
	p := &portable{conn: conn, proxy: o.ProxyFrom, local: o.local(conn.LocalAddr())}
	p.aside = newAside(o, &p.tally)
	return p
}

func (p *portable) addr() netip.AddrPort { return addrPort(p.conn.LocalAddr()) }
func (p *portable) counts() *tally       { return &p.tally }
func (p *portable) close()               { _ = p.conn.Close() }

// drain leaves some time for datagrams that the kernel holds: Go reads none after a deadline.
func (p *portable) drain() { _ = p.conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) }

func (p *portable) serve(ctx context.Context, w Worker) {
	defer p.aside.wait()
	in, out := make([]byte, proxyFixed+proxyMax+MaxDatagram+1), make([]byte, 0, MaxDatagram)
	from := Client{Local: p.local}
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
		reply := func(answer []byte) error {
			_, err := p.conn.WriteToUDPAddrPort(answer, addr)
			return err
		}
		if p.aside.long(query, &from) {
			p.aside.begin(ctx, query, from, reply)
			continue
		}
		if answer := w.Answer(out, query, &from); len(answer) > 0 {
			p.tally.sent(reply(answer))
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

// sent counts an answer that was sent by itself.
func (t *tally) sent(err error) {
	if err != nil {
		t.unsent.Add(1)
		return
	}
	t.answers.Add(1)
}

var errDatagram = errors.New("one answer of at most 4096 octets can be sent over UDP")

// An aside answers the datagrams that are the Streamer's, beside the thread that reads them.
type aside struct {
	streamer Streamer // nil: there are none
	tally    *tally
	tokens   chan struct{}
	running  sync.WaitGroup
}

func newAside(o *Options, t *tally) *aside {
	a := &aside{tally: t, tokens: make(chan struct{}, o.Limits.LongUDP)}
	a.streamer, _ = o.Answerer.(Streamer)
	return a
}

// long reports whether a query is the Streamer's.
func (a *aside) long(query []byte, from *Client) bool {
	return a.streamer != nil && a.streamer.Long(query, from)
}

// begin has a query answered, unless too many are. reply must be good until wait returns.
func (a *aside) begin(ctx context.Context, query []byte, from Client, reply func([]byte) error) {
	a.tally.long.Add(1)
	select {
	case a.tokens <- struct{}{}:
	default:
		a.tally.busy.Add(1) // whoever asked over UDP asks again
		return
	}
	query, once := append([]byte(nil), query...), false
	if from.Local != nil { // the next datagram's is put there
		to := *from.Local
		from.Local = &to
	}
	a.running.Go(func() {
		defer func() { <-a.tokens }()
		// What went wrong is the Streamer's to tell: over UDP nothing is to be ended.
		_ = a.streamer.Stream(ctx, query, from, func(answer []byte) error {
			if len(answer) == 0 || len(answer) > MaxDatagram || once {
				return errDatagram
			}
			once = true
			err := reply(answer)
			a.tally.sent(err)
			return err
		})
	})
}

func (a *aside) wait() { a.running.Wait() }
