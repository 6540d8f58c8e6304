package nameserver

import "encoding/binary"

const (
	rcodeNoError   = 0
	rcodeFormErr   = 1
	rcodeServFail  = 2
	rcodeNXDomain  = 3
	rcodeNotImp    = 4
	rcodeRefused   = 5
	rcodeYXDomain  = 6
	rcodeBadVers   = 16
	rcodeBadCookie = 23

	maxMessage = 65535
)

// Codes of RFC 8914, section 4, and of its registry.
const (
	edeNone             = 0 // "Other" is never used
	edeNotReady         = 14
	edeProhibited       = 18
	edeNotAuthoritative = 20
	edeNotSupported     = 21
	edeInvalidQueryType = 30
)

// Answer appends the answer to a query to dst and returns it, or nil when nothing is to be said. It
// allocates nothing as long as dst has room: Engine.MaxUDP octets for datagrams, 65535 for streams.
func (e *Engine) Answer(s *Scratch, query []byte, c Client, dst []byte) []byte {
	s.counts[countQueries]++
	if c.Stream {
		s.counts[countStreams]++
	}
	if len(query) < headerLen || query[2]&0x80 != 0 {
		s.count(countIgnored)
		return nil
	}
	if s.batch.n > 0 && !s.batch.touched {
		e.touch(s)
	}
	s.rcode, s.extended, s.truncated, s.authoritative = rcodeNoError, edeNone, false, false
	s.kind, s.kindHash = kindError, 0
	s.m.counts = [3]uint16{}
	s.m.names.reset()

	question := s.question(query)
	ok := question > 0 && s.additional(query, question)
	if !ok {
		s.rcode = rcodeFormErr
		question = max(question, headerLen) // else none can be repeated
	}
	inPlace := e.room(s, &c, dst, question)
	copy(s.m.b[headerLen:], query[headerLen:question])
	s.m.n = question
	if ok {
		e.decide(s, query, &c)
	}
	if !c.Stream && e.Limit != nil && !s.edns.proven {
		switch e.Limit.check(s, c.Addr.Addr()) {
		case limitDrop:
			s.count(countLimited)
			return nil
		case limitSlip:
			s.counts[countSlipped]++
			s.m.n, s.m.counts = question, [3]uint16{}
			s.truncated = true
		}
	}
	s.close(query, question > headerLen, e, &c)
	s.tally()
	if inPlace {
		return dst[:len(dst)+s.m.n]
	}
	return append(dst, s.m.b[:s.m.n]...)
}

// question reads the question and returns where it ends, 0 when it could not be read. Without any
// it ends with the header.
func (s *Scratch) question(query []byte) int {
	s.edns = edns{}
	s.qtype, s.qclass = 0, 0
	switch binary.BigEndian.Uint16(query[4:]) {
	case 0:
		return headerLen
	case 1:
	default: // RFC 9619
		return 0
	}
	end := s.next(query)
	if end == 0 || end+4 > len(query) {
		return 0
	}
	s.qtype = binary.BigEndian.Uint16(query[end:])
	s.qclass = binary.BigEndian.Uint16(query[end+2:])
	return end + 4
}

// room chooses where the answer is written and how long it may be; it reports whether that is dst.
func (e *Engine) room(s *Scratch, c *Client, dst []byte, question int) bool {
	limit := maxMessage
	if !c.Stream {
		limit = min(e.maxUDP(c), max(512, int(s.edns.size)))
	}
	s.reserve(e, c)
	body := max(limit-s.edns.room, question)
	s.edns.limit = limit
	if free := dst[len(dst):cap(dst)]; len(free) >= body+s.edns.room {
		s.m.b = free[:body]
		return true
	}
	if len(s.long) < body+s.edns.room {
		s.long = make([]byte, maxMessage+1024)
	}
	s.m.b = s.long[:body]
	return false
}

func (e *Engine) maxUDP(c *Client) int {
	switch {
	case c.MaxUDP != 0:
		return c.MaxUDP
	case e.MaxUDP != 0:
		return e.MaxUDP
	}
	return defaultMaxUDP
}

