package zonefile

import (
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
