package zonefile

import (
	"strings"

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

// plainKey returns the key of a name that is made of letters, digits, hyphens, underscores and
// asterisks; ok is false for all others, which take the long way.
func (a *arena) plainKey(text, origin string, hasOrigin bool) (key string, ok bool) {
	if text == "" || text[0] == '.' || len(text) > 253 {
		return "", false
	}
	b := a.buf[:0]
	rest := text
	if text[len(text)-1] == '.' {
		rest = text[:len(text)-1]
	} else {
		if !hasOrigin {
			return "", false
		}
		b = append(b, origin...)
	}
	for i := 0; i < len(rest); i++ {
		if !plain[rest[i]] {
			return "", false
		}
	}
	for rest != "" {
		dot := strings.LastIndexByte(rest, '.')
		at := len(b)
		b = append(b, rest[dot+1:]...)
		for i := at; i < len(b); i++ {
			if c := b[i]; c >= 'A' && c <= 'Z' {
				b[i] = c + 'a' - 'A'
			}
		}
		b = append(b, 0)
		if dot < 0 {
			break
		}
		if dot == 0 {
			return "", false
		}
		rest = rest[:dot]
	}
	a.buf = b[:0]
	return a.save(b), true
}

var plain = func() (p [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*.") {
		p[c] = true
	}
	return p
}()
