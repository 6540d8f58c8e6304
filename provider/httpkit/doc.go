// Package httpkit is how adapters speak HTTP: requests with a deadline, credentials that are never
// shown, bodies that are bounded, answers that are JSON or an error, errors that say what to do,
// and repetition of what may be repeated.
//
// The rule of repetition: a request that only reads is sent again after transient trouble; one
// that writes only when it is certain that it was not carried out (it never left, or the service
// refused it with 429). Everything else comes back with the outcome that Outcome names: a write
// whose answer was lost is Unknown, never Done and never NotDone.
//
// Out come errors of type *provider.Error with the kinds of that package; each names the
// operation and the zone. The package knows no service: adapters give paths and shapes.
//
//	c := &httpkit.Client{Base: "https://dns.example/api/v1", Auth: httpkit.Bearer(token)}
//	var out struct{ Zones []string }
//	_, err := c.Do(ctx, httpkit.Request{Op: "list zones", Path: "/zones"}, &out)
package httpkit
