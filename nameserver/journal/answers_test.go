package journal

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/zone"
)

func keyOf(n int) [sha256.Size]byte { return sha256.Sum256(fmt.Append(nil, n)) }

// recalled is what is known of a key: its data, "" for nothing.
func recalled(t *testing.T, d *DB, n int, now time.Time) string {
	t.Helper()
	a, ok, err := d.Answer(t.Context(), keyOf(n), now)
	if err != nil {
		t.Fatal(err)
	}
	if ok && (a.Key != keyOf(n) || a.Request != keyOf(-n)) {
		t.Errorf("answer %d: %+v", n, a)
	}
	return string(a.Data)
}

// Answers are kept with what they tell of, taken back with it, and bounded in age and number.
func TestAnswers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(dnstest.Folder(t), "zones.db")
	d := open(t, path)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	origin := zone.MustName("z.example.")
	serial := uint32(0)
	answer := func(n int, at time.Time) *Answer {
		return &Answer{Key: keyOf(n), Request: keyOf(-n), At: at, Data: fmt.Append(nil, "answer ", n)}
	}
	write := func(at time.Time, list ...*Answer) {
		t.Helper()
		var versions []Version
		for _, a := range list {
			serial++
			z, err := saying(origin, serial)
			if err != nil {
				t.Fatal(err)
			}
			versions = append(versions, Version{Kind: "primary", Zone: z, At: at, Answer: a})
		}
		if err := d.Write(t.Context(), versions...); err != nil {
			t.Fatal(err)
		}
	}
	write(now, answer(1, now), nil, answer(2, now))
	shut(t, d)
	d = open(t, path)
	for n, want := range []string{"", "answer 1", "answer 2", ""} {
		if got := recalled(t, d, n, now.Add(time.Hour)); got != want {
			t.Errorf("answer %d: %q, want %q", n, got, want)
		}
	}
	write(now, &Answer{Key: keyOf(1)})
	if got := recalled(t, d, 1, now) + recalled(t, d, 2, now); got != "answer 2" {
		t.Errorf("after one was taken back: %q", got)
	}
	if got := recalled(t, d, 2, now.Add(25*time.Hour)); got != "" {
		t.Errorf("a day later: %q", got)
	}
	if err := d.Delete(t.Context(), origin, *answer(3, now)); err != nil {
		t.Fatal(err)
	}
	if got := recalled(t, d, 3, now); got != "answer 3" {
		t.Errorf("of a deletion: %q", got)
	}

	count := func() (n int) {
		t.Helper()
		if err := d.read.QueryRowContext(t.Context(), "SELECT count(*) FROM answers").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	// A day later, those of the day before go.
	write(now.Add(25*time.Hour), answer(4, now.Add(25*time.Hour)))
	if n := count(); n != 1 {
		t.Errorf("%d answers are kept, want 1", n)
	}
	tx, err := d.write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for n := range answersMost + 20 {
		if err := answer(10+n, now.Add(25*time.Hour)).write(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != answersMost {
		t.Errorf("%d answers are kept, want %d", n, answersMost)
	}
	shut(t, d)
}

// A file from before there were answers gets a place for them.
func TestAnswersInOlderFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(dnstest.Folder(t), "zones.db")
	d := open(t, path)
	z, err := saying(zone.MustName("z.example."), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(t.Context(), Version{Kind: "primary", Zone: z, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.write.ExecContext(t.Context(), "DROP TABLE answers; PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
	shut(t, d)
	d = open(t, path)
	now := time.Now()
	if err := d.Write(t.Context(), Version{Kind: "primary", Zone: z, At: now, Answer: &Answer{Key: keyOf(1), Request: keyOf(-1), At: now, Data: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	if got := recalled(t, d, 1, now); got != "x" {
		t.Errorf("answer %q, want x", got)
	}
	if got := all(t, d, "primary"); len(got) != 1 || !got[0].Zone.Equal(z) {
		t.Errorf("%v is there, want the zone that was", got)
	}
	shut(t, d)
}
