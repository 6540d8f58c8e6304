package nameserver

import (
	"bytes"
	"slices"
	"sort"
	"strings"
)

// A proofEdit says where the node of a name is now, if there is one.
type proofEdit struct {
	key string // of the name, as that of the nodes in the index
	ref uint32
}

// edited is the index of a version, out of that of the one before.
func (x *nsecIndex) edited(c *Compiled, edits []proofEdit) nsecIndex {
	slices.SortFunc(edits, func(a, b proofEdit) int { return strings.Compare(a.key, b.key) })
	type splice struct {
		at      int // in the old index
		replace bool
		prefix  uint64
		ref     uint32 // 0: what is there goes
	}
	var list []splice
	grows := 0
	for _, e := range edits {
		at, found := x.search(c, e.key)
		n := c.at(e.ref)
		proves := false
		if n.b[1] != gone && n.flags()&isBelow == 0 {
			_, proves = c.set(n, typeNSEC)
		}
		switch {
		case proves:
			list = append(list, splice{at, found, prefixOf([]byte(e.key)), e.ref})
		case found:
			list = append(list, splice{at: at, replace: true})
		}
		if proves != found {
			grows++
		}
	}
	var y nsecIndex
	if grows == 0 {
		y = nsecIndex{x.prefix, slices.Clone(x.ref)}
		for _, s := range list {
			y.ref[s.at] = s.ref
		}
		return y
	}
	y.make(len(x.ref) + grows)
	advise(y.prefix[:cap(y.prefix)])
	from := 0
	for _, s := range list {
		y.prefix, y.ref = append(y.prefix, x.prefix[from:s.at]...), append(y.ref, x.ref[from:s.at]...)
		if from = s.at; s.replace {
			from++
		}
		if s.ref != 0 {
			y.prefix, y.ref = append(y.prefix, s.prefix), append(y.ref, s.ref)
		}
	}
	y.prefix, y.ref = append(y.prefix, x.prefix[from:]...), append(y.ref, x.ref[from:]...)
	collapse(y.prefix)
	return y
}

// search finds a name, or where it would be. The nodes of the index are in the arena of z, too.
func (x *nsecIndex) search(z *Compiled, key string) (at int, found bool) {
	p := prefixOf([]byte(key))
	order := func(i int) int {
		if x.prefix[i] != p {
			if x.prefix[i] < p {
				return -1
			}
			return 1
		}
		rel := z.relative(z.at(x.ref[i]))
		var buf [2 * 264]byte
		return bytes.Compare(appendKey(buf[:0], rel, len(rel)), []byte(key))
	}
	at = sort.Search(len(x.prefix), func(i int) bool { return order(i) >= 0 })
	return at, at < len(x.prefix) && order(at) == 0
}
