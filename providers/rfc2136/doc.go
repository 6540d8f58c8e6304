// Package rfc2136 is the adapter for name servers that take dynamic updates (RFC 2136): BIND,
// Knot, PowerDNS, YADIFA, Windows. It reads a zone by AXFR and writes it by UPDATE, both signed
// with a TSIG key where one is configured.
//
// In come snapshots and change sets, out go UPDATE messages that carry their own conditions: each
// changed RRset must be what the plan was computed from, and the first message also wants the SOA
// unchanged, so that a zone that has moved refuses. Each message takes effect as a whole or not
// at all; a change set that needs several says for each change which message it was in.
//
// The adapter never writes the SOA, whose serial the server counts, nor what the server's DNSSEC
// signer maintains. README.md tells the options and what was proven against which server.
//
//	providers:
//	  bind:
//	    class: octodns_bind.Rfc2136Provider
//	    host: 192.0.2.53
//	    key_name: update-key
//	    key_secret: env/UPDATE_KEY
package rfc2136
