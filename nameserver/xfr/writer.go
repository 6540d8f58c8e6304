package xfr

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Sizes of messages (RFC 1035, section 4.1.4): pointers reach the first 16 KiB only.
const (
	headerLen = 12
	reachable = 1 << 14
	pointer   = 0xC000
	optSize   = 11
)

// errTooBig says that a record fits into no message of its own.
var errTooBig = errors.New("a record is too big for any message")

// A writer packs records into as few messages as are good. Records come in the order of a zone, so
// that the owner of each shares its end with the one before: where the labels of that one are is all
// that has to be remembered.
type writer struct {
	send    func([]byte) error
	session *wire.Session
	edns    bool   // an OPT record ends each message
	options string // of it, padding left out
	pad     bool   // messages are filled to blocks (RFC 8467), as they go over TLS to who wants it
	limit   int    // octets of a message without signature; a record that is longer still gets its own
	most    int    // octets that a message may have without its signature

	b       []byte
	head    int // octets before the first record
	origin  zone.Name
	count   int
	sent    int // messages
	records int
	last    string // key of the owner before
	labels  []label
	targets [256]target
}

// A label of the owner before.
type label struct {
	end int // in the key
	at  int // in the message; 0 where pointers do not reach
}

// A target is a name in RDATA and where it is.
type target struct {
	name string // in wire form
	at   int
	gen  int // of the message, counted from 1
}

var seed = maphash.MakeSeed()

// newWriter begins an answer to a question for a zone. limit bounds messages with their signatures.
func newWriter(r *request, limit int, send func([]byte) error) *writer {
	q := r.m.Questions[0]
	w := &writer{send: send, session: r.session, edns: r.m.EDNS != nil, origin: q.Name}
	tail := r.session.Size()
	if w.edns {
		if r.expires {
			w.options = string(binary.BigEndian.AppendUint32([]byte{0, optExpire, 0, 4}, r.expire))
		}
		_, w.pad = option(r.m.EDNS, optPadding)
		w.pad = w.pad && r.peer.TLS != nil
		tail += optSize + len(w.options)
	}
	w.most = wire.MaxSize - tail
	w.limit = min(limit-tail, w.most)
	w.b = make([]byte, headerLen, min(limit, 1<<11))
	binary.BigEndian.PutUint16(w.b, r.m.ID)
	flags := uint16(0x8400) // QR and AA
	if r.m.RecursionDesired {
		flags |= 0x100
	}
	binary.BigEndian.PutUint16(w.b[2:], flags)
	binary.BigEndian.PutUint16(w.b[4:], 1)
	w.b = q.Name.AppendWire(w.b)
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(q.Type))
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(q.Class))
	w.head = len(w.b)
	w.begin()
	return w
}

// begin forgets the records; header and question stay.
func (w *writer) begin() {
	w.b, w.count = w.b[:w.head], 0
	w.last = w.origin.Key()
	w.labels = w.labels[:0]
	// The question's labels, from the root downwards.
	at := w.head - 4
	key := w.last
	for i := range len(key) {
		if key[i] == 0 {
			w.labels = append(w.labels, label{end: i + 1})
		}
	}
	for i, n := 0, w.origin; i < w.origin.Labels(); i, n = i+1, n.Parent() {
		w.labels[len(w.labels)-1-i].at = at - n.WireLen()
	}
}

// add appends a record, and sends what came before when it does not fit.
func (w *writer) add(owner zone.Name, t zone.Type, ttl uint32, d zone.Data) error {
	at := len(w.b)
	w.put(owner, t, ttl, d)
	if len(w.b) <= w.limit {
		w.count++
		return nil
	}
	if w.count > 0 {
		w.b = w.b[:at]
		if err := w.flush(); err != nil {
			return err
		}
		w.put(owner, t, ttl, d)
	}
	if len(w.b) > w.most {
		return fmt.Errorf("%s %s: %w", owner, t, errTooBig)
	}
	w.count++
	return nil
}

func (w *writer) put(owner zone.Name, t zone.Type, ttl uint32, d zone.Data) {
	w.name(owner)
	w.b = append(w.b, byte(t>>8), byte(t), 0, byte(wire.ClassIN),
		byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl), byte(len(d)>>8), byte(len(d)))
	at := len(w.b)
	switch {
	case t == zone.TypeNS || t == zone.TypeCNAME || t == zone.TypePTR:
		w.target(string(d))
	case t == zone.TypeMX && len(d) > 2:
		w.b = append(w.b, d[:2]...)
		w.target(string(d[2:]))
	case t == zone.TypeSOA && len(d) > 20:
		names := string(d[:len(d)-20])
		n := nameLen(names)
		w.target(names[:n])
		w.target(names[n:])
		w.b = append(w.b, d[len(names):]...)
	default:
		w.b = append(w.b, d...)
		return
	}
	binary.BigEndian.PutUint16(w.b[at-2:], uint16(len(w.b)-at))
}

// nameLen is how many octets the name at the start of s takes.
func nameLen(s string) int {
	n := 0
	for n < len(s) && s[n] != 0 {
		n += 1 + int(s[n])
	}
	return min(n+1, len(s))
}

