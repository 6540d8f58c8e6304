package serve

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// strangers are those who were refused. Each is told of once in a while: it may be a secondary with
// the wrong key, which somebody looks for, or anybody with a script, who must not fill the log.
type strangers struct {
	mu    sync.Mutex
	since time.Time
	known map[stranger]bool
}

type stranger struct {
	addr   netip.Addr
	origin zone.Name
	id     string
}

const (
	strangersEvery = time.Minute // how often each is told of
	strangersMost  = 20          // how many are, in that time
)

func (x *strangers) tell(log func(finding.Finding), p xfr.Peer, origin zone.Name, id, text string) {
	now := time.Now()
	who := stranger{p.Addr.Addr().Unmap(), origin, id}
	x.mu.Lock()
	if now.Sub(x.since) >= strangersEvery {
		x.since, x.known = now, map[stranger]bool{}
	}
	silent := x.known[who] || len(x.known) >= strangersMost
	if !silent {
		x.known[who] = true
	}
	x.mu.Unlock()
	if !silent {
		log(finding.Finding{ID: "zones-" + id, Severity: finding.Warning, Zone: origin.String(), Text: text})
	}
}

// asked says what kind of request a message is.
func asked(m *wire.Message) string {
	switch {
	case m.Opcode == wire.OpUpdate:
		return "an update"
	case m.Opcode == wire.OpNotify:
		return "a NOTIFY"
	case len(m.Questions) > 0 && (m.Questions[0].Type == wire.TypeAXFR || m.Questions[0].Type == wire.TypeIXFR):
		return "a request for a transfer"
	}
	return "a query"
}

// denied tells of a request for a transfer that was not let in.
func (s *Server) denied(p xfr.Peer, origin zone.Name, why string) {
	s.strangers.tell(s.log, p, origin, "transfer-refused", fmt.Sprintf("%s may not transfer zone %s: %s; see allow_transfer", p.Addr.Addr(), origin, why))
}

// busy tells of a request for a transfer that found no place.
func (s *Server) busy(p xfr.Peer, origin zone.Name, crowded bool) {
	text := fmt.Sprintf("%s was refused a transfer of zone %s: as many as may be are under way; see limits: transfers", p.Addr.Addr(), origin)
	if crowded {
		text = fmt.Sprintf("%s was refused a transfer of zone %s: it has as many under way as one client may; see limits: transfers_per_client", p.Addr.Addr(), origin)
	}
	s.strangers.tell(s.log, p, zone.Root, "transfers-busy", text)
}
