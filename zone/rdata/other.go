package rdata

import (
	"strings"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/zone"
)

// inMiekg reports whether miekg/dns knows the text form of a type that the table lacks. Types
// whose text form it cannot read back (NULL, and ANY's kin) are left to RFC 3597.
func inMiekg(t zone.Type) bool {
	switch uint16(t) {
	case dns.TypeAPL, dns.TypeIPSECKEY, dns.TypeAMTRELAY, dns.TypeHIP, dns.TypeNXT:
		return true
	}
	return false
}

// parseOther reads the text form of a type that only miekg/dns knows.
func parseOther(b []byte, t zone.Type, toks []Token, origin zone.Name) ([]byte, error) {
	if !inMiekg(t) {
		return b, errorAt(0, `has no text form that zonecast knows; write \# length hexadecimal (RFC 3597)`)
	}
	var line strings.Builder
	line.WriteString(". 0 IN " + t.String())
	for i, tok := range toks {
		if strings.ContainsAny(tok.Text, "\r\n") {
			return b, errorAt(i, "%s runs over the end of a line", clip(tok.Text))
		}
		line.WriteByte(' ')
		if tok.Quoted {
			line.WriteString(`"` + tok.Text + `"`)
		} else {
			line.WriteString(tok.Text)
		}
	}
	zp := dns.NewZoneParser(strings.NewReader(line.String()+"\n"), origin.String(), "")
	rr, ok := zp.Next()
	if err := zp.Err(); err != nil || !ok || rr.Header().Rrtype != uint16(t) {
		return b, errorAt(0, "RDATA %s is malformed", clip(strings.TrimPrefix(line.String(), ". 0 IN "+t.String()+" ")))
	}
	wire, err := packOther(rr)
	if err != nil {
		return b, errorAt(0, "RDATA is malformed: %v", err)
	}
	return append(b, wire...), nil
}

// packOther returns the RDATA of a record with its names in lower case.
func packOther(rr dns.RR) ([]byte, error) {
	rr.Header().Name = "."
	switch x := rr.(type) {
	case *dns.IPSECKEY:
		x.GatewayHost = dns.CanonicalName(x.GatewayHost)
		if x.GatewayType != dns.IPSECGatewayHost {
			x.GatewayHost = ""
		}
	case *dns.AMTRELAY:
		x.GatewayHost = dns.CanonicalName(x.GatewayHost)
		if x.GatewayType&0x7F != dns.AMTRELAYHost {
			x.GatewayHost = ""
		}
	case *dns.HIP:
		for i := range x.RendezvousServers {
			x.RendezvousServers[i] = dns.CanonicalName(x.RendezvousServers[i])
		}
	case *dns.NXT:
		x.NextDomain = dns.CanonicalName(x.NextDomain)
	}
	buf := make([]byte, 65535+64)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return nil, err
	}
	return buf[11:n], nil // root, type, class, TTL, length
}

func unpackOther(t zone.Type, wire []byte) (dns.RR, error) {
	h := dns.RR_Header{Name: ".", Rrtype: uint16(t), Class: dns.ClassINET, Rdlength: uint16(len(wire))}
	rr, _, err := dns.UnpackRRWithHeader(h, wire, 0)
	return rr, err
}

func canonicalOther(t zone.Type, wire []byte) (zone.Data, error) {
	rr, err := unpackOther(t, wire)
	if err != nil {
		return "", errorAt(0, "%s RDATA is malformed: %v", t, err)
	}
	out, err := packOther(rr)
	if err != nil || len(out) != len(wire) {
		return "", errorAt(0, "%s RDATA is malformed", t)
	}
	return zone.Data(out), nil
}

// textOther prints through miekg/dns; ok is false when reading it back would not give d again.
func textOther(t zone.Type, d zone.Data) (string, bool) {
	rr, err := unpackOther(t, []byte(d))
	if err != nil {
		return "", false
	}
	text := strings.TrimPrefix(rr.String(), rr.Header().String())
	back, err := Parse(t, text, zone.Root)
	return text, err == nil && back == d
}
