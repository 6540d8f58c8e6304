package zonefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"
	"unsafe"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Options say how to read. The zero value finds the origin in the file, follows no $INCLUDE and
// has the default bounds.
type Options struct {
	Origin    zone.Name // apex of the zone and initial $ORIGIN
	HasOrigin bool      // Origin is given; otherwise see OriginOf
	// DefaultTTL holds where the file gives no TTL in any way: no own TTL, no $TTL, no record
	// before with a TTL, no SOA before. 0 makes such a record an error.
	DefaultTTL uint32
	File       string // for messages, and to find the origin
	// Root is the folder that $INCLUDE reads from and cannot leave, such as (*os.Root).FS().
	// nil makes $INCLUDE an error.
	Root fs.FS

	// NoPlaces leaves Result.Place without knowledge, which takes 16 octets for each RRset.
	NoPlaces bool

	MaxGenerate int // records of one $GENERATE; 0 means 65,536, and there are never more than 1,000,000 in all
	MaxIncludes int // files; 0 means 1,000
	MaxRecords  int // 0 means 20,000,000
	MaxBytes    int // of all files together; 0 means 1 GiB
}

const (
	maxGenerateTotal = 1000000
	maxIncludeDepth  = 20
	maxFindings      = 100 // of each severity
	maxUnclosed      = 10  // parentheses, each of which may cost a look at 70,000 tokens
)

func (o Options) withDefaults() Options {
	def := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&o.MaxGenerate, 1<<16)
	def(&o.MaxIncludes, 1000)
	def(&o.MaxRecords, 20000000)
	def(&o.MaxBytes, 1<<30)
	o.MaxBytes = min(o.MaxBytes, math.MaxInt32)
	return o
}

// A Result is what a file says.
type Result struct {
	Zone *zone.Zone // nil when there are errors
	// Place tells where the first record of an RRset stands; the zero Place when there is none.
	Place    func(zone.Key) finding.Place
	Findings []finding.Finding // errors and warnings by place
	comments map[zone.Key]string
}

// Comment returns the comments at the ends of an RRset's entries, without ";" and outer blanks,
// joined by line breaks.
func (r *Result) Comment(k zone.Key) string { return r.comments[k] }

// Read reads a zone. The error is that of reading, or the findings that are errors
// (*finding.Problem); the Result is never nil and has all findings. What is large and can be read
// twice (an io.Seeker) is never in memory as a whole.
func Read(r io.Reader, opt Options) (*Result, error) {
	opt = opt.withDefaults()
	if s, ok := r.(io.ReadSeeker); ok {
		if from, size, ok := sizeOf(s); ok && size > 4*windowSize {
			return readWindows(s, from, size, opt, windowSize)
		}
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(opt.MaxBytes)+1))
	if err != nil {
		return &Result{Place: noPlace}, fmt.Errorf("%s: %w", opt.File, err)
	}
	return Parse(data, opt)
}

// Parse is Read for a file in memory. Nothing of data is kept.
//
// Records are packed owner by owner as they come. Where those of an owner turn out to stand in
// several places of the file, it is read once more with all records kept: what they say together has
// to be known.
func Parse(data []byte, opt Options) (*Result, error) {
	p := newParser(data, opt)
	p.file(textOf(data))
	if p.finish() {
		return p.result()
	}
	p = newParser(data, opt)
	p.whole = true
	p.file(textOf(data))
	p.finish()
	return p.result()
}

// textOf is data as a string, without a copy, for as long as data does not change.
func textOf(data []byte) string { return unsafe.String(unsafe.SliceData(data), len(data)) }

func noPlace(zone.Key) finding.Place { return finding.Place{} }

// A record is one record as it was written.
type record struct {
	owner zone.Name
	data  zone.Data
	typ   zone.Type
	ttl   uint32
	seq   uint32 // counts records in order of the file
	line  uint32
	col   uint16
	file  uint16
}

