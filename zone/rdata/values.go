package rdata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// A cutter takes fields off RDATA; after an error it returns zero values.
type cutter struct {
	d   []byte
	err error
}

func (c *cutter) bytes(n int) []byte {
	if c.err != nil || n > len(c.d) {
		c.err = errShort
		return nil
	}
	head := c.d[:n:n]
	c.d = c.d[n:]
	return head
}

func (c *cutter) rest() []byte { return c.bytes(len(c.d)) }

func (c *cutter) uint(n int) (v uint32) {
	for _, x := range c.bytes(n) {
		v = v<<8 | uint32(x)
	}
	return v
}

func (c *cutter) str() string { return string(c.bytes(int(c.uint(1)))) }

func (c *cutter) name() zone.Name {
	if c.err != nil {
		return zone.Root
	}
	n, used, err := zone.NameFromWire(c.d)
	if err != nil {
		c.err = err
		return zone.Root
	}
	c.d = c.d[used:]
	return n
}

func (c *cutter) done(t zone.Type) error {
	if c.err == nil && len(c.d) > 0 {
		c.err = fmt.Errorf("%d octets are left over", len(c.d))
	}
	if c.err != nil {
		return fmt.Errorf("%s RDATA is malformed: %w", t, c.err)
	}
	return nil
}

