package nameserver

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // NSEC3 knows no other hash (RFC 5155, section 11)
	"encoding/base32"
	"encoding/binary"
	"sort"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// proveNoData proves that a name that exists lacks the type. The name is q's suffix from label at on.
func (s *Scratch) proveNoData(z *Compiled, n node, at int) {
	switch z.denial {
	case denialNSEC:
		if _, ok := z.set(n, typeNSEC); ok {
			s.prove(z, n.ref)
		} else {
			s.prove(z, s.coverNSEC(z, at, false))
		}
	case denialNSEC3:
		if ref := z.matching(n); ref != 0 {
			s.prove(z, ref)
			return
		}
		// Below an opt-out: the closest name that is provable, and what covers the next closer one
		// (RFC 5155, sections 7.2.4 and 7.2.7).
		s.proveEncloser(z, at+1)
	}
}

// proveNoName proves that a name does not exist, nor a wildcard for it. Label at is the closest
// encloser's.
func (s *Scratch) proveNoName(z *Compiled, at int) {
	switch z.denial {
	case denialNSEC:
		s.prove(z, s.coverNSEC(z, 0, false))
		s.prove(z, s.coverNSEC(z, at, true))
	case denialNSEC3:
		at = s.proveEncloser(z, at)
		s.prove(z, s.coverNSEC3(z, at, true))
	}
}

// proveWild proves that nothing is closer to the name than the wildcard.
func (s *Scratch) proveWild(z *Compiled, at int) {
	switch z.denial {
	case denialNSEC:
		s.prove(z, s.coverNSEC(z, 0, false))
	case denialNSEC3:
		s.prove(z, s.coverNSEC3(z, at-1, false))
	}
}

// proveWildNoData proves that the wildcard is the closest and lacks the type.
func (s *Scratch) proveWildNoData(z *Compiled, star node, at int) {
	switch z.denial {
	case denialNSEC:
		s.prove(z, s.coverNSEC(z, 0, false))
		if _, ok := z.set(star, typeNSEC); ok {
			s.prove(z, star.ref)
		} else {
			s.prove(z, s.coverNSEC(z, at, true))
		}
	case denialNSEC3:
		s.proveEncloser(z, at)
		if ref := z.matching(star); ref != 0 {
			s.prove(z, ref)
		} else {
			s.prove(z, s.coverNSEC3(z, at, true))
		}
	}
}

// proveEncloser proves the closest encloser that has an NSEC3 record, from label at upwards, and that
// the next closer name does not exist (RFC 5155, section 7.2.1). It returns the encloser's label.
func (s *Scratch) proveEncloser(z *Compiled, at int) int {
	for ; at <= s.q.labels-z.labels; at++ {
		n := z.find(s.q, at)
		if n.ref == 0 {
			continue
		}
		if ref := z.matching(n); ref != 0 {
			s.prove(z, ref)
			break
		}
	}
	at = min(at, s.q.labels-z.labels)
	if at > 0 {
		s.prove(z, s.coverNSEC3(z, at-1, false))
	}
	return at
}

// A nsecIndex has the nodes with NSEC records in canonical order. The first octets of their sortable
// names stand beside each other, so that a search hardly touches the names themselves.
type nsecIndex struct {
	prefix []uint64
	ref    []uint32
}

func (x *nsecIndex) size() int { return 8*cap(x.prefix) + 4*cap(x.ref) }

func (x *nsecIndex) make(n int) {
	x.prefix = make([]uint64, 0, n)
	x.ref = make([]uint32, 0, n)
}

func (x *nsecIndex) add(owner, origin zone.Name, ref uint32) {
	x.prefix = append(x.prefix, prefixOf([]byte(owner.Key()[len(origin.Key()):])))
	x.ref = append(x.ref, ref)
}

func prefixOf(key []byte) uint64 {
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}

// coverNSEC returns the node whose NSEC record covers, or matches, q's suffix from label at on, or
// the wildcard below it.
func (s *Scratch) coverNSEC(z *Compiled, at int, star bool) uint32 {
	key := appendKey(s.key[:0], s.q.suffix(at), s.q.n-len(z.apex)-int(s.q.off[at]))
	if star {
		key = append(key, '*', 0)
	}
	x := &z.nsec
	p := prefixOf(key)
	i := sort.Search(len(x.prefix), func(i int) bool {
		if x.prefix[i] != p {
			return x.prefix[i] > p
		}
		rel := z.relative(z.at(x.ref[i]))
		var buf [2 * 264]byte
		return bytes.Compare(appendKey(buf[:0], rel, len(rel)), key) > 0
	})
	if i == 0 {
		return 0
	}
	return x.ref[i-1]
}

// A nsec3Index has the NSEC3 records of a zone in order of their hashes.
type nsec3Index struct {
	iterations int
	salt       []byte

	hash []byte   // hashLen octets for each record
	ref  []uint32 // the record as a node
	// owner is the node of the name that a record matches, or a former one of it; 0: there is none, or it
	// is not known. It is kept for Recompile, and nil where that is of no use.
	owner []uint32
	odd   bool // there are owners that no chain has
	// from tells for the leading bits of a hash the first record that has them or more. Hashes are
	// spread evenly, so that a search ends after a few steps.
	from  []uint32
	shift uint
}

