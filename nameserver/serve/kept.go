package serve

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// errNoStore is why a name server without a store holds no zones.
var errNoStore = fmt.Errorf("this name server has no store; name a file for it (--store, or store: in its configuration): %w", held.ErrReadOnly)

// nowhere is the disk of a name server without a store.
type nowhere struct{}

func (nowhere) Zones(context.Context, string) iter.Seq2[journal.Entry, error] {
	return func(func(journal.Entry, error) bool) {}
}
func (nowhere) Write(context.Context, ...journal.Version) error { return errNoStore }
func (nowhere) Delete(context.Context, zone.Name, ...journal.Answer) error {
	return errNoStore
}

func (nowhere) Answer(context.Context, [sha256.Size]byte, time.Time) (a journal.Answer, ok bool, err error) {
	return a, false, nil
}

func (nowhere) Versions(context.Context, zone.Name) ([]journal.Past, error) {
	return nil, errNoStore
}

func (nowhere) Version(context.Context, zone.Name, uint32) (*zone.Zone, error) {
	return nil, errNoStore
}

// wire joins what holds zones to what publishes them. The store is opened by Load.
func (s *Server) wire() {
	primary, transferred := holder{kind: held.Primary}, holder{kind: held.Secondary}
	s.held = &held.Zones{
		DB:       nowhere{},
		Publish:  func(z *zone.Zone) error { return s.zones.publish(primary, z, nil) },
		Withdraw: func(origin zone.Name) { s.zones.withdraw(origin, held.Primary) },
		Resume:   func(z *zone.Zone, list []xfr.Difference) { s.resume(primary, z, list) },
		Policy:   s.editing,
		Taken: func(origin zone.Name) (string, bool) {
			by := s.zones.taken(origin, held.Primary)
			return by, by != ""
		},
		Other: s.other, Others: s.others, Log: s.log,
	}
	s.secondary = &secondary.Zones{
		Publish: func(z *zone.Zone) error { return s.zones.publish(transferred, z, nil) },
		Restore: func(e journal.Entry) error {
			s.resume(transferred, e.Zone, e.Deltas)
			return s.zones.publish(transferred, e.Zone, nil)
		},
		Withdraw: func(origin zone.Name) { s.zones.withdraw(origin, held.Secondary) },
		Expired:  func(origin zone.Name) { s.zones.fail(origin, transferred) },
		Taken:    func(origin zone.Name) string { return s.zones.taken(origin, held.Secondary) },
		Log:      s.log,
		Shared:   &xfr.Shared{Transfers: s.o.Fetches},
	}
}

// resume gives a zone out of the store its versions.
func (s *Server) resume(h holder, z *zone.Zone, list []xfr.Difference) {
	if len(list) == 0 {
		return
	}
	j := &xfr.Journal{Limit: s.o.Journal}
	if err := j.Restore(z, list); err == nil { // else secondaries fetch the zone whole
		s.zones.restore(h, z.Origin(), j)
	}
}

// editing says what holds for edits of a zone.
func (s *Server) editing(origin zone.Name) held.Policy {
	if p := s.content.Load().primary(origin); p != nil {
		return held.Policy{Serial: p.Serial, Grants: p.Update, Signed: p.Signed}
	}
	return held.Policy{}
}

// primary is the entry that holds for a zone.
func (c *Content) primary(origin zone.Name) *Primary {
	if i := slices.IndexFunc(c.Primaries, func(p Primary) bool { return p.Origin == origin }); i >= 0 {
		return &c.Primaries[i]
	}
	return c.Others
}

// open opens the store and publishes what is in it.
func (s *Server) open(ctx context.Context) error {
	if s.o.Store != "" {
		db, err := journal.Open(ctx, s.o.Store)
		if err != nil {
			return err
		}
		db.Limit = func(zone.Name) int64 { return s.o.Journal }
		s.db = db
		s.held.DB, s.secondary.Disk = db, db
	}
	// What is configured has its name before files can take it.
	s.reserve(s.content.Load(), true)
	if err := s.held.Load(ctx); err != nil {
		return err
	}
	for i := range s.content.Load().Primaries {
		s.begin(ctx, &s.content.Load().Primaries[i])
	}
	return s.set(ctx)
}

// reserve claims the names of zones that are configured one by one, and lets go those that are not
// any more. It returns those that something else has, and tells of them if it is to.
func (s *Server) reserve(c *Content, tell bool) (taken []zone.Name) {
	s.zones.release(held.Primary, func(origin zone.Name) bool {
		return slices.ContainsFunc(c.Primaries, func(p Primary) bool { return p.Origin == origin })
	})
	one := func(origin zone.Name, h holder) {
		other, ok := s.zones.claim(origin, h)
		if !ok && other.kind == held.File {
			s.folders.yield(origin) // as at a start, what is configured goes before files
			other, ok = s.zones.claim(origin, h)
		}
		if ok {
			return
		}
		taken = append(taken, origin)
		if tell {
			s.log(finding.Finding{
				ID: "zones-double", Severity: finding.Error, Zone: origin.String(),
				Text: fmt.Sprintf("zone %s is configured as %s and served from %s; that one is answered", origin, h.kind, other), Fix: "remove one of them",
			})
		}
	}
	for i := range c.Primaries {
		one(c.Primaries[i].Origin, holder{kind: held.Primary})
	}
	for i := range c.Secondaries {
		one(c.Secondaries[i].Origin, holder{kind: held.Secondary})
	}
	for i := range c.Catalogs {
		one(c.Catalogs[i].Origin, holder{kind: held.Secondary})
	}
	for i := range c.Produce {
		one(c.Produce[i].Origin, holder{kind: catalog})
	}
	return taken
}

