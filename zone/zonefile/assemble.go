package zonefile

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A collector keeps the first findings of each severity, by place, and counts the rest.
type collector struct {
	list []finding.Finding
	n    [finding.Error + 1]int
	held [finding.Error + 1]int // in the list
}

func (c *collector) add(f finding.Finding) {
	c.n[f.Severity]++
	c.list = append(c.list, f)
	if c.held[f.Severity]++; c.held[f.Severity] >= 4*maxFindings {
		c.cut()
	}
}

// cut sorts by place and leaves out what is too much.
func (c *collector) cut() {
	finding.Sort(c.list)
	c.held = [finding.Error + 1]int{}
	c.list = slices.DeleteFunc(c.list, func(f finding.Finding) bool {
		if c.held[f.Severity] == maxFindings {
			return true
		}
		c.held[f.Severity]++
		return false
	})
}

// finish sorts by place and says how many were left out.
func (c *collector) finish(file string) []finding.Finding {
	c.cut()
	for sev := finding.Error; sev > finding.Info; sev-- {
		if more := c.n[sev] - maxFindings; more > 0 {
			c.list = append(c.list, finding.Finding{
				ID: "zonefile-more", Severity: sev, Place: finding.Place{File: file},
				Text: fmt.Sprintf("and %d more %ss", more, sev),
			})
		}
	}
	return c.list
}

// flush builds the RRsets of the records that are there, which are all of one owner, or of the file.
func (p *parser) flush() {
	if len(p.records) > 1 {
		slices.SortFunc(p.records, compareRecords)
	}
	if p.build == nil {
		p.build = zone.NewBuilder(p.apex)
	}
	for rest := p.records; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].owner == rest[0].owner && rest[n].typ == rest[0].typ {
			n++
		}
		p.set(rest[:n])
		rest = rest[n:]
	}
	p.records = p.records[:0]
	p.data.reset()
}

// set builds the RRset of records that are sorted by data.
func (p *parser) set(set []record) {
	if !set[0].owner.In(p.apex) {
		p.outOfZone(set)
		return
	}
	first := &set[0]
	if len(set) > 1 {
		first = p.checkSet(set)
	}
	p.values = p.values[:0]
	for i := range set {
		p.values = append(p.values, set[i].data)
	}
	if p.places != nil {
		p.places.add(first)
	}
	p.build.Add(zone.RRset{Owner: first.owner, Type: first.typ, TTL: first.ttl, Data: slices.Compact(p.values)})
}

// finish joins the last records to RRsets. It returns false when the file must be read once more,
// with all records kept.
func (p *parser) finish() bool {
	if !p.hasApex && len(p.records) > 0 {
		p.apex, p.hasApex = p.guessApex()
	}
	if !p.hasApex && p.out.n[finding.Error] == 0 {
		p.errorAt(spot{}, "zonefile-origin", "the zone's name is not known", "put $ORIGIN and an SOA record at the top of the file")
	}
	p.flush()
	p.leave()
	p.zone, p.broken = p.build.Zone()
	return p.broken == nil || p.whole
}

// result is what the file says, after finish.
func (p *parser) result() (*Result, error) {
	res := &Result{Place: noPlace, comments: p.comments}
	if p.places != nil {
		p.places.files = p.files
		res.Place = p.places.find
	}
	if p.broken != nil && p.out.n[finding.Error] == 0 {
		p.errorAt(spot{}, "zonefile-set", p.broken.Error(), "")
	}
	res.Findings = p.out.finish(p.opt.File)
	if err := finding.AsError(res.Findings); err != nil {
		return res, err
	}
	res.Zone = p.zone
	return res, nil
}

// compareRecords orders by owner, type and data, and equal records as they stand in the file.
func compareRecords(x, y record) int {
	if x.owner != y.owner {
		return x.owner.Compare(y.owner)
	}
	if x.typ != y.typ {
		if x.typ < y.typ {
			return -1
		}
		return 1
	}
	if x.data != y.data {
		if x.data < y.data {
			return -1
		}
		return 1
	}
	return int(x.seq) - int(y.seq)
}

// guessApex takes the owner of the SOA, else the origin that held last.
func (p *parser) guessApex() (zone.Name, bool) {
	for i := range p.records {
		if p.records[i].typ == zone.TypeSOA {
			return p.records[i].owner, true
		}
	}
	return p.origin, p.hasOrigin
}

