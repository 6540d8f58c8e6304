// Package names is the name servers of the sandbox: it answers DNS questions over UDP and TCP from
// the zones that an emulated service shows (service.Names), authoritatively and without recursion.
//
//	s, err := names.Listen("127.0.0.1:0", svc.Names())
//	defer s.Close()
//	dig @127.0.0.1 -p … www.example.org
//
// It follows RFC 1034, section 4.3.2, with wildcards (RFC 4592), DNAME (RFC 6672), EDNS (RFC 6891)
// and negative answers (RFC 2308). It does not transfer zones, sign, or take updates, and it is
// built to be right, not fast.
package names
