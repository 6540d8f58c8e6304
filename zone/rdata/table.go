package rdata

import "github.com/zonecast/zonecast/zone"

// A kind says how one field looks on the wire and in text.
type kind uint8

const (
	kU8     kind = iota
	kU16         //
	kU32         //
	kTTL         // 32 bits; text may use units (1h30m)
	kTime        // 32 bits; text YYYYMMDDHHmmSS (RFC 4034, section 3.2)
	kName        // domain name
	kA           // IPv4 address
	kAAAA        // IPv6 address
	kStr         // one character-string
	kOptStr      // one or no character-string
	kStrs        // one or more character-strings, to the end
	kOctets      // text to the end without a length (URI target, CAA value)
	kLong        // text with a length of 16 bits
	kTag         // letters and digits with a length of 8 bits (CAA tag)
	kHex         // hexadecimal to the end
	kBase64      // Base64 to the end
	kSalt        // hexadecimal with a length of 8 bits; "-" when empty
	kHash32      // Base32hex with a length of 8 bits
	kTypes       // type bitmap to the end (RFC 4034, section 4.1.2)
	kType        // a type as 16 bits
	kAlg         // DNSSEC algorithm, number or mnemonic
	kCert        // CERT type, number or mnemonic
	kScheme      // DSYNC scheme, number or mnemonic
	kLOC         // RFC 1876, everything
	kParams      // SvcParams, to the end (RFC 9460)
	kNode64      // 64 bits as four groups of hexadecimal (RFC 6742)
	kEUI48       // xx-xx-xx-xx-xx-xx (RFC 7043)
	kEUI64       //
)

type field struct {
	kind kind
	name string // for messages
}

// A layout is what the codec knows about one type.
type layout struct {
	fields     []field
	compressed bool // names may be compressed in messages (RFC 3597, section 4)
}

func row(fields ...field) *layout { return &layout{fields: fields} }

func old(l *layout) *layout { l.compressed = true; return l }

var (
	nameRow    = func(what string) *layout { return row(field{kName, what}) }
	preferRow  = func(what string) *layout { return row(field{kU16, "preference"}, field{kName, what}) }
	stringsRow = row(field{kStrs, "text"})
	keyRow     = row(field{kU16, "flags"}, field{kU8, "protocol"}, field{kAlg, "algorithm"}, field{kBase64, "public key"})
	dsRow      = row(field{kU16, "key tag"}, field{kAlg, "algorithm"}, field{kU8, "digest type"}, field{kHex, "digest"})
	tlsaRow    = row(field{kU8, "usage"}, field{kU8, "selector"}, field{kU8, "matching type"}, field{kHex, "data"})
	sigRow     = func() *layout {
		return row(field{kType, "type covered"}, field{kAlg, "algorithm"}, field{kU8, "labels"},
			field{kTTL, "original TTL"}, field{kTime, "expiration"}, field{kTime, "inception"},
			field{kU16, "key tag"}, field{kName, "signer"}, field{kBase64, "signature"})
	}
	svcbRow = row(field{kU16, "priority"}, field{kName, "target"}, field{kParams, "parameters"})
)