func u16(b []byte, vs ...uint16) []byte {
	for _, v := range vs {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

// appendStr appends a character-string.
func appendStr(b []byte, what, s string) ([]byte, error) {
	if len(s) > 255 {
		return b, fmt.Errorf("%s has %d octets; the most is 255", what, len(s))
	}
	return append(append(b, byte(len(s))), s...), nil
}

// Name packs a name, as NS, CNAME, DNAME, PTR and ALIAS have it.
func Name(n zone.Name) zone.Data { return zone.Data(n.AppendWire(nil)) }

// NameOf is the inverse of Name.
func NameOf(d zone.Data) (zone.Name, error) {
	n, used, err := zone.NameFromWire([]byte(d))
	if err == nil && used != len(d) {
		err = errors.New("octets are left over after the name")
	}
	return n, err
}

// A packs an address as A or, for an IPv6 address, AAAA has it. IPv4-mapped addresses count as
// IPv6. The zero Addr gives no octets.
func A(a netip.Addr) zone.Data { return zone.Data(a.AsSlice()) }

// Addr is the inverse of A.
func Addr(d zone.Data) (netip.Addr, bool) { return netip.AddrFromSlice([]byte(d)) }

// TXT packs one text, split in character-strings of at most 255 octets; "" gives one empty string.
func TXT(text string) zone.Data {
	b := make([]byte, 0, len(text)+1+len(text)/255)
	for {
		n := min(len(text), 255)
		b = append(append(b, byte(n)), text[:n]...)
		if text = text[n:]; text == "" {
			return zone.Data(b)
		}
	}
}

// TXTStrings packs the strings as they are.
func TXTStrings(strs ...string) (zone.Data, error) {
	if len(strs) == 0 {
		return "", errors.New("TXT has no string; write an empty one")
	}
	var b []byte
	var err error
	for _, s := range strs {
		if b, err = appendStr(b, "TXT string "+clip(s), s); err != nil {
			return "", err
		}
	}
	if len(b) > MaxLen {
		return "", fmt.Errorf("TXT has %d octets; the most is %d", len(b), MaxLen)
	}
	return zone.Data(b), nil
}

// TXTOf returns the strings of TXT or SPF RDATA; nil when it is malformed.
func TXTOf(d zone.Data) []string {
	var strs []string
	for len(d) > 0 {
		n := int(d[0])
		if n >= len(d) {
			return nil
		}
		strs = append(strs, string(d[1:1+n]))
		d = d[1+n:]
	}
	return strs
}

// TXTJoined returns the strings as one text.
func TXTJoined(d zone.Data) string { return strings.Join(TXTOf(d), "") }

// MX is a mail exchange (RFC 1035, section 3.3.9; RFC 7505 for the root as "no mail").
type MX struct {
	Preference uint16
	Exchange   zone.Name
}

// Data packs the value.
func (x MX) Data() (zone.Data, error) {
	return zone.Data(x.Exchange.AppendWire(u16(nil, x.Preference))), nil
}

// MXOf takes RDATA apart.
func MXOf(d zone.Data) (MX, error) {
	c := cutter{d: []byte(d)}
	return MX{uint16(c.uint(2)), c.name()}, c.done(zone.TypeMX)
}

// SRV is the location of a service (RFC 2782).
type SRV struct {
	Priority, Weight, Port uint16
	Target                 zone.Name
}

// Data packs the value.
func (x SRV) Data() (zone.Data, error) {
	return zone.Data(x.Target.AppendWire(u16(nil, x.Priority, x.Weight, x.Port))), nil
}

// SRVOf takes RDATA apart.
func SRVOf(d zone.Data) (SRV, error) {
	c := cutter{d: []byte(d)}
	return SRV{uint16(c.uint(2)), uint16(c.uint(2)), uint16(c.uint(2)), c.name()}, c.done(zone.TypeSRV)
}

// CAA is a certification authority authorization (RFC 8659).
type CAA struct {
	Flags      uint8
	Tag, Value string
}

// Data packs the value.
func (x CAA) Data() (zone.Data, error) {
	if x.Tag == "" || len(x.Tag) > 255 || !alnum(x.Tag) {
		return "", fmt.Errorf("CAA tag %s is not made of 1 to 255 letters and digits", clip(x.Tag))
	}
	if len(x.Value) > MaxLen-2-len(x.Tag) {
		return "", fmt.Errorf("CAA value has %d octets; the most is %d", len(x.Value), MaxLen-2-len(x.Tag))
	}
	return zone.Data(string([]byte{x.Flags, byte(len(x.Tag))}) + x.Tag + x.Value), nil
}

// CAAOf takes RDATA apart.
func CAAOf(d zone.Data) (CAA, error) {
	c := cutter{d: []byte(d)}
	return CAA{uint8(c.uint(1)), c.str(), string(c.rest())}, c.done(zone.TypeCAA)
}

// DS is a delegation signer; CDS has the same form (RFC 4034, section 5).
type DS struct {
	KeyTag                uint16
	Algorithm, DigestType uint8
	Digest                []byte
}

// Data packs the value.
func (x DS) Data() (zone.Data, error) {
	return blob("DS digest", append(u16(nil, x.KeyTag), x.Algorithm, x.DigestType), x.Digest)
}

// DSOf takes RDATA apart.
func DSOf(d zone.Data) (DS, error) {
	c := cutter{d: []byte(d)}
	return DS{uint16(c.uint(2)), uint8(c.uint(1)), uint8(c.uint(1)), c.rest()}, c.done(zone.TypeDS)
}

func blob(what string, head, tail []byte) (zone.Data, error) {
	if len(tail) > MaxLen-len(head) {
		return "", fmt.Errorf("%s has %d octets; the most is %d", what, len(tail), MaxLen-len(head))
	}
	return zone.Data(append(head, tail...)), nil
}

// DNSKEY is a public key; CDNSKEY has the same form (RFC 4034, section 2).
type DNSKEY struct {
	Flags               uint16
	Protocol, Algorithm uint8
	PublicKey           []byte
}

// Data packs the value.
func (x DNSKEY) Data() (zone.Data, error) {
	return blob("DNSKEY public key", append(u16(nil, x.Flags), x.Protocol, x.Algorithm), x.PublicKey)
}

// DNSKEYOf takes RDATA apart.
func DNSKEYOf(d zone.Data) (DNSKEY, error) {
	c := cutter{d: []byte(d)}
	return DNSKEY{uint16(c.uint(2)), uint8(c.uint(1)), uint8(c.uint(1)), c.rest()}, c.done(zone.TypeDNSKEY)
}

// SSHFP is the fingerprint of an SSH host key (RFC 4255).
type SSHFP struct {
	Algorithm, FingerprintType uint8
	Fingerprint                []byte
}

// Data packs the value.
func (x SSHFP) Data() (zone.Data, error) {
	return blob("SSHFP fingerprint", []byte{x.Algorithm, x.FingerprintType}, x.Fingerprint)
}

// SSHFPOf takes RDATA apart.
func SSHFPOf(d zone.Data) (SSHFP, error) {
	c := cutter{d: []byte(d)}
	return SSHFP{uint8(c.uint(1)), uint8(c.uint(1)), c.rest()}, c.done(zone.TypeSSHFP)
}

// TLSA is a certificate association; SMIMEA has the same form (RFC 6698).
type TLSA struct {
	Usage, Selector, MatchingType uint8
	Certificate                   []byte
}

// Data packs the value.
func (x TLSA) Data() (zone.Data, error) {
	return blob("TLSA data", []byte{x.Usage, x.Selector, x.MatchingType}, x.Certificate)
}

// TLSAOf takes RDATA apart.
func TLSAOf(d zone.Data) (TLSA, error) {
	c := cutter{d: []byte(d)}
	return TLSA{uint8(c.uint(1)), uint8(c.uint(1)), uint8(c.uint(1)), c.rest()}, c.done(zone.TypeTLSA)
}

// NAPTR is a naming authority pointer (RFC 3403).
type NAPTR struct {
	Order, Preference      uint16
	Flags, Service, Regexp string
	Replacement            zone.Name
}

// Data packs the value.
func (x NAPTR) Data() (zone.Data, error) {
	b := u16(nil, x.Order, x.Preference)
	var err error
	for _, s := range [...]struct{ what, text string }{{"flags", x.Flags}, {"service", x.Service}, {"regexp", x.Regexp}} {
		if b, err = appendStr(b, "NAPTR "+s.what, s.text); err != nil {
			return "", err
		}
	}
	return zone.Data(x.Replacement.AppendWire(b)), nil
}

// NAPTROf takes RDATA apart.
func NAPTROf(d zone.Data) (NAPTR, error) {
	c := cutter{d: []byte(d)}
	return NAPTR{uint16(c.uint(2)), uint16(c.uint(2)), c.str(), c.str(), c.str(), c.name()}, c.done(zone.TypeNAPTR)
}

// URI is a service's address (RFC 7553).
type URI struct {
	Priority, Weight uint16
	Target           string
}

// Data packs the value.
func (x URI) Data() (zone.Data, error) {
	return blob("URI target", u16(nil, x.Priority, x.Weight), []byte(x.Target))
}

// URIOf takes RDATA apart.
func URIOf(d zone.Data) (URI, error) {
	c := cutter{d: []byte(d)}
	return URI{uint16(c.uint(2)), uint16(c.uint(2)), string(c.rest())}, c.done(zone.TypeURI)
}

// SOA is a start of authority (RFC 1035, section 3.3.13). Times are in seconds.
type SOA struct {
	MName, RName                            zone.Name
	Serial, Refresh, Retry, Expire, Minimum uint32
}

// Data packs the value.
func (x SOA) Data() (zone.Data, error) {
	b := x.RName.AppendWire(x.MName.AppendWire(nil))
	for _, v := range [...]uint32{x.Serial, x.Refresh, x.Retry, x.Expire, x.Minimum} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return zone.Data(b), nil
}

// SOAOf takes RDATA apart.
func SOAOf(d zone.Data) (SOA, error) {
	c := cutter{d: []byte(d)}
	return SOA{c.name(), c.name(), c.uint(4), c.uint(4), c.uint(4), c.uint(4), c.uint(4)}, c.done(zone.TypeSOA)
}

// URLFWD is zonecast's pseudo-type for web forwarding. Its data is, in order: path and target,
// each behind its length in 16 bits; code in 16 bits; masking and query in 8 bits each. Its text is
// "path" "target" code masking query.
type URLFWD struct {
	Path, Target         string
	Code, Masking, Query int
}

// Data packs the value.
func (x URLFWD) Data() (zone.Data, error) {
	if x.Code < 0 || x.Code > 65535 || x.Masking < 0 || x.Masking > 255 || x.Query < 0 || x.Query > 255 {
		return "", fmt.Errorf("URLFWD code %d, masking %d or query %d is out of range", x.Code, x.Masking, x.Query)
	}
	if len(x.Path)+len(x.Target) > MaxLen-8 {
		return "", fmt.Errorf("URLFWD path and target have %d octets; the most is %d", len(x.Path)+len(x.Target), MaxLen-8)
	}
	b := append(u16(nil, uint16(len(x.Path))), x.Path...)
	b = append(u16(b, uint16(len(x.Target))), x.Target...)
	return zone.Data(append(u16(b, uint16(x.Code)), byte(x.Masking), byte(x.Query))), nil
}

// URLFWDOf takes data apart.
func URLFWDOf(d zone.Data) (URLFWD, error) {
	c := cutter{d: []byte(d)}
	x := URLFWD{Path: string(c.bytes(int(c.uint(2)))), Target: string(c.bytes(int(c.uint(2))))}
	x.Code, x.Masking, x.Query = int(c.uint(2)), int(c.uint(1)), int(c.uint(1))
	return x, c.done(zone.TypeURLFWD)
}