// A parser holds the state that $-directives and omitted fields refer to.
type parser struct {
	opt     Options
	slow    bool                       // no line is read by quick
	whole   bool                       // records are kept to the end
	records []record                   // all, or those of the present owner
	read    int                        // records so far
	data    arena                      // RDATA of records
	names   zone.Names                 // owners
	keep    func(s *scanner, from int) // called behind each entry when set, which wants whole; from is the first record it gave

	build  *zone.Builder
	places *placeIndex // nil: nobody will ask
	values []zone.Data // of the set being built
	room   *room
	zone   *zone.Zone
	broken error // why there is no zone

	files    []string // names, by number
	open     []string // files being read, outermost first
	fileNo   uint16
	includes int
	bytes    int

	origin    zone.Name
	hasOrigin bool
	apex      zone.Name
	hasApex   bool

	owner     zone.Name
	hasOwner  bool
	ownerText string // what owner was written as, under the present origin

	defaultTTL    uint32 // $TTL
	hasDefaultTTL bool
	lastTTL       uint32 // stated last, or the SOA's
	hasLastTTL    bool

	generated int
	unclosed  int
	stopped   bool // nothing more is read
	comments  map[zone.Key]string
	out       collector
}

func newParser(data []byte, opt Options) *parser {
	opt = opt.withDefaults()
	p := &parser{opt: opt, files: []string{opt.File}, open: []string{opt.File}}
	if !opt.NoPlaces {
		p.places = &placeIndex{}
	}
	if !opt.HasOrigin {
		opt.Origin, opt.HasOrigin = OriginOf(opt.File, data)
	}
	if opt.HasOrigin {
		p.apex, p.hasApex = opt.Origin, true
		p.setOrigin(opt.Origin)
	}
	p.whole = !p.hasApex
	return p
}

func (p *parser) setOrigin(n zone.Name) {
	p.origin, p.hasOrigin, p.ownerText = n, true, ""
}

// file reads one file, included ones within it.
func (p *parser) file(text string) {
	if p.fits(len(text)) {
		p.scan(newScanner(text))
	}
}

// fits counts the octets of a file.
func (p *parser) fits(size int) bool {
	p.bytes += size
	if p.bytes > p.opt.MaxBytes {
		p.stopped = true
		p.errorAt(spot{}, "limit", fmt.Sprintf("zone file is larger than %d octets", p.opt.MaxBytes), "")
	}
	return !p.stopped
}

func (p *parser) scan(s *scanner) {
	p.enter(s)
	defer s.leave()
	for !p.stopped {
		if p.keep == nil && !p.slow && p.quick(s) {
			continue
		}
		if !s.next() {
			break
		}
		from := len(p.records)
		if s.fault != "" {
			p.errorAt(s.faultAt, "zonefile-syntax", s.fault, s.faultFix)
			if strings.HasPrefix(s.fault, `"("`) {
				if p.unclosed++; p.unclosed >= maxUnclosed {
					p.stopped = true
				}
			}
		} else {
			p.entry(s)
		}
		if p.keep != nil {
			p.keep(s, from)
		}
		if p.read > p.opt.MaxRecords {
			p.stopped = true
			p.errorAt(s.at[0], "limit", fmt.Sprintf("zone has more than %d records", p.opt.MaxRecords), "")
		}
	}
}

// errorAt and warnAt report at a place in the file being read.
func (p *parser) errorAt(at spot, id, text, fix string) { p.report(finding.Error, at, id, text, fix) }

func (p *parser) report(sev finding.Severity, at spot, id, text, fix string) {
	p.out.add(finding.Finding{
		ID: id, Severity: sev, Text: text, Fix: fix,
		Place: finding.Place{File: p.files[p.fileNo], Line: int(at.line), Col: int(at.col)},
	})
}

// entry handles a directive or a record.
func (p *parser) entry(s *scanner) {
	toks := s.toks
	if !s.blank && !toks[0].Quoted && toks[0].Text[0] == '$' {
		p.directive(s)
		return
	}
	i := 0
	if !s.blank {
		if !p.setOwner(toks[0], s.at[0]) {
			p.hasOwner = false // entries below without owner would go to the wrong name
			return
		}
		i = 1
	}
	h, ok := p.header(s, toks[i:], s.at[i:])
	if !ok {
		return
	}
	if s.blank && p.ownerText == badOwner {
		return // said where the owner is wrong
	}
	if !p.hasOwner {
		p.errorAt(s.at[0], "zonefile-owner", "record has no owner name, and none stands above it", `write the owner name at the start of the line, "@" for the apex`)
		return
	}
	i += h.used
	p.record(s, h, toks[i:], s.at[i:])
}

