package observe

import (
	"encoding/binary"
	"strconv"
)

const (
	headerLen = 12
	maxName   = 255
	typeOPT   = 41
)

// nameLen is the length of the name in a query's question; 0 when there is no whole question.
func nameLen(query []byte) int {
	if len(query) < headerLen || binary.BigEndian.Uint16(query[4:]) == 0 {
		return 0
	}
	b := query[headerLen:]
	for i := 0; i < len(b) && i < maxName; {
		l := int(b[i])
		if l == 0 {
			if i+5 > len(b) {
				return 0
			}
			return i + 1
		}
		if l > 63 {
			return 0
		}
		i += 1 + l
	}
	return 0
}

// optOf returns the OPT record of a message from its type on: type, size, extended RCODE, version,
// flags; nil when there is none, or the message is malformed before it.
func optOf(m []byte) []byte {
	if len(m) < headerLen || binary.BigEndian.Uint16(m[10:]) == 0 {
		return nil
	}
	at := headerLen
	for range binary.BigEndian.Uint16(m[4:]) {
		if at = skipName(m, at) + 4; at > len(m) {
			return nil
		}
	}
	records := int(binary.BigEndian.Uint16(m[6:])) + int(binary.BigEndian.Uint16(m[8:])) + int(binary.BigEndian.Uint16(m[10:]))
	for range records {
		at = skipName(m, at)
		if at+10 > len(m) {
			return nil
		}
		if binary.BigEndian.Uint16(m[at:]) == typeOPT {
			return m[at:]
		}
		at += 10 + int(binary.BigEndian.Uint16(m[at+8:]))
	}
	return nil
}

// skipName returns the offset behind a name, or one beyond the message's end.
func skipName(m []byte, at int) int {
	for at < len(m) {
		switch n := int(m[at]); {
		case n == 0:
			return at + 1
		case n >= 0xC0:
			return at + 2
		default:
			at += 1 + n
		}
	}
	return len(m) + 1
}

// rcodeOf is the RCODE of an answer, with the part that OPT has.
func rcodeOf(answer []byte) int {
	r := int(answer[3] & 0xF)
	if opt := optOf(answer); opt != nil {
		r |= int(opt[4]) << 4
	}
	return r
}

var rcodes = [...]string{
	"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE",
}

// RCODE names one, as labels of metrics and the log have it.
func RCODE(code int) string {
	switch {
	case code >= 0 && code < len(rcodes):
		return rcodes[code]
	case code == 16:
		return "BADVERS"
	case code == 23:
		return "BADCOOKIE"
	}
	return "RCODE" + strconv.Itoa(code)
}
