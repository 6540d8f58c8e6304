package sqlite

import (
	"bytes"
	"compress/flate"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/zone"
)

// Names are kept as their sortable key in hexadecimal: ORDER BY is canonical order, and a key's
// zero bytes survive every tool that looks at the file.
func nameKey(n zone.Name) string { return hex.EncodeToString([]byte(n.Key())) }

func nameOf(key string) (zone.Name, error) {
	b, err := hex.DecodeString(key)
	if err != nil {
		return zone.Name{}, err
	}
	return zone.NameFromKey(string(b))
}

const insertEntry = `
INSERT INTO entries (run, provider, driver, zone, view, plan, generation, observed, desired, changes, want, wish, before,
                     actor, reason, sources, revision, creates, updates, deletes, began)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// Begin keeps an entry durably; see apply.Journal.
func (s *Store) Begin(ctx context.Context, e apply.Entry) (id int64, err error) {
	changes, err := pack(e.Changes)
	if err != nil {
		return 0, err
	}
	sources, err := json.Marshal(e.Sources)
	if err != nil {
		return 0, err
	}
	want, err := packZone(e.Want)
	if err != nil {
		return 0, err
	}
	wish, err := packZone(e.Wish)
	if err != nil {
		return 0, err
	}
	before, err := packZone(e.Before)
	if err != nil {
		return 0, err
	}
	creates, updates, deletes := (&plan.Plan{Changes: e.Changes}).Counts()
	t := e.Target
	err = s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var newest uint64
		row := tx.QueryRowContext(ctx, `SELECT coalesce(max(generation), 0) FROM entries WHERE provider = ? AND zone = ? AND view = ?`, t.Provider, nameKey(t.Zone), t.View)
		if err := row.Scan(&newest); err != nil {
			return err
		}
		if newest > e.Generation {
			return fmt.Errorf("%s: generation %d, but %d was begun: %w; plan again", t, e.Generation, newest, apply.ErrStale)
		}
		for _, z := range []packed{want, wish, before} {
			if z.hash != nil {
				if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO zones (hash, data) VALUES (?, ?)`, z.hash, z.data); err != nil {
					return err
				}
			}
		}
		res, err := tx.ExecContext(ctx, insertEntry, e.Run, t.Provider, t.Driver, nameKey(t.Zone), t.View, e.PlanID, e.Generation,
			e.Observed, e.Desired, changes, want.hash, wish.hash, before.hash, e.Actor, e.Reason, string(sources), e.Revision,
			creates, updates, deletes, e.Began.UnixNano())
		if err != nil {
			return err
		}
		id, err = res.LastInsertId()
		return err
	})
	return id, err
}

