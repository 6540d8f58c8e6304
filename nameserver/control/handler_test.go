package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

func TestStatusAndLists(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *control.Options, _ *control.Unix) {
		o.Counters = func() map[string]uint64 { return map[string]uint64{"queries": 7} }
		o.Transfer = func(origin zone.Name) (xfr.Status, bool) {
			return xfr.Status{Loaded: true, From: "192.0.2.1:53", Err: errors.New("no answer")}, origin == zone.MustName("example.net.")
		}
	})
	var st api.Status
	s.json(&st, "GET", "/status", "")
	if st.Version != "1.2.3" || st.Zones["primary"] != 2 || st.Zones["file"] != 1 || st.Counters["queries"] != 7 || st.Addresses[0] != "192.0.2.53:53" {
		t.Errorf("status %+v", st)
	}
	var names []string
	after, pages := "", 0
	for {
		var page api.Zones
		s.json(&page, "GET", "/zones?limit=2&after="+after, "")
		if pages++; page.Total != 3 || len(page.Zones) > 2 {
			t.Errorf("page %+v", page)
		}
		for _, z := range page.Zones {
			names = append(names, z.Name.String()+" "+z.Kind)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	want := []string{"file.example. file", "example.net. primary", "example.org. primary"}
	if diff := cmp.Diff(want, names); diff != "" || pages != 2 {
		t.Errorf("zones in %d pages (-want +got):\n%s", pages, diff)
	}
	var page api.Zones
	if s.json(&page, "GET", "/zones?kind=file", ""); len(page.Zones) != 1 || page.Total != 1 {
		t.Errorf("zones of files: %+v", page)
	}
	if s.json(&page, "GET", "/zones?after=zzz", ""); len(page.Zones) != 0 || page.Next != "" {
		t.Errorf("zones after the last: %+v", page)
	}
	for _, path := range []string{"/zones?limit=0", "/zones?limit=x", "/zones?after=a..b"} {
		s.refuses(api.Malformed, "GET", path, "")
	}
	var z api.Zone
	a := s.json(&z, "GET", "/zones/example.net.", "")
	if z.Transfer == nil || z.Transfer.Error != "no answer" || z.Addresses == nil || a.header.Get("ETag") != api.ETag(z.Revision) {
		t.Errorf("zone %+v, ETag %s", z, a.header.Get("ETag"))
	}
	s.refuses(api.NoZone, "GET", "/zones/example.com.", "")
	s.refuses(api.NoZone, "GET", "/zones/%2E", "")
	s.refuses(api.Malformed, "GET", "/zones/a..b", "")
}

func TestRecords(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	var r api.Records
	a := s.json(&r, "GET", "/zones/example.org/records", "")
	if got := r.RRsets[len(r.RRsets)-1]; len(r.RRsets) != 3 || got.Owner.String() != "www.example.org." || got.Data[0] != "192.0.2.1" || r.Zone.Serial != 1 {
		t.Errorf("records %+v", r)
	}
	if a.header.Get("ETag") != api.ETag(s.zone("example.org.").Hash().String()) {
		t.Errorf("ETag %s is not the revision", a.header.Get("ETag"))
	}
	for query, want := range map[string]int{
		"owner=www": 1, "owner=www.example.org.&owner=@": 3, "owner=@&type=SOA": 1, "type=A&type=ns": 2, "owner=nothing": 0, "owner=@&owner=@": 2,
	} {
		if s.json(&r, "GET", "/zones/example.org./records?"+query, ""); len(r.RRsets) != want {
			t.Errorf("%s gives %d RRsets, want %d", query, len(r.RRsets), want)
		}
	}
	s.refuses(api.Malformed, "GET", "/zones/example.org./records?type=what", "")
	s.refuses(api.Malformed, "GET", "/zones/example.org./records?owner=a..b", "")
	for accept, want := range map[string]string{
		"text/dns": api.ZoneFile, "text/plain": api.ZoneFile, "*/*": api.JSON, "application/json;q=0.5, text/dns": api.JSON, api.Sets: api.Sets,
	} {
		if a := s.do("GET", "/zones/example.org./records", "", "Accept", accept); a.status != 200 || a.header.Get("Content-Type") != want {
			t.Errorf("Accept %s: %d %s", accept, a.status, a.header.Get("Content-Type"))
		}
	}
	if p := s.refuses(api.Malformed, "GET", "/zones/example.org./records", "", "Accept", "image/png"); p.Status != http.StatusNotAcceptable {
		t.Errorf("Accept image/png: %+v", p)
	}
	file := s.do("GET", "/zones/example.org./records", "", "Accept", "text/dns").body
	if !parse(t, "example.org.", file).Equal(s.zone("example.org.")) {
		t.Errorf("the zone file is another zone:\n%s", file)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	soa := `{"owner":"%[1]s","type":"SOA","ttl":60,"data":["ns1.example.net. h.example.net. 5 2 3 4 6"]},{"owner":"%[1]s","type":"NS","ttl":60,"data":["ns1.example.net."]}`
	body := func(origin string) string { return `{"rrsets":[` + fmt.Sprintf(soa, origin) + `]}` }
	var w api.Written
	a := s.json(&w, "PUT", "/zones/a.example.", body("a.example."))
	if a.status != http.StatusCreated || w.Zone.Serial != 5 || w.Zone.RRsets != 2 || a.header.Get("ETag") != api.ETag(w.Zone.Revision) {
		t.Errorf("created: %d %+v", a.status, w)
	}
	s.json(&w, "PUT", "/zones/b.example", text, "Content-Type", "text/dns; charset=utf-8")
	if !s.zone("b.example.").Equal(parse(t, "b.example.", text)) {
		t.Error("the zone of a file is another one")
	}
	s.json(&w, "PUT", "/zones/0%2F25.2.0.192.in-addr.arpa.", text, "Content-Type", "text/dns")
	s.json(&w, "PUT", "/zones/%2E", body("."))
	if w.Zone.Name != zone.Root {
		t.Errorf("the root is named %s", w.Zone.Name)
	}
	s.refuses(api.Exists, "PUT", "/zones/example.org.", body("example.org."))
	s.refuses(api.Exists, "PUT", "/zones/file.example.", body("file.example."))
	for name, c := range map[string]struct{ kind, body, form string }{
		"no JSON":          {api.Malformed, "zone", ""},
		"no list":          {api.Malformed, "{}", ""},
		"a misspelt field": {api.Malformed, `{"rrsets":[{"owner":"c.example.","type":"A","ttl":1,"value":["192.0.2.1"]}]}`, ""},
		"more than JSON":   {api.Malformed, body("c.example.") + "{}", ""},
		"bad data":         {api.Malformed, `{"rrsets":[{"owner":"c.example.","type":"A","ttl":1,"data":["192.0.2"]}]}`, ""},
		"unknown form":     {api.Malformed, "x", "image/png"},
		"broken file":      {api.Malformed, "@ SOA what\n", "text/dns"},
		"cut off":          {api.Malformed, "\x01\x02", api.Sets},
		"no SOA":           {api.Invalid, `{"rrsets":[{"owner":"c.example.","type":"NS","ttl":1,"data":["ns.example.net."]}]}`, ""},
		"no NS":            {api.Invalid, "@ 60 SOA a. b. 1 2 3 4 5\n", "text/dns"},
		"elsewhere":        {api.Invalid, strings.Replace(body("c.example."), `{"rrsets":[`, `{"rrsets":[{"owner":"d.example.","type":"A","ttl":1,"data":["192.0.2.1"]},`, 1), ""},
		"twice":            {api.Invalid, `{"rrsets":[` + fmt.Sprintf(soa, "c.example.") + "," + fmt.Sprintf(soa, "c.example.") + `]}`, ""},
		"two SOA":          {api.Invalid, strings.Replace(body("c.example."), `4 6"`, `4 6","ns2.example.net. h.example.net. 5 2 3 4 6"`, 1), ""},
		"pseudo-type":      {api.Invalid, strings.Replace(body("c.example."), `{"rrsets":[`, `{"rrsets":[{"owner":"c.example.","type":"ALIAS","ttl":1,"data":["x.example."]},`, 1), ""},
		"TTL":              {api.Invalid, strings.Replace(body("c.example."), `"ttl":60`, `"ttl":2147483648`, 1), ""},
		"empty set":        {api.Invalid, strings.Replace(body("c.example."), `{"rrsets":[`, `{"rrsets":[{"owner":"x.c.example.","type":"A","ttl":1,"data":[]},`, 1), ""},
	} {
		if p := s.refuses(c.kind, "PUT", "/zones/c.example.", c.body, "Content-Type", c.form); testing.Verbose() {
			t.Logf("%s: %s", name, p.Detail)
		}
	}
	if _, _, err := s.zones.Zone(zone.MustName("c.example.")); !errors.Is(err, held.ErrNoZone) {
		t.Errorf("zone c.example. was created: %v", err)
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	const path = "/zones/example.org./records"
	set := func(owner, data string) string {
		return `{"rrsets":[{"owner":"` + owner + `.example.org.","type":"A","ttl":60,"data":[` + data + `]}]}`
	}
	first := api.ETag(s.zone("example.org.").Hash().String())
	if p := s.refuses(api.Missing, "PATCH", path, set("www", `"192.0.2.2"`)); p.Status != http.StatusPreconditionRequired {
		t.Errorf("without If-Match: %+v", p)
	}
	var w api.Written
	s.json(&w, "PATCH", path, set("www", `"192.0.2.3","192.0.2.2","192.0.2.3"`), "If-Match", first)
	if got, ok := s.zone("example.org.").Set(zone.MustName("www.example.org."), zone.TypeA); !ok || len(got.Data) != 2 || got.TTL != 60 || w.Before != 1 || w.Zone.Serial != 2 {
		t.Errorf("changed: %+v, %+v", w, got)
	}
	p := s.refuses(api.Moved, "PATCH", path, set("www", `"192.0.2.9"`), "If-Match", first)
	if p.Status != http.StatusPreconditionFailed || p.Zone != zone.MustName("example.org.") {
		t.Errorf("stale: %+v", p)
	}
	s.json(&w, "PATCH", path, set("new", `"192.0.2.9"`), "If-Match", "*")
	s.json(&w, "PATCH", path, set("www", ``), "If-Match", api.ETag(w.Zone.Revision))
	if z := s.zone("example.org."); z.Has(zone.MustName("www.example.org.")) || !z.Has(zone.MustName("new.example.org.")) {
		t.Error("what was to go is there, or what was to come is not")
	}
	// What changes nothing makes no version.
	same := w.Zone.Serial
	s.json(&w, "PATCH", path, set("www", ``), "If-Match", "*")
	if s.json(&w, "PATCH", path, set("new", `"192.0.2.9"`), "If-Match", "*"); w.Zone.Serial != same || w.Before != same {
		t.Errorf("nothing changed, but the serial went from %d to %d", same, w.Zone.Serial)
	}
	// All or nothing.
	s.refuses(api.Invalid, "PATCH", path, `{"rrsets":[{"owner":"a.example.org.","type":"A","ttl":60,"data":["192.0.2.1"]},{"owner":"new.example.org.","type":"CNAME","ttl":60,"data":["x.example."]}]}`, "If-Match", "*")
	s.refuses(api.Invalid, "PATCH", path, `{"rrsets":[{"owner":"example.org.","type":"SOA","ttl":60,"data":[]}]}`, "If-Match", "*")
	s.refuses(api.Malformed, "PATCH", path, text, "If-Match", "*", "Content-Type", "text/dns")
	s.refuses(api.ReadOnly, "PATCH", "/zones/file.example./records", `{"rrsets":[]}`, "If-Match", "*")
	s.refuses(api.NoZone, "PATCH", "/zones/example.com./records", `{"rrsets":[]}`, "If-Match", "*")
	// A whole zone in place of what there is.
	s.json(&w, "PUT", "/zones/example.org.", text+"more 60 A 192.0.2.7\n", "Content-Type", "text/dns", "If-Match", api.ETag(w.Zone.Revision))
	if z := s.zone("example.org."); z.Len() != 4 || w.Zone.Serial != same+1 {
		t.Errorf("replaced: %d RRsets, serial %d, want 4 and %d", z.Len(), w.Zone.Serial, same+1)
	}
	s.refuses(api.Moved, "PUT", "/zones/example.org.", text, "Content-Type", "text/dns", "If-Match", first)
}

// A rival changes a zone each time that somebody has looked at it, a few times.
type rival struct {
	control.Backend
	left atomic.Int32
}

func (x *rival) Zone(origin zone.Name) (*zone.Zone, held.Info, error) {
	z, info, err := x.Backend.Zone(origin)
	if n := x.left.Add(-1); err == nil && n >= 0 {
		set := zone.RRset{Owner: origin, Type: zone.TypeTXT, TTL: uint32(n) + 1, Data: []zone.Data{"\x05rival"}}
		c := zone.Change{After: &set}
		if before, ok := z.Set(set.Owner, set.Type); ok {
			c.Before = &before
		}
		if _, err := x.Change(context.Background(), origin, info.Revision, []zone.Change{c}); err != nil {
			return nil, info, err
		}
	}
	return z, info, err
}

// TestWhateverThereIs changes a zone that others change meanwhile: who has named no revision wants none.
func TestWhateverThereIs(t *testing.T) {
	t.Parallel()
	x := &rival{}
	s := newServer(t, func(o *control.Options, _ *control.Unix) {
		x.Backend = o.Backend
		o.Backend = x
	})
	const path, set = "/zones/example.org./records", `{"rrsets":[{"owner":"new.example.org.","type":"A","ttl":60,"data":["192.0.2.2"]}]}`
	var w api.Written
	x.left.Store(3)
	if s.json(&w, "PATCH", path, set, "If-Match", "*"); w.Before != 4 || w.Zone.Serial != 5 {
		t.Errorf("changed after three others: %+v, want serial 5 after 4", w)
	}
	z := s.zone("example.org.")
	if _, ok := z.Set(z.Origin(), zone.TypeTXT); !ok || !z.Has(zone.MustName("new.example.org.")) {
		t.Error("one of the changes is not there")
	}
	x.left.Store(2)
	if s.json(&w, "PUT", "/zones/example.org.", text, "Content-Type", "text/dns", "If-Match", "*"); w.Before != 7 || w.Zone.Serial != 8 {
		t.Errorf("replaced after two others: %+v, want serial 8 after 7", w)
	}
	x.left.Store(1)
	if a := s.do("PATCH", path, set, "If-Match", api.ETag(w.Zone.Revision)); a.status != http.StatusPreconditionFailed {
		t.Errorf("changed at a revision that another has changed: %+v", a)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.refuses(api.Missing, "DELETE", "/zones/example.org.", "")
	s.refuses(api.Moved, "DELETE", "/zones/example.org.", "", "If-Match", `"abc"`)
	s.refuses(api.ReadOnly, "DELETE", "/zones/file.example.", "", "If-Match", "*")
	if a := s.do("DELETE", "/zones/example.net.", "", "If-Match", "*"); a.status != http.StatusNoContent || a.body != "" {
		t.Errorf("deleted: %+v", a)
	}
	s.refuses(api.NoZone, "DELETE", "/zones/example.net.", "", "If-Match", "*")
}

func TestVersions(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	var w api.Written
	s.json(&w, "PATCH", "/zones/example.org./records", `{"rrsets":[{"owner":"www.example.org.","type":"A","ttl":60,"data":[]}]}`, "If-Match", "*")
	var v api.Versions
	s.json(&v, "GET", "/zones/example.org./versions", "")
	if len(v.Versions) != 2 || v.Versions[0].Serial != 2 || !v.Versions[0].Current || v.Versions[1].Current || !strings.Contains(v.Versions[0].By, "user ") {
		t.Errorf("versions %+v", v)
	}
	s.refuses(api.Moved, "POST", "/zones/example.org./restore", `{"serial":1}`, "If-Match", `"abc"`)
	s.refuses(api.Missing, "POST", "/zones/example.org./restore", `{"serial":9}`)
	s.refuses(api.Malformed, "POST", "/zones/example.org./restore", `{"serial":-1}`)
	s.refuses(api.ReadOnly, "POST", "/zones/file.example./restore", `{"serial":1}`)
	if s.json(&w, "POST", "/zones/example.org./restore", `{"serial":1}`, "If-Match", api.ETag(w.Zone.Revision)); w.Zone.Serial != 3 || w.Before != 2 {
		t.Errorf("restored %+v", w)
	}
	if !s.zone("example.org.").Has(zone.MustName("www.example.org.")) {
		t.Error("what was there in version 1 is not there again")
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	var did []string
	act := func(what string) func(zone.Name) error {
		return func(origin zone.Name) error {
			if origin == zone.MustName("bad.example.") {
				return errDown
			}
			did = append(did, what+" "+origin.String())
			return nil
		}
	}
	s := newServer(t, func(o *control.Options, _ *control.Unix) {
		o.Refresh, o.Notify = act("refresh"), act("notify")
		o.Reload = func(context.Context) (api.Reload, error) { return api.Reload{Zones: 3, Changed: 1}, nil }
	})
	for _, path := range []string{"/zones/new.example./refresh", "/zones/example.org./notify"} {
		if a := s.do("POST", path, ""); a.status != http.StatusNoContent {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if diff := cmp.Diff([]string{"refresh new.example.", "notify example.org."}, did); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	s.refuses(api.NoZone, "POST", "/zones/new.example./notify", "")
	s.refuses(api.Failed, "POST", "/zones/bad.example./refresh", "")
	s.refuses(api.Unsupported, "POST", "/zones/example.org./retransfer", "")
	s.refuses(api.Unsupported, "POST", "/zones/example.org./accept", "")
	var r api.Reload
	if s.json(&r, "POST", "/reload", ""); r.Zones != 3 || r.Changed != 1 {
		t.Errorf("reload %+v", r)
	}
	bare := newServer(t, func(o *control.Options, _ *control.Unix) { o.Versions, o.Restore = nil, nil })
	bare.refuses(api.Unsupported, "POST", "/reload", "")
	bare.refuses(api.Unsupported, "GET", "/zones/example.org./versions", "")
	bare.refuses(api.Unsupported, "POST", "/zones/example.org./restore", `{"serial":1}`)
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for _, path := range []string{"/", "/zones/example.org./what", "/zones/"} {
		if p := s.refuses(api.Missing, "GET", path, ""); p.Status != http.StatusNotFound {
			t.Errorf("%s: %+v", path, p)
		}
	}
	a := s.do("PATCH", "/zones/example.org.", "")
	if p := a.problem(t); p.Status != http.StatusMethodNotAllowed || strings.Join(a.header.Values("Allow"), " ") != "GET PUT DELETE" {
		t.Errorf("PATCH of a zone: %+v, Allow %v", p, a.header.Values("Allow"))
	}
}

// TestOthersPages refuses what a browser sends for the page of somebody else.
func TestOthersPages(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.refuses(api.Denied, "POST", "/zones/example.org./restore", `{"serial":1}`, "Sec-Fetch-Site", "cross-site")
	s.refuses(api.Denied, "PATCH", "/zones/example.org./records", change, "If-Match", "*", "Origin", "https://example.net")
	var w api.Written
	s.json(&w, "PATCH", "/zones/example.org./records", `{"rrsets":[]}`, "If-Match", "*", "Content-Type", "application/x-www-form-urlencoded") // curl -d
}

// TestShown edits nothing where there is no store.
func TestShown(t *testing.T) {
	t.Parallel()
	z := parse(t, "example.org.", text)
	backend := shown{
		List: func() []held.Info { return []held.Info{held.InfoOf(z, held.Primary)} },
		Find: func(origin zone.Name) (*zone.Zone, string) {
			if origin == z.Origin() {
				return z, held.Primary
			}
			return nil, ""
		},
	}
	s := newServer(t, func(o *control.Options, _ *control.Unix) { o.Backend = backend })
	var page api.Zones
	if s.json(&page, "GET", "/zones", ""); len(page.Zones) != 1 {
		t.Errorf("zones %+v", page)
	}
	s.refuses(api.ReadOnly, "PUT", "/zones/example.com.", text, "Content-Type", "text/dns")
	s.refuses(api.ReadOnly, "PATCH", "/zones/example.org./records", `{"rrsets":[{"owner":"www.example.org.","type":"A","ttl":60,"data":[]}]}`, "If-Match", "*")
	s.refuses(api.ReadOnly, "DELETE", "/zones/example.org.", "", "If-Match", "*")
	s.refuses(api.NoZone, "DELETE", "/zones/example.com.", "", "If-Match", "*")
}

// TestIdempotencyKey sends writes again.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	const path, set = "/zones/example.org./records", `{"rrsets":[{"owner":"www.example.org.","type":"A","ttl":60,"data":["192.0.2.2"]}]}`
	first := api.ETag(s.zone("example.org.").Hash().String())
	var w, again api.Written
	s.json(&w, "PATCH", path, set, "If-Match", first, "Idempotency-Key", "k1")
	s.json(&again, "PATCH", path, set, "If-Match", first, "Idempotency-Key", "k1")
	if w.Zone.Serial != 2 || again.Zone.Revision != w.Zone.Revision || again.Zone.Serial != 2 {
		t.Errorf("first %+v, again %+v", w, again)
	}
	s.refuses(api.Moved, "PATCH", path, set, "If-Match", first, "Idempotency-Key", "k2")
	s.refuses(api.Malformed, "PATCH", path, strings.Replace(set, "www", "w", 1), "If-Match", first, "Idempotency-Key", "k1")
	s.refuses(api.Malformed, "PATCH", path, set, "If-Match", first, "Idempotency-Key", strings.Repeat("k", 201))
	// A refusal is not remembered: what was in the way may be gone.
	s.refuses(api.Exists, "PUT", "/zones/example.net.", text, "Content-Type", "text/dns", "Idempotency-Key", "k3")
	for range 2 {
		if a := s.do("DELETE", "/zones/example.net.", "", "If-Match", "*", "Idempotency-Key", "k4"); a.status != http.StatusNoContent {
			t.Errorf("deleted: %+v", a)
		}
	}
	s.json(&w, "PUT", "/zones/example.net.", text, "Content-Type", "text/dns", "Idempotency-Key", "k3")
	if n := len(s.entries()); n != 5 {
		t.Errorf("%d entries in the log, want one for each effect and refusal, 5: %+v", n, s.entries())
	}
}

// TestSameAtOnce sends a write a second time while the first is under way.
func TestSameAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	began, release := make(chan bool), make(chan bool)
	s.publish = func(*zone.Zone) { began <- true; <-release }
	const path, set = "/zones/example.org./records", `{"rrsets":[{"owner":"www.example.org.","type":"A","ttl":60,"data":["192.0.2.2"]}]}`
	first := api.ETag(s.zone("example.org.").Hash().String())
	answers := make(chan answer, 2)
	send := func() { answers <- s.do("PATCH", path, set, "If-Match", first, "Idempotency-Key", "k") }
	go send()
	patience.Receive(t, "the beginning of the first", began)
	go send()
	close(release)
	for range 2 {
		var w api.Written
		if a := patience.Receive(t, "an answer", answers); a.status != 200 || json.Unmarshal([]byte(a.body), &w) != nil || w.Zone.Serial != 2 {
			t.Errorf("answer %+v", a)
		}
	}
}

func TestAudit(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.do("PATCH", "/zones/example.org./records", `{"rrsets":[{"owner":"www.example.org.","type":"A","ttl":60,"data":[]}]}`, "If-Match", "*")
	s.do("PATCH", "/zones/example.org./records", `{"rrsets":[]}`, "If-Match", `"old"`)
	s.do("DELETE", "/zones/example.net.", "", "If-Match", "*")
	s.do("PUT", "/zones/new.example.", text, "Content-Type", "text/dns")
	s.do("POST", "/zones/example.org./restore", `{"serial":1}`)
	s.do("POST", "/reload", "")
	s.do("GET", "/zones", "") // is no write
	var got []string
	for _, e := range s.entries() {
		line := fmt.Sprintf("%s %s %d→%d, %d", e.Action, e.Zone, e.Before, e.After, e.Changes)
		if e.Err != nil {
			line += " refused"
		}
		if !strings.HasPrefix(e.Client, "user ") || e.At.IsZero() {
			t.Errorf("who: %q at %v", e.Client, e.At)
		}
		got = append(got, line)
	}
	want := []string{
		"change example.org. 1→2, 1", "change example.org. 0→0, 0 refused", "delete example.net. 1→0, 3", "create new.example. 0→1, 3",
		"restore example.org. 2→3, 0", "reload . 0→0, 0 refused",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}
