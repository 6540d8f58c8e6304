package azure

import (
	"slices"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// types are those of API version 2018-05-01 but for the SOA, which the service keeps.
var types = []zone.Type{
	zone.TypeA, zone.TypeAAAA, zone.TypeCAA, zone.TypeCNAME, zone.TypeMX, zone.TypeNS, zone.TypePTR, zone.TypeSRV, zone.TypeTXT,
}

const (
	mostPerRRset = 20
	mostTTL      = 1<<31 - 1
	mostText     = 4096 // characters of all TXT records of a set
	mostPerPage  = 1000
	safePerPage  = 100 // what every service gives: the documented default

	records = "https://learn.microsoft.com/en-us/azure/dns/dns-zones-records"
	faq     = "https://learn.microsoft.com/en-us/azure/dns/dns-faq"
	rest    = "https://learn.microsoft.com/en-us/rest/api/dns/"
)

// Capabilities implements provider.Provider. They are the same for all zones.
func (p *Provider) Capabilities(provider.ZoneInfo) provider.Capabilities {
	return provider.Capabilities{
		Types:  slices.Clone(types),
		ApexNS: provider.ApexNSEditable, ApexNSTTL: true,
		MinTTL: 1, MaxTTL: mostTTL, MaxRecords: mostPerRRset,
		Wildcards: true, MultiValuePTR: true, TXTChunks: true,
		Compare:   provider.CompareSet,
		ListZones: true, CreateZone: true, DeleteZone: true,
		InFlight: Documented.InFlight, Proof: "simulated",
		Docs: map[string]string{
			"Types":         rest + "record-sets/create-or-update?view=rest-dns-2018-05-01#recordtype",
			"ApexNS":        records + "#ns-records",
			"ApexNSTTL":     records + "#ns-records",
			"MinTTL":        records + "#time-to-live",
			"MaxTTL":        records + "#time-to-live",
			"MaxRecords":    faq + "#what-are-the-usage-limits-for-azure-dns-",
			"Wildcards":     records + "#wildcard-records",
			"MultiValuePTR": rest + "record-sets/create-or-update?view=rest-dns-2018-05-01#ptrrecord",
			"TXTChunks":     records + "#txt-records",
			"Compare":       records + "#etags",
			"ListZones":     rest + "zones/list-by-resource-group?view=rest-dns-2018-05-01",
			"CreateZone":    rest + "zones/create-or-update?view=rest-dns-2018-05-01",
			"DeleteZone":    rest + "zones/delete?view=rest-dns-2018-05-01",
			"InFlight":      throttling,
		},
	}
}

// Fit implements provider.Fitter. The name servers that a zone was given stay in its NS, whatever
// is wanted.
func (p *Provider) Fit(info provider.ZoneInfo, want zone.RRset, _ *zone.RRset) zone.RRset {
	if want.Type != zone.TypeNS || want.Owner != info.Origin || len(info.NameServers) == 0 {
		return want
	}
	want.Data = slices.Clone(want.Data)
	for _, n := range info.NameServers {
		if d := rdata.Name(n); !slices.Contains(want.Data, d) {
			want.Data = append(want.Data, d)
		}
	}
	return want.Clean()
}
