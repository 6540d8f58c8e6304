package octodns

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

// Options are the options of a file provider in an octoDNS configuration. The zero value of each
// is octoDNS's default, but for ID and Directory, which are required.
type Options struct {
	ID        string // of the provider
	Directory string // relative to the working directory of the process

	DefaultTTL uint32 // seconds; 0 means 3600
	// EnforceOrder is nil (the default, true), or what enforce_order says.
	EnforceOrder *bool
	OrderMode    string // "natural" (also "") or "simple"
	// PopulateShouldReplace lets records of this source replace those of earlier ones.
	PopulateShouldReplace bool
	SplitExtension        string // "" for none
	NoCatchall            bool   // split_catchall: false
	SharedFilename        string
	DisableZonefile       bool
	// EscapedSemicolons is nil (the default, true), or what escaped_semicolons says.
	EscapedSemicolons  *bool
	IgnoreMissingZones bool
	// NoRootNS is supports_root_ns: false. It matters to targets only.
	NoRootNS bool
	// Filename makes it a NamedFileYamlProvider: <filename>.yaml holds every zone.
	Filename string

	// Rules, AllowDuplicateKeys, NoShorthands, AllTypes and ProviderIDs are those of zone/octodns.
	Rules              octodns.RuleSet
	AllowDuplicateKeys bool
	NoShorthands       bool
	AllTypes           bool
	ProviderIDs        []string
	// Lenient tells for each zone whether its violations are warnings; nil means none is.
	Lenient func(zone.Name) bool
	// ZoneRules gives the rules of single zones; nil means Rules for all.
	ZoneRules func(zone.Name) octodns.RuleSet
}

// maxFile is the longest file that is read, in bytes.
const maxFile = 64 << 20

// Check returns what is wrong with the options themselves.
func (o Options) Check() []finding.Finding {
	var out []finding.Finding
	bad := func(text, fix string) {
		out = append(out, finding.Finding{ID: "source-option", Severity: finding.Error, Subject: o.ID, Text: text, Fix: fix})
	}
	if o.Directory == "" {
		bad(fmt.Sprintf("source %s has no directory", o.ID), "write directory: ./zones")
	}
	if m := o.OrderMode; m != "" && m != "natural" && m != "simple" {
		bad(fmt.Sprintf("source %s: order_mode %q is unknown", o.ID, m), "write natural or simple")
	}
	return out
}

// Layout returns where the zones' files are, for a target with the same options.
func (o Options) Layout() octodns.Layout {
	return octodns.Layout{
		Directory: o.Directory, SplitExtension: o.SplitExtension, NoCatchall: o.NoCatchall,
		DisableZonefile: o.DisableZonefile, SharedFilename: o.SharedFilename, Filename: o.Filename,
	}
}

// Codec returns how the files of a zone are read and written, for a target with the same options.
func (o Options) Codec(origin zone.Name) octodns.Options {
	c := octodns.Options{
		DefaultTTL: o.DefaultTTL, Rules: o.Rules, Replace: o.PopulateShouldReplace, ProviderIDs: o.ProviderIDs,
		AllowDuplicateKeys: o.AllowDuplicateKeys, NoShorthands: o.NoShorthands, AllTypes: o.AllTypes,
		RawSemicolons: o.EscapedSemicolons != nil && !*o.EscapedSemicolons,
	}
	if o.EnforceOrder == nil || *o.EnforceOrder {
		c.Order = yaml11.NaturalOrder
		if o.OrderMode == "simple" {
			c.Order = yaml11.SimpleOrder
		}
	}
	if o.Lenient != nil {
		c.Lenient = o.Lenient(origin)
	}
	if o.ZoneRules != nil {
		c.Rules = o.ZoneRules(origin)
	}
	return c
}

// A Source reads zones from files. It is safe for concurrent use.
type Source struct{ opt Options }

var _ source.Source = (*Source)(nil)

// New returns a source. Nothing is read before Zones or Load.
func New(opt Options) *Source { return &Source{opt} }

// ID returns the id of the provider.
func (s *Source) ID() string { return s.opt.ID }

