package cloudflare

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"github.com/zonecast/zonecast/sandbox/service"
)

// What the zero Options accept.
const (
	DefaultToken         = "sandbox-cloudflare-token-reads-and-write" // everything in the account
	DefaultReadOnlyToken = "sandbox-cloudflare-token-only-reads-0000" // Zone Read and DNS Read
	DefaultExpiredToken  = "sandbox-cloudflare-token-has-expired-000"
	DefaultEmail         = "operator@example.com"
	DefaultKey           = "sandbox000000000000000000000000000000"
	DefaultAccountID     = "5a4d0b0cbc0f4d6f9c2f3a1e7b8c9d01"
)

// Prefix is where the API lives, as at api.cloudflare.com.
const Prefix = "/client/v4"

// A Plan decides the limits of a zone.
type Plan string

// The plans of https://www.cloudflare.com/plans/; the zero Plan is Free.
const (
	Free       Plan = "free"
	Pro        Plan = "pro"
	Business   Plan = "business"
	Enterprise Plan = "enterprise"
)

// Options say what a Service accepts. The zero value is one account on the free plan with the
// default credentials.
type Options struct {
	Panel *service.Panel // nil: one of its own
	// Plan of new zones; "" is Free.
	Plan Plan
	// Records is the quota of records of each zone; 0 is the plan's: 200 (free), 3,500 (pro,
	// business), 1,000,000 (enterprise).
	Records int
	// Tokens that are accepted; nil: the default ones.
	Tokens []Token
	// Email and Key are accepted as X-Auth-Email and X-Auth-Key; "" is the default.
	Email, Key string
	// Accounts of the user; nil: one, with DefaultAccountID.
	Accounts []Account
	// Batch is the most operations of one batch; 0 is the plan's: 200 (free), 3,500 (paid).
	Batch int
	// Random supplies identifiers; nil is crypto/rand. It is for tests that print them.
	Random func([]byte)
}

// A Token is an API token of the user.
type Token struct {
	Value    string
	ReadOnly bool
	Zones    []string // names; nil: all zones of the accounts
	Expires  time.Time
	Disabled bool
}

// An Account owns zones.
type Account struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// A Service is the emulated API with its state. Make one with New.
type Service struct {
	opt     Options
	panel   *service.Panel
	names   *service.Names
	handler http.Handler
	started time.Time

	mu     sync.Mutex
	zones  map[string]*hosted // by id
	byName map[string]*hosted // by account id + "/" + name
	users  map[string]*window // calls by user, while limits are on
}

var _ service.Service = (*Service)(nil)

// New returns a service without zones.
func New(o Options) *Service {
	if o.Panel == nil {
		o.Panel = new(service.Panel)
	}
	o.Plan = cmp.Or(o.Plan, Free)
	o.Email, o.Key = cmp.Or(o.Email, DefaultEmail), cmp.Or(o.Key, DefaultKey)
	if o.Accounts == nil {
		o.Accounts = []Account{{ID: DefaultAccountID, Name: "Sandbox"}}
	}
	if o.Tokens == nil {
		o.Tokens = []Token{
			{Value: DefaultToken},
			{Value: DefaultReadOnlyToken, ReadOnly: true},
			{Value: DefaultExpiredToken, Expires: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)},
		}
	}
	if o.Random == nil {
		o.Random = func(b []byte) { _, _ = rand.Read(b) } // never fails
	}
	s := &Service{
		opt: o, panel: o.Panel, names: service.NewNames(o.Panel), started: time.Now().UTC(),
		zones: map[string]*hosted{}, byName: map[string]*hosted{}, users: map[string]*window{},
	}
	s.handler = service.Front(s.routes(), s.panel, service.Refusals{Throttled: throttled, Unavailable: unavailable})
	return s
}

// ServeHTTP answers the API.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Panel has the service's knobs.
func (s *Service) Panel() *service.Panel { return s.panel }

// Names has the zones as the name servers answer them.
func (s *Service) Names() *service.Names { return s.names }

// Admit accepts one more token.
func (s *Service) Admit(t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.Tokens = append(s.opt.Tokens[:len(s.opt.Tokens):len(s.opt.Tokens)], t)
}

// newID returns an identifier as Cloudflare has them: 32 hexadecimal digits.
func (s *Service) newID() string {
	var b [16]byte
	s.opt.Random(b[:])
	return hex.EncodeToString(b[:])
}

// idOf is the identifier of what has none of its own: a user, a token, a plan.
func idOf(what string) string {
	h := sha256.Sum256([]byte(what))
	return hex.EncodeToString(h[:16])
}
