package service_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
)

func named(t *testing.T, origin string, ttl uint32) *zone.Zone {
	t.Helper()
	z, err := zone.Of(zone.MustName(origin), zone.RRset{Owner: zone.MustName(origin), Type: zone.TypeA, TTL: ttl, Data: []zone.Data{"\xc0\x00\x02\x01"}})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// shown is the TTL of the A at a name; 0 when there is no zone.
func shown(n *service.Names, name string) uint32 {
	z, ok := n.Find(zone.MustName(name))
	if !ok {
		return 0
	}
	set, _ := z.Set(z.Origin(), zone.TypeA)
	return set.TTL
}

func TestChangesTakeTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p service.Panel
		n := service.NewNames(&p)
		n.Publish("a", named(t, "example.org.", 1))
		if got := shown(n, "www.example.org."); got != 1 {
			t.Errorf("at once: version %d", got)
		}
		p.Turn(func(k *service.Knobs) { k.Propagation = service.Duration(10 * time.Second) })
		n.Publish("a", named(t, "example.org.", 2))
		p.Turn(func(k *service.Knobs) { k.Propagation = service.Duration(time.Second) })
		n.Publish("a", named(t, "example.org.", 3))
		for _, step := range []struct {
			wait time.Duration
			want uint32
		}{{9 * time.Second, 1}, {time.Second, 3}} {
			time.Sleep(step.wait)
			if got := shown(n, "www.example.org."); got != step.want {
				t.Errorf("after %v: version %d, want %d: a later one never overtakes", step.wait, got, step.want)
			}
		}
		n.Publish("b", named(t, "example.org.", 9))
		n.Withdraw("a")
		time.Sleep(2 * time.Second)
		if got := shown(n, "example.org."); got != 9 {
			t.Errorf("after the first zone of the name is gone: version %d, want that of the second", got)
		}
		n.Withdraw("b")
		time.Sleep(2 * time.Second)
		if got := shown(n, "example.org."); got != 0 || n.Count() != 0 {
			t.Errorf("after all are gone: version %d, %d zones", got, n.Count())
		}
	})
}

func TestKnobsOfTheFront(t *testing.T) {
	t.Parallel()
	var p service.Panel
	var done atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("POST /zones/{id}", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		done.Add(1)
		_, _ = w.Write(body)
	})
	srv := httptest.NewServer(service.Front(mux, &p, service.Refusals{
		Throttled: func(w http.ResponseWriter, _ *http.Request, wait time.Duration) {
			http.Error(w, "slow down "+wait.String(), http.StatusTooManyRequests)
		},
		Unavailable: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusServiceUnavailable) },
	}))
	defer srv.Close()
	call := func() string {
		resp, err := http.Post(srv.URL+"/zones/7", "text/plain", strings.NewReader("hello"))
		if err != nil {
			return "broken"
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		return resp.Status + " " + strings.TrimSpace(string(body))
	}
	for _, c := range []struct {
		name  string
		knobs service.Knobs
		want  string
		done  int64
	}{
		{"in good order", service.Knobs{}, "200 OK hello", 1},
		{"outage", service.Knobs{Outage: true}, "503 Service Unavailable down", 0},
		{"always faulty", service.Knobs{Fail: 1}, "503 Service Unavailable down", 0},
		{"answers are lost", service.Knobs{Lose: 1}, "broken", 1},
		{"first of two calls", service.Knobs{Throttle: 1, RetryAfter: service.Duration(time.Second)}, "200 OK hello", 1},
		{"second of two calls", service.Knobs{Throttle: 1, RetryAfter: service.Duration(time.Second)}, "429 Too Many Requests slow down 1s", 0},
	} {
		p.Turn(func(k *service.Knobs) { *k = c.knobs })
		before := done.Load()
		if got := call(); got != c.want || done.Load()-before != c.done {
			t.Errorf("%s: %q, carried out %d times; want %q, %d", c.name, got, done.Load()-before, c.want, c.done)
		}
	}
	if d := cmp.Diff(map[string]int64{"POST /zones/{id}": 3, "POST refused": 3}, p.Calls()); d != "" {
		t.Errorf("calls (-want +got):\n%s", d)
	}
	p.Forget()
	if p.Total() != 0 {
		t.Errorf("%d calls after Forget", p.Total())
	}
}

func TestKnobsAsJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ json, want string }{
		{`{"latency":"150ms","fail":0.5,"throttle":3}`, ""},
		{`{"latency":"-1s"}`, "latency is -1s; write a time from 0s to 1h"},
		{`{"fail":1.5}`, "fail is 1.5; write a share from 0 to 1"},
		{`{"throttle":-1}`, "throttle is -1; write a number of calls a second, 0 for no limit"},
		{`{"latency":150}`, `write a time such as "150ms", not 150`},
		{`{"latency":"soon"}`, `write a time such as "150ms", not "soon"`},
	} {
		var k service.Knobs
		err := json.Unmarshal([]byte(c.json), &k)
		if err == nil {
			err = k.Check()
		}
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: error %q, want %q", c.json, got, c.want)
		}
	}
}
