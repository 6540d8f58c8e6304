package serve

import (
	"path/filepath"
	"sync"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// desk takes what is no question.
func (s *Server) desk() *xfr.Desk {
	scratches := sync.Pool{New: func() any { return s.engine.NewScratch() }}
	return &xfr.Desk{
		Keys: s.o.Keys,
		Out:  s.out,
		Query: func(query []byte, p xfr.Peer, limit int) []byte {
			scratch := scratches.Get().(*nameserver.Scratch)
			defer scratches.Put(scratch)
			defer scratch.Flush()
			c := nameserver.Client{Addr: p.Addr, Stream: limit > socket.MaxDatagram, MaxUDP: limit, Encrypted: p.TLS != nil}
			return s.engine.Answer(scratch, query, c, nil)
		},
	}
}

// policy says what holds for a zone.
func (s *Server) policy(h holder, origin zone.Name) Policy {
	switch h.kind {
	case held.File:
		dir := filepath.Dir(h.file)
		for _, f := range s.o.Folders {
			if filepath.Clean(f.Dir) == dir {
				return f.Policy
			}
		}
	}
	return Policy{}
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

func (s *Server) withdrawFile(origin zone.Name) { s.zones.withdraw(origin, held.File, false) }
