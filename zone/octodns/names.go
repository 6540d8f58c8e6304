package octodns

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zonecast/zonecast/zone"
)

// ownerOf turns the name of a record, relative to base, into an owner name. A backslash begins an
// escape as in zone files; octoDNS has none, and no such names.
func ownerOf(name string, base zone.Name) (zone.Name, error) {
	if name == "" {
		return base, nil
	}
	if plainName(name) {
		return zone.ParseNameIn(name, base)
	}
	if strings.Contains(name, `\`) && !strings.HasSuffix(name, ".") {
		if n, err := zone.ParseNameIn(name, base); err == nil {
			return n, nil
		}
	}
	n := base
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	for i := len(labels) - 1; i >= 0; i-- {
		l, err := asciiLabel(labels[i])
		if err == nil {
			n, err = n.Child(l)
		}
		if err != nil {
			return zone.Name{}, err
		}
	}
	return n, nil
}

// plainName reports whether zone.ParseNameIn reads the name as octoDNS does: letters, digits and
// the usual marks, no final dot.
func plainName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c == '-', c == '_', c == '*', c == '.', c == '/':
		default:
			return false
		}
	}
	return s[len(s)-1] != '.'
}

// recordName is the inverse of ownerOf: the name relative to origin, "" for the apex. With
// unicode, labels are shown as U-labels.
func recordName(n, origin zone.Name, unicode bool) string {
	count := n.Labels() - origin.Labels()
	if count <= 0 {
		return ""
	}
	if n.WireLen() == len(n.Key())+1 && !unicode {
		rel := n.Relative(origin)
		if !strings.Contains(rel, `\`) {
			return rel
		}
	}
	labels := make([]string, count)
	for i := range labels {
		labels[i] = labelText(n.Label(i), unicode)
	}
	return strings.Join(labels, ".")
}

// labelText escapes only what ownerOf would take for something else.
func labelText(l string, unicode bool) string {
	if unicode && strings.HasPrefix(l, "xn--") {
		if n, err := zone.Root.Child(l); err == nil {
			if u := strings.TrimSuffix(n.Unicode(), "."); !strings.Contains(u, `\`) {
				return u
			}
		}
	}
	if l == "@" {
		return `\@`
	}
	var b strings.Builder
	for i := range len(l) {
		switch c := l[i]; {
		case c == '.' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c <= ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// checkName runs the rule name-rfc on a name as written.
func (c *checker) checkName(name string, origin zone.Name) {
	const id = "name-rfc"
	if name == "@" {
		c.bad(`invalid name "@", use "" instead`, "", id)
		return
	}
	if strings.ContainsAny(name, " \t") {
		c.broken(fmt.Sprintf("invalid name %q, whitespace is not allowed", clip(name)), "", id)
	}
	if strings.HasSuffix(name, ".") {
		fix := ""
		if full, zoneText := strings.ToLower(name), "."+origin.String(); strings.HasSuffix(full, zoneText) {
			fix = fmt.Sprintf("write %q: names are relative to the zone", strings.TrimSuffix(full, zoneText))
		}
		c.bad(fmt.Sprintf("invalid name %q, it ends with a dot", clip(name)), fix, id)
	}
	size := len(origin.String()) - 1
	for l := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		ascii, err := asciiLabel(l)
		if l == "" && name != "" {
			c.bad(fmt.Sprintf("invalid name, double `..` in %q", clip(name)), "", id)
			continue
		}
		if err != nil {
			c.broken(fmt.Sprintf("invalid name %q: %v", clip(name), err), "", id)
			continue
		}
		if len(ascii) > 63 && !strings.Contains(l, `\`) {
			c.bad(fmt.Sprintf("invalid label, %q is too long at %d chars, max is 63", clip(l), len(ascii)), "", id)
		}
		size += len(ascii) + 1
	}
	if size > 253 && !strings.Contains(name, `\`) {
		c.bad(fmt.Sprintf("invalid fqdn, %q is too long at %d chars, max is 253", clip(name+"."+origin.String()), size), "", id)
	}
}

// checkOwner runs the rules that look at name and type together.
func (c *checker) checkOwner(name string, apex bool) {
	switch c.typ {
	case "CNAME":
		if apex {
			c.bad("root CNAME not allowed", "use ALIAS", "cname-root-rfc")
		}
	case "ALIAS":
		if !apex {
			c.bad("non-root ALIAS not allowed", "use CNAME", "alias-root")
		}
	case "SRV", "URI":
		lower := strings.ToLower(c.typ)
		if !serviceName(name) {
			c.bad("invalid name for "+c.typ+" record", "write _service._proto", lower+"-name")
		}
		if why := strictServiceName(name); why != "" {
			c.bad("invalid name for "+c.typ+" record: "+why, "", lower+"-name-rfc")
		}
	}
}

// serviceName matches ^(\*|_[^.]+)\.[^.]+
func serviceName(name string) bool {
	first, rest, ok := strings.Cut(name, ".")
	return ok && rest != "" && rest[0] != '.' && (first == "*" || len(first) > 1 && first[0] == '_')
}

// strictServiceName tells what RFC 6335, section 5.1 has against a service name, "" for nothing.
func strictServiceName(name string) string {
	labels := strings.Split(name, ".")
	if len(labels) < 2 {
		return "it must begin with _service._proto"
	}
	for i, l := range labels[:2] {
		if i == 0 && l == "*" {
			continue
		}
		body, ok := strings.CutPrefix(l, "_")
		switch {
		case !ok:
			return fmt.Sprintf("label %q must begin with _", clip(l))
		case len(body) < 1 || len(body) > 15:
			return fmt.Sprintf("label %q must have 1 to 15 characters after _", clip(l))
		case strings.Contains(body, "--") || !alnum(body[0], false) || !alnum(body[len(body)-1], true):
			return fmt.Sprintf("label %q must begin with a letter, end with a letter or digit and have no --", clip(l))
		}
		for j := range len(body) {
			if body[j] != '-' && !alnum(body[j], true) {
				return fmt.Sprintf("label %q has other characters than letters, digits and -", clip(l))
			}
		}
	}
	return ""
}

func alnum(c byte, digits bool) bool {
	return c < utf8.RuneSelf && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || digits && c >= '0' && c <= '9')
}
