package route53

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
)

// Credentials that are accepted when Options name none. They open nothing but emulations.
const (
	DefaultKeyID   = "AKIASANDBOXROUTE53AA"
	DefaultSecret  = "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"
	ReadOnlyKeyID  = "AKIASANDBOXREADONLYA"
	ReadOnlySecret = "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"

	DefaultAccount  = "123456789012"
	DefaultRole     = "arn:aws:iam::123456789012:role/zonecast"
	ReadOnlyRole    = "arn:aws:iam::123456789012:role/zonecast-read"
	ExternalIDRole  = "arn:aws:iam::123456789012:role/zonecast-partner"
	DefaultExternal = "sandbox-external-id"
)

// Quotas that the service has before anyone asks for more, from
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html.
const (
	defaultZones  = 500
	defaultSets   = 10_000
	defaultValues = 400 // of one record set; older editions of the page say 100
	groupSets     = 100 // that share name and type
	batchRecords  = 1000
	batchChars    = 32_000
	callsASecond  = 5
)

// A Key is a long-term access key of a user.
type Key struct {
	ID, Secret string
	User       string // the last part of the user's ARN; "" takes the ID
	// Allow are the actions that the user may carry out, with * as in IAM ("route53:List*");
	// nil allows everything.
	Allow []string
}

// A Role can be assumed by any key that is allowed to.
type Role struct {
	ARN        string
	ExternalID string // demanded when not empty
	Allow      []string
}

// ReadOnly are the actions of the managed policy AmazonRoute53ReadOnlyAccess
// (https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonRoute53ReadOnlyAccess.html).
func ReadOnly() []string { return []string{"route53:Get*", "route53:List*", "route53:TestDNSAnswer"} }

// Options are how the emulated account is set up. The zero value is an account with the default
// keys and roles and the quotas of a new customer.
type Options struct {
	Panel   *service.Panel // nil: one of its own
	Account string         // twelve digits; "": DefaultAccount
	Keys    []Key          // nil: the default key and the one that only reads
	Roles   []Role         // nil: DefaultRole, ReadOnlyRole, ExternalIDRole

	Zones  int // quota of hosted zones; 0: 500
	Sets   int // quota of record sets in a zone; 0: 10,000
	Values int // quota of values in a record set; 0: 400

	// BatchErrors makes a refused change batch come as the document that the reference shows for
	// InvalidChangeBatch (a list of Messages at the root). Without it the messages come in
	// brackets inside an ErrorResponse, which is what clients see today; see the README.
	BatchErrors bool

	// Now is the service's clock; nil: time.Now.
	Now func() time.Time
}

// Service is the emulated account.
type Service struct {
	panel   *service.Panel
	names   *service.Names
	opt     Options
	keys    map[string]*principal
	roles   map[string]Role
	handler http.Handler

	mu          sync.RWMutex
	sessions    map[string]*principal // by access key
	zones       map[string]*hostedZone
	byID        []*hostedZone // in order of ids
	byName      []*hostedZone // in order of reversed names, then ids
	references  map[string]struct{}
	changes     map[string]*change
	changeOrder []string
	delegations map[string]*delegationSet
	health      map[string]*healthCheck
	calls       []time.Time // of the last second, while limits are on
}

// New returns an account without zones.
func New(o Options) *Service {
	if o.Panel == nil {
		o.Panel = &service.Panel{}
	}
	if o.Account == "" {
		o.Account = DefaultAccount
	}
	if o.Keys == nil {
		o.Keys = []Key{
			{ID: DefaultKeyID, Secret: DefaultSecret, User: "zonecast"},
			{ID: ReadOnlyKeyID, Secret: ReadOnlySecret, User: "reader", Allow: ReadOnly()},
		}
	}
	if o.Roles == nil {
		o.Roles = []Role{
			{ARN: DefaultRole},
			{ARN: ReadOnlyRole, Allow: ReadOnly()},
			{ARN: ExternalIDRole, ExternalID: DefaultExternal},
		}
	}
	setDefault(&o.Zones, defaultZones)
	setDefault(&o.Sets, defaultSets)
	setDefault(&o.Values, defaultValues)
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Service{
		panel: o.Panel, names: service.NewNames(o.Panel), opt: o,
		keys: map[string]*principal{}, roles: map[string]Role{}, sessions: map[string]*principal{},
		zones: map[string]*hostedZone{}, references: map[string]struct{}{}, changes: map[string]*change{},
		delegations: map[string]*delegationSet{}, health: map[string]*healthCheck{},
	}
	for _, k := range o.Keys {
		s.keys[k.ID] = s.user(k)
	}
	for _, r := range o.Roles {
		s.roles[r.ARN] = r
	}
	s.handler = service.Front(s.routes(), o.Panel, service.Refusals{Throttled: throttled, Unavailable: unavailable})
	return s
}

func setDefault(n *int, d int) {
	if *n == 0 {
		*n = d
	}
}

// ServeHTTP answers one call.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Panel holds the knobs.
func (s *Service) Panel() *service.Panel { return s.panel }

// Names are the public zones as the name servers show them.
func (s *Service) Names() *service.Names { return s.names }

// Zone returns the zone with an id ("Z…") as its name servers answer it, private ones too.
func (s *Service) Zone(id string) (*zone.Zone, bool) {
	z := s.find(id)
	if z == nil {
		return nil, false
	}
	z.mu.RLock()
	defer z.mu.RUnlock()
	return z.served, true
}

// Hold keeps a zone busy, as if a change batch took long: other batches are refused with
// PriorRequestNotComplete until release is called.
func (s *Service) Hold(id string) (release func()) {
	z := s.find(id)
	if z == nil {
		return func() {}
	}
	z.busy.Lock()
	return sync.OnceFunc(z.busy.Unlock)
}

func (s *Service) find(id string) *hostedZone {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.zones[id]
}

// limited reports whether a call is one too many: five a second for the account, whoever calls
// (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests).
func (s *Service) limited() bool {
	if !s.panel.Knobs().Limits {
		return false
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.calls) > 0 && now.Sub(s.calls[0]) >= time.Second {
		s.calls = s.calls[1:]
	}
	if len(s.calls) >= callsASecond {
		return true
	}
	s.calls = append(s.calls, now)
	return false
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// random returns n characters of an alphabet of at most 256.
func random(alphabet string, n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

func requestID() string {
	const hex = "0123456789abcdef"
	return random(hex, 8) + "-" + random(hex, 4) + "-" + random(hex, 4) + "-" + random(hex, 4) + "-" + random(hex, 12)
}
