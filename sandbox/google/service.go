package google

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/zonecast/zonecast/sandbox/service"
)

// What a Service accepts unless Options say otherwise.
const (
	DefaultProject       = "sandbox-project"
	DefaultToken         = "ya29.sandbox-all-rights"
	DefaultReadOnlyToken = "ya29.sandbox-read-only"
)

// Options of a Service; the zero value works.
type Options struct {
	// Panel has the knobs; nil makes one of its own.
	Panel *service.Panel
	// Project is the id of the only project; "" is DefaultProject.
	Project string
	// Token is an access token that never expires and may do everything; "" is DefaultToken.
	Token string
	// ReadOnlyToken is one whose account has the role DNS Reader; "" is DefaultReadOnlyToken.
	ReadOnlyToken string
	// TokenLife is how long the access tokens of the token endpoint last; 0 is one hour.
	TokenLife time.Duration
	// Quota has the project's quotas; what is 0 in it has its documented value.
	Quota Quota
	// PageSize is both default and maximum of maxResults; 0 is 1000.
	PageSize int
	// ReadsPerMinute and WritesPerMinute are the quotas of calls that Knobs.Limits switches on;
	// 0 is 600 each.
	ReadsPerMinute, WritesPerMinute int
	// BumpSerial makes the service add 1 to the SOA's serial number with each change that does not
	// replace the SOA. See README.md for why it does not do so unless asked.
	BumpSerial bool
}

// A Service is an emulated Cloud DNS with one project. It is safe for concurrent use.
type Service struct {
	opts    Options
	panel   *service.Panel
	names   *service.Names
	auth    *keyring
	calls   meter
	handler http.Handler

	mu     sync.Mutex
	zones  map[string]*managedZone // by name
	byID   map[string]*managedZone
	sorted []*managedZone // by name
	nextID uint64
}

// New returns a service without zones.
func New(o Options) *Service {
	if o.Panel == nil {
		o.Panel = &service.Panel{}
	}
	defaultTo(&o.Project, DefaultProject)
	defaultTo(&o.Token, DefaultToken)
	defaultTo(&o.ReadOnlyToken, DefaultReadOnlyToken)
	defaultTo(&o.TokenLife, time.Hour)
	defaultTo(&o.PageSize, 1000)
	defaultTo(&o.ReadsPerMinute, 600)
	defaultTo(&o.WritesPerMinute, 600)
	o.Quota = o.Quota.filled()
	s := &Service{
		opts: o, panel: o.Panel, names: service.NewNames(o.Panel), auth: newKeyring(o),
		zones: map[string]*managedZone{}, byID: map[string]*managedZone{}, nextID: firstZoneID,
	}
	s.handler = service.Front(s.routes(), o.Panel, service.Refusals{Throttled: throttled, Unavailable: unavailable})
	return s
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// ServeHTTP answers a call of the API or of the token endpoint.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Panel has the service's knobs and counters.
func (s *Service) Panel() *service.Panel { return s.panel }

// Names are the zones that its name servers show: public ones only.
func (s *Service) Names() *service.Names { return s.names }

// A method is one of the API: what it may be asked and whether it changes anything.
type method struct {
	pattern string
	writes  bool
	params  []string // names of query parameters beside those of every method
	do      func(*Service, *call) (any, *refusal)
}

var methods = []method{
	{"GET /dns/v1/projects/{project}", false, nil, (*Service).projectGet},
	{"GET /dns/v1/projects/{project}/managedZones", false, []string{"dnsName", "maxResults", "pageToken"}, (*Service).zoneList},
	{"POST /dns/v1/projects/{project}/managedZones", true, nil, (*Service).zoneCreate},
	{"GET /dns/v1/projects/{project}/managedZones/{managedZone}", false, nil, (*Service).zoneGet},
	{"PATCH /dns/v1/projects/{project}/managedZones/{managedZone}", true, nil, (*Service).zonePatch},
	{"PUT /dns/v1/projects/{project}/managedZones/{managedZone}", true, nil, (*Service).zoneUpdate},
	{"DELETE /dns/v1/projects/{project}/managedZones/{managedZone}", true, nil, (*Service).zoneDelete},
	{"GET /dns/v1/projects/{project}/managedZones/{managedZone}/operations", false, []string{"maxResults", "pageToken", "sortBy"}, (*Service).operationList},
	{"GET /dns/v1/projects/{project}/managedZones/{managedZone}/operations/{operation}", false, nil, (*Service).operationGet},
	{"GET /dns/v1/projects/{project}/managedZones/{managedZone}/dnsKeys", false, []string{"digestType", "maxResults", "pageToken"}, (*Service).keyList},
	{"GET /dns/v1/projects/{project}/managedZones/{managedZone}/dnsKeys/{dnsKeyId}", false, []string{"digestType"}, (*Service).keyGet},
	{"GET /dns/v1/projects/{project}/managedZones/{managedZone}/changes", false, []string{"maxResults", "pageToken", "sortBy", "sortOrder"}, (*Service).changeList},
	{"POST /dns/v1/projects/{project}/managedZones/{managedZone}/changes", true, nil, (*Service).changeCreate},
	{"GET /dns/v1/projects/{project}/managedZones/{managedZone}/changes/{changeId}", false, nil, (*Service).changeGet},
	{"GET /dns/v1/projects/{project}/managedZones/{managedZone}/rrsets", false, []string{"name", "type", "filter", "maxResults", "pageToken"}, (*Service).setList},
	{"POST /dns/v1/projects/{project}/managedZones/{managedZone}/rrsets", true, nil, (*Service).setCreate},
	{"GET /dns/v1/projects/{project}/managedZones/{managedZone}/rrsets/{name}/{type}", false, nil, (*Service).setGet},
	{"PATCH /dns/v1/projects/{project}/managedZones/{managedZone}/rrsets/{name}/{type}", true, nil, (*Service).setPatch},
	{"DELETE /dns/v1/projects/{project}/managedZones/{managedZone}/rrsets/{name}/{type}", true, nil, (*Service).setDelete},
}

func (s *Service) routes() http.Handler {
	mux := http.NewServeMux()
	for _, m := range methods {
		mux.HandleFunc(m.pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, m) })
	}
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("/", notAMethod)
	return mux
}

