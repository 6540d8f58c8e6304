package nameserver

import (
	"encoding/binary"
	"net/netip"
)

// A subnet is the client's network as a query's option has it (RFC 7871, section 6): family 2, length of
// the prefix, length of the scope, and as many octets of the address as the prefix has.
type subnet struct {
	n    uint8 // octets; 0: there is none
	bad  bool
	data [4 + 16]byte
}

// Families of addresses, from IANA's registry of Address Family Numbers.
const (
	familyIPv4 = 1
	familyIPv6 = 2
)

// familyBits is how long a prefix may be. Some who do not tell their network name no family either (0).
func familyBits(family uint16) int {
	switch family {
	case familyIPv4:
		return 32
	case familyIPv6:
		return 128
	}
	return 0
}

// toldSubnet tells whether a query has a subnet, for who takes note of it.
func (s *Scratch) toldSubnet(e *Engine) bool {
	return e.ClientSubnet && s.edns.listed && s.subnet.n > 0
}

// read takes the content of an option; only the first one counts. Families that nobody knows, too few or
// too many octets, bits behind the prefix, and a scope, which only answers have, make it bad: the
// query gets FORMERR (RFC 7871, sections 6 and 7.2.1).
func (x *subnet) read(b []byte) {
	if x.n > 0 || x.bad {
		return
	}
	x.bad = true
	if len(b) < 4 || len(b) > len(x.data) || b[3] != 0 {
		return
	}
	family, bits := binary.BigEndian.Uint16(b), int(b[2])
	if family > familyIPv6 || bits > familyBits(family) || len(b) != 4+(bits+7)/8 {
		return
	}
	if bits%8 != 0 && b[len(b)-1]<<(bits%8) != 0 {
		return
	}
	x.n, x.bad = uint8(copy(x.data[:], b)), false
}

// prefix is the network; it is not valid where the client told none, or that it wants none to be told
// (length 0).
func (x *subnet) prefix() netip.Prefix {
	bits := int(x.data[2])
	if x.n == 0 || bits == 0 {
		return netip.Prefix{}
	}
	if x.data[1] == familyIPv4 {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte(x.data[4:])), bits)
	}
	return netip.PrefixFrom(netip.AddrFrom16([16]byte(x.data[4:])), bits)
}

// widen makes the scope at least so many bits.
func (x *subnet) widen(scope int) {
	x.data[3] = max(x.data[3], uint8(min(scope, familyBits(uint16(x.data[1])))))
}

// append writes the option as it came, with the scope, and returns where it ends.
func (x *subnet) append(b []byte, at int) int {
	at = option(b, at, optSubnet, int(x.n))
	return at + copy(b[at:], x.data[:x.n])
}
