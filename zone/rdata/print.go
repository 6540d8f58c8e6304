package rdata

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// Text prints RDATA in presentation form: names absolute, strings quoted, octets that are not
// printable ASCII as \DDD, and what has no text form of its own as \# length hex. Parse reads it back
// to the same octets.
func Text(t zone.Type, d zone.Data) string {
	var buf [256]byte
	return string(AppendText(buf[:0], t, d, zone.Root))
}

// AppendText appends what Text returns, with names below origin relative to it unless origin is
// the root.
func AppendText(b []byte, t zone.Type, d zone.Data, origin zone.Name) []byte {
	start := len(b)
	l := layoutOf(t)
	switch {
	case l != nil:
		p := printer{b: b, d: d, origin: origin}
		for i, f := range l.fields {
			if i > 0 && !(p.d == "" && (f.kind == kOptStr || f.kind == kTypes || f.kind == kParams)) {
				p.b = append(p.b, ' ')
			}
			if !p.field(f.kind) {
				return appendUnknown(p.b[:start], d)
			}
		}
		if p.d != "" {
			return appendUnknown(p.b[:start], d)
		}
		return p.b
	case t.Vendor():
		return appendQuoted(b, string(d))
	case t.OnWire() && !t.Meta() && inMiekg(t):
		if text, ok := textOther(t, d); ok {
			return append(b, text...)
		}
	}
	return appendUnknown(b, d)
}

func appendUnknown(b []byte, d zone.Data) []byte {
	b = strconv.AppendInt(append(b, `\# `...), int64(len(d)), 10)
	if len(d) > 0 {
		b = hex.AppendEncode(append(b, ' '), []byte(d))
	}
	return b
}

// A printer takes fields off RDATA. Its methods return false when the data does not fit.
type printer struct {
	b      []byte
	d      zone.Data
	origin zone.Name
}

func (p *printer) take(n int) (zone.Data, bool) {
	if n > len(p.d) {
		return "", false
	}
	head := p.d[:n]
	p.d = p.d[n:]
	return head, true
}

func (p *printer) field(k kind) bool {
	switch k {
	case kName:
		return p.name()
	case kStr, kSalt, kTag, kHash32:
		return p.str(k)
	case kOptStr:
		return p.d == "" || p.str(kStr)
	case kStrs:
		for i := 0; i == 0 || p.d != ""; i++ {
			if i > 0 {
				p.b = append(p.b, ' ')
			}
			if !p.str(kStr) {
				return false
			}
		}
		return true
	case kLong:
		head, ok := p.take(2)
		if !ok {
			return false
		}
		s, ok := p.take(int(head[0])<<8 | int(head[1]))
		p.b = appendQuoted(p.b, string(s))
		return ok
	case kOctets:
		p.b = appendQuoted(p.b, string(p.d))
		p.d = ""
		return true
	case kHex, kBase64:
		if p.d == "" {
			return false // no text form
		}
		if k == kHex {
			p.b = hex.AppendEncode(p.b, []byte(p.d))
		} else {
			p.b = base64.StdEncoding.AppendEncode(p.b, []byte(p.d))
		}
		p.d = ""
		return true
	case kTypes:
		return p.types()
	case kParams:
		return p.params()
	case kLOC:
		return p.loc()
	default:
		return p.fixed(k)
	}
}

func (p *printer) fixed(k kind) bool {
	raw, ok := p.take(fixedSize(k))
	if !ok {
		return false
	}
	var v uint64
	if len(raw) <= 4 {
		for i := range len(raw) {
			v = v<<8 | uint64(raw[i])
		}
	}
	switch k {
	case kA:
		p.b = netip.AddrFrom4([4]byte([]byte(raw))).AppendTo(p.b)
	case kAAAA:
		p.b = appendIPv6(p.b, [16]byte([]byte(raw)))
	case kType:
		if v == 0 {
			return false
		}
		p.b = append(p.b, zone.Type(v).String()...)
	case kTime:
		p.b = time.Unix(int64(v), 0).UTC().AppendFormat(p.b, "20060102150405")
	case kNode64:
		p.groups(raw, 2, ':')
	case kEUI48, kEUI64:
		p.groups(raw, 1, '-')
	default:
		p.b = strconv.AppendUint(p.b, v, 10)
	}
	return true
}

