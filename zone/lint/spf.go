package lint

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// text checks a TXT or SPF RRset.
func (l *linter) text(set *zone.RRset) {
	if set.Type == zone.TypeSPF {
		l.say("spf-type", finding.Warning, set, "use TXT", "type SPF is obsolete (RFC 7208, section 3.1)")
	}
	var policies []string
	for _, d := range set.Data {
		if len(d) > 4000 {
			l.say("txt-long", finding.Warning, set, "shorten it", "%d octets do not fit into a UDP answer; some resolvers will not fetch it", len(d))
		}
		text := join(d)
		if v, _, _ := strings.Cut(text, " "); strings.EqualFold(v, "v=spf1") {
			policies = append(policies, text)
		}
	}
	if len(policies) > 1 {
		l.say("spf-multiple", finding.Error, set, "merge them into one", "%d SPF records make every check fail (RFC 7208, section 4.5)", len(policies))
		return
	}
	for _, p := range policies {
		for _, problem := range spfProblems(p) {
			l.say("spf-syntax", finding.Error, set, "see RFC 7208, section 4.6", "%s", problem)
		}
		if n, all := l.spfLookups(p, map[zone.Name]bool{set.Owner: true}); n > 10 {
			kind := "at least %d"
			if all {
				kind = "%d"
			}
			l.say("spf-lookups", finding.Error, set, "replace includes by addresses, or remove some", "SPF needs "+kind+" DNS look-ups, more than 10 make the check fail (RFC 7208, section 4.6.4)", n)
		}
	}
}

// join returns the text of a TXT record, its character-strings joined.
func join(d zone.Data) string {
	var b strings.Builder
	for s := string(d); s != ""; {
		n := min(int(s[0]), len(s)-1)
		b.WriteString(s[1 : 1+n])
		s = s[1+n:]
	}
	return b.String()
}

// A term is one part of an SPF record: a mechanism or a modifier.
type term struct {
	name, value string
	modifier    bool
}

func spfTerms(policy string) []term {
	var out []term
	for _, word := range strings.Fields(policy)[1:] {
		word = strings.TrimLeft(word, "+-~?")
		i := strings.IndexAny(word, ":=/")
		t := term{name: strings.ToLower(word)}
		if i >= 0 {
			t.name, t.value, t.modifier = strings.ToLower(word[:i]), word[i+1:], word[i] == '='
			if word[i] == '/' {
				t.value = word[i:]
			}
		}
		out = append(out, t)
	}
	return out
}

// spfProblems tells what makes an SPF record unreadable (RFC 7208, section 12).
func spfProblems(policy string) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	seen := map[string]int{}
	terms := spfTerms(policy)
	for i, t := range terms {
		if t.modifier {
			seen[t.name]++
			if (t.name == "redirect" || t.name == "exp") && t.value == "" {
				say("SPF modifier %s= has no value", t.name)
			}
			if (t.name == "redirect" || t.name == "exp") && seen[t.name] == 2 {
				say("SPF modifier %s= stands twice", t.name)
			}
			continue
		}
		switch t.name {
		case "all":
			if t.value != "" {
				say("SPF mechanism all takes no value")
			}
			for _, after := range terms[i+1:] {
				if !after.modifier {
					say("SPF mechanism %s stands after all and never counts", after.name)
					break
				}
			}
		case "ip4", "ip6":
			if !spfNetwork(t.value, t.name == "ip6") {
				say("SPF mechanism %s:%s is no network", t.name, t.value)
			}
		case "include", "exists":
			if t.value == "" {
				say("SPF mechanism %s has no domain", t.name)
			}
		case "a", "mx", "ptr":
		default:
			say("SPF mechanism %q is unknown", t.name)
		}
	}
	return out
}

func spfNetwork(s string, six bool) bool {
	addr, bits, cut := strings.Cut(s, "/")
	a, err := netip.ParseAddr(addr)
	if err != nil || a.Is6() != six {
		return false
	}
	if !cut {
		return true
	}
	n, err := strconv.Atoi(bits)
	return err == nil && n >= 0 && n <= a.BitLen()
}

// spfLookups counts the DNS look-ups of a policy, following include and redirect as far as they
// stay inside the zone. all reports whether the count is complete.
func (l *linter) spfLookups(policy string, seen map[zone.Name]bool) (n int, all bool) {
	all = true
	for _, t := range spfTerms(policy) {
		switch {
		case !t.modifier && (t.name == "a" || t.name == "mx" || t.name == "ptr" || t.name == "exists"):
			n++
		case !t.modifier && t.name == "include", t.modifier && t.name == "redirect":
			n++
			target, err := zone.ParseName(t.value)
			if err != nil || strings.Contains(t.value, "%") || !target.In(l.origin) {
				all = false
				continue
			}
			if seen[target] {
				continue
			}
			seen[target] = true
			set, ok := l.z.Set(target, zone.TypeTXT)
			if !ok {
				continue
			}
			for _, d := range set.Data {
				if inner := join(d); strings.HasPrefix(strings.ToLower(inner), "v=spf1 ") {
					m, whole := l.spfLookups(inner, seen)
					n, all = n+m, all && whole
				}
			}
		}
	}
	return n, all
}
