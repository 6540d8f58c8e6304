package route53

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// A hostedZone is one zone of the account. Its list of sets is sorted, and replaced as a whole by
// each batch, so that a reader may keep what it has got.
type hostedZone struct {
	id        string
	name      zone.Name
	key       string // reversed name and id: the order of ListHostedZonesByName
	reference string
	private   bool
	vpcs      []vpc
	servers   *delegationSet

	busy sync.Mutex // held while a change batch is processed

	mu      sync.RWMutex
	comment string
	order   []*recordSet               // by key
	at      map[zone.Name][]*recordSet // by key
	refs    map[group][]*recordSet     // aliases of this zone by what they lead to
	served  *zone.Zone
}

type vpc struct {
	Region string `xml:"VPCRegion"`
	ID     string `xml:"VPCId"`
}

// A change is what GetChange tells about.
type change struct {
	id        string
	comment   string
	submitted time.Time
	done      time.Time
}

// keptChanges bounds memory.
const keptChanges = 10_000

// remember makes a change that is done when the name servers have it.
func (s *Service) remember(comment string) *change {
	now := s.opt.Now()
	c := &change{
		id: "C0" + random(alphanumeric, 19), comment: comment, submitted: now,
		done: time.Now().Add(time.Duration(s.panel.Knobs().Propagation)),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes[c.id] = c
	s.changeOrder = append(s.changeOrder, c.id)
	if len(s.changeOrder) > keptChanges {
		delete(s.changes, s.changeOrder[0])
		s.changeOrder = s.changeOrder[1:]
	}
	return c
}

func byKey(a, b *recordSet) int { return strings.Compare(a.key, b.key) }

// page returns at most n sets from the first whose key is not below start, and what follows.
func (z *hostedZone) page(start string, n int) (sets []*recordSet, next *recordSet) {
	z.mu.RLock()
	order := z.order
	z.mu.RUnlock()
	i, _ := slices.BinarySearchFunc(order, start, func(s *recordSet, k string) int { return strings.Compare(s.key, k) })
	rest := order[i:]
	if len(rest) > n {
		return rest[:n], rest[n]
	}
	return rest, nil
}

func (z *hostedZone) count() int {
	z.mu.RLock()
	defer z.mu.RUnlock()
	return len(z.order)
}

// empty reports whether the zone holds only what it was created with: SOA and NS of the apex.
func (z *hostedZone) empty() bool {
	z.mu.RLock()
	defer z.mu.RUnlock()
	return !slices.ContainsFunc(z.order, func(s *recordSet) bool {
		return s.name != z.name || s.typ != zone.TypeSOA && s.typ != zone.TypeNS
	})
}
