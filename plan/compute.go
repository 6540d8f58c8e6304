package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// ForeignInTheWay is the id of the objection to an RRset that cannot be created because something
// that zonecast does not manage stands at its name. Allowing it leaves the RRset out.
const ForeignInTheWay = "foreign-in-the-way"

// Compute compares observed with desired. It does no I/O, reads no clock, logs nothing:
// equal inputs give equal plans, byte for byte.
//
// Changes come in canonical order. The SOA at the apex takes no part unless the target lets
// zonecast write it; what is Kept takes no part at all.
func Compute(in Input) *Plan {
	p := &Plan{
		Target:     in.Target,
		Generation: in.Generation,
		Observed:   ObservedHash(in.Observed, in.Capabilities.SOA),
		Desired:    stateHash(in.Desired, in.Capabilities.SOA),
		Revision:   in.Revision,
		Base:       in.Observed,
		Want:       in.Desired,
		Notes:      slices.Clone(in.Notes),
		DryRun:     in.DryRun,
		Existing:   in.existing(),
		Sources:    in.Sources,
		Made:       in.Made,
		From:       in.From,
		Where:      in.Where,
	}
	var objections []finding.Finding
	taken := in.taken()
	for c := range zone.Diff(in.Observed.Sets, in.Desired) {
		k := c.Key()
		if in.skips(k) {
			continue
		}
		if f, ok := taken[k]; ok && c.Creates() {
			objections = append(objections, in.inTheWay(k, f))
			continue
		}
		p.Changes.Sets = append(p.Changes.Sets, c)
	}
	p.filter(in.Filter)
	p.ID = p.identity()
	if !p.Changes.Empty() {
		for _, g := range in.Guards {
			objections = append(objections, g.Check(&in, p)...)
		}
	}
	p.judge(objections, in.Allow)
	return p
}

// filter lets f take changes away.
func (p *Plan) filter(f func([]zone.Change) ([]zone.Change, []finding.Finding)) {
	if f == nil || len(p.Changes.Sets) == 0 {
		return
	}
	left, found := f(p.Changes.Sets)
	p.Changes.Sets = left
	for _, x := range found {
		if x.Severity == finding.Error {
			p.Held = append(p.Held, x)
		} else {
			p.Notes = append(p.Notes, x)
		}
	}
}

// skips reports whether a difference at k is none of the plan's business.
func (in *Input) skips(k zone.Key) bool {
	if k.Type == zone.TypeSOA && k.Owner == in.Desired.Origin() && !in.Capabilities.SOA {
		return true
	}
	return in.Kept != nil && in.Kept(k)
}

// existing counts the observed RRsets that shares are taken of.
func (in *Input) existing() int {
	z := in.Observed.Sets
	soa := zone.Key{Owner: z.Origin(), Type: zone.TypeSOA}
	if in.Hidden == nil {
		n := z.Len()
		if _, ok := z.Set(soa.Owner, soa.Type); ok {
			n--
		}
		return n
	}
	n := 0
	for set := range z.All() {
		if k := set.Key(); k != soa && !in.Hidden(k) {
			n++
		}
	}
	return n
}

// taken lists the places that something foreign occupies.
func (in *Input) taken() map[zone.Key]provider.Foreign {
	var m map[zone.Key]provider.Foreign
	for _, f := range in.Observed.Foreign {
		if !f.Owns {
			continue
		}
		if m == nil {
			m = map[zone.Key]provider.Foreign{}
		}
		m[f.Key] = f
	}
	return m
}

func (in *Input) inTheWay(k zone.Key, f provider.Foreign) finding.Finding {
	return finding.Finding{
		ID: ForeignInTheWay, Severity: finding.Error, Place: in.place(k),
		Zone: in.zoneText(), Subject: k.String(),
		Text: fmt.Sprintf("%s cannot be created at %s: a %s stands there (%s)", k, in.Target.Provider, f.Kind, f.Text),
		Fix:  "remove that at the provider, or the record from the source; allowing it leaves the record out",
	}
}

func (in *Input) place(k zone.Key) finding.Place {
	if in.Where == nil {
		return finding.Place{}
	}
	return in.Where(k)
}

