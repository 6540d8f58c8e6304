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
// been idle for longest makes some; where none is idle, the one that has waited longest for its first
// request, once it has for patience, so that strangers who only connect cannot keep others out. Where
// all are at work, newcomers wait.
type limit struct {
	net.Listener
	room  chan struct{}
	once  sync.Once
	ended chan struct{}

	mu      sync.Mutex
	idle    list.List // of net.Conn, as http.Server has them; longest first
	silent  list.List // the same, of those without a request yet
	byConn  map[net.Conn]*list.Element
	since   map[net.Conn]time.Time // of silent
	waiting int
}

// patience is how long a connection may take to its first request when others wait for room.
const patience = time.Second

func newLimit(l net.Listener, most int) *limit {
	return &limit{Listener: l, room: make(chan struct{}, most), ended: make(chan struct{}), byConn: map[net.Conn]*list.Element{}, since: map[net.Conn]time.Time{}}
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
		if !l.wait() {
			_ = c.Close()
			return nil, net.ErrClosed
		}
	}
	return &place{Conn: c, leave: sync.OnceFunc(func() { <-l.room })}, nil
}

// wait waits for room; false: the listener has ended.
func (l *limit) wait() bool {
	l.mu.Lock()
	l.waiting++
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.waiting--
		l.mu.Unlock()
	}()
	for {
		timer := time.NewTimer(l.evict())
		select {
		case l.room <- struct{}{}:
			timer.Stop()
			return true
		case <-l.ended:
			timer.Stop()
			return false
		case <-timer.C:
		}
	}
}

// evict ends the connection that has been idle for longest, else one that has been silent for too
// long, and returns when to look again. The next one that becomes idle is ended as well.
func (l *limit) evict() time.Duration {
	l.mu.Lock()
	at, again := l.idle.Front(), patience
	if at == nil && l.silent.Len() > 0 {
		first := l.silent.Front()
		if again = patience - time.Since(l.since[first.Value.(net.Conn)]); again <= 0 {
			at, again = first, patience
		}
	}
	var c net.Conn
	if at != nil {
		c = at.Value.(net.Conn)
		l.forget(c) // it is ended once
	}
	l.mu.Unlock()
	if c != nil {
		go func() { _ = c.Close() }() // it may take a moment to tell a client why
	}
	return again
}

// forget is called with the lock.
func (l *limit) forget(c net.Conn) {
	at := l.byConn[c]
	if at == nil {
		return
	}
	if _, silent := l.since[c]; silent {
		l.silent.Remove(at)
	} else {
		l.idle.Remove(at)
	}
	delete(l.byConn, c)
	delete(l.since, c)
}

// state follows connections: http.Server calls it.
func (l *limit) state(c net.Conn, s http.ConnState) {
	l.mu.Lock()
	l.forget(c)
	leave := s == http.StateIdle && l.waiting > 0
	switch {
	case s == http.StateNew:
		l.byConn[c], l.since[c] = l.silent.PushBack(c), time.Now()
	case s == http.StateIdle && !leave:
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
