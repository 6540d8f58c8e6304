package wire

import "strconv"

// An RCODE is the outcome that a server reports.
type RCODE uint16

// RCODEs (IANA "DNS RCODEs").
const (
	NoError  RCODE = 0
	FormErr  RCODE = 1
	ServFail RCODE = 2
	NXDomain RCODE = 3
	NotImp   RCODE = 4
	Refused  RCODE = 5
	YXDomain RCODE = 6
	YXRRSet  RCODE = 7
	NXRRSet  RCODE = 8
	NotAuth  RCODE = 9
	NotZone  RCODE = 10
	BadVers  RCODE = 16
)

var rcodes = map[RCODE][2]string{
	NoError:  {"NOERROR", ""},
	FormErr:  {"FORMERR", "the server could not read the request"},
	ServFail: {"SERVFAIL", "the server has trouble of its own"},
	NXDomain: {"NXDOMAIN", "the name does not exist"},
	NotImp:   {"NOTIMP", "the server does not know this kind of request"},
	Refused:  {"REFUSED", "the server does not allow it"},
	YXDomain: {"YXDOMAIN", "a name exists that should not"},
	YXRRSet:  {"YXRRSET", "an RRset exists that should not"},
	NXRRSet:  {"NXRRSET", "an RRset does not exist or is not as expected"},
	NotAuth:  {"NOTAUTH", "the server is not authoritative for the zone, or did not accept the signature"},
	NotZone:  {"NOTZONE", "a name is not within the zone"},
	BadVers:  {"BADVERS", "the server does not know this version of EDNS"},
}

// String returns the mnemonic, or RCODEn.
func (r RCODE) String() string {
	if t, ok := rcodes[r]; ok {
		return t[0]
	}
	return "RCODE" + strconv.Itoa(int(r))
}

// Meaning says in a few words what the code means, "" when there is nothing to say.
func (r RCODE) Meaning() string { return rcodes[r][1] }

// A TSIGError is the error field of a TSIG record (RFC 8945, section 5.2).
type TSIGError uint16

// TSIG errors.
const (
	BadSig   TSIGError = 16
	BadKey   TSIGError = 17
	BadTime  TSIGError = 18
	BadTrunc TSIGError = 22
)

// String returns the mnemonic.
func (e TSIGError) String() string {
	switch e {
	case 0:
		return "NOERROR"
	case BadSig:
		return "BADSIG"
	case BadKey:
		return "BADKEY"
	case BadTime:
		return "BADTIME"
	case BadTrunc:
		return "BADTRUNC"
	}
	return "TSIG error " + strconv.Itoa(int(e))
}

// Meaning says in a few words what the error means.
func (e TSIGError) Meaning() string {
	switch e {
	case BadSig:
		return "the signature does not fit"
	case BadKey:
		return "the server does not know the key"
	case BadTime:
		return "the clocks differ too much"
	case BadTrunc:
		return "the signature is shortened too much"
	}
	return ""
}

// Advice says what to do about the error.
func (e TSIGError) Advice() string {
	switch e {
	case BadSig:
		return "compare the key's secret with the server's"
	case BadKey:
		return "compare the key's name and algorithm with the server's"
	case BadTime:
		return "set the clocks of both machines"
	case BadTrunc:
		return "let the server take full-length signatures"
	}
	return ""
}
