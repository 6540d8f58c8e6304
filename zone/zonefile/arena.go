package zonefile

import (
	"sync"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// An arena keeps many short strings in few blocks, so that a record costs no allocation. What was
// written stays as it is until reset.
type arena struct {
	block []byte
	buf   []byte
}

// Blocks grow from small to large: a process may hold thousands of small zones.
const (
	arenaFirst = 1 << 10
	arenaBlock = 256 << 10
)

// save returns a string with the octets of b.
func (a *arena) save(b []byte) string {
	if len(b) > arenaBlock/8 {
		return string(b)
	}
	if cap(a.block)-len(a.block) < len(b) {
		a.block = make([]byte, 0, min(max(2*cap(a.block), arenaFirst, len(b)), arenaBlock))
	}
	start := len(a.block)
	a.block = append(a.block, b...)
	return textOf(a.block[start:])
}

// reset takes the memory again. No string that was saved may be used afterwards.
func (a *arena) reset() { a.block = a.block[:0] }

// pack returns the RDATA that the tokens stand for.
func (a *arena) pack(t zone.Type, toks []rdata.Token, origin zone.Name) (zone.Data, error) {
	b, err := rdata.AppendTokens(a.buf[:0], t, toks, origin)
	if err != nil {
		return "", err
	}
	a.buf = b
	return zone.Data(a.save(b)), nil
}

// A room is memory that one file after the other uses: there may be many small ones.
type room struct {
	toks    []rdata.Token
	at      []spot
	off     []int
	records []record
	values  []zone.Data
	block   []byte // of RDATA
	buf     []byte
}

var rooms = sync.Pool{New: func() any { return new(room) }}

// maxRoom is how much of a kind is kept for the next.
const maxRoom = 4096

// enter takes a room for the scanner of a file, and for records when it is the outermost.
func (p *parser) enter(s *scanner) {
	r := rooms.Get().(*room)
	s.room, s.toks, s.at, s.off = r, r.toks[:0], r.at[:0], r.off[:0]
	if p.room == nil {
		p.room = rooms.Get().(*room)
		p.records, p.values = p.room.records[:0], p.room.values[:0]
		p.data.block, p.data.buf = p.room.block[:0], p.room.buf[:0]
	}
}

// leave gives the scanner's back.
func (s *scanner) leave() {
	r := s.room
	if r == nil || cap(s.toks) > maxRoom {
		return
	}
	clear(s.toks[:cap(s.toks)]) // they hold on to the text
	r.toks, r.at, r.off = s.toks, s.at, s.off
	s.room = nil
	rooms.Put(r)
}

// leave gives the parser's back. Nothing of its records is used any more.
func (p *parser) leave() {
	r := p.room
	p.room = nil
	if r == nil || p.keep != nil || cap(p.records) > maxRoom || cap(p.data.block) > arenaBlock || cap(p.data.buf) > arenaBlock {
		return
	}
	clear(p.records[:cap(p.records)])
	clear(p.values[:cap(p.values)])
	r.records, r.values, r.block, r.buf = p.records, p.values, p.data.block, p.data.buf
	p.records, p.values, p.data = nil, nil, arena{}
	rooms.Put(r)
}
