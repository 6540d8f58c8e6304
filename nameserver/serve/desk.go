package serve

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// desk takes what is no question.
func (s *Server) desk() *xfr.Desk {
	scratches := sync.Pool{New: func() any { return s.engine.NewScratch() }}
	return &xfr.Desk{
		Keyring: func() wire.Keyring { return s.content.Load().Keys },
		Out:     s.out,
		Unsigned: func(p xfr.Peer, m *wire.Message, err error) {
			origin := zone.Root
			if len(m.Questions) > 0 {
				origin = m.Questions[0].Name
			}
			s.strangers.tell(s.log, p, origin, "signature-wrong", fmt.Sprintf("%s from %s, whose signature is wrong: %v", asked(m), p.Addr.Addr(), err))
		},
		Update: func(ctx context.Context, m *wire.Message, from xfr.Sender) wire.RCODE {
			return s.held.Update(ctx, m, from)
		},
		Notified: func(n xfr.Notice) wire.RCODE { return s.secondary.Notified(n) },
		Query: func(query []byte, p xfr.Peer, limit int) []byte {
			scratch := scratches.Get().(*nameserver.Scratch)
			defer scratches.Put(scratch)
			defer scratch.Flush()
			c := nameserver.Client{Addr: p.Addr, Stream: limit > socket.MaxDatagram, MaxUDP: limit, Encrypted: p.TLS != nil}
			return s.engine.Answer(scratch, query, c, nil)
		},
	}
}

// policy says what holds for a zone. While a reload is under way, that is for what goes what was.
func (s *Server) policy(h holder, origin zone.Name) Policy {
	p, ok := s.policyIn(s.content.Load(), h, origin)
	if before := s.before.Load(); !ok && before != nil {
		p, _ = s.policyIn(before, h, origin)
	}
	return p
}

// policyIn says what content says of a zone; ok is false when it does not know it.
func (s *Server) policyIn(c *Content, h holder, origin zone.Name) (p Policy, ok bool) {
	switch h.kind {
	case held.File:
		dir := filepath.Dir(h.file)
		for i := range c.Folders {
			if filepath.Clean(c.Folders[i].Dir) == dir {
				return c.Folders[i].Policy, true
			}
		}
	case held.Primary:
		if p := c.primary(origin); p != nil {
			return p.Policy, true
		}
	case held.Secondary:
		return s.transferred(c, origin)
	case catalog:
		for i := range c.Produce {
			if c.Produce[i].Origin == origin {
				return c.Produce[i].Policy, true
			}
		}
	}
	return Policy{}, false
}

// transferred is what holds for a zone that comes from elsewhere.
func (s *Server) transferred(c *Content, origin zone.Name) (p Policy, ok bool) {
	for i := range c.Secondaries {
		if c.Secondaries[i].Origin == origin {
			return c.Secondaries[i].Policy, true
		}
	}
	by, group, member := s.secondary.MemberOf(origin)
	var any Policy
	for i := range c.Catalogs {
		cat := &c.Catalogs[i]
		switch {
		case cat.Origin == origin:
			return cat.Policy, true
		case !member:
			// A member that comes out of the store is not known yet; its versions are kept if those of
			// any member are.
			for _, t := range append([]Template{cat.Members}, cat.Groups...) {
				if !t.quiet() {
					any, ok = t.Policy, true
				}
			}
		case cat.Origin == by:
			for j := range cat.Groups {
				if group != "" && cat.Groups[j].Group == group {
					return cat.Groups[j].Policy, true
				}
			}
			return cat.Members.Policy, true
		}
	}
	return any, ok
}

func fileHolder(file string) holder { return holder{kind: held.File, file: file} }

// claimFile has a zone served from a file, unless something else serves it.
func (s *Server) claimFile(origin zone.Name, file string) (by string) {
	if other, ok := s.zones.claim(origin, fileHolder(file)); !ok {
		return other.String()
	}
	return ""
}

// publishFile makes a version of a file public. It is answered already.
func (s *Server) publishFile(z *zone.Zone, c *nameserver.Compiled, file string) {
	if err := s.zones.publish(fileHolder(file), z, c); err != nil {
		s.log(finding.Finding{
			ID: "zones-transfer", Severity: finding.Error, Zone: z.Origin().String(), Place: finding.Place{File: file}, Text: err.Error(),
		})
	}
}

func (s *Server) withdrawFile(origin zone.Name) { s.zones.withdraw(origin, held.File) }
