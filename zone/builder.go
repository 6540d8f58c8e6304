package zone

import (
	"fmt"
	"slices"
	"strings"
)

// A Builder collects RRsets, in any order, into a Zone. It is not safe for concurrent use.
type Builder struct {
	origin  Name
	p       packer
	lastKey Key
	any     bool
	late    []RRset // what came out of order
	err     error
}

// NewBuilder starts a zone.
func NewBuilder(origin Name) *Builder {
	return &Builder{origin: origin, p: packer{origin: origin}}
}

// Add puts one RRset into the zone; its data need not be sorted. An owner and type must be added
// once only. Errors are kept and returned by Zone.
//
// RRsets that come in canonical order are packed at once and cost no memory of their own.
func (b *Builder) Add(r RRset) {
	if b.err != nil {
		return
	}
	if b.err = r.check(b.origin); b.err != nil {
		return
	}
	r = r.Clean()
	if b.any && r.Key().Compare(b.lastKey) <= 0 {
		b.late = append(b.late, r)
		return
	}
	b.lastKey, b.any = Key{Name{strings.Clone(r.Owner.key)}, r.Type}, true
	b.p.add(r)
}

// Zone returns the zone. The builder must not be used afterwards.
func (b *Builder) Zone() (*Zone, error) {
	if b.err != nil {
		return nil, fmt.Errorf("zone %s: %w", b.origin, b.err)
	}
	z := newZone(b.origin, b.p.finish())
	if len(b.late) == 0 {
		return z, nil
	}
	slices.SortStableFunc(b.late, func(x, y RRset) int { return x.Key().Compare(y.Key()) })
	changes := make([]Change, len(b.late))
	for i := range b.late {
		k := b.late[i].Key()
		if _, dup := z.Set(k.Owner, k.Type); dup || i > 0 && b.late[i-1].Key() == k {
			return nil, fmt.Errorf("zone %s: %s was added twice", b.origin, k)
		}
		changes[i].After = &b.late[i]
	}
	return z.merge(changes)
}
