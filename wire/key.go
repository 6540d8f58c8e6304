package wire

import (
	"crypto/hmac"
	"crypto/sha1" // hmac-sha1 is still mandatory to implement (RFC 8945, section 6)
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"log/slog"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// An Algorithm is a way of signing messages, written as in servers' configuration:
// "hmac-sha256".
type Algorithm string

// Algorithms of TSIG (RFC 8945, section 6). HMAC-MD5 and GSS-TSIG are left out.
const (
	HMACSHA1   Algorithm = "hmac-sha1"
	HMACSHA224 Algorithm = "hmac-sha224"
	HMACSHA256 Algorithm = "hmac-sha256"
	HMACSHA384 Algorithm = "hmac-sha384"
	HMACSHA512 Algorithm = "hmac-sha512"
)

var algorithms = map[Algorithm]func() hash.Hash{
	HMACSHA1:   sha1.New,
	HMACSHA224: sha256.New224,
	HMACSHA256: sha256.New,
	HMACSHA384: sha512.New384,
	HMACSHA512: sha512.New,
}

// Algorithms returns the names of all algorithms, sorted.
func Algorithms() []string {
	names := make([]string, 0, len(algorithms))
	for a := range algorithms {
		names = append(names, string(a))
	}
	slices.Sort(names)
	return names
}

// ParseAlgorithm reads an algorithm's name: "hmac-sha256", also with a final dot, in any case,
// or without the "hmac-". "" is hmac-sha256.
func ParseAlgorithm(s string) (Algorithm, error) {
	name := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), ".")
	name = strings.ReplaceAll(name, "_", "-")
	if name == "" {
		return HMACSHA256, nil
	}
	for _, candidate := range []Algorithm{Algorithm(name), Algorithm("hmac-" + name)} {
		if _, ok := algorithms[candidate]; ok {
			return candidate, nil
		}
	}
	if strings.Contains(name, "md5") {
		return "", fmt.Errorf("TSIG algorithm %q is broken and not supported; make a new key with hmac-sha256", s)
	}
	if near := finding.Nearest(name, Algorithms()); near != "" {
		return "", fmt.Errorf("TSIG algorithm %q is unknown; did you mean %s?", s, near)
	}
	return "", fmt.Errorf("TSIG algorithm %q is unknown; write one of %s", s, strings.Join(Algorithms(), ", "))
}

// A Key is a TSIG key, shared with a server. It never shows its secret: not by fmt, log/slog or
// encoding/json.
type Key struct {
	Name      zone.Name
	Algorithm Algorithm // "": HMACSHA256
	Secret    []byte
}

// NewKey makes a key from what configuration files hold: name, algorithm, and secret in base64.
func NewKey(name, algorithm, secret string) (*Key, error) {
	n, err := zone.ParseName(name)
	if err != nil {
		return nil, fmt.Errorf("TSIG key: %w", err)
	}
	if n.IsRoot() {
		return nil, fmt.Errorf("TSIG key has no name")
	}
	a, err := ParseAlgorithm(algorithm)
	if err != nil {
		return nil, err
	}
	// Keys are pasted with line breaks and without padding.
	text := strings.TrimRight(strings.Join(strings.Fields(secret), ""), "=")
	octets, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("secret of TSIG key %s is not base64; copy it as tsig-keygen or keymgr printed it", n)
	}
	if len(octets) == 0 {
		return nil, fmt.Errorf("secret of TSIG key %s is empty", n)
	}
	return &Key{Name: n, Algorithm: a, Secret: octets}, nil
}

func (k *Key) algorithm() Algorithm {
	if k.Algorithm == "" {
		return HMACSHA256
	}
	return k.Algorithm
}

func (k *Key) mac() (hash.Hash, error) {
	h, ok := algorithms[k.algorithm()]
	if !ok {
		return nil, fmt.Errorf("TSIG algorithm %q is unknown", k.Algorithm)
	}
	return hmac.New(h, k.Secret), nil
}

// String returns name and algorithm, never the secret.
func (k Key) String() string {
	return fmt.Sprintf("key %s %s [redacted]", k.Name, k.algorithm())
}

// GoString keeps the secret out of %#v.
func (k Key) GoString() string { return k.String() }

// Format keeps the secret out of every verb.
func (k Key) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(k.String())) }

// LogValue keeps the secret out of logs.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText keeps the secret out of JSON and other encodings.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
