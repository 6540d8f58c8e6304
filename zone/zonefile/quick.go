package zonefile

import (
	"encoding/binary"
	"math"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// quick reads an entry that is one line with a record in its most common form: no parentheses, no
// comment, no escapes, no directive, nothing wrong. It returns false, with nothing changed, for all
// others, and leaves them to next and entry, which would have read this one no differently.
func (p *parser) quick(s *scanner) bool {
	text, i := s.text, s.pos
	if i >= len(text) || !p.hasOrigin || p.read >= p.opt.MaxRecords {
		return false
	}
	var owner string
	if text[i] != ' ' && text[i] != '\t' {
		from := i
		for i < len(text) && !stop[text[i]] {
			i++
		}
		if owner = text[from:i]; owner == "" || owner[0] == '$' || len(owner) > 255 {
			return false
		}
	} else if !p.hasOwner || p.ownerText == badOwner {
		return false
	}
	h, typeAt, i := quickHeader(text, i)
	if h.typ == 0 || !h.hasTTL && !p.hasDefaultTTL && !p.hasLastTTL {
		return false
	}
	toks := s.toks[:0]
	for {
		for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
			i++
		}
		if i+1 < len(text) && text[i] == '\r' && text[i+1] == '\n' {
			i++
		}
		if i == len(text) || text[i] == '\n' {
			break
		}
		from, quoted := i, text[i] == '"'
		if quoted {
			i++
			for i < len(text) && text[i] != '"' && text[i] != '\\' && text[i] != '\n' {
				i++
			}
			if i == len(text) || text[i] != '"' {
				return false
			}
			i++
			toks = append(toks, rdata.Token{Text: text[from+1 : i-1], Quoted: true})
		} else {
			for i < len(text) && !stop[text[i]] {
				i++
			}
			if i == from { // a character with a meaning of its own
				return false
			}
			toks = append(toks, rdata.Token{Text: text[from:i]})
		}
		if i-from > maxToken || len(toks) > maxTokens || i < len(text) && !blankOrEnd[text[i]] {
			return false
		}
	}
	if i == len(text) && s.more != nil {
		return false
	}
	s.toks = toks // its room is used again
	if owner != "" && (!p.hasOwner || owner != p.ownerText) {
		n, ok := p.names.Plain(owner, p.origin)
		if !ok {
			return false
		}
		if !p.quickRecord(h, toks, n, spot{uint32(s.line), uint32(typeAt - s.bol + 1)}) {
			return false
		}
		p.hasOwner, p.ownerText = true, owner
	} else if !p.quickRecord(h, toks, p.owner, spot{uint32(s.line), uint32(typeAt - s.bol + 1)}) {
		return false
	}
	s.pos = i
	if i < len(text) {
		s.newline()
	}
	return true
}

// quickRecord adds a record of an owner, unless its RDATA is wrong.
func (p *parser) quickRecord(h header, toks []rdata.Token, owner zone.Name, at spot) bool {
	b, ok := p.data.buf[:0], false
	if h.typ == zone.TypeA && len(toks) == 1 {
		b, ok = quickA(b, toks[0].Text)
	}
	if !ok {
		var err error
		if b, err = rdata.AppendTokens(b, h.typ, toks, p.origin); err != nil {
			return false
		}
	}
	p.data.buf = b
	if !p.whole && len(p.records) > 0 && p.records[0].owner != owner {
		p.flush()
	}
	p.owner = owner
	ttl, _ := p.ttl(h, "")
	p.add(h.typ, ttl, zone.Data(p.data.save(b)), at)
	return true
}

// quickHeader reads TTL, class and type, in any order of the first two, and returns where the type
// stands and where it ends. The type is 0 when one of them is not as usual.
func quickHeader(text string, i int) (h header, at, end int) {
	hasClass := false
	for {
		for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
			i++
		}
		from := i
		for i < len(text) && !stop[text[i]] {
			i++
		}
		w := text[from:i]
		if w == "" || i == len(text) || !blankOrEnd[text[i]] {
			return header{}, 0, 0
		}
		switch {
		case w[0] >= '0' && w[0] <= '9' && !h.hasTTL:
			v := uint64(0)
			for _, c := range []byte(w) {
				v = v*10 + uint64(c-'0')
				if c < '0' || c > '9' || v > math.MaxInt32 {
					return header{}, 0, 0
				}
			}
			h.ttl, h.hasTTL = uint32(v), true
		case w == "IN" && !hasClass:
			hasClass = true
		default:
			h.typ = commonType(w)
			if h.typ == zone.TypeSOA { // its TTL may be its own
				h.typ = 0
			}
			return h, from, i
		}
	}
}

// blankOrEnd has what may follow a word of a line in the most common form.
var blankOrEnd = [256]bool{' ': true, '\t': true, '\n': true, '\r': true}

// quickA appends an IPv4 address.
func quickA(b []byte, s string) ([]byte, bool) {
	if len(s) < 7 || len(s) > 15 {
		return b, false
	}
	var all uint32
	part, digits, v := 0, 0, uint32(0)
	for i := range len(s) {
		c := uint32(s[i]) - '0'
		if c <= 9 {
			if digits > 0 && v == 0 { // a leading zero
				return b, false
			}
			v = v*10 + c
			digits++
			if v > 255 {
				return b, false
			}
			continue
		}
		if s[i] != '.' || digits == 0 || part == 3 {
			return b, false
		}
		all = all<<8 | v
		part, digits, v = part+1, 0, 0
	}
	return binary.BigEndian.AppendUint32(b, all<<8|v), part == 3 && digits > 0
}

// commonType is zone.ParseType for the types that most records have; 0 for all others.
func commonType(w string) zone.Type {
	switch w {
	case "A":
		return zone.TypeA
	case "AAAA":
		return zone.TypeAAAA
	case "NS":
		return zone.TypeNS
	case "MX":
		return zone.TypeMX
	case "TXT":
		return zone.TypeTXT
	case "CNAME":
		return zone.TypeCNAME
	case "PTR":
		return zone.TypePTR
	case "SRV":
		return zone.TypeSRV
	case "SOA":
		return zone.TypeSOA
	case "CAA":
		return zone.TypeCAA
	case "TLSA":
		return zone.TypeTLSA
	case "HTTPS":
		return zone.TypeHTTPS
	case "DS":
		return zone.TypeDS
	case "DNSKEY":
		return zone.TypeDNSKEY
	case "RRSIG":
		return zone.TypeRRSIG
	case "NSEC":
		return zone.TypeNSEC
	case "NSEC3":
		return zone.TypeNSEC3
	}
	return 0
}
