package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// A DB is an open file of zones. Its methods may be called from any goroutine.
type DB struct {
	// Limit says how many octets of differences are kept of a zone: the oldest are dropped first, but
	// none that is needed to come from the zone as it was last written whole to the newest version.
	// nil, and 0: xfr.DefaultJournal; below 0: none besides. Set it before the first Write.
	Limit func(origin zone.Name) int64

	path   string
	unlock func()
	read   *sql.DB
	write  *sql.DB
	ops    chan op
	stop   chan struct{} // closed by Close
	closed chan struct{} // closed when the writer has ended

	mu    sync.Mutex
	zones map[zone.Name]*state
}

// A state is what is known of a zone without looking at the disk.
type state struct {
	mu   sync.Mutex // held while a version is written
	row  row
	zone *zone.Zone // newest version; nil: not read yet
	gone bool       // deleted, and no longer among DB.zones
}

// A row is how a zone stands in the table of zones.
type row struct {
	id     int64 // 0: it does not
	kind   string
	base   int64 // number of the version that is there as a whole
	newest int64 // number of the newest version
	oldest int64 // number of the oldest one that can be made again
	whole  int64 // octets of the whole one
	since  int64 // octets of differences after it
	kept   int64 // octets of all differences
}

// An Entry is what the file holds of one zone.
type Entry struct {
	Zone *zone.Zone // newest version
	Kind string
	At   time.Time // as the last Write or Touch said
	Note []byte    // the owner's own data
	// Deltas led to it, oldest first: what xfr.Journal.Restore takes.
	Deltas []xfr.Difference
}

// Numbers that tell our files from others'.
const (
	applicationID = 0x5a43_6e73 // "ZCns"
	tables        = 2           // version of the tables
)

const schema = `
CREATE TABLE zones (
    id     INTEGER PRIMARY KEY,
    origin BLOB NOT NULL UNIQUE,          -- sortable key of the name
    kind   TEXT NOT NULL,
    at     INTEGER NOT NULL,              -- nanoseconds since 1970, UTC
    note   BLOB,
    base   INTEGER NOT NULL,              -- number of the version that is in parts
    newest INTEGER NOT NULL CHECK (newest >= base),
    oldest INTEGER NOT NULL CHECK (oldest <= base),
    whole  INTEGER NOT NULL,              -- octets in parts
    since  INTEGER NOT NULL,              -- octets of edits after base
    kept   INTEGER NOT NULL               -- octets of all edits
);
-- One version of each zone as a whole, cut into pieces that end in a checksum.
CREATE TABLE parts (
    zone INTEGER NOT NULL REFERENCES zones (id),
    part INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (zone, part)
) WITHOUT ROWID;
-- Versions. The oldest of a zone has no edits: what was before it is not known.
CREATE TABLE versions (
    zone   INTEGER NOT NULL REFERENCES zones (id),
    number INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    by     TEXT NOT NULL,
    edits  BLOB,
    PRIMARY KEY (zone, number)
) WITHOUT ROWID;
`

// Open opens a file of zones, and makes it, and its folder, when there is none. The error wraps
// ErrInUse when another process has it.
func Open(ctx context.Context, path string) (*DB, error) {
	d := &DB{path: path, ops: make(chan op), stop: make(chan struct{}), closed: make(chan struct{}), zones: map[zone.Name]*state{}}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, d.trouble(err)
	}
	var err error
	if d.unlock, err = lock(path); err != nil {
		if errors.Is(err, ErrInUse) {
			return nil, fmt.Errorf("zones on disk: %w", err)
		}
		return nil, d.trouble(err)
	}
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(d.trouble(err), d.disconnect())
	}
	go d.writer() //nolint:contextcheck // it outlives ctx, and every op brings a context of its own
	return d, nil
}

