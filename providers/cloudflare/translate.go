package cloudflare

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// types are those of the API's schema for records
// (https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/create/).
var types = []zone.Type{
	zone.TypeA, zone.TypeAAAA, zone.TypeCAA, zone.TypeCERT, zone.TypeCNAME, zone.TypeDNSKEY, zone.TypeDS, zone.TypeHTTPS, zone.TypeLOC,
	zone.TypeMX, zone.TypeNAPTR, zone.TypeNS, zone.TypeOPENPGPKEY, zone.TypePTR, zone.TypeSMIMEA, zone.TypeSRV, zone.TypeSSHFP,
	zone.TypeSVCB, zone.TypeTLSA, zone.TypeTXT, zone.TypeURI,
}

// proxiable reports whether records of the type can be proxied
// (https://developers.cloudflare.com/dns/proxy-status/).
func proxiable(t zone.Type) bool {
	return t == zone.TypeA || t == zone.TypeAAAA || t == zone.TypeCNAME
}

// read takes the RDATA of a record out of the fields that its type has.
func (r *apiRecord) read(t zone.Type) (zone.Data, error) {
	switch t {
	case zone.TypeA, zone.TypeAAAA:
		a, err := netip.ParseAddr(r.Content)
		if err != nil || a.Is4() != (t == zone.TypeA) || a.Zone() != "" {
			return "", fmt.Errorf("%q is no address of this type", r.Content)
		}
		return rdata.A(a), nil
	case zone.TypeCNAME, zone.TypeNS, zone.TypePTR:
		n, err := hostOf(r.Content)
		return rdata.Name(n), err
	case zone.TypeMX:
		n, err := hostOf(r.Content)
		if err == nil {
			var priority uint16
			if priority, err = r.priority(); err == nil {
				return rdata.MX{Preference: priority, Exchange: n}.Data()
			}
		}
		return "", err
	case zone.TypeTXT, zone.TypeSPF:
		return textOf(t, r.Content), nil
	}
	if len(r.Data) > 0 && string(r.Data) != "null" {
		if d, err := r.readData(t); err == nil {
			return d, nil
		}
	}
	return rdata.Parse(t, r.Content, zone.Root)
}

func (r *apiRecord) priority() (uint16, error) {
	if r.Priority == nil || *r.Priority != float64(uint16(*r.Priority)) {
		return 0, fmt.Errorf("it has no proper priority")
	}
	return uint16(*r.Priority), nil
}

// hostOf reads a name as Cloudflare writes it: absolute, without the final dot; the root is "." or
// nothing.
func hostOf(s string) (zone.Name, error) {
	if s == "" || s == "." {
		return zone.Root, nil
	}
	return zone.ParseName(s)
}

// host writes a name as Cloudflare does.
func host(n zone.Name) string {
	if n.IsRoot() {
		return "."
	}
	return strings.TrimSuffix(n.String(), ".")
}

// textOf reads a TXT. Content in quotes is in presentation form; content without, which old records
// have, is the text itself. Borders between strings do not count.
func textOf(t zone.Type, content string) zone.Data {
	if strings.HasPrefix(content, `"`) {
		if d, err := rdata.Parse(t, content, zone.Root); err == nil {
			return rdata.TXT(rdata.TXTJoined(d))
		}
	}
	return rdata.TXT(content)
}

// A number is one in JSON, or a text that is one, as old records have it.
type number float64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	*n = number(f)
	return err
}

// fields are what the data objects of all types have; few types have many.
type fields struct {
	Priority     *number `json:"priority"`
	Weight       *number `json:"weight"`
	Port         *number `json:"port"`
	Target       *string `json:"target"`
	Flags        any     `json:"flags"`
	Tag          *string `json:"tag"`
	Value        *string `json:"value"`
	Order        *number `json:"order"`
	Preference   *number `json:"preference"`
	Service      *string `json:"service"`
	Regex        *string `json:"regex"`
	Replacement  *string `json:"replacement"`
	Usage        *number `json:"usage"`
	Selector     *number `json:"selector"`
	MatchingType *number `json:"matching_type"`
	Certificate  *string `json:"certificate"`
	Algorithm    *number `json:"algorithm"`
	KeyTag       *number `json:"key_tag"`
	DigestType   *number `json:"digest_type"`
	Digest       *string `json:"digest"`
	Fingerprint  *string `json:"fingerprint"`
	Protocol     *number `json:"protocol"`
	PublicKey    *string `json:"public_key"`
	Type         *number `json:"type"`

	LatDegrees    *number `json:"lat_degrees"`
	LatMinutes    *number `json:"lat_minutes"`
	LatSeconds    *number `json:"lat_seconds"`
	LatDirection  *string `json:"lat_direction"`
	LongDegrees   *number `json:"long_degrees"`
	LongMinutes   *number `json:"long_minutes"`
	LongSeconds   *number `json:"long_seconds"`
	LongDirection *string `json:"long_direction"`
	Altitude      *number `json:"altitude"`
	Size          *number `json:"size"`
	PrecisionHorz *number `json:"precision_horz"`
	PrecisionVert *number `json:"precision_vert"`
}

