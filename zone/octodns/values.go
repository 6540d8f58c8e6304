package octodns

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strings"

	"github.com/zonecast/zonecast/internal/yaml11"
)

// A kind says how the values of a type are read.
type kind struct {
	single bool     // takes one value, in the field "value" only
	fields []string // of a structured value, in the order in which octoDNS sorts by them
	check  func(*checker, *yaml11.Node) (any, bool)
	ids    []string // rules that object to missing values
}

// kinds holds every type of octoDNS by name.
var kinds map[string]kind

func init() { // kinds refers to functions that refer to kinds
	kinds = map[string]kind{
		"A":          {check: (*checker).address, ids: []string{"ip-value-rfc"}},
		"AAAA":       {check: (*checker).address, ids: []string{"ip-value-rfc"}},
		"ALIAS":      {check: (*checker).name, ids: targetIDs, single: true},
		"CNAME":      {check: (*checker).name, ids: targetIDs, single: true},
		"DNAME":      {check: (*checker).name, ids: targetIDs, single: true},
		"NS":         {check: (*checker).name, ids: targetsIDs},
		"PTR":        {check: (*checker).name, ids: targetsIDs},
		"TXT":        {check: (*checker).chunk, ids: []string{"chunked-value-rfc"}},
		"SPF":        {check: (*checker).chunk, ids: []string{"chunked-value-rfc"}},
		"OPENPGPKEY": {check: (*checker).openpgpkey, ids: []string{"openpgpkey-value-rfc"}},
		"CAA":        {check: (*checker).caa, ids: caaIDs, fields: []string{"flags", "tag", "value"}},
		"DS":         {check: (*checker).ds, ids: dsIDs, fields: []string{"key_tag", "algorithm", "digest_type", "digest"}},
		"HTTPS":      {check: (*checker).svcb, ids: []string{"https-value-rfc"}, fields: svcbFields},
		"SVCB":       {check: (*checker).svcb, ids: []string{"svcb-value-rfc"}, fields: svcbFields},
		"LOC":        {check: (*checker).loc, ids: []string{"loc-value-rfc"}, fields: locFields},
		"MX":         {check: (*checker).mx, ids: mxIDs, fields: []string{"preference", "exchange"}},
		"NAPTR":      {check: (*checker).naptr, ids: naptrIDs, fields: []string{"order", "preference", "flags", "service", "regexp", "replacement"}},
		"SRV":        {check: (*checker).srv, ids: srvIDs, fields: []string{"priority", "weight", "port", "target"}},
		"SSHFP":      {check: (*checker).sshfp, ids: sshfpIDs, fields: []string{"algorithm", "fingerprint_type", "fingerprint"}},
		"TLSA": {
			check: (*checker).tlsa, ids: tlsaIDs,
			fields: []string{"certificate_usage", "selector", "matching_type", "certificate_association_data"},
		},
		"URI":    {check: (*checker).uri, ids: uriIDs, fields: []string{"priority", "weight", "target"}},
		"URLFWD": {check: (*checker).urlfwd, ids: []string{"urlfwd-value"}, fields: []string{"path", "target", "code", "masking", "query"}},
	}
}

var (
	targetIDs  = []string{"target-value-rfc"}
	targetsIDs = []string{"targets-value-rfc"}
	caaIDs     = []string{"caa-value", "caa-value-rfc"}
	dsIDs      = []string{"ds-value", "ds-value-rfc"}
	mxIDs      = []string{"mx-value", "mx-value-rfc"}
	naptrIDs   = []string{"naptr-value", "naptr-value-rfc"}
	srvIDs     = []string{"srv-value", "srv-value-rfc"}
	sshfpIDs   = []string{"sshfp-value", "sshfp-value-rfc"}
	tlsaIDs    = []string{"tlsa-value", "tlsa-value-rfc"}
	uriIDs     = []string{"uri-value", "uri-value-rfc"}
	svcbFields = []string{"svcpriority", "targetname", "svcparams"}
	locFields  = []string{
		"lat_degrees", "lat_minutes", "lat_seconds", "lat_direction", "long_degrees", "long_minutes",
		"long_seconds", "long_direction", "altitude", "size", "precision_horz", "precision_vert",
	}
)

