package nameserver

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"
	"strings"

	"github.com/zonecast/zonecast/zone"
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

// A chainEdit says where the NSEC3 record with a hash is now; 0: there is none.
type chainEdit struct {
	hash [hashLen]byte
	ref  uint32
}

// ofChain tells whether a set is of NSEC3 records, or of their signatures alone.
func ofChain(set zone.RRset) bool {
	return set.Type == zone.TypeNSEC3 || set.Type == zone.TypeRRSIG &&
		!slices.ContainsFunc(set.Data, func(d zone.Data) bool { return covered(d) != zone.TypeNSEC3 })
}

// chained takes NSEC3 records out of the group and writes the one that counts. False means that it is
// not where it should be.
func (p *patcher) chained(owner zone.Name) bool {
	var record *zone.RRset
	group := p.group[:0]
	for _, set := range p.group {
		if set.Type != zone.TypeNSEC3 {
			group = append(group, set)
		} else if d, ok := p.c.nsec3.ours(set); ok {
			set.Data = []zone.Data{d}
			record = &set
		}
	}
	p.group = group
	e := chainEdit{}
	label := ""
	if owner.Labels() == p.c.labels+1 {
		label = owner.Label(0)
	}
	if len(label) != base32hex.EncodedLen(hashLen) {
		return record == nil
	}
	if _, err := base32hex.Decode(e.hash[:], []byte(label)); err != nil {
		return record == nil
	}
	if record != nil {
		p.group = []zone.RRset{*record}
		if !p.reserve(p.measure(owner)) {
			return false
		}
		e.ref = uint32(p.size / 4)
		p.content(owner, 0)
		p.group = group
	}
	p.chain = append(p.chain, e)
	return true
}

// matches makes the index of NSEC3 records, and has the nodes that they match know of them. False
// means that it is not known what a record matches.
func (p *patcher) matches() bool {
	c, x := p.c, &p.old.nsec3
	y := nsec3Index{iterations: x.iterations, salt: x.salt, hash: x.hash, ref: x.ref, owner: x.owner, from: x.from, shift: x.shift}
	come := 0 // records for names that had none
	if len(p.chain) > 0 {
		slices.SortFunc(p.chain, func(a, b chainEdit) int { return bytes.Compare(a.hash[:], b.hash[:]) })
		come = y.edit(p.chain)
	}
	for _, e := range p.chain {
		i, found := x.find(&e.hash)
		if !found {
			continue
		}
		was := c.at(x.ref[i])
		p.dead += c.length(was)
		p.sets -= c.filledSets(was)
		if x.owner[i] == 0 {
			continue
		}
		var wire [264]byte
		p.name.readStored(c.appendName(wire[:0], c.at(x.owner[i])))
		n := c.find(&p.name, 0)
		if n.ref != 0 && uint64(n.ref)*4 < uint64(len(p.old.arena)) {
			var ok bool
			if n, ok = p.move(n, n.flags()); !ok {
				return false
			}
		}
		if n.ref != 0 {
			binary.LittleEndian.PutUint32(n.b[4:], e.ref)
		}
	}
	for _, ref := range p.fresh {
		var wire [264]byte
		var buf [600]byte
		n := c.at(ref)
		h := y.sum(buf[:0], c.appendName(wire[:0], n))
		i, found := y.find(&h)
		if !found {
			continue
		}
		binary.LittleEndian.PutUint32(n.b[4:], y.ref[i])
		if y.owner[i] == 0 {
			y.owner[i] = ref
			if _, had := x.find(&h); !had {
				come--
			}
		}
	}
	c.nsec3 = y
	return come == 0
}

// find finds the record with a hash.
func (x *nsec3Index) find(h *[hashLen]byte) (i int, found bool) {
	i = x.search(h[:])
	return i, i < len(x.ref) && bytes.Equal(x.at(i), h[:])
}

// edit carries out edits, which are in order, and tells how many records are new.
func (x *nsec3Index) edit(edits []chainEdit) (come int) {
	var gone int
	for _, e := range edits {
		switch _, found := x.find(&e.hash); {
		case found && e.ref == 0:
			gone++
		case !found && e.ref != 0:
			come++
		}
	}
	old := *x
	x.owner = slices.Clone(old.owner)
	if come+gone == 0 {
		x.ref = slices.Clone(old.ref)
		for _, e := range edits {
			if i, found := old.find(&e.hash); found {
				x.ref[i] = e.ref
			}
		}
		return 0
	}
	n := len(old.ref) + come - gone
	x.make(n)
	x.owner = make([]uint32, 0, n)
	advise(x.hash[:cap(x.hash)])
	from := 0
	upTo := func(i int) {
		x.hash, x.ref, x.owner = append(x.hash, old.hash[from*hashLen:i*hashLen]...), append(x.ref, old.ref[from:i]...), append(x.owner, old.owner[from:i]...)
		from = i
	}
	for _, e := range edits {
		i, found := old.find(&e.hash)
		upTo(i)
		owner := uint32(0)
		if found {
			owner = old.owner[i]
			from++
		}
		if e.ref != 0 {
			x.hash, x.ref, x.owner = append(x.hash, e.hash[:]...), append(x.ref, e.ref), append(x.owner, owner)
		}
	}
	upTo(len(old.ref))
	x.finish(nil)
	collapse(x.hash)
	return come
}
