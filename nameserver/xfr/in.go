package xfr

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// In keeps up with the primaries of one zone as a secondary does (RFC 1034, section 4.3.5): it asks
// for the serial when the refresh timer of the SOA says so or a NOTIFY comes, fetches what is newer,
// asks again by the retry timer when nobody answers, and gives the zone up when that has gone on for
// as long as the expire timer allows. Fields are set before Run and then left alone.
type In struct {
	Origin    zone.Name
	Primaries []Primary // asked in this order; one that has sent a NOTIFY comes first

	// Have is the version to begin with, nil when there is none, and Refreshed when a primary had
	// last confirmed it; the zero time is the start of Run.
	Have      *zone.Zone
	Refreshed time.Time

	// Publish gets each complete version, one after the other. An error refuses the version: the
	// one before stays, and the primaries are asked again after the retry time.
	Publish func(z *zone.Zone) error
	// Expired is called when the zone must not be answered any more (RFC 1035, section 3.3.13), until
	// the next Publish; may be nil. A version that has come back unchanged is published again.
	Expired func()

	// Notify says who else may send NOTIFY, such as a host that tells for a hidden primary; the
	// primaries always may.
	Notify Access
	Limits wire.Limits
	// Slots, when not nil, is shared by all zones and bounds how many transfers are under way: each
	// holds one element of the channel.
	Slots chan struct{}

	mu     sync.Mutex
	status Status
	prefer netip.Addr // who sent the last NOTIFY
	wake   chan struct{}
}

// Status of a zone.
type Status struct {
	Loaded    bool   // there is a version
	Serial    uint32 // of it
	Expired   bool
	Refreshed time.Time // when a primary last confirmed or sent the version
	Next      time.Time // when the primaries are asked again
	Err       error     // of the last round; nil when it went well
	From      string    // the primary that the version came from
	Whole     int       // transfers of the whole zone
	Changes   int       // transfers of changes
}

// Bounds of what a SOA may ask for.
const (
	leastWait  = time.Second
	mostWait   = 28 * 24 * time.Hour
	firstRetry = 2 * time.Second // while there is no version, and twice as long each time, up to
	lastRetry  = 10 * time.Minute
	// longest is how long a transfer may take, whatever else keeps it going.
	longest = time.Hour
)

// Status tells how the zone is.
func (s *In) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

func (s *In) signal() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake == nil {
		s.wake = make(chan struct{}, 1)
	}
	return s.wake
}

// Refresh has the primaries asked now.
func (s *In) Refresh() {
	select {
	case s.signal() <- struct{}{}:
	default: // there is one to come already
	}
}

// Notified takes a NOTIFY for the zone and returns its answer (RFC 1996, section 4). It counts only
// when it comes from the address of a primary, is signed with the key of one, or Notify allows it.
func (s *In) Notified(n Notice) wire.RCODE {
	if n.Origin != s.Origin || !s.known(n.From) {
		return wire.Refused
	}
	s.mu.Lock()
	s.prefer = n.From.Addr.Addr().Unmap()
	news := !n.HasSerial || !s.status.Loaded || s.status.Expired || Newer(n.Serial, s.status.Serial)
	s.mu.Unlock()
	if news {
		s.Refresh()
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
	wake := s.signal()
	r := &round{In: s, have: s.Have, confirmed: s.Refreshed}
	if r.confirmed.IsZero() {
		r.confirmed = time.Now()
	}
	if err := r.timers(); err != nil && r.have != nil {
		return err
	}
	r.report(nil)
	next := time.NewTimer(0)
	defer next.Stop()
	expire := time.NewTimer(r.untilExpiry())
	defer expire.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-expire.C:
			r.expireIfDue()
			continue
		case <-next.C:
		case <-wake:
		}
		err := r.ask(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.expireIfDue()
		r.wait(err)
		r.report(err)
		next.Reset(time.Until(r.next))
		expire.Reset(r.untilExpiry())
	}
}

// A round is what Run knows.
type round struct {
	*In
	have      *zone.Zone
	serial    uint32
	soa       rdata.SOA
	confirmed time.Time // when a primary last had no newer version, or sent this one
	next      time.Time
	tries     int // in a row without success
	expired   bool
	from      string
	whole     int
	changes   int
}

// timers takes serial and timers from the version's SOA.
func (r *round) timers() error {
	if r.have == nil {
		return nil
	}
	set, serial, err := soaOf(r.have)
	if err != nil {
		return err
	}
	r.serial = serial
	r.soa, err = rdata.SOAOf(set.Data[0])
	return err
}

