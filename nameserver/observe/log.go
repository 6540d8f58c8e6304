package observe

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// Log says which queries are written to a log, and how: one line each.
//
//	2026-11-21T10:11:12.123456Z 192.0.2.1#5353 udp www.example.org. IN A NOERROR 45 aa rd
//	{"time":"2026-11-21T10:11:12.123456Z","client":"192.0.2.1","port":5353,"transport":"udp","name":"www.example.org.","class":"IN","type":"A","rcode":"NOERROR","size":45,"flags":"aa rd"}
//
// A query that got no answer has "-" in the place of its RCODE, and size 0. Lines of different threads
// may come some tenths of a second out of order.
type Log struct {
	// Path is a file that lines are appended to, and that is opened again at Observer.Reopen; "":
	// Writer takes them, nil: standard error.
	Path   string
	Writer io.Writer
	JSON   bool
	// Sample writes one in so many of what the filters leave; 0 and 1: all.
	Sample int
	// RCODEs are those that are written, as in an answer's header: with NOERROR (0) and NXDOMAIN (3)
	// left out one sees trouble. Empty: all.
	RCODEs []int
	// Zones are those whose names are written, with all that is below them. Empty: all.
	Zones []zone.Name
	// Buffer is how many octets of lines wait to be written at most, for each of 16 threads; 0:
	// 256 KiB. What is more is dropped.
	Buffer int
}

type logger struct {
	o      *Log
	out    *pump
	rcodes uint32 // a bit for each
	zones  map[string]bool
}

func newLogger(o *Log) *logger {
	l := &logger{o: o, out: newPump(&lines{o: o}, o.Buffer)}
	for _, r := range o.RCODEs {
		l.rcodes |= 1 << (r & 31)
	}
	if len(o.Zones) > 0 {
		l.zones = map[string]bool{}
		for _, z := range o.Zones {
			l.zones[string(z.AppendWire(nil))] = true
		}
	}
	return l
}

func (l *logger) pump() *pump { return l.out }

func (l *logger) wants(s *sampler, x *exchange) bool {
	if l.rcodes != 0 && (x.answer == nil || l.rcodes>>(rcodeOf(x.answer)&31)&1 == 0) {
		return false
	}
	if l.zones != nil && !l.inZones(x.query) {
		return false
	}
	return s.pass(l.o.Sample)
}

// inZones reports whether a query's name is in one of the zones.
func (l *logger) inZones(query []byte) bool {
	var low [maxName]byte
	n := nameLen(query)
	if n == 0 {
		return false
	}
	for i, c := range query[headerLen : headerLen+n] {
		if c >= 'A' && c <= 'Z' { // a length is below
			c += 'a' - 'A'
		}
		low[i] = c
	}
	for at := 0; at < n; at += 1 + int(low[at]) {
		if l.zones[string(low[at:n])] {
			return true
		}
	}
	return false
}

// longestLine is more than a line can have: a name of 255 octets, each written as \\DDD, and the rest.
const longestLine = 5*maxName + 400

func (l *logger) take(r *ring, x *exchange) (lost uint64) {
	if cap(r.buf)-len(r.buf) < longestLine {
		return 1
	}
	if l.o.JSON {
		r.buf = appendJSON(r.buf, x)
	} else {
		r.buf = appendLine(r.buf, x)
	}
	r.items++
	return 0
}

const timeFormat = "2006-01-02T15:04:05.000000Z07:00"

func appendLine(b []byte, x *exchange) []byte {
	name, class, typ := question(x.query)
	b = time.Unix(0, x.asked).UTC().AppendFormat(b, timeFormat)
	b = append(b, ' ')
	if a := x.from.Addr; a.IsValid() {
		b = appendIP(b, a.Addr())
		b = append(b, '#')
		b = strconv.AppendUint(b, uint64(a.Port()), 10)
	} else {
		b = append(b, '-')
	}
	b = append(append(append(b, ' '), x.from.Transport.String()...), ' ')
	b = appendName(b, name, false)
	b = append(appendClass(append(b, ' '), class), ' ')
	b = append(append(b, zone.Type(typ).String()...), ' ')
	b = append(appendRCODE(b, x.answer), ' ')
	b = strconv.AppendInt(b, int64(len(x.answer)), 10)
	b = appendFlags(b, x, ' ')
	return append(b, '\n')
}