// Replaces reports populate_should_replace.
func (s *Source) Replaces() bool { return s.opt.PopulateShouldReplace }

// Zones lists the zones that have files. A layout in which one file holds every zone cannot list.
func (s *Source) Zones(ctx context.Context) iter.Seq2[zone.Name, error] {
	return func(yield func(zone.Name, error) bool) {
		if s.opt.Filename != "" {
			yield(zone.Name{}, fmt.Errorf("source %s: one file holds every zone, so that they cannot be listed: %w", s.opt.ID, errors.ErrUnsupported))
			return
		}
		names, err := s.opt.Layout().Zones(os.ReadDir)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield(zone.Name{}, fmt.Errorf("source %s: %w", s.opt.ID, err))
			return
		}
		for _, n := range names {
			if !yield(n, nil) {
				return
			}
		}
	}
}

// Load reads all files of a zone. Where there is none, the error wraps source.ErrNoZone, or the
// zone is empty if missing zones are to be ignored.
func (s *Source) Load(ctx context.Context, origin zone.Name) (*source.Loaded, error) {
	if err := finding.AsError(s.opt.Check()); err != nil {
		return nil, err
	}
	files, err := s.opt.Layout().Locate(origin, os.Lstat, os.ReadDir)
	switch {
	case errors.Is(err, octodns.ErrNoFiles) && s.opt.IgnoreMissingZones:
		return &source.Loaded{Zone: zone.Empty(origin), Source: s.source}, nil
	case errors.Is(err, octodns.ErrNoFiles):
		return nil, fmt.Errorf("source %s: %w: %w", s.opt.ID, source.ErrNoZone, err)
	case err != nil:
		return nil, fmt.Errorf("source %s: %w", s.opt.ID, err)
	}
	sum := sha256.New()
	codec := s.opt.Codec(origin)
	codec.ReadFile = func(path string) ([]byte, error) {
		data, err := readFile(path)
		fmt.Fprintf(sum, "%s\x00%d\x00", path, len(data))
		sum.Write(data)
		return data, err
	}
	c := octodns.NewCollector(origin, codec)
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("source %s: zone %s: %w", s.opt.ID, origin, err)
		}
		data, err := codec.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("source %s: zone %s: %w", s.opt.ID, origin, err)
		}
		c.File(f, data)
	}
	read := c.Zone()
	loaded := &source.Loaded{
		Zone: read.Zone, Place: read.Places.Of, Findings: read.Findings, Source: s.source,
		Revision: hex.EncodeToString(sum.Sum(nil)),
	}
	return loaded, finding.AsError(read.Findings)
}

func (s *Source) source(zone.Key) string { return s.opt.ID }

// readFile reads a regular file of bounded size; a device or a pipe might never end.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than the limit of %d; split it", path, info.Size(), maxFile)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, 0, info.Size()+1)
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, err
		case len(data) > maxFile:
			return nil, fmt.Errorf("%s grew over the limit of %d bytes while it was read", path, maxFile)
		case len(data) == cap(data):
			data = slices.Grow(data, len(data)+512)
		}
	}
}

// A Part is what one source says about a zone.
type Part struct {
	ID      string // of the source
	Loaded  *source.Loaded
	Replace bool // its records replace those of earlier parts (populate_should_replace)
}

