package cloudflare

import (
	"sync"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

// Provider is what one token sees of Cloudflare.
type Provider struct {
	http           *httpkit.Client
	account        string // id; "": all
	plan           string // of all zones; "": what each says
	multi          string // multiAuto, multiOn, multiOff
	minTTL         uint32
	zonesPerPage   int
	recordsPerPage int
	denials        int           // how often a denied request is repeated
	pause          time.Duration // before each
	addresses      []string
	now            func() time.Time

	census census

	mu    sync.Mutex
	zones map[string]cachedZone // by id
}

// What the option multi_provider says.
const (
	multiAuto = "auto"
	multiOn   = "true"
	multiOff  = "false"
)

var (
	_ provider.SetReader   = (*Provider)(nil)
	_ provider.ZoneCreator = (*Provider)(nil)
	_ provider.ZoneDeleter = (*Provider)(nil)
	_ provider.Verifier    = (*Provider)(nil)
	_ provider.Fitter      = (*Provider)(nil)
	_ provider.Closer      = (*Provider)(nil)
)

// Limits of the service.
const (
	maxTTL    = 86400
	freeBatch = 200
	paidBatch = 3500

	plansFree, plansEnterprise = "free", "enterprise"
)

func batchOf(plan string) int {
	if plan == plansFree {
		return freeBatch
	}
	return paidBatch
}

// lowestTTL is what the service takes of a zone of a plan, in seconds.
func lowestTTL(plan string) uint32 {
	if plan == plansEnterprise {
		return 30
	}
	return 60
}

const docs = "https://developers.cloudflare.com"

// Capabilities implements provider.Provider. They depend on the zone's plan and type, as far as the
// zone was seen before.
func (p *Provider) Capabilities(info provider.ZoneInfo) provider.Capabilities {
	z, _ := p.known(info.ZoneRef)
	plan := p.planOf(z)
	c := provider.Capabilities{
		Types:  types,
		ApexNS: provider.ApexNSEditable,
		Alias:  "CNAME", AliasApexOnly: true,
		MinTTL: max(p.minTTL, lowestTTL(plan)), MaxTTL: maxTTL,
		Wildcards: true, MultiValuePTR: true,
		Extras:  []string{octodns.ExtraOctodns},
		Compare: provider.NoCompare,
		Window: "another writer between the second reading of the RRsets and the batch, some tens of milliseconds: the later one wins, " +
			"record by record. Writers of one process queue up",
		Batch:     batchOf(plan),
		ListZones: true, CreateZone: true, DeleteZone: true,
		InFlight: inFlight, Proof: "simulated",
		Docs: map[string]string{
			"Limits":     docs + "/fundamentals/api/reference/limits/",
			"Types":      docs + "/api/resources/dns/subresources/records/methods/create/",
			"ApexNS":     docs + "/dns/nameservers/nameserver-options/#multi-provider-dns",
			"Alias":      docs + "/dns/cname-flattening/",
			"MinTTL":     docs + "/dns/manage-dns-records/reference/ttl/",
			"MaxTTL":     docs + "/dns/manage-dns-records/reference/ttl/",
			"Wildcards":  docs + "/dns/manage-dns-records/reference/wildcard-dns-records/",
			"Extras":     docs + "/dns/manage-dns-records/reference/record-attributes/",
			"Batch":      docs + "/dns/manage-dns-records/how-to/batch-record-changes/",
			"ListZones":  docs + "/api/resources/zones/methods/list/",
			"CreateZone": docs + "/api/resources/zones/methods/create/",
			"DeleteZone": docs + "/api/resources/zones/methods/delete/",
		},
	}
	switch {
	case z != nil && !z.hasApexNS():
		c.ApexNS = provider.ApexNSHidden
	case p.multi == multiOff:
		c.ApexNS = provider.ApexNSReadOnly
	}
	return c
}

// Budget is the account's.
func (p *Provider) Budget() *budget.Account { return p.http.Budget }

// Close lets go of connections.
func (p *Provider) Close() error {
	if c, ok := p.http.HTTP.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	return nil
}

// A key names one RRset of one zone.
type key = zone.Key
