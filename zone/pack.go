package zone

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
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
// scratch is reused between calls.
func appendEntry(b, scratch []byte, r RRset) (out, body []byte) {
	body = appendString(scratch[:0], r.Owner.key)
	body = binary.AppendUvarint(body, uint64(r.Type))
	body = binary.AppendUvarint(body, uint64(r.TTL))
	body = appendString(body, r.Extra.kv)
	body = binary.AppendUvarint(body, uint64(len(r.Data)))
	for _, d := range r.Data {
		body = appendString(body, string(d))
	}
	b = binary.AppendUvarint(b, uint64(len(body)))
	return append(b, body...), body
}

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
func (e entry) view() RRset {
	r := RRset{Owner: Name{e.owner}, Type: e.typ}
	ttl, s := cutUint(e.rest)
	r.TTL = uint32(ttl)
	r.Extra.kv, s = cutString(s)
	n, s := cutUint(s)
	if n == 0 {
		return r
	}
	r.Data = make([]Data, n)
	for i := range r.Data {
		var d string
		d, s = cutString(s)
		r.Data[i] = Data(d)
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
	origin  Name
	chunks  []*chunk
	buf     []byte
	scratch []byte
	first   string
	n       int
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
	p.add(c.After.Clean())
	return nil
}

func (p *packer) add(r RRset) {
	p.buf, p.scratch = appendEntry(p.buf, p.scratch, r)
	p.added(r.Owner.key, r.Type)
}

func (p *packer) raw(e entry) {
	p.buf = append(p.buf, e.raw...)
	p.added(e.owner, e.typ)
}

func (p *packer) added(owner string, t Type) {
	if p.n == 0 {
		p.first = owner
	}
	p.n++
	if border(owner, t) || len(p.buf) >= chunkMax {
		p.cut()
	}
}

func (p *packer) cut() {
	data := string(p.buf)
	// The first entry's owner lies inside data; pointing there frees whatever was read from.
	e, _ := cutEntry(data)
	p.chunks = append(p.chunks, &chunk{first: e.owner, data: data, n: p.n})
	p.buf, p.n = p.buf[:0], 0
}

func (p *packer) finish() []*chunk {
	if p.n > 0 {
		p.cut()
	}
	return p.chunks
}

// border is FNV-1a over owner and type. It must never change: hashes of zones depend on it.
func border(owner string, t Type) bool {
	h := uint32(2166136261)
	for i := 0; i < len(owner); i++ {
		h = (h ^ uint32(owner[i])) * 16777619
	}
	for s := 0; s < 32; s += 8 {
		h = (h ^ uint32(t)>>s&0xFF) * 16777619
	}
	return (h^h>>15)%chunkEvery == 0
}
