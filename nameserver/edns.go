package nameserver

import "encoding/binary"

// Codes of EDNS options.
const (
	optNSID      = 3
	optSubnet    = 8
	optCookie    = 10
	optKeepalive = 11
	optPadding   = 12
	optEDE       = 15
	optReport    = 18
	optVersion   = 19

	optHead = 11 // OPT without options
	edeLen  = 6  // an extended error

	// Answers over encrypted streams are padded to multiples of this (RFC 8467, section 4.1).
	padBlock = 468
)

// edns is what a query's OPT record says (RFC 6891).
type edns struct {
	present   bool
	bad       bool // malformed options
	do        bool
	nsid      bool
	keepalive bool
	padding   bool
	listed    bool // there are options; without, s.subnet is that of another query
	more      bool // the answer may have options, and s.from is of this query
	serial    bool // the version of the zone is asked for
	version   uint8
	size      uint16
	cookieLen uint8
	cookie    [40]byte
	proven    bool // the cookie is one of ours: the address is not spoofed
	renew     bool // it is time for another one

	room  int // octets that OPT takes at most
	limit int // of the whole answer
}

// additional reads what stands behind the question; false means that it is malformed.
func (s *Scratch) additional(query []byte, at int) bool {
	n := int(binary.BigEndian.Uint16(query[6:])) + int(binary.BigEndian.Uint16(query[8:]))
	more := int(binary.BigEndian.Uint16(query[10:]))
	if rest := query[at:]; n == 0 && more == 1 && len(rest) == optHead && binary.BigEndian.Uint32(rest)>>8 == typeOPT && rest[9]|rest[10] == 0 {
		s.edns.present = true // what most send: OPT without options
		s.edns.size = binary.BigEndian.Uint16(rest[3:])
		s.edns.version = rest[6]
		s.edns.do = rest[7]&0x80 != 0
		return true
	}
	for i := range n + more {
		end, t, class, ttl, rdata := record(query, at)
		if end == 0 {
			return false
		}
		if t == typeOPT {
			if i < n || s.edns.present || query[at] != 0 {
				return false
			}
			s.edns.present = true
			s.edns.size = class
			s.edns.version = uint8(ttl >> 16)
			s.edns.do = ttl&0x8000 != 0
			s.options(rdata)
		}
		at = end
	}
	return at == len(query)
}

// record reads the head of a record, whose name may be compressed. end is 0 when it is malformed.
func record(b []byte, at int) (end int, t, class uint16, ttl uint32, rdata []byte) {
	for {
		if at >= len(b) {
			return
		}
		l := int(b[at])
		if l >= 0xC0 {
			at += 2
			break
		}
		if l > 63 {
			return
		}
		at += l + 1
		if l == 0 {
			break
		}
	}
	if at+10 > len(b) {
		return
	}
	t = binary.BigEndian.Uint16(b[at:])
	class = binary.BigEndian.Uint16(b[at+2:])
	ttl = binary.BigEndian.Uint32(b[at+4:])
	l := int(binary.BigEndian.Uint16(b[at+8:]))
	at += 10
	if l > len(b)-at {
		return 0, 0, 0, 0, nil
	}
	return at + l, t, class, ttl, b[at : at+l]
}

// options reads the options that matter; all others are ignored (RFC 6891, section 6.1.2).
func (s *Scratch) options(b []byte) {
	o := &s.edns
	o.listed, s.subnet.n, s.subnet.bad = true, 0, false
	for len(b) > 0 {
		if len(b) < 4 {
			o.bad = true
			return
		}
		code, l := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if l > len(b)-4 {
			o.bad = true
			return
		}
		data := b[4 : 4+l]
		b = b[4+l:]
		switch code {
		case optNSID:
			o.nsid = true
		case optKeepalive:
			o.keepalive = true
		case optPadding:
			o.padding = true
		case optSubnet:
			s.subnet.read(data) // what is wrong matters only to who looks at subnets
		case optVersion:
			if l != 0 { // only answers have content (RFC 9660, section 3.1)
				o.bad = true
				return
			}
			o.serial = true
		case optCookie:
			// RFC 7873, section 5.2.2; only the first one counts.
			if l != 8 && (l < 16 || l > 40) {
				o.bad = true
				return
			}
			if o.cookieLen == 0 {
				o.cookieLen = uint8(copy(o.cookie[:], data))
			}
		}
	}
}

