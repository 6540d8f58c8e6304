package serve

import (
	"context"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/acme"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/zone"
)

// ACME says how certificates are obtained; see package acme.
type ACME struct {
	acme.Options
	// DNS proves by TXT records in zones that are answered here (DNS-01): by edits of zones that are
	// held here, which secondaries follow within Settle, and beside zones that are not.
	DNS    bool
	Settle time.Duration
}

// obtain has certificates come from an authority.
func (s *Server) obtain() error {
	if s.o.ACME == nil {
		return nil
	}
	o := s.o.ACME.Options
	if o.Report == nil {
		o.Report = s.log
	}
	if s.o.ACME.DNS {
		c := &challenges{
			holds: s.held.Holds, edits: acme.Edits{Zones: s.held, Settle: s.o.ACME.Settle},
			beside: acme.Zones{Publish: s.putBeside, Withdraw: func(origin zone.Name) { s.engine.Zones.Remove(origin) }},
		}
		o.Present, o.CleanUp = c.present, c.cleanUp
	}
	var err error
	if s.acme, err = acme.Open(o); err != nil {
		return err
	}
	s.o.Certificates = socket.CertificatesFrom(s.acme.GetCertificate, s.acme.Protocols()...)
	return nil
}

// putBeside answers a zone that nobody else is to know of.
func (s *Server) putBeside(z *zone.Zone) error {
	c, err := nameserver.Compile(z, nameserver.CompileOptions{})
	if err != nil {
		return err
	}
	s.engine.Zones.Put(c)
	return nil
}

// challenges answers those of DNS-01 in the way that fits a name's zone.
type challenges struct {
	holds  func(origin zone.Name) bool
	edits  acme.Edits
	beside acme.Zones
}

// held reports whether the zone that a name is in is held here.
func (c *challenges) held(owner zone.Name) bool {
	for n := owner; !n.IsRoot(); n = n.Parent() {
		if c.holds(n) {
			return true
		}
	}
	return false
}

func (c *challenges) present(ctx context.Context, owner zone.Name, value string) error {
	if c.held(owner) {
		return c.edits.Present(ctx, owner, value)
	}
	return c.beside.Present(ctx, owner, value)
}

func (c *challenges) cleanUp(ctx context.Context, owner zone.Name, value string) error {
	if c.held(owner) {
		return c.edits.CleanUp(ctx, owner, value)
	}
	return c.beside.CleanUp(ctx, owner, value)
}

// renewing keeps certificates from an authority good until ctx ends.
func (s *Server) renewing(ctx context.Context) {
	if err := s.acme.Run(ctx); err != nil && ctx.Err() == nil {
		s.log(finding.Finding{ID: "zones-certificate", Severity: finding.Error, Text: err.Error()})
	}
}
