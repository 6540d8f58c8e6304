package held

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/zonecast/zonecast/zone"
)

// Errors of the methods of Zones. They are wrapped with what is concerned and what to do.
var (
	ErrNoZone   = errors.New("there is no such zone")
	ErrExists   = errors.New("the zone exists")
	ErrMoved    = errors.New("the zone has changed meanwhile")
	ErrReadOnly = errors.New("the zone is not edited here")
	ErrInvalid  = errors.New("the zone would not be valid")
)

// Kinds of zones.
const (
	Primary   = "primary"   // held here
	Secondary = "secondary" // transferred in
	File      = "file"      // read from a zone file
)

// Info tells of a zone without its records.
type Info struct {
	Origin   zone.Name
	Kind     string // Primary, Secondary or File
	Serial   uint32
	Revision string // hash of the content: equal revisions mean equal zones
	Sets     int    // RRsets
	Signed   bool   // there are RRSIG records at the apex
}

// InfoOf returns what can be told of a zone.
func InfoOf(z *zone.Zone, kind string) Info {
	i := Info{Origin: z.Origin(), Kind: kind, Revision: z.Hash().String(), Sets: z.Len()}
	if soa, ok := z.Set(z.Origin(), zone.TypeSOA); ok && len(soa.Data[0]) >= 22 {
		d := soa.Data[0]
		i.Serial = binary.BigEndian.Uint32([]byte(d[len(d)-20:]))
	}
	_, i.Signed = z.Set(z.Origin(), zone.TypeRRSIG)
	return i
}

type actorKey struct{}

// WithActor returns a context that says who edits, for the history of versions: a person, a
// certificate, a key. Who signs an update is known without it.
func WithActor(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, actorKey{}, who)
}

func actor(ctx context.Context) string {
	who, _ := ctx.Value(actorKey{}).(string)
	return who
}

// Zones are the zones that are held here.
type Zones struct{}

// Zones lists the zones in order of their names.
func (s *Zones) Zones() []Info { return nil }

// Zone returns the newest version of a zone. The error wraps ErrNoZone.
func (s *Zones) Zone(origin zone.Name) (*zone.Zone, Info, error) { return nil, Info{}, ErrNoZone }

// Create begins to hold a zone. The error wraps ErrExists when the name is taken, by a zone held
// here or by one of a file or a primary, and ErrInvalid when no name server could serve it.
func (s *Zones) Create(ctx context.Context, z *zone.Zone) (Info, error) { return Info{}, ErrExists }

// Change makes a new version, with all of the changes or none. base is the revision that they were
// computed from; another one is an error that wraps ErrMoved, and nothing is done. The serial goes
// forward by the zone's policy unless the changes bring a SOA with a newer one. Changes that change
// nothing make no version. Further errors wrap ErrNoZone, ErrReadOnly or ErrInvalid.
func (s *Zones) Change(ctx context.Context, origin zone.Name, base string, changes []zone.Change) (Info, error) {
	return Info{}, ErrNoZone
}

// Delete ends a zone and forgets its history. base "" deletes whatever there is.
func (s *Zones) Delete(ctx context.Context, origin zone.Name, base string) error { return ErrNoZone }
