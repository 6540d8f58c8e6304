package google

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/dns/v1"
	"google.golang.org/api/googleapi"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// Messages are those that people report.
func TestClassify(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name    string
		code    int
		reason  string
		message string
		kind    provider.ErrKind
		after   time.Duration
		noZone  bool
	}{
		{"deletion does not match", 412, "conditionNotMet", "Precondition not met for 'entity.change.deletions[domain.com.][TXT]'", provider.Conflict, 0, false},
		{"exists", 409, "alreadyExists", "The resource 'entity.change.additions[0]' named 'x. (A)' already exists", provider.Conflict, 0, false},
		{"deletion of nothing", 404, "notFound", "The 'entity.change.deletions[0]' resource named 'x. (A)' does not exist.", provider.Conflict, 0, false},
		{"no zone", 404, "notFound", "The 'parameters.managedZone' resource named 'x' does not exist.", provider.Other, 0, true},
		{"too often in a minute", 403, "rateLimitExceeded", "Quota exceeded for quota metric", provider.Throttled, aMinutes, false},
		{"too often, 429", 429, "rateLimitExceeded", "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'", provider.Throttled, aMinutes, false},
		{"too often at once", 429, "rateLimitExceeded", "Resource has been exhausted", provider.Throttled, 0, false},
		{"asked to wait", 429, "rateLimitExceeded", "Retry after 7 s", provider.Throttled, 7 * time.Second, false},
		{"too many sets", 403, "quotaExceeded", "The change would exceed quota for rrsets per managed zone.", provider.Rejected, 0, false},
		{"no right", 403, "forbidden", "Forbidden", provider.Denied, 0, false},
		{"API off", 403, "accessNotConfigured", "Cloud DNS API has not been used in project 1 before or it is disabled.", provider.Denied, 0, false},
		{"no token", 401, "authError", "Invalid Credentials", provider.Denied, 0, false},
		{"bad value", 400, "invalid", "Invalid value for 'entity.change.additions[0].rrdata[0]': 'x'", provider.Rejected, 0, false},
		{"backend", 503, "backendError", "The service is currently unavailable.", provider.Transient, 0, false},
		{"gateway", 502, "", "", provider.Transient, 0, false},
	} {
		g := &googleapi.Error{Code: x.code, Message: x.message, Header: http.Header{}}
		if x.reason != "" {
			g.Errors = []googleapi.ErrorItem{{Reason: x.reason, Message: x.message}}
		}
		if x.after == 7*time.Second {
			g.Header.Set("Retry-After", "7")
		}
		p := &Provider{}
		e := p.classify(g)
		if e.Kind != x.kind || e.RetryAfter != x.after || errors.Is(e, provider.ErrNoZone) != x.noZone || e.Status != x.code {
			t.Errorf("%s: got kind %q after %v, no zone %t; want %q, %v, %t", x.name, e.Kind, e.RetryAfter, errors.Is(e, provider.ErrNoZone), x.kind, x.after, x.noZone)
		}
		if !strings.Contains(e.Error(), x.message) {
			t.Errorf("%s: %q lost the service's words", x.name, e.Error())
		}
		// What was refused was not carried out; of a gateway nobody knows.
		if want := map[bool]provider.Outcome{true: provider.Unknown, false: provider.NotDone}[x.code >= 500]; httpkit.Outcome(e) != want {
			t.Errorf("%s: outcome %v, want %v", x.name, httpkit.Outcome(e), want)
		}
	}
	p := &Provider{}
	for n, want := range []time.Duration{pauses[0], pauses[1], pauses[2], pauses[3], pauses[3]} {
		if e := p.classify(&googleapi.Error{Code: 429}); e.Kind != provider.Throttled || e.RetryAfter != want {
			t.Errorf("refusal %d in a row: %q after %v, want after %v", n+1, e.Kind, e.RetryAfter, want)
		}
	}
	if e := p.classify(errors.New("unexpected end of JSON input")); httpkit.Outcome(e) != provider.Unknown {
		t.Errorf("an answer that cannot be read: outcome %v", httpkit.Outcome(e))
	}
}

