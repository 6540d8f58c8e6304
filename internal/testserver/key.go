package testserver

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/miekg/dns"
)

// A Key is a TSIG key (RFC 8945).
type Key struct {
	Name      string // absolute, lower case: "test-1f2e.zonecast."
	Algorithm string // as in configuration files, without a final dot: "hmac-sha256"
	Secret    string // base64
}

// NewKey makes a random hmac-sha256 key. For another algorithm, change the
// field of the result: the secret fits all of them.
func NewKey(t testing.TB) *Key {
	t.Helper()
	k := newKey("test")
	return &k
}

func newKey(prefix string) Key {
	var secret [32]byte
	var id [6]byte
	// crypto/rand.Read never returns an error (Go 1.24 and later).
	_, _ = rand.Read(secret[:])
	_, _ = rand.Read(id[:])
	return Key{
		Name:      prefix + "-" + hex.EncodeToString(id[:]) + ".zonecast.",
		Algorithm: "hmac-sha256",
		Secret:    base64.StdEncoding.EncodeToString(secret[:]),
	}
}

// fqdn is the key's name with its final dot, whether or not it was given.
func (k *Key) fqdn() string { return dns.CanonicalName(k.Name) }
