package control

import (
	"container/list"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A limit is a listener with so many connections at once. When there is no room, the one that has
// been idle for longest makes some; where none is idle, newcomers wait.
type limit struct {
	net.Listener
	room  chan struct{}
	once  sync.Once
	ended chan struct{}

	mu      sync.Mutex
	idle    list.List // of net.Conn, as http.Server has them; longest first
	byConn  map[net.Conn]*list.Element
	waiting int
}

func newLimit(l net.Listener, most int) *limit {
	return &limit{Listener: l, room: make(chan struct{}, most), ended: make(chan struct{}), byConn: map[net.Conn]*list.Element{}}
}

// Accept returns a connection when there is room for it.
func (l *limit) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case l.room <- struct{}{}:
	default:
		l.evict()
		select {
		case l.room <- struct{}{}:
			l.mu.Lock()
			l.waiting--
			l.mu.Unlock()
		case <-l.ended:
			_ = c.Close()
			return nil, net.ErrClosed
		}
	}
	return &place{Conn: c, leave: sync.OnceFunc(func() { <-l.room })}, nil
}

// evict ends the connection that has been idle for longest, or has the next one that becomes idle
// ended.
func (l *limit) evict() {
	l.mu.Lock()
	l.waiting++
	at := l.idle.Front()
	l.mu.Unlock()
	if at != nil {
		_ = at.Value.(net.Conn).Close()
	}
}

// state follows connections: http.Server calls it.
func (l *limit) state(c net.Conn, s http.ConnState) {
	l.mu.Lock()
	if at := l.byConn[c]; at != nil {
		l.idle.Remove(at)
		delete(l.byConn, c)
	}
	leave := s == http.StateIdle && l.waiting > 0
	if s == http.StateIdle && !leave {
		l.byConn[c] = l.idle.PushBack(c)
	}
	l.mu.Unlock()
	if leave {
		_ = c.Close()
	}
}

// Close ends the listener.
func (l *limit) Close() error {
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
