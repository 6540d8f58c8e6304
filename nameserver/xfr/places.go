package xfr

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// places are the transfers that may be under way at once, in all and for each client network. Who finds
// none waits. One that becomes free goes to the network that has the fewest, there to the sender (TSIG
// key or certificate) that has the fewest, and among equals to who has waited longest: a network gets
// what nobody else wants, but cannot keep others out, and neither can one of several secondaries behind
// one address.
type places struct {
	all, each int // bounds

	mu      sync.Mutex
	taken   int
	network map[netip.Addr]int // how many each has
	sender  map[sender]int
	waiting []*waiter // oldest first
}

// A sender is one of those who come from a network.
type sender struct {
	network netip.Addr
	who     string // name of the TSIG key, hash of the certificate; "": neither
}

type waiter struct {
	sender
	in chan struct{} // closed when it has its place
}

func newPlaces(all, each int) *places {
	return &places{all: all, each: min(each, all), network: map[netip.Addr]int{}, sender: map[sender]int{}}
}

// senderOf is who a request counts for: an IPv6 network of one site has at least a /64.
func senderOf(r *request) sender {
	addr := r.peer.Addr.Addr().Unmap().WithZone("")
	if p, err := addr.Prefix(64); err == nil && addr.Is6() {
		addr = p.Addr()
	}
	out := sender{network: addr}
	if key, ok := r.session.Key(); ok {
		out.who = key.String()
	} else if t := r.peer.TLS; t != nil && len(t.PeerCertificates) > 0 {
		sum := sha256.Sum256(t.PeerCertificates[0].Raw)
		out.who = string(sum[:])
	}
	return out
}

// enter takes a place for s, and waits for one as long as patience; below 0: not at all. crowded says
// that it was the bound of its network which kept it out.
func (p *places) enter(ctx context.Context, s sender, patience time.Duration) (ok, crowded bool) {
	p.mu.Lock()
	if p.taken < p.all && p.network[s.network] < p.each {
		p.take(s)
		p.mu.Unlock()
		return true, false
	}
	w := &waiter{sender: s, in: make(chan struct{})}
	p.waiting = append(p.waiting, w)
	p.mu.Unlock()
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-w.in:
			return true, false
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.Index(p.waiting, w)
	if at < 0 {
		return true, false // it got its place just now
	}
	p.waiting = slices.Delete(p.waiting, at, at+1)
	return false, p.network[s.network] >= p.each
}

// leave gives a place back.
func (p *places) leave(s sender) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.network[s.network]--; p.network[s.network] == 0 {
		delete(p.network, s.network)
	}
	if p.sender[s]--; p.sender[s] == 0 {
		delete(p.sender, s)
	}
	// Nobody who waits could have had one before; so one at most can now.
	next := -1
	for i, w := range p.waiting {
		if p.network[w.network] < p.each && (next < 0 || p.before(w, p.waiting[next])) {
			next = i
		}
	}
	if next >= 0 {
		w := p.waiting[next]
		p.waiting = slices.Delete(p.waiting, next, next+1)
		p.take(w.sender)
		close(w.in)
	}
}

// before reports whether a, which came later than b, goes before it.
func (p *places) before(a, b *waiter) bool {
	if x, y := p.network[a.network], p.network[b.network]; x != y {
		return x < y
	}
	return p.sender[a.sender] < p.sender[b.sender]
}

func (p *places) take(s sender) {
	p.taken++
	p.network[s.network]++
	p.sender[s]++
}

// state is how many places are taken, and how many requests wait for one.
func (p *places) state() (taken, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken, len(p.waiting)
}
