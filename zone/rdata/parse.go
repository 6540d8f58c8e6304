package rdata

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// MaxLen is the most octets that RDATA can have (RFC 1035, section 3.2.1).
const MaxLen = 65535

// Parse reads RDATA in presentation form. Names that do not end in a dot are relative to origin.
// Any type may be written as RFC 3597 has it: \# length hexadecimal.
func Parse(t zone.Type, text string, origin zone.Name) (zone.Data, error) {
	toks, err := Split(text)
	if err != nil {
		return "", named(t, err)
	}
	return ParseTokens(t, toks, origin)
}

// ParseTokens is Parse for text that is split already. Errors are of type *Error.
func ParseTokens(t zone.Type, toks []Token, origin zone.Name) (zone.Data, error) {
	var buf [512]byte
	b, err := AppendTokens(buf[:0], t, toks, origin)
	if err != nil {
		return "", err
	}
	return zone.Data(b), nil
}

// AppendTokens is ParseTokens that appends the octets to b, for callers with many records.
func AppendTokens(b []byte, t zone.Type, toks []Token, origin zone.Name) ([]byte, error) {
	start := len(b)
	b, err := appendTokens(b, t, toks, origin)
	if err != nil {
		return b[:start], named(t, err)
	}
	if n := len(b) - start; n > MaxLen {
		return b[:start], named(t, errorAt(0, "RDATA has %d octets; the most is %d", n, MaxLen))
	}
	return b, nil
}

// named puts the type's name in front of a message.
func named(t zone.Type, err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return &Error{e.Token, t.String() + " " + e.Text}
	}
	return &Error{0, t.String() + " " + err.Error()}
}

func appendTokens(b []byte, t zone.Type, toks []Token, origin zone.Name) ([]byte, error) {
	if len(toks) > 0 && !toks[0].Quoted && toks[0].Text == `\#` {
		return appendGeneric(b, t, toks)
	}
	switch l := layoutOf(t); {
	case l != nil:
		p := parser{toks: toks, origin: origin, b: b}
		return p.run(l)
	case t.Vendor():
		if len(toks) != 1 {
			return b, errorAt(min(1, len(toks)), "data must be one quoted string")
		}
		b, err := appendUnescaped(b, toks[0].Text)
		if err != nil {
			return b, errorAt(0, "data %s: %v", clip(toks[0].Text), err)
		}
		return b, nil
	case !t.OnWire() || t.Meta():
		return b, errorAt(0, "cannot be in a zone")
	default:
		return parseOther(b, t, toks, origin)
	}
}

// appendGeneric reads \# length hex (RFC 3597, section 5).
func appendGeneric(b []byte, t zone.Type, toks []Token) ([]byte, error) {
	if len(toks) < 2 {
		return b, errorAt(1, `RDATA length is missing after \#`)
	}
	n, ok := parseUint(toks[1].Text, MaxLen)
	if !ok {
		return b, errorAt(1, "RDATA length %s is no number from 0 to %d", clip(toks[1].Text), MaxLen)
	}
	start := len(b)
	b, err := appendHex(b, toks, 2, "RDATA")
	if err != nil {
		return b, err
	}
	if got := len(b) - start; got != int(n) {
		return b, errorAt(1, "RDATA length is given as %d, but %d octets follow", n, got)
	}
	if l := layoutOf(t); l == nil && (!t.OnWire() || !inMiekg(t)) {
		return b, nil
	}
	d, err := Canonical(t, b[start:])
	if err != nil {
		return b, errorAt(0, "RDATA in hexadecimal is malformed: %v", err)
	}
	return append(b[:start], d...), nil
}

// A parser packs the tokens of one record.
type parser struct {
	toks   []Token
	at     int
	origin zone.Name
	b      []byte
}

func (p *parser) run(l *layout) ([]byte, error) {
	for _, f := range l.fields {
		if err := p.field(f); err != nil {
			return p.b, err
		}
	}
	if p.at < len(p.toks) {
		return p.b, errorAt(p.at, "has more fields than it may; %s is left over", clip(p.toks[p.at].Text))
	}
	return p.b, nil
}

