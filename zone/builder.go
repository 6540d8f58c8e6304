package zone

import (
	"cmp"
	"fmt"
	"slices"
)

// A Builder collects RRsets, in any order, into a Zone. It is not safe for concurrent use.
type Builder struct {
	origin Name
	runs   []*run // the one added to last is the first
	late   lateness
	err    error
}

// A run is a part of what was added that is in order.
type run struct {
	packer
	last Type // of the RRset packed last; its owner is the packer's
}

const (
	// maxRuns is how many runs there are at most. Few are enough for files that are in order but for
	// some names at their top, or that were put together from several.
	maxRuns = 6
	// fewLate is how many RRsets are sorted before it is worth to begin a second run.
	fewLate = 100
)

// NewBuilder starts a zone.
func NewBuilder(origin Name) *Builder { return &Builder{origin: origin} }

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
	if !isClean(r.Data) {
		r = r.Clean()
	}
	for i, x := range b.runs {
		shared := common(x.owner, r.Owner.key)
		if c := x.compare(r.Owner.key, shared); c > 0 || c == 0 && r.Type > x.last {
			if i > 0 {
				b.runs[0], b.runs[i] = x, b.runs[0]
			}
			x.last = r.Type
			x.addShared(&r, shared)
			return
		}
	}
	if len(b.runs) == maxRuns || len(b.runs) > 0 && len(b.late.list) < fewLate {
		b.late.add(&r)
		return
	}
	x := &run{last: r.Type, packer: newPacker(b.origin)}
	x.add(&r)
	b.runs = append(b.runs, x)
	b.runs[0], b.runs[len(b.runs)-1] = x, b.runs[0]
}

// Zone returns the zone. The builder must not be used afterwards.
func (b *Builder) Zone() (*Zone, error) {
	if b.err != nil {
		return nil, fmt.Errorf("zone %s: %w", b.origin, b.err)
	}
	parts := make([][]*chunk, 0, maxRuns+1)
	for _, x := range b.runs {
		parts = append(parts, x.finish())
	}
	var late *chunk
	if len(b.late.list) > 0 {
		b.late.sort(len(b.origin.key))
		late = b.late.chunk()
		b.late = lateness{}
	}
	if late != nil && late.n > fewLate { // too much to be put between others
		z, err := b.join([][]*chunk{nil, {late}})
		if err != nil {
			return nil, err
		}
		parts, late = append(parts, z.chunks), nil
	}
	slices.SortStableFunc(parts, func(x, y []*chunk) int { return len(y) - len(x) })
	switch {
	case late != nil:
		parts = append(parts, []*chunk{late})
	case len(parts) == 0:
		return Empty(b.origin), nil
	case len(parts) == 1:
		return newZone(b.origin, parts[0]), nil
	}
	return b.join(parts)
}

func (b *Builder) twice(e entry) error {
	return fmt.Errorf("zone %s: %s was added twice", b.origin, Key{Name{e.owner}, e.typ})
}

// join makes a zone of several lists of chunks, of which the first keeps most of its chunks.
func (b *Builder) join(parts [][]*chunk) (*Zone, error) {
	others := make([]cursor, len(parts)-1)
	for i := range others {
		others[i].chunks = parts[i+1]
	}
	least := func() *cursor {
		var c *cursor
		for i := range others {
			if others[i].load() && (c == nil || others[i].e.compareKey(c.e) < 0) {
				c = &others[i]
			}
		}
		return c
	}
	p := newPacker(b.origin)
	var before entry
	put := func(e entry) error {
		if before.raw != "" && before.compareKey(e) == 0 {
			return b.twice(e)
		}
		before = e
		p.raw(e)
		return nil
	}
	next := least()
	chunks := parts[0]
	for i, c := range chunks {
		touched := next != nil && (i+1 == len(chunks) || next.e.owner <= chunks[i+1].first)
		if !touched && p.aligned() {
			p.share(c)
			before = entry{} // what follows is behind all of the chunk, or is compared with the next
			continue
		}
		for rest := c.data; rest != ""; {
			var e entry
			e, rest = cutEntry(rest)
			for next != nil && next.e.compareKey(e) <= 0 {
				if err := put(next.e); err != nil {
					return nil, err
				}
				next.step()
				next = least()
			}
			if err := put(e); err != nil {
				return nil, err
			}
		}
	}
	for ; next != nil; next = least() {
		if err := put(next.e); err != nil {
			return nil, err
		}
		next.step()
	}
	return newZone(b.origin, p.finish()), nil
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
	lateFirst = 1 << 8
	lateBlock = 256 << 10
)

func (l *lateness) add(r *RRset) {
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

// chunk returns all entries in a row, which is no chunk of a zone: where one ends is not asked.
func (l *lateness) chunk() *chunk {
	size := 0
	for _, b := range l.blocks {
		size += len(b)
	}
	data := make([]byte, 0, size)
	for _, x := range l.list {
		data = append(data, l.entry(x).raw...)
	}
	return &chunk{data: textOf(data), n: len(l.list)}
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