// readData reads a record's data object. Texts in it are as they are, not in presentation form.
func (r *apiRecord) readData(t zone.Type) (zone.Data, error) {
	var f fields
	if err := json.Unmarshal(r.Data, &f); err != nil {
		return "", err
	}
	w := &wants{}
	var d zone.Data
	var err error
	switch t {
	case zone.TypeSRV:
		d, err = rdata.SRV{Priority: w.u16(f.Priority), Weight: w.u16(f.Weight), Port: w.u16(f.Port), Target: w.host(f.Target)}.Data()
	case zone.TypeURI:
		priority := f.Priority
		if r.Priority != nil {
			n := number(*r.Priority)
			priority = &n
		}
		d, err = rdata.URI{Priority: w.u16(priority), Weight: w.u16(f.Weight), Target: w.text(f.Target)}.Data()
	case zone.TypeCAA:
		n, ok := f.Flags.(float64)
		w.need(ok)
		flags := number(n)
		d, err = rdata.CAA{Flags: w.u8(&flags), Tag: w.text(f.Tag), Value: w.text(f.Value)}.Data()
	case zone.TypeNAPTR:
		flags, ok := f.Flags.(string)
		w.need(ok)
		d, err = rdata.NAPTR{
			Order: w.u16(f.Order), Preference: w.u16(f.Preference), Flags: flags, Service: w.text(f.Service),
			Regexp: w.text(f.Regex), Replacement: w.host(f.Replacement),
		}.Data()
	case zone.TypeTLSA, zone.TypeSMIMEA:
		d, err = rdata.TLSA{Usage: w.u8(f.Usage), Selector: w.u8(f.Selector), MatchingType: w.u8(f.MatchingType), Certificate: w.hex(f.Certificate)}.Data()
	case zone.TypeDS:
		d, err = rdata.DS{KeyTag: w.u16(f.KeyTag), Algorithm: w.u8(f.Algorithm), DigestType: w.u8(f.DigestType), Digest: w.hex(f.Digest)}.Data()
	case zone.TypeSSHFP:
		d, err = rdata.SSHFP{Algorithm: w.u8(f.Algorithm), FingerprintType: w.u8(f.Type), Fingerprint: w.hex(f.Fingerprint)}.Data()
	case zone.TypeDNSKEY:
		n, ok := f.Flags.(float64)
		w.need(ok)
		flags := number(n)
		d, err = rdata.DNSKEY{Flags: w.u16(&flags), Protocol: w.u8(f.Protocol), Algorithm: w.u8(f.Algorithm), PublicKey: w.base64(f.PublicKey)}.Data()
	case zone.TypeCERT:
		text := fmt.Sprintf("%d %d %d %s", w.u16(f.Type), w.u16(f.KeyTag), w.u8(f.Algorithm), w.text(f.Certificate))
		d, err = rdata.Parse(t, text, zone.Root)
	case zone.TypeLOC:
		d, err = w.loc(&f)
	default: // content says it better than a data object: SVCB, HTTPS and what is yet to come
		return "", fmt.Errorf("type %s is read from its content", t)
	}
	if w.lacking {
		return "", fmt.Errorf("the data object is not that of a %s", t)
	}
	return d, err
}

// wants takes fields that must be there and in range.
type wants struct{ lacking bool }

func (w *wants) need(ok bool) { w.lacking = w.lacking || !ok }

func (w *wants) uint(n *number, most float64) uint64 {
	if n == nil || float64(*n) < 0 || float64(*n) > most || float64(*n) != float64(uint64(*n)) {
		w.lacking = true
		return 0
	}
	return uint64(*n)
}

func (w *wants) u8(n *number) uint8   { return uint8(w.uint(n, 1<<8-1)) }
func (w *wants) u16(n *number) uint16 { return uint16(w.uint(n, 1<<16-1)) }

func (w *wants) text(s *string) string {
	if s == nil {
		w.lacking = true
		return ""
	}
	return *s
}

func (w *wants) host(s *string) zone.Name {
	n, err := hostOf(w.text(s))
	w.need(err == nil)
	return n
}

func (w *wants) hex(s *string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(w.text(s)), ""))
	w.need(err == nil)
	return b
}

func (w *wants) base64(s *string) []byte {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(w.text(s)), ""))
	w.need(err == nil)
	return b
}

func (w *wants) float(n *number) float64 {
	if n == nil {
		w.lacking = true
		return 0
	}
	return float64(*n)
}

func (w *wants) loc(f *fields) (zone.Data, error) {
	text := fmt.Sprintf("%d %d %.3f %s %d %d %.3f %s %.2fm %.2fm %.2fm %.2fm",
		w.u8(f.LatDegrees), w.u8(f.LatMinutes), w.float(f.LatSeconds), w.text(f.LatDirection),
		w.u8(f.LongDegrees), w.u8(f.LongMinutes), w.float(f.LongSeconds), w.text(f.LongDirection),
		w.float(f.Altitude), w.float(f.Size), w.float(f.PrecisionHorz), w.float(f.PrecisionVert))
	return rdata.Parse(zone.TypeLOC, text, zone.Root)
}
