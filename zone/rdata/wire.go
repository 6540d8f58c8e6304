package rdata

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/zonecast/zonecast/zone"
)

// Canonical checks RDATA in wire form and brings names in it to lower case. Compressed names are
// an error. The octets of types without known structure come back as they are.
func Canonical(t zone.Type, wire []byte) (zone.Data, error) {
	return fromWire(t, wire, 0, len(wire), false)
}

// WellFormed reports what is wrong with data that should be canonical; nil when nothing is.
func WellFormed(t zone.Type, d zone.Data) error {
	c, err := Canonical(t, []byte(d))
	if err == nil && c != d {
		return fmt.Errorf("%s RDATA is not in canonical form", t)
	}
	return err
}

// FromMessage decodes RDATA of the given length at msg[off:], whose names may be compressed where
// RFC 3597, section 4, allows that.
func FromMessage(t zone.Type, msg []byte, off, length int) (zone.Data, error) {
	if off < 0 || length < 0 || off > len(msg) || length > len(msg)-off {
		return "", fmt.Errorf("%s RDATA of %d octets at %d is outside of the message", t, length, off)
	}
	if l := layoutOf(t); l != nil && l.compressed {
		return fromWire(t, msg, off, off+length, true)
	}
	return fromWire(t, msg[off:off+length], 0, length, false)
}

func fromWire(t zone.Type, msg []byte, off, end int, pointers bool) (zone.Data, error) {
	if end-off > MaxLen {
		return "", fmt.Errorf("%s RDATA has %d octets; the most is %d", t, end-off, MaxLen)
	}
	l := layoutOf(t)
	switch {
	case l != nil:
	case t.OnWire() && !t.Meta() && inMiekg(t):
		return canonicalOther(t, msg[off:end])
	default:
		return zone.Data(msg[off:end]), nil
	}
	var buf [512]byte
	r := reader{msg: msg, off: off, end: end, pointers: pointers, out: buf[:0]}
	for _, f := range l.fields {
		if err := r.field(f.kind); err != nil {
			return "", fmt.Errorf("%s %s: %w", t, f.name, err)
		}
	}
	if r.off != end {
		return "", fmt.Errorf("%s RDATA has %d octets left over", t, end-r.off)
	}
	return zone.Data(r.out), nil
}

var (
	errShort   = errors.New("RDATA ends too early")
	errBitmap  = errors.New("type bitmap is malformed")
	errPointer = errors.New("compression pointer does not point back")
	errNoComp  = errors.New("name is compressed or has an unknown label type")
	errLength  = errors.New("string is longer than RDATA")
)

// A reader copies fields from a message to canonical form.
type reader struct {
	msg      []byte
	off, end int
	pointers bool
	out      []byte
}

func (r *reader) copy(n int) error {
	if n > r.end-r.off {
		return errShort
	}
	r.out = append(r.out, r.msg[r.off:r.off+n]...)
	r.off += n
	return nil
}

func (r *reader) field(k kind) error {
	rest := r.msg[r.off:r.end]
	switch k {
	case kName:
		return r.name()
	case kStr, kSalt:
		return r.str(0)
	case kHash32:
		return r.str(1)
	case kOptStr:
		if len(rest) == 0 {
			return nil
		}
		return r.str(0)
	case kTag:
		if len(rest) > 0 && int(rest[0]) < len(rest) && !alnum(string(rest[1:1+rest[0]])) {
			return fmt.Errorf("%q is not made of letters and digits", rest[1:1+rest[0]])
		}
		return r.str(1)
	case kStrs:
		if len(rest) == 0 {
			return errShort
		}
		for r.off < r.end {
			if err := r.str(0); err != nil {
				return err
			}
		}
		return nil
	case kLong:
		if len(rest) < 2 {
			return errShort
		}
		return r.copy(2 + int(binary.BigEndian.Uint16(rest)))
	case kOctets, kHex, kBase64:
		return r.copy(len(rest))
	case kTypes:
		if !validBitmap(rest) {
			return errBitmap
		}
		return r.copy(len(rest))
	case kParams:
		if err := checkParams(rest); err != nil {
			return err
		}
		return r.copy(len(rest))
	case kLOC:
		if err := checkLOC(rest); err != nil {
			return err
		}
		return r.copy(len(rest))
	default:
		return r.copy(fixedSize(k))
	}
}