func seconds(n uint32) time.Duration {
	return min(max(time.Duration(n)*time.Second, leastWait), mostWait)
}

// untilExpiry is how long the version may be answered without a sign of a primary.
func (r *round) untilExpiry() time.Duration {
	if r.have == nil || r.expired {
		return 1 << 60
	}
	// A zone that expires before it is refreshed would come and go.
	lasts := max(time.Duration(r.soa.Expire)*time.Second, seconds(r.soa.Refresh)+seconds(r.soa.Retry))
	return time.Until(r.confirmed.Add(lasts))
}

func (r *round) expireIfDue() {
	if r.untilExpiry() > 0 {
		return
	}
	r.expired = true
	if r.Expired != nil {
		r.Expired()
	}
	r.report(r.status.Err)
}

// wait sets when the primaries are asked next. Up to a tenth less than the SOA says, so that zones
// which came together do not stay together.
func (r *round) wait(err error) {
	var d time.Duration
	switch {
	case err == nil:
		r.tries = 0
		d = seconds(r.soa.Refresh)
	case r.have != nil && !r.expired:
		d = seconds(r.soa.Retry)
	default:
		d = min(firstRetry<<min(r.tries, 20), lastRetry)
		r.tries++
	}
	r.next = time.Now().Add(d - rand.N(d/10+1))
}

func (r *round) report(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = Status{
		Loaded: r.have != nil, Serial: r.serial, Expired: r.expired, Next: r.next, Err: err, From: r.from,
		Whole: r.whole, Changes: r.changes,
	}
	if r.have != nil {
		r.status.Refreshed = r.confirmed
	}
}

// ask asks the primaries one after the other until one has a newer version. It is an error when
// none of them could be asked.
func (r *round) ask(ctx context.Context) error {
	if len(r.Primaries) == 0 {
		return fmt.Errorf("zone %s has no primaries to be fetched from", r.Origin)
	}
	var errs []error
	answered := false
	for _, p := range r.inOrder() {
		newer, err := r.askOne(ctx, &p)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		answered = true
		if newer {
			break
		}
	}
	if !answered {
		return errors.Join(errs...)
	}
	return nil
}

// inOrder are the primaries, the one that sent the last NOTIFY first.
func (r *round) inOrder() []Primary {
	r.mu.Lock()
	prefer := r.prefer
	r.mu.Unlock()
	list := slices.Clone(r.Primaries)
	slices.SortStableFunc(list, func(a, b Primary) int {
		switch {
		case a.at(prefer) && !b.at(prefer):
			return -1
		case b.at(prefer) && !a.at(prefer):
			return 1
		}
		return 0
	})
	return list
}

// askOne asks one primary, and fetches what it has if that is newer.
func (r *round) askOne(ctx context.Context, p *Primary) (newer bool, err error) {
	if r.have != nil {
		serial, err := p.serial(ctx, r.Origin)
		if err != nil {
			return false, err
		}
		if !Newer(serial, r.serial) && (serial == r.serial || !r.expired) {
			return false, r.confirm()
		}
	}
	if r.Slots != nil {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case r.Slots <- struct{}{}:
		}
		defer func() { <-r.Slots }()
	}
	base := r.have
	if r.expired {
		base = nil
	}
	transfer, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	z, whole, err := p.fetch(transfer, r.Origin, base, r.Limits)
	if err != nil {
		return false, err
	}
	if z == r.have {
		return false, r.confirm()
	}
	_, serial, err := soaOf(z)
	if err != nil {
		return false, err
	}
	if r.have != nil && !r.expired && !Newer(serial, r.serial) {
		return false, fmt.Errorf("zone %s from %s: the transfer brought serial %d, which is not newer than %d", r.Origin, p.Addr, serial, r.serial)
	}
	return true, r.publish(z, p, whole)
}

// confirm notes that a primary has nothing newer.
func (r *round) confirm() error {
	if r.expired {
		if err := r.Publish(r.have); err != nil {
			return err
		}
	}
	r.confirmed, r.expired = time.Now(), false
	return nil
}

// publish hands on a version that has come.
func (r *round) publish(z *zone.Zone, p *Primary, whole bool) error {
	before, serial, soa := r.have, r.serial, r.soa
	r.have = z
	err := r.timers()
	if err == nil {
		err = r.Publish(z)
	}
	if err != nil {
		r.have, r.serial, r.soa = before, serial, soa
		return fmt.Errorf("zone %s from %s: %w; the version before stays", r.Origin, p.Addr, err)
	}
	r.confirmed, r.expired, r.from = time.Now(), false, p.Addr
	if whole {
		r.whole++
	} else {
		r.changes++
	}
	return nil
}
