package nameserver

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
	"weak"

	"github.com/zonecast/zonecast/zone"
)

// Recompile is Compile for who has made another version of the zone ready before: where little has
// changed, and as long as the zone that before was made of is still held by somebody, it costs a small
// part of that. before may be nil, and stays as it is; the options must be those that it was made with.
// When there is no difference, before itself is returned.
//
// What changed is appended to memory that both versions share, so that the memory of former versions
// is free again only when nobody uses any of them, or when so much of it is out of use that all is
// made anew.
func Recompile(before *Compiled, z *zone.Zone, o CompileOptions) (*Compiled, error) {
	if before != nil && before.past != nil {
		if c := before.patched(z, o); c != nil {
			return c, nil
		}
	}
	return Compile(z, o)
}

// Patchable tells whether the zone is one for which Recompile can do with less than Compile: it has
// many names.
func (z *Compiled) Patchable() bool { return z.past != nil }

// patched returns the version for z; nil when that has to be compiled.
func (z *Compiled) patched(to *zone.Zone, o CompileOptions) *Compiled {
	from := z.past.source.Value()
	switch {
	case from == nil || from.Origin() != to.Origin() || z.past.policy != (o.Policy != nil) || (len(z.ready) == 0) != o.NoReady:
		return nil
	case from == to:
		return z
	case z.nsec3.odd:
		return nil
	case !o.always && z.past.dead > max((len(z.arena)+len(z.ready))/deadShare, deadLeast):
		return nil
	}
	c, err := start(to)
	if err != nil || c.signed != z.signed || c.denial != z.denial || c.nsec3.iterations != z.nsec3.iterations || string(c.nsec3.salt) != string(z.nsec3.salt) {
		return nil
	}
	p := patcher{from: from, to: to, old: z, most: z.names / manyShare, at: map[zone.Name]int{}}
	if o.always {
		p.most = 1 << 30
	}
	if !p.plan() {
		return nil
	}
	if len(p.list) == 0 {
		return z
	}
	l := z.past.line
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.newest != z.past.number {
		return nil // another version goes on from here
	}
	l.newest++ // whatever comes of it: some of the memory behind z is not free any more
	p.compiler = compilers.Get().(*compiler)
	defer p.leave()
	if !p.carryOut(c, l, o) {
		return nil
	}
	c.past = &past{source: weak.Make(to), policy: z.past.policy, line: l, number: l.newest, used: p.used, dead: z.past.dead + p.dead}
	return c
}

// A patcher makes one version of a zone out of another.
type patcher struct {
	*compiler
	from, to *zone.Zone
	old      *Compiled
	most     int // names and answers that may be touched

	list []touch // in canonical order, once it is planned
	at   map[zone.Name]int
	cuts []zone.Name // where delegations and DNAMEs have come or gone

	name  name // that is looked at
	made  map[uint32]bool
	other []uint64 // hashes of names whose addresses are others now
	links *links
	// proofs are where nodes are that have, or had, NSEC records.
	proofs []proofEdit
	// chain are NSEC3 records that have come, gone or changed, and fresh the nodes of names that were
	// written anew.
	chain []chainEdit
	fresh []uint32
	used  int // places of the table
	dead  int
	grown bool
}

// A touch is a name at which something is, or may be, different.
type touch struct {
	owner   zone.Name
	sets    bool // there are other RRsets, or is-below has changed
	address bool // among these is one that stands beside answers of others
	leads   bool // among these is one beside whose answer others stand
	star    bool // so is the wildcard right below
}

// touch returns the touch of a name.
func (p *patcher) touch(owner zone.Name) (t *touch, known bool) {
	i, known := p.at[owner]
	if !known {
		i = len(p.list)
		p.at[owner] = i
		p.list = append(p.list, touch{owner: owner})
	}
	return &p.list[i], known
}

// plan finds out which names are touched: those with other RRsets, what is below a cut that comes or
// goes, and all above these. It returns false when there are too many.
func (p *patcher) plan() bool {
	origin := p.to.Origin()
	for c := range zone.Diff(p.from, p.to) {
		k := c.Key()
		if !k.Type.OnWire() {
			continue
		}
		t, _ := p.touch(k.Owner)
		t.sets = true
		t.address = t.address || beside(k.Type)
		t.leads = t.leads || shapeOf(uint16(k.Type)).additional
		if (k.Type == zone.TypeNS && k.Owner != origin || k.Type == zone.TypeDNAME) && filled(c.Before) != filled(c.After) {
			p.cuts = append(p.cuts, k.Owner)
		}
		if len(p.list) > p.most {
			return false
		}
	}
	for _, cut := range p.cuts {
		for _, z := range []*zone.Zone{p.from, p.to} {
			for set := range z.Under(cut) {
				t, _ := p.touch(set.Owner)
				t.sets, t.leads = true, true
				if len(p.list) > p.most {
					return false
				}
			}
		}
	}
	for i := range p.list {
		for below, known := p.list[i].owner, false; below != origin && !known; {
			above := below.Parent()
			var t *touch
			t, known = p.touch(above)
			t.star = t.star || below.IsWildcard()
			below = above
		}
	}
	slices.SortFunc(p.list, func(a, b touch) int { return a.owner.Compare(b.owner) })
	return true
}