// reserve computes how many octets OPT may need, without padding and what nobody asked for.
func (s *Scratch) reserve(e *Engine, c *Client) {
	o := &s.edns
	if !o.present {
		o.room = 0
		return
	}
	o.room = optHead + edeLen
	if o.more = o.listed || e.Reports != nil; !o.more {
		return
	}
	s.from = nil
	if o.nsid {
		o.room += 4 + len(e.NSID)
	}
	if o.cookieLen > 0 && e.Cookies != nil {
		o.room += 4 + 24
	}
	if o.keepalive && c.Stream {
		o.room += 6
	}
	if o.serial {
		o.room += 4 + versionLen
	}
	if s.toldSubnet(e) {
		o.room += 4 + int(s.subnet.n)
	}
	if o.padding && c.Encrypted {
		o.room += 4
	}
}

// writeOPT appends OPT, for which room was reserved.
func (s *Scratch) writeOPT(e *Engine, c *Client) {
	m, o := &s.m, &s.edns
	b := m.b[:cap(m.b)]
	at := m.n
	size := e.maxUDP(c)
	b[at], b[at+1], b[at+2] = 0, 0, typeOPT
	binary.BigEndian.PutUint16(b[at+3:], uint16(size))
	b[at+5], b[at+6], b[at+7], b[at+8] = byte(s.rcode>>4), 0, 0, 0
	if o.do {
		b[at+7] = 0x80
	}
	length := at + 9
	at += optHead
	if !o.more && s.extended == edeNone { // no options were asked for
		b[length], b[length+1] = 0, 0
		m.n = at
		return
	}
	if o.nsid && e.NSID != "" {
		at = option(b, at, optNSID, len(e.NSID))
		at += copy(b[at:], e.NSID)
	}
	if o.cookieLen > 0 && e.Cookies != nil {
		at = option(b, at, optCookie, 24)
		e.Cookies.give(b[at:at+24], s, c)
		at += 24
	}
	if o.keepalive && c.Stream && c.Keepalive > 0 {
		at = option(b, at, optKeepalive, 2)
		binary.BigEndian.PutUint16(b[at:], c.Keepalive)
		at += 2
	}
	if s.extended != edeNone {
		at = option(b, at, optEDE, 2)
		binary.BigEndian.PutUint16(b[at:], uint16(s.extended))
		at += 2
	}
	if o.serial && s.from != nil && !s.from.failing {
		at = s.from.appendVersion(b, at)
	}
	if s.toldSubnet(e) {
		at = s.subnet.append(b, at)
	}
	if e.Reports != nil && e.Reports.belongs(s) {
		most := min(o.limit, len(b))
		if o.padding && c.Encrypted {
			most -= 4
		}
		at = e.Reports.append(b[:most], at)
	}
	if o.padding && c.Encrypted {
		whole := (at + 4 + padBlock - 1) / padBlock * padBlock
		pad := max(0, min(whole, o.limit, len(b))-at-4)
		at = option(b, at, optPadding, pad)
		clear(b[at : at+pad])
		at += pad
	}
	binary.BigEndian.PutUint16(b[length:], uint16(at-length-2))
	m.n = at
}

func option(b []byte, at, code, l int) int {
	binary.BigEndian.PutUint16(b[at:], uint16(code))
	binary.BigEndian.PutUint16(b[at+2:], uint16(l))
	return at + 4
}
