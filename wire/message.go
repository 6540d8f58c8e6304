package wire

import (
	"fmt"
	"strconv"

	"github.com/zonecast/zonecast/zone"
)

// MaxSize is the most octets that a message can have over TCP (RFC 1035, section 4.2.2).
const MaxSize = 65535

// UDPSize is the size that queries announce by EDNS: what passes without fragments nearly
// everywhere (DNS Flag Day 2020).
const UDPSize = 1232

// An Opcode says what kind of message it is.
type Opcode uint8

// Opcodes (IANA "DNS OpCodes").
const (
	OpQuery  Opcode = 0
	OpNotify Opcode = 4
	OpUpdate Opcode = 5
)

// String names the opcode.
func (o Opcode) String() string {
	switch o {
	case OpQuery:
		return "query"
	case OpNotify:
		return "notify"
	case OpUpdate:
		return "update"
	}
	return "opcode " + strconv.Itoa(int(o))
}

// A Class is a record's class. Besides IN, updates use NONE and ANY (RFC 2136, section 2.4).
type Class uint16

// Classes (IANA "DNS CLASSes").
const (
	ClassIN   Class = 1
	ClassCH   Class = 3
	ClassNONE Class = 254
	ClassANY  Class = 255
)

// String returns the mnemonic, or CLASSn (RFC 3597, section 5).
func (c Class) String() string {
	switch c {
	case ClassIN:
		return "IN"
	case ClassCH:
		return "CH"
	case ClassNONE:
		return "NONE"
	case ClassANY:
		return "ANY"
	}
	return "CLASS" + strconv.Itoa(int(c))
}

// Types that exist only in messages.
const (
	TypeOPT  zone.Type = 41
	TypeTSIG zone.Type = 250
	TypeIXFR zone.Type = 251
	TypeAXFR zone.Type = 252
	TypeANY  zone.Type = 255
)

// A Message is one DNS message, not in wire form. In an update, Questions is the zone section,
// Answers the prerequisites and Authority the update section (RFC 2136, section 2).
type Message struct {
	ID                 uint16 // 0 in a request: Exchange draws one
	Response           bool
	Opcode             Opcode
	Authoritative      bool
	Truncated          bool
	RecursionDesired   bool
	RecursionAvailable bool
	AuthenticData      bool
	CheckingDisabled   bool
	RCODE              RCODE // with the upper bits of EDNS

	Questions  []Question
	Answers    []Record
	Authority  []Record
	Additional []Record // without OPT and TSIG, which have fields of their own

	EDNS *EDNS // nil: no OPT record
	TSIG *TSIG // as read; what Exchange sends is signed by the client's key
}

// A Question asks for records of one name and type.
type Question struct {
	Name  zone.Name
	Type  zone.Type
	Class Class
}

// String returns "name class type".
func (q Question) String() string {
	return q.Name.String() + " " + q.Class.String() + " " + q.Type.String()
}

// A Record is one resource record. In updates and their prerequisites Data may be empty and
// Class is NONE or ANY.
type Record struct {
	Owner zone.Name
	Type  zone.Type
	Class Class
	TTL   uint32 // seconds
	Data  zone.Data
}

// Key returns owner and type.
func (r Record) Key() zone.Key { return zone.Key{Owner: r.Owner, Type: r.Type} }

// EDNS is the content of an OPT record (RFC 6891).
type EDNS struct {
	Size    uint16 // octets that the sender takes over UDP
	Version uint8
	DO      bool // DNSSEC records are welcome
	Options []Option
}

// An Option is one EDNS option.
type Option struct {
	Code uint16
	Data string
}

// TSIG is the content of a TSIG record (RFC 8945, section 4.2), as it was read.
type TSIG struct {
	Key        zone.Name
	Algorithm  zone.Name
	Time       uint64 // seconds since 1970
	Fudge      uint16 // seconds
	MAC        string
	OriginalID uint16
	Error      TSIGError
	Other      string

	offset int // where the record starts in the message
}

// Query returns a question for one name and type, class IN, without recursion and with EDNS.
func Query(name zone.Name, t zone.Type) *Message {
	return &Message{
		Questions: []Question{{Name: name, Type: t, Class: ClassIN}},
		EDNS:      &EDNS{Size: UDPSize},
	}
}

// Update returns an empty update of a zone (RFC 2136, section 2.3). Prerequisites go to Answers,
// changes to Authority.
func Update(origin zone.Name) *Message {
	return &Message{
		Opcode:    OpUpdate,
		Questions: []Question{{Name: origin, Type: zone.TypeSOA, Class: ClassIN}},
	}
}

// String describes the message in one line, for traces: it names what is asked, never the data.
func (m *Message) String() string {
	what := "empty"
	if len(m.Questions) > 0 {
		what = m.Questions[0].String()
	}
	s := m.Opcode.String() + " " + what
	if m.Response {
		s += " " + m.RCODE.String()
	}
	return fmt.Sprintf("%s id %d (%d/%d/%d)", s, m.ID, len(m.Answers), len(m.Authority), len(m.Additional))
}
