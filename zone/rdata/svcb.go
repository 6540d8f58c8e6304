package rdata

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// Keys of service parameters (IANA "Service Parameter Keys").
const (
	ParamMandatory     uint16 = 0
	ParamALPN          uint16 = 1
	ParamNoDefaultALPN uint16 = 2
	ParamPort          uint16 = 3
	ParamIPv4Hint      uint16 = 4
	ParamECH           uint16 = 5
	ParamIPv6Hint      uint16 = 6
	ParamDoHPath       uint16 = 7
	ParamOHTTP         uint16 = 8
)

var paramNames = []string{"mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp"}

// SVCB is the RDATA of SVCB and HTTPS (RFC 9460).
type SVCB struct {
	Priority uint16
	Target   zone.Name
	Params   []SVCParam // any order; packed by key
}

// An SVCParam is one service parameter in wire form.
type SVCParam struct {
	Key   uint16
	Value []byte
}

// ParamKey returns the number of a key in presentation form: a name or keyN.
func ParamKey(s string) (uint16, error) {
	if i := slices.Index(paramNames, strings.ToLower(s)); i >= 0 {
		return uint16(i), nil
	}
	if len(s) > 3 && strings.EqualFold(s[:3], "key") && (s[3] != '0' || len(s) == 4) {
		if v, ok := parseUint(s[3:], 65534); ok {
			return uint16(v), nil
		}
	}
	return 0, fmt.Errorf("parameter key %s is unknown; others than %s are written key0 to key65534", clip(s), strings.Join(paramNames, ", "))
}

// ParamName is the inverse of ParamKey.
func ParamName(key uint16) string {
	if int(key) < len(paramNames) {
		return paramNames[key]
	}
	return "key" + strconv.Itoa(int(key))
}

// ParseParam packs one parameter from its presentation form, value without quotes but with
// escapes. hasValue tells "key=" from "key".
func ParseParam(key, value string, hasValue bool) (SVCParam, error) {
	k, err := ParamKey(key)
	if err != nil {
		return SVCParam{}, err
	}
	raw, err := appendUnescaped(nil, value)
	if err != nil {
		return SVCParam{}, fmt.Errorf("parameter %s value %s: %w", key, clip(value), err)
	}
	if !strings.EqualFold(key, ParamName(k)) { // key3=… gives the octets themselves
		return SVCParam{k, raw}, checkParam(k, raw)
	}
	v, err := packParam(k, string(raw), hasValue)
	if err == nil {
		err = checkParam(k, v)
	}
	if err != nil {
		return SVCParam{}, fmt.Errorf("parameter %s value %s: %w", key, clip(value), err)
	}
	return SVCParam{k, v}, nil
}

func packParam(k uint16, s string, hasValue bool) (b []byte, err error) {
	if k <= ParamDoHPath && k != ParamNoDefaultALPN && (!hasValue || s == "") {
		return nil, errors.New("is missing")
	}
	switch k {
	case ParamMandatory:
		var keys []uint16
		for item := range strings.SplitSeq(s, ",") {
			n, err := ParamKey(item)
			if err != nil {
				return nil, err
			}
			keys = append(keys, n)
		}
		slices.Sort(keys)
		for _, n := range keys {
			b = binary.BigEndian.AppendUint16(b, n)
		}
	case ParamALPN:
		for _, item := range splitList(s) {
			if item == "" || len(item) > 255 {
				return nil, errors.New("has an empty or too long protocol id")
			}
			b = append(append(b, byte(len(item))), item...)
		}
	case ParamNoDefaultALPN, ParamOHTTP:
		if s != "" {
			return nil, errors.New("must not be given")
		}
	case ParamPort:
		v, ok := parseUint(s, 65535)
		if !ok {
			return nil, errors.New("is no number from 0 to 65535")
		}
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	case ParamIPv4Hint, ParamIPv6Hint:
		for item := range strings.SplitSeq(s, ",") {
			a, err := netip.ParseAddr(item)
			if err != nil || a.Is4() != (k == ParamIPv4Hint) || a.Zone() != "" {
				return nil, fmt.Errorf("%s is no IP%s address", clip(item), map[bool]string{true: "v4", false: "v6"}[k == ParamIPv4Hint])
			}
			b = append(b, a.AsSlice()...)
		}
	case ParamECH:
		if b, err = base64.StdEncoding.DecodeString(s); err != nil {
			return nil, errors.New("is no Base64")
		}
	default:
		b = []byte(s)
	}
	return b, nil
}

// splitList cuts a value list at commas; \, and \\ stand for the characters (RFC 9460, appendix A.1).
func splitList(s string) []string {
	var items []string
	var item []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			item = append(item, s[i])
		case s[i] == ',':
			items, item = append(items, string(item)), nil
		default:
			item = append(item, s[i])
		}
	}
	return append(items, string(item))
}

// checkParam checks the wire form of one value.
func checkParam(k uint16, v []byte) error {
	ok := true
	switch k {
	case ParamMandatory:
		ok = len(v) > 0 && len(v)%2 == 0
		for i, last := 0, 0; ok && i < len(v); i += 2 {
			n := int(binary.BigEndian.Uint16(v[i:]))
			ok = n > last // ascending, and never "mandatory" itself
			last = n
		}
	case ParamALPN:
		ok = len(v) > 0
		for len(v) > 0 && ok {
			n := int(v[0])
			if ok = n > 0 && n < len(v); ok {
				v = v[1+n:]
			}
		}
	case ParamNoDefaultALPN, ParamOHTTP:
		ok = len(v) == 0
	case ParamPort:
		ok = len(v) == 2
	case ParamIPv4Hint:
		ok = len(v) > 0 && len(v)%4 == 0
	case ParamIPv6Hint:
		ok = len(v) > 0 && len(v)%16 == 0
	case ParamECH, ParamDoHPath:
		ok = len(v) > 0
	}
	if !ok {
		return fmt.Errorf("parameter %s is malformed", ParamName(k))
	}
	return nil
}

