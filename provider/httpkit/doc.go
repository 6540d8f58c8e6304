// Package httpkit is how adapters speak HTTP: requests with a deadline, credentials that are never
// shown, bodies that are bounded, answers that are JSON or an error, errors that say what to do,
// and repetition of what may be repeated. An adapter of its own uses Client; one on top of a
// library that others wrote uses Gate below it and Retry around its calls.
//
// The rule of repetition: a request that only reads is sent again after transient trouble; one
// that writes only when it is certain that it was not carried out (it never left, or the service
// refused it with 429), or when a read shows that what it makes is absent (Absent). Everything
// else comes back with the outcome that Outcome names: a write whose answer was lost is Unknown,
// never Done and never NotDone, and a refusal of a later try does not change that.
//
// Credentials: Header, Bearer, Basic; HMAC and SigV4 sign each request; OAuth and Session obtain
// a token, keep it, renew it in time and once after 401. Lists in pages: Pages with PageNumber,
// Offset, Cursor or Link; what was read is held against the total that the service states.
//
// Out come errors of type *provider.Error with the kinds of that package; each names the
// operation and the zone. The package knows no service: adapters give paths and shapes. Package
// record below it keeps exchanges for tests.
//
//	c := &httpkit.Client{Base: "https://dns.example/api/v1", Auth: httpkit.Bearer(token)}
//	var out struct{ Zones []string }
//	_, err := c.Do(ctx, httpkit.Request{Op: "list zones", Path: "/zones"}, &out)
package httpkit
