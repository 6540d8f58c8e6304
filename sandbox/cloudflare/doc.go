// Package cloudflare emulates Cloudflare's v4 API for DNS: tokens, accounts, zones, DNS records with
// the batch endpoint, DNS settings and DNSSEC. It is written from Cloudflare's public documentation
// (https://developers.cloudflare.com/api/, https://developers.cloudflare.com/dns/), and README.md
// tells what is confirmed there and what is not.
//
// In flow HTTP requests below /client/v4, out flow answers in Cloudflare's envelope; after each
// accepted change the zone as Cloudflare's name servers would answer it goes to Names: with SOA and
// the two assigned name servers, with proxied names as Cloudflare's addresses, and with the CNAME at
// the apex flattened.
//
//	svc := cloudflare.New(cloudflare.Options{Plan: cloudflare.Pro})
//	server := httptest.NewServer(svc) // http://127.0.0.1:…/client/v4/zones
//	req.Header.Set("Authorization", "Bearer "+cloudflare.DefaultToken)
//
// Records are immutable values in two indexes of a zone, by id and by name; a batch is undone from a
// log when one of its operations is refused.
//
// It knows nothing of zonecast's adapter, asks nobody on the Internet, and signs no zone.
package cloudflare
