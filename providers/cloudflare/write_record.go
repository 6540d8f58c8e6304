package cloudflare

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// object is the data object of a record; its fields differ by type.
type object map[string]any

// put writes RDATA into the fields that its type has.
func (w *apiWrite) put(t zone.Type, d zone.Data) error {
	text := rdata.Text(t, d)
	var err error
	switch t {
	case zone.TypeCNAME, zone.TypeNS, zone.TypePTR:
		var n zone.Name
		n, err = rdata.NameOf(d)
		w.Content = host(n)
	case zone.TypeMX:
		var x rdata.MX
		x, err = rdata.MXOf(d)
		w.Content, w.Priority = host(x.Exchange), &x.Preference
	case zone.TypeSRV:
		var x rdata.SRV
		x, err = rdata.SRVOf(d)
		w.Data = object{"priority": x.Priority, "weight": x.Weight, "port": x.Port, "target": host(x.Target)}
	case zone.TypeURI:
		var x rdata.URI
		x, err = rdata.URIOf(d)
		w.Data, w.Priority = object{"weight": x.Weight, "target": x.Target}, &x.Priority
	case zone.TypeCAA:
		var x rdata.CAA
		x, err = rdata.CAAOf(d)
		w.Data = object{"flags": x.Flags, "tag": x.Tag, "value": x.Value}
	case zone.TypeNAPTR:
		var x rdata.NAPTR
		x, err = rdata.NAPTROf(d)
		w.Data = object{
			"order": x.Order, "preference": x.Preference, "flags": x.Flags, "service": x.Service, "regex": x.Regexp, "replacement": host(x.Replacement),
		}
	case zone.TypeTLSA, zone.TypeSMIMEA:
		var x rdata.TLSA
		x, err = rdata.TLSAOf(d)
		w.Data = object{"usage": x.Usage, "selector": x.Selector, "matching_type": x.MatchingType, "certificate": hex.EncodeToString(x.Certificate)}
	case zone.TypeDS:
		var x rdata.DS
		x, err = rdata.DSOf(d)
		w.Data = object{"key_tag": x.KeyTag, "algorithm": x.Algorithm, "digest_type": x.DigestType, "digest": hex.EncodeToString(x.Digest)}
	case zone.TypeSSHFP:
		var x rdata.SSHFP
		x, err = rdata.SSHFPOf(d)
		w.Data = object{"algorithm": x.Algorithm, "type": x.FingerprintType, "fingerprint": hex.EncodeToString(x.Fingerprint)}
	case zone.TypeDNSKEY:
		var x rdata.DNSKEY
		x, err = rdata.DNSKEYOf(d)
		w.Data = object{"flags": x.Flags, "protocol": x.Protocol, "algorithm": x.Algorithm, "public_key": base64.StdEncoding.EncodeToString(x.PublicKey)}
	case zone.TypeCERT:
		w.Data, err = cert(d)
	case zone.TypeLOC:
		w.Data, err = location(text)
	case zone.TypeSVCB, zone.TypeHTTPS:
		w.Data, err = service(text)
	default: // A, AAAA, TXT, OPENPGPKEY
		w.Content = text
	}
	if err != nil || strings.HasPrefix(text, `\#`) {
		return fmt.Errorf("%s %s cannot be said to Cloudflare", t, text)
	}
	return nil
}

// cert takes a CERT apart (RFC 4398, section 2).
func cert(d zone.Data) (object, error) {
	if len(d) < 5 {
		return nil, fmt.Errorf("CERT of %d octets", len(d))
	}
	return object{
		"type": int(d[0])<<8 | int(d[1]), "key_tag": int(d[2])<<8 | int(d[3]), "algorithm": int(d[4]),
		"certificate": base64.StdEncoding.EncodeToString([]byte(d[5:])),
	}, nil
}

// location takes a LOC apart (RFC 1876, section 3): all twelve fields, metres with "m".
func location(text string) (object, error) {
	f := strings.Fields(text)
	if len(f) != 12 {
		return nil, fmt.Errorf("LOC with %d fields", len(f))
	}
	out := object{"lat_direction": f[3], "long_direction": f[7]}
	for i, key := range []string{
		"lat_degrees", "lat_minutes", "lat_seconds", "", "long_degrees", "long_minutes", "long_seconds", "", "altitude", "size", "precision_horz", "precision_vert",
	} {
		if key == "" {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSuffix(f[i], "m"), 64)
		if err != nil {
			return nil, err
		}
		out[key] = n
	}
	return out, nil
}

// service takes an SVCB or HTTPS apart: priority, target, and the parameters as one text.
func service(text string) (object, error) {
	priority, rest, _ := strings.Cut(text, " ")
	target, params, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(priority)
	if err != nil {
		return nil, err
	}
	if target != "." {
		target = strings.TrimSuffix(target, ".")
	}
	return object{"priority": n, "target": target, "value": params}, nil
}
