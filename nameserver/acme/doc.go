// Package acme gets the name server's certificates from an authority by ACME (RFC 8555) and renews
// them in time.
//
// In go the names under which clients know the server, and how the authority can see that they are
// its own: by a TXT record in a zone that is served here (DNS-01), by a connection to port 443
// (TLS-ALPN-01, RFC 8737) or by a request to port 80 (HTTP-01). Out come certificates, one for each
// name, for every handshake:
//
//	m, err := acme.Open(acme.Options{Names: []string{"ns1.example.org"}, Folder: dir, Present: …, CleanUp: …})
//	…
//	certificates := socket.CertificatesFrom(m.GetCertificate, m.Protocols()...)
//	…
//	err = m.Run(ctx)
//
// Nobody waits for the authority. What was obtained before is read from the folder by Open; until
// there is a certificate, handshakes get one that the server has signed itself. Clients that check it
// refuse it, as they would refuse a server without any; those that encrypt with whomever they find
// (RFC 7858, section 4.1; RFC 9539) are served from the first second on, and do not remember the
// server for days as one that cannot.
//
// What goes wrong is told by Options.Report and tried again by itself, after a minute at first and
// some hours in the end. A certificate that could not be renewed stays in use.
//
// Beside the authority the package talks to nobody.
package acme
