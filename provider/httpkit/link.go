package httpkit

import (
	"errors"
	"net/http"
	"strings"
)

// NextLink finds the target of the link with the relation "next" in Link headers (RFC 8288,
// section 3); "" when there is none. Two different ones are an error.
func NextLink(h http.Header) (string, error) {
	next := ""
	for _, line := range h.Values("Link") {
		for _, l := range links(line) {
			if !l.next() {
				continue
			}
			if next != "" && next != l.target {
				return "", errors.New("the answer names two next pages")
			}
			next = l.target
		}
	}
	return next, nil
}

// A link is one of a Link header.
type link struct {
	target string
	params [][2]string // names in lower case, values
}

// next reports whether the link leads to the next page.
func (l link) next() bool {
	rel, found := "", false
	for _, p := range l.params {
		switch {
		case p[0] == "rel" && !found: // section 3.3: of several, the first counts
			rel, found = p[1], true
		case p[0] == "anchor" && p[1] != "": // section 3.2: a link of another resource
			return false
		}
	}
	for r := range strings.FieldsSeq(rel) {
		if strings.EqualFold(r, "next") {
			return l.target != ""
		}
	}
	return false
}

// links reads a Link header (RFC 8288, section 3 and appendix B.2). What does not follow the
// grammar ends the list; links before it count.
func links(s string) (list []link) {
	for {
		s = strings.TrimLeft(s, " \t,")
		if !strings.HasPrefix(s, "<") {
			return list
		}
		target, rest, ok := strings.Cut(s[1:], ">")
		if !ok {
			return list
		}
		l := link{target: strings.TrimSpace(target)}
		l.params, s = parameters(rest)
		list = append(list, l)
	}
}

// parameters reads `; name="value"; name=value` up to the end of the link.
func parameters(s string) (list [][2]string, rest string) {
	for {
		s = strings.TrimLeft(s, " \t")
		if !strings.HasPrefix(s, ";") {
			return list, s
		}
		s = strings.TrimLeft(s[1:], " \t;")
		end := strings.IndexAny(s, "=;, \t")
		if end < 0 {
			end = len(s)
		}
		name := strings.ToLower(s[:end])
		s = strings.TrimLeft(s[end:], " \t")
		value := ""
		if after, ok := strings.CutPrefix(s, "="); ok {
			value, s = paramValue(strings.TrimLeft(after, " \t"))
		}
		if name != "" {
			list = append(list, [2]string{name, value})
		}
	}
}

// paramValue reads a token or a quoted string.
func paramValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ";,")
		if end < 0 {
			end = len(s)
		}
		return strings.TrimRight(s[:end], " \t"), s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:]
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}
