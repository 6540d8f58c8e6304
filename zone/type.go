package zone

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/zonecast/zonecast/finding"
)

// Type is an RRset's type. Values up to 65535 are the types of DNS (IANA "Resource Record (RR)
// TYPEs"). Higher ones exist only inside zonecast and never reach the wire: the pseudo-types
// ALIAS and URLFWD, and vendor types such as "Route53Provider/ALIAS", whose number is derived
// from the name.
type Type uint32

// Types that code refers to by name. All others have a name too: see ParseType.
const (
	TypeA          Type = 1
	TypeNS         Type = 2
	TypeCNAME      Type = 5
	TypeSOA        Type = 6
	TypePTR        Type = 12
	TypeHINFO      Type = 13
	TypeMX         Type = 15
	TypeTXT        Type = 16
	TypeRP         Type = 17
	TypeAFSDB      Type = 18
	TypeAAAA       Type = 28
	TypeLOC        Type = 29
	TypeSRV        Type = 33
	TypeNAPTR      Type = 35
	TypeCERT       Type = 37
	TypeDNAME      Type = 39
	TypeDS         Type = 43
	TypeSSHFP      Type = 44
	TypeRRSIG      Type = 46
	TypeNSEC       Type = 47
	TypeDNSKEY     Type = 48
	TypeNSEC3      Type = 50
	TypeNSEC3PARAM Type = 51
	TypeTLSA       Type = 52
	TypeSMIMEA     Type = 53
	TypeCDS        Type = 59
	TypeCDNSKEY    Type = 60
	TypeOPENPGPKEY Type = 61
	TypeCSYNC      Type = 62
	TypeZONEMD     Type = 63
	TypeSVCB       Type = 64
	TypeHTTPS      Type = 65
	TypeSPF        Type = 99
	TypeURI        Type = 256
	TypeCAA        Type = 257

	TypeALIAS  Type = 1<<16 + 1 // data: target name in wire form; answered as the target's addresses
	TypeURLFWD Type = 1<<16 + 2 // data: see zone/rdata

	vendorBit Type = 1 << 31
)

// typeNames lists every type with a mnemonic (IANA registry, 2026). Types without one are
// written TYPEn (RFC 3597, section 5).
var typeNames = map[Type]string{
	1: "A", 2: "NS", 3: "MD", 4: "MF", 5: "CNAME", 6: "SOA", 7: "MB", 8: "MG", 9: "MR", 10: "NULL",
	11: "WKS", 12: "PTR", 13: "HINFO", 14: "MINFO", 15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB", 19: "X25",
	20: "ISDN", 21: "RT", 22: "NSAP", 23: "NSAP-PTR", 24: "SIG", 25: "KEY", 26: "PX", 27: "GPOS",
	28: "AAAA", 29: "LOC", 30: "NXT", 31: "EID", 32: "NIMLOC", 33: "SRV", 34: "ATMA", 35: "NAPTR",
	36: "KX", 37: "CERT", 38: "A6", 39: "DNAME", 40: "SINK", 42: "APL", 43: "DS", 44: "SSHFP",
	45: "IPSECKEY", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM",
	52: "TLSA", 53: "SMIMEA", 55: "HIP", 56: "NINFO", 57: "RKEY", 58: "TALINK", 59: "CDS", 60: "CDNSKEY",
	61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS", 66: "DSYNC", 67: "HHIT", 68: "BRID",
	99: "SPF", 100: "UINFO", 101: "UID", 102: "GID", 103: "UNSPEC", 104: "NID", 105: "L32", 106: "L64",
	107: "LP", 108: "EUI48", 109: "EUI64", 128: "NXNAME", 249: "TKEY", 250: "TSIG", 251: "IXFR",
	252: "AXFR", 253: "MAILB", 254: "MAILA", 255: "ANY", 256: "URI", 257: "CAA", 258: "AVC", 259: "DOA",
	260: "AMTRELAY", 261: "RESINFO", 262: "WALLET", 263: "CLA", 264: "IPN", 32768: "TA", 32769: "DLV",
	TypeALIAS: "ALIAS", TypeURLFWD: "URLFWD",
}

var typesByName = func() map[string]Type {
	m := make(map[string]Type, len(typeNames))
	for t, name := range typeNames {
		m[name] = t
	}
	return m
}()

// vendors maps the numbers of vendor types met so far to their names.
var vendors struct {
	sync.RWMutex
	names map[Type]string
}

// String returns the mnemonic, "TYPEn" for a type without one, or the vendor type's name.
func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	if t.Vendor() {
		vendors.RLock()
		defer vendors.RUnlock()
		if name, ok := vendors.names[t]; ok {
			return name
		}
		return fmt.Sprintf("vendor/%08X", uint32(t))
	}
	return "TYPE" + strconv.FormatUint(uint64(t), 10)
}

// OnWire reports whether the type is one of DNS, so that its RDATA may be sent.
func (t Type) OnWire() bool { return t != 0 && t <= 0xFFFF }

// Vendor reports whether the type is a vendor type ("Vendor/NAME").
func (t Type) Vendor() bool { return t&vendorBit != 0 }

// Meta reports whether the type can only be asked for or belongs to messages, never to a zone
// (RFC 6895, section 3.1; OPT).
func (t Type) Meta() bool { return t == 41 || t >= 128 && t <= 255 }

// Known reports whether the type has a mnemonic of its own.
func (t Type) Known() bool { _, ok := typeNames[t]; return ok }

// ParseType reads a mnemonic in any case, "TYPEn", or a vendor type "Vendor/NAME" (case kept).
func ParseType(s string) (Type, error) {
	if t, ok := typesByName[s]; ok {
		return t, nil
	}
	if strings.Contains(s, "/") {
		return VendorType(s)
	}
	up := strings.ToUpper(s)
	if t, ok := typesByName[up]; ok {
		return t, nil
	}
	if n, ok := strings.CutPrefix(up, "TYPE"); ok {
		if v, err := strconv.ParseUint(n, 10, 16); err == nil && v != 0 {
			return Type(v), nil
		}
	}
	if near := finding.Nearest(up, typeMnemonics); near != "" {
		return 0, fmt.Errorf("type %q is unknown; did you mean %s?", s, near)
	}
	return 0, fmt.Errorf("type %q is unknown", s)
}

// typeMnemonics are sorted, so that of two as near the same is proposed each time.
var typeMnemonics = slices.Sorted(maps.Keys(typesByName))

// VendorType returns the type for a vendor's own record kind, written "Vendor/NAME". The number
// is a hash of the name, so that it is the same in every process.
func VendorType(name string) (Type, error) {
	vendor, kind, ok := strings.Cut(name, "/")
	if !ok || vendor == "" || kind == "" || len(name) > 255 {
		return 0, fmt.Errorf("vendor type %q is not of the form Vendor/NAME", name)
	}
	h := fnv.New32a()
	h.Write([]byte(name))
	t := Type(h.Sum32()) | vendorBit
	vendors.Lock()
	defer vendors.Unlock()
	if have, ok := vendors.names[t]; ok && have != name {
		return 0, fmt.Errorf("vendor type %q cannot be told from %q", name, have)
	}
	if vendors.names == nil {
		vendors.names = map[Type]string{}
	}
	vendors.names[t] = strings.Clone(name)
	return t, nil
}

// MarshalText writes what String returns.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what ParseType does.
func (t *Type) UnmarshalText(b []byte) (err error) {
	*t, err = ParseType(string(b))
	return err
}
