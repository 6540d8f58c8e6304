package google

import (
	"slices"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

const typeIPSECKEY zone.Type = 45

// types are those of https://cloud.google.com/dns/docs/records-overview, without SOA, which the
// service keeps, and DNSKEY, which only zones in the DNSSEC state "transfer" take.
var types = []zone.Type{
	zone.TypeA, zone.TypeAAAA, zone.TypeCAA, zone.TypeCNAME, zone.TypeDS, zone.TypeHTTPS, typeIPSECKEY, zone.TypeMX,
	zone.TypeNAPTR, zone.TypeNS, zone.TypePTR, zone.TypeSPF, zone.TypeSRV, zone.TypeSSHFP, zone.TypeSVCB, zone.TypeTLSA,
	zone.TypeTXT,
}

const docs = "https://cloud.google.com/dns/docs/"

// inFlight is how many calls at once make sense for a project. No page names a number.
const inFlight = 8

// Capabilities implements provider.Provider. ALIAS exists in public zones without DNSSEC alone.
func (p *Provider) Capabilities(z provider.ZoneInfo) provider.Capabilities {
	c := provider.Capabilities{
		Types:  types,
		ApexNS: provider.ApexNSEditable, ApexNSTTL: true,
		MaxTTL: 1<<31 - 1, MaxRecords: maxRecords,
		Wildcards: true, MultiValuePTR: true,
		Compare: provider.CompareSet, Batch: p.batch,
		ListZones: true, CreateZone: true, DeleteZone: true,
		InFlight: inFlight, Proof: "simulated",
		Docs: map[string]string{
			"Types":         docs + "records-overview",
			"ApexNS":        docs + "records",
			"ApexNSTTL":     docs + "records",
			"MaxTTL":        docs + "reference/rest/v1/resourceRecordSets",
			"MaxRecords":    "https://cloud.google.com/dns/quotas",
			"Wildcards":     docs + "records",
			"MultiValuePTR": docs + "reference/rest/v1/resourceRecordSets",
			"Compare":       docs + "reference/rest/v1/changes",
			"Batch":         "https://cloud.google.com/dns/quotas",
			"ListZones":     docs + "reference/rest/v1/managedZones/list",
			"CreateZone":    docs + "reference/rest/v1/managedZones/create",
			"DeleteZone":    docs + "reference/rest/v1/managedZones/delete",
		},
	}
	if z.Kind != provider.Private && z.View != provider.PrivateView && !z.Signed {
		c.Types = append(slices.Clip(types), zone.TypeALIAS)
		c.Alias, c.AliasApexOnly = "ALIAS", true
		c.Docs["Alias"], c.Docs["AliasApexOnly"] = docs+"records-overview", docs+"records-overview"
	}
	return c
}