func filled(set *zone.RRset) bool { return set != nil && len(set.Data) > 0 }

// carryOut makes the zone; false when it cannot.
func (p *patcher) carryOut(c *Compiled, l *line, o CompileOptions) bool {
	z := p.old
	p.begin(c, true)
	p.policy, p.links, p.made = o.Policy, &l.links, map[uint32]bool{}
	p.size, p.names, p.sets, p.used = uint64(len(z.arena)), z.names, z.sets, z.past.used
	c.head, c.table, c.arena, c.ready, c.apexRef, c.noName = z.head, z.table, z.arena[:cap(z.arena)], z.ready, z.apexRef, z.noName
	for i := range p.list {
		if !p.owner(&p.list[i]) {
			return false
		}
	}
	c.apexRef = c.lookup(c.hash, nil).ref
	if !o.NoReady && !p.answers(l) {
		return false
	}
	switch c.denial {
	case denialNSEC:
		c.nsec = z.nsec.edited(c, p.proofs)
	case denialNSEC3:
		if !p.matches() {
			return false
		}
	}
	c.arena = c.arena[:p.size]
	c.names, c.sets = p.names, p.sets
	if p.grown {
		collapse(c.table)
		collapse(c.arena)
	}
	return true
}

// owner does what is to be done at a name. Those above it are done.
func (p *patcher) owner(t *touch) bool {
	c, apex := p.c, t.owner == p.to.Origin()
	p.wire = t.owner.AppendWire(p.wire[:0])
	p.name.readStored(p.wire)
	old := c.find(&p.name, 0)
	if t.sets && !p.gather(t.owner) {
		return false
	}
	var above, was uint8
	if !apex {
		n := c.find(&p.name, 1)
		if n.ref == 0 {
			// Above everything that exists there is a name that does. So this one does not.
			return p.vanish(old)
		}
		above = n.flags()
	}
	if old.ref != 0 {
		was = old.flags()
	}
	if !apex && !p.holdsAny(t, old) && !p.exists(t.owner) {
		return p.vanish(old)
	}
	star := was & hasStar
	if t.star {
		star = 0
		if child, err := t.owner.Child("*"); err == nil && p.exists(child) {
			star = hasStar
		}
	}
	if t.sets || old.ref == 0 {
		flags := p.kind(t.owner, above, apex) | star
		if old.ref == 0 || (was^flags)&leavesOut != 0 || t.address {
			p.other = append(p.other, p.name.hash[0])
		}
		return p.put(t, old, flags)
	}
	if (above&(isCut|isBelow|hasDNAME) != 0) != (was&isBelow != 0) {
		return false // a cut that plan has not seen
	}
	if star != was&hasStar {
		_, ok := p.move(old, was&^hasStar|star)
		return ok
	}
	return true
}

// gather has the RRsets of a name in the group; false when one is malformed.
func (p *patcher) gather(owner zone.Name) bool {
	p.group, p.sigs = p.group[:0], nil
	for set := range p.to.At(owner) {
		if !set.Type.OnWire() {
			continue
		}
		if checkNames(set) != nil {
			return false
		}
		p.group = append(p.group, set)
	}
	p.splitSigs()
	return p.c.denial != denialNSEC3 || p.chained(owner)
}

// holdsAny tells whether there are RRsets at a name.
func (p *patcher) holdsAny(t *touch, old node) bool {
	if t.sets {
		return len(p.group) > 0
	}
	p.group, p.sigs = p.group[:0], nil
	return old.ref != 0 && old.sets() > 0
}

// exists tells whether a name has records, or is above one that has. Owners of NSEC3 records do not
// exist by these.
func (p *patcher) exists(owner zone.Name) bool {
	for set := range p.to.Under(owner) {
		if set.Type.OnWire() && (p.c.denial != denialNSEC3 || !ofChain(set)) {
			return true
		}
	}
	return false
}

// put writes a node with the sets of the group, in place of an old one if there is one.
func (p *patcher) put(t *touch, old node, flags uint8) bool {
	if !p.append(p.measure(t.owner)) {
		return false
	}
	if old.ref == 0 {
		p.names++
	} else {
		old = p.c.at(old.ref)
		p.leaveBehind(old)
		p.sets -= p.c.filledSets(old)
	}
	ref := uint32(p.size / 4)
	p.content(t.owner, flags)
	if !p.place(ref) {
		return false
	}
	if flags&isBelow == 0 {
		p.made[ref] = true
	}
	p.fresh = append(p.fresh, ref)
	if t.leads {
		var q name
		p.links.add(p.c, &q, p.c.at(ref))
	}
	return true
}

