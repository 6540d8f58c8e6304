package zone

import (
	"cmp"
	"fmt"
	"slices"
)

// A Builder collects RRsets, in any order, into a Zone. It is not safe for concurrent use.
type Builder struct {
	origin Name
	p      packer
	last   Type // of the RRset packed last; its owner is the packer's
	any    bool
	late   lateness
	err    error
}

// NewBuilder starts a zone.
func NewBuilder(origin Name) *Builder {
	return &Builder{origin: origin, p: packer{origin: origin}}
}

// Add puts one RRset into the zone; its data need not be sorted. An owner and type must be added
// once only. Errors are kept and returned by Zone. Nothing of r is kept.
//
// RRsets that come in canonical order are packed at once and cost no memory of their own. The
// others are packed as well, and sorted in the end.
func (b *Builder) Add(r RRset) {
	if b.err != nil {
		return
	}
	if b.err = r.check(b.origin); b.err != nil {
		return
	}
	r = r.Clean()
	if b.any {
		if c := b.p.compare(r.Owner.key); c < 0 || c == 0 && r.Type <= b.last {
			b.late.add(r)
			return
		}
	}
	b.last, b.any = r.Type, true
	b.p.add(r)
}

// Zone returns the zone. The builder must not be used afterwards.
func (b *Builder) Zone() (*Zone, error) {
	if b.err != nil {
		return nil, fmt.Errorf("zone %s: %w", b.origin, b.err)
	}
	z := newZone(b.origin, b.p.finish())
	if len(b.late.list) == 0 {
		return z, nil
	}
	b.late.sort(len(b.origin.key))
	return z.insert(&b.late)
}

// lateness holds RRsets that came out of order, packed in blocks.
type lateness struct {
	blocks [][]byte
	list   []lateRef
	spare  []lateRef // room for sorting
}

// A lateRef finds an entry. word is the part of the owner's key that it is sorted by at the moment.
type lateRef struct {
	word  uint64
	block uint32
	at    uint32
}

// lateBlock is the least size of a block that is not the first.
const (
	lateFirst = 1 << 10
	lateBlock = 256 << 10
)

func (l *lateness) add(r RRset) {
	size := entrySize(r)
	n := len(l.blocks)
	if n == 0 || cap(l.blocks[n-1])-len(l.blocks[n-1]) < size {
		room := lateFirst
		if n > 0 {
			room = min(2*cap(l.blocks[n-1]), lateBlock)
		}
		l.blocks = append(l.blocks, make([]byte, 0, max(room, size)))
		n++
	}
	block := &l.blocks[n-1]
	l.list = append(l.list, lateRef{block: uint32(n - 1), at: uint32(len(*block))})
	*block = appendEntry(*block, r)
}

// entry returns an entry. Its strings point into the block, which nobody changes any more.
func (l *lateness) entry(x lateRef) entry {
	e, _ := cutEntry(textOf(l.blocks[x.block][x.at:]))
	return e
}

// sort puts the entries in order, by eight octets of the owners' keys at a time: most keys of a
// zone differ only far behind, and a word is compared faster than a string that lies somewhere else.
func (l *lateness) sort(skip int) {
	l.sortFrom(l.list, skip)
	l.spare = nil
}

func (l *lateness) sortFrom(list []lateRef, depth int) {
	sorted, ended := true, true
	for i := range list {
		key := l.entry(list[i]).owner
		list[i].word = wordAt(key, depth)
		sorted = sorted && (i == 0 || list[i-1].word <= list[i].word)
		ended = ended && len(key) <= depth
	}
	if ended { // one owner
		slices.SortStableFunc(list, func(x, y lateRef) int { return cmp.Compare(l.entry(x).typ, l.entry(y).typ) })
		return
	}
	if !sorted {
		l.sortWords(list)
	}
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && list[to].word == list[from].word {
			to++
		}
		if to-from > 1 {
			l.sortFrom(list[from:to], depth+8)
		}
		from = to
	}
}

// wordAt returns eight octets of a key as a number that orders as they do. What is beyond the end
// counts as zero: no longer key has that there, for labels are not empty.
func wordAt(key string, at int) (w uint64) {
	if at+8 <= len(key) {
		k := key[at : at+8]
		return uint64(k[7]) | uint64(k[6])<<8 | uint64(k[5])<<16 | uint64(k[4])<<24 |
			uint64(k[3])<<32 | uint64(k[2])<<40 | uint64(k[1])<<48 | uint64(k[0])<<56
	}
	for i := range 8 {
		w <<= 8
		if at+i < len(key) {
			w |= uint64(key[at+i])
		}
	}
	return w
}

// few is up to how many references are not worth counting octets for.
const few = 200

// sortWords sorts by word, and keeps the order of equal ones.
func (l *lateness) sortWords(list []lateRef) {
	if len(list) < few {
		slices.SortStableFunc(list, func(x, y lateRef) int { return cmp.Compare(x.word, y.word) })
		return
	}
	if len(l.spare) < len(list) {
		l.spare = make([]lateRef, len(list))
	}
	var differ uint64
	for i := range list {
		differ |= list[i].word ^ list[0].word
	}
	from, to := list, l.spare[:len(list)]
	for shift := 0; shift < 64; shift += 8 {
		if differ>>shift&0xFF == 0 {
			continue
		}
		var at [256]int
		for i := range from {
			at[byte(from[i].word>>shift)]++
		}
		sum := 0
		for i, n := range at {
			at[i] = sum
			sum += n
		}
		for i := range from {
			k := byte(from[i].word >> shift)
			to[at[k]] = from[i]
			at[k]++
		}
		from, to = to, from
	}
	if &from[0] != &list[0] {
		copy(list, from)
	}
}

// insert returns z with entries that are sorted. One whose owner and type are there is an error.
func (z *Zone) insert(l *lateness) (*Zone, error) {
	list := l.list
	next := l.entry(list[0])
	twice := func(e entry) (*Zone, error) {
		return nil, fmt.Errorf("zone %s: %s was added twice", z.origin, Key{Name{e.owner}, e.typ})
	}
	p := packer{origin: z.origin}
	put := func() bool { // the next one; false when another of its key follows
		p.raw(next)
		if list = list[1:]; len(list) == 0 {
			return true
		}
		before := next
		next = l.entry(list[0])
		return before.compareKey(next) != 0
	}
	for i, c := range z.chunks {
		before := len(list) > 0 && (i+1 == len(z.chunks) || next.owner <= z.chunks[i+1].first)
		if !before && p.aligned() {
			p.share(c)
			continue
		}
		for rest := c.data; rest != ""; {
			var e entry
			e, rest = cutEntry(rest)
			for len(list) > 0 {
				order := next.compareKey(e)
				if order == 0 {
					return twice(e)
				}
				if order > 0 {
					break
				}
				if !put() {
					return twice(next)
				}
			}
			p.raw(e)
		}
	}
	for len(list) > 0 {
		if !put() {
			return twice(next)
		}
	}
	return newZone(z.origin, p.finish()), nil
}
