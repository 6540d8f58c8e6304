package cloudflare

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// dnssec is the state of a zone's signing
// (https://developers.cloudflare.com/api/resources/dns/subresources/dnssec/). The zone here is not
// signed: what is told is well-formed and belongs together, and nothing is served.
type dnssec struct {
	Status          string  `json:"status"`
	Flags           *int    `json:"flags"`
	Algorithm       *string `json:"algorithm"`
	KeyType         *string `json:"key_type"`
	DigestType      *string `json:"digest_type"`
	DigestAlgorithm *string `json:"digest_algorithm"`
	Digest          *string `json:"digest"`
	DS              *string `json:"ds"`
	KeyTag          *int    `json:"key_tag"`
	PublicKey       *string `json:"public_key"`
	Modified        *string `json:"modified_on"`
	MultiSigner     bool    `json:"dnssec_multi_signer"`
	Presigned       bool    `json:"dnssec_presigned"`
	NSEC3           bool    `json:"dnssec_use_nsec3"`
}

func (s *Service) showDNSSEC(c call) (answer, *refusal) { return answer{result: c.zone.dnssec}, nil }

// patchDNSSEC answers PATCH /zones/{id}/dnssec. A zone becomes pending, and active only when the DS
// record is seen at the parent, which Service.DelegateSigner stands for.
func (s *Service) patchDNSSEC(c call) (answer, *refusal) {
	var in struct {
		Status      *string
		MultiSigner *bool `json:"dnssec_multi_signer"`
		Presigned   *bool `json:"dnssec_presigned"`
		NSEC3       *bool `json:"dnssec_use_nsec3"`
	}
	if no := c.decode(&in); no != nil {
		return answer{}, no
	}
	z := c.zone
	switch {
	case in.Status != nil && *in.Status != "active" && *in.Status != "disabled":
		return answer{}, refuse(1004, "status must be active or disabled")
	case in.Presigned != nil && *in.Presigned && z.kind != "secondary":
		return answer{}, refuseAs(http.StatusForbidden, 1015, "dnssec_presigned needs a secondary zone.")
	}
	for _, f := range []struct {
		to   *bool
		from *bool
	}{{&z.dnssec.MultiSigner, in.MultiSigner}, {&z.dnssec.Presigned, in.Presigned}, {&z.dnssec.NSEC3, in.NSEC3}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	switch {
	case in.Status == nil:
	case *in.Status == "disabled":
		z.dnssec = dnssec{Status: "disabled", MultiSigner: z.dnssec.MultiSigner, Presigned: z.dnssec.Presigned, NSEC3: z.dnssec.NSEC3}
	case z.dnssec.Status == "disabled":
		z.dnssec.sign(z)
	}
	z.dnssec.Modified, z.modified = new(stamp(c.now)), c.now
	return answer{result: z.dnssec}, nil
}

// deleteDNSSEC answers DELETE /zones/{id}/dnssec, which takes the keys away.
func (s *Service) deleteDNSSEC(c call) (answer, *refusal) {
	if c.zone.dnssec.Status != "disabled" {
		return answer{}, refuse(1004, "DNSSEC must be disabled before its records are deleted")
	}
	c.zone.dnssec = dnssec{Status: "disabled"}
	return answer{result: ""}, nil
}

// sign makes a key-signing key of algorithm 13 and its DS record (RFC 4034, section 5.1.4 and
// appendix B). Nobody knows its private part.
func (d *dnssec) sign(z *hosted) {
	key := sha512.Sum512([]byte("ksk of " + z.id))
	rdata := append([]byte{0x01, 0x01, 3, 13}, key[:]...)
	var sum uint32
	for i := 0; i < len(rdata); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(rdata[i:]))
	}
	tag := int(sum+sum>>16) & 0xffff
	digest := sha256.Sum256(append(z.origin.AppendWire(nil), rdata...))
	shown := strings.ToUpper(hex.EncodeToString(digest[:]))
	d.Status, d.Flags, d.Algorithm, d.KeyType = "pending", new(257), new("13"), new("ECDSAP256SHA256")
	d.DigestType, d.DigestAlgorithm, d.Digest = new("2"), new("SHA256"), &shown
	d.DS = new(fmt.Sprintf("%s. 3600 IN DS %d 13 2 %s", z.name, tag, shown))
	d.KeyTag, d.PublicKey = &tag, new(base64.StdEncoding.EncodeToString(key[:]))
}
