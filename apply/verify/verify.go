package verify

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Options of a Verifier. The zero Options ask the real servers with the defaults.
type Options struct {
	// Addresses are servers to ask instead of the target's own, by the provider's name in the
	// configuration: "192.0.2.53", "[2001:db8::53]:5300".
	Addresses map[string][]string
	// NameServers are the names that a provider's zones are served under, where the configuration
	// says them, by the provider's name. They win over what the provider and the apex NS say: those
	// may be the servers of another provider of the zone.
	NameServers map[string][]zone.Name

	Timeout  time.Duration // for all servers of a target; 0: 60 s
	InFlight int           // questions at once to one server; 0: 64
	// Shared bounds the questions at once to one address for several Verifiers; nil: each by itself.
	// A hundred zones that are watched at one address would lose datagrams otherwise.
	Shared *Bounds

	// NoDNS are drivers whose targets serve no DNS; nil: zonefile and yaml.
	NoDNS []string

	// Ask asks a server; nil: over UDP and TCP.
	Ask func(ctx context.Context, addr string, m *wire.Message) (*wire.Message, error)
	// Resolve finds a name server's addresses; nil: the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
}

// A Verifier asks name servers. It is safe for concurrent use.
type Verifier struct{ o Options }

var _ apply.Verifier = (*Verifier)(nil)

// New returns a Verifier.
func New(o Options) *Verifier {
	if o.Timeout <= 0 {
		o.Timeout = 60 * time.Second
	}
	if o.InFlight <= 0 {
		o.InFlight = 64
	}
	if o.NoDNS == nil {
		o.NoDNS = []string{"zonefile", "yaml"}
	}
	if o.Ask == nil {
		o.Ask = ask
	}
	if o.Resolve == nil {
		o.Resolve = resolve
	}
	if o.Shared == nil {
		o.Shared = &Bounds{}
	}
	return &Verifier{o}
}

// Bounds let so many questions at once to each address. The zero value is ready.
type Bounds struct {
	mu    sync.Mutex
	slots map[string]chan struct{}
}

// enter waits for a place; the returned function gives it back.
func (b *Bounds) enter(ctx context.Context, addr string, n int) (leave func(), err error) {
	b.mu.Lock()
	slots := b.slots[addr]
	if slots == nil {
		if b.slots == nil {
			b.slots = map[string]chan struct{}{}
		}
		slots = make(chan struct{}, n)
		b.slots[addr] = slots
	}
	b.mu.Unlock()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// put asks when there is a place.
func (r *run) put(ctx context.Context, addr string, m *wire.Message) (*wire.Message, error) {
	leave, err := r.o.Shared.enter(ctx, addr, r.o.InFlight)
	if err != nil {
		return nil, err
	}
	defer leave()
	return r.o.Ask(ctx, addr, m)
}

// ask is the way to real servers. One that does not understand EDNS is asked without.
func ask(ctx context.Context, addr string, m *wire.Message) (*wire.Message, error) {
	c := wire.Client{Timeout: 2 * time.Second}
	answer, err := c.Exchange(ctx, addr, m)
	if err == nil && m.EDNS != nil && (answer.RCODE == wire.FormErr || answer.RCODE == wire.NotImp || answer.RCODE == wire.BadVers) {
		plain := *m
		plain.EDNS = nil
		return c.Exchange(ctx, addr, &plain)
	}
	return answer, err
}

// maxLines bounds the lists for people.
const maxLines = 100

// Verify implements apply.Verifier.
func (v *Verifier) Verify(ctx context.Context, p *plan.Plan, done []zone.Change, observe func(seen, total int)) apply.Verification {
	began := time.Now()
	var out apply.Verification
	switch {
	case len(done) == 0:
		out.Skipped = "nothing was changed"
	case p.Base != nil && p.Base.Info.Disabled:
		out.Skipped = "the zone is disabled and not answered"
	case p.Base != nil && p.Base.Info.Kind == provider.Private && len(v.o.Addresses[p.Target.Provider]) == 0:
		out.Skipped = "a private zone is answered inside its network only"
	}
	if out.Skipped != "" {
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, v.o.Timeout)
	defer cancel()
	checks, notes := checksOf(p, done)
	out.Notes = notes
	servers, why := v.servers(ctx, p, done)
	if len(servers) == 0 {
		out.Skipped = why
		return out
	}
	r := &run{
		Verifier: v, origin: p.Target.Zone, checks: checks, servers: servers, began: began,
		left: make([]int, len(checks)), observe: observe,
	}
	for i := range r.left {
		r.left[i] = len(servers)
	}
	var wg sync.WaitGroup
	for i := range servers {
		wg.Go(func() { r.watch(ctx, &servers[i]) })
	}
	wg.Wait()
	r.sum(&out)
	out.Took = time.Since(began)
	return out
}

// A run is one verification.
type run struct {
	*Verifier
	origin  zone.Name
	checks  []check
	servers []server
	began   time.Time

	mu      sync.Mutex
	left    []int // per check: servers that have not answered as planned
	seen    int   // checks with none left
	observe func(seen, total int)
}

// settled notes that a server answers a check as planned.
func (r *run) settled(i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left[i]--; r.left[i] > 0 {
		return
	}
	r.seen++
	if r.observe != nil {
		r.observe(r.seen, len(r.checks))
	}
}

// sum counts what was seen.
func (r *run) sum(out *apply.Verification) {
	hidden := map[int]string{}
	for i := range r.servers {
		s := &r.servers[i]
		out.Servers = append(out.Servers, apply.Server{Name: s.name, Addr: s.addr, Visible: s.visible, Error: s.trouble})
		for c, why := range s.hidden {
			hidden[c] = why
		}
	}
	for i, c := range r.checks {
		if why, ok := hidden[i]; ok {
			out.Notes = append(out.Notes, fmt.Sprintf("%s: %s", c.key, why))
			continue
		}
		out.Checked++
		if r.left[i] == 0 {
			out.Visible++
			continue
		}
		for k := range r.servers {
			if why, ok := r.servers[k].pending[i]; ok {
				out.Missing = append(out.Missing, fmt.Sprintf("%s at %s: %s", c.key, r.servers[k].addr, why))
			}
		}
	}
	out.Missing = shorten(out.Missing)
	out.Notes = shorten(out.Notes)
}

func shorten(lines []string) []string {
	if len(lines) <= maxLines {
		return lines
	}
	return append(slices.Clip(lines[:maxLines]), fmt.Sprintf("… and %d more", len(lines)-maxLines))
}
