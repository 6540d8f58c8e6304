package held

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// Errors of the methods of Zones. They are wrapped with what is concerned and what to do.
var (
	ErrNoZone   = errors.New("there is no such zone")
	ErrExists   = errors.New("the zone exists")
	ErrMoved    = errors.New("the zone has changed meanwhile")
	ErrReadOnly = errors.New("the zone is not edited here")
	ErrInvalid  = errors.New("the zone would not be valid") // the cause is a *finding.Problem
)

// Kinds of zones.
const (
	Primary   = "primary"   // held here
	Secondary = "secondary" // transferred in
	File      = "file"      // read from a zone file
)

// Info tells of a zone without its records.
type Info struct {
	Origin   zone.Name
	Kind     string // Primary, Secondary or File
	Serial   uint32
	Revision string // hash of the content: equal revisions mean equal zones
	Sets     int    // RRsets
	Signed   bool   // there are RRSIG records at the apex
}

// InfoOf returns what can be told of a zone.
func InfoOf(z *zone.Zone, kind string) Info {
	return Info{Origin: z.Origin(), Kind: kind, Serial: serialOf(z), Revision: z.Hash().String(), Sets: z.Len(), Signed: signed(z)}
}

// serialOf returns the serial of a zone, 0 when it has none.
func serialOf(z *zone.Zone) uint32 {
	soa, ok := z.Set(z.Origin(), zone.TypeSOA)
	if !ok || len(soa.Data) == 0 || len(soa.Data[0]) < 22 {
		return 0
	}
	d := soa.Data[0]
	return binary.BigEndian.Uint32([]byte(d[len(d)-20:]))
}

// SerialOf returns the serial of a zone, 0 when it has no SOA record.
func SerialOf(z *zone.Zone) uint32 {
	soa, ok := z.Set(z.Origin(), zone.TypeSOA)
	if !ok || len(soa.Data[0]) < 22 {
		return 0
	}
	d := soa.Data[0]
	return binary.BigEndian.Uint32([]byte(d[len(d)-20:]))
}

func signed(z *zone.Zone) bool {
	_, ok := z.Set(z.Origin(), zone.TypeRRSIG)
	return ok
}

type actorKey struct{}

// WithActor returns a context that says who edits and by what, for the history of versions, as
// "control by user ada". Who signs an update is known without it.
func WithActor(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, actorKey{}, who)
}

// actor is who edits, as the history has it.
func actor(ctx context.Context) string {
	who, _ := ctx.Value(actorKey{}).(string)
	return cmp.Or(who, "somebody")
}

// A Policy says what holds for the edits of a zone. The zero Policy counts serials one by one and
// lets nobody update anything.
type Policy struct {
	Serial xfr.SerialPolicy
	Grants xfr.Grants // of dynamic updates
	// Signed lets a zone that has signatures be changed in ways that these do not cover, for whoever
	// signs it again at once. Without it such edits are refused: resolvers that validate would take
	// the zone for forged.
	Signed bool
}

// Disk is what keeps the zones; a *journal.DB does. What Write has written stays written when the
// process ends, however it ends.
type Disk interface {
	Zones(ctx context.Context, kind string) iter.Seq2[journal.Entry, error]
	Write(ctx context.Context, list ...journal.Version) error
	Delete(ctx context.Context, origin zone.Name, answers ...journal.Answer) error
	Answer(ctx context.Context, key [sha256.Size]byte, now time.Time) (a journal.Answer, ok bool, err error)
	Versions(ctx context.Context, origin zone.Name) ([]journal.Past, error)
	Version(ctx context.Context, origin zone.Name, serial uint32) (*zone.Zone, error)
}

