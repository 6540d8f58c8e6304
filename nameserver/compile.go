package nameserver

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/zonecast/zonecast/zone"
)

// CompileOptions say how a zone is made ready. The zero value is right for most.
type CompileOptions struct {
	// NoReady leaves out the answers that only have to be copied: less memory, slower.
	NoReady bool
	// Policy gives the number of the policy that picks records of a set for each client (Engine.Steer),
	// and whether there is one. nil means that there are none. In signed zones there are none either:
	// signatures are for whole sets.
	Policy func(zone.RRset) (number uint32, ok bool)

	always bool // for tests: Recompile is to patch zones of any size, whatever that costs
}

// Compile makes a zone ready for answering. What DNS itself does not know (pseudo-types, Extra) is
// left out: it belongs to whoever shapes the zone before. An error means that the zone cannot be
// served at all: it has no SOA or is too large for one arena.
func Compile(z *zone.Zone, o CompileOptions) (*Compiled, error) {
	c, err := start(z)
	if err != nil {
		return nil, err
	}
	// The first pass measures, so that the arena is made once and of the right size.
	p := compilers.Get().(*compiler)
	defer p.leave()
	p.begin(c, false)
	if err := p.all(z); err != nil {
		return nil, err
	}
	if p.size/4 >= 1<<32 {
		return nil, fmt.Errorf("zone %s: %d octets are more than can be served from one zone", z.Origin(), p.size)
	}
	spare := 0
	if o.worthPatching(p.names) {
		spare = int(p.size) / spareShare
	}
	c.arena = large(int(p.size) + spare)[:p.size]
	slots := 4
	for slots < 2*p.names {
		slots *= 2
	}
	c.table = make([]uint64, slots)
	advise(c.table)
	switch c.denial {
	case denialNSEC:
		c.nsec.make(p.denials)
	case denialNSEC3:
		c.nsec3.make(p.denials)
	}
	p.begin(c, true)
	p.policy = o.Policy
	if err := p.all(z); err != nil {
		return nil, err
	}
	c.names, c.sets = p.names, p.sets
	c.apexRef = c.lookup(c.hash, nil).ref
	if c.denial == denialNSEC3 {
		c.nsec3.finish(c)
		c.matchNSEC3(o.worthPatching(p.names))
	}
	if !o.NoReady {
		c.prepare(p.uneven)
	}
	if o.worthPatching(p.names) {
		c.past = newPast(z, c, o, p.uneven)
	}
	collapse(c.arena)
	collapse(c.table)
	collapse(c.ready)
	collapse(c.nsec.prefix)
	collapse(c.nsec3.hash)
	return c, nil
}

// start makes what of a compiled zone its apex tells.
func start(z *zone.Zone) (*Compiled, error) {
	soa, ok := z.Set(z.Origin(), zone.TypeSOA)
	if !ok || len(soa.Data) != 1 || len(soa.Data[0]) < 22 {
		return nil, fmt.Errorf("zone %s: there is no single SOA record at its apex; nothing is served from it", z.Origin())
	}
	c := &Compiled{apex: z.Origin().AppendWire(nil), labels: z.Origin().Labels()}
	origin, _, err := zone.NameFromWire(c.apex) // a copy: the original may hold on to the text of a whole file
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", z.Origin(), err)
	}
	c.origin = origin
	var q name
	q.readStored(c.apex)
	c.hash = q.hash[0]
	c.negTTL = min(soa.TTL, binary.BigEndian.Uint32([]byte(soa.Data[0][len(soa.Data[0])-4:])))
	for i, rest := 0, []byte(soa.Data[0]); i < 2; i++ {
		q.readStored(rest)
		if k := q.labels - c.labels - 1; k >= 0 && string(q.suffix(k+1)) == string(c.apex) {
			c.soaNames[i] = q.hash[k]
		}
		rest = rest[q.n:]
	}
	c.describe(z)
	return c, nil
}

// describe finds out whether the zone is signed, and how it denies.
func (z *Compiled) describe(src *zone.Zone) {
	z.head = nodeHead
	for set := range src.At(src.Origin()) {
		switch set.Type {
		case zone.TypeRRSIG, zone.TypeDNSKEY:
			z.signed = true
		case zone.TypeNSEC:
			if z.denial == denialNone {
				z.denial = denialNSEC
			}
		case zone.TypeNSEC3PARAM:
			for _, d := range set.Data {
				// Flags other than 0 mark a chain that is not complete (RFC 5155, section 4.1.2).
				if len(d) >= 5 && d[0] == 1 && d[1] == 0 && len(d) == 5+int(d[4]) {
					z.nsec3.iterations = int(d[2])<<8 | int(d[3])
					z.nsec3.salt = []byte(d[5:])
					z.denial, z.head = denialNSEC3, nodeHead3
				}
			}
		}
	}
}

