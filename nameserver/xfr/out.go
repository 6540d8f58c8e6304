package xfr

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// DefaultMessage is how long messages of a transfer become over TCP, in octets. Names are
// compressed in the first 16 KiB of a message only (RFC 1035, section 4.1.4), so that longer ones
// hold less than their size promises.
const DefaultMessage = reachable + 1<<10

// DefaultTransfers is how many transfers are served at once.
const DefaultTransfers = 100

// Out answers AXFR (RFC 5936) and IXFR (RFC 1995).
type Out struct {
	// Journal returns the versions of a zone, nil when it is not served.
	Journal func(origin zone.Name) *Journal
	// Serves reports whether a zone without a Journal is answered from all the same: then who asks for
	// it is refused instead of told that it is not here. nil: none is.
	Serves func(origin zone.Name) bool
	// Access says who may transfer a zone; nil: nobody.
	Access func(origin zone.Name) Access
	// MessageSize bounds messages over TCP, in octets; 0: DefaultMessage. A single record that
	// needs more gets it.
	MessageSize int
	// Transfers bounds how many are under way. Others wait for as long as Wait, and are then refused
	// and come again. 0: DefaultTransfers; 0: 10 s, below 0: not at all.
	Transfers int
	Wait      time.Duration
	// PerClient bounds how many of them one client has, an IPv4 address or IPv6 /64; 0: a quarter of
	// Transfers.
	PerClient int
	// Busy is told of requests that have waited in vain; crowded says that their client has as many
	// transfers as it may. It may be nil.
	Busy func(p Peer, origin zone.Name, crowded bool)
	// Expire says how long a zone lasts here when nobody confirms it, which clients are told that ask
	// for it (EXPIRE, RFC 7314): what is left of the expire timer of a zone that is transferred in. ok
	// is false where the SOA says it. nil: it always does.
	Expire func(origin zone.Name) (left time.Duration, ok bool)
	// Denied is told of requests that Access has not let in; may be nil.
	Denied func(p Peer, origin zone.Name, why string)

	once   sync.Once
	places *places
	counts counts
}

// Counts of what Out has done, and is doing.
type Counts struct {
	Whole, Incremental, Current, Refused, Failed, Records int64

	Busy          int64 // requests that found no place among the transfers, in Refused, too
	Open, Waiting int   // transfers under way now, and requests that wait for a place among them
}

type counts struct {
	whole, incremental, current, refused, failed, records, busy atomic.Int64
}

// Counts returns what has been done so far: transfers of whole zones and of changes, answers that
// nothing is new, refused and broken transfers, and records sent.
func (o *Out) Counts() Counts {
	c := &o.counts
	out := Counts{
		Whole: c.whole.Load(), Incremental: c.incremental.Load(), Current: c.current.Load(),
		Refused: c.refused.Load(), Failed: c.failed.Load(), Records: c.records.Load(), Busy: c.busy.Load(),
	}
	out.Open, out.Waiting = o.room().state()
	return out
}

func (o *Out) room() *places {
	o.once.Do(func() {
		all := positive(o.Transfers, DefaultTransfers)
		o.places = newPlaces(all, positive(o.PerClient, max(1, all/4)))
	})
	return o.places
}

// errNoRoom says that an answer needs more than one datagram.
var errNoRoom = errors.New("the answer needs more than one message")

// serve answers a request for a transfer. udp is how long an answer over UDP may be; 0: it is
// answered over a stream.
func (o *Out) serve(ctx context.Context, r *request, udp int, send func([]byte) error) error {
	q := r.m.Questions[0]
	if q.Class != wire.ClassIN {
		return r.refuse(wire.Refused, send)
	}
	var j *Journal
	if o.Journal != nil {
		j = o.Journal(q.Name)
	}
	var v version
	ok := false
	if j != nil {
		v, ok = j.now()
	}
	switch {
	case j == nil && (o.Serves == nil || !o.Serves(q.Name)):
		return r.refuse(wire.NotAuth, send) // RFC 5936, section 2.2.1
	case j == nil || o.Access == nil || !o.Access(q.Name).Allows(r.peer, r.session):
		o.counts.refused.Add(1)
		o.denied(r)
		r.extended = edeProhibited
		return r.refuse(wire.Refused, send)
	case !ok:
		return r.refuse(wire.ServFail, send)
	}
	if q.Type == wire.TypeIXFR {
		return o.changes(ctx, r, &v, udp, send)
	}
	if udp > 0 { // RFC 5936, section 4.2
		return r.refuse(wire.FormErr, send)
	}
	return o.limited(ctx, r, send, func() error { return o.whole(ctx, r, &v, send) })
}

