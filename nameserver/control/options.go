package control

import (
	"cmp"
	"context"
	"crypto/sha256"
	"time"

	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

// A Backend holds the zones that are edited here, and shows those that are not; held.Zones is one.
// Errors wrap those of package held.
type Backend interface {
	Zones() []held.Info // sorted by name
	// Zone returns the newest version. The error wraps held.ErrNoZone.
	Zone(origin zone.Name) (*zone.Zone, held.Info, error)
	Create(ctx context.Context, z *zone.Zone) (held.Info, error)
	// Change makes all of the changes or none. base is the revision that they were computed from.
	Change(ctx context.Context, origin zone.Name, base string, changes []zone.Change) (held.Info, error)
	Delete(ctx context.Context, origin zone.Name, base string) error
}

// Options are what the interface works on. Backend is needed; what a nil function would do is
// answered as not supported.
type Options struct {
	Backend Backend

	Version   string
	Addresses func() []string // where the server answers over UDP and TCP: "192.0.2.53:53"
	Counters  func() map[string]uint64
	// Transfer tells how a secondary zone is.
	Transfer func(origin zone.Name) (xfr.Status, bool)
	// Formers lists the zones that are answered as they were; nil: none are.
	Formers func() []api.Former

	// Reload reads files and configuration again, and returns when that is done.
	Reload func(ctx context.Context) (api.Reload, error)
	// Refresh has the primaries of a secondary zone asked for a newer version, Retransfer for the
	// whole zone whatever its serial.
	Refresh, Retransfer func(origin zone.Name) error
	// Accept lets go the members that a catalog has lost and that are kept for the time being.
	Accept func(origin zone.Name) error
	// Notify tells the secondaries of a zone of its newest version.
	Notify func(origin zone.Name) error
	// Versions are those that Restore can make the newest, newest first; methods of held.Zones.
	Versions func(ctx context.Context, origin zone.Name) ([]journal.Past, error)
	// base is the revision that is given up, "" whichever there is.
	Restore func(ctx context.Context, origin zone.Name, base string, serial uint32) (held.Info, error)

	// Recall returns what the write with a held.Receipt has come to, of which the process knows nothing
	// any more; a method of held.Zones. nil: nothing.
	Recall func(ctx context.Context, key [sha256.Size]byte) (request [sha256.Size]byte, data []byte, ok bool, err error)

	// Log is told of each write and each action, also of those that were refused; by several
	// goroutines at once.
	Log func(Entry)

	Limits Limits
}

// An Entry tells what somebody did.
type Entry struct {
	At     time.Time
	Client string // who: "user root", "certificate ops.example.org (sha256:…)"
	From   string // address over TLS; "" over the socket
	// Action is create, replace, change, delete, restore, reload, refresh, retransfer, accept or notify.
	Action  string
	Zone    zone.Name // of all but reload
	Before  uint32    // serial; 0 where there was no zone
	After   uint32    // serial; 0 where there is none any more
	Changes int       // RRsets that were changed
	Err     error     // why nothing was done
}

// Limits bound what clients can use up. Zero fields have the defaults.
type Limits struct {
	Body        int64         // octets of a request; 0: 256 MiB
	Bodies      int64         // octets of all requests under way; 0: twice Body
	Connections int           // at once; 0: 64
	Reads       int           // of whole zones and lists at once; 0: 8
	Writes      int           // at once; 0: 4
	Stall       time.Duration // how long a client may leave a request or an answer standing; 0: 30 s
	Write       time.Duration // how long one write or action may take; 0: 2 min
	Idle        time.Duration // how long a connection may be silent between requests; 0: 2 min
	Drain       time.Duration // how long requests may take to finish in the end; 0: 5 s
	Remembered  int           // writes with an Idempotency-Key that are remembered beside those of Recall; 0: 1,000
}

func (l Limits) withDefaults() Limits {
	l.Body = cmp.Or(l.Body, 256<<20)
	l.Bodies = cmp.Or(l.Bodies, 2*l.Body)
	l.Connections = cmp.Or(l.Connections, 64)
	l.Reads = cmp.Or(l.Reads, 8)
	l.Writes = cmp.Or(l.Writes, 4)
	l.Stall = cmp.Or(l.Stall, 30*time.Second)
	l.Write = cmp.Or(l.Write, 2*time.Minute)
	l.Idle = cmp.Or(l.Idle, 2*time.Minute)
	l.Drain = cmp.Or(l.Drain, 5*time.Second)
	l.Remembered = cmp.Or(l.Remembered, 1000)
	return l
}