// checkParams checks parameters in wire form: keys ascend, and all mandatory ones are there.
func checkParams(b []byte) error {
	var have, mandatory []uint16
	for len(b) > 0 {
		if len(b) < 4 {
			return errShort
		}
		k, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < 4+n {
			return errShort
		}
		if k == 65535 {
			return errors.New("key 65535 is reserved")
		}
		if len(have) > 0 && k <= have[len(have)-1] {
			return fmt.Errorf("parameter %s is given twice or out of order", ParamName(k))
		}
		v := b[4 : 4+n]
		if err := checkParam(k, v); err != nil {
			return err
		}
		if have = append(have, k); k == ParamMandatory {
			for ; len(v) > 0; v = v[2:] {
				mandatory = append(mandatory, binary.BigEndian.Uint16(v))
			}
		}
		b = b[4+n:]
	}
	for _, k := range mandatory {
		if _, ok := slices.BinarySearch(have, k); !ok {
			return fmt.Errorf("mandatory parameter %s is missing", ParamName(k))
		}
	}
	return nil
}

// params packs all tokens that are left.
func (p *parser) params() error {
	var list []SVCParam
	for ; p.at < len(p.toks); p.at++ {
		key, value, has := strings.Cut(p.toks[p.at].Text, "=")
		if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		param, err := ParseParam(key, value, has)
		if err != nil {
			return errorAt(p.at, "%v", err)
		}
		list = append(list, param)
	}
	start := len(p.b)
	p.b = appendParams(p.b, list)
	if err := checkParams(p.b[start:]); err != nil {
		return errorAt(max(0, len(p.toks)-1), "%v", err)
	}
	return nil
}

func appendParams(b []byte, list []SVCParam) []byte {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(x, y SVCParam) int { return int(x.Key) - int(y.Key) })
	for _, x := range list {
		b = binary.BigEndian.AppendUint16(b, x.Key)
		b = binary.BigEndian.AppendUint16(b, uint16(len(x.Value)))
		b = append(b, x.Value...)
	}
	return b
}

func (p *printer) params() bool {
	raw := []byte(p.d)
	if checkParams(raw) != nil {
		return false
	}
	for i := 0; len(raw) > 0; i++ {
		n := int(binary.BigEndian.Uint16(raw[2:]))
		if i > 0 {
			p.b = append(p.b, ' ')
		}
		p.b = SVCParam{binary.BigEndian.Uint16(raw), raw[4 : 4+n]}.append(p.b)
		raw = raw[4+n:]
	}
	p.d = ""
	return true
}

// String returns the parameter in presentation form: key or key="value".
func (x SVCParam) String() string { return string(x.append(nil)) }

func (x SVCParam) append(b []byte) []byte {
	b = append(b, ParamName(x.Key)...)
	if v := x.Text(); v != "" {
		b = appendQuoted(append(b, '='), v)
	}
	return b
}

// Text returns the value as text without the escapes of character-strings: "h2,h3", "443",
// addresses, Base64 of ech, other octets as they are.
func (x SVCParam) Text() string {
	v := x.Value
	if checkParam(x.Key, v) != nil {
		return string(v)
	}
	var items []string
	switch x.Key {
	case ParamMandatory:
		for ; len(v) > 0; v = v[2:] {
			items = append(items, ParamName(binary.BigEndian.Uint16(v)))
		}
	case ParamALPN:
		for len(v) > 0 {
			items = append(items, listEscape.Replace(string(v[1:1+v[0]])))
			v = v[1+v[0]:]
		}
	case ParamPort:
		return strconv.Itoa(int(binary.BigEndian.Uint16(v)))
	case ParamIPv4Hint:
		for ; len(v) > 0; v = v[4:] {
			items = append(items, netip.AddrFrom4([4]byte(v)).String())
		}
	case ParamIPv6Hint:
		for ; len(v) > 0; v = v[16:] {
			items = append(items, string(appendIPv6(nil, [16]byte(v))))
		}
	case ParamECH:
		return base64.StdEncoding.EncodeToString(v)
	default:
		return string(v)
	}
	return strings.Join(items, ",")
}

var listEscape = strings.NewReplacer(`\`, `\\`, `,`, `\,`)

// Data packs the record; parameters are sorted by key.
func (x SVCB) Data() (zone.Data, error) {
	b := x.Target.AppendWire(binary.BigEndian.AppendUint16(nil, x.Priority))
	for _, p := range x.Params {
		if len(p.Value) > MaxLen {
			return "", fmt.Errorf("SVCB parameter %s is longer than %d octets", ParamName(p.Key), MaxLen)
		}
	}
	return Canonical(zone.TypeSVCB, appendParams(b, x.Params))
}

// SVCBOf takes the RDATA of SVCB or HTTPS apart.
func SVCBOf(d zone.Data) (SVCB, error) {
	c := cutter{d: []byte(d)}
	x := SVCB{Priority: uint16(c.uint(2)), Target: c.name()}
	for c.err == nil && len(c.d) > 0 {
		p := SVCParam{Key: uint16(c.uint(2))}
		p.Value = c.bytes(int(c.uint(2)))
		x.Params = append(x.Params, p)
	}
	return x, c.done(zone.TypeSVCB)
}
