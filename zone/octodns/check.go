package octodns

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
)

// Ids of findings that are no octoDNS rules.
const (
	idShape     = "record-shape"     // a record, list or mapping where something else is wanted
	idType      = "record-type"      // missing or unknown type
	idDuplicate = "duplicate-record" // same name and type twice
	idUnknown   = "unknown-field"    // a field that octoDNS ignores
	idDot       = "missing-dot"      // a target without its final dot (accepted by default)
	idOdd       = "odd-target"       // a target that octoDNS rejects but DNS allows
	idQuotes    = "txt-quotes"       // text that octoDNS changes while reading
	idRepeated  = "repeated-value"
	idOpaque    = "opaque-value" // cannot be put into DNS; kept as it stands
	idValue     = "value"        // cannot be read, and no rule is on that says so
	idOutside   = "outside-zone"
	idOrigin    = "origin"
	idTTL       = "ttl-range"
	idTarget    = "provider-value"
	idHealth    = "not-yet-applied"
	idSubzone   = "sub-zone"
)

// A reason is one thing wrong with a record.
type reason struct{ id, text, fix string }

// A checker reads the fields of one record, and collects what its rules object to.
type checker struct {
	typ     string
	on      map[string]bool // rules that run
	esc     bool            // the file writes semicolons as \;
	reasons []reason        // violations
	hazards []reason        // worth a warning whatever the rules
}

// bad records a violation under each of the ids that runs. It reports whether any does.
func (c *checker) bad(text, fix string, ids ...string) bool {
	any := false
	for _, id := range ids {
		if c.on[id] {
			c.reasons = append(c.reasons, reason{id, text, fix})
			any = true
		}
	}
	return any
}

// broken records what cannot be read at all, whatever rules run.
func (c *checker) broken(text, fix string, ids ...string) {
	if !c.bad(text, fix, ids...) {
		c.reasons = append(c.reasons, reason{idValue, text, fix})
	}
}

func (c *checker) hazard(id, text, fix string) {
	c.hazards = append(c.hazards, reason{id, text, fix})
}

// quoted shows a node's text in a message.
func quoted(n *yaml11.Node) string {
	switch {
	case n == nil || n.Kind == yaml11.Null:
		return "None"
	case n.Kind == yaml11.Mapping || n.Kind == yaml11.Sequence:
		return clip(canonical(tree(n)))
	}
	return clip(n.PyText())
}

// article returns "a list", "an integer".
func article(k yaml11.Kind) string {
	if k == yaml11.Int {
		return "an integer"
	}
	return "a " + k.String()
}

// clip shortens text for messages.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= 120 {
		return s
	}
	return string([]rune(s)[:117]) + "..."
}

// asInt reads a number as Python's int does: integers, floats cut off, numeric strings, booleans.
func asInt(n *yaml11.Node) (int64, bool) {
	if n == nil {
		return 0, false
	}
	switch n.Kind {
	case yaml11.Int:
		return n.Int()
	case yaml11.Float:
		f, _ := n.Float()
		if math.IsNaN(f) || math.Abs(f) > 1<<53 {
			return 0, false
		}
		return int64(f), true
	case yaml11.Bool:
		if v, _ := n.Bool(); v {
			return 1, true
		}
		return 0, true
	case yaml11.String:
		s := strings.TrimSpace(n.Text)
		if s == "" || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
			return 0, false
		}
		v, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
		return v, err == nil
	}
	return 0, false
}

// asFloat reads a number as Python's float does.
func asFloat(n *yaml11.Node) (float64, bool) {
	if n == nil {
		return 0, false
	}
	switch n.Kind {
	case yaml11.Int, yaml11.Float:
		v, ok := n.Float()
		return v, ok && !math.IsInf(v, 0) && !math.IsNaN(v)
	case yaml11.String:
		v, err := strconv.ParseFloat(strings.TrimSpace(n.Text), 64)
		return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
	}
	return 0, false
}

// present returns the first of the named fields that is there and not null.
func present(n *yaml11.Node, names ...string) *yaml11.Node {
	for _, name := range names {
		if v := n.Get(name); v != nil && v.Kind != yaml11.Null {
			return v
		}
	}
	return nil
}

