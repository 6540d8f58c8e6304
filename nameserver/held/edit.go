package held

import (
	"context"
	"errors"
	"fmt"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// An edit makes a version out of the one before.
type edit struct {
	by string
	// make returns the version that comes out; z itself when nothing changes. It may be called for
	// a z that is not on disk yet.
	make    func(z *zone.Zone) (*zone.Zone, error)
	receipt *Receipt // nil: nobody will ask again

	done bool // guarded by held.turn, as are the following
	out  *zone.Zone
	void bool // nothing changed
	err  error
}

// do has an edit carried out. Edits of one zone come one after the other. Those that wait go to disk
// together, each as a version of its own, and only the last of them is published: so many clients
// that update one zone wait for few flushes to disk, and the zone is made ready once for all.
func (s *Zones) do(ctx context.Context, h *held, e *edit) error {
	h.mu.Lock()
	h.queue = append(h.queue, e)
	h.mu.Unlock()
	h.turn.Lock()
	defer h.turn.Unlock()
	if !e.done {
		h.mu.Lock()
		batch := h.queue
		h.queue = nil
		h.mu.Unlock()
		s.carryOut(context.WithoutCancel(ctx), h, batch) // it is others' too
	}
	return e.err
}

// carryOut does the edits of a batch; the turn is held.
func (s *Zones) carryOut(ctx context.Context, h *held, batch []*edit) {
	before := h.now.Load()
	now := before
	var versions []journal.Version
	for _, e := range batch {
		e.done = true
		if now == nil {
			e.err = ErrNoZone
			continue
		}
		if e.out, e.err = e.make(now); e.err != nil {
			continue
		}
		if e.void = e.out == now || e.out.Equal(now); e.void {
			e.out = now
			continue
		}
		now = e.out
		v := journal.Version{Kind: Primary, Zone: now, At: s.time(), By: e.by}
		if e.receipt != nil {
			v.Answer = s.answer(e.receipt, InfoOf(now, Primary))
		}
		versions = append(versions, v)
	}
	if len(versions) == 0 {
		return
	}
	if err := s.keep(ctx, h, before, versions); err != nil {
		for _, e := range batch {
			if e.err == nil { // those that changed nothing may have found what is not there after all
				s.counts.failed.Add(1)
				e.err = err
			}
		}
	}
}

// keep writes versions to disk and publishes the last.
func (s *Zones) keep(ctx context.Context, h *held, before *zone.Zone, versions []journal.Version) error {
	now := versions[len(versions)-1].Zone
	origin := now.Origin()
	if err := s.DB.Write(ctx, versions...); err != nil {
		s.log(finding.Finding{
			ID: "zones-store", Severity: finding.Error, Zone: origin.String(),
			Text: fmt.Sprintf("a new version of zone %s could not be kept, and is not answered: %v", origin, err),
		})
		return err
	}
	if err := s.Publish(now); err != nil {
		err = fmt.Errorf("zone %s: the new version cannot be served: %w; the one before stays", origin, err)
		back := make([]journal.Version, 0, len(versions)) // the same version, and each answer taken back
		for _, v := range versions {
			back = append(back, journal.Version{Kind: Primary, Zone: before, At: s.time(), By: "taken back, as the version could not be served", Answer: undone(v.Answer)})
		}
		undo := s.DB.Write(ctx, back...)
		f := finding.Finding{ID: "zones-held", Severity: finding.Error, Zone: origin.String(), Text: errors.Join(err, undo).Error()}
		s.log(f)
		return err
	}
	h.now.Store(now)
	return nil
}

// Create begins to hold a zone. The error wraps ErrExists when the name is taken, by a zone held
// here or by one of a file or a primary, and ErrInvalid when no name server could serve it.
func (s *Zones) Create(ctx context.Context, z *zone.Zone) (Info, error) {
	origin := z.Origin()
	if by, ok := s.taken(origin); ok {
		return Info{}, fmt.Errorf("zone %s is served from %s: %w", origin, by, ErrExists)
	}
	if err := check(z, nil); err != nil {
		return Info{}, err
	}
	h, err := s.claim(origin)
	if err != nil {
		return Info{}, err
	}
	defer h.turn.Unlock()
	a := s.answer(receiptOf(ctx), InfoOf(z, Primary))
	// What was transferred in under this name, and is not any more, gives way.
	err = s.DB.Write(ctx, journal.Version{Kind: Primary, Zone: z, At: s.time(), By: actor(ctx), Replace: true, Answer: a})
	if err == nil {
		if err = s.Publish(z); err != nil {
			err = errors.Join(fmt.Errorf("zone %s cannot be served: %w; it was not created", origin, err), s.DB.Delete(context.WithoutCancel(ctx), origin, answers(undone(a))...))
		}
	}
	if err != nil {
		s.counts.failed.Add(1)
		s.forget(origin, h)
		return Info{}, err
	}
	h.now.Store(z)
	s.counts.edits.Add(1)
	return InfoOf(z, Primary), nil
}

// claim makes a place for a new zone, with its turn taken.
func (s *Zones) claim(origin zone.Name) (*held, error) {
	for {
		s.mu.Lock()
		h := s.held[origin]
		if err := s.broken[origin]; err != nil {
			s.mu.Unlock()
			return nil, fmt.Errorf("%w: %w", ErrExists, err)
		}
		if s.passed[origin] {
			s.mu.Unlock()
			return nil, fmt.Errorf("zone %s is in the store already, from before it was served from elsewhere; reload, and it is answered again: %w", origin, ErrExists)
		}
		if h == nil {
			h = &held{}
			h.turn.Lock()
			if s.held == nil {
				s.held = map[zone.Name]*held{}
			}
			s.held[origin] = h
			s.mu.Unlock()
			return h, nil
		}
		s.mu.Unlock()
		h.turn.Lock() // perhaps it is just coming or going
		gone := h.gone
		h.turn.Unlock()
		if !gone {
			return nil, fmt.Errorf("zone %s is held here already: %w", origin, ErrExists)
		}
	}
}

// forget takes a zone out; its turn is held.
func (s *Zones) forget(origin zone.Name, h *held) {
	h.gone = true
	h.now.Store(nil)
	s.mu.Lock()
	delete(s.held, origin)
	delete(s.broken, origin)
	s.mu.Unlock()
}

// Change makes a new version, with all of the changes or none. base is the revision that they were
// computed from; another one is an error that wraps ErrMoved, and nothing is done. The serial goes
// forward by the zone's policy unless the changes bring a SOA with a newer one. Changes that change
// nothing make no version. Further errors wrap ErrNoZone, ErrReadOnly or ErrInvalid.
func (s *Zones) Change(ctx context.Context, origin zone.Name, base string, changes []zone.Change) (Info, error) {
	p := s.policy(origin)
	return s.edit(ctx, origin, actor(ctx), func(z *zone.Zone) (*zone.Zone, error) {
		if err := fits(z, base); err != nil {
			return nil, err
		}
		if len(changes) == 0 {
			return z, nil
		}
		after, err := z.With(changes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		if after.Equal(z) {
			return z, nil
		}
		if err := check(after, changes); err != nil {
			return nil, err
		}
		if !p.Signed && signed(after) {
			if err := covered(z, after, changes); err != nil {
				return nil, err
			}
		}
		return s.forward(z, after, p)
	})
}

// Restore makes a version that a zone has had the newest, with a serial that goes forward. base is the
// revision that it takes the place of, "" whichever there is. The error wraps ErrNoZone, ErrMoved, or
// journal.ErrNoVersion.
func (s *Zones) Restore(ctx context.Context, origin zone.Name, base string, serial uint32) (Info, error) {
	if _, err := s.find(origin); err != nil {
		return Info{}, err
	}
	old, err := s.DB.Version(ctx, origin, serial)
	if err != nil {
		return Info{}, err
	}
	p := s.policy(origin)
	return s.edit(ctx, origin, fmt.Sprintf("%s: serial %d again", actor(ctx), serial), func(z *zone.Zone) (*zone.Zone, error) {
		if base != "" {
			if err := fits(z, base); err != nil {
				return nil, err
			}
		}
		if serialOf(z) == serial {
			return z, nil
		}
		if signed(old) && !p.Signed {
			return nil, unsound(origin, "its signatures would not fit the new serial", "have it signed again and bring the result")
		}
		same, err := xfr.WithSerial(old, serialOf(z))
		if err != nil || same.Equal(z) {
			return z, err
		}
		return s.forward(z, same, p)
	})
}

// edit carries out what control wants.
func (s *Zones) edit(ctx context.Context, origin zone.Name, by string, f func(z *zone.Zone) (*zone.Zone, error)) (Info, error) {
	h, err := s.find(origin)
	if err != nil {
		return Info{}, err
	}
	e := &edit{by: by, make: f, receipt: receiptOf(ctx)}
	if err := s.do(ctx, h, e); err != nil {
		if err == ErrNoZone { //nolint:errorlint // it is carryOut's own, without a name
			err = noZone(origin)
		}
		return Info{}, err
	}
	if !e.void {
		s.counts.edits.Add(1)
	}
	return InfoOf(e.out, Primary), nil
}

// forward returns after with a serial that comes after that of z.
func (s *Zones) forward(z, after *zone.Zone, p Policy) (*zone.Zone, error) {
	old := serialOf(z)
	if xfr.Newer(serialOf(after), old) {
		return after, nil
	}
	return xfr.WithSerial(after, p.Serial.Next(old, s.time()))
}

// Delete ends a zone and forgets its history. base "" deletes whatever there is, also what cannot be
// used any more.
func (s *Zones) Delete(ctx context.Context, origin zone.Name, base string) error {
	h, err := s.find(origin)
	if _, damaged := errors.AsType[*journal.Damaged](err); damaged && base == "" {
		if err := s.DB.Delete(ctx, origin, answers(s.answer(receiptOf(ctx), Info{}))...); err != nil {
			return err
		}
		s.mu.Lock()
		delete(s.broken, origin)
		s.mu.Unlock()
		return nil
	}
	if err != nil {
		return err
	}
	h.turn.Lock()
	defer h.turn.Unlock()
	z := h.now.Load()
	if z == nil {
		return noZone(origin)
	}
	if base != "" {
		if err := fits(z, base); err != nil {
			return err
		}
	}
	if err := s.DB.Delete(ctx, origin, answers(s.answer(receiptOf(ctx), Info{}))...); err != nil {
		return err
	}
	s.Withdraw(origin)
	s.forget(origin, h) // last, for from then on another one may be created
	return nil
}

// fits compares a zone with the revision that an edit was computed from.
func fits(z *zone.Zone, base string) error {
	if have := z.Hash().String(); have != base {
		return fmt.Errorf("zone %s is at revision %.12s (serial %d), the edit was made for %.12s: %w; nothing was done, look again and decide anew", z.Origin(), have, serialOf(z), base, ErrMoved)
	}
	return nil
}