// address reads an IPv4 or IPv6 address.
func (c *checker) address(n *yaml11.Node) (any, bool) {
	family := "IPv4"
	if c.typ == "AAAA" {
		family = "IPv6"
	}
	s := text(n)
	if s == "" {
		c.broken("empty value", "", "ip-value-rfc")
		return nil, false
	}
	a, err := netip.ParseAddr(s)
	if err == nil && a.Zone() != "" && c.typ == "AAAA" {
		return strings.ToLower(s), true // octoDNS takes it; no RDATA can hold it
	}
	if err != nil || a.Is4() != (c.typ == "A") || n.Kind != yaml11.String {
		c.broken(fmt.Sprintf("invalid %s address %q", family, quoted(n)), "", "ip-value-rfc")
		return nil, false
	}
	return addressText(a), true
}

// addressText is the address as Python's ipaddress module prints it: IPv4-mapped addresses in
// hexadecimal too.
func addressText(a netip.Addr) string {
	if a.Is4In6() {
		b := a.As16()
		return fmt.Sprintf("::ffff:%x:%x", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15]))
	}
	return a.String()
}

// name reads a value that is a host name.
func (c *checker) name(n *yaml11.Node) (any, bool) {
	ids, family := targetIDs, "target"
	if c.typ == "NS" || c.typ == "PTR" {
		ids, family = targetsIDs, "targets"
	}
	if n.Kind == yaml11.Mapping || n.Kind == yaml11.Sequence {
		c.broken(fmt.Sprintf("%s value %q is not a host name", c.typ, quoted(n)), "", ids...)
		return nil, false
	}
	s := text(n)
	if s == "" {
		c.broken("empty value", "", ids...)
		return nil, false
	}
	return c.target(s, targetRules{
		fqdn: ids, notIP: family + "-value-not-ip", dot: family + "-value-best-practice",
		kind: c.typ + " value", message: c.typ + ` value "%s" is not a valid FQDN`,
	}), true
}

func (c *checker) chunk(n *yaml11.Node) (any, bool) {
	s, ok := c.chunked(n)
	return s, ok
}

func (c *checker) openpgpkey(n *yaml11.Node) (any, bool) {
	s, ok := c.required(n, "value", "openpgpkey-value-rfc")
	if !ok {
		return nil, false
	}
	return s, true
}

func (c *checker) mx(n *yaml11.Node) (any, bool) {
	if !c.mapping(n, "preference and exchange", mxIDs...) {
		return nil, false
	}
	pref, ok := c.integer(present(n, "preference", "priority"), "preference", mxIDs...)
	host, ok2 := c.required(present(n, "exchange", "value"), "exchange", mxIDs...)
	if ok2 {
		host = c.target(host, targetRules{
			fqdn: mxIDs, notIP: "mx-value-not-ip", dot: "mx-value-best-practice", root: true,
			kind: "MX value", message: `Invalid MX exchange "%s" is not a valid FQDN.`,
		})
	}
	if !ok || !ok2 {
		return nil, false
	}
	c.within(pref, 0, math.MaxUint16, "preference", "mx-value-rfc")
	if host == "." && pref != 0 {
		c.bad(fmt.Sprintf(`MX preference must be 0 when exchange is ".", got %d`, pref), "", "mx-value-rfc")
	}
	return map[string]any{"preference": number(pref), "exchange": host}, true
}

func (c *checker) srv(n *yaml11.Node) (any, bool) {
	if !c.mapping(n, "priority, weight, port and target", srvIDs...) {
		return nil, false
	}
	v, ok := c.integers(n, "srv-value-rfc", math.MaxUint16, srvIDs, "priority", "weight", "port")
	host, ok2 := c.there(present(n, "target"), "target", srvIDs...)
	if host == "" && ok2 {
		c.bad("missing target", "", "srv-value")
	} else if ok2 {
		host = c.target(host, targetRules{
			fqdn: srvIDs[:1], notIP: "srv-value-not-ip", dot: "srv-value-best-practice", root: true,
			kind: "SRV value", message: `Invalid SRV target "%s" is not a valid FQDN.`,
		})
	}
	if !ok || !ok2 {
		return nil, false
	}
	zero := v["priority"] == number(0) && v["weight"] == number(0) && v["port"] == number(0)
	if host == "." && !zero {
		c.bad(`priority, weight and port must be 0 when target is "."`, "", "srv-value-rfc")
	} else if host != "." && v["port"] == number(0) {
		c.bad(`port must not be 0 unless target is "."`, "", "srv-value-rfc")
	}
	v["target"] = host
	return v, true
}

