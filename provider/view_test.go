package provider_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// A viewed zone is private when its name says so.
type viewed struct{ name string }

func (v *viewed) String() string { return v.name }
func (v *viewed) Private() bool  { return strings.HasPrefix(v.name, "private") }

func TestChooseZone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zones, view, want, err string
	}{
		{"", "", "", "zone does not exist here"},
		{"public", "", "public", ""},
		{"private", "", "private", ""},
		{"private public", "", "public", ""},
		{"private1 private2 public", "", "public", ""},
		{"private public", "private", "private", ""},
		{"public", "private", "", "zone does not exist here"},
		{"public private", "internal", "", "zone does not exist here"},
		{"public1 public2 private", "", "", "the account holds 2 hosted zones of this name: public1, public2"},
		{"public1 public2 private", "private", "private", ""},
		{"private1 private2", "", "", "holds 2 hosted zones of this name: private1, private2"},
		{"private1 private2 public", "private", "", "holds 2 hosted zones of this name: private1, private2"},
	} {
		var zones []viewed
		for _, name := range strings.Fields(c.zones) {
			zones = append(zones, viewed{name})
		}
		ref := provider.ZoneRef{Origin: zone.MustName("example.org."), View: c.view}
		got, err := provider.ChooseZone("read", ref, zones, "the account", "hosted zones", "say which one")
		if c.err != "" {
			e, ok := errors.AsType[*provider.Error](err)
			if !ok || !strings.Contains(err.Error(), c.err) || e.Op != "read" || e.Zone != "example.org." ||
				errors.Is(err, provider.ErrNoZone) != (e.Advice == "") || (e.Kind == provider.Rejected) != (e.Advice == "say which one") {
				t.Errorf("%q in view %q: %+v; want %q", c.zones, c.view, err, c.err)
			}
			continue
		}
		if err != nil || got.name != c.want {
			t.Errorf("%q in view %q: %v, %v; want %s", c.zones, c.view, got, err, c.want)
		}
	}
}