// fixedSize is the number of octets of kinds that always have the same.
func fixedSize(k kind) int {
	switch k {
	case kU8, kAlg, kScheme:
		return 1
	case kU16, kType, kCert:
		return 2
	case kU32, kTTL, kTime, kA:
		return 4
	case kEUI48:
		return 6
	case kNode64, kEUI64:
		return 8
	default:
		return 16 // kAAAA
	}
}

// str copies a character-string of at least atLeast octets.
func (r *reader) str(atLeast int) error {
	if r.off >= r.end {
		return errShort
	}
	n := int(r.msg[r.off])
	if n < atLeast {
		return errors.New("is empty")
	}
	if n+1 > r.end-r.off {
		return errLength
	}
	return r.copy(n + 1)
}

// name copies a name in lower case and follows pointers, which may only point backwards, so that
// there is an end.
func (r *reader) name() error {
	start, at, limit, jumped := len(r.out), r.off, r.end, false
	lowest := r.off
	for {
		if at >= limit {
			return errShort
		}
		n := int(r.msg[at])
		switch {
		case n == 0:
			r.out = append(r.out, 0)
			if !jumped {
				r.off = at + 1
			}
			if len(r.out)-start > 255 {
				return zone.ErrNameTooLong
			}
			return nil
		case n <= 63:
			if at+1+n > limit {
				return errShort
			}
			r.out = append(r.out, byte(n))
			for _, c := range r.msg[at+1 : at+1+n] {
				if c >= 'A' && c <= 'Z' {
					c += 'a' - 'A'
				}
				r.out = append(r.out, c)
			}
			if len(r.out)-start > 254 {
				return zone.ErrNameTooLong
			}
			at += n + 1
		case n >= 0xC0 && r.pointers:
			if at+1 >= limit {
				return errShort
			}
			to := (n&0x3F)<<8 | int(r.msg[at+1])
			if to >= lowest {
				return errPointer
			}
			if !jumped {
				r.off, jumped = at+2, true
			}
			at, lowest, limit = to, to, len(r.msg)
		default:
			return errNoComp
		}
	}
}

// validBitmap checks the rules of RFC 4034, section 4.1.2: windows ascend, are not empty, and have
// no trailing zero octets.
func validBitmap(b []byte) bool {
	for last := -1; len(b) > 0; {
		if len(b) < 2 {
			return false
		}
		window, n := int(b[0]), int(b[1])
		if window <= last || n < 1 || n > 32 || len(b) < 2+n || b[1+n] == 0 {
			return false
		}
		if window == 0 && b[2]&0x80 != 0 {
			return false // type 0 does not exist
		}
		last, b = window, b[2+n:]
	}
	return true
}

// Target returns the name that the RDATA points to: where NS, CNAME, DNAME, PTR, MX, SRV, SVCB,
// HTTPS, ALIAS, KX, AFSDB, RT, LP and DSYNC lead, and the replacement of NAPTR. ok is false for types
// that point to nothing and for malformed data. The root means "no target" to most of these types.
func Target(t zone.Type, d zone.Data) (n zone.Name, ok bool) {
	skip := 0
	switch t {
	case zone.TypeNS, zone.TypeCNAME, zone.TypeDNAME, zone.TypePTR, zone.TypeALIAS, 3, 4, 7, 8, 9, 23:
	case zone.TypeMX, zone.TypeAFSDB, zone.TypeSVCB, zone.TypeHTTPS, 21, 36, 107:
		skip = 2
	case zone.TypeSRV:
		skip = 6
	case 66: // DSYNC
		skip = 5
	case zone.TypeNAPTR:
		skip = 4
		for range 3 {
			if skip >= len(d) {
				return n, false
			}
			skip += 1 + int(d[skip])
		}
	default:
		return n, false
	}
	if skip >= len(d) {
		return n, false
	}
	n, _, err := zone.NameFromWire([]byte(d[skip:]))
	return n, err == nil
}
