package main

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // NSEC3 knows no other hash (RFC 5155, section 11)
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Ways in which a zone denies; "" is one without signatures.
const (
	nsec  = "nsec"
	nsec3 = "nsec3"
)

// A signer writes the zone of writeZone with true signatures: ECDSA P-256 with SHA-256 (RFC 6605), one
// key for everything, and NSEC or NSEC3 without salt, further iterations and opt-out (RFC 9276).
type signer struct {
	key      *ecdsa.PrivateKey
	dnskey   []byte // RDATA
	tag      uint16
	from, to time.Time // of all signatures
	denial   string
	apex     []byte // in wire form
}

// A record set of the zone to be signed; the data are in canonical order.
type signedSet struct {
	name uint16
	ttl  uint32
	data [][]byte
	text []string // of the data
}

// Numbers of types, and their names.
const (
	typeA          = 1
	typeNS         = 2
	typeSOA        = 6
	typeRRSIG      = 46
	typeNSEC       = 47
	typeDNSKEY     = 48
	typeNSEC3      = 50
	typeNSEC3PARAM = 51

	algorithm = 13 // ECDSAP256SHA256
	zoneTTL   = 3600
	absentTTL = 300
)

var typeNames = map[uint16]string{
	typeA: "A", typeNS: "NS", typeSOA: "SOA", typeRRSIG: "RRSIG", typeNSEC: "NSEC",
	typeDNSKEY: "DNSKEY", typeNSEC3: "NSEC3", typeNSEC3PARAM: "NSEC3PARAM",
}

func newSigner(denial string, now time.Time) (*signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return nil, err
	}
	s := &signer{key: key, denial: denial, from: now.Add(-time.Hour), to: now.AddDate(10, 0, 0), apex: wireName(originLabels...)}
	s.dnskey = append([]byte{1, 1, 3, algorithm}, point[1:]...)
	var sum uint32 // RFC 4034, appendix B
	for i, c := range s.dnskey {
		sum += uint32(c) << (8 * uint(^i&1))
	}
	s.tag = uint16(sum + sum>>16)
	return s, nil
}

func wireName(labels ...string) (b []byte) {
	for _, l := range labels {
		b = append(append(b, byte(len(l))), l...)
	}
	return append(b, 0)
}

// zone writes the zone with n names.
func (s *signer) zone(w io.Writer, n int) error {
	names := make([]string, 1, n+3) // in canonical order
	for i := range n {
		names = append(names, string(labelOf(i)))
	}
	names = append(names, "ns1", "ns2")
	hashes := s.hashes(names)
	if _, err := fmt.Fprintf(w, "$ORIGIN %s\n$TTL %d\n", origin, zoneTTL); err != nil {
		return err
	}
	// Blocks of names, many at a time, in order.
	const block = 2048
	for from := 0; from < len(names); from += block * runtime.NumCPU() {
		texts := make([]bytes.Buffer, runtime.NumCPU())
		errs := make([]error, len(texts))
		var wg sync.WaitGroup
		for k := range texts {
			wg.Go(func() {
				at := from + k*block
				for i := at; i < min(at+block, len(names)) && errs[k] == nil; i++ {
					errs[k] = s.owner(&texts[k], names, i)
				}
				for i := at; i < min(at+block, len(hashes)) && errs[k] == nil; i++ {
					errs[k] = s.hashed(&texts[k], hashes, i)
				}
			})
		}
		wg.Wait()
		for k := range texts {
			if _, err := texts[k].WriteTo(w); cmp.Or(errs[k], err) != nil {
				return cmp.Or(errs[k], err)
			}
		}
	}
	return nil
}

// owner writes what name i has.
func (s *signer) owner(w *bytes.Buffer, names []string, i int) error {
	var sets []signedSet
	if i == 0 {
		sets = s.atApex()
	} else {
		addr := addressOf(i - 1)
		switch names[i] {
		case "ns1":
			addr = [4]byte{192, 0, 2, 1}
		case "ns2":
			addr = [4]byte{192, 0, 2, 2}
		}
		sets = []signedSet{{typeA, zoneTTL, [][]byte{addr[:]}, []string{fmt.Sprintf("%d.%d.%d.%d", addr[0], addr[1], addr[2], addr[3])}}}
	}
	if s.denial == nsec {
		next := names[(i+1)%len(names)]
		types := typesOf(i == 0, nsec)
		set := signedSet{name: typeNSEC, ttl: absentTTL, data: [][]byte{append(s.wire(next), bitmap(types)...)}}
		set.text = []string{strings.TrimSpace(cmp.Or(next, "@") + textOf(types))}
		sets = append(sets, set)
	}
	for _, set := range sets {
		if err := s.write(w, names[i], set); err != nil {
			return err
		}
	}
	return nil
}

