package rdata

import (
	"slices"
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
	// miekg/dns loses the relay of an AMTRELAY whose discovery bit is set: it is parsed without.
	discovery := uint16(t) == dns.TypeAMTRELAY && len(toks) > 1 && toks[1].Text == "1" && !toks[1].Quoted
	var line strings.Builder
	line.WriteString(". 0 IN " + t.String())
	for i, tok := range toks {
		if discovery && i == 1 {
			tok.Text = "0"
		}
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
	if discovery {
		wire[1] |= discoveryBit
	}
	return append(b, wire...), nil
}

// discoveryBit is the D bit in the second octet of an AMTRELAY (RFC 8777, section 4.2).
const discoveryBit = 0x80

// withoutDiscovery returns wire without the D bit, and whether it was set.
func withoutDiscovery(t zone.Type, wire []byte) ([]byte, bool) {
	if uint16(t) != dns.TypeAMTRELAY || len(wire) < 2 || wire[1]&discoveryBit == 0 {
		return wire, false
	}
	wire = slices.Clone(wire)
	wire[1] &^= discoveryBit
	return wire, true
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
	wire, discovery := withoutDiscovery(t, wire)
	rr, err := unpackOther(t, wire)
	if err != nil {
		return "", errorAt(0, "%s RDATA is malformed: %v", t, err)
	}
	out, err := packOther(rr)
	if err != nil || len(out) != len(wire) {
		return "", errorAt(0, "%s RDATA is malformed", t)
	}
	if discovery {
		out[1] |= discoveryBit
	}
	return zone.Data(out), nil
}

// textOther prints through miekg/dns; ok is false when reading it back would not give d again.
func textOther(t zone.Type, d zone.Data) (string, bool) {
	wire, discovery := withoutDiscovery(t, []byte(d))
	rr, err := unpackOther(t, wire)
	if err != nil {
		return "", false
	}
	text := strings.TrimPrefix(rr.String(), rr.Header().String())
	if discovery {
		text = strings.Replace(text, " 0 ", " 1 ", 1)
	}
	back, err := Parse(t, text, zone.Root)
	return text, err == nil && back == d
}
