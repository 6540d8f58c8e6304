package azure

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zonecast/zonecast/sandbox/service"
)

// What a Service accepts unless Options say otherwise.
const (
	DefaultTenant        = "7e1d5a2c-0b1f-4c53-9d0e-5a2d6c1f0001"
	DefaultSubscription  = "7e1d5a2c-0b1f-4c53-9d0e-5a2d6c1f0002"
	DefaultResourceGroup = "sandbox"

	// A service principal with the role DNS Zone Contributor.
	DefaultClientID     = "7e1d5a2c-0b1f-4c53-9d0e-5a2d6c1f0003"
	DefaultClientSecret = "sandbox~all-rights"

	// A service principal with the role Reader.
	DefaultReaderID     = "7e1d5a2c-0b1f-4c53-9d0e-5a2d6c1f0004"
	DefaultReaderSecret = "sandbox~read-only"

	// Audience is what tokens are asked for: the scope is Audience + "/.default".
	Audience = "https://management.azure.com"
)

// A Client is a service principal that may get tokens.
type Client struct {
	ID, Secret string
	// ReadOnly gives it the role Reader instead of DNS Zone Contributor.
	ReadOnly bool
}

// Options of a Service; the zero value works.
type Options struct {
	// Panel has the knobs; nil makes one of its own.
	Panel *service.Panel
	// Tenant is the id of the only tenant; "" is DefaultTenant.
	Tenant string
	// Clients are the service principals; nil is the two of the Default constants.
	Clients []Client
	// Subscriptions maps the ids of subscriptions to their resource groups; nil is
	// DefaultSubscription with DefaultResourceGroup.
	Subscriptions map[string][]string
	// TokenLife is how long tokens last; 0 is 3599 s, as Entra ID says.
	TokenLife time.Duration
	// MaxZones is the quota of zones of a subscription; 0 is 250. People raise it by asking.
	MaxZones int
	// MaxRecordSets is the quota of record sets of a zone; 0 is 10,000. People raise it by asking.
	MaxRecordSets int
	// MaxPage is the most items of a page, whatever $top asks for; 0 is 1,000 (not documented).
	MaxPage int
}

// A Service is an emulated Azure DNS. It is safe for concurrent use.
type Service struct {
	opts    Options
	panel   *service.Panel
	names   *service.Names
	tokens  signer
	meter   meter
	handler http.Handler

	mu    sync.Mutex
	subs  map[string]*subscription // by id in lower case
	seq   uint64                   // the last etag's number
	named map[string]int           // how many zones of a name were made: choice of name servers
	ops   operations
}

// A subscription holds zones in resource groups.
type subscription struct {
	id     string
	groups map[string]string    // as written, by lower case
	zones  map[string]*zoneItem // by key, "group/zone" in lower case
	sorted []string             // keys of zones
}

// New returns a service without zones.
func New(o Options) *Service {
	if o.Panel == nil {
		o.Panel = &service.Panel{}
	}
	defaultTo(&o.Tenant, DefaultTenant)
	defaultTo(&o.TokenLife, 3599*time.Second)
	defaultTo(&o.MaxZones, 250)
	defaultTo(&o.MaxRecordSets, 10_000)
	defaultTo(&o.MaxPage, 1000)
	if o.Clients == nil {
		o.Clients = []Client{
			{ID: DefaultClientID, Secret: DefaultClientSecret},
			{ID: DefaultReaderID, Secret: DefaultReaderSecret, ReadOnly: true},
		}
	}
	if o.Subscriptions == nil {
		o.Subscriptions = map[string][]string{DefaultSubscription: {DefaultResourceGroup}}
	}
	s := &Service{
		opts: o, panel: o.Panel, names: service.NewNames(o.Panel), tokens: newSigner(),
		subs: map[string]*subscription{}, named: map[string]int{},
	}
	for id, groups := range o.Subscriptions {
		sub := &subscription{id: id, groups: map[string]string{}, zones: map[string]*zoneItem{}}
		for _, g := range groups {
			sub.groups[strings.ToLower(g)] = g
		}
		s.subs[strings.ToLower(id)] = sub
	}
	s.handler = service.Front(http.HandlerFunc(s.route), o.Panel, service.Refusals{Throttled: throttled, Unavailable: unavailable})
	return s
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// ServeHTTP answers a call of Azure Resource Manager or of Entra ID.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Panel has the service's knobs and counters.
func (s *Service) Panel() *service.Panel { return s.panel }

// Names are the zones that its name servers show.
func (s *Service) Names() *service.Names { return s.names }

// insertSorted puts key in its place; a key that is there already stays alone.
func insertSorted(keys []string, key string) []string {
	i, found := slices.BinarySearch(keys, key)
	if found {
		return keys
	}
	return slices.Insert(keys, i, key)
}

func removeSorted(keys []string, key string) []string {
	i, found := slices.BinarySearch(keys, key)
	if !found {
		return keys
	}
	return slices.Delete(keys, i, i+1)
}
