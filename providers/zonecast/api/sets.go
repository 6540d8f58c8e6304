package api

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// The compact form is an octet for the version and then items. Numbers are unsigned varints, texts
// have their length in front.
//
//	0 end   number of sets
//	1 head  JSON
//	2 set   owner in wire form ("": that of the set before), type (0: its name follows as text),
//	        TTL, number of records, RDATA of each
//
// The end makes sure that a form that was cut off is not taken for a smaller zone.
const (
	version  = 1
	itemEnd  = 0
	itemHead = 1
	itemSet  = 2
)

// maxRecords is how many records package zone has in one RRset.
const maxRecords = 1 << 20

const flushAt = 64 << 10

// A Writer writes the compact form. Its first error stays; End returns it.
type Writer struct {
	w    io.Writer
	buf  []byte
	last zone.Name
	any  bool
	n    uint64
	err  error
}

// NewWriter begins the compact form.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: w, buf: append(make([]byte, 0, flushAt+4096), version)}
}

// Head writes what is to be told before the sets. It comes first, if at all.
func (w *Writer) Head(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		w.err = errors.Join(w.err, err)
		return
	}
	w.buf = append(w.buf, itemHead)
	w.text(b)
}

// Set writes a set. One without records says, where changes are written, that it goes. Extra is
// left out.
func (w *Writer) Set(set zone.RRset) {
	if w.err != nil {
		return
	}
	w.buf = append(w.buf, itemSet)
	if w.any && set.Owner == w.last {
		w.buf = append(w.buf, 0)
	} else {
		w.buf = binary.AppendUvarint(w.buf, uint64(set.Owner.WireLen()))
		w.buf = set.Owner.AppendWire(w.buf)
		w.last, w.any = set.Owner, true
	}
	if set.Type <= math.MaxUint16 {
		w.buf = binary.AppendUvarint(w.buf, uint64(set.Type))
	} else {
		w.buf = append(w.buf, 0)
		w.text([]byte(set.Type.String()))
	}
	w.buf = binary.AppendUvarint(w.buf, uint64(set.TTL))
	w.buf = binary.AppendUvarint(w.buf, uint64(len(set.Data)))
	for _, d := range set.Data {
		w.buf = binary.AppendUvarint(w.buf, uint64(len(d)))
		w.buf = append(w.buf, d...)
		w.flush(flushAt)
	}
	w.n++
	w.flush(flushAt)
}

// End writes the end, and returns what went wrong since the beginning.
func (w *Writer) End() error {
	w.buf = binary.AppendUvarint(append(w.buf, itemEnd), w.n)
	w.flush(0)
	return w.err
}

func (w *Writer) text(b []byte) {
	w.buf = binary.AppendUvarint(w.buf, uint64(len(b)))
	w.buf = append(w.buf, b...)
}

func (w *Writer) flush(at int) {
	if len(w.buf) <= at || w.err != nil {
		return
	}
	_, w.err = w.w.Write(w.buf)
	w.buf = w.buf[:0]
}

// errCut is the error of a form that ends before its end.
var errCut = errors.New("it is cut off")

// ReadSets reads the compact form. head, when not nil, is what the JSON of the head is read into.
// Each set is checked, but for whether it belongs to a zone, and given to add, whose error ends the
// reading. Data of sets is part of body.
func ReadSets(body string, head any, add func(zone.RRset) error) error {
	d := reader{rest: body}
	if v := d.octet(); v != version && d.err == nil {
		return fmt.Errorf("the records are in version %d of the compact form; this program knows version %d", v, version)
	}
	n, headed := uint64(0), false
	var last zone.RRset
	for d.err == nil {
		switch item := d.octet(); {
		case d.err != nil:
		case item == itemHead && !headed && n == 0:
			headed = true
			if text := d.text(); d.err == nil && head != nil {
				d.err = json.Unmarshal([]byte(text), head)
			}
		case item == itemSet:
			set := d.set(last, n > 0)
			if d.err == nil {
				d.err = add(set)
			}
			last = set
			n++
		case item == itemEnd:
			stated := d.number(math.MaxUint64)
			switch {
			case d.err != nil:
			case stated != n:
				return fmt.Errorf("the records in compact form are %d sets, and say that they are %d", n, stated)
			case d.rest != "":
				return errors.New("something follows the end of the records in compact form")
			case head != nil && !headed:
				return errors.New("the records in compact form have no head")
			default:
				return nil
			}
		default:
			return fmt.Errorf("the records in compact form have an item of kind %d that this program does not know", item)
		}
	}
	return fmt.Errorf("the records in compact form cannot be read: %w", d.err)
}

// A reader takes the compact form apart. After an error it gives zeros.
type reader struct {
	rest string
	err  error
	slab []zone.Data
}

func (d *reader) octet() byte {
	if d.err == nil && d.rest == "" {
		d.err = errCut
	}
	if d.err != nil {
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

// number reads a number up to most.
func (d *reader) number(most uint64) uint64 {
	var n uint64
	for shift := 0; ; shift += 7 {
		b := d.octet()
		if shift == 63 && b > 1 && d.err == nil {
			d.err = errors.New("a number is too large")
		}
		if d.err != nil {
			return 0
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	if n > most {
		d.err = fmt.Errorf("%d where at most %d is possible", n, most)
		return 0
	}
	return n
}

func (d *reader) text() string {
	n := d.number(math.MaxUint64)
	if d.err == nil && n > uint64(len(d.rest)) {
		d.err = errCut
	}
	if d.err != nil {
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *reader) set(last zone.RRset, any bool) zone.RRset {
	var set zone.RRset
	if wire := d.text(); wire != "" {
		name, n, err := zone.NameFromWire([]byte(wire))
		if err == nil && n != len(wire) {
			err = errors.New("something follows the name")
		}
		if err != nil {
			d.err = fmt.Errorf("owner name: %w", err)
		}
		set.Owner = name
	} else if d.err == nil && !any {
		d.err = errors.New("the first set has no owner name")
	} else {
		set.Owner = last.Owner
	}
	set.Type = zone.Type(d.number(math.MaxUint16))
	if set.Type == 0 && d.err == nil {
		if set.Type, d.err = zone.ParseType(d.text()); d.err == nil && set.Type == 0 {
			d.err = errors.New("type 0")
		}
	}
	set.TTL = uint32(d.number(math.MaxUint32))
	n := int(d.number(uint64(min(len(d.rest), maxRecords)))) // every record takes an octet at least
	if d.err != nil {
		return set
	}
	set.Data = d.records(n)
	for i := range set.Data {
		data := zone.Data(d.text())
		if d.err != nil {
			return set
		}
		if set.Type.OnWire() {
			if err := rdata.WellFormed(set.Type, data); err != nil {
				d.err = fmt.Errorf("%s: %w", set.Key(), err)
				return set
			}
		}
		set.Data[i] = data
	}
	return set
}

// records makes room for the records of a set.
func (d *reader) records(n int) []zone.Data {
	if n > 16 {
		return make([]zone.Data, n)
	}
	if len(d.slab) < n {
		d.slab = make([]zone.Data, 1024)
	}
	out := d.slab[:n:n]
	d.slab = d.slab[n:]
	return out
}
