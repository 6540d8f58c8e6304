package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/zonecast/zonecast/zone"
)

// ErrNoZone is wrapped by errors about zones that are not in the file.
var ErrNoZone = errors.New("there is no such zone")

// ErrNoVersion is wrapped by errors about versions that are not known, or not any more.
var ErrNoVersion = errors.New("that version is not known any more")

// ErrKind is wrapped by errors about zones that are there as another kind.
var ErrKind = errors.New("it is kept as another kind")

// ErrInUse is wrapped by Open's error when another process has the file.
var ErrInUse = errors.New("in use")

type inUseError struct{ path, who string }

func (e *inUseError) Error() string {
	return fmt.Sprintf("%s is in use by %s; one name server at a time may have it: stop that one, or give this one a file of its own", e.path, e.who)
}

func (e *inUseError) Unwrap() error { return ErrInUse }

// A Damaged error says that what the file holds of one zone cannot be used. The other zones can.
type Damaged struct {
	Origin zone.Name
	File   string
	Err    error
}

// Error says what to do.
func (e *Damaged) Error() string {
	return fmt.Sprintf("zone %s: what %s holds of it cannot be used: %v; other zones are not concerned. "+
		"A zone that is transferred in comes again by itself; one that is held here has to be deleted and created again, from a backup or from a secondary that still has it", e.Origin, e.File, e.Err)
}

// Unwrap returns the cause.
func (e *Damaged) Unwrap() error { return e.Err }

// trouble adds what to do to an error of the database.
func (d *DB) trouble(err error) error {
	if err == nil {
		return nil
	}
	advice := ""
	e, ok := errors.AsType[*sqlite.Error](err)
	switch {
	case !ok && errors.Is(err, fs.ErrPermission):
		advice = "; let the user that the name server runs as write there"
	case !ok && errors.Is(err, syscall.EROFS):
		advice = "; choose a file on a disk that can be written"
	case !ok:
	case isCorrupt(err):
		advice = fmt.Sprintf("; nothing was written to it. Move %s, and %[1]s-wal if there is one, to another place and put back a copy from a backup; "+
			"`sqlite3 %[1]s .recover` shows what can still be read. Without it zones that are transferred in come again by themselves, those held here have to be created again", d.path)
	case e.Code()&0xff == sqlite3.SQLITE_FULL:
		advice = "; nothing was changed, make room on the disk"
	case e.Code()&0xff == sqlite3.SQLITE_READONLY, e.Code()&0xff == sqlite3.SQLITE_CANTOPEN, e.Code()&0xff == sqlite3.SQLITE_PERM:
		advice = "; the user that the name server runs as must be able to write it and its folder"
	case e.Code()&0xff == sqlite3.SQLITE_IOERR:
		advice = "; the disk does not do what it should, the system's log knows more"
	}
	return fmt.Errorf("zones on disk in %s: %w%s", d.path, err, advice)
}

// isCorrupt reports whether the file is no database, or one that is damaged.
func isCorrupt(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB)
}