// Amend changes an open entry; see apply.Journal.
func (s *Store) Amend(ctx context.Context, id int64, c provider.ChangeSet, want *zone.Zone) error {
	changes, err := pack(c)
	if err != nil {
		return err
	}
	z, err := packZone(want)
	if err != nil {
		return err
	}
	creates, updates, deletes := (&plan.Plan{Changes: c}).Counts()
	return s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if z.hash != nil {
			if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO zones (hash, data) VALUES (?, ?)`, z.hash, z.data); err != nil {
				return err
			}
		}
		res, err := tx.ExecContext(ctx, `UPDATE entries SET changes = ?, want = ?, creates = ?, updates = ?, deletes = ? WHERE id = ? AND outcome = 'open'`,
			changes, z.hash, creates, updates, deletes, id)
		if err != nil {
			return err
		}
		return one(res, id)
	})
}

// Finish closes an entry; see apply.Journal.
func (s *Store) Finish(ctx context.Context, id int64, r *provider.Receipt, werr error) error {
	receipt, err := json.Marshal(r)
	if err != nil {
		return err
	}
	outcome, text := "done", ""
	if werr != nil {
		outcome, text = "failed", werr.Error()
		if r != nil && r.Count(provider.Unknown) > 0 {
			outcome = "unknown"
		}
	}
	return s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := end(ctx, tx, id, outcome, text, receipt); err != nil {
			return err
		}
		return remember(ctx, tx, id, r)
	})
}

func end(ctx context.Context, tx *sql.Tx, id int64, outcome, text string, receipt []byte) error {
	res, err := tx.ExecContext(ctx, `UPDATE entries SET ended = ?, outcome = ?, error = ?, receipt = ? WHERE id = ? AND outcome = 'open'`,
		time.Now().UnixNano(), outcome, text, receipt, id)
	if err != nil {
		return err
	}
	return one(res, id)
}

// one is an error when nothing was changed, since the entry is not there or not open.
func one(res sql.Result, id int64) error {
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("journal entry %d is not open (%w)", id, store.ErrNoVersion)
	}
	return nil
}

// remember keeps which RRsets exist because zonecast created them.
func remember(ctx context.Context, tx *sql.Tx, id int64, r *provider.Receipt) error {
	if r == nil {
		return nil
	}
	var prov, origin, view string
	var blob []byte
	row := tx.QueryRowContext(ctx, `SELECT provider, zone, view, changes FROM entries WHERE id = ?`, id)
	if err := row.Scan(&prov, &origin, &view, &blob); err != nil {
		return err
	}
	var changes provider.ChangeSet
	if err := unpack(blob, &changes); err != nil {
		return err
	}
	add, err := tx.PrepareContext(ctx, `INSERT OR IGNORE INTO created (provider, zone, view, owner, type) VALUES (?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer add.Close()
	drop, err := tx.PrepareContext(ctx, `DELETE FROM created WHERE provider = ? AND zone = ? AND view = ? AND owner = ? AND type = ?`)
	if err != nil {
		return err
	}
	defer drop.Close()
	for i, c := range changes.Sets {
		if i >= len(r.Sets) || r.Sets[i] != provider.Done || c.Updates() {
			continue
		}
		stmt := add
		if c.Deletes() {
			stmt = drop
		}
		if _, err := stmt.ExecContext(ctx, prov, origin, view, nameKey(c.Key().Owner), uint32(c.Key().Type)); err != nil {
			return err
		}
	}
	return nil
}

// Verified adds what verification saw; see apply.Journal.
func (s *Store) Verified(ctx context.Context, id int64, v apply.Verification) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE entries SET verification = ? WHERE id = ?`, b, id)
		return err
	})
}

// Resolve closes an entry that an earlier run left open; see apply.Journal.
func (s *Store) Resolve(ctx context.Context, id int64, outcome string) error {
	return s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return end(ctx, tx, id, outcome, "the run that wrote it ended before the answer", nil)
	})
}

// Open yields entries that were begun and never finished; see apply.Journal.
func (s *Store) Open(ctx context.Context) iter.Seq2[apply.Entry, error] {
	return func(yield func(apply.Entry, error) bool) {
		versions, err := s.versions(ctx, `WHERE outcome = 'open' ORDER BY id`)
		if err != nil {
			yield(apply.Entry{}, err)
			return
		}
		for _, v := range versions {
			full, err := s.Version(ctx, v.ID)
			if err != nil {
				yield(apply.Entry{}, err)
				return
			}
			e := apply.Entry{
				ID: full.ID, Run: full.Run, Target: full.Target, PlanID: full.PlanID, Generation: full.Generation, Changes: full.Changes,
				Want: full.Want, Wish: full.Wish, Before: full.Before, Actor: full.Actor, Reason: full.Reason, Sources: full.Sources, Revision: full.Revision, Began: full.Began,
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// packed is a zone as the table zones has it; a nil zone has a nil hash.
type packed struct{ hash, data []byte }

func packZone(z *zone.Zone) (packed, error) {
	if z == nil {
		return packed{}, nil
	}
	b, err := z.MarshalBinary()
	if err != nil {
		return packed{}, err
	}
	h := z.Hash()
	data, err := squeeze(b)
	return packed{h[:], data}, err
}

func pack(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return squeeze(b)
}

func unpack(b []byte, v any) error {
	raw, err := expand(b)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// squeezers are kept because one takes more than a megabyte to make, and a run squeezes four
// mostly small things for each target.
var squeezers sync.Pool

func squeeze(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, ok := squeezers.Get().(*flate.Writer)
	if ok {
		w.Reset(&out)
	} else {
		var err error
		if w, err = flate.NewWriter(&out, flate.BestSpeed); err != nil {
			return nil, err
		}
	}
	defer squeezers.Put(w)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}

func expand(b []byte) ([]byte, error) {
	out, err := io.ReadAll(flate.NewReader(bytes.NewReader(b)))
	if err != nil {
		return nil, fmt.Errorf("state file is damaged: %w", err)
	}
	return out, nil
}
