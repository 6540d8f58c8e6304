// Package route53 keeps zones in hosted zones of Amazon Route 53
// (https://docs.aws.amazon.com/Route53/latest/APIReference/).
//
// Every change of an RRset goes as DELETE of the exact old set and CREATE of the new one, in one
// change batch. Route 53 carries out a batch wholly or not at all and refuses a DELETE whose values
// are not the current ones, and a CREATE of what exists: that is the compare-and-set of this
// adapter. UPSERT, which overwrites whatever is there, is used only where a set must not be gone
// between two changes of a batch (the NS of the apex, the target of an alias); those sets are read
// again just before.
//
// Alias records are RRsets of the vendor type Route53Provider/ALIAS, as in octoDNS. Weighted,
// latency, geolocation, failover and other sets with an identifier, and records of traffic
// policies, are foreign: shown, never written, never deleted.
//
// An account may hold several hosted zones of one name; the ID of a reference tells them apart.
//
//	p, err := route53.Open(provider.Config{ID: "aws", Values: map[string]provider.Value{
//		"access_key_id": {Text: key}, "secret_access_key": {Text: secret},
//	}})
package route53