const hashLen = sha1.Size

func (x *nsec3Index) size() int { return cap(x.hash) + 4*cap(x.ref) + 4*cap(x.owner) + 4*cap(x.from) }

func (x *nsec3Index) make(n int) {
	x.hash = make([]byte, 0, n*hashLen)
	x.ref = make([]uint32, 0, n)
}

// ours returns the record of a set that belongs to the chain of the zone's NSEC3PARAM.
func (x *nsec3Index) ours(set zone.RRset) (zone.Data, bool) {
	for _, d := range set.Data {
		if len(d) < 6+hashLen || d[0] != 1 || int(d[2])<<8|int(d[3]) != x.iterations || int(d[4]) != len(x.salt) {
			continue
		}
		rest := d[5:]
		if string(rest[:len(x.salt)]) == string(x.salt) && len(rest) > len(x.salt)+hashLen && rest[len(x.salt)] == hashLen {
			return d, true
		}
	}
	return "", false
}

var base32hex = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// add puts a record into the index; they come in order, as order of names is order of hashes.
func (x *nsec3Index) add(owner zone.Name, ref uint32) {
	var h [hashLen]byte
	key := owner.Key()
	key = key[:len(key)-1] // the last label's end
	label := []byte(key[strings.LastIndexByte(key, 0)+1:])
	if len(label) != base32hex.EncodedLen(hashLen) {
		x.odd = true
		return
	}
	if _, err := base32hex.Decode(h[:], label); err != nil || len(x.ref) > 0 && bytes.Compare(x.at(len(x.ref)-1), h[:]) >= 0 {
		x.odd = true
		return
	}
	x.hash = append(x.hash, h[:]...)
	x.ref = append(x.ref, ref)
}

func (x *nsec3Index) at(i int) []byte { return x.hash[i*hashLen : (i+1)*hashLen] }

func (x *nsec3Index) finish(*Compiled) {
	bits := uint(0)
	for 1<<bits < len(x.ref) && bits < 30 {
		bits++
	}
	x.shift = 32 - bits
	x.from = make([]uint32, 1<<bits+1)
	b := 0
	for i := range x.ref {
		for lead := int(uint64(binary.BigEndian.Uint32(x.at(i))) >> x.shift); b <= lead; b++ {
			x.from[b] = uint32(i)
		}
	}
	for ; b < len(x.from); b++ {
		x.from[b] = uint32(len(x.ref))
	}
}

// search returns the first record with this hash or a larger one.
func (x *nsec3Index) search(h []byte) int {
	lead := uint64(binary.BigEndian.Uint32(h)) >> x.shift
	i, end := int(x.from[lead]), int(x.from[lead+1])
	for i < end && bytes.Compare(x.at(i), h) < 0 {
		i++
	}
	return i
}

// sum hashes a name in wire form and lower case (RFC 5155, section 5). buf is memory to work in.
func (x *nsec3Index) sum(buf, wire []byte) [hashLen]byte {
	b := append(append(buf[:0], wire...), x.salt...)
	h := sha1.Sum(b) //nolint:gosec // see above
	for range x.iterations {
		b = append(append(b[:0], h[:]...), x.salt...)
		h = sha1.Sum(b) //nolint:gosec // see above
	}
	return h
}

// coverNSEC3 returns the record that covers, or matches, q's suffix from label at on, or the wildcard
// below it.
func (s *Scratch) coverNSEC3(z *Compiled, at int, star bool) uint32 {
	x := &z.nsec3
	if len(x.ref) == 0 {
		return 0
	}
	b := s.hashed[:0]
	if star {
		b = append(b, 1, '*')
	}
	b = append(b, s.q.suffix(at)...)
	h := x.sum(s.hashed[len(b):], b)
	i := x.search(h[:])
	if i < len(x.ref) && bytes.Equal(x.at(i), h[:]) {
		return x.ref[i]
	}
	if i == 0 { // the last one covers what is before the first
		i = len(x.ref)
	}
	return x.ref[i-1]
}

// matching returns the NSEC3 record that matches a node, 0 when it has none.
func (z *Compiled) matching(n node) uint32 { return binary.LittleEndian.Uint32(n.b[4:]) }

// matchNSEC3 notes for each node the record that matches its name, and, if that is to be kept, for each
// record the node.
func (z *Compiled) matchNSEC3(keep bool) {
	if keep {
		z.nsec3.owner = make([]uint32, len(z.nsec3.ref))
	}
	var wire [264]byte
	var buf [600]byte
	for _, e := range z.table {
		if e == 0 {
			continue
		}
		n := z.at(uint32(e))
		h := z.nsec3.sum(buf[:0], z.appendName(wire[:0], n))
		if i := z.nsec3.search(h[:]); i < len(z.nsec3.ref) && bytes.Equal(z.nsec3.at(i), h[:]) {
			binary.LittleEndian.PutUint32(n.b[4:], z.nsec3.ref[i])
			if keep {
				z.nsec3.owner[i] = n.ref
			}
		}
	}
}