// Zones are the zones that are held here. The fields are set before Load and then left alone. The
// methods may be called from any goroutine.
type Zones struct {
	DB Disk
	// Publish has a version answered from now on, transferred out, and told to secondaries. An error
	// means that the one before stays; the edit is then taken back.
	Publish func(z *zone.Zone) error
	// Withdraw has a zone not answered any more.
	Withdraw func(origin zone.Name)
	// Resume is called by Load, before Publish, with the differences that led to the zone: what
	// xfr.Journal.Restore takes. nil: secondaries that are behind fetch the zone whole.
	Resume func(z *zone.Zone, list []xfr.Difference)
	// Policy says what holds for a zone; nil: the zero Policy for all.
	Policy func(origin zone.Name) Policy
	// Taken says whether the name server has a zone of this name from elsewhere, and from where, as
	// words that follow on "served from". nil: never.
	Taken func(origin zone.Name) (by string, ok bool)
	// Other returns a zone that is served here and held elsewhere, nil when there is none, and Others
	// lists them all, so that Zone and Zones tell of them too. They may be nil.
	Other  func(origin zone.Name) (z *zone.Zone, kind string)
	Others func() []Info
	Now    func() time.Time      // nil: time.Now
	Log    func(finding.Finding) // what people should know, by several goroutines at once; may be nil

	counts counts
	recent recent // updates that were answered

	mu     sync.Mutex
	held   map[zone.Name]*held
	broken map[zone.Name]error // what is on disk of these cannot be used
	passed map[zone.Name]bool  // these are on disk, and not held, since somebody else serves them
}

// A held zone is one of Zones.
type held struct {
	turn sync.Mutex                // held while versions are made
	gone bool                      // deleted, and no longer among Zones.held; guarded by turn
	now  atomic.Pointer[zone.Zone] // nil: not created yet, or deleted

	mu    sync.Mutex
	queue []*edit // wait for their turn
}

// Counts of what has been done.
type Counts struct {
	Updates int64 // dynamic updates that were carried out
	Void    int64 // updates that changed nothing
	Again   int64 // updates that had been answered before
	Refused int64 // updates that were not allowed, or whose prerequisites were not met
	Failed  int64 // updates and edits that could not be kept or served
	Edits   int64 // versions made by Change, Create and Restore
}

type counts struct{ updates, void, again, refused, failed, edits atomic.Int64 }

// Counts returns what has been done so far.
func (s *Zones) Counts() Counts {
	c := &s.counts
	return Counts{
		Updates: c.updates.Load(), Void: c.void.Load(), Again: c.again.Load(),
		Refused: c.refused.Load(), Failed: c.failed.Load(), Edits: c.edits.Load(),
	}
}

// Load publishes what is on disk. Zones that cannot be served are told by Log, and the others are
// there; an error means that the disk cannot be read.
func (s *Zones) Load(ctx context.Context) error {
	return s.loadAll(ctx, func(zone.Name) bool { return true })
}

// Resettle publishes zones of the disk that Load left to others who serve them no more. Call it when
// such may have gone.
func (s *Zones) Resettle(ctx context.Context) error {
	s.mu.Lock()
	free := maps.Clone(s.passed)
	s.mu.Unlock()
	maps.DeleteFunc(free, func(origin zone.Name, _ bool) bool { _, taken := s.taken(origin); return taken })
	if len(free) == 0 {
		return nil
	}
	return s.loadAll(ctx, func(origin zone.Name) bool { return free[origin] })
}

// loadAll publishes those zones of the disk that are wanted.
func (s *Zones) loadAll(ctx context.Context, wanted func(origin zone.Name) bool) error {
	read := make(chan journal.Entry)
	var publishing sync.WaitGroup
	defer publishing.Wait()
	defer close(read)
	for range runtime.GOMAXPROCS(0) {
		publishing.Go(func() {
			for e := range read {
				s.load(e)
			}
		})
	}
	for e, err := range s.DB.Zones(ctx, Primary) {
		if damaged, ok := errors.AsType[*journal.Damaged](err); ok {
			if !wanted(damaged.Origin) {
				continue
			}
			s.mu.Lock()
			if s.broken == nil {
				s.broken = map[zone.Name]error{}
			}
			s.broken[damaged.Origin] = err
			s.mu.Unlock()
			s.log(finding.Finding{ID: "zones-held", Severity: finding.Error, Zone: damaged.Origin.String(), Text: err.Error()})
			continue
		}
		if err != nil {
			return err
		}
		if wanted(e.Zone.Origin()) {
			read <- e
		}
	}
	return nil
}

