package octodns

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
)

// Options says how zone files are read and written. The zero value is octoDNS's default but for
// the order of keys, which is not looked at.
type Options struct {
	DefaultTTL uint32       // of records without "ttl", seconds; 0 means 3600
	Order      yaml11.Order // enforce_order and order_mode
	// RawSemicolons is escaped_semicolons: false.
	RawSemicolons bool
	// Lenient makes violations of record rules warnings, as for a lenient zone.
	Lenient bool
	// AllowDuplicateKeys lets the last of several equal keys win without a word, as octoDNS does.
	AllowDuplicateKeys bool
	Rules              RuleSet
	// Replace lets a later record take the place of an earlier one of the same name and type.
	Replace bool
	// ProviderIDs are the configured providers. One of them as a field of a record, or as a key
	// below value or values, holds the record for that provider.
	ProviderIDs []string
	// NoShorthands rejects what octoDNS lacks: $ORIGIN and $TTL keys, and @ for the apex.
	NoShorthands bool
	// AllTypes reads types that octoDNS lacks; their values are RDATA in presentation form.
	AllTypes bool
	// ReadFile reads included files; nil reads regular files.
	ReadFile func(path string) ([]byte, error)
}

const defaultTTL = 3600

func (o Options) ttl() uint32 { return cmp.Or(o.DefaultTTL, defaultTTL) }

// A Loaded is a zone made of files.
type Loaded struct {
	Zone     *zone.Zone
	Places   *Places
	Findings []finding.Finding // in order of places
}

// Places tells where records were written. It needs 20 bytes for each.
type Places struct {
	seed  maphash.Seed
	files []string
	at    map[uint64]place
}

type place struct {
	line  uint32
	index uint32 // of the record, in the order of reading
	file  uint16
	col   uint16
}

func (p *Places) hash(k zone.Key) uint64 {
	return maphash.String(p.seed, k.Owner.Key()) ^ uint64(k.Type)*0x9E3779B97F4A7C15
}

// Of returns the place of an RRset, the zero Place for one that was not read.
func (p *Places) Of(k zone.Key) finding.Place {
	if at, ok := p.at[p.hash(k)]; ok {
		return p.place(at)
	}
	return finding.Place{}
}

func (p *Places) place(at place) finding.Place {
	return finding.Place{File: p.files[at.file], Line: int(at.line), Col: int(at.col)}
}

// A Collector reads the files of one zone. It is not safe for concurrent use.
type Collector struct {
	origin   zone.Name
	opt      Options
	places   *Places
	sets     []zone.RRset
	findings []finding.Finding
	rules    map[string]map[string]bool // by type, made when first needed
	slow     bool                       // read plain records in the general way too

	// Of the file being read:
	file    string
	current uint16    // its index in places
	base    zone.Name // what names are relative to
	ttl     uint32
}

// NewCollector begins to read a zone.
func NewCollector(origin zone.Name, opt Options) *Collector {
	return &Collector{
		origin: origin, opt: opt, rules: map[string]map[string]bool{},
		places: &Places{seed: maphash.MakeSeed(), at: map[uint64]place{}},
	}
}

// Read reads a zone that is one file.
func Read(file string, data []byte, origin zone.Name, opt Options) *Loaded {
	c := NewCollector(origin, opt)
	c.File(file, data)
	return c.Zone()
}

// File reads one file; name is used in places and to find included files.
func (c *Collector) File(name string, data []byte) {
	if len(c.places.files) >= math.MaxUint16 {
		c.report(finding.Finding{ID: "too-large", Severity: finding.Error, Text: "a zone has more than 65534 files"})
		return
	}
	c.file, c.base, c.ttl = name, c.origin, c.opt.ttl()
	c.current = uint16(len(c.places.files))
	c.places.files = append(c.places.files, name)
	opt := yaml11.Options{Read: c.opt.ReadFile, Order: c.opt.Order, AllowDuplicateKeys: c.opt.AllowDuplicateKeys}
	if !c.opt.NoShorthands {
		opt.Repeatable = func(name string) bool { return name == "@" }
		if bytes.Contains(data, []byte("$ORIGIN")) || bytes.Contains(data, []byte("$TTL")) {
			c.directives(name, data, opt)
		}
	}
	if len(c.sets) == 0 { // a plain record takes some 80 bytes of text
		guess := min(len(data)/80, 1<<20)
		c.sets = make([]zone.RRset, 0, guess)
		c.places.at = make(map[uint64]place, guess)
	}
	problems := yaml11.Entries(name, data, opt, func(k yaml11.Key) bool {
		c.entry(k)
		return true
	})
	for _, p := range problems {
		c.report(problemFinding(p))
	}
}