// badOwner as ownerText marks that the owner above could not be read.
const badOwner = "\x00"

func (p *parser) setOwner(tok rdata.Token, at spot) bool {
	if p.hasOwner && !tok.Quoted && tok.Text == p.ownerText {
		return true
	}
	n, err := p.name(tok.Text)
	if err != nil {
		p.errorAt(at, "zonefile-name", "owner "+err.Error(), p.nameFix(err))
		p.ownerText = badOwner
		return false
	}
	p.owner, p.hasOwner, p.ownerText = n, true, tok.Text
	return true
}

var errNoOrigin = errors.New("is relative, and the origin is not known")

func (p *parser) nameFix(err error) string {
	if errors.Is(err, errNoOrigin) {
		return "put $ORIGIN above it or end the name in a dot"
	}
	return ""
}

// name reads a name under the present origin.
func (p *parser) name(text string) (zone.Name, error) {
	if p.hasOrigin {
		if n, ok := p.names.Plain(text, p.origin); ok {
			return n, nil
		}
	}
	if !p.hasOrigin && !absolute(text) {
		return zone.Name{}, fmt.Errorf("name %q %w", text, errNoOrigin)
	}
	if text == "" {
		return zone.Name{}, errors.New(`name "" is empty`)
	}
	return zone.ParseNameIn(text, p.origin)
}

