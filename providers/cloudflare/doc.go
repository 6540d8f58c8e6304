// Package cloudflare keeps zones at Cloudflare DNS by its API
// (https://developers.cloudflare.com/api/resources/dns/).
//
// A zone is read in pages of 5,000 records and written by the batch endpoint, which carries out up
// to 200 records of a free zone, 3,500 of a paid one, in one transaction. Records keep their ids
// where a value changes, and with them comment, tags and settings. When a batch is refused, it is
// halved until the change that the service refuses is named; the others are carried out.
//
// Cloudflare holds proxying, automatic TTL, comment and tags for each record. They travel in the
// Extra key "octodns" of an RRset, in the form that octoDNS has for them:
//
//	{"cloudflare":{"auto-ttl":true,"comment":"…","proxied":true,"tags":["…"],"values":[…]}}
//
// The API has no compare-and-set: the touched RRsets are read again just before the write. Records
// that Cloudflare locks or marks as read-only are foreign. Page rules, redirects and load balancers
// are no records: they are neither read nor written.
//
//	p, err := cloudflare.Open(provider.Config{ID: "cf", Values: map[string]provider.Value{"token": {Text: token}}})
package cloudflare
