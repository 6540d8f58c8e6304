package secondary_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// The catalog changes when the list does, its serial goes forward over a start, ids stay.
func TestProducer(t *testing.T) {
	t.Parallel()
	d := newDisk()
	zones := []zone.Name{org, cat, net1}
	var published []uint32
	var fail error
	producer := func() *secondary.Producer {
		return &secondary.Producer{
			Origin: cat, Disk: d, Zones: func() []zone.Name { return zones },
			Groups: []secondary.GroupRule{{"nets", []zone.Name{name("*.net.")}}, {"all", []zone.Name{name("*.")}}, {"org", []zone.Name{org}}, {"org", []zone.Name{org}}},
			Publish: func(z *zone.Zone) error {
				serial, err := xfr.SerialOf(z)
				published = append(published, serial)
				return errors.Join(err, fail)
			},
		}
	}
	p := producer()
	update := func() {
		t.Helper()
		if err := p.Update(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	members := func() (out []string) {
		t.Helper()
		list, err := xfr.ReadCatalog(p.Zone())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			if m.ID != xfr.MemberID(m.Origin) {
				t.Errorf("id %q of %s", m.ID, m.Origin)
			}
			slices.Sort(m.Groups)
			out = append(out, m.Origin.String()+" "+strings.Join(m.Groups, ","))
		}
		slices.Sort(out)
		return out
	}
	update()
	update()
	if want := []string{"example.net. all,nets", "example.org. all,org"}; !slices.Equal(members(), want) || len(published) != 1 {
		t.Errorf("members %q, published %v; want %q, once", members(), published, want)
	}
	zones = []zone.Name{net1, net1}
	fail = errors.New("not now")
	if err := p.Update(t.Context()); !errors.Is(err, fail) {
		t.Errorf("error %v, want %v", err, fail)
	}
	fail = nil
	update()
	if want := []string{"example.net. all,nets"}; !slices.Equal(members(), want) || !slices.Equal(published, []uint32{1, 2, 2}) {
		t.Errorf("members %q, published %v; want %q", members(), published, want)
	}
	p = producer()
	update()
	zones = nil
	p.Stays = func(origin zone.Name) bool { return origin == net1 || origin == org }
	update()
	if want := []string{"example.net. all,nets"}; !slices.Equal(members(), want) {
		t.Errorf("members %q, want %q: the one that stays, and none that was not there", members(), want)
	}
	p.Stays = nil
	update()
	if !slices.Equal(published, []uint32{1, 2, 2, 2, 3}) || len(members()) != 0 {
		t.Errorf("after a start published %v, members %q", published, members())
	}
}
