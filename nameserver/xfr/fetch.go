package xfr

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A Primary is where a zone comes from.
type Primary struct {
	Addr string    // "192.0.2.53:53"; over TLS the port is 853 by custom
	Key  *wire.Key // signs requests, and answers must be signed with it; nil: no signatures
	// TLS makes the transfer go over TLS (RFC 9103): nil: it goes over TCP. The certificate must be
	// good for ServerName, or for the host of Addr. Versions before 1.3 are never used.
	TLS *tls.Config
	// Dial opens connections; nil: the system's. network is "udp" or "tcp".
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	Timeout time.Duration // wait for one message; 0: 10 s
	NoIXFR  bool          // ask for the whole zone always
}

// client returns a client for questions, or for transfers.
func (p *Primary) client(transfer bool) *wire.Client {
	c := &wire.Client{Key: p.Key, Dial: p.Dial, Timeout: p.Timeout, Tries: 3}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	switch {
	case p.TLS != nil: // RFC 9103, section 7.1
		c.Transport, c.TLS = wire.TLS, p.TLS.Clone()
		c.TLS.MinVersion = tls.VersionTLS13
		c.TLS.NextProtos = []string{"dot"}
	case transfer:
		c.Transport = wire.TCP
	default:
		c.Timeout /= 4
	}
	return c
}

// A life is how long a version lasts at a primary, where that says so (RFC 7314).
type life struct {
	left  time.Duration
	known bool
}

func (l *life) hear(e *wire.EDNS) {
	if d, ok := expireOf(e); ok {
		*l = life{d, true}
	}
}

// serial asks for the serial that the primary has.
func (p *Primary) serial(ctx context.Context, origin zone.Name) (serial uint32, l life, err error) {
	c, q := p.client(false), wire.Query(origin, zone.TypeSOA)
	q.EDNS = nil
	q.EDNS = p.requestEDNS(c, q)
	m, err := c.Exchange(ctx, p.Addr, q)
	if err == nil && (m.RCODE == wire.FormErr || m.RCODE == wire.NotImp) { // it does not know EDNS
		q.EDNS = nil
		m, err = c.Exchange(ctx, p.Addr, q)
	}
	if err != nil {
		return 0, l, err
	}
	fail := func(err error) (uint32, life, error) {
		return 0, l, &wire.Error{Op: "query", What: origin.String() + " SOA", Addr: p.Addr, Sent: true, Err: err}
	}
	if m.RCODE != wire.NoError {
		return fail(&wire.RCODEError{RCODE: m.RCODE})
	}
	l.hear(m.EDNS)
	for _, r := range m.Answers {
		if r.Type == zone.TypeSOA && r.Owner == origin && len(r.Data) >= 22 {
			if !m.Authoritative { // RFC 1035, section 4.3.5 wants the primary's own word
				return fail(errors.New("the answer is not authoritative; the server has lost the zone, or is none of its primaries"))
			}
			return serialAt(r.Data), l, nil
		}
	}
	return fail(errors.New("the server does not have the zone"))
}

// fetching is one transfer.
type fetching struct {
	*Primary
	origin zone.Name
	limits wire.Limits
	load   load
	life   life // as the primary told it
	plain  bool // the primary does not know EDNS
}

// transferClient returns a client for a request of the transfer.
func (f *fetching) transferClient(m *wire.Message) *wire.Client {
	c := f.client(true)
	if !f.plain {
		c.EDNS, c.Heard = f.requestEDNS(c, m), f.life.hear
	}
	return c
}

// fetch returns the primary's version of a zone: by its changes since have where that is not nil
// and the primary knows them, else as a whole. It is asked without EDNS when it does not like that.
func (f *fetching) fetch(ctx context.Context, have *zone.Zone) (z *zone.Zone, whole bool, err error) {
	z, whole, err = f.once(ctx, have)
	if e, ok := errors.AsType[*wire.RCODEError](err); ok && (e.RCODE == wire.FormErr || e.RCODE == wire.NotImp) && ctx.Err() == nil {
		f.plain = true
		return f.once(ctx, have)
	}
	return z, whole, err
}

