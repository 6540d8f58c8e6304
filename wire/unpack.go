package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// ErrMalformed is wrapped by errors about octets that are no DNS message.
var ErrMalformed = errors.New("malformed message")

const (
	headerLen = 12

	flagResponse      = 1 << 15
	flagAuthoritative = 1 << 10
	flagTruncated     = 1 << 9
	flagRD            = 1 << 8
	flagRA            = 1 << 7
	flagAD            = 1 << 5
	flagCD            = 1 << 4
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// Unpack reads a message. Names in RDATA come out uncompressed and in canonical form. Octets
// after the last record are an error, as are a second OPT record and a TSIG record that is not
// the last.
func Unpack(b []byte) (*Message, error) {
	m, counts, err := unpackHeader(b)
	if err != nil {
		return nil, err
	}
	r := reader{b: b, off: headerLen}
	for range counts[0] {
		q, err := r.question()
		if err != nil {
			return nil, err
		}
		m.Questions = append(m.Questions, q)
	}
	for i, section := range []*[]Record{&m.Answers, &m.Authority, &m.Additional} {
		for n := range counts[i+1] {
			if err := r.record(m, section, i == 2, i == 2 && n == counts[3]-1); err != nil {
				return nil, err
			}
		}
	}
	if r.off != len(b) {
		return nil, malformed("%d octets after the last record", len(b)-r.off)
	}
	return m, nil
}

// unpackHeader reads the first twelve octets.
func unpackHeader(b []byte) (*Message, [4]int, error) {
	if len(b) < headerLen {
		return nil, [4]int{}, malformed("%d octets are less than a header", len(b))
	}
	if len(b) > MaxSize {
		return nil, [4]int{}, malformed("%d octets are more than a message can have", len(b))
	}
	flags := binary.BigEndian.Uint16(b[2:])
	m := &Message{
		ID:                 binary.BigEndian.Uint16(b),
		Response:           flags&flagResponse != 0,
		Opcode:             Opcode(flags >> 11 & 0xF),
		Authoritative:      flags&flagAuthoritative != 0,
		Truncated:          flags&flagTruncated != 0,
		RecursionDesired:   flags&flagRD != 0,
		RecursionAvailable: flags&flagRA != 0,
		AuthenticData:      flags&flagAD != 0,
		CheckingDisabled:   flags&flagCD != 0,
		RCODE:              RCODE(flags & 0xF),
	}
	var counts [4]int
	for i := range counts {
		counts[i] = int(binary.BigEndian.Uint16(b[4+2*i:]))
	}
	return m, counts, nil
}

// A reader walks through a message.
type reader struct {
	b   []byte
	off int
}

func (r *reader) uint16() (uint16, error) {
	if r.off+2 > len(r.b) {
		return 0, malformed("ends at octet %d, inside a number", len(r.b))
	}
	v := binary.BigEndian.Uint16(r.b[r.off:])
	r.off += 2
	return v, nil
}

func (r *reader) uint32() (uint32, error) {
	if r.off+4 > len(r.b) {
		return 0, malformed("ends at octet %d, inside a number", len(r.b))
	}
	v := binary.BigEndian.Uint32(r.b[r.off:])
	r.off += 4
	return v, nil
}

// name reads a name that may be compressed (RFC 1035, section 4.1.4). A pointer must point before
// the part of the name that it ends, so that following pointers always ends.
func (r *reader) name() (zone.Name, error) {
	var buf [256]byte
	flat := buf[:0]
	at, low, end := r.off, r.off, -1
	for {
		if at >= len(r.b) {
			return zone.Name{}, malformed("ends at octet %d, inside a name", len(r.b))
		}
		switch l := int(r.b[at]); {
		case l == 0:
			if end < 0 {
				end = at + 1
			}
			n, _, err := zone.NameFromWire(append(flat, 0))
			if err != nil {
				return zone.Name{}, malformed("name at octet %d: %w", r.off, err)
			}
			r.off = end
			return n, nil
		case l <= 63:
			if at+1+l > len(r.b) {
				return zone.Name{}, malformed("ends at octet %d, inside a name", len(r.b))
			}
			if len(flat)+1+l > 254 {
				return zone.Name{}, malformed("name at octet %d: %w", r.off, zone.ErrNameTooLong)
			}
			flat = append(flat, r.b[at:at+1+l]...)
			at += 1 + l
		case l >= 0xC0:
			if at+2 > len(r.b) {
				return zone.Name{}, malformed("ends at octet %d, inside a pointer", len(r.b))
			}
			to := int(binary.BigEndian.Uint16(r.b[at:]) & 0x3FFF)
			if end < 0 {
				end = at + 2
			}
			if to >= low || to < headerLen {
				return zone.Name{}, malformed("pointer at octet %d leads to octet %d, not to an earlier name", at, to)
			}
			at, low = to, to
		default:
			return zone.Name{}, malformed("label at octet %d is of an unknown kind", at)
		}
	}
}

func (r *reader) question() (q Question, err error) {
	if q.Name, err = r.name(); err != nil {
		return q, err
	}
	t, err := r.uint16()
	if err != nil {
		return q, err
	}
	c, err := r.uint16()
	q.Type, q.Class = zone.Type(t), Class(c)
	return q, err
}

// record reads one record into its section, or into EDNS and TSIG.
func (r *reader) record(m *Message, section *[]Record, additional, last bool) error {
	start := r.off
	owner, err := r.name()
	if err != nil {
		return err
	}
	if r.off+10 > len(r.b) {
		return malformed("ends at octet %d, inside a record", len(r.b))
	}
	t, _ := r.uint16()
	class, _ := r.uint16()
	ttl, _ := r.uint32()
	length, _ := r.uint16()
	end := r.off + int(length)
	if end > len(r.b) {
		return malformed("record %s %s wants %d octets of RDATA, %d are left", owner, zone.Type(t), length, len(r.b)-r.off)
	}
	rec := Record{Owner: owner, Type: zone.Type(t), Class: Class(class), TTL: ttl}
	switch {
	case rec.Type == TypeOPT && additional:
		err = r.opt(m, rec, end)
	case rec.Type == TypeTSIG:
		if !last || rec.Class != ClassANY || ttl != 0 {
			return malformed("TSIG record is not the last of the message, or not of class ANY and TTL 0")
		}
		err = r.tsig(m, rec, start, end)
	case length == 0 && (rec.Class == ClassANY || rec.Class == ClassNONE):
		*section = append(*section, rec)
	default:
		if rec.Data, err = rdata.FromMessage(rec.Type, r.b, r.off, int(length)); err != nil {
			return malformed("%s %s: %w", owner, rec.Type, err)
		}
		*section = append(*section, rec)
	}
	r.off = end
	return err
}

// opt reads an OPT record's options.
func (r *reader) opt(m *Message, rec Record, end int) error {
	if m.EDNS != nil {
		return malformed("two OPT records")
	}
	if !rec.Owner.IsRoot() {
		return malformed("OPT record at %s, not at the root", rec.Owner)
	}
	e := &EDNS{Size: uint16(rec.Class), Version: uint8(rec.TTL >> 16), DO: rec.TTL&(1<<15) != 0}
	m.RCODE |= RCODE(rec.TTL>>24) << 4
	for r.off < end {
		if end-r.off < 4 {
			return malformed("OPT record ends inside an option")
		}
		code, _ := r.uint16()
		l, _ := r.uint16()
		if r.off+int(l) > end {
			return malformed("EDNS option %d is longer than its record", code)
		}
		e.Options = append(e.Options, Option{Code: code, Data: string(r.b[r.off : r.off+int(l)])})
		r.off += int(l)
	}
	m.EDNS = e
	return nil
}

// tsig reads a TSIG record.
func (r *reader) tsig(m *Message, rec Record, start, end int) error {
	in := reader{b: r.b[:end], off: r.off}
	t := &TSIG{Key: rec.Owner, offset: start}
	var err error
	if t.Algorithm, err = in.name(); err != nil {
		return err
	}
	if end-in.off < 10 {
		return malformed("TSIG record is too short")
	}
	high, _ := in.uint16()
	low, _ := in.uint32()
	t.Time = uint64(high)<<32 | uint64(low)
	t.Fudge, _ = in.uint16()
	if t.MAC, err = in.counted(); err != nil {
		return err
	}
	if end-in.off < 4 {
		return malformed("TSIG record is too short")
	}
	t.OriginalID, _ = in.uint16()
	code, _ := in.uint16()
	t.Error = TSIGError(code)
	if t.Other, err = in.counted(); err != nil {
		return err
	}
	if in.off != end {
		return malformed("octets after the TSIG record's last field")
	}
	m.TSIG = t
	return nil
}

// counted reads octets that are preceded by their number in two octets.
func (r *reader) counted() (string, error) {
	n, err := r.uint16()
	if err != nil {
		return "", err
	}
	if r.off+int(n) > len(r.b) {
		return "", malformed("ends inside a field of %d octets", n)
	}
	s := string(r.b[r.off : r.off+int(n)])
	r.off += int(n)
	return s, nil
}