// absolute reports whether a name ends in a dot that is not escaped.
func absolute(s string) bool {
	head, ok := strings.CutSuffix(s, ".")
	slashes := len(head) - len(strings.TrimRight(head, `\`))
	return ok && slashes%2 == 0
}

// A header is what stands between owner and RDATA.
type header struct {
	typ    zone.Type
	ttl    uint32
	hasTTL bool
	used   int // tokens
}

// header reads TTL and class, in any order, and the type.
func (p *parser) header(s *scanner, toks []rdata.Token, at []spot) (h header, ok bool) {
	hasClass := false
	for i, tok := range toks {
		w := tok.Text
		if tok.Quoted || w == "" {
			p.errorAt(at[i], "zonefile-type", fmt.Sprintf("%q is no type", w), "")
			return h, false
		}
		switch {
		case w[0] >= '0' && w[0] <= '9' && !h.hasTTL:
			v, ok := rdata.ParseTTL(w)
			if !ok || v > math.MaxInt32 {
				p.errorAt(at[i], "zonefile-ttl", fmt.Sprintf("TTL %q is no time from 0 to %d seconds", w, math.MaxInt32), "write seconds, or units as in 1h30m")
				return h, false
			}
			h.ttl, h.hasTTL = v, true
		case !hasClass && isClass(w):
			if !strings.EqualFold(w, "IN") && !strings.EqualFold(w, "CLASS1") {
				p.errorAt(at[i], "zonefile-class", fmt.Sprintf("class %s is not supported; only IN is", strings.ToUpper(w)), "")
				return h, false
			}
			hasClass = true
		default:
			t, err := commonType(w), error(nil)
			if t == 0 {
				t, err = zone.ParseType(w)
			}
			if err == nil && t.Meta() {
				err = fmt.Errorf("type %s cannot be in a zone", t)
			}
			if err != nil {
				p.errorAt(at[i], "zonefile-type", err.Error(), "")
				return h, false
			}
			h.typ, h.used = t, i+1
			return h, true
		}
	}
	last := spot{line: uint32(s.first)}
	if len(s.at) > 0 {
		last = s.at[len(s.at)-1]
	}
	p.errorAt(last, "zonefile-type", "record has no type", "")
	return h, false
}

func isClass(w string) bool {
	switch len(w) {
	case 2:
		return strings.EqualFold(w, "IN") || strings.EqualFold(w, "CH") || strings.EqualFold(w, "HS") || strings.EqualFold(w, "CS")
	case 0, 1, 3, 4, 5:
		return false
	}
	return strings.EqualFold(w[:5], "CLASS") && strings.Trim(w[5:], "0123456789") == ""
}

// record packs the RDATA of the present owner.
func (p *parser) record(s *scanner, h header, toks []rdata.Token, at []spot) {
	if !p.hasOrigin && h.typ != zone.TypeA && h.typ != zone.TypeTXT {
		for i, tok := range toks { // names in RDATA would quietly become children of the root
			if !tok.Quoted && !absolute(tok.Text) && hasNameAt(h.typ, i) {
				p.errorAt(at[i], "zonefile-name", fmt.Sprintf("name %q %v", tok.Text, errNoOrigin), p.nameFix(errNoOrigin))
				return
			}
		}
	}
	data, err := p.pack(h.typ, toks)
	typeAt := s.at[len(s.at)-len(toks)-1]
	if err != nil {
		where := typeAt
		if e, ok := errors.AsType[*rdata.Error](err); ok && e.Token < len(at) {
			where = at[e.Token]
		}
		p.errorAt(where, "zonefile-rdata", err.Error(), "")
		return
	}
	ttl, ok := p.ttl(h, data)
	if !ok {
		p.errorAt(typeAt, "zonefile-ttl", fmt.Sprintf("%s %s has no TTL, and neither $TTL nor a record above gives one", p.owner, h.typ), "put $TTL 3600 at the top of the file")
		return
	}
	p.add(h.typ, ttl, data, typeAt)
	if s.comment != "" {
		p.comment(zone.Key{Owner: p.owner, Type: h.typ}, s.comment)
	}
}

// hasNameAt reports whether a field of a common type is a name that may be relative.
func hasNameAt(t zone.Type, i int) bool {
	switch t {
	case zone.TypeNS, zone.TypeCNAME, zone.TypePTR, zone.TypeDNAME, zone.TypeALIAS:
		return i == 0
	case zone.TypeMX, zone.TypeSVCB, zone.TypeHTTPS:
		return i == 1
	case zone.TypeSOA:
		return i < 2
	case zone.TypeSRV:
		return i == 3
	}
	return false
}

// pack returns the RDATA of a record of the present owner; those of the owner before are done.
func (p *parser) pack(t zone.Type, toks []rdata.Token) (zone.Data, error) {
	if !p.whole && len(p.records) > 0 && p.records[0].owner != p.owner {
		p.flush()
	}
	return p.data.pack(t, toks, p.origin)
}

func (p *parser) add(t zone.Type, ttl uint32, data zone.Data, at spot) {
	p.read++
	p.records = append(p.records, record{
		owner: p.owner, data: data, typ: t, ttl: ttl, seq: uint32(p.read),
		line: at.line, col: uint16(min(at.col, math.MaxUint16)), file: p.fileNo,
	})
}

// ttl finds the TTL of a record: its own, $TTL, the last one stated (RFC 1035, section 5.1), the
// SOA's minimum as BIND takes it, the option's.
func (p *parser) ttl(h header, data zone.Data) (uint32, bool) {
	switch {
	case h.hasTTL:
		p.lastTTL, p.hasLastTTL = h.ttl, true
		return h.ttl, true
	case p.hasDefaultTTL:
		return p.defaultTTL, true
	case p.hasLastTTL:
		return p.lastTTL, true
	}
	if h.typ == zone.TypeSOA {
		if soa, err := rdata.SOAOf(data); err == nil {
			p.lastTTL, p.hasLastTTL = min(soa.Minimum, math.MaxInt32), true
			return p.lastTTL, true
		}
	}
	return p.opt.DefaultTTL, p.opt.DefaultTTL > 0
}

func (p *parser) comment(k zone.Key, text string) {
	text = strings.TrimSpace(text)
	if text == "" || len(p.comments) >= 1<<16 {
		return
	}
	if old := p.comments[k]; old != "" {
		text = old + "\n" + text
	}
	if p.comments == nil {
		p.comments = map[zone.Key]string{}
	}
	p.comments[k] = strings.Clone(text)
}