// appendIPv6 prints an address without the dotted form, which AppendTo uses for IPv4-mapped ones
// and which AAAA readers take too, but not all; ::ffff:c000:201 is read by all.
func appendIPv6(b []byte, raw [16]byte) []byte {
	a := netip.AddrFrom16(raw)
	if !a.Is4In6() {
		return a.AppendTo(b)
	}
	b = append(b, "::ffff:"...)
	b = strconv.AppendUint(b, uint64(binary.BigEndian.Uint16(raw[12:])), 16)
	b = append(b, ':')
	return strconv.AppendUint(b, uint64(binary.BigEndian.Uint16(raw[14:])), 16)
}

func (p *printer) groups(raw zone.Data, size int, sep byte) {
	for i := 0; i < len(raw); i += size {
		if i > 0 {
			p.b = append(p.b, sep)
		}
		p.b = hex.AppendEncode(p.b, []byte(raw[i:i+size]))
	}
}

func (p *printer) str(k kind) bool {
	head, ok := p.take(1)
	if !ok {
		return false
	}
	s, ok := p.take(int(head[0]))
	switch {
	case !ok:
		return false
	case k == kStr:
		p.b = appendQuoted(p.b, string(s))
	case k == kSalt && s == "":
		p.b = append(p.b, '-')
	case k == kSalt:
		p.b = hex.AppendEncode(p.b, []byte(s))
	case s == "":
		return false
	case k == kTag:
		p.b = append(p.b, s...)
		return alnum(string(s))
	default:
		p.b = base32hex.AppendEncode(p.b, []byte(s))
	}
	return true
}

func (p *printer) types() bool {
	if !validBitmap([]byte(p.d)) {
		return false
	}
	first := true
	for p.d != "" {
		window, n := int(p.d[0]), int(p.d[1])
		for i := range n * 8 {
			if p.d[2+i/8]&(0x80>>(i%8)) == 0 {
				continue
			}
			if !first {
				p.b = append(p.b, ' ')
			}
			p.b = append(p.b, zone.Type(window<<8|i).String()...)
			first = false
		}
		p.d = p.d[2+n:]
	}
	return true
}

// name prints an uncompressed name, relative to the origin when it is at or below it.
func (p *printer) name() bool {
	end := 0
	for {
		if end >= len(p.d) || p.d[end] > 63 || end > 254 {
			return false
		}
		if p.d[end] == 0 {
			break
		}
		end += 1 + int(p.d[end])
	}
	wire, _ := p.take(end + 1)
	stop := len(wire) - 1
	relative := false
	if !p.origin.IsRoot() {
		var buf [256]byte
		suffix := p.origin.AppendWire(buf[:0])
		if cut := len(wire) - len(suffix); cut >= 0 && string(wire[cut:]) == string(suffix) && onBorder(wire, cut) {
			stop, relative = cut, true
		}
	}
	switch {
	case stop == 0 && relative:
		p.b = append(p.b, '@')
		return true
	case stop == 0:
		p.b = append(p.b, '.')
		return true
	}
	for i := 0; i < stop; i += 1 + int(wire[i]) {
		if i > 0 {
			p.b = append(p.b, '.')
		}
		p.b = appendLabel(p.b, string(wire[i+1:i+1+int(wire[i])]))
	}
	if !relative {
		p.b = append(p.b, '.')
	}
	return true
}

// onBorder reports whether a label of the name starts at cut.
func onBorder(wire zone.Data, cut int) bool {
	i := 0
	for i < cut {
		i += 1 + int(wire[i])
	}
	return i == cut
}

// appendLabel escapes as zone.Name does.
func appendLabel(b []byte, label string) []byte {
	for i := 0; i < len(label); i++ {
		switch c := label[i]; {
		case c == '.' || c == '\\' || c == '"' || c == '(' || c == ')' || c == ';' || c == '@' || c == '$':
			b = append(b, '\\', c)
		case c < '!' || c > '~':
			b = append(b, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			b = append(b, c)
		}
	}
	return b
}
