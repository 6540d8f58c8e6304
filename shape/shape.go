package shape

import (
	"fmt"
	"net/netip"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// An Input is all that shaping depends on.
type Input struct {
	Desired      *zone.Zone
	Provider     string // the target's account, as "excluded" and per-target records name it
	Capabilities provider.Capabilities
	Observed     *provider.Snapshot
	Options      Options
	// Seen is what filters left of Observed.Sets; nil: all of it. What they took away is neither
	// changed nor counted unless the desired zone has it.
	Seen *zone.Zone
	// Place tells where an RRset was written; it may be nil.
	Place func(zone.Key) finding.Place
	// Last has the last word on the zone before limits of the target are evened out; nil: nobody.
	Last func(desired *zone.Zone) (*zone.Zone, []finding.Finding, error)
	// Fit gives RRsets the form that the target gives them back in (provider.Fitter); nil: as they
	// are. have is what is there, nil for nothing.
	Fit func(want zone.RRset, have *zone.RRset) zone.RRset
}

// Options say how to deal with what a target lacks. The zero Options behave as octoDNS does with
// strict_supports: false.
type Options struct {
	// Strict makes it an error when the target lacks a type or feature that the zone uses.
	Strict bool
	ApexNS ApexNSMode
	// NameServers are those of all providers of the zone, for ApexNS "managed".
	NameServers []zone.Name
	// Unsure are providers of the zone whose name servers are not known at the moment. While there
	// are any, ApexNS "managed" takes no name away that is there: it may be one of theirs.
	Unsure []string
	// ApexNSTTL is the TTL of a managed apex NS RRset that nothing else gives a TTL; 0: 86400.
	ApexNSTTL uint32
	// JoinedTXT compares TXT by their joined text even when the target keeps the borders between
	// character-strings. Where the target does not keep them that is always so.
	JoinedTXT bool
	// OctoDNS does not count a difference in octoDNS's metadata alone ("octodns:") as a change.
	OctoDNS bool
	// Resolve finds the addresses of an ALIAS target where the provider has nothing like ALIAS; nil:
	// ALIAS is an unsupported type there. ttl is in seconds.
	Resolve func(zone.Name) (addrs []netip.Addr, ttl uint32, err error)
}

// An ApexNSMode says who decides on the NS RRset at the apex.
type ApexNSMode string

// Modes. The zero mode is ApexNSOctoDNS.
const (
	// ApexNSOctoDNS takes the apex NS from the source; where the source has none, those at the
	// target are left alone.
	ApexNSOctoDNS ApexNSMode = "octodns"
	// ApexNSManaged composes the apex NS of the name servers of all the zone's providers and of
	// those that the source names besides.
	ApexNSManaged ApexNSMode = "managed"
	// ApexNSLeave never touches the apex NS of the target.
	ApexNSLeave ApexNSMode = "leave"
)

// ParseApexNSMode reads a mode as configurations write it: "octodns" (or ""), "managed", "leave" (or "keep").
func ParseApexNSMode(s string) (ApexNSMode, error) {
	switch s {
	case "", "octodns":
		return ApexNSOctoDNS, nil
	case "managed":
		return ApexNSManaged, nil
	case "leave", "keep":
		return ApexNSLeave, nil
	}
	return "", fmt.Errorf("apex_ns is %q; write managed, octodns or leave", s)
}

// A Result is what the target should hold.
type Result struct {
	Zone *zone.Zone
	// Kept reports RRsets that must stay at the target as they are, or stay absent.
	Kept func(zone.Key) bool
	// Hidden reports those of the Kept that do not even count as observed.
	Hidden func(zone.Key) bool
	// Findings tell what was left out or changed. Errors among them mean that the target must not
	// be written.
	Findings []finding.Finding
}

// Zone shapes the desired zone for one target. It returns an error only for broken input; what a
// person has to mend is a finding of severity Error, with the zone shaped as well as can be.
func Zone(in Input) (*Result, error) {
	s := &shaper{
		in:      in,
		origin:  in.Desired.Origin(),
		caps:    in.Capabilities,
		kept:    map[zone.Key]bool{},
		hidden:  map[zone.Key]bool{},
		changes: map[zone.Key]*zone.RRset{},
		said:    map[string]*repeated{},
		clamped: map[[2]uint32]*repeated{},
	}
	s.hide()
	desired, err := s.adapt(in.Desired)
	if err != nil {
		return nil, err
	}
	if in.Last != nil {
		last, fs, err := in.Last(desired)
		s.findings = append(s.findings, fs...)
		if err != nil {
			return nil, err
		}
		desired = last
	}
	desired, err = s.settle(desired)
	if err != nil {
		return nil, err
	}
	s.conclude()
	for k := range s.hidden {
		if _, wanted := desired.Set(k.Owner, k.Type); wanted && !s.kept[k] {
			delete(s.hidden, k)
		}
	}
	return &Result{Zone: desired, Kept: s.isKept, Hidden: s.isHidden(), Findings: s.findings}, nil
}

// A shaper shapes one zone for one target.
type shaper struct {
	in       Input
	origin   zone.Name
	caps     provider.Capabilities
	kept     map[zone.Key]bool // left alone by name and type
	hidden   map[zone.Key]bool // left alone and not counted
	changes  map[zone.Key]*zone.RRset
	order    []zone.Key // of changes
	findings []finding.Finding
	said     map[string]*repeated
	sayOrder []string
	clamped  map[[2]uint32]*repeated // notes about TTLs, by TTL wanted and TTL given
}

// isKept also covers types that the target cannot write: what is there of them is not ours.
func (s *shaper) isKept(k zone.Key) bool {
	switch {
	case s.kept[k] || s.hidden[k]:
		return true
	case k.Type == zone.TypeSOA:
		return false
	case k.Type == zone.TypeALIAS:
		return !s.aliasIsType(k.Owner)
	}
	return !s.caps.Holds(k.Type)
}

func (s *shaper) isHidden() func(zone.Key) bool {
	if len(s.hidden) == 0 {
		return nil
	}
	return func(k zone.Key) bool { return s.hidden[k] }
}

// hide notes what filters took out of sight.
func (s *shaper) hide() {
	if s.in.Seen == nil || s.in.Seen == s.in.Observed.Sets {
		return
	}
	for c := range zone.Diff(s.in.Observed.Sets, s.in.Seen) {
		if c.Deletes() {
			s.hidden[c.Key()] = true
		}
	}
}

// put makes the zone hold set instead of what it has; drop leaves the RRset out.
func (s *shaper) put(set zone.RRset) {
	set = set.Clean()
	s.record(set.Key(), &set)
}

func (s *shaper) drop(k zone.Key) { s.record(k, nil) }

func (s *shaper) record(k zone.Key, set *zone.RRset) {
	if _, again := s.changes[k]; !again {
		s.order = append(s.order, k)
	}
	s.changes[k] = set
}

// applied returns z with what was put and dropped, and forgets that.
func (s *shaper) applied(z *zone.Zone) (*zone.Zone, error) {
	if len(s.changes) == 0 {
		return z, nil
	}
	defer func() { clear(s.changes); s.order = nil }()
	if len(s.changes) > z.Len()/16 { // nearly everything changes: build anew, in one pass
		b := zone.NewBuilder(z.Origin())
		for set := range z.All() {
			new, touched := s.changes[set.Key()]
			if !touched {
				b.Add(set)
			} else if new != nil {
				b.Add(*new)
				s.changes[set.Key()] = nil
			}
		}
		for _, k := range s.order {
			if set := s.changes[k]; set != nil {
				b.Add(*set)
			}
		}
		return b.Zone()
	}
	list := make([]zone.Change, 0, len(s.order))
	for _, k := range s.order {
		c := zone.Change{After: s.changes[k]}
		if have, ok := z.Set(k.Owner, k.Type); ok {
			c.Before = &have
		}
		if c.Before != nil || c.After != nil {
			list = append(list, c)
		}
	}
	return z.With(list)
}

// place is where the RRset was written.
func (s *shaper) place(k zone.Key) finding.Place {
	if s.in.Place == nil {
		return finding.Place{}
	}
	return s.in.Place(k)
}

// say adds a finding about one RRset.
func (s *shaper) say(id string, sev finding.Severity, k zone.Key, fix, text string, args ...any) {
	s.findings = append(s.findings, finding.Finding{
		ID: id, Severity: sev, Place: s.place(k), Zone: s.origin.Unicode(),
		Subject: k.String(), Text: fmt.Sprintf(text, args...), Fix: fix,
	})
}

// lacks tells that the target lacks something: an error when strict, else a warning with what is
// done instead.
func (s *shaper) lacks(id string, k zone.Key, exempt bool, instead, text string, args ...any) {
	text = fmt.Sprintf("%s: ", s.in.Provider) + fmt.Sprintf(text, args...)
	if s.in.Options.Strict && !exempt {
		option := "unsupported: drop"
		if s.in.Options.OctoDNS {
			option = "strict_supports: false"
		}
		s.say(id, finding.Error, k,
			fmt.Sprintf("exclude the record from %s, or set %s there and it is %s", s.in.Provider, option, instead),
			"%s", text)
		return
	}
	s.say(id, finding.Warning, k, "", "%s; it is %s", text, instead)
}

// A repeated is a note that would be said for each of many RRsets.
type repeated struct {
	finding.Finding
	n     int
	first string
}

// note counts one more RRset for a note; conclude says it once.
func (s *shaper) note(id string, sev finding.Severity, k zone.Key, text string) *repeated {
	r := s.said[id+text]
	if r == nil {
		r = &repeated{first: k.Owner.Unicode() + " " + k.Type.String(), Finding: finding.Finding{
			ID: id, Severity: sev, Place: s.place(k), Zone: s.origin.Unicode(), Subject: "target " + s.in.Provider, Text: text,
		}}
		s.said[id+text] = r
		s.sayOrder = append(s.sayOrder, id+text)
	}
	r.n++
	return r
}

func (s *shaper) conclude() {
	for _, key := range s.sayOrder {
		r := s.said[key]
		where := r.first
		if r.n > 1 {
			where = fmt.Sprintf("%s and %d more", r.first, r.n-1)
		}
		r.Text = fmt.Sprintf("%s: %s (%s)", s.in.Provider, r.Text, where)
		s.findings = append(s.findings, r.Finding)
	}
}
