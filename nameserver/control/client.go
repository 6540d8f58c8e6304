package control

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/http"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// A Client says what some of those who get in may do. Where there are Clients, the first that fits
// decides, and whom none fits may nothing; where there are none, everybody who gets in may do
// everything.
type Client struct {
	// Who has the names: over TLS a DNS name in the certificate, or "sha256:" and the certificate's
	// hash in hexadecimal; over the socket the name or number of a user, or "%" and a group's. Empty:
	// everybody who gets in.
	Who      []string
	ReadOnly bool
	// Zones are the only ones that it sees and edits; "*.example.org." stands for all below
	// example.org. Empty: all.
	Zones []zone.Name
}

func (c *Client) has(origin zone.Name) bool {
	if len(c.Zones) == 0 {
		return true
	}
	return slices.ContainsFunc(c.Zones, func(n zone.Name) bool {
		return n == origin || n.IsWildcard() && origin.Below(n.Parent())
	})
}

// A caller is who sent a request.
type caller struct {
	name  string // for people
	key   string // tells callers apart
	from  string
	names []string // that rules may have
}

type callerKey struct{}

// callerOf is who sent a request: of a certificate, or of the socket's other end.
func callerOf(r *http.Request) caller {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		c := ofCertificate(r.TLS.PeerCertificates[0])
		c.from = r.RemoteAddr
		return c
	}
	c, _ := r.Context().Value(callerKey{}).(caller)
	return c
}

func ofCertificate(cert *x509.Certificate) caller {
	sum := sha256.Sum256(cert.Raw)
	hash := "sha256:" + hex.EncodeToString(sum[:])
	name := cert.Subject.CommonName
	if len(cert.DNSNames) > 0 {
		name = cert.DNSNames[0]
	}
	c := caller{key: hash, names: []string{hash}}
	for _, n := range cert.DNSNames {
		c.names = append(c.names, strings.ToLower(strings.TrimSuffix(n, ".")))
	}
	if name == "" {
		name = "without a name"
	}
	c.name = fmt.Sprintf("certificate %s (%s…)", clean(name), hash[:len("sha256:")+12])
	return c
}

// clean takes out of a stranger's text what a log must not have.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

// A credential is what the system knows of the other end of a Unix socket.
type credential struct {
	uid, gid uint32
	ok       bool // the system tells
}

func ofUser(c credential) caller {
	if !c.ok {
		return caller{name: "a user of this machine", key: "local"}
	}
	id := strconv.FormatUint(uint64(c.uid), 10)
	out := caller{name: "user " + id, key: "uid:" + id, names: []string{id, "%" + strconv.FormatUint(uint64(c.gid), 10)}}
	u, err := user.LookupId(id)
	if err != nil {
		return out
	}
	out.name = "user " + u.Username
	out.names = append(out.names, u.Username)
	groups, err := u.GroupIds()
	if err != nil {
		return out
	}
	for _, g := range groups {
		out.names = append(out.names, "%"+g)
		if group, err := user.LookupGroupId(g); err == nil {
			out.names = append(out.names, "%"+group.Name)
		}
	}
	return out
}

// withCaller returns a context that knows who is at the other end of a connection.
func withCaller(ctx context.Context, c caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// rule finds what a caller may do; nil: nothing.
func rule(clients []Client, c caller) *Client {
	if len(clients) == 0 {
		return &Client{}
	}
	for i := range clients {
		if len(clients[i].Who) == 0 || slices.ContainsFunc(clients[i].Who, c.is) {
			return &clients[i]
		}
	}
	return nil
}

// is reports whether a name of a rule is one of the caller's. Fingerprints come with and without
// colons, in any case.
func (c caller) is(who string) bool {
	if hash, ok := strings.CutPrefix(strings.ToLower(who), "sha256:"); ok {
		who = "sha256:" + strings.ReplaceAll(hash, ":", "")
	} else if c.from != "" {
		who = strings.ToLower(strings.TrimSuffix(who, "."))
	}
	return slices.Contains(c.names, who)
}