// integers reads several required numbers; strict names the rule that limits them.
func (c *checker) integers(n *yaml11.Node, strict string, limit int64, ids []string, names ...string) (map[string]any, bool) {
	v, good := map[string]any{}, true
	for _, name := range names {
		i, ok := c.integer(present(n, name), name, ids...)
		if good = good && ok; ok {
			c.within(i, 0, limit, name, strict)
			v[name] = number(i)
		}
	}
	return v, good
}

var caaTag = regexp.MustCompile(`^[A-Za-z0-9]+$`)

func (c *checker) caa(n *yaml11.Node) (any, bool) {
	if !c.mapping(n, "flags, tag and value", caaIDs...) {
		return nil, false
	}
	flags, ok := int64(0), true
	if f := n.Get("flags"); f != nil {
		flags, ok = c.integer(f, "flags", caaIDs...)
	}
	tag, ok2 := c.there(present(n, "tag"), "tag", caaIDs...)
	value := n.Get("value")
	if value == nil || value.Kind == yaml11.Null {
		c.broken("missing value", "", caaIDs...)
		return nil, false
	}
	if !ok || !ok2 {
		return nil, false
	}
	if flags < 0 || flags > 255 {
		c.bad(fmt.Sprintf(`invalid flags "%d"`, flags), "", caaIDs...)
	} else if flags != 0 && flags != 128 {
		c.bad(fmt.Sprintf(`invalid flags "%d", must be 0 or 128`, flags), "", "caa-value-rfc")
	}
	if !caaTag.MatchString(tag) {
		c.bad(fmt.Sprintf("invalid tag %q", tag), "", "caa-value-rfc")
	}
	return map[string]any{"flags": number(flags), "tag": tag, "value": text(value)}, true
}

func (c *checker) ds(n *yaml11.Node) (any, bool) {
	if !c.mapping(n, "key_tag, algorithm, digest_type and digest", dsIDs...) {
		return nil, false
	}
	names := [4]string{"key_tag", "algorithm", "digest_type", "digest"}
	if n.Get("flags") != nil || n.Get("public_key") != nil {
		names = [4]string{"flags", "protocol", "algorithm", "public_key"}
		c.bad("the fields flags, protocol, algorithm and public_key are deprecated",
			"write key_tag, algorithm, digest_type and digest", "ds-value-rfc")
	}
	v := map[string]any{}
	good := true
	for i, name := range names[:3] {
		x, ok := c.integer(present(n, name), name, dsIDs...)
		if good = good && ok; ok {
			c.within(x, 0, []int64{math.MaxUint16, 255, 255}[i], name, "ds-value-rfc")
			v[[3]string{"key_tag", "algorithm", "digest_type"}[i]] = number(x)
		}
	}
	digest, ok := c.there(present(n, names[3]), names[3], dsIDs...)
	if !ok || !good {
		return nil, false
	}
	v["digest"] = strings.ToLower(digest)
	c.hex(digest, v["digest_type"], "digest", "ds-value-rfc", map[any]int{number(1): 40, number(2): 64, number(4): 96})
	switch v["algorithm"] {
	case number(1), number(3), number(5), number(6), number(7):
		c.bad(fmt.Sprintf("algorithm %s is deprecated", v["algorithm"]), "", "ds-value-best-practice")
	}
	if v["digest_type"] == number(1) {
		c.bad("digest_type 1 (SHA-1) is deprecated", "", "ds-value-best-practice")
	}
	return v, true
}