func appendJSON(b []byte, x *exchange) []byte {
	name, class, typ := question(x.query)
	b = append(b, `{"time":"`...)
	b = time.Unix(0, x.asked).UTC().AppendFormat(b, timeFormat)
	if a := x.from.Addr; a.IsValid() {
		b = append(b, `","client":"`...)
		b = appendIP(b, a.Addr())
		b = append(b, `","port":`...)
		b = strconv.AppendUint(b, uint64(a.Port()), 10)
		b = append(b, `,"transport":"`...)
	} else {
		b = append(b, `","transport":"`...)
	}
	b = append(b, x.from.Transport.String()...)
	b = append(b, `","name":"`...)
	b = appendName(b, name, true)
	b = append(b, `","class":"`...)
	b = appendClass(b, class)
	b = append(b, `","type":"`...)
	b = append(b, zone.Type(typ).String()...)
	b = append(b, `","rcode":"`...)
	b = appendRCODE(b, x.answer)
	b = append(b, `","size":`...)
	b = strconv.AppendInt(b, int64(len(x.answer)), 10)
	b = append(b, `,"flags":"`...)
	b = appendFlags(b, x, 0)
	return append(b, "\"}\n"...)
}

func appendIP(b []byte, a netip.Addr) []byte { return a.Unmap().AppendTo(b) }

// appendName writes a name as it came, in the case it came in. In JSON a backslash is doubled.
func appendName(b, wire []byte, json bool) []byte {
	if len(wire) == 0 {
		return append(b, '-')
	}
	if wire[0] == 0 {
		return append(b, '.')
	}
	for i := 0; wire[i] != 0; i += 1 + int(wire[i]) {
		for _, c := range wire[i+1 : i+1+int(wire[i])] {
			if c > ' ' && c < 0x7F && !strings.ContainsRune(`."\;()@$`, rune(c)) {
				b = append(b, c)
				continue
			}
			b = append(b, '\\')
			if json {
				b = append(b, '\\')
			}
			b = append(b, '0'+c/100, '0'+c/10%10, '0'+c%10)
		}
		b = append(b, '.')
	}
	return b
}

func appendClass(b []byte, class uint16) []byte {
	switch class {
	case 1:
		return append(b, "IN"...)
	case 3:
		return append(b, "CH"...)
	case 255:
		return append(b, "ANY"...)
	}
	return strconv.AppendUint(append(b, "CLASS"...), uint64(class), 10)
}

func appendRCODE(b, answer []byte) []byte {
	if answer == nil {
		return append(b, '-')
	}
	return append(b, RCODE(rcodeOf(answer))...)
}

// appendFlags writes the flags of the answer, and +do for a query with DO.
func appendFlags(b []byte, x *exchange, before byte) []byte {
	add := func(set bool, name string) {
		if !set {
			return
		}
		if before != 0 {
			b = append(b, before)
		}
		b = append(b, name...)
		before = ' '
	}
	if a := x.answer; a != nil {
		add(a[2]&0x04 != 0, "aa")
		add(a[2]&0x02 != 0, "tc")
		add(a[2]&0x01 != 0, "rd")
		add(a[3]&0x10 != 0, "cd")
	}
	if opt := optOf(x.query); opt != nil {
		add(true, "edns")
		add(opt[6]&0x80 != 0, "do")
	}
	if op := x.query[2] >> 3 & 15; op != 0 {
		add(true, opcode(op))
	}
	return b
}

func opcode(op byte) string {
	switch op {
	case 4:
		return "notify"
	case 5:
		return "update"
	}
	return "opcode" + strconv.Itoa(int(op))
}

// lines is the sink of a log.
type lines struct {
	o    *Log
	file *os.File
}

func (l *lines) open(context.Context) error {
	if l.o.Path == "" {
		return nil
	}
	f, err := os.OpenFile(l.o.Path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("query log: %w", err)
	}
	l.file = f
	return nil
}

func (l *lines) write(b []byte) error {
	if l.o.Path == "" {
		w := l.o.Writer
		if w == nil {
			w = os.Stderr
		}
		_, err := w.Write(b)
		return err
	}
	_, err := l.file.Write(b)
	if err != nil {
		l.close()
	}
	return err
}

func (l *lines) close() {
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
}

// question returns the name, in wire form, class and type that a query asks for; all zero when there
// is no such thing.
func question(query []byte) (name []byte, class, typ uint16) {
	n := nameLen(query)
	if n == 0 {
		return nil, 0, 0
	}
	end := headerLen + n
	return query[headerLen:end], binary.BigEndian.Uint16(query[end+2:]), binary.BigEndian.Uint16(query[end:])
}