// next takes one token for a field.
func (p *parser) next(f field) (string, error) {
	if p.at >= len(p.toks) {
		return "", errorAt(p.at, "%s is missing", f.name)
	}
	p.at++
	return p.toks[p.at-1].Text, nil
}

func (p *parser) field(f field) error {
	switch f.kind {
	case kStrs:
		return p.strings(f)
	case kOptStr:
		if p.at == len(p.toks) {
			return nil
		}
	case kHex, kBase64:
		return p.blob(f)
	case kTypes:
		return p.types()
	case kLOC:
		return p.loc()
	case kParams:
		return p.params()
	}
	s, err := p.next(f)
	if err != nil {
		return err
	}
	return p.scalar(f, s)
}

// scalar packs fields that are one token.
func (p *parser) scalar(f field, s string) (err error) {
	bad := func(format string, args ...any) error {
		return errorAt(p.at-1, "%s %s "+format, append([]any{f.name, clip(s)}, args...)...)
	}
	switch f.kind {
	case kU8, kU16, kU32, kAlg, kCert, kScheme:
		return p.number(f, s)
	case kTTL:
		v, ok := ParseTTL(s)
		if !ok {
			return bad("is no number of seconds from 0 to %d, nor a time such as 1h30m", uint32(math.MaxUint32))
		}
		p.b = binary.BigEndian.AppendUint32(p.b, v)
	case kTime:
		v, ok := parseTime(s)
		if !ok {
			return bad("is no time of the form YYYYMMDDHHmmSS, nor a number of seconds")
		}
		p.b = binary.BigEndian.AppendUint32(p.b, v)
	case kName:
		if p.b, err = appendName(p.b, s, p.origin); err != nil {
			return errorAt(p.at-1, "%s: %v", f.name, err)
		}
	case kA, kAAAA:
		return p.address(f, s)
	case kStr, kOptStr:
		return p.str(f, s)
	case kTag:
		if s == "" || len(s) > 255 || !alnum(s) {
			return bad("is not made of 1 to 255 letters and digits")
		}
		p.b = append(append(p.b, byte(len(s))), s...)
	case kOctets:
		if p.b, err = appendUnescaped(p.b, s); err != nil {
			return bad("is malformed: %v", err)
		}
	case kLong:
		start := len(p.b)
		if p.b, err = appendUnescaped(append(p.b, 0, 0), s); err != nil {
			return bad("is malformed: %v", err)
		}
		n := len(p.b) - start - 2
		if n > MaxLen {
			return errorAt(p.at-1, "%s has %d octets; the most is %d", f.name, n, MaxLen)
		}
		binary.BigEndian.PutUint16(p.b[start:], uint16(n))
	case kType:
		t, err := zone.ParseType(s)
		if err != nil || !t.OnWire() {
			return bad("is no type")
		}
		p.b = binary.BigEndian.AppendUint16(p.b, uint16(t))
	case kSalt:
		raw, err := hex.DecodeString(s)
		if s == "-" {
			raw, err = nil, nil
		}
		if err != nil || len(raw) > 255 {
			return bad("is neither - nor up to 255 octets in hexadecimal")
		}
		p.b = append(append(p.b, byte(len(raw))), raw...)
	case kHash32:
		raw, err := base32hex.DecodeString(strings.ToUpper(s))
		if err != nil || len(raw) == 0 || len(raw) > 255 || base32hex.EncodeToString(raw) != strings.ToUpper(s) {
			return bad("is no Base32hex of 1 to 255 octets")
		}
		p.b = append(append(p.b, byte(len(raw))), raw...)
	case kNode64, kEUI48, kEUI64:
		return p.groups(f, s)
	}
	return nil
}

var base32hex = base32.HexEncoding.WithPadding(base32.NoPadding)

func (p *parser) number(f field, s string) error {
	limit := uint64(math.MaxUint8)
	switch f.kind {
	case kU16, kCert:
		limit = math.MaxUint16
	case kU32:
		limit = math.MaxUint32
	}
	v, ok := parseUint(s, limit)
	if !ok {
		if v, ok = mnemonics[f.kind][strings.ToUpper(s)]; !ok {
			return errorAt(p.at-1, "%s %s is no number from 0 to %d", f.name, clip(s), limit)
		}
	}
	switch limit {
	case math.MaxUint8:
		p.b = append(p.b, byte(v))
	case math.MaxUint16:
		p.b = binary.BigEndian.AppendUint16(p.b, uint16(v))
	default:
		p.b = binary.BigEndian.AppendUint32(p.b, uint32(v))
	}
	return nil
}