func (s *Zones) load(e journal.Entry) {
	origin := e.Zone.Origin()
	if by, ok := s.taken(origin); ok {
		s.log(finding.Finding{
			ID: "zones-held", Severity: finding.Warning, Zone: origin.String(),
			Text: fmt.Sprintf("zone %s is in the store and served from %s; that one is answered, and what the store has stays there", origin, by),
			Fix:  "configure it as one of them, and reload; then it can be deleted, too",
		})
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.passed == nil {
			s.passed = map[zone.Name]bool{}
		}
		s.passed[origin] = true
		return
	}
	h := &held{}
	h.now.Store(e.Zone)
	s.mu.Lock()
	delete(s.passed, origin)
	if s.held == nil {
		s.held = map[zone.Name]*held{}
	}
	s.held[origin] = h
	s.mu.Unlock()
	if s.Resume != nil && len(e.Deltas) > 0 {
		s.Resume(e.Zone, e.Deltas)
	}
	if err := s.Publish(e.Zone); err != nil {
		s.log(finding.Finding{
			ID: "zones-held", Severity: finding.Error, Zone: origin.String(),
			Text: fmt.Sprintf("zone %s is held here but cannot be served: %v", origin, err),
		})
	}
}

// find returns a zone that is held here.
func (s *Zones) find(origin zone.Name) (*held, error) {
	s.mu.Lock()
	h, broken := s.held[origin], s.broken[origin]
	s.mu.Unlock()
	switch {
	case h != nil:
		return h, nil
	case broken != nil:
		return nil, broken
	}
	if by, ok := s.taken(origin); ok {
		return nil, fmt.Errorf("zone %s is served from %s, and edited there: %w", origin, by, ErrReadOnly)
	}
	return nil, noZone(origin)
}

func noZone(origin zone.Name) error {
	return fmt.Errorf("zone %s is not held here: %w", origin, ErrNoZone)
}

// Zones lists the zones in order of their names.
func (s *Zones) Zones() []Info {
	s.mu.Lock()
	list := make([]*zone.Zone, 0, len(s.held))
	for _, h := range s.held {
		if z := h.now.Load(); z != nil {
			list = append(list, z)
		}
	}
	s.mu.Unlock()
	out := make([]Info, 0, len(list))
	for _, z := range list {
		out = append(out, InfoOf(z, Primary))
	}
	if s.Others != nil {
		out = append(out, s.Others()...)
	}
	slices.SortFunc(out, func(a, b Info) int { return a.Origin.Compare(b.Origin) })
	return out
}

// Zone returns the newest version of a zone. The error wraps ErrNoZone.
func (s *Zones) Zone(origin zone.Name) (*zone.Zone, Info, error) {
	h, err := s.find(origin)
	if err == nil {
		if z := h.now.Load(); z != nil {
			return z, InfoOf(z, Primary), nil
		}
		err = noZone(origin)
	}
	if s.Other != nil {
		if z, kind := s.Other(origin); z != nil {
			return z, InfoOf(z, kind), nil
		}
	}
	if errors.Is(err, ErrReadOnly) {
		err = noZone(origin)
	}
	return nil, Info{}, err
}

// Holds reports whether a zone is held here.
func (s *Zones) Holds(origin zone.Name) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[origin]
	return h != nil && h.now.Load() != nil
}

// Damaged reports whether a zone is held here whose data on disk cannot be used.
func (s *Zones) Damaged(origin zone.Name) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken[origin] != nil
}

// Versions lists the versions of a zone that Restore can make the newest again, newest first.
func (s *Zones) Versions(ctx context.Context, origin zone.Name) ([]journal.Past, error) {
	if _, err := s.find(origin); err != nil {
		return nil, err
	}
	return s.DB.Versions(ctx, origin)
}

func (s *Zones) policy(origin zone.Name) Policy {
	if s.Policy == nil {
		return Policy{}
	}
	return s.Policy(origin)
}

func (s *Zones) taken(origin zone.Name) (by string, ok bool) {
	if s.Taken == nil {
		return "", false
	}
	return s.Taken(origin)
}

func (s *Zones) time() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Zones) log(f finding.Finding) {
	if s.Log != nil {
		s.Log(f)
	}
}
