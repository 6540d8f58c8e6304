package google

import (
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// knownSpecs are the algorithms and lengths that the service offers:
// https://cloud.google.com/dns/docs/dnssec-advanced#advanced-signing-options.
var knownSpecs = []keySpec{
	{"keySigning", "rsasha256", 2048, "dns#dnsKeySpec"},
	{"zoneSigning", "rsasha256", 1024, "dns#dnsKeySpec"},
	{"keySigning", "rsasha256", 1024, "dns#dnsKeySpec"},
	{"zoneSigning", "rsasha256", 2048, "dns#dnsKeySpec"},
	{"keySigning", "rsasha1", 2048, "dns#dnsKeySpec"},
	{"zoneSigning", "rsasha1", 1024, "dns#dnsKeySpec"},
	{"keySigning", "rsasha512", 2048, "dns#dnsKeySpec"},
	{"zoneSigning", "rsasha512", 1024, "dns#dnsKeySpec"},
	{"keySigning", "ecdsap256sha256", 256, "dns#dnsKeySpec"},
	{"zoneSigning", "ecdsap256sha256", 256, "dns#dnsKeySpec"},
	{"keySigning", "ecdsap384sha384", 384, "dns#dnsKeySpec"},
	{"zoneSigning", "ecdsap384sha384", 384, "dns#dnsKeySpec"},
}

var defaultSpecs = knownSpecs[:2]

func sameSpec(a, b keySpec) bool {
	return a.KeyType == b.KeyType && a.Algorithm == b.Algorithm && a.KeyLength == b.KeyLength
}

// algorithms are the numbers of https://www.iana.org/assignments/dns-sec-alg-numbers.
var algorithms = map[string]byte{"rsasha1": 5, "rsasha256": 8, "rsasha512": 10, "ecdsap256sha256": 13, "ecdsap384sha384": 14}

// A dnsKey is a key of a zone. It is of the right form but signs nothing here.
type dnsKey struct {
	id      string
	spec    keySpec
	created time.Time
	public  []byte
}

// makeKeys gives the zone its first keys; z.mu is held.
func (z *managedZone) makeKeys(now time.Time) {
	z.keys = nil
	for i, spec := range z.body.dnssec.DefaultKeySpecs {
		k := &dnsKey{id: string(rune('0' + i)), spec: spec, created: now, public: make([]byte, spec.KeyLength/8)}
		if strings.HasPrefix(spec.Algorithm, "ecdsa") {
			k.public = make([]byte, spec.KeyLength/4)
			_, _ = rand.Read(k.public) // never fails
		} else {
			_, _ = rand.Read(k.public)
			k.public[0] |= 0x80
			k.public = append([]byte{3, 1, 0, 1}, k.public...) // RFC 3110, section 2
		}
		z.keys = append(z.keys, k)
	}
}

// rdata is the DNSKEY's (RFC 4034, section 2.1).
func (k *dnsKey) rdata() []byte {
	flags := byte(0)
	if k.spec.KeyType == "keySigning" {
		flags = 1
	}
	return append([]byte{1, flags, 3, algorithms[k.spec.Algorithm]}, k.public...)
}

// tag is the key tag (RFC 4034, appendix B).
func (k *dnsKey) tag() int {
	var sum uint32
	for i, b := range k.rdata() {
		if i&1 == 0 {
			sum += uint32(b) << 8
		} else {
			sum += uint32(b)
		}
	}
	sum += sum >> 16 & 0xFFFF
	return int(sum & 0xFFFF)
}

type digest struct {
	Type   string `json:"type"`
	Digest string `json:"digest"`
}

type keyView struct {
	Kind         string   `json:"kind"`
	ID           string   `json:"id"`
	Algorithm    string   `json:"algorithm"`
	KeyLength    int      `json:"keyLength"`
	PublicKey    string   `json:"publicKey"`
	CreationTime string   `json:"creationTime"`
	IsActive     bool     `json:"isActive"`
	Type         string   `json:"type"`
	KeyTag       int      `json:"keyTag"`
	Digests      []digest `json:"digests,omitempty"`
}

func (k *dnsKey) view(origin zone.Name, digests []string) keyView {
	v := keyView{
		Kind: "dns#dnsKey", ID: k.id, Algorithm: k.spec.Algorithm, KeyLength: k.spec.KeyLength, IsActive: true,
		PublicKey: base64.StdEncoding.EncodeToString(k.public), CreationTime: stamp(k.created), Type: k.spec.KeyType, KeyTag: k.tag(),
	}
	if k.spec.KeyType != "keySigning" {
		return v
	}
	signed := append(origin.AppendWire(nil), k.rdata()...) // RFC 4034, section 5.1.4
	for _, t := range digests {
		var sum []byte
		switch t {
		case "sha1":
			s := sha1.Sum(signed)
			sum = s[:]
		case "sha384":
			s := sha512.Sum384(signed)
			sum = s[:]
		default:
			s := sha256.Sum256(signed)
			sum = s[:]
		}
		v.Digests = append(v.Digests, digest{t, strings.ToUpper(hex.EncodeToString(sum))})
	}
	return v
}

func digestTypes(c *call) ([]string, *refusal) {
	text := c.FormValue("digestType")
	if text == "" {
		return []string{"sha256"}, nil
	}
	list := strings.Split(text, ",")
	for _, t := range list {
		if t != "sha1" && t != "sha256" && t != "sha384" || len(list) > 3 {
			return nil, invalid("parameters.digestType", text)
		}
	}
	return list, nil
}

func (s *Service) keyList(c *call) (any, *refusal) {
	if _, no := s.limit(c); no != nil { // a zone has a handful: always one page
		return nil, no
	}
	digests, no := digestTypes(c)
	if no != nil {
		return nil, no
	}
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	defer z.mu.Unlock()
	keys := []keyView{}
	for _, k := range z.keys {
		keys = append(keys, k.view(z.origin, digests))
	}
	return map[string]any{"kind": "dns#dnsKeysListResponse", "dnsKeys": keys}, nil
}

func (s *Service) keyGet(c *call) (any, *refusal) {
	digests, no := digestTypes(c)
	if no != nil {
		return nil, no
	}
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	defer z.mu.Unlock()
	for _, k := range z.keys {
		if k.id == c.PathValue("dnsKeyId") {
			return k.view(z.origin, digests), nil
		}
	}
	return nil, notFound("parameters.dnsKeyId", c.PathValue("dnsKeyId"))
}
