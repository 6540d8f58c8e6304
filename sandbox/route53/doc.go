// Package route53 emulates Amazon Route 53 (API version 2013-04-01, REST with XML) and the two
// calls of STS that roles need, as the public documentation describes them:
// https://docs.aws.amazon.com/Route53/latest/APIReference/Welcome.html and
// https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html.
//
// In go requests of any client that signs with Signature Version 4; out come answers in the
// service's own XML, and after each accepted change the zone as its name servers would answer it:
// aliases resolved, one set chosen of each group that a routing policy steers, private zones not
// at all.
//
//	svc := route53.New(route53.Options{})
//	srv := httptest.NewServer(svc)
//	client := route53sdk.New(route53sdk.Options{Region: "us-east-1", BaseEndpoint: &srv.URL,
//		Credentials: credentials.NewStaticCredentialsProvider(route53.DefaultKeyID, route53.DefaultSecret, "")})
//
// Route 53 is served below /2013-04-01/, STS at /. A request passes the knobs (package service),
// the signature (auth.go), the limit of calls, the rights of the key, and only then its handler.
// A change batch (batch.go) is tried on a copy of the names that it touches and takes effect as a
// whole; rules about groups are in group.go, formats of values in value.go.
//
// It keeps everything in memory, never talks to the Internet, and knows nothing of zonecast's
// adapter. What could not be confirmed in public documentation is marked "unconfirmed".
package route53
