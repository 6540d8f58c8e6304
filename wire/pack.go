package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/zonecast/zonecast/zone"
)

// ErrTooLarge is wrapped by Pack when a message would be longer than MaxSize.
var ErrTooLarge = errors.New("message is longer than 65535 octets")

// Pack returns the message in wire form. Owner names are compressed; names inside RDATA are
// not, which every receiver takes (RFC 3597, section 4). TSIG is not packed: signing is done by
// Client.
func (m *Message) Pack() ([]byte, error) {
	p := packer{b: make([]byte, headerLen, 512), at: map[string]int{}}
	p.header(m)
	for _, q := range m.Questions {
		p.name(q.Name)
		p.uint16(uint16(q.Type))
		p.uint16(uint16(q.Class))
	}
	additional := len(m.Additional)
	for _, section := range [][]Record{m.Answers, m.Authority, m.Additional} {
		for _, r := range section {
			if err := p.record(r); err != nil {
				return nil, err
			}
		}
	}
	if m.EDNS != nil {
		additional++
		p.opt(m.EDNS, m.RCODE)
	} else if m.RCODE > 0xF {
		return nil, fmt.Errorf("%s needs EDNS", m.RCODE)
	}
	for i, n := range []int{len(m.Questions), len(m.Answers), len(m.Authority), additional} {
		if n > 0xFFFF {
			return nil, fmt.Errorf("%d records in one section: %w", n, ErrTooLarge)
		}
		binary.BigEndian.PutUint16(p.b[4+2*i:], uint16(n))
	}
	if len(p.b) > MaxSize {
		return nil, fmt.Errorf("%d octets: %w", len(p.b), ErrTooLarge)
	}
	return p.b, nil
}

// A packer appends to a message and remembers where names are.
type packer struct {
	b  []byte
	at map[string]int // key of a name to its offset
}

func (p *packer) header(m *Message) {
	flags := uint16(m.Opcode&0xF)<<11 | uint16(m.RCODE&0xF)
	for bit, set := range map[uint16]bool{
		flagResponse: m.Response, flagAuthoritative: m.Authoritative, flagTruncated: m.Truncated,
		flagRD: m.RecursionDesired, flagRA: m.RecursionAvailable,
		flagAD: m.AuthenticData, flagCD: m.CheckingDisabled,
	} {
		if set {
			flags |= bit
		}
	}
	binary.BigEndian.PutUint16(p.b, m.ID)
	binary.BigEndian.PutUint16(p.b[2:], flags)
}

func (p *packer) uint16(v uint16) { p.b = binary.BigEndian.AppendUint16(p.b, v) }

// name appends a name, as a pointer from the first part on that the message already has.
func (p *packer) name(n zone.Name) {
	var buf [256]byte
	flat := n.AppendWire(buf[:0])
	for !n.IsRoot() {
		if off, ok := p.at[n.Key()]; ok {
			p.uint16(0xC000 | uint16(off))
			return
		}
		if len(p.b) < 0x4000 {
			p.at[n.Key()] = len(p.b)
		}
		l := 1 + int(flat[0])
		p.b = append(p.b, flat[:l]...)
		flat, n = flat[l:], n.Parent()
	}
	p.b = append(p.b, 0)
}

func (p *packer) record(r Record) error {
	if r.Type > 0xFFFF {
		return fmt.Errorf("%s: type %s exists only inside zonecast and is never sent", r.Owner, r.Type)
	}
	if len(r.Data) > MaxSize || len(p.b) > MaxSize {
		return fmt.Errorf("%s %s: %w", r.Owner, r.Type, ErrTooLarge)
	}
	p.name(r.Owner)
	p.uint16(uint16(r.Type))
	p.uint16(uint16(r.Class))
	p.b = binary.BigEndian.AppendUint32(p.b, r.TTL)
	p.uint16(uint16(len(r.Data)))
	p.b = append(p.b, r.Data...)
	return nil
}

func (p *packer) opt(e *EDNS, rcode RCODE) {
	p.b = append(p.b, 0)
	p.uint16(uint16(TypeOPT))
	p.uint16(e.Size)
	ttl := uint32(rcode>>4&0xFF)<<24 | uint32(e.Version)<<16
	if e.DO {
		ttl |= 1 << 15
	}
	p.b = binary.BigEndian.AppendUint32(p.b, ttl)
	at := len(p.b)
	p.uint16(0)
	for _, o := range e.Options {
		p.uint16(o.Code)
		p.uint16(uint16(len(o.Data)))
		p.b = append(p.b, o.Data...)
	}
	binary.BigEndian.PutUint16(p.b[at:], uint16(len(p.b)-at-2))
}
