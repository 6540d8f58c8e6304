package cloudflare

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// A call is one request that passed the gate.
type call struct {
	who   caller
	query url.Values
	body  []byte
	path  string
	now   time.Time

	zone   *hosted // where the path names one
	record string  // id, where the path names one
}

// decode reads the body as JSON. Unknown fields are ignored, as Cloudflare does.
func (c call) decode(into any) *refusal {
	if err := json.Unmarshal(c.body, into); err != nil {
		return refuse(9207, "Request body is invalid.")
	}
	return nil
}

type handler func(call) (answer, *refusal)

var idForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// routes joins paths and handlers. A path that exists under another method is 405, any other 404.
func (s *Service) routes() http.Handler {
	mux := http.NewServeMux()
	table := map[string]map[string]handler{
		"/user/tokens/verify":                {"GET": s.verify},
		"/accounts":                          {"GET": s.listAccounts},
		"/accounts/{account}":                {"GET": s.showAccount},
		"/zones":                             {"GET": s.listZones, "POST": s.createZone},
		"/zones/{zone}":                      {"GET": s.showZone, "PATCH": s.patchZone, "DELETE": s.deleteZone},
		"/zones/{zone}/activation_check":     {"PUT": s.checkActivation},
		"/zones/{zone}/dns_records":          {"GET": s.listRecords, "POST": s.createRecord},
		"/zones/{zone}/dns_records/batch":    {"POST": s.batch},
		"/zones/{zone}/dns_records/{record}": {"GET": s.showRecord, "PATCH": s.patchRecord, "PUT": s.putRecord, "DELETE": s.deleteRecord},
		"/zones/{zone}/dns_settings":         {"GET": s.showSettings, "PATCH": s.patchSettings},
		"/zones/{zone}/dnssec":               {"GET": s.showDNSSEC, "PATCH": s.patchDNSSEC, "DELETE": s.deleteDNSSEC},
	}
	for path, methods := range table {
		mux.HandleFunc(Prefix+path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, methods) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, nil) })
	return mux
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request, methods map[string]handler) {
	now := time.Now().UTC()
	who, no := s.authenticate(r)
	if no != nil {
		no.write(w)
		return
	}
	if wait := s.count(w, now); wait > 0 {
		throttled(w, r, wait)
		return
	}
	a, no := s.route(r, who, now, methods)
	if no != nil {
		no.write(w)
		return
	}
	write(w, http.StatusOK, envelope{Result: rendered(a.result), Success: true, Messages: a.messages, Info: a.info})
}

func (s *Service) route(r *http.Request, who caller, now time.Time, methods map[string]handler) (answer, *refusal) {
	if methods == nil {
		return answer{}, noRoute(r)
	}
	h, ok := methods[r.Method]
	if !ok {
		return answer{}, refuseAs(http.StatusMethodNotAllowed, 7001, "Method %s not available for that URI.", r.Method)
	}
	if t := who.token; t != nil && t.status(now) != "active" && !strings.HasSuffix(r.URL.Path, "/verify") {
		return answer{}, refuseAs(http.StatusForbidden, 9109, "Invalid access token")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return answer{}, refuse(9207, "Request body is invalid.")
	}
	c := call{who: who, query: r.URL.Query(), body: body, path: r.URL.Path, now: now, record: r.PathValue("record")}
	if c.record != "" && !idForm.MatchString(c.record) {
		return answer{}, noRoute(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := r.PathValue("account"); id != "" && !idForm.MatchString(id) {
		return answer{}, noRoute(r)
	} else if id != "" {
		c.record = id
	}
	if id := r.PathValue("zone"); id != "" {
		z, no := s.zoneFor(r, c, id)
		if no != nil {
			return answer{}, no
		}
		c.zone = z
	}
	return h(c)
}

// zoneFor finds the zone that a path names and checks that the caller may do this to it.
func (s *Service) zoneFor(r *http.Request, c call, id string) (*hosted, *refusal) {
	if !idForm.MatchString(id) {
		return nil, noRoute(r)
	}
	z := s.zones[id]
	records := strings.Contains(r.URL.Path, "/dns")
	switch {
	case z == nil && records:
		return nil, noRoute(r)
	case z == nil:
		return nil, refuseAs(http.StatusNotFound, 1001, "Invalid zone identifier")
	case c.who.sees(z) && (r.Method == http.MethodGet || c.who.mayWrite()):
		return z, nil
	case records:
		return nil, refuseAs(http.StatusForbidden, 10000, "Authentication error")
	}
	return nil, refuseAs(http.StatusForbidden, 9109, "Unauthorized to access requested resource")
}

func noRoute(r *http.Request) *refusal {
	return &refusal{http.StatusNotFound, []problem{
		{Code: 7003, Message: "Could not route to " + r.URL.Path + ", perhaps your object identifier is invalid?"},
		{Code: 7000, Message: "No route for that URI"},
	}}
}

// stamp is how the API writes a time.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
