package processor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// A Processor has a word at four places of the way from sources to a plan. Steps that it has
// nothing to say at return what they got. A finding of severity Error means that the zone must
// not be written.
type Processor interface {
	ID() string
	// Source works on the desired zone, before targets are looked at.
	Source(desired *zone.Zone, c Context) (*zone.Zone, []finding.Finding)
	// Target works on what was observed at a target.
	Target(observed *zone.Zone, c Context) (*zone.Zone, []finding.Finding)
	// Both works on the desired zone of one target, shaped for it, with what was observed at hand.
	Both(desired, observed *zone.Zone, c Context) (*zone.Zone, []finding.Finding)
	// Plan works on the changes of one target.
	Plan(observed, desired *zone.Zone, changes []zone.Change, c Context) ([]zone.Change, []finding.Finding)
}

// A Context is what a step may look at besides its zone.
type Context struct {
	Target  string // the target's account; "" in the source step
	Driver  string // the target's kind: "cloudflare"
	Lenient bool   // rule violations are warnings in this zone
	// Desired is the zone after the source step, in the target step.
	Desired *zone.Zone
	// Place and From tell where and by which source an RRset was written; both may be nil.
	Place func(zone.Key) finding.Place
	From  func(zone.Key) string
}

func (c Context) place(k zone.Key) finding.Place {
	if c.Place == nil {
		return finding.Place{}
	}
	return c.Place(k)
}

// An Env is what differs between runs. The zero Env works for all processors but those that say
// what they miss.
type Env struct {
	Now     time.Time // of the run, for the meta processor
	UUID    string    // of the run, for the meta processor
	Version string    // of the program, for the meta processor
	// LookupTXT finds the TXT records of a name, for checking SPF; nil: includes are not followed.
	LookupTXT func(name string) ([]string, error)
}

// Options are a processor's options as a tree of nil, bool, numbers (int, int64, float64,
// json.Number), string, []any and map[string]any.
type Options map[string]any

// A maker makes a processor of options; reader collects what is wrong with them.
type maker func(id string, o *reader, env Env) Processor

// classes are the processors by octoDNS's class name.
var classes = map[string]maker{
	"octodns.processor.acme.AcmeManagingProcessor":          newAcme,
	"octodns.processor.acme.AcmeMangingProcessor":           newAcme,
	"octodns.processor.clamp.TtlClampProcessor":             newClamp,
	"octodns.processor.filter.TypeAllowlistFilter":          listFilter("allowlist", true, matchTypes),
	"octodns.processor.filter.TypeRejectlistFilter":         listFilter("rejectlist", false, matchTypes),
	"octodns.processor.filter.NameAllowlistFilter":          listFilter("allowlist", true, matchNames),
	"octodns.processor.filter.NameRejectlistFilter":         listFilter("rejectlist", false, matchNames),
	"octodns.processor.filter.ValueAllowlistFilter":         listFilter("allowlist", true, matchValues),
	"octodns.processor.filter.ValueRejectlistFilter":        listFilter("rejectlist", false, matchValues),
	"octodns.processor.filter.NetworkValueAllowlistFilter":  networkFilter("allowlist", true),
	"octodns.processor.filter.NetworkValueRejectlistFilter": networkFilter("rejectlist", false),
	"octodns.processor.filter.IgnoreRootNsFilter":           newIgnoreRootNS,
	"octodns.processor.filter.ExcludeRootNsChanges":         newExcludeRootNS,
	"octodns.processor.filter.ZoneNameFilter":               newZoneName,
	"octodns.processor.meta.MetaProcessor":                  newMeta,
	"octodns.processor.ownership.OwnershipProcessor":        newOwnership,
	"octodns.processor.restrict.TtlRestrictionFilter":       newRestriction,
	"octodns.processor.spf.SpfDnsLookupProcessor":           newSPF,
	"octodns.processor.templating.Templating":               newTemplating,
	"octodns.processor.trailing_dots.EnsureTrailingDots":    newTrailingDots,

	"octodns_spf.SpfDnsLookupProcessor":                       newSPF,
	"octodns_spf.processor.SpfDnsLookupProcessor":             newSPF,
	"octodns_cloudflare.processor.proxycname.ProxyCNAME":      newProxyCNAME,
	"octodns_cloudflare.processor.ttl.TtlToProxy":             newTTLToProxy,
	"octodns_cloudflare.processor.filter.TagAllowListFilter":  listFilter("tags", true, matchTags),
	"octodns_cloudflare.processor.filter.TagRejectListFilter": listFilter("tags", false, matchTags),
	"octodns_route53.processor.AwsAcmMangingProcessor":        newAWSACM,
}

// known are processors that exist and that zonecast has no equivalent of, with what to do.
var known = map[string]string{
	"octodns.processor.arpa.AutoArpa": "set manager.auto_arpa instead of listing it as a processor",
}

// Classes returns the class names that New takes, sorted.
func Classes() []string { return slices.Sorted(maps.Keys(classes)) }

