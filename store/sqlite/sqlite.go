package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/zonecast/zonecast/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// A Store is an open state folder.
type Store struct {
	dir    string
	read   *sql.DB
	write  *sql.DB
	ops    chan op
	stop   chan struct{} // closed by Close
	closed chan struct{} // closed when the writer has ended
}

var _ store.Store = (*Store)(nil)

// Open opens the state folder, making it when it is not there.
func Open(ctx context.Context, dir string) (*Store, error) {
	if err := prepare(dir); err != nil {
		return nil, fmt.Errorf("state folder %s: %w; history cannot be kept there, choose another with `state:`", dir, err)
	}
	file := filepath.Join(dir, "state.db")
	s := &Store{dir: dir, ops: make(chan op), stop: make(chan struct{}), closed: make(chan struct{})}
	var err error
	if s.write, err = connect(file, "immediate", 1); err != nil {
		return nil, err
	}
	if err := s.setUp(ctx); err != nil {
		s.write.Close()
		return nil, fmt.Errorf("state file %s: %w", file, err)
	}
	if s.read, err = connect(file, "deferred", 4); err != nil {
		s.write.Close()
		return nil, err
	}
	go s.writer() //nolint:contextcheck // it outlives ctx, and every op brings a context of its own
	return s, nil
}

func prepare(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "locks"), 0o700); err != nil {
		return err
	}
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Stat(ignore); errors.Is(err, fs.ErrNotExist) {
		return os.WriteFile(ignore, []byte("*\n"), 0o600)
	}
	return nil
}

func connect(file, lock string, conns int) (*sql.DB, error) {
	q := url.Values{"_txlock": {lock}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
	}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// setUp checks that the pragmas took effect (a driver ignores what it does not know) and brings
// the tables up to date.
func (s *Store) setUp(ctx context.Context) error {
	// Two runs may open a new folder at once; goose does not keep them apart.
	done, err := alone(ctx, filepath.Join(s.dir, "locks", "set-up"))
	if err != nil {
		return err
	}
	defer done()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := s.write.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got); err != nil {
			if strings.Contains(err.Error(), "not a database") {
				return fmt.Errorf("%w; move it away: only history is lost", err)
			}
			return err
		}
		if !strings.EqualFold(got, want) {
			return fmt.Errorf("%s is %s, not %s; is the file on a network file system?", pragma, got, want)
		}
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.write, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	// goose passes over versions that it does not know; what a newer zonecast keeps must not be
	// written without knowing what it means.
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if known := p.ListSources(); have > known[len(known)-1].Version {
		return fmt.Errorf("a newer zonecast made it (version %d of its tables, this one knows %d); use that one, or move the file away: only history is lost", have, known[len(known)-1].Version)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bringing the tables up to date: %w", err)
	}
	return nil
}

// Close ends the writer and closes the file.
func (s *Store) Close() error {
	close(s.stop)
	<-s.closed
	return errors.Join(s.read.Close(), s.write.Close())
}

// An op is one write, done in a transaction that it may share with others.
type op struct {
	ctx  context.Context
	do   func(context.Context, *sql.Tx) error
	done chan error
}

// update runs f in a transaction. f must leave nothing behind when it returns an error.
func (s *Store) update(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	o := op{ctx, f, make(chan error, 1)}
	select {
	case s.ops <- o:
		return <-o.done
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stop:
		return errors.New("state file: it is closed")
	}
}

// writer carries out ops; all that wait at the same time share one transaction.
func (s *Store) writer() {
	defer close(s.closed)
	for {
		var batch []op
		select {
		case o := <-s.ops:
			batch = append(batch, o)
		case <-s.stop:
			return
		}
	more:
		for len(batch) < 200 {
			select {
			case o := <-s.ops:
				batch = append(batch, o)
			default:
				break more
			}
		}
		s.commit(batch)
	}
}

// commit carries out a batch. Each op has a savepoint of its own, so that one that fails takes
// nothing else with it; if the transaction as a whole fails, all have failed.
func (s *Store) commit(batch []op) {
	ctx := context.Background()
	results := make([]error, len(batch))
	err := func() error {
		tx, err := s.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		for i, o := range batch {
			if o.ctx.Err() != nil {
				results[i] = o.ctx.Err()
				continue
			}
			if _, err := tx.ExecContext(ctx, "SAVEPOINT op"); err != nil {
				return err
			}
			if results[i] = o.do(ctx, tx); results[i] != nil {
				if _, err := tx.ExecContext(ctx, "ROLLBACK TO op"); err != nil {
					return err
				}
			}
			if _, err := tx.ExecContext(ctx, "RELEASE op"); err != nil {
				return err
			}
		}
		return tx.Commit()
	}()
	for i, o := range batch {
		if err != nil {
			results[i] = fmt.Errorf("state file: %w", err)
		}
		o.done <- results[i]
	}
}
