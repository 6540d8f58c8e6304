package octodns

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/internal/yaml11"
)

// floatNumber prints a float as Python does: 1.0, not 1.
func floatNumber(x float64) json.Number {
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return json.Number(s)
}

var svcParams = []string{"mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"}

// svcb reads an SVCB or HTTPS value (RFC 9460).
func (c *checker) svcb(n *yaml11.Node) (any, bool) {
	lower := strings.ToLower(c.typ)
	id := lower + "-value-rfc"
	if !c.mapping(n, "svcpriority, targetname and svcparams", id) {
		return nil, false
	}
	prio, ok := c.integer(present(n, "svcpriority"), "svcpriority", id)
	host, ok2 := c.required(present(n, "targetname"), "targetname", id)
	if ok {
		c.within(prio, 0, math.MaxUint16, "svcpriority", id)
	}
	if !ok || !ok2 {
		return nil, false
	}
	host = c.target(host, targetRules{
		fqdn: []string{id}, dot: lower + "-value-best-practice", root: true,
		kind: c.typ + " value", message: "Invalid " + c.typ + ` target "%s" is not a valid FQDN.`,
	})
	params := map[string]any{}
	switch p := n.Get("svcparams"); {
	case p == nil || p.Kind == yaml11.Null:
	case p.Kind != yaml11.Mapping:
		c.broken(fmt.Sprintf("svcparams is %s, not a mapping", article(p.Kind)), "", id)
		return nil, false
	default:
		if prio == 0 && len(p.Keys) > 0 {
			c.bad("svcparams set on AliasMode "+c.typ+" record", "remove svcparams, or set svcpriority above 0", id)
		}
		for i := range p.Keys {
			c.svcParam(p.Keys[i].Name, p.Keys[i].Value, id)
		}
		params, _ = tree(p).(map[string]any)
	}
	return map[string]any{"svcpriority": number(prio), "targetname": host, "svcparams": params}, true
}

// keyN returns the number of a key written keyN.
func keyN(name string) (uint16, bool) {
	digits, ok := strings.CutPrefix(name, "key")
	if !ok || len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	v, err := strconv.ParseUint(digits, 10, 16)
	return uint16(v), err == nil
}

func (c *checker) svcParam(name string, v *yaml11.Node, id string) {
	switch name {
	case "mandatory":
		for _, s := range c.texts(name, v, id) {
			if _, ok := keyN(s); !ok && !slices.Contains(svcParams, s) {
				c.bad(fmt.Sprintf("unsupported SvcParam %q in mandatory list", clip(s)), "", id)
			}
		}
	case "alpn":
		c.texts(name, v, id)
	case "no-default-alpn":
		if v.Kind != yaml11.Null {
			c.bad("SvcParam no-default-alpn has value when it should not", "write no-default-alpn: with nothing behind it", id)
		}
	case "port":
		if i, ok := asInt(v); !ok {
			c.bad(fmt.Sprintf("port %s is not a valid number", quoted(v)), "", id)
		} else if i < 0 || i > math.MaxUint16 {
			c.bad(fmt.Sprintf("port %d is not between 0 and 65535", i), "", id)
		}
	case "ipv4hint", "ipv6hint":
		for _, s := range c.texts(name, v, id) {
			if a, err := netip.ParseAddr(s); err != nil || a.Zone() != "" || a.Is4() != (name == "ipv4hint") {
				c.bad(fmt.Sprintf("%s %q is not a valid address", name, clip(s)), "", id)
			}
		}
	case "ech":
		if _, err := base64.StdEncoding.DecodeString(text(v)); err != nil || text(v) == "" {
			c.bad("ech SvcParam is invalid base64", "", id)
		}
	default:
		if _, ok := keyN(name); !ok {
			c.bad(fmt.Sprintf("unknown SvcParam %q", clip(name)), "the keys are "+strings.Join(svcParams, ", ")+" and keyN", id)
		}
	}
}

// texts reads a list of texts.
func (c *checker) texts(name string, v *yaml11.Node, id string) []string {
	if v.Kind != yaml11.Sequence {
		c.bad(fmt.Sprintf("%s is not a list", name), "write a list, even for one item", id)
		return nil
	}
	if len(v.Items) == 0 {
		c.bad(name+" is an empty list", "remove it", id)
	}
	var out []string
	for _, item := range v.Items {
		out = append(out, text(item))
	}
	return out
}