// New makes a processor. The error names everything that is wrong with the options.
func New(id, class string, o Options, env Env) (Processor, error) {
	mk, ok := classes[class]
	if !ok {
		if advice, ok := known[class]; ok {
			return nil, fmt.Errorf("processor %s: class %s is not used this way; %s", id, class, advice)
		}
		if strings.HasPrefix(class, "octodns_") {
			return nil, fmt.Errorf("processor %s: class %s belongs to an octoDNS package whose processors are not supported", id, class)
		}
		if near := finding.Nearest(class, Classes()); near != "" {
			return nil, fmt.Errorf("processor %s: class %q is unknown; did you mean %s?", id, class, near)
		}
		return nil, fmt.Errorf("processor %s: class %q is unknown; known are %s", id, class, strings.Join(Classes(), ", "))
	}
	r := &reader{o: o, used: map[string]bool{"class": true}}
	p := mk(id, r, env)
	if err := r.done(id); err != nil {
		return nil, err
	}
	return p, nil
}

// A base does nothing at every step.
type base struct {
	id      string
	lenient bool
}

func newBase(id string, o *reader) base { return base{id: id, lenient: o.boolean("lenient", false)} }

// ID implements Processor.
func (b base) ID() string { return b.id }

// Source implements Processor.
func (base) Source(z *zone.Zone, _ Context) (*zone.Zone, []finding.Finding) { return z, nil }

// Target implements Processor.
func (base) Target(z *zone.Zone, _ Context) (*zone.Zone, []finding.Finding) { return z, nil }

// Both implements Processor.
func (base) Both(desired, _ *zone.Zone, _ Context) (*zone.Zone, []finding.Finding) {
	return desired, nil
}

// Plan implements Processor.
func (base) Plan(_, _ *zone.Zone, changes []zone.Change, _ Context) ([]zone.Change, []finding.Finding) {
	return changes, nil
}

// problem is an error about one RRset.
func (b base) problem(id string, z *zone.Zone, k zone.Key, c Context, fix, text string, args ...any) finding.Finding {
	return finding.Finding{
		ID: id, Severity: finding.Error, Place: c.place(k), Zone: z.Origin().Unicode(), Subject: k.String(),
		Text: fmt.Sprintf("processor %s: ", b.id) + fmt.Sprintf(text, args...), Fix: fix,
	}
}

// relative is the owner's name as octoDNS has it: "" for the apex, no final dot, A-labels.
func relative(owner, origin zone.Name) string {
	if owner == origin {
		return ""
	}
	return owner.Relative(origin)
}

// only returns z with those RRsets for which keep says yes.
func only(z *zone.Zone, keep func(zone.RRset) bool) *zone.Zone {
	return edit(z, func(set zone.RRset) (zone.RRset, bool) { return set, keep(set) })
}

// edit returns z with every RRset passed through f, which returns false for those that go. A zone
// that does not change comes back itself.
func edit(z *zone.Zone, f func(zone.RRset) (zone.RRset, bool)) *zone.Zone {
	var changes []zone.Change
	for set := range z.All() {
		switch after, stays := f(set); {
		case !stays:
			before := set
			changes = append(changes, zone.Change{Before: &before})
		case !after.Equal(set):
			before := set
			if after.Key() != set.Key() {
				changes = append(changes, zone.Change{Before: &before})
				if _, taken := z.Set(after.Owner, after.Type); !taken {
					changes = append(changes, zone.Change{After: &after})
				}
				continue
			}
			changes = append(changes, zone.Change{Before: &before, After: &after})
		}
	}
	return with(z, changes)
}

// with applies changes that were made from z itself.
func with(z *zone.Zone, changes []zone.Change) *zone.Zone {
	if len(changes) == 0 {
		return z
	}
	if len(changes) > z.Len()/16 {
		return rebuilt(z, changes)
	}
	after, err := z.With(changes)
	if err != nil {
		return rebuilt(z, changes)
	}
	return after
}

// rebuilt builds the changed zone in one pass. Of two RRsets of one owner and type the first stays.
func rebuilt(z *zone.Zone, changes []zone.Change) *zone.Zone {
	after := make(map[zone.Key]*zone.RRset, len(changes))
	var fresh []zone.RRset
	for _, c := range changes {
		if c.Before != nil {
			after[c.Before.Key()] = c.After
		} else if _, taken := after[c.Key()]; !taken {
			fresh = append(fresh, *c.After)
		}
	}
	b := zone.NewBuilder(z.Origin())
	seen := map[zone.Key]bool{}
	for set := range z.All() {
		if set2, touched := after[set.Key()]; !touched {
			b.Add(set)
		} else if set2 != nil {
			b.Add(*set2)
		}
	}
	for _, set := range fresh {
		if !seen[set.Key()] {
			seen[set.Key()] = true
			b.Add(set)
		}
	}
	out, err := b.Zone()
	if err != nil {
		return z
	}
	return out
}