// text returns the text of a scalar field.
func text(n *yaml11.Node) string {
	if n == nil || n.Kind == yaml11.Null {
		return ""
	}
	return n.PyText()
}

// mapping reports whether a value is a mapping, and complains if not.
func (c *checker) mapping(n *yaml11.Node, fields string, ids ...string) bool {
	if n != nil && n.Kind == yaml11.Mapping {
		return true
	}
	c.broken(fmt.Sprintf("%s value %q is not a mapping", c.typ, quoted(n)), "write a mapping with "+fields, ids...)
	return false
}

// integer reads a required number.
func (c *checker) integer(n *yaml11.Node, what string, ids ...string) (int64, bool) {
	if n == nil || n.Kind == yaml11.Null {
		c.broken("missing "+what, "", ids...)
		return 0, false
	}
	v, ok := asInt(n)
	if !ok {
		c.broken(fmt.Sprintf("invalid %s %q", what, quoted(n)), "write a whole number", ids...)
	}
	return v, ok
}

// within checks a range that only some rule sets check.
func (c *checker) within(v, low, high int64, what, id string) {
	if v < low || v > high {
		c.bad(fmt.Sprintf("invalid %s \"%d\"", what, v), fmt.Sprintf("write a number from %d to %d", low, high), id)
	}
}

// required reads a required text; empty counts as missing.
func (c *checker) required(n *yaml11.Node, what string, ids ...string) (string, bool) {
	s := text(n)
	if s == "" {
		c.broken("missing "+what, "", ids...)
		return "", false
	}
	if n.Kind == yaml11.Mapping || n.Kind == yaml11.Sequence {
		c.broken(fmt.Sprintf("invalid %s %q", what, quoted(n)), "write one text", ids...)
		return "", false
	}
	return s, true
}

// there is required that accepts an empty text.
func (c *checker) there(n *yaml11.Node, what string, ids ...string) (string, bool) {
	if n != nil && n.Kind == yaml11.String && n.Text == "" {
		return "", true
	}
	return c.required(n, what, ids...)
}

// A targetRules tells which rules look at a target.
type targetRules struct {
	fqdn    []string // ids of the rules that want a host name
	notIP   string
	dot     string // id of the rule that wants a final dot
	kind    string // "CNAME value", "MX exchange"
	root    bool   // "." is accepted
	message string // of the fqdn rule, with %s for the target
}

// target checks a host name that a record points at, and returns it in normal form: A-labels in
// lower case, with or without a final dot as written.
func (c *checker) target(s string, t targetRules) string {
	norm, err := normalTarget(s)
	if err != nil {
		c.broken(fmt.Sprintf("%s %q is not a host name: %v", t.kind, clip(s), err), "", t.fqdn...)
		return s
	}
	if norm == "." && t.root {
		return norm
	}
	if template(norm) {
		return norm // it is filled in later
	}
	switch why := hostProblem(norm); why {
	case "":
	case whySlash, whySingle:
		c.hazard(idOdd, fmt.Sprintf("%s %q %s; octoDNS rejects that", t.kind, clip(s), why), "")
	default:
		c.bad(fmt.Sprintf(t.message, clip(s)), "", t.fqdn...)
	}
	if _, err := netip.ParseAddr(strings.TrimSuffix(norm, ".")); err == nil && t.notIP != "" {
		c.bad(fmt.Sprintf("%s %q is an IP address", t.kind, clip(s)), "write a host name", t.notIP)
	}
	if !strings.HasSuffix(norm, ".") {
		fix := fmt.Sprintf("write %q", norm+".")
		if !c.bad(fmt.Sprintf("%s %q missing trailing .", t.kind, clip(s)), fix, t.dot) {
			c.hazard(idDot, fmt.Sprintf("%s %q has no final dot; it is taken as it stands, never as relative to the zone", t.kind, clip(s)), fix)
		}
	}
	return norm
}

// template reports text that the templating processor fills in.
func template(s string) bool { return strings.Contains(s, "{") && strings.Contains(s, "}") }

// normalTarget lower-cases s and turns labels with other than ASCII letters into A-labels.
func normalTarget(s string) (string, error) {
	wide := false
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			wide = true
		}
	}
	if !wide {
		return strings.ToLower(s), nil
	}
	labels := strings.Split(s, ".")
	for i, l := range labels {
		a, err := asciiLabel(l)
		if err != nil {
			return "", err
		}
		labels[i] = a
	}
	return strings.Join(labels, "."), nil
}