// problemFinding turns what the YAML reader says into a finding.
func problemFinding(p yaml11.Problem) finding.Finding {
	sev := finding.Error
	if p.Warning {
		sev = finding.Warning
	}
	return finding.Finding{ID: p.ID, Severity: sev, Place: placeOf(p.Pos), Text: p.Text, Fix: p.Fix}
}

func placeOf(p yaml11.Pos) finding.Place {
	return finding.Place{File: p.File, Line: p.Line, Col: p.Col}
}

func (c *Collector) report(f finding.Finding) {
	f.Zone = c.origin.String()
	c.findings = append(c.findings, f)
}

// directives reads $ORIGIN and $TTL, which hold for the whole file wherever they stand: the keys
// of a mapping have no order.
func (c *Collector) directives(file string, data []byte, opt yaml11.Options) {
	opt.Order, opt.AllowDuplicateKeys = yaml11.NoOrder, true
	yaml11.Entries(file, data, opt, func(k yaml11.Key) bool {
		bad := func(text, fix string) {
			c.report(finding.Finding{ID: idOrigin, Severity: finding.Error, Place: placeOf(k.Pos), Text: text, Fix: fix})
		}
		switch k.Name {
		case "$ORIGIN":
			n, err := zone.ParseName(text(k.Value))
			switch {
			case err != nil || k.Value.Kind != yaml11.String:
				bad(fmt.Sprintf("$ORIGIN %q is not a name", quoted(k.Value)), "")
			case !n.In(c.origin):
				bad(fmt.Sprintf("$ORIGIN %s is outside the zone %s", n, c.origin), "")
			default:
				c.base = n
			}
		case "$TTL":
			if ttl, ok := unitTTL(k.Value); ok {
				c.ttl = ttl
			} else {
				bad(fmt.Sprintf("$TTL %q is not a number of seconds", quoted(k.Value)), "write 3600 or 1h")
			}
		}
		return true
	})
}

// unitTTL reads seconds, or numbers with the units s, m, h, d and w.
func unitTTL(n *yaml11.Node) (uint32, bool) {
	if v, ok := asInt(n); ok {
		return uint32(min(max(v, 0), math.MaxUint32)), v >= 0
	}
	if n == nil || n.Kind != yaml11.String || n.Text == "" {
		return 0, false
	}
	total, digits := uint64(0), ""
	for _, r := range strings.ToLower(n.Text) {
		if r >= '0' && r <= '9' {
			digits += string(r)
			continue
		}
		unit, ok := map[rune]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}[r]
		v, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil {
			return 0, false
		}
		total, digits = total+v*unit, ""
	}
	return uint32(total), digits == "" && total <= math.MaxUint32
}

// entry reads all records of one name.
func (c *Collector) entry(k yaml11.Key) {
	name := k.Name
	if !c.opt.NoShorthands {
		switch name {
		case "$ORIGIN", "$TTL":
			return
		case "@":
			name = ""
		}
	}
	owner, err := ownerOf(name, c.base)
	e := entry{c: c, key: k, written: name, owner: owner, err: err, clean: err == nil && (name == "" || plainName(name))}
	switch v := k.Value; v.Kind {
	case yaml11.Mapping:
		e.record(v)
	case yaml11.Sequence:
		for _, item := range v.Items {
			if item.Kind == yaml11.Mapping {
				e.record(item)
			} else {
				e.shape(item)
			}
		}
	default:
		e.shape(v)
	}
}

// An entry is one key of a zone file.
type entry struct {
	c       *Collector
	key     yaml11.Key
	written string // "" for @
	owner   zone.Name
	err     error // why there is no owner
	clean   bool  // the rules about names have nothing to say
}

