package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/zonecast/zonecast/sandbox/local"
	"github.com/zonecast/zonecast/sandbox/service"
)

// A Status is what the control API says of a service.
type Status struct {
	Name  string           `json:"name"`
	Real  bool             `json:"real,omitempty"`  // a real server, not an emulation
	API   string           `json:"api,omitempty"`   // URL
	DNS   string           `json:"dns"`             // address of its name servers
	Zones int              `json:"zones"`           // shown by its name servers; 0 for real servers
	Calls map[string]int64 `json:"calls,omitempty"` // of the API by method and path
	Knobs service.Knobs    `json:"knobs"`
}

// title names a service for people.
func title(kind string) string {
	if Real(kind) {
		return local.Kind(kind).Title()
	}
	return map[string]string{Route53: "Amazon Route 53", Cloudflare: "Cloudflare", Azure: "Azure DNS", Google: "Google Cloud DNS"}[kind]
}

// Title names the service for people: "Amazon Route 53".
func (st Status) Title() string { return title(st.Name) }

// URL is the address of a kind's API as a configuration needs it; "" for BIND and Knot.
func (p Project) URL(kind string) string {
	switch kind {
	case BIND, Knot:
		return ""
	case Azure:
		return "https://" + p.API(kind)
	case Cloudflare:
		return "http://" + p.API(kind) + "/client/v4"
	}
	return "http://" + p.API(kind)
}

// Status tells of every service, in the order of their kinds.
func (s *Sandbox) Status() []Status {
	var list []Status
	for _, kind := range s.project.Kinds {
		if r, ok := s.service(kind); ok {
			list = append(list, s.status(r))
		}
	}
	return list
}

func (s *Sandbox) status(r *running) Status {
	st := Status{Name: r.kind, Real: r.real != nil, API: s.project.URL(r.kind), DNS: s.project.DNS(r.kind)}
	if r.emul != nil {
		st.Zones, st.Calls, st.Knobs = r.emul.Names().Count(), r.emul.Panel().Calls(), r.emul.Panel().Knobs()
		return st
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	st.Knobs.Outage, st.Knobs.Dark = r.stopped, r.stopped
	return st
}

// control is the control API. It is for loopback alone and has no credentials, so it refuses what
// a web page of another origin sends, and one of a name that somebody pointed at loopback.
func (s *Sandbox) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"services": s.Status()})
	})
	mux.HandleFunc("GET /services/{name}", s.named(func(w http.ResponseWriter, _ *http.Request, r *running) {
		reply(w, http.StatusOK, s.status(r))
	}))
	mux.HandleFunc("PATCH /services/{name}", s.named(s.patch))
	mux.HandleFunc("DELETE /services/{name}/calls", s.named(func(w http.ResponseWriter, _ *http.Request, r *running) {
		if r.emul != nil {
			r.emul.Panel().Forget()
		}
		reply(w, http.StatusOK, s.status(r))
	}))
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			refuse(w, http.StatusForbidden, fmt.Errorf("%q is no name of this machine; ask at %s", host, s.project.Control()))
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

func (s *Sandbox) named(f func(http.ResponseWriter, *http.Request, *running)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		svc, ok := s.service(r.PathValue("name"))
		if !ok {
			refuse(w, http.StatusNotFound, fmt.Errorf("%q does not run in this sandbox", r.PathValue("name")))
			return
		}
		f(w, r, svc)
	}
}

// patch turns the knobs that the request names.
func (s *Sandbox) patch(w http.ResponseWriter, r *http.Request, svc *running) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, err)
		return
	}
	merge := func(k *service.Knobs) error {
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(k); err != nil {
			return err
		}
		if d.More() {
			return errors.New("write one object of JSON")
		}
		return nil
	}
	if err := merge(&service.Knobs{}); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if err := svc.turn(r.Context(), func(k *service.Knobs) { _ = merge(k) }); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	reply(w, http.StatusOK, s.status(svc))
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(v)
}

func refuse(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]string{"error": err.Error()})
}

// A Remote is a sandbox that another process runs.
type Remote struct{ Control string } // address of its control API

// Services asks for the status of all services.
func (r Remote) Services(ctx context.Context) ([]Status, error) {
	var out struct{ Services []Status }
	return out.Services, r.call(ctx, http.MethodGet, "/", nil, &out)
}

// Turn turns knobs of a service; the keys are the names of the fields of service.Knobs in JSON.
func (r Remote) Turn(ctx context.Context, name string, knobs map[string]any) (Status, error) {
	var out Status
	return out, r.call(ctx, http.MethodPatch, "/services/"+url.PathEscape(name), knobs, &out)
}

func (r Remote) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+r.Control+path, &body)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no sandbox answers at %s; start it with: zonecast sandbox (%w)", r.Control, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<22))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		var e struct{ Error string }
		if json.Unmarshal(data, &e) == nil && e.Error != "" {
			return errors.New(e.Error)
		}
		return fmt.Errorf("%s says %s", r.Control, resp.Status)
	}
	return json.Unmarshal(data, out)
}