func (f *fetching) once(ctx context.Context, have *zone.Zone) (z *zone.Zone, whole bool, err error) {
	if have != nil && !f.NoIXFR {
		z, whole, err = f.changes(ctx, have)
		if err == nil || ctx.Err() != nil || errors.Is(err, wire.ErrLimit) || timedOut(err) {
			return z, whole, err
		}
		if e, ok := errors.AsType[*wire.Error](err); ok && !e.Sent {
			return nil, false, err // it cannot be reached
		}
		if _, ok := errors.AsType[*wire.SignatureError](err); ok {
			return nil, false, err
		}
	}
	q := &wire.Message{Questions: []wire.Question{{Name: f.origin, Type: wire.TypeAXFR, Class: wire.ClassIN}}}
	x := gatherer{origin: f.origin, load: &f.load}
	for r, err := range f.transferClient(q).Transfer(ctx, f.Addr, f.origin, f.limits) {
		if err == nil {
			err = x.add(r)
		}
		if err != nil {
			return nil, false, err
		}
	}
	z, err = x.zone()
	return z, true, err
}

// changes fetches by IXFR.
func (f *fetching) changes(ctx context.Context, have *zone.Zone) (z *zone.Zone, whole bool, err error) {
	soa, _, err := soaOf(have)
	if err != nil {
		return nil, false, err
	}
	record := wire.Record{Owner: soa.Owner, Type: soa.Type, Class: wire.ClassIN, TTL: soa.TTL, Data: soa.Data[0]}
	q := &wire.Message{
		Questions: []wire.Question{{Name: f.origin, Type: wire.TypeIXFR, Class: wire.ClassIN}}, Authority: []wire.Record{record},
	}
	x, patch := gatherer{origin: f.origin, load: &f.load}, patch{base: have, load: &f.load}
	for s, err := range f.transferClient(q).Changes(ctx, f.Addr, record, f.limits) {
		if err == nil {
			switch s.Kind {
			case wire.StepCurrent:
				return have, false, nil
			case wire.StepWhole:
				whole = true
				err = x.add(s.Record)
			case wire.StepDelete:
				err = patch.remove(s.Record)
			case wire.StepAdd:
				err = patch.add(s.Record)
			}
		}
		if err != nil {
			return nil, false, err
		}
	}
	if whole {
		z, err = x.zone()
		return z, true, err
	}
	z, err = patch.zone()
	return z, false, err
}

// misplaced says why a record of a transfer cannot be in the zone.
func misplaced(r wire.Record, origin zone.Name) error {
	switch {
	case !r.Owner.In(origin):
		return fmt.Errorf("%w: the transfer holds %s, which is not in zone %s", wire.ErrMalformed, r.Key(), origin)
	case r.Type.Meta() || r.Type == 0:
		return fmt.Errorf("%w: the transfer holds a record of type %s", wire.ErrMalformed, r.Type)
	case r.Type == zone.TypeSOA && r.Owner != origin:
		return fmt.Errorf("%w: the transfer holds a SOA at %s", wire.ErrMalformed, r.Owner)
	}
	return nil
}

// A gatherer makes a zone out of records, which come side by side if they belong to one RRset,
// mostly.
type gatherer struct {
	origin zone.Name
	load   *load
	sets   []zone.RRset
}

func (x *gatherer) add(r wire.Record) error {
	if err := misplaced(r, x.origin); err != nil {
		return err
	}
	if err := x.load.add(len(r.Data)); err != nil {
		return err
	}
	if n := len(x.sets); n > 0 && x.sets[n-1].Key() == r.Key() {
		x.sets[n-1] = joined(x.sets[n-1], r.TTL, r.Data)
		return nil
	}
	x.sets = append(x.sets, zone.RRset{Owner: r.Owner, Type: r.Type, TTL: r.TTL, Data: []zone.Data{r.Data}})
	return nil
}

