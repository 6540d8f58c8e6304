package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// Zones are read this many, or about this many octets of them, at a time.
const (
	batchZones  = 500
	batchOctets = 16 << 20
)

// Zones yields the zones of a kind in order of their names, each as it is when it is read. A zone
// that cannot be used yields an error of type *Damaged, and the others come nevertheless; another
// error ends the sequence.
func (d *DB) Zones(ctx context.Context, kind string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for batch := range d.batches(kind) {
			list, err := d.load(ctx, batch)
			if err != nil && isCorrupt(err) && len(batch) > 1 {
				list, err = nil, nil
				for _, s := range batch { // only some may be concerned
					one, err := d.load(ctx, []stored{s})
					if err != nil {
						one = []stored{{origin: s.origin, err: err}}
					}
					list = append(list, one...)
				}
			}
			if err != nil {
				yield(Entry{}, d.trouble(err))
				return
			}
			for i := range list {
				e, err := d.entry(&list[i])
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

// A stored zone is what the tables hold of it.
type stored struct {
	origin   zone.Name
	id       int64
	kind     string
	at       int64
	note     []byte
	base     int64
	newest   int64
	parts    []byte
	versions []storedVersion // oldest first
	err      error
}

type storedVersion struct {
	number int64
	edits  []byte
}

// batches yields the zones of a kind, some at a time.
func (d *DB) batches(kind string) iter.Seq[[]stored] {
	d.mu.Lock()
	list := slices.SortedFunc(maps.Keys(d.zones), zone.Name.Compare)
	d.mu.Unlock()
	return func(yield func([]stored) bool) {
		var batch []stored
		var octets int64
		for _, origin := range list {
			d.mu.Lock()
			st := d.zones[origin]
			d.mu.Unlock()
			if st == nil {
				continue
			}
			st.mu.Lock()
			r := st.row
			st.mu.Unlock()
			if r.id == 0 || r.kind != kind {
				continue
			}
			if len(batch) > 0 && (len(batch) == batchZones || octets+r.whole+r.kept > batchOctets) {
				if !yield(batch) {
					return
				}
				batch, octets = nil, 0
			}
			batch = append(batch, stored{origin: origin, id: r.id})
			octets += r.whole + r.kept
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// load reads zones as they are at one moment. What is gone by then is left out.
func (d *DB) load(ctx context.Context, batch []stored) ([]stored, error) {
	at := make(map[int64]int, len(batch))
	ids := make([]int64, len(batch))
	for i, s := range batch {
		at[s.id], ids[i] = i, s.id
	}
	in, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	tx, err := d.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	each := func(query string, scan func(*sql.Rows) error) error {
		rows, err := tx.QueryContext(ctx, query, string(in))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}
	err = each(`SELECT id, kind, at, note, base, newest FROM zones WHERE id IN (SELECT value FROM json_each(?))`, func(r *sql.Rows) error {
		var s stored
		if err := r.Scan(&s.id, &s.kind, &s.at, &s.note, &s.base, &s.newest); err != nil {
			return err
		}
		s.origin = batch[at[s.id]].origin
		batch[at[s.id]] = s
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(`SELECT zone, data FROM parts WHERE zone IN (SELECT value FROM json_each(?)) ORDER BY zone, part`, func(r *sql.Rows) error {
		var id int64
		var data sql.RawBytes
		if err := r.Scan(&id, &data); err != nil {
			return err
		}
		s := &batch[at[id]]
		part, err := unseal(data)
		if err != nil {
			s.err = err
		}
		s.parts = append(s.parts, part...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(`SELECT zone, number, edits FROM versions WHERE zone IN (SELECT value FROM json_each(?)) AND edits IS NOT NULL ORDER BY zone, number`, func(r *sql.Rows) error {
		var id int64
		var v storedVersion
		if err := r.Scan(&id, &v.number, &v.edits); err != nil {
			return err
		}
		s := &batch[at[id]]
		s.versions = append(s.versions, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(batch, func(s stored) bool { return s.newest == 0 }), nil
}

// entry makes a zone of what is stored of it.
func (d *DB) entry(s *stored) (Entry, error) {
	z, lists, err := s.zone()
	if err != nil {
		return Entry{}, &Damaged{s.origin, d.path, err}
	}
	d.mu.Lock()
	st := d.zones[s.origin]
	d.mu.Unlock()
	if st != nil {
		st.mu.Lock()
		if st.row.id == s.id && st.row.newest == s.newest {
			if st.zone == nil {
				st.zone = z
			}
			z = st.zone // one copy is enough
		}
		st.mu.Unlock()
	}
	return Entry{Zone: z, Kind: s.kind, At: time.Unix(0, s.at).UTC(), Note: s.note, Deltas: differences(s.origin, lists)}, nil
}

// zone makes the newest version, and returns the edits of all versions.
func (s *stored) zone() (z *zone.Zone, lists [][]edit, err error) {
	if s.err != nil {
		return nil, nil, s.err
	}
	if z, err = zone.FromBinary(s.parts); err != nil {
		return nil, nil, err
	}
	if z.Origin() != s.origin {
		return nil, nil, fmt.Errorf("%w: they are of zone %s", errDamaged, z.Origin())
	}
	r := replay{base: z}
	next := s.base + 1
	for _, v := range s.versions {
		list, err := decodeEdits(v.edits)
		switch {
		case err != nil && v.number <= s.base: // what is older than the whole is of use, but not needed
			lists = nil
			continue
		case err == nil && v.number > s.base && v.number != next:
			err = fmt.Errorf("%w: version %d is missing", errDamaged, next)
		case err == nil && v.number > s.base:
			err = r.apply(list, false)
			next++
		}
		if err != nil {
			return nil, nil, err
		}
		lists = append(lists, list)
	}
	if next != s.newest+1 {
		return nil, nil, fmt.Errorf("%w: version %d is missing", errDamaged, next)
	}
	z, err = r.zone()
	return z, lists, err
}

// newest reads the newest version of a zone, whose state is locked.
func (d *DB) newest(ctx context.Context, origin zone.Name, st *state) (*zone.Zone, error) {
	list, err := d.load(ctx, []stored{{origin: origin, id: st.row.id}})
	if err != nil {
		return nil, d.trouble(err)
	}
	if len(list) == 0 {
		return nil, &Damaged{origin, d.path, errors.New("it is not there")}
	}
	z, _, err := list[0].zone()
	if err != nil {
		return nil, &Damaged{origin, d.path, err}
	}
	return z, nil
}

// A Past version is one of those that a zone has had.
type Past struct {
	Serial uint32
	At     time.Time
	By     string // who made it
	Octets int    // of the difference to the version before; 0 for the oldest
}

// Versions lists the versions of a zone that can be made again, newest first. The error wraps
// ErrNoZone.
func (d *DB) Versions(ctx context.Context, origin zone.Name) ([]Past, error) {
	st := d.of(origin)
	id := st.row.id
	d.release(origin, st)
	if id == 0 {
		return nil, fmt.Errorf("zone %s: %w in %s", origin, ErrNoZone, d.path)
	}
	rows, err := d.read.QueryContext(ctx, `SELECT serial, at, by, coalesce(length(edits), 0) FROM versions WHERE zone = ? ORDER BY number DESC`, id)
	if err != nil {
		return nil, d.trouble(err)
	}
	defer rows.Close()
	var list []Past
	for rows.Next() {
		var p Past
		var at int64
		if err := rows.Scan(&p.Serial, &at, &p.By, &p.Octets); err != nil {
			return nil, d.trouble(err)
		}
		p.At = time.Unix(0, at).UTC()
		list = append(list, p)
	}
	return list, d.trouble(rows.Err())
}

// Version makes an older version of a zone again; of several with the serial the newest. The error
// wraps ErrNoZone or ErrNoVersion.
func (d *DB) Version(ctx context.Context, origin zone.Name, serial uint32) (*zone.Zone, error) {
	st := d.of(origin)
	defer d.release(origin, st) // no version comes in between
	if st.row.id == 0 {
		return nil, fmt.Errorf("zone %s: %w in %s", origin, ErrNoZone, d.path)
	}
	if st.zone == nil {
		z, err := d.newest(ctx, origin, st)
		if err != nil {
			return nil, err
		}
		st.zone = z
	}
	unknown := fmt.Errorf("zone %s: serial %d: %w", origin, serial, ErrNoVersion)
	var number int64
	err := d.read.QueryRowContext(ctx, `SELECT number FROM versions WHERE zone = ? AND serial = ? ORDER BY number DESC LIMIT 1`, st.row.id, serial).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, unknown
	}
	if err != nil {
		return nil, d.trouble(err)
	}
	rows, err := d.read.QueryContext(ctx, `SELECT number, edits FROM versions WHERE zone = ? AND number > ? ORDER BY number DESC`, st.row.id, number)
	if err != nil {
		return nil, d.trouble(err)
	}
	defer rows.Close()
	r := replay{base: st.zone}
	next := st.row.newest
	for ; rows.Next(); next-- {
		var v storedVersion
		if err := rows.Scan(&v.number, &v.edits); err != nil {
			return nil, d.trouble(err)
		}
		list, err := decodeEdits(v.edits)
		if err == nil && v.number == next {
			err = r.apply(list, true)
		}
		if err != nil || v.number != next {
			return nil, errors.Join(unknown, err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, d.trouble(err)
	}
	if next != number {
		return nil, unknown
	}
	return r.zone()
}