// changes answers IXFR.
func (o *Out) changes(ctx context.Context, r *request, v *version, udp int, send func([]byte) error) error {
	have, ok := r.haveSerial()
	if !ok {
		return r.refuse(wire.FormErr, send)
	}
	list, size := v.since(have)
	current := !Newer(v.serial, have)
	switch {
	case current:
		o.counts.current.Add(1)
	case udp > 0:
		// Who has not signed may not be who it came from: it gets one record, so that nobody is sent
		// more than was sent in its name.
		if _, signed := r.session.Key(); signed && len(list) > 0 && size < 2*int64(udp) {
			err := o.incremental(ctx, r, v, list, udp, send)
			if !errors.Is(err, errNoRoom) {
				return err
			}
		}
	case len(list) > 0 && size < v.octets():
		return o.limited(ctx, r, send, func() error { return o.incremental(ctx, r, v, list, 0, send) })
	default:
		return o.limited(ctx, r, send, func() error { return o.whole(ctx, r, v, send) })
	}
	// Nothing is new, or the client has to come over TCP (RFC 1995, section 2).
	w := o.writer(r, v, udp, send)
	if err := w.soa(v); err != nil {
		return err
	}
	return w.flush()
}

// octets is about what the whole zone needs; beyond that changes are no gain.
func (v *version) octets() int64 { return int64(v.zone.Len())*32 + 1<<12 }

func (w *writer) soa(v *version) error {
	return w.add(v.soa.Owner, zone.TypeSOA, v.soa.TTL, v.soa.Data[0])
}

// writer begins an answer.
func (o *Out) writer(r *request, v *version, udp int, send func([]byte) error) *writer {
	if _, asked := option(r.m.EDNS, optExpire); asked {
		left, ok := time.Duration(0), false
		if o.Expire != nil {
			left, ok = o.Expire(v.zone.Origin())
		}
		seconds := binary.BigEndian.Uint32([]byte(v.soa.Data[0][len(v.soa.Data[0])-8:]))
		if ok {
			seconds = uint32(min(max(left/time.Second, 0), math.MaxUint32))
		}
		r.expire, r.expires = seconds, true
	}
	return newWriter(r, o.size(udp), send)
}

func (o *Out) size(udp int) int {
	switch {
	case udp > 0:
		return udp
	case o.MessageSize > 0:
		return min(o.MessageSize, wire.MaxSize)
	}
	return DefaultMessage
}

// denied tells of a request that was not let in.
func (o *Out) denied(r *request) {
	if o.Denied == nil {
		return
	}
	why := "the request is not signed"
	if key, ok := r.session.Key(); ok {
		why = fmt.Sprintf("the request is signed with key %s", key)
	}
	if r.peer.TLS != nil {
		why += ", over TLS"
	}
	o.Denied(r.peer, r.m.Questions[0].Name, why)
}

// limited runs a transfer when there are not too many.
func (o *Out) limited(ctx context.Context, r *request, send func([]byte) error, transfer func() error) error {
	who := senderOf(r)
	wait := o.Wait
	if wait == 0 {
		wait = 10 * time.Second
	}
	ok, crowded := o.room().enter(ctx, who, wait)
	switch {
	case ok:
	case ctx.Err() != nil: // the client has gone, or the server ends
		o.counts.failed.Add(1)
		return ctx.Err()
	default:
		o.counts.refused.Add(1)
		o.counts.busy.Add(1)
		if o.Busy != nil {
			o.Busy(r.peer, r.m.Questions[0].Name, crowded)
		}
		return r.refuse(wire.Refused, send)
	}
	defer o.places.leave(who)
	err := transfer()
	if err != nil {
		o.counts.failed.Add(1)
	}
	return err
}

// whole sends a zone, its SOA first and last.
func (o *Out) whole(ctx context.Context, r *request, v *version, send func([]byte) error) error {
	w := o.writer(r, v, 0, send)
	err := w.soa(v)
	if err == nil {
		err = w.whole(ctx, v.zone)
	}
	if err == nil {
		err = w.soa(v)
	}
	if err == nil {
		err = w.flush()
	}
	if err == nil {
		o.counts.whole.Add(1)
		o.counts.records.Add(int64(w.records))
	}
	return err
}

// incremental sends differences (RFC 1995, section 4). Over UDP all of them must fit into one
// message, else the error is errNoRoom and nothing was sent.
func (o *Out) incremental(ctx context.Context, r *request, v *version, list []*delta, udp int, send func([]byte) error) error {
	w := o.writer(r, v, udp, send)
	if udp > 0 {
		w.send = func([]byte) error { return errNoRoom }
	}
	err := w.soa(v)
	for _, d := range list {
		if err == nil {
			err = w.list(d.deleted)
		}
		if err == nil {
			err = w.list(d.added)
		}
		if err == nil {
			err = ctx.Err()
		}
	}
	if err == nil {
		err = w.soa(v)
	}
	if err == nil {
		w.send = send
		err = w.flush()
	}
	if err == nil {
		o.counts.incremental.Add(1)
		o.counts.records.Add(int64(w.records))
	}
	return err
}
