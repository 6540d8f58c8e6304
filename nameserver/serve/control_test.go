package serve

import (
	"errors"
	"testing"

	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/zone"
)

// Who has primaries asked of a zone that has none is told what the zone is, and nothing else.
func TestRefreshOfWhatIsNotTransferredIn(t *testing.T) {
	t.Parallel()
	s := &Server{secondary: &secondary.Zones{}, zones: &register{}}
	ours := zone.MustName("home.example.")
	if _, ok := s.zones.claim(ours, holder{kind: held.Primary}); !ok {
		t.Fatal("the zone could not be claimed")
	}
	refresh := s.refresh(func(origin zone.Name) error { return errors.New("asked primaries of " + origin.String()) })
	for _, c := range []struct {
		origin zone.Name
		kind   error
		want   string
	}{
		{ours, held.ErrReadOnly, "zone home.example. is not transferred in; it is served from the store, where it is held as primary"},
		{zone.MustName("other.example."), held.ErrNoZone, "zone other.example.: there is no such zone"},
	} {
		if err := refresh(c.origin); !errors.Is(err, c.kind) || err.Error() != c.want {
			t.Errorf("refresh of %s: %v; want %q, of the kind %q", c.origin, err, c.want, c.kind)
		}
	}
}