func (d *DB) open(ctx context.Context) error {
	f, err := os.OpenFile(d.path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite would let others read it
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if d.write, err = connect(d.path, "immediate", 1); err != nil {
		return err
	}
	if err := d.setUp(ctx); err != nil {
		return err
	}
	if d.read, err = connect(d.path, "deferred", 4); err != nil {
		return err
	}
	return d.index(ctx)
}

func connect(file, lock string, conns int) (*sql.DB, error) {
	q := url.Values{"_txlock": {lock}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(16777216)", "cache_size(-8000)",
	}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// setUp checks that the pragmas took effect (a driver ignores what it does not know), that the file
// is one of ours, and makes the tables in a new one.
func (d *DB) setUp(ctx context.Context) error {
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		var got string
		if err := d.write.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got); err != nil {
			return err
		}
		if !strings.EqualFold(got, want) {
			return fmt.Errorf("%s is %s, not %s; is the file on a network file system?", pragma, got, want)
		}
	}
	var owner, version, objects int64
	err := d.write.QueryRowContext(ctx, "SELECT (SELECT * FROM pragma_application_id), (SELECT * FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)").Scan(&owner, &version, &objects)
	switch {
	case err != nil:
		return err
	case owner == 0 && version == 0 && objects == 0:
		tx, err := d.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("%s %s PRAGMA application_id = %d; PRAGMA user_version = %d;", schema, answersTable, applicationID, tables)); err != nil {
			return err
		}
		return tx.Commit()
	case owner != applicationID:
		return errors.New("the file is the database of another program; choose another file")
	case version > tables:
		return fmt.Errorf("a newer zonecast made it (version %d of its tables, this one knows %d); use that one, or another file", version, tables)
	case version == 1: // before there were answers
		tx, err := d.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("%s PRAGMA user_version = %d;", answersTable, tables)); err != nil {
			return err
		}
		return tx.Commit()
	}
	return nil
}

// index reads which zones there are.
func (d *DB) index(ctx context.Context) error {
	rows, err := d.read.QueryContext(ctx, "SELECT id, origin, kind, base, newest, oldest, whole, since, kept FROM zones")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var key []byte
		st := &state{}
		r := &st.row
		if err := rows.Scan(&r.id, &key, &r.kind, &r.base, &r.newest, &r.oldest, &r.whole, &r.since, &r.kept); err != nil {
			return err
		}
		origin, err := zone.NameFromKey(string(key))
		if err != nil {
			return fmt.Errorf("zone %d has a name that is none: %w; restore the file from a backup", r.id, err)
		}
		d.zones[origin] = st
	}
	return rows.Err()
}

// Close waits for writes under way and closes the file.
func (d *DB) Close() error {
	close(d.stop)
	<-d.closed
	return d.disconnect()
}

func (d *DB) disconnect() error {
	var errs []error
	for _, db := range []*sql.DB{d.read, d.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	d.unlock()
	return errors.Join(errs...)
}

// Path is the name of the file.
func (d *DB) Path() string { return d.path }

// Kind returns the kind of a zone; ok is false when there is none of that name.
func (d *DB) Kind(origin zone.Name) (kind string, ok bool) {
	d.mu.Lock()
	st := d.zones[origin]
	d.mu.Unlock()
	if st == nil {
		return "", false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.row.kind, st.row.id != 0
}

// of returns the state of a zone, locked.
func (d *DB) of(origin zone.Name) *state {
	for {
		d.mu.Lock()
		st := d.zones[origin]
		if st == nil {
			st = &state{}
			d.zones[origin] = st
		}
		d.mu.Unlock()
		st.mu.Lock()
		if !st.gone {
			return st
		}
		st.mu.Unlock()
	}
}

// release unlocks a state, and forgets it when nothing is on disk.
func (d *DB) release(origin zone.Name, st *state) {
	if st.row.id == 0 && !st.gone {
		st.gone = true
		d.mu.Lock()
		delete(d.zones, origin)
		d.mu.Unlock()
	}
	st.mu.Unlock()
}