func (in *Input) zoneText() string { return in.Target.Zone.Unicode() }

// judge sorts objections: errors that nobody allowed hold the plan, allowed ones are kept with
// their reason, and what is only a warning becomes a note.
func (p *Plan) judge(objections []finding.Finding, allow []Allowance) {
	for _, f := range objections {
		if f.Severity != finding.Error {
			p.Notes = append(p.Notes, f)
			continue
		}
		i := slices.IndexFunc(allow, func(a Allowance) bool { return a.Guard == f.ID || a.Guard == "*" })
		if i < 0 {
			p.Held = append(p.Held, f)
			continue
		}
		f.Silenced = allow[i].Reason
		if f.Silenced == "" {
			f.Silenced = "allowed without a reason"
		}
		p.Allowed = append(p.Allowed, f)
	}
}

// ObservedHash identifies what was observed at a target: whether the zone exists, its RRsets and
// its settings. The SOA at the apex counts only when zonecast writes it (soa), because its serial
// moves by itself elsewhere. What is foreign, ids and revisions do not count.
func ObservedHash(s *provider.Snapshot, soa bool) string {
	h := newHasher()
	h.text("zonecast observed 1")
	h.flag(s.Missing)
	h.text(stateHash(s.Sets, soa))
	h.num(len(s.Settings))
	for _, k := range slices.Sorted(maps.Keys(s.Settings)) {
		h.text(k)
		h.text(s.Settings[k])
	}
	return h.sum()
}

// stateHash is the zone's hash, without the SOA at the apex unless soa.
func stateHash(z *zone.Zone, soa bool) string {
	if set, ok := z.Set(z.Origin(), zone.TypeSOA); ok && !soa {
		if without, err := z.With([]zone.Change{{Before: &set}}); err == nil {
			z = without
		}
	}
	return z.Hash().String()
}

// identity hashes what the plan is about: the target, the state that it starts from, the state
// that it leads to and every change. Generation, revision and time are left out, so that the same
// work planned twice has the same identity; a plan shown in one job can be demanded in the next.
func (p *Plan) identity() string {
	h := newHasher()
	h.text("zonecast plan 1")
	h.text(p.Target.Provider)
	h.text(p.Target.Driver)
	h.text(p.Target.Zone.Key())
	h.text(p.Target.View)
	h.text(p.Observed)
	h.text(p.Desired)
	h.num(len(p.Changes.Sets))
	for i := range p.Changes.Sets {
		h.set(p.Changes.Sets[i].Before)
		h.set(p.Changes.Sets[i].After)
	}
	h.num(len(p.Changes.Settings))
	for _, c := range p.Changes.Settings {
		h.text(c.Key)
		h.text(c.Before)
		h.text(c.After)
	}
	return h.sum()
}

// A hasher feeds length-prefixed fields to SHA-256, so that no two lists of fields look alike.
type hasher struct {
	buf []byte
	h   hash.Hash
}

func newHasher() *hasher { return &hasher{h: sha256.New(), buf: make([]byte, 0, 8<<10)} }

func (h *hasher) num(n int) {
	h.buf = binary.AppendUvarint(h.buf, uint64(n))
	if len(h.buf) > 4<<10 {
		h.h.Write(h.buf)
		h.buf = h.buf[:0]
	}
}

func (h *hasher) text(s string) {
	h.num(len(s))
	h.buf = append(h.buf, s...)
}

func (h *hasher) flag(b bool) {
	if b {
		h.num(1)
		return
	}
	h.num(0)
}

func (h *hasher) set(r *zone.RRset) {
	h.flag(r != nil)
	if r == nil {
		return
	}
	h.text(r.Owner.Key())
	h.num(int(r.Type))
	h.num(int(r.TTL))
	h.num(len(r.Data))
	for _, d := range r.Data {
		h.text(string(d))
	}
	for k, v := range r.Extra.All() {
		h.text(k)
		h.text(v)
	}
	h.text("")
}

func (h *hasher) sum() string {
	h.h.Write(h.buf)
	return hex.EncodeToString(h.h.Sum(nil))
}
