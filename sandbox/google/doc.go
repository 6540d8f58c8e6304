// Package google emulates Google Cloud DNS v1 as its public documentation describes it: managed
// zones, resource record sets, changes, operations, keys, quotas, and the OAuth 2.0 token endpoint
// that service accounts use (JWT bearer grant, RFC 7523).
//
// In go HTTP requests of any client; the official SDK (google.golang.org/api/dns/v1) takes it for
// the real thing. Out come answers in the service's own shapes and, after each accepted change of a
// public zone, the zone as its name servers would answer, to service.Names. Everything is in memory.
//
// It never talks to Google, signs no zone, and knows nothing of zonecast's adapter.
//
//	svc := google.New(google.Options{})
//	srv := httptest.NewServer(svc)
//	key, err := svc.Credentials(srv.URL) // the file that GOOGLE_APPLICATION_CREDENTIALS names
//	client, err := dns.NewService(ctx, option.WithEndpoint(srv.URL+"/"),
//		option.WithAuthCredentialsJSON(option.ServiceAccount, key))
//	zones, err := client.ManagedZones.List(google.DefaultProject).Do()
//
// README.md tells what is emulated, with links, and what is not.
package google
