package zone

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
	"unsafe"
)

// A chunk is a run of RRsets, packed. Its borders follow from content alone: a chunk ends after
// an entry whose owner and type hash to a multiple of chunkEvery, or when it has grown to
// chunkMax octets. So an edit changes the chunks around it and no others, and zones built
// independently agree on borders wherever they agree on records.
type chunk struct {
	first string // key of the first owner
	data  string // entries, see appendEntry
	n     int    // number of entries
	once  sync.Once
	hash  [sha256.Size]byte
}

const (
	chunkEvery = 64       // entries per chunk on average
	chunkMax   = 32 << 10 // octets
)

func (c *chunk) sum() [sha256.Size]byte {
	c.once.Do(func() { c.hash = sha256.Sum256([]byte(c.data)) })
	return c.hash
}

func sameChunk(a, b *chunk) bool { return a == b || a.data == b.data }

// An entry is one packed RRset, cut but not unpacked.
type entry struct {
	owner string // key of the owner
	typ   Type
	rest  string // TTL, extra, count, data
	raw   string // the whole entry
}

// appendEntry packs an RRset: owner key and Extra as length-prefixed strings, type and TTL as
// uvarints, then the count and the length-prefixed RDATA. The whole is preceded by its length.
func appendEntry(b []byte, r *RRset) []byte {
	n := bodySize(r)
	b = slices.Grow(b, n+sizeOf(uint64(n)))
	b = binary.AppendUvarint(b, uint64(n))
	b = appendString(b, r.Owner.key)
	b = binary.AppendUvarint(b, uint64(r.Type))
	b = binary.AppendUvarint(b, uint64(r.TTL))
	b = appendString(b, r.Extra.kv)
	b = binary.AppendUvarint(b, uint64(len(r.Data)))
	for _, d := range r.Data {
		b = appendString(b, string(d))
	}
	return b
}

// entrySize is how many octets appendEntry appends.
func entrySize(r *RRset) int {
	n := bodySize(r)
	return n + sizeOf(uint64(n))
}

func bodySize(r *RRset) int {
	n := sizeOf(uint64(len(r.Owner.key))) + len(r.Owner.key) + sizeOf(uint64(r.Type)) + sizeOf(uint64(r.TTL)) +
		sizeOf(uint64(len(r.Extra.kv))) + len(r.Extra.kv) + sizeOf(uint64(len(r.Data)))
	for _, d := range r.Data {
		n += sizeOf(uint64(len(d))) + len(d)
	}
	return n
}

