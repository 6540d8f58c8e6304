package sqlite

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

	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/zone"
)

// Generations numbers desired states; see store.Store.
func (s *Store) Generations(ctx context.Context, desired map[zone.Name]string) (map[zone.Name]uint64, error) {
	out := make(map[zone.Name]uint64, len(desired))
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, n := range slices.SortedFunc(maps.Keys(desired), zone.Name.Compare) {
			// A state that differs from the last one gets the next number, in one statement.
			row := tx.QueryRowContext(ctx, `
INSERT INTO generations (zone, generation, desired) VALUES (?1, 1, ?2)
ON CONFLICT (zone) DO UPDATE SET generation = generation + (desired <> ?2), desired = ?2
RETURNING generation`, nameKey(n), desired[n])
			var g uint64
			if err := row.Scan(&g); err != nil {
				return err
			}
			out[n] = g
		}
		return nil
	})
	return out, err
}

// History yields versions, newest first; see store.Store.
func (s *Store) History(ctx context.Context, f store.Filter) iter.Seq2[store.Version, error] {
	return func(yield func(store.Version, error) bool) {
		where, args := "WHERE 1", []any{}
		if f.Zone != nil {
			where, args = where+" AND zone = ?", append(args, nameKey(*f.Zone))
		}
		if f.Provider != "" {
			where, args = where+" AND provider = ?", append(args, f.Provider)
		}
		if f.Before > 0 {
			where, args = where+" AND id < ?", append(args, f.Before)
		}
		limit := f.Limit
		if limit <= 0 {
			limit = 100
		}
		versions, err := s.versions(ctx, where+" ORDER BY id DESC LIMIT ?", append(args, limit)...)
		if err != nil {
			yield(store.Version{}, err)
			return
		}
		for _, v := range versions {
			if !yield(v, nil) {
				return
			}
		}
	}
}

const selectVersion = `
SELECT id, run, provider, driver, zone, view, plan, generation, began, coalesce(ended, 0), outcome, error, actor, reason,
       sources, revision, creates, updates, deletes, coalesce(receipt, ''), coalesce(verification, '') FROM entries `

func (s *Store) versions(ctx context.Context, where string, args ...any) ([]store.Version, error) {
	rows, err := s.read.QueryContext(ctx, selectVersion+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []store.Version
	for rows.Next() {
		var v store.Version
		var origin, sources, receipt, verification string
		var began, ended int64
		err := rows.Scan(&v.ID, &v.Run, &v.Target.Provider, &v.Target.Driver, &origin, &v.Target.View, &v.PlanID, &v.Generation,
			&began, &ended, &v.Outcome, &v.Error, &v.Actor, &v.Reason, &sources, &v.Revision,
			&v.Creates, &v.Updates, &v.Deletes, &receipt, &verification)
		if err != nil {
			return nil, err
		}
		v.Began = time.Unix(0, began).UTC()
		if ended != 0 {
			v.Ended = time.Unix(0, ended).UTC()
		}
		if v.Target.Zone, err = nameOf(origin); err != nil {
			return nil, err
		}
		for text, into := range map[string]any{sources: &v.Sources, receipt: &v.Receipt, verification: &v.Verification} {
			if text != "" {
				if err := json.Unmarshal([]byte(text), into); err != nil {
					return nil, fmt.Errorf("version %d: %w", v.ID, err)
				}
			}
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Version returns one version with its zones; see store.Store.
func (s *Store) Version(ctx context.Context, id int64) (*store.Version, error) {
	list, err := s.versions(ctx, "WHERE id = ?", id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("version %d: %w; `zonecast history` lists them", id, store.ErrNoVersion)
	}
	v := &list[0]
	var changes, want, wish, before []byte
	row := s.read.QueryRowContext(ctx, `SELECT changes, want, wish, before FROM entries WHERE id = ?`, id)
	if err := row.Scan(&changes, &want, &wish, &before); err != nil {
		return nil, err
	}
	if err := unpack(changes, &v.Changes); err != nil {
		return nil, fmt.Errorf("version %d: %w", id, err)
	}
	if v.Want, err = s.zone(ctx, want); err != nil {
		return nil, fmt.Errorf("version %d: %w", id, err)
	}
	if v.Wish, err = s.zone(ctx, wish); err != nil {
		return nil, fmt.Errorf("version %d: %w", id, err)
	}
	if v.Before, err = s.zone(ctx, before); err != nil {
		return nil, fmt.Errorf("version %d: %w", id, err)
	}
	return v, nil
}

func (s *Store) zone(ctx context.Context, hash []byte) (*zone.Zone, error) {
	if hash == nil {
		return nil, nil
	}
	var data []byte
	err := s.read.QueryRowContext(ctx, `SELECT data FROM zones WHERE hash = ?`, hash).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errors.New("its zone is missing from the state file")
	}
	if err != nil {
		return nil, err
	}
	raw, err := expand(data)
	if err != nil {
		return nil, err
	}
	return zone.FromBinary(raw)
}

// Created tells what zonecast created; see store.Store.
func (s *Store) Created(ctx context.Context, t plan.Target) (func(zone.Key) bool, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT owner, type FROM created WHERE provider = ? AND zone = ? AND view = ?`, t.Provider, nameKey(t.Zone), t.View)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	have := map[zone.Key]bool{}
	for rows.Next() {
		var owner string
		var typ uint32
		if err := rows.Scan(&owner, &typ); err != nil {
			return nil, err
		}
		n, err := nameOf(owner)
		if err != nil {
			return nil, err
		}
		have[zone.Key{Owner: n, Type: zone.Type(typ)}] = true
	}
	return func(k zone.Key) bool { return have[k] }, rows.Err()
}