// measure is how much a node with the sets of the group takes.
func (p *patcher) measure(owner zone.Name) uint64 {
	from, sets := p.size, p.sets
	p.write = false
	p.content(owner, 0)
	size := p.size - from
	p.write, p.size, p.sets = true, from, sets
	return size
}

// move writes a node again, with other flags.
func (p *patcher) move(old node, flags uint8) (moved node, ok bool) {
	size := uint64(p.c.length(old)+3) &^ 3
	if !p.append(size) {
		return node{}, false
	}
	at := p.size
	copy(p.c.arena[at:at+size], p.c.at(old.ref).b)
	p.c.arena[at] = flags
	p.size += size
	p.dead += int(size)
	ref := uint32(at / 4)
	return p.c.at(ref), p.place(ref)
}

// append makes room for a node of the name that is looked at, at the end of the arena.
func (p *patcher) append(n uint64) bool {
	const word = 4
	before := uint32(p.c.table[p.c.slot(p.name.hash[0], p.relative())])
	if !p.reserve(word + n) {
		return false
	}
	binary.LittleEndian.PutUint32(p.c.arena[p.size:], before)
	p.size += word
	p.dead += word
	return true
}

// reserve makes room in the arena.
func (p *patcher) reserve(n uint64) bool {
	c, need := p.c, p.size+n
	if need <= uint64(len(c.arena)) {
		return true
	}
	if need/4 >= 1<<32 {
		return false
	}
	b := large(int(need + p.size/spareShare))
	copy(b, c.arena[:p.size])
	// Former versions cannot see what is in there: they keep their table, too.
	t := make([]uint64, len(c.table))
	advise(t)
	copy(t, c.table)
	c.arena, c.table, p.grown = b, t, true
	return true
}

// leaveBehind counts what nobody needs any more but former versions.
func (p *patcher) leaveBehind(n node) {
	p.dead += p.c.length(n)
	for i := range n.sets() {
		if set := p.c.nth(n, i); set.flags&steered == 0 {
			p.dead += p.c.blobLen(set.extra)
		}
	}
}

// blobLen is how many octets a ready answer takes.
func (z *Compiled) blobLen(ref uint32) int {
	if ref == 0 {
		return 0
	}
	b := z.ready[ref:]
	return blobHead + 2*int(b[5]) + int(binary.LittleEndian.Uint16(b))
}

// filledSets counts the sets of a node that are more than signatures.
func (z *Compiled) filledSets(n node) (count int) {
	for i := range n.sets() {
		if z.nth(n, i).n > 0 {
			count++
		}
	}
	return count
}

// place has the name that is looked at lead to a node at the end of the arena, which is written. False
// means that the table is too full.
func (p *patcher) place(ref uint32) bool {
	c, hash := p.c, p.name.hash[0]
	at := uint64(ref) * 4
	lines := min((p.size-1)/cacheLine-at/cacheLine, maxLines-1)
	k := c.slot(hash, p.relative())
	if c.table[k] == 0 {
		if p.used++; 8*p.used > 5*len(c.table) {
			return false
		}
	}
	// Former versions are asked while this is done. They see that the node is none of theirs.
	atomic.StoreUint64(&c.table[k], hash>>tagShift<<tagShift|lines<<32|uint64(ref))
	if c.denial == denialNSEC {
		p.proofs = append(p.proofs, proofEdit{string(appendKey(nil, p.name.wire[:], p.name.n-len(c.apex))), ref})
	}
	return true
}

// relative is the name that is looked at without the origin.
func (p *patcher) relative() []byte { return p.name.wire[:p.name.n-len(p.c.apex)] }

// gone is what a node that stands for nothing has as the length of its name, which no name has.
const gone = 255

// vanish takes a name out that exists no more.
func (p *patcher) vanish(old node) bool {
	if old.ref == 0 {
		return true
	}
	p.leaveBehind(old)
	p.names--
	p.sets -= p.c.filledSets(old)
	p.other = append(p.other, p.name.hash[0])
	if !p.append(nodeHead) {
		return false
	}
	ref := uint32(p.size / 4)
	copy(p.c.arena[p.size:], []byte{0, gone, 0, 0})
	p.size += nodeHead
	p.dead += nodeHead
	return p.place(ref)
}

// slot is the place in the table of a name, or the one that it can have.
func (z *Compiled) slot(hash uint64, rel []byte) uint64 {
	mask := uint64(len(z.table) - 1)
	for k := hash; ; k++ {
		e := z.table[k&mask]
		if e == 0 {
			return k & mask
		}
		if (e^hash)>>tagShift != 0 {
			continue
		}
		n := z.at(uint32(e))
		if n.b[1] == gone {
			n = z.at(binary.LittleEndian.Uint32(z.arena[uint64(n.ref)*4-4:]))
		}
		if string(z.relative(n)) == string(rel) {
			return k & mask
		}
	}
}