// joined adds records to a set. Where TTLs differ, which must not be, the lowest counts (RFC 2181,
// section 5.2).
func joined(set zone.RRset, ttl uint32, data ...zone.Data) zone.RRset {
	set.TTL = min(set.TTL, ttl)
	set.Data = append(set.Data, data...)
	return set
}

// settled gives signatures, whose TTLs may differ for good (see ttlOf), the lowest of them all, so
// that a zone is the same however it came.
func settled(set zone.RRset) zone.RRset {
	if set.Type == zone.TypeRRSIG {
		set.TTL = ttlOf(&set, set.Data[0])
		for _, d := range set.Data {
			set.TTL = min(set.TTL, ttlOf(&set, d))
		}
	}
	return set
}

func (x *gatherer) zone() (*zone.Zone, error) {
	slices.SortStableFunc(x.sets, func(a, b zone.RRset) int { return a.Key().Compare(b.Key()) })
	b := zone.NewBuilder(x.origin)
	for i := 0; i < len(x.sets); {
		set, j := x.sets[i], i+1
		for ; j < len(x.sets) && x.sets[j].Key() == set.Key(); j++ {
			set = joined(set, x.sets[j].TTL, x.sets[j].Data...)
		}
		b.Add(settled(set))
		i = j
	}
	z, err := b.Zone()
	if err != nil {
		return nil, err
	}
	_, _, err = soaOf(z)
	return z, err
}

// errOutOfStep says that the changes are not ones to the version that we have.
var errOutOfStep = errors.New("the changes do not fit the version that they are for")

// A patch collects changes to a zone.
type patch struct {
	base *zone.Zone
	load *load
	sets map[zone.Key]*patched
}

type patched struct {
	before *zone.RRset // nil: there was none
	ttl    uint32
	data   map[zone.Data]bool
}

func (p *patch) set(r wire.Record) (*patched, error) {
	if err := misplaced(r, p.base.Origin()); err != nil {
		return nil, err
	}
	if err := p.load.add(len(r.Data)); err != nil {
		return nil, err
	}
	if s := p.sets[r.Key()]; s != nil {
		return s, nil
	}
	s := &patched{data: map[zone.Data]bool{}}
	if set, ok := p.base.Set(r.Owner, r.Type); ok {
		s.before, s.ttl = &set, set.TTL
		for _, d := range set.Data {
			s.data[d] = true
		}
	}
	if p.sets == nil {
		p.sets = map[zone.Key]*patched{}
	}
	p.sets[r.Key()] = s
	return s, nil
}

func (p *patch) remove(r wire.Record) error {
	s, err := p.set(r)
	if err == nil && !s.data[r.Data] {
		err = fmt.Errorf("%w: they remove a record %s that is not there", errOutOfStep, r.Key())
	}
	if err == nil {
		delete(s.data, r.Data)
	}
	return err
}

func (p *patch) add(r wire.Record) error {
	s, err := p.set(r)
	if err == nil && s.data[r.Data] {
		err = fmt.Errorf("%w: they add a record %s that is there", errOutOfStep, r.Key())
	}
	if err == nil {
		s.data[r.Data], s.ttl = true, r.TTL
	}
	return err
}

// zone returns the version that the changes lead to.
func (p *patch) zone() (*zone.Zone, error) {
	var changes []zone.Change
	for k, s := range p.sets {
		c := zone.Change{Before: s.before}
		if len(s.data) > 0 {
			after := zone.RRset{Owner: k.Owner, Type: k.Type, TTL: s.ttl}
			for d := range s.data {
				after.Data = append(after.Data, d)
			}
			after = settled(after.Clean())
			c.After = &after
		}
		if c.Before != nil || c.After != nil {
			changes = append(changes, c)
		}
	}
	z, err := p.base.With(changes)
	if err != nil {
		return nil, err
	}
	_, _, err = soaOf(z)
	return z, err
}
