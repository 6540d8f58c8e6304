package xfr

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// ErrSerial is wrapped by Put's error when a version's serial does not come after the one before:
// secondaries would never fetch it.
var ErrSerial = errors.New("the serial does not go forward")

// DefaultJournal is the Limit of a Journal that names none, in octets.
const DefaultJournal = 4 << 20

// A Journal keeps the newest version of one zone and the differences that lead to it from older
// ones. The zero Journal is empty and ready. Its methods may be called from any goroutine; versions
// go in and come out without being held up by transfers under way.
type Journal struct {
	// Limit is how many octets of differences are kept; the oldest are dropped first. 0:
	// DefaultJournal; below 0: none are kept, and every transfer is one of the whole zone.
	Limit int64

	mu     sync.RWMutex
	newest *zone.Zone
	soa    zone.RRset
	deltas []*delta // each begins where the one before ends; never changed in place
	size   int64    // of deltas
}

// Put makes z the newest version. The difference to the version before is computed here, however z
// came about. A version that is equal to the newest is no new one. With an error, which wraps
// ErrSerial or ErrNoSOA, the journal stays as it was.
func (j *Journal) Put(z *zone.Zone) error {
	soa, serial, err := soaOf(z)
	if err != nil {
		return err
	}
	j.mu.RLock()
	before, had := j.newest, j.soa
	j.mu.RUnlock()
	if before == nil {
		return j.replace(nil, z, soa, nil)
	}
	if before.Origin() != z.Origin() {
		return fmt.Errorf("a version of zone %s cannot follow on one of zone %s", z.Origin(), before.Origin())
	}
	old := serialAt(had.Data[0])
	switch {
	case before == z || before.Equal(z):
		return nil
	case serial == old && difference(before, z, had, soa).void():
		// What DNS does not carry has changed: no version for others.
		return j.exchange(before, z)
	case !Newer(serial, old):
		return fmt.Errorf("zone %s: serial %d after %d: %w; raise the serial, as secondaries would keep what they have", z.Origin(), serial, old, ErrSerial)
	}
	var d *delta
	if j.Limit >= 0 {
		d = difference(before, z, had, soa)
	}
	return j.replace(before, z, soa, d)
}

// Reset makes z the newest version whatever its serial, and forgets all others.
func (j *Journal) Reset(z *zone.Zone) error {
	soa, _, err := soaOf(z)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.newest, j.soa, j.deltas, j.size = z, soa, nil, 0
	return nil
}

// A Difference is what leads from one version of a zone to the next, record by record as IXFR sends
// it (RFC 1995, section 4): what goes and what comes, in both the SOA first.
type Difference struct{ Deleted, Added []wire.Record }

// Restore makes z the newest version whatever its serial, with the differences that led to it,
// oldest first, as another process has kept them. Those that do not lead to z one after the other,
// with serials that go forward, are left out, as are the oldest ones above the limit.
func (j *Journal) Restore(z *zone.Zone, list []Difference) error {
	soa, serial, err := soaOf(z)
	if err != nil {
		return err
	}
	limit := j.Limit
	if limit == 0 {
		limit = DefaultJournal
	}
	var kept []*delta
	var size int64
	for _, x := range slices.Backward(list) {
		d, ok := x.pack(z.Origin())
		if !ok || d.to != serial || !Newer(d.to, d.from) || size+d.size() > limit {
			break
		}
		kept, size, serial = append(kept, d), size+d.size(), d.from
	}
	slices.Reverse(kept)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.newest, j.soa, j.deltas, j.size = z, soa, kept, size
	return nil
}

// pack makes a delta; ok is false when the difference does not begin with the SOAs of a zone.
func (x *Difference) pack(origin zone.Name) (d *delta, ok bool) {
	var packed [2]records
	var serials [2]uint32
	for i, list := range [][]wire.Record{x.Deleted, x.Added} {
		if len(list) == 0 || list[0].Type != zone.TypeSOA || list[0].Owner != origin || len(list[0].Data) < 22 {
			return nil, false
		}
		serials[i] = serialAt(list[0].Data)
		var b []byte
		for _, r := range list {
			if !r.Owner.In(origin) || !r.Type.OnWire() || len(r.Data) > wire.MaxSize {
				return nil, false
			}
			b = appendRecord(b, r)
		}
		packed[i] = records(b)
	}
	return &delta{from: serials[0], to: serials[1], deleted: packed[0], added: packed[1]}, true
}

// exchange puts z in the place of a version that looks the same from outside.
func (j *Journal) exchange(before, z *zone.Zone) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.newest != before {
		return j.overtaken(z)
	}
	j.newest = z
	return nil
}

func (j *Journal) overtaken(z *zone.Zone) error {
	return fmt.Errorf("zone %s: another version came at the same time; try again", z.Origin())
}

// replace puts the version in if the newest is still the one that the difference starts from.
func (j *Journal) replace(before, z *zone.Zone, soa zone.RRset, d *delta) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.newest != before {
		return j.overtaken(z)
	}
	j.newest, j.soa = z, soa
	if d == nil {
		j.deltas, j.size = nil, 0
		return nil
	}
	limit := j.Limit
	if limit == 0 {
		limit = DefaultJournal
	}
	j.deltas = append(j.deltas, d) // readers hold shorter slices of the same array, or another one
	j.size += d.size()
	drop := 0
	for ; drop < len(j.deltas) && j.size > limit; drop++ {
		j.size -= j.deltas[drop].size()
	}
	if drop > 0 {
		j.deltas = append([]*delta(nil), j.deltas[drop:]...)
	}
	return nil
}

// Zone returns the newest version, nil when there is none.
func (j *Journal) Zone() *zone.Zone {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.newest
}

// Serials returns the serials of the versions that differences are known from, oldest first, and
// last the newest one's. It is empty when the journal is.
func (j *Journal) Serials() []uint32 {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if j.newest == nil {
		return nil
	}
	out := make([]uint32, 0, len(j.deltas)+1)
	for _, d := range j.deltas {
		out = append(out, d.from)
	}
	return append(out, serialAt(j.soa.Data[0]))
}

// Size is how many octets the differences take.
func (j *Journal) Size() int64 {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.size
}

// A version is what a journal knows at one moment.
type version struct {
	zone   *zone.Zone
	soa    zone.RRset
	serial uint32
	deltas []*delta
}

// now returns the newest version; ok is false when there is none.
func (j *Journal) now() (v version, ok bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if j.newest == nil {
		return v, false
	}
	return version{j.newest, j.soa, serialAt(j.soa.Data[0]), j.deltas}, true
}

// since returns the differences from a serial on, and how many octets they take; none when the
// journal does not reach back so far.
func (v *version) since(serial uint32) (list []*delta, size int64) {
	for i := len(v.deltas) - 1; i >= 0; i-- {
		size += v.deltas[i].size()
		if v.deltas[i].from == serial {
			return v.deltas[i:], size
		}
	}
	return nil, 0
}