// layouts has a row for each type that needs no code of its own.
var layouts = map[zone.Type]*layout{
	zone.TypeA:     row(field{kA, "address"}),
	zone.TypeAAAA:  row(field{kAAAA, "address"}),
	zone.TypeNS:    old(nameRow("name server")),
	3:              old(nameRow("host")), // MD
	4:              old(nameRow("host")), // MF
	zone.TypeCNAME: old(nameRow("target")),
	zone.TypeSOA: old(row(field{kName, "primary server"}, field{kName, "mailbox"}, field{kU32, "serial"},
		field{kTTL, "refresh"}, field{kTTL, "retry"}, field{kTTL, "expire"}, field{kTTL, "minimum"})),
	7:                   old(nameRow("host")),    // MB
	8:                   old(nameRow("mailbox")), // MG
	9:                   old(nameRow("mailbox")), // MR
	zone.TypePTR:        old(nameRow("target")),
	zone.TypeHINFO:      row(field{kStr, "CPU"}, field{kStr, "OS"}),
	14:                  old(row(field{kName, "mailbox"}, field{kName, "error mailbox"})), // MINFO
	zone.TypeMX:         old(preferRow("exchange")),
	zone.TypeTXT:        stringsRow,
	zone.TypeRP:         old(row(field{kName, "mailbox"}, field{kName, "text name"})),
	zone.TypeAFSDB:      old(row(field{kU16, "subtype"}, field{kName, "host"})),
	19:                  row(field{kStr, "address"}),                                                                   // X25
	20:                  row(field{kStr, "address"}, field{kOptStr, "subaddress"}),                                     // ISDN
	21:                  old(preferRow("host")),                                                                        // RT
	23:                  nameRow("target"),                                                                             // NSAP-PTR
	24:                  old(sigRow()),                                                                                 // SIG
	25:                  keyRow,                                                                                        // KEY
	26:                  old(row(field{kU16, "preference"}, field{kName, "RFC 822 name"}, field{kName, "X.400 name"})), // PX
	27:                  row(field{kStr, "longitude"}, field{kStr, "latitude"}, field{kStr, "altitude"}),               // GPOS
	zone.TypeLOC:        row(field{kLOC, "location"}),
	31:                  row(field{kHex, "endpoint"}), // EID
	32:                  row(field{kHex, "locator"}),  // NIMLOC
	zone.TypeSRV:        old(row(field{kU16, "priority"}, field{kU16, "weight"}, field{kU16, "port"}, field{kName, "target"})),
	zone.TypeNAPTR:      old(row(field{kU16, "order"}, field{kU16, "preference"}, field{kStr, "flags"}, field{kStr, "service"}, field{kStr, "regexp"}, field{kName, "replacement"})),
	36:                  preferRow("exchanger"), // KX
	zone.TypeCERT:       row(field{kCert, "type"}, field{kU16, "key tag"}, field{kAlg, "algorithm"}, field{kBase64, "certificate"}),
	zone.TypeDNAME:      nameRow("target"),
	zone.TypeDS:         dsRow,
	zone.TypeSSHFP:      row(field{kU8, "algorithm"}, field{kU8, "fingerprint type"}, field{kHex, "fingerprint"}),
	zone.TypeRRSIG:      sigRow(),
	zone.TypeNSEC:       row(field{kName, "next name"}, field{kTypes, "types"}),
	zone.TypeDNSKEY:     keyRow,
	49:                  row(field{kBase64, "digest"}), // DHCID
	zone.TypeNSEC3:      row(field{kU8, "hash algorithm"}, field{kU8, "flags"}, field{kU16, "iterations"}, field{kSalt, "salt"}, field{kHash32, "next hashed owner"}, field{kTypes, "types"}),
	zone.TypeNSEC3PARAM: row(field{kU8, "hash algorithm"}, field{kU8, "flags"}, field{kU16, "iterations"}, field{kSalt, "salt"}),
	zone.TypeTLSA:       tlsaRow,
	zone.TypeSMIMEA:     tlsaRow,
	56:                  stringsRow,                                                    // NINFO
	57:                  keyRow,                                                        // RKEY
	58:                  row(field{kName, "previous name"}, field{kName, "next name"}), // TALINK
	zone.TypeCDS:        dsRow,
	zone.TypeCDNSKEY:    keyRow,
	zone.TypeOPENPGPKEY: row(field{kBase64, "public key"}),
	zone.TypeCSYNC:      row(field{kU32, "serial"}, field{kU16, "flags"}, field{kTypes, "types"}),
	zone.TypeZONEMD:     row(field{kU32, "serial"}, field{kU8, "scheme"}, field{kU8, "hash algorithm"}, field{kHex, "digest"}),
	zone.TypeSVCB:       svcbRow,
	zone.TypeHTTPS:      svcbRow,
	66:                  row(field{kType, "type"}, field{kScheme, "scheme"}, field{kU16, "port"}, field{kName, "target"}), // DSYNC
	67:                  row(field{kBase64, "HHIT"}),                                                                      // HHIT
	68:                  row(field{kBase64, "BRID"}),                                                                      // BRID
	zone.TypeSPF:        stringsRow,
	100:                 row(field{kStr, "text"}),                                  // UINFO
	101:                 row(field{kU32, "user id"}),                               // UID
	102:                 row(field{kU32, "group id"}),                              // GID
	104:                 row(field{kU16, "preference"}, field{kNode64, "node id"}), // NID
	105:                 row(field{kU16, "preference"}, field{kA, "locator"}),      // L32
	106:                 row(field{kU16, "preference"}, field{kNode64, "locator"}), // L64
	107:                 preferRow("name"),                                         // LP
	108:                 row(field{kEUI48, "address"}),                             // EUI48
	109:                 row(field{kEUI64, "address"}),                             // EUI64
	zone.TypeURI:        row(field{kU16, "priority"}, field{kU16, "weight"}, field{kOctets, "target"}),
	zone.TypeCAA:        row(field{kU8, "flags"}, field{kTag, "tag"}, field{kOctets, "value"}),
	258:                 stringsRow, // AVC
	261:                 stringsRow, // RESINFO
	262:                 stringsRow, // WALLET
	263:                 stringsRow, // CLA
	32768:               dsRow,      // TA
	32769:               dsRow,      // DLV
	zone.TypeALIAS:      nameRow("target"),
	zone.TypeURLFWD:     row(field{kLong, "path"}, field{kLong, "target"}, field{kU16, "code"}, field{kU8, "masking"}, field{kU8, "query"}),
}

// low has the layouts of types below its length, so that the common ones need no map.
var low = func() (a [300]*layout) {
	for t, l := range layouts {
		if int(t) < len(a) {
			a[t] = l
		}
	}
	return a
}()

func layoutOf(t zone.Type) *layout {
	if int(t) < len(low) {
		return low[t]
	}
	return layouts[t]
}

// mnemonics of numbers: DNSSEC algorithms (IANA "DNS Security Algorithm Numbers"), CERT types
// (RFC 4398), DSYNC schemes (RFC 9859). They are read and never printed, as numbers are what
// every program understands.
var mnemonics = map[kind]map[string]uint64{
	kAlg: {
		"DELETE": 0, "RSAMD5": 1, "DH": 2, "DSA": 3, "RSASHA1": 5, "DSA-NSEC3-SHA1": 6, "RSASHA1-NSEC3-SHA1": 7,
		"RSASHA256": 8, "RSASHA512": 10, "ECC-GOST": 12, "ECDSAP256SHA256": 13, "ECDSAP384SHA384": 14,
		"ED25519": 15, "ED448": 16, "INDIRECT": 252, "PRIVATEDNS": 253, "PRIVATEOID": 254,
	},
	kCert: {
		"PKIX": 1, "SPKI": 2, "PGP": 3, "IPKIX": 4, "ISPKI": 5, "IPGP": 6, "ACPKIX": 7, "IACPKIX": 8, "URI": 253, "OID": 254,
	},
	kScheme: {"NOTIFY": 1},
}
