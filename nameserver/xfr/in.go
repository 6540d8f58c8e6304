package xfr

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// In keeps up with the primaries of one zone as a secondary does (RFC 1034, section 4.3.5): it asks
// for the serial when the refresh timer of the SOA says so or a NOTIFY comes, fetches what is newer,
// asks again by the retry timer when nobody answers, and gives the zone up when that has gone on for
// as long as the expire timer allows, or less where the primary is a secondary itself and says that
// its own time is shorter (RFC 7314). Fields are set before Run or the first Step and then left
// alone.
type In struct {
	Origin    zone.Name
	Primaries []Primary // asked in this order; one that has sent a NOTIFY comes first

	// Have is the version to begin with, nil when there is none, and Refreshed when a primary had
	// last confirmed it; the zero time is now.
	Have      *zone.Zone
	Refreshed time.Time
	// First is when the primaries are asked for the first time; the zero time is now.
	First time.Time

	// Publish gets each complete version, one after the other. An error refuses the version: the
	// one before stays, and the primaries are asked again after the retry time.
	Publish func(z *zone.Zone) error
	// Confirmed is called when a primary has sent the version, or has nothing newer. The expire timer
	// counts from at, which is before now where the primary's own time is shorter. May be nil.
	Confirmed func(at time.Time)
	// Expired is called when the zone must not be answered any more (RFC 1035, section 3.3.13), until
	// the next Publish; may be nil. A version that has come back unchanged is published again.
	Expired func()

	// Notify says who else may send NOTIFY, such as a host that tells for a hidden primary; the
	// primaries always may.
	Notify Access
	Limits wire.Limits
	Shared *Shared // with other zones; nil: no bounds

	// Wake is called when there is something to do for Step before it is due. Run needs none.
	Wake func()

	round *round // belongs to Step

	mu     sync.Mutex
	status Status
	prefer netip.Addr // who sent the last NOTIFY
	asked  bool       // Refresh was called
	told   bool       // a NOTIFY has come
	whole  bool       // Retransfer was called, and nothing has come since
}

// Status of a zone.
type Status struct {
	Loaded    bool   // there is a version
	Serial    uint32 // of it
	Expired   bool
	Refreshed time.Time // when a primary last confirmed or sent the version
	Expires   time.Time // when the version is given up unless a primary confirms it
	Next      time.Time // when the primaries are asked again
	Err       error     // of the last round; nil when it went well
	From      string    // the primary that the version came from
	Whole     int       // transfers of the whole zone
	Changes   int       // transfers of changes
	Failed    int       // rounds in which no primary could be asked
	// Older is the primary that has an older version than this one, "" when none has, and OlderSerial
	// that version's serial. Nothing comes from it until its serial goes past ours, or Retransfer.
	Older       string
	OlderSerial uint32
}

// Bounds of what a SOA may ask for.
const (
	leastWait  = time.Second
	mostWait   = 28 * 24 * time.Hour
	firstRetry = 2 * time.Second // while there is no version, and twice as long each time, up to
	lastRetry  = 10 * time.Minute
	// restless is how long NOTIFY wait after one that brought nothing: anybody may have made it up.
	restless = time.Second
	// longest is how long a transfer may take, whatever else keeps it going.
	longest = time.Hour
)

// Status tells how the zone is.
func (s *In) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Refresh has the primaries asked now.
func (s *In) Refresh() { s.ask(func() { s.asked = true }) }

// Retransfer has the whole zone fetched now (AXFR), whatever its serial.
func (s *In) Retransfer() { s.ask(func() { s.asked, s.whole = true, true }) }

// ask notes what is wanted, under the lock, and says that there is something to do.
func (s *In) ask(want func()) {
	s.mu.Lock()
	want()
	wake := s.Wake
	s.mu.Unlock()
	if wake != nil {
		wake()
	}
}

// Notified takes a NOTIFY for the zone and returns its answer (RFC 1996, section 4). It counts only
// when it comes from the address of a primary, is signed with the key of one, or Notify allows it.
func (s *In) Notified(n Notice) wire.RCODE {
	if n.Origin != s.Origin || !s.known(n.From) {
		return wire.Refused
	}
	from := n.From.Addr.Addr().Unmap()
	s.mu.Lock()
	s.prefer = from
	news := !n.HasSerial || !s.status.Loaded || s.status.Expired || Newer(n.Serial, s.status.Serial)
	s.mu.Unlock()
	if news {
		s.Shared.heard(from)
		s.ask(func() { s.told = true })
	}
	return wire.NoError
}

func (s *In) known(from Sender) bool {
	if s.Notify.Allows(from.Peer, from.Session) {
		return true
	}
	key, signed := from.Session.Key()
	return slices.ContainsFunc(s.Primaries, func(p Primary) bool {
		return signed && p.Key != nil && p.Key.Name == key || p.at(from.Addr.Addr().Unmap())
	})
}

// at reports whether the primary has an address.
func (p *Primary) at(ip netip.Addr) bool {
	a, err := netip.ParseAddrPort(p.Addr)
	return err == nil && a.Addr().Unmap() == ip
}

// Run keeps up until ctx ends.
func (s *In) Run(ctx context.Context) error {
	wake := make(chan struct{}, 1)
	s.mu.Lock()
	s.Wake = func() {
		select {
		case wake <- struct{}{}:
		default: // there is one to come already
		}
	}
	s.mu.Unlock()
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-due.C:
		case <-wake:
		}
		next := s.Step(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		due.Reset(time.Until(next))
	}
}

// Step does what is due, and returns when it is to be called next unless Wake is called before. It
// is for those who keep up with more zones than they want goroutines; one call is made at a time.
func (s *In) Step(ctx context.Context) (next time.Time) {
	if s.round == nil {
		s.begin()
	}
	r := s.round
	s.mu.Lock()
	asked, told := s.asked, s.told
	s.asked, s.told = false, false
	s.mu.Unlock()
	now := time.Now()
	if rest := r.idle.Add(restless); told && now.Before(rest) {
		if rest.Before(r.next) {
			r.next = rest
		}
		told = false
	}
	if asked || told || !now.Before(r.next) {
		r.expireIfDue() // before a round that may take long
		before := r.whole + r.changes
		err := r.ask(ctx, asked || told)
		if ctx.Err() != nil {
			return now
		}
		if r.whole+r.changes == before {
			r.idle = time.Now()
		}
		r.wait(err)
		r.report(err)
	}
	r.expireIfDue()
	next = r.next
	if expires := r.expires(); r.have != nil && !r.expired && expires.Before(next) {
		next = expires
	}
	return next
}

// begin takes the version to begin with.
func (s *In) begin() {
	r := &round{In: s, have: s.Have, confirmed: s.Refreshed, next: s.First}
	s.Have, s.round = nil, r
	if r.confirmed.IsZero() {
		r.confirmed = time.Now()
	}
	r.refreshed = r.confirmed
	err := r.timers()
	if err != nil {
		r.have = nil
	}
	r.report(err)
}
