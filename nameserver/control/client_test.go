package control_test

import (
	"os/user"
	"slices"
	"testing"

	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

// me is who runs the test.
func me(t *testing.T) *user.User {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func withClients(clients ...control.Client) func(*control.Options, *control.Unix) {
	return func(_ *control.Options, u *control.Unix) { u.Clients = clients }
}

const change = `{"rrsets":[{"owner":"www","type":"A","ttl":60,"data":[]}]}`

func TestStranger(t *testing.T) {
	t.Parallel()
	s := newServer(t, withClients(control.Client{Who: []string{"nobody-of-this-name", "4294967294", "%nogroup-of-this-name"}}))
	for _, path := range []string{"/status", "/zones", "/zones/example.org.", "/zones/example.org./records", "/zones/example.com."} {
		s.refuses(api.Denied, "GET", path, "")
	}
	s.refuses(api.Denied, "PATCH", "/zones/example.org./records", change, "If-Match", "*")
	s.refuses(api.Denied, "POST", "/reload", "")
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	u := me(t)
	for _, who := range []string{u.Username, u.Uid, "%" + u.Gid} {
		s := newServer(t, withClients(control.Client{Who: []string{"other", who}, ReadOnly: true}, control.Client{}))
		var st api.Status
		if s.json(&st, "GET", "/status", ""); !st.Client.ReadOnly || st.Client.Name != "user "+u.Username {
			t.Errorf("client %+v", st.Client)
		}
		var r api.Records
		s.json(&r, "GET", "/zones/example.org./records", "")
		for _, c := range []struct{ method, path string }{
			{"PATCH", "/zones/example.org./records"},
			{"PUT", "/zones/new.example."},
			{"DELETE", "/zones/example.org."},
			{"POST", "/reload"},
			{"POST", "/zones/example.org./restore"},
			{"POST", "/zones/example.org./refresh"},
			{"POST", "/zones/example.org./notify"},
		} {
			s.refuses(api.Denied, c.method, c.path, change, "If-Match", "*")
		}
		if n := len(s.entries()); n != 7 {
			t.Errorf("%d refusals are in the log, want 7", n)
		}
	}
}

func TestOnlySomeZones(t *testing.T) {
	t.Parallel()
	s := newServer(t, withClients(control.Client{Zones: []zone.Name{zone.MustName("example.org."), zone.MustName("*.example.com.")}}))
	var page api.Zones
	if s.json(&page, "GET", "/zones", ""); len(page.Zones) != 1 || page.Total != 1 || page.Zones[0].Name != zone.MustName("example.org.") {
		t.Errorf("zones %+v", page)
	}
	var st api.Status
	if s.json(&st, "GET", "/status", ""); st.Zones["primary"] != 1 || st.Zones["file"] != 0 || len(st.Client.Zones) != 2 {
		t.Errorf("status %+v", st)
	}
	var w api.Written
	s.json(&w, "PATCH", "/zones/example.org./records", `{"rrsets":[{"owner":"www.example.org.","type":"A","ttl":60,"data":[]}]}`, "If-Match", "*")
	s.json(&w, "PUT", "/zones/a.b.example.com.", text, "Content-Type", "text/dns")
	s.refuses(api.Denied, "PUT", "/zones/example.com.", text, "Content-Type", "text/dns")
	s.refuses(api.Denied, "GET", "/zones/example.net.", "")
	s.refuses(api.Denied, "GET", "/zones/example.net./records", "")
	s.refuses(api.Denied, "GET", "/zones/example.net./versions", "")
	s.refuses(api.Denied, "DELETE", "/zones/example.net.", "", "If-Match", "*")
	s.refuses(api.Denied, "POST", "/reload", "")
	if !slices.ContainsFunc(s.entries(), func(e control.Entry) bool { return e.Action == "reload" && e.Err != nil }) {
		t.Errorf("log %+v", s.entries())
	}
}
