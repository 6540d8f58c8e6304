package socket

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// streams are all connections, over TCP, TLS and HTTP. It keeps them within the limits.
type streams struct {
	limits Limits
	tally  streamTally
	large  atomic.Int64 // connections that hold a large buffer

	mu     sync.Mutex
	all    map[*stream]struct{}
	count  map[netip.Addr]int // by client
	idle   stream             // head of the ring of idle ones, the longest idle one first
	closed bool
	endAt  time.Time // set before any stream is told to end: when even busy clients are left
}

// A stream is one connection with its place in the accounts.
type stream struct {
	net.Conn
	streams *streams
	from    netip.AddrPort // the client, behind a balancer too
	ending  atomic.Bool    // it was told to end when nothing is left to do
	fresh   atomic.Bool    // over HTTP/1.1: no request has begun

	// Guarded by streams.mu.
	counted    netip.Addr
	next, prev *stream // in the ring of idle ones; nil when busy
}

func newStreams(l Limits) *streams {
	s := &streams{limits: l, all: map[*stream]struct{}{}, count: map[netip.Addr]int{}}
	s.idle.next, s.idle.prev = &s.idle, &s.idle
	return s
}

func (s *streams) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// admit takes a connection into the accounts. It returns nil, and ends the connection, when that is
// one too many: nobody is idle who could make room.
func (s *streams) admit(c net.Conn) *stream {
	s.tally.connections.Add(1)
	st := &stream{Conn: c, streams: s, from: addrPort(c.RemoteAddr())}
	s.mu.Lock()
	var evicted *stream
	if len(s.all) >= s.limits.Connections && s.idle.next != &s.idle {
		evicted = s.idle.next
		s.forget(evicted)
	}
	full := s.closed || len(s.all) >= s.limits.Connections
	if !full {
		s.all[st] = struct{}{}
	}
	s.mu.Unlock()
	if evicted != nil {
		s.tally.evicted.Add(1)
		_ = evicted.Conn.Close()
	}
	if full {
		s.refuse(c)
		return nil
	}
	return st
}

// claim counts a stream for its client. It reports false when the client has too many.
func (s *streams) claim(st *stream, from netip.AddrPort) bool {
	who := client(from.Addr())
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.all[st]; !ok { // it ended meanwhile
		return false
	}
	if s.count[who] >= s.limits.PerClient {
		s.tally.refused.Add(1)
		return false
	}
	s.count[who]++
	st.counted, st.from = who, from
	return true
}

func (s *streams) refuse(c net.Conn) {
	s.tally.refused.Add(1)
	_ = c.Close()
}

// forget takes a stream out of the accounts; the caller holds mu.
func (s *streams) forget(st *stream) {
	if _, ok := s.all[st]; !ok {
		return
	}
	delete(s.all, st)
	s.unlink(st)
	if !st.counted.IsValid() {
		return
	}
	if s.count[st.counted]--; s.count[st.counted] == 0 {
		delete(s.count, st.counted)
	}
}

func (s *streams) unlink(st *stream) {
	if st.next != nil {
		st.prev.next, st.next.prev = st.next, st.prev
		st.next, st.prev = nil, nil
	}
}

// rest notes that nothing is to be done for a stream; it may be evicted from now on.
func (st *stream) rest() {
	s := st.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.all[st]; ok && st.next == nil {
		st.prev, st.next = s.idle.prev, &s.idle
		st.prev.next, st.next.prev = st, st
	}
}

// work notes that a stream has something to do.
func (st *stream) work() {
	st.streams.mu.Lock()
	st.streams.unlink(st)
	st.streams.mu.Unlock()
}

// RemoteAddr is the client's address, also behind a balancer.
func (st *stream) RemoteAddr() net.Addr {
	if st.from.IsValid() {
		return net.TCPAddrFromAddrPort(st.from)
	}
	return st.Conn.RemoteAddr()
}

// Close ends the connection and its place in the accounts.
func (st *stream) Close() error {
	st.streams.mu.Lock()
	st.streams.forget(st)
	st.streams.mu.Unlock()
	return st.Conn.Close()
}

// patience is how long a connection may be idle now. It shrinks as connections run short, so that
// clients that obey RFC 7828 leave before anyone has to be turned away.
func (s *streams) patience() time.Duration {
	n := s.open()
	if free := s.limits.Connections - n; free < s.limits.Connections/4 {
		return max(s.limits.Idle*time.Duration(free)*4/time.Duration(s.limits.Connections), min(time.Second, s.limits.Idle))
	}
	return s.limits.Idle
}

// grace is how long clients have, once the server is ending, for queries that are on their way.
const grace = 100 * time.Millisecond

// expectWithin sets the time for the next octets. While the server is ending it is short.
func (st *stream) expectWithin(d time.Duration) {
	_ = st.Conn.SetReadDeadline(time.Now().Add(d))
	if st.ending.Load() { // asked after the first call, so that the deadline of end is not lost
		now := time.Now()
		_ = st.Conn.SetReadDeadline(now.Add(min(d, grace, st.streams.endAt.Sub(now))))
	}
}

// end tells every stream to end when its queries are answered.
func (s *streams) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.endAt = true, time.Now().Add(max(grace, s.limits.Drain/2))
	for st := range s.all {
		st.ending.Store(true)
		_ = st.Conn.SetReadDeadline(time.Now().Add(grace))
	}
}

// closeFresh ends the connections over which no request has begun. net/http waits for one for 5 s.
func (s *streams) closeFresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for st := range s.all {
		if st.fresh.Load() {
			_ = st.Conn.Close()
		}
	}
}

// closeAll ends what is left.
func (s *streams) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for st := range s.all {
		_ = st.Conn.Close()
	}
}
