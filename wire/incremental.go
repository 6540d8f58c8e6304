package wire

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/zonecast/zonecast/zone"
)

// A StepKind says what to do with the record of a Step.
type StepKind uint8

// Kinds of steps.
const (
	StepWhole   StepKind = iota // the record belongs to the zone, which comes as a whole
	StepDelete                  // the record goes
	StepAdd                     // the record comes
	StepCurrent                 // nothing has changed; the record is the server's SOA
)

// A Step is one element of the answer to IXFR. The change from one version to the next is the SOA
// that goes, other records that go, the SOA that comes, other records that come.
type Step struct {
	Kind   StepKind
	Record Record
}

// Changes asks a server for what has changed in a zone since the version with the given SOA (IXFR,
// RFC 1995), over TCP or TLS. A server that does not know answers with the whole zone; then all
// steps are StepWhole, the SOA first. A server whose zone is not newer gives a single StepCurrent.
// The last element may be an error, an *Error: then nothing of what came before is to be believed.
func (c *Client) Changes(ctx context.Context, addr string, soa Record, l Limits) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		x := incremental{origin: soa.Owner, limits: l, yield: yield}
		var sent bool
		var err error
		if x.have, err = serialOf(soa); err == nil {
			soa.Class = ClassIN
			req := &Message{
				Questions: []Question{{Name: soa.Owner, Type: TypeIXFR, Class: ClassIN}},
				Authority: []Record{soa},
			}
			sent, err = c.stream(ctx, addr, req, l, x.take)
		}
		if err != nil {
			e := &Error{Op: "transfer of changes of", What: soa.Owner.String(), Addr: addr, Sent: sent, Err: err}
			c.trace("%v", e)
			yield(Step{}, e)
		}
	}
}

func serialOf(soa Record) (uint32, error) {
	if soa.Type != zone.TypeSOA || len(soa.Data) < 22 {
		return 0, malformed("a record of type %s and %d octets is no SOA", soa.Type, len(soa.Data))
	}
	return binary.BigEndian.Uint32([]byte(soa.Data[len(soa.Data)-20:])), nil
}

// incremental is the state of an answer to IXFR.
type incremental struct {
	origin zone.Name
	limits Limits
	yield  func(Step, error) bool

	have    uint32 // serial of the version that we build on
	target  Record // the SOA that the answer begins and ends with
	serial  uint32 // of target
	records int
	state   state
}

// A state of an answer says what the next record is.
type state uint8

const (
	atStart  state = iota // the first SOA
	atSecond              // the record that tells changes from a whole zone
	inWhole               // any record of the zone
	inDelete              // a record that goes, or the SOA that comes
	inAdd                 // a record that comes, or the next SOA
	atEnd
)

func (x *incremental) take(m *Message) (ended, more bool, err error) {
	if len(m.Answers) == 0 {
		return false, false, malformed("a message of the transfer has no records")
	}
	for _, r := range m.Answers {
		if x.state == atEnd {
			return false, false, malformed("records after the SOA that ends the transfer")
		}
		if r.Class != ClassIN {
			return false, false, malformed("a record of class %s in the transfer", r.Class)
		}
		if x.records++; x.records > x.limits.records() {
			return false, false, fmt.Errorf("%w of %d records", ErrLimit, x.limits.records())
		}
		if more, err = x.record(r); err != nil || !more {
			return false, more, err
		}
	}
	// One SOA alone, and not newer than ours, is the whole answer (RFC 1995, section 2).
	if x.state == atSecond && int32(x.serial-x.have) <= 0 {
		x.yield(Step{StepCurrent, x.target}, nil)
		x.state = atEnd
	}
	return x.state == atEnd, true, nil
}

// record takes the next record; more is false when the consumer has enough.
func (x *incremental) record(r Record) (more bool, err error) {
	isSOA := r.Type == zone.TypeSOA && r.Owner == x.origin
	var serial uint32
	if isSOA {
		if serial, err = serialOf(r); err != nil {
			return false, err
		}
	}
	switch x.state {
	case atStart:
		if !isSOA {
			return false, malformed("the transfer does not begin with the zone's SOA")
		}
		x.target, x.serial, x.state = r, serial, atSecond
		return true, nil
	case atSecond:
		if isSOA && serial == x.have && r.Data != x.target.Data {
			x.state = inDelete
			return x.yield(Step{StepDelete, r}, nil), nil
		}
		x.state = inWhole
		if !x.yield(Step{StepWhole, x.target}, nil) {
			return false, nil
		}
		return x.record(r)
	case inWhole:
		if !isSOA {
			return x.yield(Step{StepWhole, r}, nil), nil
		}
	case inDelete:
		if !isSOA {
			return x.yield(Step{StepDelete, r}, nil), nil
		}
		x.have, x.state = serial, inAdd
		return x.yield(Step{StepAdd, r}, nil), nil
	case inAdd:
		if !isSOA {
			return x.yield(Step{StepAdd, r}, nil), nil
		}
		if x.have != x.serial {
			if serial != x.have {
				return false, malformed("changes from serial %d follow on changes to serial %d", serial, x.have)
			}
			x.state = inDelete
			return x.yield(Step{StepDelete, r}, nil), nil
		}
	}
	if r.Data != x.target.Data {
		return false, malformed("the zone changed during the transfer: it ends with another SOA than it began with")
	}
	x.state = atEnd
	return true, nil
}
