package xfr

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A Peer is who sent a request.
type Peer struct {
	Addr netip.AddrPort
	TLS  *tls.ConnectionState // nil: not over TLS
}

// An Access list says who may do something: the first Rule that fits decides, and whom none fits
// may not. The empty list lets nobody in.
type Access []Rule

// A Rule fits a request that meets all of its conditions; of the entries in each condition one is
// enough. A condition without entries is met by everyone.
type Rule struct {
	Addresses []netip.Prefix
	Keys      []zone.Name // the request is signed with one of these TSIG keys
	// Certificates are those that a client shows over TLS (RFC 9103, section 9.3.3): a DNS name out
	// of a certificate which the server's tls.Config has verified, or "sha256:" and the hash of the
	// certificate in hexadecimal, which needs no authority.
	Certificates []string
	TLS          bool // only over TLS
	Deny         bool // who fits may not
}

// Everyone fits every request.
var Everyone = Rule{}

// Allows reports whether the list lets a request in. The session is the one of its signature.
func (a Access) Allows(p Peer, s *wire.Session) bool {
	for _, r := range a {
		if r.fits(p, s) {
			return !r.Deny
		}
	}
	return false
}

func (r *Rule) fits(p Peer, s *wire.Session) bool {
	if len(r.Addresses) > 0 {
		ip := p.Addr.Addr().Unmap().WithZone("")
		if !slices.ContainsFunc(r.Addresses, func(x netip.Prefix) bool { return x.Contains(ip) }) {
			return false
		}
	}
	if len(r.Keys) > 0 {
		if key, ok := s.Key(); !ok || !slices.Contains(r.Keys, key) {
			return false
		}
	}
	if r.TLS && p.TLS == nil {
		return false
	}
	return len(r.Certificates) == 0 || slices.ContainsFunc(r.Certificates, p.shows)
}

// shows reports whether the client has proved to hold the certificate.
func (p Peer) shows(want string) bool {
	if p.TLS == nil || len(p.TLS.PeerCertificates) == 0 {
		return false
	}
	leaf := p.TLS.PeerCertificates[0]
	if hash, ok := strings.CutPrefix(want, "sha256:"); ok {
		have := sha256.Sum256(leaf.Raw)
		return strings.EqualFold(strings.ReplaceAll(hash, ":", ""), hex.EncodeToString(have[:]))
	}
	return len(p.TLS.VerifiedChains) > 0 && leaf.VerifyHostname(want) == nil
}
