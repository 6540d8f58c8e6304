package held

import (
	"context"
	"errors"
	"fmt"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

func newer(a, b *zone.Zone) bool { return xfr.Newer(serialOf(a), serialOf(b)) }

// Update carries out a dynamic update (RFC 2136); it is what an xfr.Desk asks. NOERROR says that what
// came out is on disk and answered. Only who has signed with a key that has a grant gets to know
// anything about the zone, prerequisites included.
//
// A message that has been answered before gets the same answer, and is not carried out again: a
// client whose answer was lost repeats it, and so could somebody who has listened.
func (s *Zones) Update(ctx context.Context, m *wire.Message, from xfr.Sender) wire.RCODE {
	if m.Opcode != wire.OpUpdate || len(m.Questions) != 1 || m.Questions[0].Type != zone.TypeSOA {
		return wire.FormErr
	}
	origin := m.Questions[0].Name
	h, err := s.find(origin)
	if err != nil || m.Questions[0].Class != wire.ClassIN {
		s.counts.refused.Add(1)
		switch {
		case err == nil, errors.Is(err, ErrNoZone):
			return wire.NotAuth
		case errors.Is(err, ErrReadOnly):
			return wire.Refused
		}
		return wire.ServFail // what is on disk is damaged
	}
	p := s.policy(origin)
	key, ok := from.Session.Key()
	if !ok || !grants(p.Grants, key, origin) {
		s.counts.refused.Add(1)
		if ok { // who has no key may send what he likes; nobody is to be woken by it
			s.refused(origin, key, from, "it has no grant for this zone")
		}
		return wire.Refused
	}
	first, answer := s.recent.enter(m, from, s.time())
	if !first {
		s.counts.again.Add(1)
		select {
		case <-answer.done:
			return answer.rcode
		case <-ctx.Done():
			return wire.ServFail
		}
	}
	answer.rcode = wire.ServFail
	defer func() { s.recent.answered(answer) }()
	answer.rcode = s.update(ctx, h, m, from, key, p)
	return answer.rcode
}

// update carries out an update that may be one.
func (s *Zones) update(ctx context.Context, h *held, m *wire.Message, from xfr.Sender, key zone.Name, p Policy) wire.RCODE {
	origin := m.Questions[0].Name
	by := fmt.Sprintf("update by key %s from %s", key, from.Addr.Addr().Unmap())
	e := &edit{by: by, make: func(z *zone.Zone) (*zone.Zone, error) {
		after, err := xfr.Update(z, m, xfr.Updating{
			Allow:  p.Grants.For(from, origin),
			Serial: func(old uint32) uint32 { return p.Serial.Next(old, s.time()) },
		})
		switch {
		case err != nil || after == z:
			return after, err
		case !p.Signed && (signed(z) || signed(after)):
			return nil, unsound(origin, "an update would change what signatures cover", "update the zone where it is signed; or let updates change it, when it is signed again at once")
		}
		if err := checkUpdate(after, m); err != nil {
			return nil, err
		}
		return after, nil
	}}
	err := s.do(ctx, h, e)
	switch refusal, _ := errors.AsType[*xfr.UpdateError](err); {
	case err == nil && e.void:
		s.counts.void.Add(1)
	case err == nil:
		s.counts.updates.Add(1)
	case refusal != nil:
		s.counts.refused.Add(1)
		if refusal.RCODE == wire.Refused {
			s.refused(origin, key, from, refusal.Reason)
		}
		return refusal.RCODE
	case errors.Is(err, ErrInvalid):
		s.counts.refused.Add(1)
		s.refused(origin, key, from, err.Error())
		return wire.Refused
	case errors.Is(err, ErrNoZone):
		return wire.NotAuth
	default:
		return wire.ServFail // carryOut has told why
	}
	return wire.NoError
}

// checkUpdate looks at what came of the names that an update touches.
func checkUpdate(after *zone.Zone, m *wire.Message) error {
	var touched []zone.Change
	for _, r := range m.Authority {
		if set, ok := after.Set(r.Owner, r.Type); ok {
			touched = append(touched, zone.Change{After: &set})
		}
	}
	if touched == nil {
		touched = []zone.Change{}
	}
	return check(after, touched)
}

// grants reports whether a key may change anything of a zone.
func grants(list xfr.Grants, key, origin zone.Name) bool {
	for _, g := range list {
		if g.Deny || g.Key != key {
			continue
		}
		if len(g.Zones) == 0 {
			return true
		}
		for _, n := range g.Zones {
			if n == origin {
				return true
			}
		}
	}
	return false
}

func (s *Zones) refused(origin, key zone.Name, from xfr.Sender, why string) {
	s.log(finding.Finding{
		ID: "zones-update", Severity: finding.Warning, Zone: origin.String(), Subject: "key " + key.String(),
		Text: fmt.Sprintf("an update of zone %s from %s, signed with key %s, was refused: %s", origin, from.Addr.Addr().Unmap(), key, why),
	})
}

var _ Disk = (*journal.DB)(nil)
