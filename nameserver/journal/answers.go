package journal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"
)

// An Answer is what a request with a key of its own has come to. It is written in one transaction with
// what the request has brought about, so that who repeats a request whose answer was lost gets it, also
// after a crash, and nothing is done twice.
type Answer struct {
	Key     [sha256.Size]byte // of the request and who has sent it
	Request [sha256.Size]byte // tells requests apart that have the same key
	At      time.Time
	Data    []byte // the owner's own; nil: the answer is forgotten, as what it told of was taken back
}

// Answers are kept for a day, and not more than so many: the oldest go first.
const (
	answersFor  = 24 * time.Hour
	answersMost = 20_000
)

const answersTable = `
-- What requests with keys of their own have come to, oldest first.
CREATE TABLE answers (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    key     BLOB NOT NULL UNIQUE,
    request BLOB NOT NULL,
    at      INTEGER NOT NULL,
    data    BLOB NOT NULL
);
`

// write puts an answer into a transaction, and takes out those that are too old, or too many.
func (a *Answer) write(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM answers WHERE key = ?`, a.Key[:]); err != nil || a.Data == nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO answers (key, request, at, data) VALUES (?, ?, ?, ?)`, a.Key[:], a.Request[:], a.At.UnixNano(), a.Data); err != nil {
		return err
	}
	// Some at a time: each write makes room for more than itself.
	_, err := tx.ExecContext(ctx, `DELETE FROM answers WHERE id IN (SELECT id FROM answers ORDER BY id LIMIT 16)
		AND (at < ? OR id <= (SELECT max(id) FROM answers) - ?)`, a.At.Add(-answersFor).UnixNano(), answersMost)
	return err
}

// Answer returns what a request with a key has come to; ok is false when that is not known, or not any
// more.
func (d *DB) Answer(ctx context.Context, key [sha256.Size]byte, now time.Time) (a Answer, ok bool, err error) {
	var request []byte
	var at int64
	err = d.read.QueryRowContext(ctx, `SELECT request, at, data FROM answers WHERE key = ?`, key[:]).Scan(&request, &at, &a.Data)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Answer{}, false, nil
	case err != nil:
		return Answer{}, false, d.trouble(err)
	}
	a.Key, a.At = key, time.Unix(0, at)
	if len(request) != len(a.Request) || now.Sub(a.At) > answersFor {
		return Answer{}, false, nil
	}
	copy(a.Request[:], request)
	return a, true, nil
}