var hexText = regexp.MustCompile(`^[0-9A-Fa-f]+$`)

// hex checks digits and length of a digest; lengths gives the length for each type of digest.
func (c *checker) hex(s string, typ any, what, id string, lengths map[any]int) {
	if !hexText.MatchString(s) {
		c.bad(fmt.Sprintf("%s %q is not hexadecimal", what, clip(s)), "", id)
	} else if want, ok := lengths[typ]; ok && len(s) != want {
		c.bad(fmt.Sprintf("%s has %d characters, should be %d", what, len(s), want), "", id)
	}
}

func (c *checker) sshfp(n *yaml11.Node) (any, bool) {
	if !c.mapping(n, "algorithm, fingerprint_type and fingerprint", sshfpIDs...) {
		return nil, false
	}
	v, ok := c.integers(n, "sshfp-value-rfc", 255, sshfpIDs, "algorithm", "fingerprint_type")
	print, ok2 := c.there(present(n, "fingerprint"), "fingerprint", sshfpIDs...)
	if f := n.Get("fingerprint"); f != nil && f.Kind != yaml11.String && f.Kind != yaml11.Null && ok2 {
		c.broken("fingerprint is "+article(f.Kind)+" in YAML, not a text", "quote it: '"+f.Text+"'", sshfpIDs...)
		ok2 = false
	}
	if !ok || !ok2 {
		return nil, false
	}
	lengths := map[any]int{number(1): 40, number(2): 64}
	switch v["algorithm"] {
	case number(1), number(2), number(3), number(4):
	default:
		c.bad(fmt.Sprintf("unrecognized algorithm %q", v["algorithm"]), "", "sshfp-value")
	}
	if want, known := lengths[v["fingerprint_type"]]; !known {
		c.bad(fmt.Sprintf("unrecognized fingerprint_type %q", v["fingerprint_type"]), "", "sshfp-value")
	} else if len(print) != want {
		c.bad(fmt.Sprintf("fingerprint has %d characters, should be %d", len(print), want), "", "sshfp-value")
	}
	c.hex(print, v["fingerprint_type"], "fingerprint", "sshfp-value-rfc", lengths)
	if v["fingerprint_type"] == number(1) {
		c.bad("fingerprint_type 1 (SHA-1) is deprecated", "", "sshfp-value-best-practice")
	}
	v["fingerprint"] = strings.ToLower(print)
	return v, true
}

func (c *checker) tlsa(n *yaml11.Node) (any, bool) {
	if !c.mapping(n, "certificate_usage, selector, matching_type and certificate_association_data", tlsaIDs...) {
		return nil, false
	}
	v, ok := c.integers(n, "tlsa-value-rfc", 255, tlsaIDs, "certificate_usage", "selector", "matching_type")
	data, ok2 := c.there(present(n, "certificate_association_data"), "certificate_association_data", tlsaIDs...)
	if !ok || !ok2 {
		return nil, false
	}
	for _, f := range []struct {
		name  string
		limit int64
	}{{"certificate_usage", 3}, {"selector", 1}, {"matching_type", 2}} {
		i, _ := asInt(present(n, f.name))
		c.within(i, 0, f.limit, f.name, "tlsa-value")
	}
	c.hex(data, v["matching_type"], "certificate_association_data", "tlsa-value-rfc", map[any]int{number(1): 64, number(2): 128})
	if v["matching_type"] == number(0) {
		c.bad("matching_type 0 publishes the whole certificate", "use 1 (SHA-256)", "tlsa-value-best-practice")
	}
	v["certificate_association_data"] = strings.ToLower(data)
	return v, true
}