// A compiler goes through a zone twice: once to measure and once to write.
type compiler struct {
	c      *Compiled
	policy func(zone.RRset) (uint32, bool)
	write  bool

	size    uint64 // octets so far
	names   int
	sets    int
	denials int      // NSEC records
	uneven  []uint32 // nodes whose answers are worth being made ready

	path  []ancestor // from the apex to the last owner
	group []zone.RRset
	data  []zone.Data // of the group's sets
	sigs  []zone.Data // of the group
	wire  []byte
	q     name

	places []place // that nodes get in the table
}

// compilers are kept for the next zone: there may be many small ones.
var compilers = sync.Pool{New: func() any { return &compiler{places: make([]place, 0, 256)} }}

// begin starts a pass.
func (p *compiler) begin(c *Compiled, write bool) {
	p.c, p.policy, p.write = c, nil, write
	p.size, p.names, p.sets, p.denials, p.uneven = 4, 0, 0, 0, p.uneven[:0]
	p.path, p.group, p.data, p.sigs, p.places = p.path[:0], p.group[:0], p.data[:0], nil, p.places[:0]
}

// leave gives the compiler to the next zone, without what it knows of this one.
func (p *compiler) leave() {
	const most = 4096
	if cap(p.uneven) > most || cap(p.group) > most || cap(p.data) > most {
		return
	}
	clear(p.path[:cap(p.path)])
	clear(p.group[:cap(p.group)])
	clear(p.data[:cap(p.data)])
	p.c, p.policy, p.sigs = nil, nil, nil
	compilers.Put(p)
}

// A place is where in the table a node belongs, and what stands there.
type place struct{ hash, entry uint64 }

// An ancestor is a node that owners to come may be below.
type ancestor struct {
	owner zone.Name
	flags uint8
	at    uint64 // in the arena
}

// all goes through the owners in canonical order, so that parents come before children.
func (p *compiler) all(z *zone.Zone) error {
	for set := range z.Scan() {
		if !set.Type.OnWire() {
			continue
		}
		if len(p.group) > 0 && p.group[0].Owner != set.Owner {
			if err := p.owner(); err != nil {
				return err
			}
		}
		from := len(p.data)
		p.data = append(p.data, set.Data...)
		set.Data = p.data[from:len(p.data):len(p.data)]
		p.group = append(p.group, set)
	}
	if len(p.group) > 0 {
		if err := p.owner(); err != nil {
			return err
		}
	}
	p.settle()
	return nil
}

// owner takes all RRsets of one name.
func (p *compiler) owner() error {
	defer func() { p.group, p.data = p.group[:0], p.data[:0] }()
	owner := p.group[0].Owner
	for _, set := range p.group {
		if err := checkNames(set); err != nil && !p.write {
			return fmt.Errorf("zone %s: %w; nothing is served from it", p.c.origin, err)
		}
	}
	p.splitSigs()
	if p.c.denial == denialNSEC3 {
		p.nsec3()
		if len(p.group) == 0 {
			return nil
		}
	}
	for len(p.path) > 0 && !owner.In(p.path[len(p.path)-1].owner) {
		p.path = p.path[:len(p.path)-1]
	}
	if len(p.path) == 0 {
		if owner != p.c.origin {
			return fmt.Errorf("zone %s: nothing at its apex", p.c.origin)
		}
		p.node(owner)
		return nil
	}
	return p.between(owner)
}

// checkNames tells whether the names in RDATA are whole, as answering relies on that.
func checkNames(set zone.RRset) error {
	shape := shapeOf(uint16(set.Type))
	if set.Type == zone.TypeRRSIG {
		shape = rdataShape{skip: 18, names: 1}
	}
	if shape.names == 0 {
		return nil
	}
	for _, d := range set.Data {
		rest, ok := behind(d, shape)
		for i := uint8(0); ok && i < shape.names; i++ {
			n := storedName(rest)
			ok = n > 0
			rest = rest[n:]
		}
		if !ok {
			return fmt.Errorf("the RDATA of %s is malformed", set.Key())
		}
	}
	return nil
}

// behind is what stands behind octets and strings of RDATA.
func behind(d zone.Data, shape rdataShape) (rest zone.Data, ok bool) {
	n := int(shape.skip)
	for range shape.strings {
		if n >= len(d) {
			return "", false
		}
		n += 1 + int(d[n])
	}
	if n >= len(d) {
		return "", false
	}
	return d[n:], true
}

// storedName is the length of the uncompressed name at the start of d, 0 when there is none.
func storedName(d zone.Data) int {
	for i := 0; i < len(d) && i < 255; i += int(d[i]) + 1 {
		switch {
		case d[i] == 0:
			return i + 1
		case d[i] > 63:
			return 0
		}
	}
	return 0
}

// between writes the empty non-terminals above an owner, then the owner.
func (p *compiler) between(owner zone.Name) error {
	above := p.path[len(p.path)-1].owner.Key()
	rest := owner.Key()[len(above):]
	for i := strings.IndexByte(rest, 0); i < len(rest)-1; i += 1 + strings.IndexByte(rest[i+1:], 0) {
		empty, err := zone.NameFromKey(owner.Key()[:len(above)+i+1])
		if err != nil {
			return err
		}
		group, sigs := p.group, p.sigs
		p.group, p.sigs = nil, nil
		p.node(empty)
		p.group, p.sigs = group, sigs
	}
	p.node(owner)
	return nil
}