// A call is one request that was let in.
type call struct {
	*http.Request
	now     time.Time
	caller  string // e-mail address of the account
	project string
}

// nothing is the answer of methods that answer 204 No Content.
type nothing struct{}

func (s *Service) serve(w http.ResponseWriter, r *http.Request, m method) {
	c := &call{Request: r, now: time.Now()}
	if no := s.admit(c, m); no != nil {
		no.write(w)
		return
	}
	answer, no := m.do(s, c)
	switch {
	case no != nil:
		no.write(w)
	case answer == nothing{}:
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, http.StatusOK, answer)
	}
}

// everywhere are the query parameters of every method, as the API's discovery document lists them.
var everywhere = map[string]bool{
	"$.xgafv": true, "access_token": true, "alt": true, "callback": true, "fields": true, "key": true, "oauth_token": true,
	"prettyPrint": true, "quotaUser": true, "uploadType": true, "upload_protocol": true, "clientOperationId": true,
}

// query refuses parameters that the method does not have.
func (c *call) query(m method) *refusal {
	var all faults
	for name := range c.URL.Query() {
		known := everywhere[name]
		for _, p := range m.params {
			known = known || p == name
		}
		if !known {
			all.add(badRequest(`Invalid JSON payload received. Unknown name "%s": Cannot bind query parameter. Field '%s' could not be found in request message.`, clip(name), clip(name)))
		}
	}
	return all.first
}

// limit reads maxResults: what is not given or beyond the maximum is the maximum.
func (s *Service) limit(c *call) (int, *refusal) {
	text := c.FormValue("maxResults")
	if text == "" {
		return s.opts.PageSize, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, badRequest(`Invalid value at 'max_results' (TYPE_INT32), "%s"`, clip(text))
	}
	if n < 0 {
		return 0, invalid("parameters.maxResults", text)
	}
	if n == 0 {
		return s.opts.PageSize, nil
	}
	return min(int(n), s.opts.PageSize), nil
}

// throttled is the front's answer to a call too many: https://cloud.google.com/apis/design/errors.
func throttled(w http.ResponseWriter, _ *http.Request, wait time.Duration) {
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	no := refuse(http.StatusTooManyRequests, "rateLimitExceeded", "Resource has been exhausted (e.g. check quota).")
	no.status = "RESOURCE_EXHAUSTED"
	no.write(w)
}

func unavailable(w http.ResponseWriter, _ *http.Request) {
	no := refuse(http.StatusServiceUnavailable, "backendError", "The service is currently unavailable.")
	no.status = "UNAVAILABLE"
	no.write(w)
}