// settle gives names that a reload has freed to those who are configured to have them: the file of a
// zone that is held here from now on is only known to be gone when the folders have been looked at.
func (s *Server) settle(ctx context.Context, waiting []zone.Name) error {
	c := s.content.Load()
	if len(waiting) > 0 {
		s.reserve(c, true)
	}
	// What the store has goes before what a zone would begin with.
	if err := s.held.Resettle(ctx); err != nil {
		return err
	}
	for i := range c.Primaries {
		s.begin(ctx, &c.Primaries[i])
	}
	for _, origin := range waiting {
		if s.zones.taken(origin, held.Secondary) == "" && s.secondary.Holds(origin) {
			_ = s.secondary.Refresh(origin) // it is there
		}
	}
	s.admit()
	return nil
}

// admit keeps versions of zones that could not be transferred until the reload, and can be now.
func (s *Server) admit() {
	for _, x := range s.zones.unkept() {
		z, _ := s.other(x.origin)
		if x.kind == held.Primary {
			z, _, _ = s.held.Zone(x.origin)
		}
		// A file that is not any more what is answered is kept when it is loaded.
		if z == nil {
			continue
		}
		if err := s.zones.admit(x.holder, z); err != nil {
			s.log(finding.Finding{ID: "zones-transfer", Severity: finding.Error, Zone: x.origin.String(), Text: err.Error()})
		}
	}
}

// set makes the content what is held, transferred in and listed.
func (s *Server) set(ctx context.Context) error {
	c := s.content.Load()
	for _, f := range xfr.KeyFindings(c.Keys) {
		s.log(f)
	}
	if err := s.secondary.Set(ctx, c.transfers()); err != nil {
		return err
	}
	s.produce(c)
	return nil
}

// transfers are the zones that come from elsewhere.
func (c *Content) transfers() secondary.Config {
	var out secondary.Config
	for _, z := range c.Secondaries {
		out.Zones = append(out.Zones, secondary.Zone{Origin: z.Origin, Source: secondary.Source{Primaries: z.Primaries, Notify: z.NotifyBy}})
	}
	for i := range c.Catalogs {
		z := &c.Catalogs[i]
		cat := secondary.Catalog{
			Origin: z.Origin, Source: secondary.Source{Primaries: z.Primaries, Notify: z.NotifyBy},
			Members: z.Members.source(), Limit: z.Limit, Grace: z.Grace, Serve: len(z.Transfer) > 0,
		}
		for i := range z.Groups {
			cat.Groups = append(cat.Groups, secondary.Group{Name: z.Groups[i].Group, Source: z.Groups[i].source()})
		}
		out.Catalogs = append(out.Catalogs, cat)
	}
	return out
}

func (t *Template) source() secondary.Source {
	return secondary.Source{Primaries: t.Primaries, Notify: t.NotifyBy}
}

// begin makes a zone that the store does not have yet, from the file that it begins with.
func (s *Server) begin(ctx context.Context, p *Primary) {
	if p.From == "" || s.held.Holds(p.Origin) || s.zones.taken(p.Origin, held.Primary) != "" {
		return
	}
	z, err := readZone(p.From, p.Origin)
	if err == nil {
		_, err = s.held.Create(held.WithActor(ctx, "file "+p.From), z)
	}
	if err != nil {
		s.log(finding.Finding{
			ID: "zones-held", Severity: finding.Error, Zone: p.Origin.String(), Place: finding.Place{File: p.From},
			Text: fmt.Sprintf("zone %s is not held yet, and cannot begin with this file: %v", p.Origin, err),
		})
	}
}

// other returns the content of a zone that is served from elsewhere than the store, as far as it is
// kept.
func (s *Server) other(origin zone.Name) (*zone.Zone, string) {
	h, ok := s.zones.holder(origin)
	if !ok || h.kind == held.Primary {
		return nil, ""
	}
	if h.kind == held.Secondary {
		if z, err := s.secondary.Zone(origin); err == nil && z != nil {
			return z, h.kind
		}
	}
	if j := s.zones.journal(origin); j != nil {
		return j.Zone(), h.kind
	}
	if h.file == "" {
		return nil, ""
	}
	z, err := readZone(h.file, origin)
	if err != nil {
		return nil, ""
	}
	return z, h.kind
}