// asciiLabel converts one label to its A-label if it needs that.
func asciiLabel(l string) (string, error) {
	for i := range len(l) {
		if l[i] >= utf8.RuneSelf {
			n, err := zone.ParseName(strings.ReplaceAll(l, `\`, `\\`))
			if err != nil {
				return "", err
			}
			return n.Label(0), nil
		}
	}
	return strings.ToLower(l), nil
}

const (
	whySlash  = "contains a slash (RFC 2317)"
	whySingle = "has only one label"
)

// hostProblem tells why s, in normal form, is not what octoDNS takes for a fully qualified name.
func hostProblem(s string) string {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 253 {
		return "has no good length"
	}
	labels, slash, start := 1, false, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			c := s[i]
			switch {
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			case c == '/':
				slash = true
			default:
				return "contains other characters than letters, digits, - and _"
			}
			continue
		}
		if l := i - start; l == 0 || l > 63 || s[start] == '-' || s[i-1] == '-' {
			return "has a bad label"
		}
		if i < len(s) {
			labels++
		}
		start = i + 1
	}
	switch {
	case slash:
		return whySlash
	case labels < 2:
		return whySingle
	}
	return ""
}

// chunked reads one text of a TXT or SPF record into octoDNS's internal form.
func (c *checker) chunked(n *yaml11.Node) (string, bool) {
	const id = "chunked-value-rfc"
	switch n.Kind {
	case yaml11.Null:
		c.broken("missing value(s)", "", id)
		return "", false
	case yaml11.Mapping, yaml11.Sequence:
		c.broken(fmt.Sprintf("%s value %q is not a text", c.typ, quoted(n)), "", id)
		return "", false
	case yaml11.String:
	default:
		c.broken(fmt.Sprintf("%s value %s is %s in YAML, not a text", c.typ, quoted(n), article(n.Kind)), "quote it: '"+n.Text+"'", id)
	}
	s := n.PyText()
	if n.Kind == yaml11.Timestamp || n.Kind == yaml11.Int || n.Kind == yaml11.Float {
		s = n.Text
	}
	if !c.esc {
		s = strings.ReplaceAll(s, ";", `\;`)
	}
	c.semicolons(s)
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			c.bad(fmt.Sprintf("non ASCII character in %q", clip(s)), "", id)
			break
		}
	}
	balanced := true
	if strings.HasPrefix(s, `"`) {
		balanced = len(s) > 1 && strings.HasSuffix(s, `"`)
		s = cutEnds(s)
	} else if strings.Contains(s, `" "`) {
		c.hazard(idQuotes, fmt.Sprintf(`the text contains '" "', which is removed from the value: %s`, clip(n.Text)), "")
	}
	if !balanced {
		c.hazard(idQuotes, fmt.Sprintf("the text begins with a quote and does not end with one; its last character is removed with it: %s", clip(n.Text)),
			"write the text without quotes of its own")
	}
	return strings.ReplaceAll(s, `" "`, ""), true
}

// cutEnds removes the first and last character.
func cutEnds(s string) string {
	_, first := utf8.DecodeRuneInString(s)
	s = s[first:]
	_, last := utf8.DecodeLastRuneInString(s)
	return s[:len(s)-last]
}

// semicolons looks for "x;" and "\\;", as octoDNS's expressions do.
func (c *checker) semicolons(s string) {
	const id = "chunked-value-rfc"
	plain, double := false, false
	for i := range len(s) {
		if s[i] != ';' || i == 0 {
			continue
		}
		r, _ := utf8.DecodeLastRuneInString(s[:i])
		plain = plain || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
		double = double || strings.HasSuffix(s[:i], `\\`)
	}
	if plain {
		c.bad(fmt.Sprintf("unescaped ; in %s", quoteText(s)), `write \; or set escaped_semicolons: false`, id)
	}
	if double {
		c.bad(fmt.Sprintf("double escaped ; in %s", quoteText(s)), `write \;`, id)
	}
}

// quoteText puts a text into quotes without escaping its backslashes, which the message is about.
func quoteText(s string) string { return `"` + clip(s) + `"` }
