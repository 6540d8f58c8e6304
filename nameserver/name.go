package nameserver

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// seeds of the hash of names. They differ in every process, so that nobody outside can prepare
// names that fall into one place of a table.
var (
	seedRoot = rand.Uint64() | 1
	seedLong = rand.Uint64() | 1
	seedTail = rand.Uint64() | 1
)

const maxLabels = 127

// A name is one in wire form and lower case, with the places of its labels and a hash for each of
// its suffixes: what is needed to look for the name, its parents, and the zone it is in.
type name struct {
	wire   [264]byte // eight more than a name can have, so that whole words may be read
	n      int       // octets, the root's included
	labels int
	off    [maxLabels + 1]uint8  // start of each label; off[labels] is the root
	hash   [maxLabels + 1]uint64 // of the suffix from each label on
}

// read takes the uncompressed name at msg[at:] and returns where it ends; 0 when there is none.
func (q *name) read(msg []byte, at int) int {
	i, labels := at, 0
	for {
		// A name that is short enough has at most 127 labels.
		if uint(i) >= uint(len(msg)) || i-at > 254 {
			return 0
		}
		l := uint(msg[i])
		q.off[labels&maxLabels] = uint8(i - at)
		if l-1 >= 63 {
			if l == 0 {
				break
			}
			return 0
		}
		labels++
		i += int(l) + 1
	}
	i++
	q.n, q.labels = i-at, labels
	src := msg[at:]
	if len(src) < q.n+8 { // whole words cannot be read there
		copy(q.wire[:], src[:q.n])
		src = q.wire[:]
	}
	for k := 0; k < q.n; k += 8 {
		// A length is below the letters, so that the whole may be folded at once.
		binary.LittleEndian.PutUint64(q.wire[k:k+8:k+8], lower8(binary.LittleEndian.Uint64(src[k:])))
	}
	q.sum(src)
	return i
}

// is tells whether the octets begin with the name, in any case.
func (q *name) is(b []byte) bool {
	if len(b) < q.n {
		return false
	}
	i := 0
	for ; i+8 <= q.n; i += 8 {
		if lower8(binary.LittleEndian.Uint64(b[i:])) != binary.LittleEndian.Uint64(q.wire[i:]) {
			return false
		}
	}
	for ; i < q.n; i++ {
		if c := b[i]; c != q.wire[i] && (c-'A' >= 26 || c+'a'-'A' != q.wire[i]) {
			return false
		}
	}
	return true
}

// readStored takes a name that a zone holds.
func (q *name) readStored(wire []byte) bool { return q.read(wire, 0) != 0 }

// sum hashes the suffixes, from the root to the whole. src has the name in any case, and eight octets
// more: words that were just written would have to be waited for.
func (q *name) sum(src []byte) {
	h := seedRoot
	labels := q.labels & 127
	q.hash[labels] = h
	for i := labels - 1; i >= 0; i-- {
		at := int(q.off[i&127])
		n := int(src[at])
		at++
		for n > 8 {
			h = mix(h^lower8(binary.LittleEndian.Uint64(src[at:])), seedLong)
			at, n = at+8, n-8
		}
		tail := lower8(binary.LittleEndian.Uint64(src[at:])) & (^uint64(0) >> ((64 - 8*uint(n)) & 63))
		h = mix(h^tail, seedTail+uint64(n))
		q.hash[i&127] = h
	}
}

// star is the hash of the wildcard below the suffix from label i on.
func (q *name) star(i int) uint64 { return mix(q.hash[i]^'*', seedTail+1) }

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// lower8 folds the upper-case letters among eight octets.
func lower8(x uint64) uint64 {
	const ones = 0x0101010101010101
	low := x & (0x7F * ones)
	upper := (low + (0x80-'A')*ones) ^ (low + (0x7F-'Z')*ones)
	return x | (upper & ^x & (0x80 * ones) >> 2)
}

// suffix is the name from label i on.
func (q *name) suffix(i int) []byte { return q.wire[q.off[i]:q.n] }

// appendKey appends the sortable form of the first end octets of a name: labels from the right,
// each ended by a zero octet (see zone.Name.Key).
func appendKey(b, wire []byte, end int) []byte {
	var starts [maxLabels + 1]uint8
	n := 0
	for i := 0; i < end && wire[i] != 0; i += int(wire[i]) + 1 {
		starts[n] = uint8(i)
		n++
	}
	for n--; n >= 0; n-- {
		at := int(starts[n])
		for _, c := range wire[at+1 : at+1+int(wire[at])] {
			if c <= 1 {
				b = append(b, 1, c+2)
				continue
			}
			b = append(b, c)
		}
		b = append(b, 0)
	}
	return b
}