// readZone reads the file of a zone.
func readZone(path string, origin zone.Name) (*zone.Zone, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	w := &witness{dir: filepath.Dir(path)}
	defer w.close()
	res, err := zonefile.Parse(data, zonefile.Options{File: path, Origin: origin, HasOrigin: true, Root: w, DefaultTTL: defaultTTL})
	if err != nil {
		return nil, err
	}
	return res.Zone, finding.AsError(res.Findings)
}

// others lists the zones that are served from elsewhere than the store.
func (s *Server) others() []held.Info {
	var out []held.Info
	for _, origin := range s.zones.live(held.File, catalog) {
		h, _ := s.zones.holder(origin)
		out = append(out, s.info(origin, h.kind))
	}
	for _, st := range s.secondary.Status() { // those that have not come yet, and catalogs, too
		out = append(out, s.info(st.Origin, held.Secondary))
	}
	return out
}

// info tells of a zone without its records.
func (s *Server) info(origin zone.Name, kind string) held.Info {
	if kind == held.Secondary {
		if z, err := s.secondary.Zone(origin); err == nil && z != nil {
			return held.InfoOf(z, kind)
		}
	}
	if j := s.zones.journal(origin); j != nil && j.Zone() != nil {
		return held.InfoOf(j.Zone(), kind)
	}
	i := held.Info{Origin: origin, Kind: kind, Serial: s.zones.serial(origin)}
	if c := s.engine.Zones.Find(origin); c != nil {
		i.Sets, i.Signed = c.Sets(), c.Signed()
	}
	return i
}

// produce makes the catalogs that list zones of this server.
func (s *Server) produce(c *Content) {
	s.producing.Lock()
	defer s.producing.Unlock()
	before := s.producers
	s.producers = nil
	for i := range c.Produce {
		p := &c.Produce[i]
		// One that is as it was goes on: a new one would begin with a new version.
		if at := slices.IndexFunc(before, func(x producing) bool { return x.same(p) }); at >= 0 {
			s.producers = append(s.producers, before[at])
			continue
		}
		s.producers = append(s.producers, producing{s.producer(p), p})
	}
	for _, p := range before {
		if !slices.ContainsFunc(c.Produce, func(x Produce) bool { return x.Origin == p.Origin }) {
			s.zones.withdraw(p.Origin, catalog)
		}
	}
}

// producing is a catalog that is made, and what says how.
type producing struct {
	*secondary.Producer
	by *Produce
}

// same reports whether p says the same, but for who may have the catalog, which is looked up each time.
func (x producing) same(p *Produce) bool {
	return x.by.Origin == p.Origin && x.by.Serial == p.Serial && slices.Equal(x.by.Zones, p.Zones) &&
		(x.by.Zones == nil) == (p.Zones == nil) && slices.Equal(x.by.Except, p.Except) && reflect.DeepEqual(x.by.Groups, p.Groups)
}

func (s *Server) producer(p *Produce) *secondary.Producer {
	out := &secondary.Producer{
		Origin: p.Origin, Policy: p.Serial, Groups: p.Groups,
		Zones: func() []zone.Name {
			return slices.DeleteFunc(s.zones.live(held.Primary, held.File), func(n zone.Name) bool {
				return p.Zones != nil && !within(p.Zones, n) || within(p.Except, n)
			})
		},
		Stays: func(origin zone.Name) bool {
			return (p.Zones == nil || within(p.Zones, origin)) && !within(p.Except, origin) && s.missing(origin)
		},
		Publish: func(z *zone.Zone) error { return s.zones.publish(holder{kind: catalog}, z, nil) },
	}
	if s.db != nil {
		out.Disk = s.db
	} else {
		out.Policy = xfr.UnixTime // goes forward over a start, too
	}
	return out
}

// within reports whether a zone is one of list, where "*." stands for all below a name.
func within(list []zone.Name, origin zone.Name) bool {
	return slices.ContainsFunc(list, func(n zone.Name) bool {
		return n == origin || n.IsWildcard() && origin.Below(n.Parent())
	})
}

// restAfterList is how long the list of zones has to be still before catalogs are made anew: zones
// come by the hundred.
const restAfterList = 200 * time.Millisecond

// list makes the catalogs anew after zones have come or gone, until ctx ends.
func (s *Server) list(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.listed:
		}
		timer := time.NewTimer(restAfterList)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		s.listNow(ctx)
	}
}

func (s *Server) listNow(ctx context.Context) {
	s.secondary.Recheck(ctx)
	s.producing.Lock()
	defer s.producing.Unlock()
	for _, p := range s.producers {
		if err := p.Update(ctx); err != nil && ctx.Err() == nil {
			s.log(finding.Finding{
				ID: "zones-catalog", Severity: finding.Error, Zone: p.Origin.String(),
				Text: fmt.Sprintf("catalog %s cannot be made: %v; it stays as it was", p.Origin, err),
			})
		}
	}
}