func (c *checker) naptr(n *yaml11.Node) (any, bool) {
	if !c.mapping(n, "order, preference, flags, service, regexp and replacement", naptrIDs...) {
		return nil, false
	}
	v, good := c.integers(n, "naptr-value-rfc", math.MaxUint16, naptrIDs, "order", "preference")
	for _, name := range []string{"flags", "service", "regexp", "replacement"} {
		f := n.Get(name)
		if f == nil || f.Kind == yaml11.Null {
			c.broken("missing "+name, "", naptrIDs...)
			good = false
			continue
		}
		v[name] = text(f)
	}
	if !good {
		return nil, false
	}
	flags := strings.ToUpper(v["flags"].(string))
	v["flags"] = flags
	switch flags {
	case "S", "A", "U", "P":
	case "":
		c.bad(`unrecognized flags ""`, "", "naptr-value")
	default:
		c.bad(fmt.Sprintf("unrecognized flags %q", flags), "", naptrIDs...)
	}
	if r := v["replacement"].(string); r != "" && !strings.HasSuffix(r, ".") && !template(r) {
		c.bad(fmt.Sprintf("NAPTR value %q missing trailing .", r), "", "naptr-value-best-practice")
	}
	return v, true
}

func (c *checker) uri(n *yaml11.Node) (any, bool) {
	if !c.mapping(n, "priority, weight and target", uriIDs...) {
		return nil, false
	}
	v, ok := c.integers(n, "uri-value-rfc", math.MaxUint16, uriIDs, "priority", "weight")
	target, ok2 := c.there(present(n, "target"), "target", uriIDs...)
	if !ok || !ok2 {
		return nil, false
	}
	if target == "" {
		c.bad("missing target", "", "uri-value")
	}
	v["target"] = target // octoDNS lower-cases it, which breaks paths
	return v, true
}

func (c *checker) urlfwd(n *yaml11.Node) (any, bool) {
	const id = "urlfwd-value"
	if !c.mapping(n, "path, target, code, masking and query", id) {
		return nil, false
	}
	path, ok := c.there(present(n, "path"), "path", id)
	target, ok2 := c.there(present(n, "target"), "target", id)
	v := map[string]any{"path": path, "target": target}
	good := ok && ok2
	for _, f := range []struct {
		name, word string
		allowed    []int64
	}{{"code", "return code", []int64{301, 302}}, {"masking", "masking setting", []int64{0, 1, 2}}, {"query", "query setting", []int64{0, 1}}} {
		i, ok := c.integer(present(n, f.name), f.name, id)
		if good = good && ok; !ok {
			continue
		}
		v[f.name] = number(i)
		known := false
		for _, a := range f.allowed {
			known = known || a == i
		}
		if !known {
			c.bad(fmt.Sprintf(`unrecognized %s "%d"`, f.word, i), "", id)
		}
	}
	return v, good
}

func (c *checker) loc(n *yaml11.Node) (any, bool) {
	const id = "loc-value-rfc"
	if !c.mapping(n, "lat_degrees and the other fields of a location", id) {
		return nil, false
	}
	v, good := map[string]any{}, true
	for _, name := range locFields {
		f := present(n, name)
		if f == nil {
			c.broken("missing "+name, "", id)
			good = false
			continue
		}
		var low, high float64
		whole := false
		switch name {
		case "lat_direction", "long_direction":
			s, want := text(f), "NS"
			if name == "long_direction" {
				want = "EW"
			}
			if len(s) != 1 || !strings.Contains(want, s) {
				c.bad(fmt.Sprintf("invalid direction for %s %q", name, clip(s)), "", id)
			}
			v[name] = s
			continue
		case "lat_degrees":
			high, whole = 90, true
		case "long_degrees":
			high, whole = 180, true
		case "lat_minutes", "long_minutes":
			high, whole = 59, true
		case "lat_seconds", "long_seconds":
			high = 59.999
		case "altitude":
			low, high = -100000.00, 42849672.95
		default:
			high = 90000000.00
		}
		x, ok := asFloat(f)
		if i, isInt := asInt(f); ok && whole && isInt {
			x = float64(i)
		}
		if !ok {
			c.broken(fmt.Sprintf("invalid value for %s %q", name, quoted(f)), "", id)
			good = false
			continue
		}
		if x < low || x > high {
			c.bad(fmt.Sprintf("invalid value for %s %q", name, quoted(f)), fmt.Sprintf("write a number from %g to %g", low, high), id)
		}
		if whole {
			v[name] = number(int64(x))
		} else {
			v[name] = floatNumber(x)
		}
	}
	return v, good
}