// sizeOf is the length of a number as a uvarint.
func sizeOf(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

func cutUint(s string) (uint64, string) {
	var n uint64
	for i, shift := 0, 0; ; i, shift = i+1, shift+7 {
		n |= uint64(s[i]&0x7F) << shift
		if s[i] < 0x80 {
			return n, s[i+1:]
		}
	}
}

// cutEntry splits the first entry off a chunk's data, which this package packed itself.
func cutEntry(s string) (e entry, rest string) {
	body, rest := cutString(s)
	e.raw = s[:len(s)-len(rest)]
	e.owner, e.rest = cutString(body)
	t, r := cutUint(e.rest)
	e.typ, e.rest = Type(t), r
	return e, rest
}

// view unpacks an entry; names and data point into the chunk.
func (e entry) view() RRset { return e.viewIn(nil) }

// viewIn is view with the list of data appended to room.
func (e entry) viewIn(room []Data) RRset {
	r := RRset{Owner: Name{e.owner}, Type: e.typ}
	ttl, s := cutUint(e.rest)
	r.TTL = uint32(ttl)
	r.Extra.kv, s = cutString(s)
	n, s := cutUint(s)
	if n == 0 {
		return r
	}
	r.Data = slices.Grow(room, int(n))
	for range n {
		var d string
		d, s = cutString(s)
		r.Data = append(r.Data, Data(d))
	}
	return r
}

// compareKey orders entries by owner and type.
func (e entry) compareKey(f entry) int {
	switch {
	case e.owner < f.owner:
		return -1
	case e.owner > f.owner:
		return 1
	case e.typ < f.typ:
		return -1
	case e.typ > f.typ:
		return 1
	}
	return 0
}

// A packer cuts a sorted stream of RRsets into chunks.
type packer struct {
	origin Name
	chunks []*chunk
	buf    []byte
	n      int
	packed int // entries of chunks that are finished, but for shared ones

	// The owner packed last, and the hash of border before each of its octets and behind them:
	// owners in order share most of their keys, and that part need not be hashed again.
	owner  []byte
	hashes []uint32

	room *packerRoom
}

// A packerRoom is memory that one packer after the other uses: zones may be many and small.
type packerRoom struct {
	buf    []byte
	owner  []byte
	hashes []uint32
}

var packerRooms = sync.Pool{New: func() any {
	return &packerRoom{make([]byte, 0, 4<<10), make([]byte, 0, 256), []uint32{hashStart}}
}}

func newPacker(origin Name) packer {
	r := packerRooms.Get().(*packerRoom)
	return packer{origin: origin, room: r, buf: r.buf[:0], owner: r.owner[:0], hashes: r.hashes}
}

// aligned reports whether the next entry starts a chunk.
func (p *packer) aligned() bool { return p.n == 0 }

func (p *packer) share(c *chunk) { p.chunks = append(p.chunks, c) }

func (p *packer) change(c Change) error {
	if c.After == nil {
		return nil
	}
	if err := c.After.check(p.origin); err != nil {
		return err
	}
	r := c.After.Clean()
	p.add(&r)
	return nil
}

// compare orders an owner's key, of which i octets are also those of the owner packed last, and that
// owner.
func (p *packer) compare(key string, i int) int {
	switch {
	case i == len(key):
		return i - len(p.owner)
	case i == len(p.owner) || key[i] > p.owner[i]:
		return 1
	}
	return -1
}

func (p *packer) add(r *RRset) { p.addShared(r, common(p.owner, r.Owner.key)) }

// addShared is add for who knows how much of the owner's key is the same as last time.
func (p *packer) addShared(r *RRset, i int) {
	p.buf = appendEntry(p.buf, r)
	p.added(r.Owner.key, i, r.Type)
}

func (p *packer) raw(e entry) {
	p.buf = append(p.buf, e.raw...)
	p.added(e.owner, common(p.owner, e.owner), e.typ)
}

func (p *packer) added(owner string, i int, t Type) {
	p.n++
	if p.border(owner, i, t) || len(p.buf) >= chunkMax {
		p.cut()
	}
}

func (p *packer) cut() {
	data := string(p.buf)
	// The first entry's owner lies inside data; pointing there frees whatever was read from.
	e, _ := cutEntry(data)
	p.chunks = append(p.chunks, &chunk{first: e.owner, data: data, n: p.n})
	p.packed += p.n
	p.buf, p.n = p.buf[:0], 0
}

// finish returns the chunks. Nothing may be added afterwards.
func (p *packer) finish() []*chunk {
	if p.n > 0 {
		p.cut()
	}
	p.room.buf, p.room.owner, p.room.hashes = p.buf, p.owner, p.hashes
	if cap(p.buf) <= 2*chunkMax {
		packerRooms.Put(p.room)
	}
	p.room, p.buf, p.owner, p.hashes = nil, nil, nil, nil
	return p.chunks
}

const (
	hashStart = 2166136261
	hashPrime = 16777619
)

// border is FNV-1a over owner and type. It must never change: hashes of zones depend on it. The first
// i octets of the owner are those of the owner before.
func (p *packer) border(owner string, i int, t Type) bool {
	p.owner = append(p.owner[:i], owner[i:]...)
	if len(p.hashes) <= len(owner) {
		p.hashes = append(make([]uint32, 0, len(owner)+17), p.hashes...)[:len(owner)+17]
		p.hashes[0] = hashStart
	}
	hashes := p.hashes[:len(owner)+1]
	h := hashes[i]
	for ; i < len(owner); i++ {
		h = (h ^ uint32(owner[i])) * hashPrime
		hashes[i+1] = h
	}
	if t <= 0xFF { // the other three octets are zero
		h = (h ^ uint32(t)) * hashPrime * (hashPrime * hashPrime & 0xFFFFFFFF) * hashPrime
		return (h^h>>15)%chunkEvery == 0
	}
	for s := 0; s < 32; s += 8 {
		h = (h ^ uint32(t)>>s&0xFF) * hashPrime
	}
	return (h^h>>15)%chunkEvery == 0
}

// common is how many octets are the same at the beginning.
func common(a []byte, b string) int {
	n := min(len(a), len(b))
	a, b = a[:n], b[:n]
	i := 0
	for ; i+8 <= n; i += 8 {
		x, y := a[i:i+8:i+8], b[i:i+8]
		v := binary.LittleEndian.Uint64(x) ^ (uint64(y[0]) | uint64(y[1])<<8 | uint64(y[2])<<16 | uint64(y[3])<<24 |
			uint64(y[4])<<32 | uint64(y[5])<<40 | uint64(y[6])<<48 | uint64(y[7])<<56)
		if v != 0 {
			return i + bits.TrailingZeros64(v)/8
		}
	}
	for ; i < n && a[i] == b[i]; i++ {
	}
	return i
}

// textOf is b as a string, without a copy. b must not change any more.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