// splitSigs takes the RRSIG set out of the group. Its records are in order of what they cover, for
// that is what their RDATA begins with.
func (p *compiler) splitSigs() {
	p.sigs = nil
	i := slices.IndexFunc(p.group, func(set zone.RRset) bool { return set.Type == zone.TypeRRSIG })
	if i < 0 {
		return
	}
	set := p.group[i]
	p.group = slices.Delete(p.group, i, i+1)
	p.sigs = set.Data
	whole := len(p.group)
	for _, d := range set.Data {
		// Signatures of what is not there are found by who asks for RRSIG.
		if t := covered(d); !p.holds(t) {
			p.group = append(p.group, zone.RRset{Owner: set.Owner, Type: t, TTL: set.TTL})
		}
	}
	if len(p.group) > whole {
		slices.SortFunc(p.group, func(a, b zone.RRset) int { return a.Key().Compare(b.Key()) })
	}
}

// covered is the type that a signature covers.
func covered(d zone.Data) zone.Type { return zone.Type(d[0])<<8 | zone.Type(d[1]) }

// sigsOf are the signatures of a type.
func (p *compiler) sigsOf(t zone.Type) []zone.Data {
	from := 0
	for from < len(p.sigs) && covered(p.sigs[from]) != t {
		from++
	}
	to := from
	for to < len(p.sigs) && covered(p.sigs[to]) == t {
		to++
	}
	return p.sigs[from:to]
}

func (p *compiler) holds(t zone.Type) bool {
	for _, set := range p.group {
		if set.Type == t {
			return true
		}
	}
	return false
}

// nsec3 takes NSEC3 records out of the group: their owners do not exist as names (RFC 5155, section
// 7.2.8).
func (p *compiler) nsec3() {
	kept := p.group[:0]
	for _, set := range p.group {
		if set.Type != zone.TypeNSEC3 {
			kept = append(kept, set)
			continue
		}
		if d, ok := p.c.nsec3.ours(set); ok {
			set.Data = []zone.Data{d}
			p.hashed(set)
		}
	}
	p.group = kept
}

// hashed writes an NSEC3 record as a node of its own, which no name leads to.
func (p *compiler) hashed(set zone.RRset) {
	group := p.group
	p.group = []zone.RRset{set}
	at := p.size
	p.content(set.Owner, 0)
	p.denials++
	if p.write {
		p.c.nsec3.add(set.Owner, uint32(at/4))
		if set.Owner.Labels() != p.c.labels+1 {
			p.c.nsec3.odd = true
		}
	}
	p.group = group
}

// node writes a name that exists and makes it known.
func (p *compiler) node(owner zone.Name) {
	flags := p.flags(owner)
	at := p.size
	p.content(owner, flags)
	p.path = append(p.path, ancestor{owner, flags, at})
	p.names++
	if !p.write {
		return
	}
	p.enter(at)
	if flags&isBelow != 0 {
		return
	}
	for _, set := range p.group {
		if s := shapeOf(uint16(set.Type)); s.compress || s.additional {
			p.uneven = append(p.uneven, uint32(at/4))
			return
		}
	}
}

// flags tells what a node is, from its sets and what is above.
func (p *compiler) flags(owner zone.Name) uint8 {
	var flags uint8
	if len(p.path) == 0 {
		flags = p.kind(owner, 0, true)
	} else {
		above := &p.path[len(p.path)-1]
		if owner.IsWildcard() {
			above.flags |= hasStar
			if p.write {
				p.c.arena[above.at] |= hasStar
			}
		}
		flags = p.kind(owner, above.flags, false)
	}
	if p.c.denial == denialNSEC && flags&isBelow == 0 && p.holdsFilled(zone.TypeNSEC) {
		p.denials++
		if p.write {
			p.c.nsec.add(owner, p.c.origin, uint32(p.size/4))
		}
	}
	return flags
}

func (p *compiler) holdsFilled(t zone.Type) bool {
	for i := range p.group {
		if p.group[i].Type == t && len(p.group[i].Data) > 0 {
			return true
		}
	}
	return false
}

// kind is flags without what is below; above are the flags of the name above.
func (p *compiler) kind(owner zone.Name, above uint8, apex bool) uint8 {
	var flags uint8
	if above&(isCut|isBelow|hasDNAME) != 0 {
		flags |= isBelow
	}
	if !apex && owner.IsWildcard() {
		flags |= isStar
	}
	for _, set := range p.group {
		if len(set.Data) == 0 {
			continue
		}
		switch set.Type {
		case zone.TypeNS:
			if !apex && flags&isBelow == 0 {
				flags |= isCut
			}
		case zone.TypeDNAME:
			flags |= hasDNAME
		case zone.TypeCNAME:
			flags |= hasCNAME
		}
	}
	return flags
}