// decide answers a question that could be read.
func (e *Engine) decide(s *Scratch, query []byte, c *Client) {
	switch {
	case query[2]>>3&0xF != 0: // NOTIFY and UPDATE are answered elsewhere
		s.rcode, s.extended = rcodeNotImp, edeNotSupported
		return
	case s.edns.bad || s.edns.listed && s.subnet.bad && e.ClientSubnet:
		s.rcode = rcodeFormErr
		return
	case s.edns.version > 0:
		s.rcode = rcodeBadVers
		return
	case binary.BigEndian.Uint16(query[4:]) == 0:
		e.cookieOnly(s, c)
		return
	case e.Cookies != nil && !e.Cookies.admit(s, c):
		s.rcode = rcodeBadCookie
		return
	}
	switch s.qclass {
	case classIN:
	case classCH:
		e.chaos(s)
		return
	default:
		s.rcode, s.extended = rcodeRefused, edeNotAuthoritative
		return
	}
	switch t := s.qtype; {
	case t == typeOPT || t == 0:
		s.rcode = rcodeFormErr
		return
	case t == typeNXNAME: // only denials may have it (RFC 9824, section 3.4)
		s.rcode, s.extended = rcodeFormErr, edeInvalidQueryType
		return
	case t >= 128 && t <= 254: // for messages only (RFC 6895, section 3.1), transfers among them
		s.rcode, s.extended = rcodeRefused, edeInvalidQueryType
		if t >= 251 && t <= 252 {
			s.extended = edeProhibited
		}
		return
	}
	z, _ := s.zoneFor(&e.Zones)
	if z == nil {
		s.rcode, s.extended = rcodeRefused, edeNotAuthoritative
		return
	}
	if s.edns.more {
		s.from = z
	}
	if z.failing {
		s.rcode, s.extended = rcodeServFail, edeNotReady
		return
	}
	if e.Reports != nil && !c.Stream && !s.edns.proven && e.Reports.isReport(s.q) {
		s.authoritative, s.truncated = true, true // who reports has to show its address (RFC 9567, section 6.3)
		return
	}
	s.do, s.rotate = s.edns.do, e.Rotate
	s.steer, s.client, s.tailored = e.Steer, c.Addr.Addr(), s.toldSubnet(e)
	s.proofs, s.wanted = s.proofSpace[:0], s.wantSpace[:0]
	s.search(&e.Zones, z)
}

// cookieOnly answers a query without a question, by which clients ask for a cookie, or whether theirs
// is right (RFC 7873, section 5.4).
func (e *Engine) cookieOnly(s *Scratch, c *Client) {
	if e.Cookies == nil || s.edns.cookieLen == 0 {
		s.rcode = rcodeFormErr
		return
	}
	e.Cookies.admit(s, c)
	if s.edns.cookieLen > 8 && !s.edns.proven {
		s.rcode = rcodeBadCookie
	}
}

// close writes the header and OPT.
func (s *Scratch) close(query []byte, question bool, e *Engine, c *Client) {
	m := &s.m
	b := m.b[:headerLen]
	b[0], b[1] = query[0], query[1]
	b[2] = 0x80 | query[2]&0x79 // opcode and RD as they came
	if s.authoritative {
		b[2] |= 0x04
	}
	if s.truncated {
		b[2] |= 0x02
	}
	b[3] = query[3]&0x10 | byte(s.rcode&0xF) // CD as it came (RFC 4035, section 3.1.6)
	b[4], b[5] = 0, 0
	if question {
		b[5] = 1
	}
	binary.BigEndian.PutUint16(b[6:], m.counts[answer])
	binary.BigEndian.PutUint16(b[8:], m.counts[authority])
	if s.edns.present {
		m.counts[additional]++
		s.writeOPT(e, c)
	}
	binary.BigEndian.PutUint16(b[10:], m.counts[additional])
}

// tally counts an answer.
func (s *Scratch) tally() {
	if s.truncated {
		s.counts[countTruncated]++
	}
	if s.edns.do {
		s.counts[countDNSSEC]++
	}
	if s.edns.proven {
		s.counts[countCookies]++
	}
	switch s.rcode {
	case rcodeBadVers:
		s.counts[countRCODE+14]++
	case rcodeBadCookie:
		s.counts[countRCODE+15]++
	default:
		s.counts[countRCODE+s.rcode&15]++
	}
	if s.qclass == classIN {
		t := s.qtype
		if t > 255 {
			t = 0
		}
		s.counts[countType+t]++
	}
	s.count(countAnswers)
}

// chaos answers questions about the server itself (RFC 4892).
func (e *Engine) chaos(s *Scratch) {
	text := ""
	if s.qtype == 16 || s.qtype == typeANY {
		switch string(s.q.suffix(0)) {
		case "\x07version\x04bind\x00", "\x07version\x06server\x00":
			text = e.Version
		case "\x08hostname\x04bind\x00", "\x02id\x06server\x00":
			text = e.Hostname
		}
	}
	m := &s.m
	if text == "" || len(text) > 255 || len(m.b)-m.n < recordHead+1+len(text) {
		s.rcode, s.extended = rcodeRefused, edeNotAuthoritative
		return
	}
	b := m.b[m.n:]
	copy(b, []byte{0xC0, headerLen, 0, 16, 0, classCH, 0, 0, 0, 0, 0, byte(len(text) + 1), byte(len(text))})
	m.n += recordHead + 1 + copy(b[recordHead+1:], text)
	m.counts[answer] = 1
	s.authoritative = true
}
