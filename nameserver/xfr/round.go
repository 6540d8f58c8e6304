package xfr

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A round is what Step knows.
type round struct {
	*In
	have      *zone.Zone
	serial    uint32
	soa       rdata.SOA
	confirmed time.Time // what the expire timer counts from
	refreshed time.Time // when a primary last had no newer version, or sent this one
	next      time.Time
	idle      time.Time // when a round last brought nothing
	tries     int       // in a row without success
	expired   bool
	from      string
	whole     int
	changes   int
	failed    int
	older     string
	olderIs   uint32
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

// lasts is how long the version may be answered without a sign of a primary. A zone that expires
// before it is refreshed would come and go.
func (r *round) lasts() time.Duration { return lasts(r.soa) }

func lasts(soa rdata.SOA) time.Duration {
	return max(time.Duration(soa.Expire)*time.Second, seconds(soa.Refresh)+seconds(soa.Retry))
}

// Lasts is how long a version may be answered without a sign of a primary; 0 when it has no SOA.
func Lasts(z *zone.Zone) time.Duration {
	set, _, err := soaOf(z)
	if err != nil {
		return 0
	}
	soa, err := rdata.SOAOf(set.Data[0])
	if err != nil {
		return 0
	}
	return lasts(soa)
}

func (r *round) expires() time.Time { return r.confirmed.Add(r.lasts()) }

func (r *round) expireIfDue() {
	if r.have == nil || r.expired || time.Now().Before(r.expires()) {
		return
	}
	r.expired = true
	if r.Expired != nil {
		r.Expired()
	}
	r.report(r.Status().Err)
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
		if r.have != nil {
			d = min(d, seconds(r.soa.Retry))
		}
		r.tries++
	}
	if err != nil {
		r.failed++
	}
	r.next = time.Now().Add(d - rand.N(d/10+1))
}

func (r *round) report(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = Status{
		Loaded: r.have != nil, Serial: r.serial, Expired: r.expired, Next: r.next, Err: err, From: r.from,
		Whole: r.whole, Changes: r.changes, Failed: r.failed, Older: r.older, OlderSerial: r.olderIs,
	}
	if r.have != nil {
		r.status.Refreshed, r.status.Expires = r.refreshed, r.expires()
	}
}

// ask asks the primaries one after the other until one has a newer version. It is an error when
// none of them could be asked. Primaries that are known to be silent are asked only where somebody
// has asked for the zone.
func (r *round) ask(ctx context.Context, asked bool) error {
	if len(r.Primaries) == 0 {
		return fmt.Errorf("zone %s has no primaries to be fetched from", r.Origin)
	}
	r.mu.Lock()
	whole := r.In.whole
	r.mu.Unlock()
	r.older, r.olderIs = "", 0
	var errs []error
	answered := false
	for _, p := range r.inOrder() {
		err := r.Shared.rests(p.Addr, r.Origin)
		if err != nil && !asked {
			errs = append(errs, err)
			continue
		}
		newer, err := r.askOne(ctx, &p, whole)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Shared.learn(p.Addr, r.Origin, err)
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
	if !prefer.IsValid() {
		return r.Primaries
	}
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

// askOne asks one primary, and fetches what it has if that is newer, or in any case when the whole
// zone is wanted.
func (r *round) askOne(ctx context.Context, p *Primary, whole bool) (newer bool, err error) {
	if r.have != nil && !whole {
		serial, life, err := p.serial(ctx, r.Origin)
		if err != nil {
			return false, err
		}
		if !Newer(serial, r.serial) && (serial == r.serial || !r.expired) {
			if serial != r.serial {
				r.older, r.olderIs = p.Addr, serial
			}
			return false, r.confirm(life)
		}
	}
	leave, err := r.Shared.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	f := fetching{Primary: p, origin: r.Origin, limits: r.Limits, load: load{shared: r.Shared}}
	defer f.load.free()
	base := r.have
	if r.expired || whole {
		base = nil
	}
	transfer, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	z, all, err := f.fetch(transfer, base)
	if err != nil {
		return false, err
	}
	if z == r.have {
		return false, r.confirm(f.life)
	}
	_, serial, err := soaOf(z)
	if err != nil {
		return false, err
	}
	if r.have != nil && !r.expired && !whole && !Newer(serial, r.serial) {
		return false, fmt.Errorf("zone %s from %s: the transfer brought serial %d, which is not newer than %d", r.Origin, p.Addr, serial, r.serial)
	}
	return true, r.publish(z, p, all, f.life)
}

// confirm notes that a primary has nothing newer.
func (r *round) confirm(l life) error {
	if r.expired {
		if l.known && l.left <= 0 {
			return fmt.Errorf("zone %s: the primary's own copy has expired", r.Origin)
		}
		if err := r.Publish(r.have); err != nil {
			return err
		}
		r.confirmed = time.Time{}
	}
	r.expired = false
	r.count(l)
	return nil
}

// count starts the expire timer. A primary that is a secondary itself may have less time left than
// the SOA gives; that never takes away what another primary has granted for the same version (RFC
// 7314, section 4).
func (r *round) count(l life) {
	now := time.Now()
	from := now
	if l.known {
		from = now.Add(min(l.left, r.lasts()) - r.lasts())
	}
	if from.After(r.confirmed) {
		r.confirmed = from
	}
	r.refreshed = now
	if r.Confirmed != nil {
		r.Confirmed(r.confirmed)
	}
}

// publish hands on a version that has come.
func (r *round) publish(z *zone.Zone, p *Primary, whole bool, l life) error {
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
	r.expired, r.from, r.older = false, p.Addr, ""
	r.mu.Lock()
	r.In.whole = false
	r.mu.Unlock()
	r.confirmed = time.Time{}
	r.count(l)
	if whole {
		r.whole++
	} else {
		r.changes++
	}
	return nil
}