// name writes an owner's name.
func (w *writer) name(owner zone.Name) {
	key := owner.Key()
	if w.sibling(key) {
		return
	}
	same := 0
	for same < len(key) && same < len(w.last) && key[same] == w.last[same] {
		same++
	}
	n := len(w.labels)
	for n > 0 && w.labels[n-1].end > same {
		n--
	}
	w.labels = w.labels[:n]
	w.last = key
	// Labels whose place is known but out of reach are written once more.
	from := n
	for from > 0 && w.labels[from-1].at == 0 {
		from--
	}
	w.labels = w.labels[:from]
	start := 0
	if from > 0 {
		start = w.labels[from-1].end
	}
	for i := start; i < len(key); i++ {
		if key[i] == 0 {
			w.labels = append(w.labels, label{end: i + 1})
		}
	}
	for i := len(w.labels) - 1; i >= from; i-- {
		begin := 0
		if i > 0 {
			begin = w.labels[i-1].end
		}
		if len(w.b) < reachable {
			w.labels[i].at = len(w.b)
		}
		w.b = appendLabel(w.b, key[begin:w.labels[i].end-1])
	}
	if from == 0 {
		w.b = append(w.b, 0)
		return
	}
	w.b = binary.BigEndian.AppendUint16(w.b, pointer|uint16(w.labels[from-1].at))
}

// sibling writes the name of an owner that is the one before, or has the same parent, as nearly all
// have. It reports false, and has done nothing, where there is more to it.
func (w *writer) sibling(key string) bool {
	n := len(w.labels)
	if n < 2 || w.labels[n-2].at == 0 {
		return false
	}
	own, parent := &w.labels[n-1], w.labels[n-2]
	if len(key) <= parent.end || key[:parent.end] != w.last[:parent.end] {
		return false
	}
	if key == w.last {
		if own.at == 0 {
			return false
		}
		w.b = binary.BigEndian.AppendUint16(w.b, pointer|uint16(own.at))
		return true
	}
	first := key[parent.end : len(key)-1]
	for i := range len(first) {
		if first[i] <= 1 { // more labels, or an octet that keys have otherwise
			return false
		}
	}
	w.last = key
	*own = label{end: len(key)}
	if len(w.b) < reachable {
		own.at = len(w.b)
	}
	w.b = append(append(w.b, byte(len(first))), first...)
	w.b = append(w.b, pointer>>8|byte(parent.at>>8), byte(parent.at))
	return true
}

// appendLabel writes a label as keys have it (zone.Name): 01 02 is the octet 0, 01 03 the octet 1.
func appendLabel(b []byte, s string) []byte {
	at := len(b)
	b = append(b, 0)
	for i := 0; i < len(s); i++ {
		if s[i] > 1 {
			b = append(b, s[i])
			continue
		}
		i++
		b = append(b, s[i]-2)
	}
	b[at] = byte(len(b) - at - 1)
	return b
}

// target writes a name in the RDATA of a type whose names may be compressed (RFC 3597, section 4).
func (w *writer) target(name string) {
	if len(name) < 3 { // the root, and no room to gain
		w.b = append(w.b, name...)
		return
	}
	slot := &w.targets[maphash.String(seed, name)%uint64(len(w.targets))]
	if slot.gen == w.sent+1 && slot.name == name {
		w.b = binary.BigEndian.AppendUint16(w.b, pointer|uint16(slot.at))
		return
	}
	if len(w.b) < reachable {
		*slot = target{name, len(w.b), w.sent + 1}
	}
	tail := w.originTail(name)
	if tail < 0 {
		w.b = append(w.b, name...)
		return
	}
	w.b = append(w.b, name[:tail]...)
	w.b = binary.BigEndian.AppendUint16(w.b, pointer|headerLen)
}

// originTail returns where in a name the origin begins, -1 where it does not end in it.
func (w *writer) originTail(name string) int {
	origin := w.b[headerLen : w.head-4]
	tail := len(name) - len(origin)
	if tail < 0 || len(origin) < 3 || name[tail:] != string(origin) {
		return -1
	}
	for i := 0; i <= tail; i += 1 + int(name[i]) { // it must begin where a label does
		if i == tail {
			return tail
		}
	}
	return -1
}

// flush sends the message.
func (w *writer) flush() error {
	binary.BigEndian.PutUint16(w.b[6:], uint16(w.count))
	binary.BigEndian.PutUint16(w.b[10:], 0)
	w.opt()
	m, err := w.session.Sign(w.b, time.Now())
	if err != nil {
		return err
	}
	if err := w.send(m); err != nil {
		return err
	}
	w.b = m // its memory may have grown
	w.sent++
	w.records += w.count
	w.begin()
	return nil
}

// opt ends a message with its OPT record.
func (w *writer) opt() {
	if !w.edns {
		return
	}
	w.b = append(w.b, 0, 0, byte(wire.TypeOPT), wire.UDPSize>>8, wire.UDPSize&0xFF, 0, 0, 0, 0, 0, 0)
	at := len(w.b)
	w.b = append(w.b, w.options...)
	if n := len(w.b) + 4 + w.session.Size(); w.pad && n <= wire.MaxSize {
		fill := min((answerBlock-n%answerBlock)%answerBlock, wire.MaxSize-n)
		w.b = append(w.b, 0, optPadding, byte(fill>>8), byte(fill))
		w.b = append(w.b, make([]byte, fill)...)
	}
	binary.BigEndian.PutUint16(w.b[at-2:], uint16(len(w.b)-at))
	w.b[11] = 1
}

// whole writes all records of a zone but its SOA.
func (w *writer) whole(ctx context.Context, z *zone.Zone) error {
	origin, sent := z.Origin(), w.sent
	for set := range z.Scan() {
		if !set.Type.OnWire() || set.Type == zone.TypeSOA && set.Owner == origin {
			continue
		}
		for _, d := range set.Data {
			if err := w.add(set.Owner, set.Type, ttlOf(&set, d), d); err != nil {
				return err
			}
		}
		if w.sent != sent {
			if sent = w.sent; ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// list writes packed records.
func (w *writer) list(list records) error {
	for r := range list.all() {
		if err := w.add(r.Owner, r.Type, r.TTL, r.Data); err != nil {
			return err
		}
	}
	return nil
}
