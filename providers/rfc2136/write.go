package rfc2136

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/wire/transfer"
	"github.com/zonecast/zonecast/zone"
)

// Write sends the changes as UPDATE messages over TCP, one after the other, and stops at the
// first that is not carried out. Each message is carried out as a whole or not at all (RFC 2136,
// section 3.7).
func (a *account) Write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet) (*provider.Receipt, error) {
	began := time.Now()
	origin := base.Info.Origin
	if base.Missing {
		return nil, &provider.Error{
			Op: "write", Zone: origin.String(), Err: provider.ErrNoZone,
			Advice: "set the zone up as primary at " + a.addr,
		}
	}
	if len(changes.Settings) > 0 {
		return nil, rejected(origin, fmt.Errorf("setting %s cannot be changed by dynamic update", changes.Settings[0].Key))
	}
	soa, err := a.expected(ctx, base)
	if err != nil {
		return nil, err
	}
	limit := a.room(origin, soa)
	list, err := units(origin, changes.Sets, limit)
	if err != nil {
		return nil, rejected(origin, err)
	}
	r := provider.NewReceipt(changes, provider.NotDone)
	for first := true; len(list) > 0; first = false {
		if err := ctx.Err(); err != nil {
			r.Took = time.Since(began)
			return r, &provider.Error{Op: "write", Zone: origin.String(), Err: err}
		}
		m := wire.Update(origin)
		if first && soa != "" {
			m.Answers = append(m.Answers, wire.Record{Owner: origin, Type: zone.TypeSOA, Class: wire.ClassIN, Data: soa})
		}
		n := fill(m, list, limit)
		outcome, err := a.send(ctx, origin, m)
		r.Calls++
		for _, u := range list[:n] {
			for _, i := range u.changes {
				r.Sets[i] = outcome
			}
		}
		if err == nil {
			err = a.ignored(ctx, origin, changes.Sets, list[:n], r)
		}
		if err != nil {
			r.Took = time.Since(began)
			return r, err
		}
		list = list[n:]
	}
	a.stamp(ctx, origin, r)
	r.Took = time.Since(began)
	return r, nil
}

func rejected(origin zone.Name, err error) error {
	return &provider.Error{Kind: provider.Rejected, Op: "write", Zone: origin.String(), Err: err, Advice: "nothing was sent"}
}

// room is how many octets of units fit into one message.
func (a *account) room(origin zone.Name, soa zone.Data) int {
	const header, question = 12, 4
	return a.client.RequestSize() - header - question - origin.WireLen() - (12 + len(soa))
}

// fill puts as many units into the message as fit, at least one, and returns how many.
func fill(m *wire.Message, list []unit, limit int) int {
	n, size := 0, 0
	for _, u := range list {
		if size += u.size; n > 0 && size > limit {
			break
		}
		m.Answers = append(m.Answers, u.prereqs...)
		m.Authority = append(m.Authority, u.updates...)
		n++
	}
	return n
}

// expected is the SOA that the zone must still have; "" when the SOA proves nothing. A snapshot
// that was saved holds only the serial: then the SOA is asked for.
func (a *account) expected(ctx context.Context, base *provider.Snapshot) (zone.Data, error) {
	if base.Info.Signed || base.Revision == "" {
		return "", nil
	}
	if soa, ok := base.Own.(zone.Data); ok {
		return soa, nil
	}
	origin := base.Info.Origin
	soa, err := a.soa(ctx, origin)
	if err != nil {
		return "", err
	}
	serial, err := transfer.Serial(soa)
	if err != nil {
		return "", &provider.Error{Kind: provider.Invalid, Op: "write", Zone: origin.String(), Err: err}
	}
	if have := strconv.FormatUint(uint64(serial), 10); have != base.Revision {
		return "", &provider.Error{
			Kind: provider.Conflict, Op: "write", Zone: origin.String(),
			Err:    fmt.Errorf("its serial is %s, the plan was computed from %s", have, base.Revision),
			Advice: "nothing was written; plan again",
		}
	}
	return soa, nil
}

// soa asks for the SOA of a zone.
func (a *account) soa(ctx context.Context, origin zone.Name) (zone.Data, error) {
	soa, err := a.one(ctx, origin, zone.Key{Owner: origin, Type: zone.TypeSOA})
	if err == nil && soa == "" {
		err = provider.NoZone(origin)
	}
	return soa, err
}

// one asks for an RRset of a single record; "" when it is not there.
func (a *account) one(ctx context.Context, origin zone.Name, k zone.Key) (zone.Data, error) {
	m, err := a.client.Exchange(ctx, a.addr, wire.Query(k.Owner, k.Type))
	if err != nil {
		return "", a.callError(ctx, "read", origin, err)
	}
	if m.RCODE != wire.NoError && m.RCODE != wire.NXDomain {
		return "", a.callError(ctx, "read", origin, &wire.RCODEError{RCODE: m.RCODE})
	}
	for _, r := range m.Answers {
		if r.Key() == k {
			return r.Data, nil
		}
	}
	return "", nil
}

// send sends one update and says what became of it.
func (a *account) send(ctx context.Context, origin zone.Name, m *wire.Message) (provider.Outcome, error) {
	ctx, stop := withGrace(ctx, grace)
	defer stop()
	answer, err := a.client.Exchange(ctx, a.addr, m)
	if err == nil && answer.RCODE == wire.NoError {
		return provider.Done, nil
	}
	if err == nil {
		o := provider.NotDone
		if answer.RCODE == wire.ServFail {
			o = provider.Unknown // nothing is known of where the server got stuck
		}
		return o, a.callError(ctx, "write", origin, &wire.RCODEError{RCODE: answer.RCODE})
	}
	out := a.callError(ctx, "write", origin, err)
	if e, ok := errors.AsType[*wire.Error](err); ok && !e.Sent {
		return provider.NotDone, out
	}
	if e, ok := errors.AsType[*wire.SignatureError](err); ok && e.Remote {
		return provider.NotDone, out // the server did not take the message for ours
	}
	return provider.Unknown, out
}

// grace is how long the answer to an update that is on its way is still waited for after a
// cancellation: the update cannot be called back, and its outcome is worth more than the haste.
const grace = 3 * time.Second

// withGrace returns a context that ends d after ctx does.
func withGrace(ctx context.Context, d time.Duration) (context.Context, func()) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var timer *time.Timer
	armed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		timer = time.AfterFunc(d, cancel)
		close(armed)
	})
	return late, func() {
		if !stop() {
			<-armed
			timer.Stop()
		}
		cancel()
	}
}

// stamp asks for the serial after the write. It is a convenience: without an answer the receipt
// does not tell it.
func (a *account) stamp(ctx context.Context, origin zone.Name, r *provider.Receipt) {
	soa, err := a.soa(ctx, origin)
	r.Calls++
	if err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("the serial after the write is not known: %v", err))
		return
	}
	if serial, err := transfer.Serial(soa); err == nil {
		r.Serial = serial
		r.Revision = strconv.FormatUint(uint64(serial), 10)
	}
}