func (e *entry) shape(n *yaml11.Node) {
	f := finding.Finding{
		ID: idShape, Severity: finding.Error, Place: placeOf(n.Pos), Subject: e.key.Name,
		Text: fmt.Sprintf("record %q is %s, not a mapping", e.key.Name, article(n.Kind)), Fix: "write type and value below the name",
	}
	if n.Kind == yaml11.Null {
		f.Text, f.Fix = fmt.Sprintf("record %q has no fields", e.key.Name), "write type and value below the name, or remove it; a name without records is []"
	}
	e.c.report(f)
}

// place returns where a record counts as written: its mapping, or its key where the mapping
// stands elsewhere (an alias, an include).
func (e *entry) place(n *yaml11.Node) yaml11.Pos {
	if n.Pos.File != e.key.Pos.File || n.Pos.Line < e.key.Pos.Line {
		return e.key.Pos
	}
	return n.Pos
}

// add keeps a record that was read.
func (c *Collector) add(set zone.RRset, pos yaml11.Pos) {
	set.Owner, set = c.share(set.Owner), set.Clean()
	file := c.current
	if pos.File != c.file { // an included entry
		file = c.fileIndex(pos.File)
	}
	at := place{line: uint32(pos.Line), col: uint16(min(pos.Col, math.MaxUint16)), file: file, index: uint32(len(c.sets))}
	h := c.places.hash(set.Key())
	have, dup := c.places.at[h]
	if dup && c.sets[have.index].Key() == set.Key() {
		if c.opt.Replace {
			at.index = have.index
			c.sets[have.index], c.places.at[h] = set, at
			return
		}
		first := c.places.place(have)
		c.report(finding.Finding{
			ID: idDuplicate, Severity: finding.Error, Place: placeOf(pos), Subject: set.Key().String(), Related: []finding.Place{first},
			Text: fmt.Sprintf("duplicate record %s %s, first at %s", set.Owner.Unicode(), set.Type, first),
			Fix:  "put all values into one record, or set populate_should_replace",
		})
		return
	}
	c.sets = append(c.sets, set)
	c.places.at[h] = at
}

// share lets consecutive records of a name share its text.
func (c *Collector) share(n zone.Name) zone.Name {
	if len(c.sets) > 0 && c.sets[len(c.sets)-1].Owner == n {
		return c.sets[len(c.sets)-1].Owner
	}
	return n
}

func (c *Collector) fileIndex(name string) uint16 {
	if i := slices.Index(c.places.files, name); i >= 0 {
		return uint16(i)
	}
	if len(c.places.files) >= math.MaxUint16 {
		return c.current
	}
	c.places.files = append(c.places.files, name)
	return uint16(len(c.places.files) - 1)
}

// Zone returns what was read. The collector must not be used afterwards. Records that violate a
// rule are in the zone as far as they could be read, for display; the findings tell.
func (c *Collector) Zone() *Loaded {
	out := &Loaded{Places: c.places}
	type ref struct {
		key   string
		typ   zone.Type
		index int32
	}
	refs := make([]ref, len(c.sets))
	for i := range c.sets {
		refs[i] = ref{c.sets[i].Owner.Key(), c.sets[i].Type, int32(i)}
	}
	slices.SortFunc(refs, func(a, b ref) int {
		return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.typ, b.typ))
	})
	b := zone.NewBuilder(c.origin)
	for _, r := range refs {
		b.Add(c.sets[r.index])
	}
	z, err := b.Zone()
	if err != nil {
		c.report(finding.Finding{ID: idShape, Severity: finding.Error, Text: err.Error()})
		z = zone.Empty(c.origin)
	}
	out.Zone = z
	c.sets = nil
	finding.Sort(c.findings)
	out.Findings = c.findings
	return out
}

// rulesFor returns the record rules that run for a type.
func (c *Collector) rulesFor(typ string) map[string]bool {
	on, ok := c.rules[typ]
	if !ok {
		on = c.opt.Rules.forType(typ)
		c.rules[typ] = on
	}
	return on
}
