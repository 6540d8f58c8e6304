package cloudflare

import (
	"net/http"
	"slices"
)

// settings are a zone's DNS settings
// (https://developers.cloudflare.com/api/resources/dns/subresources/settings/).
type settings struct {
	FlattenAll    bool `json:"flatten_all_cnames"`
	Foundation    bool `json:"foundation_dns"`
	MultiProvider bool `json:"multi_provider"`
	Nameservers   struct {
		Type string `json:"type"`
		Set  *int   `json:"ns_set,omitempty"`
	} `json:"nameservers"`
	NSTTL              uint32 `json:"ns_ttl"`
	SecondaryOverrides bool   `json:"secondary_overrides"`
	SOA                soa    `json:"soa"`
	ZoneMode           string `json:"zone_mode"`
	Internal           struct {
		Reference string `json:"reference_zone_id,omitempty"`
	} `json:"internal_dns"`
}

type soa struct {
	Expire  uint32  `json:"expire"`
	MinTTL  uint32  `json:"min_ttl"`
	MName   *string `json:"mname"`
	Refresh uint32  `json:"refresh"`
	Retry   uint32  `json:"retry"`
	RName   string  `json:"rname"`
	TTL     uint32  `json:"ttl"`
}

// newSettings are the defaults
// (https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/#soa and
// …/dns/nameservers/nameserver-options/).
func newSettings(kind string) settings {
	d := settings{
		NSTTL: 86400, ZoneMode: "standard", MultiProvider: kind == "secondary",
		SOA: soa{Expire: 604800, MinTTL: 1800, Refresh: 10000, Retry: 2400, RName: "dns.cloudflare.com", TTL: 3600},
	}
	d.Nameservers.Type = "cloudflare.standard"
	return d
}

func (s *Service) showSettings(c call) (answer, *refusal) {
	return answer{result: c.zone.settings}, nil
}

// patchSettings answers PATCH /zones/{id}/dns_settings: fields that are not given stay.
func (s *Service) patchSettings(c call) (answer, *refusal) {
	z := c.zone
	next := z.settings
	if next.SOA.MName != nil { // decoding writes through pointers
		next.SOA.MName = new(*next.SOA.MName)
	}
	if next.Nameservers.Set != nil {
		next.Nameservers.Set = new(*next.Nameservers.Set)
	}
	if no := c.decode(&next); no != nil {
		return answer{}, no
	}
	if no := next.check(z); no != nil {
		return answer{}, no
	}
	z.settings, z.modified = next, c.now
	s.publishAll(z)
	return answer{result: next}, nil
}

func (d settings) check(z *hosted) *refusal {
	old := z.settings
	between := func(v, low, high uint32) bool { return v >= low && v <= high }
	types := []string{"cloudflare.standard", "cloudflare.advanced", "custom.account", "custom.tenant", "custom.zone"}
	switch {
	case !between(d.NSTTL, 30, 86400):
		return refuse(1004, "ns_ttl must be from 30 to 86400")
	case !slices.Contains([]string{"standard", "cdn_only", "dns_only"}, d.ZoneMode):
		return refuse(1004, "zone_mode must be standard, cdn_only or dns_only")
	case !slices.Contains(types, d.Nameservers.Type):
		return refuse(1004, "nameservers.type is unknown")
	case !between(d.SOA.Refresh, 600, 86400), !between(d.SOA.Retry, 600, min(3600, d.SOA.Refresh)),
		!between(d.SOA.Expire, max(86400, d.SOA.Refresh), 2419200), !between(d.SOA.TTL, 1800, 3600), !between(d.SOA.MinTTL, 60, 86400):
		return refuse(1004, "a value of soa is out of range")
	case z.kind == "secondary" && !d.MultiProvider:
		return refuse(1004, "multi_provider is enforced for secondary zones")
	}
	// Foundation DNS, name server TTL, SOA and zone mode belong to Enterprise; flattening of all names
	// to paid plans (https://developers.cloudflare.com/dns/cname-flattening/#availability).
	enterprise := d.Foundation != old.Foundation || d.NSTTL != old.NSTTL || d.ZoneMode != old.ZoneMode ||
		d.SecondaryOverrides != old.SecondaryOverrides || d.Nameservers.Type != old.Nameservers.Type || !d.SOA.equal(old.SOA)
	if enterprise && z.plan != Enterprise || d.FlattenAll && !old.FlattenAll && z.plan == Free {
		return refuseAs(http.StatusForbidden, 1015, "This setting is not available on the zone's plan.")
	}
	return nil
}

func (a soa) equal(b soa) bool {
	same := a.MName == b.MName || a.MName != nil && b.MName != nil && *a.MName == *b.MName
	a.MName, b.MName = nil, nil
	return same && a == b
}