// Merge joins what several sources say about a zone, in order. The same name and type in two
// sources is an error that names both places, unless the later source replaces. Findings of the
// parts come first.
func Merge(origin zone.Name, parts []Part) *source.Loaded {
	if len(parts) == 1 {
		return parts[0].Loaded
	}
	out := &source.Loaded{Zone: zone.Empty(origin)}
	from := map[zone.Key]int{}
	sum := sha256.New()
	place := func(k zone.Key, part int) finding.Place {
		if l := parts[part].Loaded; l.Place != nil {
			return l.Place(k)
		}
		return finding.Place{}
	}
	var dups []finding.Finding
	known := true
	for i, p := range parts {
		out.Findings = append(out.Findings, p.Loaded.Findings...)
		known = known && p.Loaded.Revision != ""
		fmt.Fprintf(sum, "%s\x00%s\x00", p.ID, p.Loaded.Revision)
		for set := range p.Loaded.Zone.All() {
			k := set.Key()
			if first, dup := from[k]; dup && !p.Replace {
				dups = append(dups, duplicate(origin, k, parts[first].ID, p.ID, place(k, first), place(k, i)))
				continue
			}
			from[k] = i
		}
	}
	if known {
		out.Revision = hex.EncodeToString(sum.Sum(nil))
	}
	var sets []zone.RRset
	for i, p := range parts {
		for set := range p.Loaded.Zone.All() {
			if from[set.Key()] == i {
				sets = append(sets, set)
			}
		}
	}
	slices.SortFunc(sets, func(a, b zone.RRset) int { return a.Key().Compare(b.Key()) })
	z, err := zone.Of(origin, sets...)
	if err != nil {
		dups = append(dups, finding.Of(err, "record-shape")...)
		z = zone.Empty(origin)
	}
	out.Zone = z
	finding.Sort(dups)
	out.Findings = append(out.Findings, dups...)
	out.Place = func(k zone.Key) finding.Place {
		i, ok := from[k]
		if !ok {
			return finding.Place{}
		}
		return place(k, i)
	}
	out.Source = func(k zone.Key) string {
		i, ok := from[k]
		if !ok {
			return ""
		}
		if l := parts[i].Loaded; l.Source != nil {
			return cmp.Or(l.Source(k), parts[i].ID)
		}
		return parts[i].ID
	}
	return out
}

func duplicate(origin zone.Name, k zone.Key, first, second string, at, again finding.Place) finding.Finding {
	f := finding.Finding{
		ID: "duplicate-record", Severity: finding.Error, Place: again, Zone: origin.String(), Subject: k.String(),
		Text: fmt.Sprintf("duplicate record %s: source %s has it already", k, first),
		Fix:  fmt.Sprintf("remove one of the two, or set populate_should_replace for source %s", second),
	}
	if !at.IsZero() {
		f.Text += ", at " + at.String()
		f.Related = []finding.Place{at}
	}
	return f
}

// CheckSubzones looks for records that belong to a configured sub-zone: only NS and DS may stand
// at its name, and nothing below it. They are findings, of warnings where the record or the zone is
// lenient; with ignore (ignore_subzone_adds) they are dropped from the zone without a word. It
// returns l, or a copy with another zone.
func CheckSubzones(l *source.Loaded, subzones []zone.Name, lenient, ignore bool) (*source.Loaded, []finding.Finding) {
	origin := l.Zone.Origin()
	var out []finding.Finding
	var drop []zone.Change
	seen := map[zone.Key]bool{}
	for _, sub := range subzones {
		if !sub.Below(origin) {
			continue
		}
		for set := range l.Zone.Under(sub) {
			at := set.Owner == sub
			if at && (set.Type == zone.TypeNS || set.Type == zone.TypeDS) || seen[set.Key()] {
				continue
			}
			seen[set.Key()] = true
			if ignore {
				drop = append(drop, zone.Change{Before: &set})
				continue
			}
			f := finding.Finding{
				ID: "sub-zone", Severity: finding.Error, Zone: origin.String(), Subject: set.Key().String(),
				Text: fmt.Sprintf("record %s is under the managed sub-zone %s", set.Key(), sub.Unicode()),
				Fix:  fmt.Sprintf("move it to the files of %s", sub.Unicode()),
			}
			if at {
				f.Text = fmt.Sprintf("record %s is the managed sub-zone %s and not of type NS or DS", set.Key(), sub.Unicode())
			}
			if l.Place != nil {
				f.Place = l.Place(set.Key())
			}
			if lenient || octodns.IsLenient(set) {
				f.Severity = finding.Warning
			}
			out = append(out, f)
		}
	}
	finding.Sort(out)
	if drop == nil {
		return l, out
	}
	z, err := l.Zone.With(drop)
	if err != nil {
		return l, append(out, finding.Of(err, "sub-zone")...)
	}
	less := *l
	less.Zone = z
	if less.Revision != "" {
		less.Revision = z.Hash().String()
	}
	return &less, out
}
