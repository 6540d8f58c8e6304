package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// partSize is how long the pieces of a whole zone are, in octets.
const partSize = 1 << 20

// atLeast is how many octets of differences are never too many: small zones are written whole when
// their differences fill a page of the file, not when they have grown to half of next to nothing.
const atLeast = 4 << 10

// A Version of a zone that is to be written.
type Version struct {
	Kind string
	Zone *zone.Zone
	At   time.Time
	Note []byte // the owner's own data, in place of the one before
	By   string // who made it, for the history
	// Replace has it take the place of a zone of another kind, which is forgotten with its history.
	Replace bool
	Answer  *Answer // to who has asked for it; nil: none is kept
}

// Put writes a version of a zone; see Write.
func (d *DB) Put(ctx context.Context, kind string, z *zone.Zone, at time.Time, note []byte) error {
	return d.Write(ctx, Version{Kind: kind, Zone: z, At: at, Note: note})
}

// Write writes versions of one zone, oldest first, all or none of them. They are on disk when it
// returns without an error. A version that is equal to the one before only updates the time and the
// note. Serials may be whatever they are. With an error everything is as it was; it wraps ErrKind when
// the zone is there as another kind.
func (d *DB) Write(ctx context.Context, list ...Version) error {
	if len(list) == 0 {
		return nil
	}
	origin := list[0].Zone.Origin()
	serials := make([]uint32, len(list))
	for i, v := range list {
		if v.Zone.Origin() != origin || v.Kind != list[0].Kind {
			return fmt.Errorf("zones on disk: versions of %s %s and of %s %s in one write", list[0].Kind, origin, v.Kind, v.Zone.Origin())
		}
		var err error
		if serials[i], err = serialOf(v.Zone); err != nil {
			return err
		}
	}
	st := d.of(origin)
	defer d.release(origin, st)
	replace := st.row.id != 0 && st.row.kind != list[0].Kind
	if replace && !list[0].Replace {
		return fmt.Errorf("zone %s: %w: %s, not %s; delete it there before", origin, ErrKind, st.row.kind, list[0].Kind)
	}
	if st.row.id != 0 && st.zone == nil && !replace {
		z, err := d.newest(ctx, origin, st)
		if _, damaged := errors.AsType[*Damaged](err); err != nil && !damaged {
			return err
		}
		st.zone = z // nil, when it is damaged: nothing can be told of what is before
	}
	before := st.zone
	if replace {
		before = nil
	}
	w := d.plan(st.row, before, list, serials)
	if w.whole {
		var err error
		if w.data, err = list[len(list)-1].Zone.MarshalBinary(); err != nil {
			return fmt.Errorf("zone %s: %w", origin, err)
		}
	}
	after := w.row
	err := d.do(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		after, err = w.carryOut(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	st.row, st.zone = after, list[len(list)-1].Zone
	return nil
}

func serialOf(z *zone.Zone) (uint32, error) {
	set, ok := z.Set(z.Origin(), zone.TypeSOA)
	if !ok || len(set.Data) != 1 {
		return 0, fmt.Errorf("zone %s: %w", z.Origin(), xfr.ErrNoSOA)
	}
	soa, err := rdata.SOAOf(set.Data[0])
	if err != nil {
		return 0, fmt.Errorf("zone %s: %w", z.Origin(), err)
	}
	return soa.Serial, nil
}

// A writing is all that one Write has to do in the file.
type writing struct {
	origin zone.Name
	row    row // as it will be, but for what only the file tells
	was    row
	last   *Version
	limit  int64
	rows   []numbered
	whole  bool   // the last version is written whole
	forget bool   // nothing leads to the first of rows from what is there
	data   []byte // of the whole

	answers []*Answer
}

// numbered is a row of the table of versions.
type numbered struct {
	number int64
	serial uint32
	at     int64
	by     string
	edits  []byte // nil: what was before is not known
}

// plan decides what is written, after before; nil: what was is not known, or of no use.
func (d *DB) plan(was row, before *zone.Zone, list []Version, serials []uint32) *writing {
	w := &writing{row: was, was: was, last: &list[len(list)-1], limit: xfr.DefaultJournal}
	w.origin = w.last.Zone.Origin()
	if d.Limit != nil {
		if n := d.Limit(w.origin); n != 0 {
			w.limit = max(0, n)
		}
	}
	r := &w.row
	r.kind = w.last.Kind
	for i, v := range list {
		if v.Answer != nil {
			w.answers = append(w.answers, v.Answer)
		}
		var edits []byte
		if before != nil {
			diff := editsOf(before, v.Zone)
			if len(diff) == 0 {
				continue
			}
			edits = encodeEdits(diff)
		}
		before = v.Zone
		size := int64(len(edits))
		if edits == nil || size > max(w.limit, r.whole, atLeast) {
			// Differences that need more than the zone itself are of no use.
			edits, w.forget, w.whole, w.rows = nil, true, true, nil
			r.oldest, r.kept, r.since = r.newest+1, 0, 0
		}
		r.newest++
		if edits != nil {
			r.since, r.kept = r.since+size, r.kept+size
		}
		w.rows = append(w.rows, numbered{r.newest, serials[i], v.At.UnixNano(), v.By, edits})
	}
	if w.whole = w.whole || r.since > max(atLeast, r.whole/2); w.whole {
		r.base, r.since = r.newest, 0
	}
	return w
}

// carryOut writes all into a transaction, and returns the row of the zone.
func (w *writing) carryOut(ctx context.Context, tx *sql.Tx) (row, error) {
	r := w.row
	for _, a := range w.answers {
		if err := a.write(ctx, tx); err != nil {
			return r, err
		}
	}
	if w.whole {
		r.whole = int64(len(w.data))
	}
	if w.was.id == 0 {
		res, err := tx.ExecContext(ctx, `INSERT INTO zones (origin, kind, at, note, base, newest, oldest, whole, since, kept) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			[]byte(w.origin.Key()), r.kind, w.last.At.UnixNano(), w.last.Note, r.base, r.newest, r.oldest, r.whole, r.since, r.kept)
		if err != nil {
			return r, err
		}
		if r.id, err = res.LastInsertId(); err != nil {
			return r, err
		}
	}
	if w.forget && w.was.id != 0 {
		if _, err := tx.ExecContext(ctx, `DELETE FROM versions WHERE zone = ?`, r.id); err != nil {
			return r, err
		}
	}
	for _, v := range w.rows {
		if _, err := tx.ExecContext(ctx, `INSERT INTO versions (zone, number, serial, at, by, edits) VALUES (?, ?, ?, ?, ?, ?)`, r.id, v.number, v.serial, v.at, v.by, v.edits); err != nil {
			return r, err
		}
	}
	if w.whole {
		if err := w.parts(ctx, tx, r.id); err != nil {
			return r, err
		}
	}
	if r.kept > w.limit && r.oldest < r.base {
		if err := w.trim(ctx, tx, &r); err != nil {
			return r, err
		}
	}
	if w.was.id == 0 {
		return r, nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE zones SET kind = ?, at = ?, note = ?, base = ?, newest = ?, oldest = ?, whole = ?, since = ?, kept = ? WHERE id = ?`,
		r.kind, w.last.At.UnixNano(), w.last.Note, r.base, r.newest, r.oldest, r.whole, r.since, r.kept, r.id)
	return r, err
}

// parts writes the zone whole.
func (w *writing) parts(ctx context.Context, tx *sql.Tx, id int64) error {
	if w.was.id != 0 {
		if _, err := tx.ExecContext(ctx, `DELETE FROM parts WHERE zone = ?`, id); err != nil {
			return err
		}
	}
	for i, rest := 0, w.data; len(rest) > 0; i++ {
		n := min(len(rest), partSize)
		part := seal(append(make([]byte, 0, n+4), rest[:n]...))
		if _, err := tx.ExecContext(ctx, `INSERT INTO parts (zone, part, data) VALUES (?, ?, ?)`, id, i, part); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// trim drops the oldest differences, somewhat more than has to be, so that it is not done each time.
func (w *writing) trim(ctx context.Context, tx *sql.Tx, r *row) error {
	rows, err := tx.QueryContext(ctx, `SELECT number, length(edits) FROM versions WHERE zone = ? AND number > ? AND number <= ? ORDER BY number`, r.id, r.oldest, r.base)
	if err != nil {
		return err
	}
	defer rows.Close()
	for r.kept > w.limit-w.limit/8 && rows.Next() {
		var size int64
		if err := rows.Scan(&r.oldest, &size); err != nil {
			return err
		}
		r.kept -= size
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM versions WHERE zone = ? AND number < ?`, r.id, r.oldest); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE versions SET edits = NULL WHERE zone = ? AND number = ?`, r.id, r.oldest)
	return err
}

// Touch writes the time of a zone alone. The error wraps ErrNoZone.
func (d *DB) Touch(ctx context.Context, origin zone.Name, at time.Time) error {
	st := d.of(origin)
	defer d.release(origin, st)
	if st.row.id == 0 {
		return fmt.Errorf("zone %s: %w in %s", origin, ErrNoZone, d.path)
	}
	return d.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE zones SET at = ? WHERE id = ?`, at.UnixNano(), st.row.id)
		return err
	})
}

// Delete forgets a zone with all its versions, and keeps the answers to who has asked for that. A zone
// that is not there is no error, and has no answers.
func (d *DB) Delete(ctx context.Context, origin zone.Name, answers ...Answer) error {
	return d.delete(ctx, origin, "", answers...)
}

// Forget deletes a zone that is there as kind. Nothing is done to one that is there as another kind:
// it belongs to somebody else.
func (d *DB) Forget(ctx context.Context, kind string, origin zone.Name) error {
	return d.delete(ctx, origin, kind)
}

// delete deletes a zone of a kind, "" for any.
func (d *DB) delete(ctx context.Context, origin zone.Name, kind string, answers ...Answer) error {
	st := d.of(origin)
	defer d.release(origin, st)
	if st.row.id == 0 || kind != "" && st.row.kind != kind {
		return nil
	}
	err := d.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, q := range []string{`DELETE FROM parts WHERE zone = ?`, `DELETE FROM versions WHERE zone = ?`, `DELETE FROM zones WHERE id = ?`} {
			if _, err := tx.ExecContext(ctx, q, st.row.id); err != nil {
				return err
			}
		}
		for i := range answers {
			if err := answers[i].write(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		st.row, st.zone = row{}, nil
	}
	return err
}

// An op is one write, done in a transaction that it may share with others. It may be carried out
// more than once before it counts.
type op struct {
	ctx  context.Context
	do   func(context.Context, *sql.Tx) error
	done chan error
}

// do has f carried out and waits until it is on disk.
func (d *DB) do(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	o := op{ctx, f, make(chan error, 1)}
	select {
	case d.ops <- o:
		return <-o.done
	case <-ctx.Done():
		return ctx.Err()
	case <-d.stop:
		return d.trouble(errors.New("it is closed"))
	}
}

// together is how many writes share a flush to disk, at most.
const together = 1000

// writer carries out ops; all that wait at the same time share one transaction.
func (d *DB) writer() {
	defer close(d.closed)
	for {
		var batch []op
		select {
		case o := <-d.ops:
			batch = append(batch, o)
		case <-d.stop:
			return
		}
	more:
		for len(batch) < together {
			select {
			case o := <-d.ops:
				batch = append(batch, o)
			default:
				break more
			}
		}
		d.settle(batch)
	}
}

// settle carries out a batch and tells all who wait.
func (d *DB) settle(batch []op) {
	err := d.commit(batch)
	if err == nil || len(batch) == 1 {
		for _, o := range batch {
			o.done <- d.trouble(err)
		}
		return
	}
	for _, o := range batch { // one that cannot be written must not take others with it
		o.done <- d.trouble(d.commit([]op{o}))
	}
}

func (d *DB) commit(batch []op) error {
	ctx := context.Background()
	if len(batch) == 1 && batch[0].ctx.Err() != nil {
		return batch[0].ctx.Err()
	}
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, o := range batch {
		if err := o.do(ctx, tx); err != nil {
			return err
		}
	}
	return tx.Commit()
}
