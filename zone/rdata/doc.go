// Package rdata knows what the RDATA of each type means: it reads presentation form (RFC 1035,
// section 5.1, and the documents of each type), prints it, checks wire form, and builds and takes
// apart the values of the common types.
//
// In flow text, tokens, wire octets or typed values; out flows zone.Data in canonical form: names
// uncompressed and in lower case, also in types whose names RFC 4034, section 6.2, leaves alone
// (SRV, SVCB, NAPTR, …), because names that differ only in case are the same name.
//
// Each common type is one row of a table (see layout); a few rare ones go through miekg/dns, and
// everything else is handled as RFC 3597 says. What a type's text form cannot express (a DS with an
// empty digest) is printed as "\# length hex", so that reading what was printed gives the same octets.
//
//	d, err := rdata.Parse(zone.TypeMX, "10 mail", zone.MustName("example.org."))
//	rdata.Text(zone.TypeMX, d) // "10 mail.example.org."
//	mx, err := rdata.MXOf(d)   // mx.Preference == 10
//
// The package does no I/O, holds no state, and panics on no input.
package rdata