func (p *parser) place(r *record) finding.Place {
	return finding.Place{File: p.files[r.file], Line: int(r.line), Col: int(r.col)}
}

func (p *parser) outOfZone(set []record) {
	for i := range set {
		p.out.add(finding.Finding{
			ID: "out-of-zone", Severity: finding.Error, Place: p.place(&set[i]), Zone: p.apex.String(),
			Text: fmt.Sprintf("%s %s is not in zone %s", set[i].owner, set[i].typ, p.apex),
			Fix:  "write it into its own zone, or check for a missing or surplus final dot",
		})
	}
}

// checkSet looks for duplicates and different TTLs, and returns the record that came first in
// the file.
func (p *parser) checkSet(set []record) *record {
	first := &set[0]
	for i := range set {
		if set[i].seq < first.seq {
			first = &set[i]
		}
		if i > 0 && set[i].data == set[i-1].data {
			p.out.add(finding.Finding{
				ID: "duplicate-record", Severity: finding.Warning, Place: p.place(&set[i]), Zone: p.apex.String(),
				Subject: set[i].owner.String() + " " + set[i].typ.String(),
				Text:    fmt.Sprintf("%s %s %s is given twice", set[i].owner, set[i].typ, short(rdata.Text(set[i].typ, set[i].data))),
				Fix:     "delete one", Related: []finding.Place{p.place(&set[i-1])},
			})
		}
	}
	for i := range set {
		// Signatures have the TTLs of what they cover (RFC 4034, section 3).
		if set[i].ttl != first.ttl && set[i].typ != zone.TypeRRSIG {
			p.out.add(finding.Finding{
				ID: "ttl-mismatch", Severity: finding.Warning, Place: p.place(&set[i]), Zone: p.apex.String(),
				Subject: set[i].owner.String() + " " + set[i].typ.String(),
				Text: fmt.Sprintf("%s %s has TTL %d here and %d on line %d; %d is used for all",
					set[i].owner, set[i].typ, set[i].ttl, first.ttl, first.line, first.ttl),
				Fix: "give all records of the RRset one TTL (RFC 2181, section 5.2)", Related: []finding.Place{p.place(first)},
			})
			break
		}
	}
	return first
}

func short(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// A placeIndex finds where RRsets stand. It holds 16 octets for each and no pointers, as zones
// may have millions; two keys with one hash, which nobody will see, would swap places.
type placeIndex struct {
	files  []string
	blocks [][]placed // as they came
	list   []placed   // all, sorted, once somebody has asked
	sort   sync.Once
}

// Blocks of a placeIndex grow from small to large.
const (
	placesFirst = 16
	placesBlock = 8192
)

type placed struct {
	hash uint64
	line uint32
	col  uint16
	file uint16
}

var placeSeed = maphash.MakeSeed()

func hashKey(k zone.Key) uint64 {
	return maphash.String(placeSeed, k.Owner.Key()) ^ uint64(k.Type)*0x9E3779B97F4A7C15
}

func (x *placeIndex) add(r *record) {
	n := len(x.blocks)
	if n == 0 || len(x.blocks[n-1]) == cap(x.blocks[n-1]) {
		size := placesFirst
		if n > 0 {
			size = min(4*cap(x.blocks[n-1]), placesBlock)
		}
		x.blocks = append(x.blocks, make([]placed, 0, size))
		n++
	}
	x.blocks[n-1] = append(x.blocks[n-1], placed{hashKey(zone.Key{Owner: r.owner, Type: r.typ}), r.line, r.col, r.file})
}

// find is the Result's Place. The index is sorted when first used.
func (x *placeIndex) find(k zone.Key) finding.Place {
	x.sort.Do(func() {
		x.list, x.blocks = slices.Concat(x.blocks...), nil
		slices.SortFunc(x.list, func(a, b placed) int { return cmp.Compare(a.hash, b.hash) })
	})
	h := hashKey(k)
	i, ok := slices.BinarySearchFunc(x.list, h, func(p placed, h uint64) int { return cmp.Compare(p.hash, h) })
	if !ok {
		return finding.Place{}
	}
	p := x.list[i]
	return finding.Place{File: x.files[p.file], Line: int(p.line), Col: int(p.col)}
}