// All faults of a refusal are told, and numbers become names.
func TestCulprits(t *testing.T) {
	t.Parallel()
	p := &Provider{}
	g := &googleapi.Error{Code: 400, Message: "first"}
	for _, m := range []string{"Invalid value for 'entity.change.additions[1].ttl'", "deletions[0] too", "additions[9] is not there", "d", "e", "f", "g"} {
		g.Errors = append(g.Errors, googleapi.ErrorItem{Reason: "invalid", Message: m})
	}
	s := saidIn(p.classify(g))
	got := named(s.message, &dns.Change{
		Additions: []*dns.ResourceRecordSet{{Name: "a.example.", Type: "A"}, {Name: "b.example.", Type: "TXT"}},
		Deletions: []*dns.ResourceRecordSet{{Name: "c.example.", Type: "MX"}},
	})
	want := "Invalid value for 'entity.change.additions[1] (b.example. TXT).ttl'; deletions[0] (c.example. MX) too; additions[9] is not there; d; e; and 2 more"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Units are cut only when they must be, deletions first, and a deletion stays with its addition.
func TestBatches(t *testing.T) {
	t.Parallel()
	rr := func(name string, n int) *recordSet {
		return &recordSet{Name: name, Type: "TXT", Rrdatas: []string{strings.Repeat("x", n)}}
	}
	unit := []piece{{0, nil, rr("a", 10)}, {1, rr("a", 10), nil}, {2, rr("a", 10), rr("a", 10)}}
	for _, x := range []struct {
		name  string
		units [][]piece
		size  int
		want  string // changes of each batch
	}{
		{"all in one", [][]piece{unit}, 2, "[0 1 2]"},
		{"cut, deletions first", [][]piece{unit}, 1, "[1] [2] [0]"},
		{"a unit goes on to the next", [][]piece{{{7, nil, rr("b", 1)}}, unit}, 2, "[7] [0 1 2]"},
		{"bytes", [][]piece{{{0, nil, rr("a", 60_000)}}, {{1, nil, rr("b", 40_000)}}, {{2, nil, rr("c", 1)}}}, 9, "[0 1] [2]"},
		{"too large goes alone", [][]piece{{{0, nil, rr("a", 1)}}, {{1, nil, rr("b", 100_001)}}, {{2, nil, rr("c", 1)}}}, 9, "[0] [1] [2]"},
		{"nothing", nil, 9, ""},
	} {
		var got []string
		for _, b := range batches(x.units, x.size) {
			var n []string
			for _, one := range b {
				n = append(n, string(rune('0'+one.change)))
			}
			got = append(got, "["+strings.Join(n, " ")+"]")
		}
		if s := strings.Join(got, " "); s != x.want {
			t.Errorf("%s: got %s, want %s", x.name, s, x.want)
		}
	}
}

// Texts without quotes are not cut at what begins a comment in files.
func TestLiteral(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`v=DKIM1;k=rsa`:       "\x0dv=DKIM1;k=rsa",
		`"a;b"`:               "\x03a;b",
		`"a" ;`:               "\x01a\x01;",
		`(x)`:                 "\x03(x)",
		`a\;b`:                "\x03a;b",
		`"q\";" x;`:           "\x03q\";\x02x;",
		`"v=spf1 -all"`:       "\x0bv=spf1 -all",
		`"one (two" "three)"`: "\x08one (two\x06three)",
	} {
		if got, err := parseValue(zone.TypeTXT, text); string(got) != want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
}

// FuzzValue reads what a service may answer: no panic, and what was read can be written.
func FuzzValue(f *testing.F) {
	for _, s := range []string{`"a" "b"`, `v=DKIM1;k=rsa`, `10 mx.example.`, `\`, `"`, `(`, `1 . alpn=h2`, `0 issue "ca.example.net"`, "192.0.2.1", `\# 1 00`} {
		for i := range types {
			f.Add(s, uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		typ := types[int(n)%len(types)]
		d, err := parseValue(typ, text)
		if err != nil {
			return
		}
		set := zone.RRset{Owner: zone.MustName("x.example."), Type: typ, Data: []zone.Data{d}}
		again := values(set)[0]
		if strings.HasPrefix(again, `\#`) {
			return
		}
		if got, err := parseValue(typ, again); err != nil || got != d {
			t.Errorf("%s %q: written as %q, read as %q, %v", typ, text, again, got, err)
		}
	})
}
