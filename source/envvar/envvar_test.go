package envvar_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/source/envvar"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	origin := zone.MustName("example.org.")
	env := func(name string) (string, bool) { return `a\;b`, name == "V" }
	for _, c := range []struct {
		name  string
		o     envvar.Options
		owner string
		ttl   uint32
		err   string
	}{
		{name: "below", o: envvar.Options{Variable: "V", Name: "_v", Env: env}, owner: "_v.example.org.", ttl: 60},
		{name: "apex", o: envvar.Options{Variable: "V", Name: "", TTL: 5, Env: env}, owner: "example.org.", ttl: 5},
		{name: "unset", o: envvar.Options{Variable: "W", Name: "x", Env: env}, err: "environment variable W"},
		{name: "outside", o: envvar.Options{Variable: "V", Name: "x.example.net.", Env: env}, err: "not in zone"},
		{name: "bad name", o: envvar.Options{Variable: "V", Name: "a..b", Env: env}, err: "empty label"},
	} {
		l, err := envvar.New(c.o).Load(t.Context(), origin)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error = %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		set, ok := l.Zone.Set(zone.MustName(c.owner), zone.TypeTXT)
		if !ok || set.TTL != c.ttl || rdata.TXTJoined(set.Data[0]) != "a;b" {
			t.Errorf("%s: %+v, %v; want TXT a;b with TTL %d at %s", c.name, set, ok, c.ttl, c.owner)
		}
	}
	for _, err := range envvar.New(envvar.Options{}).Zones(t.Context()) {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Zones: %v, want ErrUnsupported", err)
		}
	}
}
