// Package names is the name servers of the sandbox: it answers DNS questions over UDP and TCP from
// the zones that an emulated service shows (service.Names), authoritatively and without recursion.
//
//	s, err := names.Listen("127.0.0.1:0", svc.Names())
//	defer s.Close()
//	dig @127.0.0.1 -p … www.example.org
//
// The answers are made by package nameserver and carried by nameserver/socket, as those of the
// product. A service may change a zone ten thousand times without a question in between, or a zone
// with a million names between any two questions; so nothing is prepared at a change, and for a
// question the engine gets that small part of the zones that its answer can depend on.
//
// It does not transfer zones, sign, or take updates.
package names