func (p *parser) address(f field, s string) error {
	a, err := netip.ParseAddr(s)
	switch {
	case f.kind == kA && err == nil && a.Is4():
		four := a.As4()
		p.b = append(p.b, four[:]...)
	case f.kind == kAAAA && err == nil && a.Is6() && a.Zone() == "":
		sixteen := a.As16()
		p.b = append(p.b, sixteen[:]...)
	case f.kind == kA:
		return errorAt(p.at-1, "address %s is no IPv4 address", clip(s))
	default:
		return errorAt(p.at-1, "address %s is no IPv6 address", clip(s))
	}
	return nil
}

// str packs one character-string.
func (p *parser) str(f field, s string) (err error) {
	start := len(p.b)
	if p.b, err = appendUnescaped(append(p.b, 0), s); err != nil {
		return errorAt(p.at-1, "%s %s is malformed: %v", f.name, clip(s), err)
	}
	n := len(p.b) - start - 1
	if n > 255 {
		return errorAt(p.at-1, `%s %s has %d octets; the most in one string is 255, longer text is written as several: "…" "…"`, f.name, clip(s), n)
	}
	p.b[start] = byte(n)
	return nil
}

func (p *parser) strings(f field) error {
	if p.at >= len(p.toks) {
		return errorAt(p.at, "%s is missing", f.name)
	}
	for p.at < len(p.toks) {
		p.at++
		if err := p.str(f, p.toks[p.at-1].Text); err != nil {
			return err
		}
	}
	return nil
}

// blob packs hexadecimal or Base64 up to the end, which may be split at blanks.
func (p *parser) blob(f field) (err error) {
	first := p.at
	if first >= len(p.toks) {
		return errorAt(p.at, "%s is missing", f.name)
	}
	p.at = len(p.toks)
	if f.kind == kHex {
		p.b, err = appendHex(p.b, p.toks, first, f.name)
		return err
	}
	var room [512]byte // enough for most signatures and keys
	text := room[:0]
	for _, t := range p.toks[first:] {
		text = append(text, t.Text...)
	}
	p.b, err = base64.StdEncoding.AppendDecode(p.b, text)
	if err != nil {
		return errorAt(first, "%s %s is no Base64", f.name, clip(string(text)))
	}
	return nil
}

func joinTokens(toks []Token) string {
	var sb strings.Builder
	for _, t := range toks {
		sb.WriteString(t.Text)
	}
	return sb.String()
}

// appendHex decodes all tokens from the first on; digits of one octet may stand in two tokens.
func appendHex(b []byte, toks []Token, first int, name string) ([]byte, error) {
	half, high := false, byte(0)
	for i := first; i < len(toks); i++ {
		for j := 0; j < len(toks[i].Text); j++ {
			v, ok := nibble(toks[i].Text[j])
			if !ok {
				return b, errorAt(i, "%s %s is not hexadecimal", name, clip(toks[i].Text))
			}
			if half {
				b = append(b, high<<4|v)
			}
			half, high = !half, v
		}
	}
	if half {
		return b, errorAt(len(toks)-1, "%s %s has an odd number of hexadecimal digits", name, clip(joinTokens(toks[first:])))
	}
	return b, nil
}

