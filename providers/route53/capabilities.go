package route53

import (
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// plainTypes are the types that the Developer Guide lists, "Supported DNS record types", but for
// the SOA, which the service keeps.
var plainTypes = []zone.Type{
	zone.TypeA, zone.TypeAAAA, zone.TypeCAA, zone.TypeCNAME, zone.TypeDS, zone.TypeHTTPS, zone.TypeMX, zone.TypeNAPTR,
	zone.TypeNS, zone.TypePTR, zone.TypeSPF, zone.TypeSRV, zone.TypeSSHFP, zone.TypeSVCB, zone.TypeTLSA, zone.TypeTXT,
}

const (
	guide     = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/"
	reference = "https://docs.aws.amazon.com/Route53/latest/APIReference/"
)

// Capabilities implements provider.Provider. They are the same for all zones.
func (p *Provider) Capabilities(provider.ZoneInfo) provider.Capabilities {
	return provider.Capabilities{
		Types:  append([]zone.Type{aliasType}, plainTypes...),
		ApexNS: provider.ApexNSEditable, ApexNSTTL: true,
		MaxTTL: 1<<31 - 1, MaxRecords: 400,
		Wildcards: true, MultiValuePTR: true, TXTChunks: true,
		Compare: provider.CompareSet,
		Window:  "NS of the apex, and sets that an alias of the zone points to, are overwritten after they were read again; another writer may come between, for some milliseconds",
		Batch:   p.maxElements,

		ListZones: true, CreateZone: true, DeleteZone: true,
		// The budget holds calls back; a write that waits for INSYNC is not to hold up others.
		InFlight: 64, Proof: "simulated",
		Docs: map[string]string{
			"Types":         guide + "ResourceRecordTypes.html",
			"ApexNS":        guide + "SOA-NSrecords.html",
			"ApexNSTTL":     guide + "SOA-NSrecords.html",
			"MaxTTL":        reference + "API_ResourceRecordSet.html",
			"MaxRecords":    guide + "DNSLimitations.html",
			"Wildcards":     guide + "DomainNameFormat.html",
			"MultiValuePTR": reference + "API_ResourceRecord.html",
			"TXTChunks":     guide + "ResourceRecordTypes.html#TXTFormat",
			"Compare":       reference + "API_ChangeResourceRecordSets.html",
			"Batch":         guide + "DNSLimitations.html",
			"ListZones":     reference + "API_ListHostedZones.html",
			"CreateZone":    reference + "API_CreateHostedZone.html",
			"DeleteZone":    reference + "API_DeleteHostedZone.html",
		},
	}
}