// atApex are the sets of the origin without NSEC.
func (s *signer) atApex() []signedSet {
	soa := append(wireName(append([]string{"ns1"}, originLabels...)...), wireName(append([]string{"hostmaster"}, originLabels...)...)...)
	for _, x := range []uint32{1, 7200, 900, 1209600, absentTTL} {
		soa = binary.BigEndian.AppendUint32(soa, x)
	}
	sets := []signedSet{
		{typeSOA, zoneTTL, [][]byte{soa}, []string{fmt.Sprintf("ns1 hostmaster 1 7200 900 1209600 %d", absentTTL)}},
		{typeNS, zoneTTL, [][]byte{s.wire("ns1"), s.wire("ns2")}, []string{"ns1", "ns2"}},
		{typeDNSKEY, zoneTTL, [][]byte{s.dnskey}, []string{fmt.Sprintf("257 3 %d %s", algorithm, base64.StdEncoding.EncodeToString(s.dnskey[4:]))}},
	}
	if s.denial == nsec3 {
		sets = append(sets, signedSet{typeNSEC3PARAM, 0, [][]byte{{1, 0, 0, 0, 0}}, []string{"1 0 0 -"}})
	}
	return sets
}

// typesOf are the types that a name has.
func typesOf(apex bool, denial string) []uint16 {
	switch {
	case apex && denial == nsec:
		return []uint16{typeNS, typeSOA, typeRRSIG, typeNSEC, typeDNSKEY}
	case apex:
		return []uint16{typeNS, typeSOA, typeRRSIG, typeDNSKEY, typeNSEC3PARAM}
	case denial == nsec:
		return []uint16{typeA, typeRRSIG, typeNSEC}
	}
	return []uint16{typeA, typeRRSIG}
}

func textOf(types []uint16) string {
	var b strings.Builder
	for _, t := range types {
		b.WriteString(" " + typeNames[t])
	}
	return b.String()
}

// bitmap is that of RFC 4034, section 4.1.2, for types below 64.
func bitmap(types []uint16) []byte {
	var b [2 + 8]byte
	for _, t := range types {
		b[2+t/8] |= 0x80 >> (t % 8)
		b[1] = max(b[1], byte(t/8+1))
	}
	return b[:2+b[1]]
}

// A nameHash is the hash of a name (RFC 5155, section 5).
type nameHash struct {
	sum  [sha1.Size]byte
	apex bool
}

// hashes are those of all names, in order; there are none with NSEC.
func (s *signer) hashes(names []string) (list []nameHash) {
	if s.denial != nsec3 {
		return nil
	}
	for i, name := range names {
		list = append(list, nameHash{sha1.Sum(s.wire(name)), i == 0}) //nolint:gosec // see above
	}
	slices.SortFunc(list, func(a, b nameHash) int { return bytes.Compare(a.sum[:], b.sum[:]) })
	return list
}

var base32hex = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// hashed writes NSEC3 record i.
func (s *signer) hashed(w *bytes.Buffer, list []nameHash, i int) error {
	next, types := list[(i+1)%len(list)].sum, typesOf(list[i].apex, nsec3)
	data := append([]byte{1, 0, 0, 0, 0, sha1.Size}, next[:]...)
	text := "1 0 0 - " + base32hex.EncodeToString(next[:]) + textOf(types)
	return s.write(w, base32hex.EncodeToString(list[i].sum[:]), signedSet{typeNSEC3, absentTTL, [][]byte{append(data, bitmap(types)...)}, []string{text}})
}

// wire is a name of the zone in wire form; "" is the origin.
func (s *signer) wire(label string) []byte {
	if label == "" {
		return s.apex
	}
	return append(append([]byte{byte(len(label))}, label...), s.apex...)
}

// write writes a set and its signature (RFC 4034, section 3.1.8.1).
func (s *signer) write(w *bytes.Buffer, label string, set signedSet) error {
	owner := s.wire(label)
	labels := len(originLabels)
	if label != "" {
		labels++
	}
	b := binary.BigEndian.AppendUint16(nil, set.name)
	b = append(b, algorithm, byte(labels))
	b = binary.BigEndian.AppendUint32(b, set.ttl)
	b = binary.BigEndian.AppendUint32(b, uint32(s.to.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(s.from.Unix()))
	b = binary.BigEndian.AppendUint16(b, s.tag)
	b = append(b, s.apex...)
	for i, data := range set.data {
		b = binary.BigEndian.AppendUint16(append(b, owner...), set.name)
		b = binary.BigEndian.AppendUint32(append(b, 0, 1), set.ttl)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(data))), data...)
		fmt.Fprintf(w, "%s %d %s %s\n", cmp.Or(label, "@"), set.ttl, typeNames[set.name], set.text[i])
	}
	sum := sha256.Sum256(b)
	x, y, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return err
	}
	var sig [64]byte
	x.FillBytes(sig[:32])
	y.FillBytes(sig[32:])
	const form = "20060102150405"
	fmt.Fprintf(w, "%s %d RRSIG %s %d %d %d %s %s %d @ %s\n", cmp.Or(label, "@"), set.ttl, typeNames[set.name], algorithm, labels, set.ttl,
		s.to.UTC().Format(form), s.from.UTC().Format(form), s.tag, base64.StdEncoding.EncodeToString(sig[:]))
	return nil
}
