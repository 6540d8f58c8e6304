package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/zone"
)

// What somebody did by the control interface is told with the zone, a reload without: it concerns all.
func TestEditsAreLogged(t *testing.T) {
	t.Parallel()
	origin := zone.MustName("example.org.")
	for _, c := range []struct {
		e    control.Entry
		want string
	}{
		{control.Entry{Client: "user dns", Action: "reload", Changes: 1}, "user dns: reload: 1 zone changed\n"},
		{control.Entry{Client: "certificate ci", Action: "reload", Err: errors.New("it may use some zones")}, "certificate ci: reload: refused: it may use some zones\n"},
		{control.Entry{Client: "user dns", Action: "change", Zone: origin, Changes: 3, Before: 1, After: 2}, "user dns: change of zone example.org.: 3 RRsets, serial 1 → 2\n"},
		{control.Entry{Client: "user dns", Action: "restore", Zone: origin, Before: 2, After: 3}, "user dns: restore of zone example.org.: serial 2 → 3\n"},
		{control.Entry{Client: "user dns", Action: "notify", Zone: origin, Before: 3, After: 3}, "user dns: notify of zone example.org.\n"},
		{control.Entry{Client: "user dns", Action: "delete", Zone: origin, Err: errors.New("there is no such zone")}, "user dns: delete of zone example.org.: refused: there is no such zone\n"},
	} {
		var out bytes.Buffer
		(&serverLog{a: &app{stderr: &out}}).edited(c.e)
		if got := out.String(); got != c.want {
			t.Errorf("edited(%+v) wrote %q; want %q", c.e, got, c.want)
		}
	}
}
