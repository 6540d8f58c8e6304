package zone

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"
	"sync"
)

// A Zone is an immutable, sorted snapshot of RRsets with its origin. The methods of a nil *Zone
// are not defined; Empty gives a zone without records.
type Zone struct {
	origin Name
	chunks []*chunk
	sets   int // number of RRsets

	hashed sync.Once
	hash   Hash
}

// A Hash identifies the content of a zone: origin and all RRsets, Extra included.
type Hash [sha256.Size]byte

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Empty returns a zone without records.
func Empty(origin Name) *Zone { return newZone(origin, nil) }

func newZone(origin Name, chunks []*chunk) *Zone {
	z := &Zone{origin: origin, chunks: chunks}
	for _, c := range chunks {
		z.sets += c.n
	}
	return z
}

// computeHash hashes the origin and the hashes of all chunks, so that a changed record costs
// the hashing of one chunk and of the list. Borders of chunks depend on content alone, hence
// equal zones have equal hashes whatever their history.
func (z *Zone) computeHash() Hash {
	h := sha256.New()
	h.Write([]byte(z.origin.key))
	h.Write([]byte{0xFF})
	for _, c := range z.chunks {
		sum := c.sum()
		h.Write(sum[:])
	}
	return Hash(h.Sum(nil))
}

// Of builds a zone from RRsets in any order.
func Of(origin Name, sets ...RRset) (*Zone, error) {
	b := NewBuilder(origin)
	for _, s := range sets {
		b.Add(s)
	}
	return b.Zone()
}

// Origin is the name of the apex.
func (z *Zone) Origin() Name { return z.origin }

// Len counts the RRsets.
func (z *Zone) Len() int { return z.sets }

// Hash identifies the content. It is computed once, when first asked for.
func (z *Zone) Hash() Hash {
	z.hashed.Do(func() { z.hash = z.computeHash() })
	return z.hash
}

// Equal reports whether both zones have the same origin and the same RRsets.
func (z *Zone) Equal(y *Zone) bool {
	return z.origin == y.origin && slices.EqualFunc(z.chunks, y.chunks, sameChunk)
}

// All yields every RRset in canonical order of owners, then by type number.
func (z *Zone) All() iter.Seq[RRset] {
	return func(yield func(RRset) bool) {
		for _, c := range z.chunks {
			for rest := c.data; rest != ""; {
				var e entry
				e, rest = cutEntry(rest)
				if !yield(e.view()) {
					return
				}
			}
		}
	}
}

// Scan is All for those who go through millions of RRsets and keep none: Data holds only until the
// next step, as its slice (not what is in it) is used again.
func (z *Zone) Scan() iter.Seq[RRset] {
	return func(yield func(RRset) bool) {
		var room []Data
		for _, c := range z.chunks {
			for rest := c.data; rest != ""; {
				var e entry
				e, rest = cutEntry(rest)
				r := e.viewIn(room[:0])
				if r.Data != nil {
					room = r.Data
				}
				if !yield(r) {
					return
				}
			}
		}
	}
}

// At yields the RRsets of one owner name.
func (z *Zone) At(owner Name) iter.Seq[RRset] {
	return func(yield func(RRset) bool) {
		z.from(owner.key, func(e entry) bool { return e.owner == owner.key && yield(e.view()) })
	}
}

// Under yields the RRsets at owner and below it.
func (z *Zone) Under(owner Name) iter.Seq[RRset] {
	return func(yield func(RRset) bool) {
		z.from(owner.key, func(e entry) bool { return strings.HasPrefix(e.owner, owner.key) && yield(e.view()) })
	}
}

// Set returns the RRset of one owner and type.
func (z *Zone) Set(owner Name, t Type) (set RRset, ok bool) {
	z.from(owner.key, func(e entry) bool {
		if e.owner == owner.key && e.typ == t {
			set, ok = e.view(), true
		}
		return !ok && e.owner == owner.key && e.typ < t
	})
	return set, ok
}

