package google

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// settings are what a person may set of a managed zone, beside its names and visibility.
type settings struct {
	description   string
	labels        map[string]string
	dnssec        *dnssecConfig
	privateTo     json.RawMessage
	forwarding    json.RawMessage
	peering       json.RawMessage
	reverse       json.RawMessage
	serviceDir    json.RawMessage
	logging       json.RawMessage
	nameServerSet string
}

type dnssecConfig struct {
	Kind            string    `json:"kind,omitempty"`
	State           string    `json:"state,omitempty"`
	NonExistence    string    `json:"nonExistence,omitempty"`
	DefaultKeySpecs []keySpec `json:"defaultKeySpecs,omitempty"`
}

func (b settings) state() string {
	if b.dnssec == nil {
		return "off"
	}
	return b.dnssec.State
}

// set takes over what the request gives; the rest stays.
func (b *settings) set(in *zoneRequest, private bool) *refusal {
	var all faults
	if in.Description != nil {
		if len([]rune(*in.Description)) > 1024 {
			all.add(invalid(inZone+".description", *in.Description))
		}
		b.description = *in.Description
	}
	if in.Labels != nil {
		if len(in.Labels) > 64 {
			all.add(invalid(inZone+".labels", fmt.Sprint(len(in.Labels), " labels")))
		}
		for k, v := range in.Labels {
			if k == "" || !labelText.MatchString(k) || !labelText.MatchString(v) {
				all.add(invalid(inZone+".labels", k+"="+v))
			}
		}
		b.labels = maps.Clone(in.Labels)
	}
	if in.DNSSEC != nil {
		all.add(b.setDNSSEC(*in.DNSSEC, private))
	}
	for _, f := range []struct {
		path    string
		given   json.RawMessage
		to      *json.RawMessage
		private bool
	}{
		{"privateVisibilityConfig", in.PrivateVisibilityConfig, &b.privateTo, true},
		{"forwardingConfig", in.ForwardingConfig, &b.forwarding, true},
		{"peeringConfig", in.PeeringConfig, &b.peering, true},
		{"reverseLookupConfig", in.ReverseLookupConfig, &b.reverse, true},
		{"serviceDirectoryConfig", in.ServiceDirectoryConfig, &b.serviceDir, true},
		{"cloudLoggingConfig", in.CloudLoggingConfig, &b.logging, false},
	} {
		if f.given == nil || string(f.given) == "null" {
			continue
		}
		if f.private && !private {
			all.add(invalid(inZone+"."+f.path, "public"))
		}
		*f.to = f.given
	}
	if in.NameServerSet != nil && *in.NameServerSet != "" {
		// "Most users leave this field unset": only accounts that Google has enabled may set it.
		all.add(invalid(inZone+".nameServerSet", *in.NameServerSet))
	}
	return all.first
}

// setDNSSEC checks and takes over the state and, while that is off, the other settings.
func (b *settings) setDNSSEC(in dnssecConfig, private bool) *refusal {
	at := inZone + ".dnssecConfig"
	was := b.state()
	now := cmp.Or(in.State, was)
	if now != "off" && now != "on" && now != "transfer" || private && now != "off" {
		return invalid(at+".state", now)
	}
	c := dnssecConfig{}
	if b.dnssec != nil {
		c = *b.dnssec
	}
	c.Kind, c.State = "dns#managedZoneDnsSecConfig", now
	if in.NonExistence != "" && in.NonExistence != c.NonExistence {
		if was != "off" || in.NonExistence != "nsec" && in.NonExistence != "nsec3" {
			return invalid(at+".nonExistence", in.NonExistence)
		}
		c.NonExistence = in.NonExistence
	}
	if len(in.DefaultKeySpecs) > 0 && !slices.EqualFunc(in.DefaultKeySpecs, c.DefaultKeySpecs, sameSpec) {
		if was != "off" {
			return invalid(at+".defaultKeySpecs", "DNSSEC is "+was)
		}
		specs := slices.Clone(in.DefaultKeySpecs)
		for i := range specs {
			specs[i].Kind = "dns#dnsKeySpec"
			if !slices.ContainsFunc(knownSpecs, func(k keySpec) bool { return sameSpec(k, specs[i]) }) {
				return invalid(fmt.Sprintf("%s.defaultKeySpecs[%d]", at, i), specs[i].Algorithm)
			}
		}
		c.DefaultKeySpecs = specs
	}
	if now != "off" {
		c.NonExistence = cmp.Or(c.NonExistence, "nsec3")
		if len(c.DefaultKeySpecs) == 0 {
			c.DefaultKeySpecs = defaultSpecs
		}
	}
	b.dnssec = &c
	return nil
}