func nibble(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// types packs a type bitmap.
func (p *parser) types() error {
	var list []uint16
	for ; p.at < len(p.toks); p.at++ {
		t, err := zone.ParseType(p.toks[p.at].Text)
		if err != nil || !t.OnWire() {
			return errorAt(p.at, "types: %s is no type", clip(p.toks[p.at].Text))
		}
		list = append(list, uint16(t))
	}
	slices.Sort(list)
	p.b = appendBitmap(p.b, list)
	return nil
}

// appendBitmap packs sorted types.
func appendBitmap(b []byte, list []uint16) []byte {
	for len(list) > 0 {
		window := list[0] >> 8
		var bits [32]byte
		n := 0
		for len(list) > 0 && list[0]>>8 == window {
			low := list[0] & 0xFF
			bits[low/8] |= 0x80 >> (low % 8)
			n = int(low/8) + 1
			list = list[1:]
		}
		b = append(append(b, byte(window), byte(n)), bits[:n]...)
	}
	return b
}

// groups packs addresses of separated groups of hexadecimal digits.
func (p *parser) groups(f field, s string) error {
	sep, count, digits := "-", 6, 2
	switch f.kind {
	case kNode64:
		sep, count, digits = ":", 4, 4
	case kEUI64:
		count = 8
	}
	parts := strings.Split(s, sep)
	ok := len(parts) == count
	for i := 0; ok && i < len(parts); i++ {
		g := parts[i]
		if ok = len(g) == digits || digits == 4 && g != "" && len(g) < digits; !ok {
			break
		}
		raw, err := hex.DecodeString(strings.Repeat("0", digits-len(g)) + g)
		ok = err == nil
		p.b = append(p.b, raw...)
	}
	if !ok {
		return errorAt(p.at-1, "%s %s is not %d groups of %d hexadecimal digits separated by %q", f.name, clip(s), count, digits, sep)
	}
	return nil
}

// parseUint reads decimal digits and nothing else.
func parseUint(s string, limit uint64) (uint64, bool) {
	if s == "" || len(s) > 19 {
		return 0, false
	}
	var v uint64
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		v = v*10 + uint64(c)
	}
	return v, v <= limit
}

// ParseTTL reads a number of seconds or a time with units of BIND: w, d, h, m, s in any case, each
// with a number in front, as in 1h30m. It must fit 32 bits.
func ParseTTL(s string) (uint32, bool) {
	var total, v uint64
	digits, units := false, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= '0' && c <= '9' {
			v, digits = v*10+uint64(c-'0'), true
			if v > math.MaxUint32 {
				return 0, false
			}
			continue
		}
		if !digits {
			return 0, false
		}
		switch c | 0x20 {
		case 'w':
			v *= 7 * 24 * 3600
		case 'd':
			v *= 24 * 3600
		case 'h':
			v *= 3600
		case 'm':
			v *= 60
		case 's':
		default:
			return 0, false
		}
		total += v
		v, digits, units = 0, false, true
		if total > math.MaxUint32 {
			return 0, false
		}
	}
	if !digits && !units || digits && units {
		return 0, false // nothing at all, or a number without unit after one with
	}
	total += v
	return uint32(total), total <= math.MaxUint32
}

// parseTime reads YYYYMMDDHHmmSS in UTC, or seconds since 1970 modulo 2^32.
func parseTime(s string) (uint32, bool) {
	if len(s) == 14 {
		return parseDate(s)
	}
	v, ok := parseUint(s, math.MaxUint32)
	return uint32(v), ok
}

// parseDate reads YYYYMMDDHHmmSS: signed zones have two with each signature.
func parseDate(s string) (uint32, bool) {
	v, ok := parseUint(s, math.MaxUint64)
	if !ok {
		return 0, false
	}
	sec, minute, hour := v%100, v/100%100, v/10000%100
	day, month, year := int(v/1e6%100), time.Month(v/1e8%100), int(v/1e10)
	if sec > 59 || minute > 59 || hour > 23 || day < 1 || month < 1 || month > 12 {
		return 0, false
	}
	// Days since 1970, in years that begin in March so that a leap day is their last.
	y, m := year, int(month)-3
	if m < 0 {
		y, m = y-1, m+12
	}
	days := 365*y + floor(y, 4) - floor(y, 100) + floor(y, 400) + (153*m+2)/5 + day - 719469
	if day > 28 { // is there such a day?
		if t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC); t.Day() != day {
			return 0, false
		}
	}
	return uint32(int64(days)*86400 + int64(hour*3600+minute*60+sec)), true
}

func floor(a, b int) int {
	if a < 0 {
		return (a - b + 1) / b
	}
	return a / b
}

func alnum(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return true
}