// Has reports whether any RRset has the owner name.
func (z *Zone) Has(owner Name) bool {
	found := false
	z.from(owner.key, func(e entry) bool { found = e.owner == owner.key; return false })
	return found
}

// from calls f for entries from the first owner that is not before key, until f says no.
func (z *Zone) from(key string, f func(entry) bool) {
	i := sort.Search(len(z.chunks), func(i int) bool { return z.chunks[i].first > key })
	if i > 0 {
		i--
		for i > 0 && z.chunks[i].first == key { // an owner's sets may begin in the chunk before
			i--
		}
	}
	for ; i < len(z.chunks); i++ {
		for rest := z.chunks[i].data; rest != ""; {
			var e entry
			e, rest = cutEntry(rest)
			if e.owner >= key && !f(e) {
				return
			}
		}
	}
}

// With returns a zone with the changes applied; z stays. A change's Before is compared with
// what the zone holds: a mismatch is an error and nothing is applied. Chunks that no change
// touches are shared with z.
func (z *Zone) With(changes []Change) (*Zone, error) {
	ordered := slices.Clone(changes)
	slices.SortStableFunc(ordered, func(a, b Change) int { return a.Key().Compare(b.Key()) })
	for i, c := range ordered {
		if c.Before == nil && c.After == nil {
			return nil, fmt.Errorf("zone %s: a change without before and after", z.origin)
		}
		if c.Updates() && c.Before.Key() != c.After.Key() {
			return nil, fmt.Errorf("zone %s: change of %s into %s", z.origin, c.Before.Key(), c.After.Key())
		}
		if i > 0 && ordered[i-1].Key() == c.Key() {
			return nil, fmt.Errorf("zone %s: two changes of %s", z.origin, c.Key())
		}
		have, ok := z.Set(c.Key().Owner, c.Key().Type)
		if (c.Before != nil) != ok || ok && !c.Before.Clean().Equal(have) {
			return nil, fmt.Errorf("zone %s: %s is not what the change was computed from", z.origin, c.Key())
		}
	}
	return z.merge(ordered)
}

// merge applies changes that are sorted and fit. What it costs beside the chunks that they touch is
// the copy of a list.
func (z *Zone) merge(changes []Change) (*Zone, error) {
	p := newPacker(z.origin)
	p.chunks = make([]*chunk, 0, len(z.chunks)+len(changes)+1)
	sets := z.sets
	for i := 0; i < len(z.chunks); i++ {
		if p.aligned() {
			from := i
			i = z.touched(i, changes)
			p.chunks = append(p.chunks, z.chunks[from:i]...)
			if i == len(z.chunks) {
				break
			}
		}
		c := z.chunks[i]
		sets -= c.n
		for rest := c.data; rest != ""; {
			var e entry
			e, rest = cutEntry(rest)
			k := Key{Name{e.owner}, e.typ}
			for len(changes) > 0 && changes[0].Key().Compare(k) < 0 {
				if err := p.change(changes[0]); err != nil {
					return nil, err
				}
				changes = changes[1:]
			}
			if len(changes) > 0 && changes[0].Key() == k {
				if err := p.change(changes[0]); err != nil {
					return nil, err
				}
				changes = changes[1:]
				continue
			}
			p.raw(e)
		}
	}
	for _, c := range changes {
		if err := p.change(c); err != nil {
			return nil, err
		}
	}
	chunks := p.finish()
	return &Zone{origin: z.origin, chunks: chunks, sets: sets + p.packed}, nil
}

// touched is the first chunk from i on that changes are in; the number of chunks when there is none.
func (z *Zone) touched(i int, changes []Change) int {
	if len(changes) == 0 {
		return len(z.chunks)
	}
	key := changes[0].Key().Owner.key
	return i + sort.Search(len(z.chunks)-1-i, func(k int) bool { return key <= z.chunks[i+k+1].first })
}
