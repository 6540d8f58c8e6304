package octodns

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// singleMX are mail services that are reached through one exchange by design.
var singleMX = []*regexp.Regexp{
	regexp.MustCompile(`^(feedback|inbound)-smtp\..+\.amazon(aws|ses)\.com\.$`),
	regexp.MustCompile(`^inbound\.postmarkapp\.com\.$`),
	regexp.MustCompile(`^mx\.hubapi\.com\.$`),
	regexp.MustCompile(`^mx\.sendgrid\.net\.$`),
	regexp.MustCompile(`^smtp\.google\.com\.$`),
	regexp.MustCompile(`^smtp\.siftrock\.com\.$`),
}

// mail runs the rule about MX, SPF and DMARC.
func (k *zoneChecker) mail() {
	origin := k.z.Origin()
	for s := range k.z.All() {
		if s.Type != zone.TypeMX {
			continue
		}
		if !nullMX(s) {
			k.redundancy(s)
		}
		if s.Owner != origin {
			k.mailBelow(s)
		}
	}
	mx, hasMX := k.z.Set(origin, zone.TypeMX)
	spf, spfSet := k.spf(origin)
	k.oneSPF(origin, spf, spfSet)
	if dmarc, set := k.dmarc(); len(dmarc) > 1 {
		k.bad("mail", fmt.Sprintf("zone %q has %d DMARC values, and must have one at most", k.show(origin), len(dmarc)), "merge them into one", *set)
	}
	mode := k.Rules.MailMode
	if mode == "" || mode == "auto" {
		switch {
		case hasMX && nullMX(mx):
			mode = "no-mail"
		case hasMX:
			mode = "mail"
		case len(spf) > 0 && spf[0] == "v=spf1 -all":
			mode = "no-mail"
		case len(spf) > 0:
			mode = "mail"
		default:
			return
		}
	}
	if mode == "mail" {
		k.handlesMail(mx, hasMX, spf, spfSet)
	} else {
		k.noMail(mx, hasMX, spf, spfSet)
	}
}

func nullMX(s zone.RRset) bool { return len(s.Data) == 1 && s.Data[0] == "\x00\x00\x00" }

// redundancy wants more than one exchange.
func (k *zoneChecker) redundancy(s zone.RRset) {
	least := k.Rules.MinMX
	if least == 0 {
		least = 2
	}
	if len(s.Data) >= least {
		return
	}
	for t := range k.targets(s) {
		for _, known := range append(singleMX[:len(singleMX):len(singleMX)], k.Rules.SingleMX...) {
			if len(s.Data) == 1 && known.MatchString(t.String()) {
				return
			}
		}
	}
	k.bad("mail", fmt.Sprintf("MX record %q should have at least %d values for redundancy, found %d", k.show(s.Owner), least, len(s.Data)), "", s)
}

// texts returns the texts at a name that begin with prefix, in lower case and without backslashes.
func (k *zoneChecker) texts(owner zone.Name, prefix string) (found []string, set *zone.RRset) {
	s, ok := k.z.Set(owner, zone.TypeTXT)
	if !ok {
		return nil, nil
	}
	rec, _ := Normal(s, k.z.Origin())
	for _, v := range rec.Values {
		t, _ := v.(string)
		t = strings.ReplaceAll(strings.ToLower(t), `\`, "")
		if strings.HasPrefix(t, prefix) {
			found = append(found, t)
		}
	}
	return found, &s
}

func (k *zoneChecker) spf(owner zone.Name) ([]string, *zone.RRset) { return k.texts(owner, "v=spf1") }

func (k *zoneChecker) oneSPF(owner zone.Name, spf []string, set *zone.RRset) {
	if len(spf) > 1 {
		k.bad("mail", fmt.Sprintf("%q has %d SPF values, and must have one at most", k.show(owner), len(spf)), "merge them into one", *set)
	}
}

// mailBelow looks at a name below the apex that has MX.
func (k *zoneChecker) mailBelow(mx zone.RRset) {
	spf, set := k.spf(mx.Owner)
	k.oneSPF(mx.Owner, spf, set)
	owner, mode := k.show(mx.Owner), k.Rules.MailMode
	if (mode == "" || mode == "auto") && nullMX(mx) {
		mode = "no-mail"
	}
	if mode != "no-mail" {
		switch {
		case len(spf) == 0:
			k.bad("mail", fmt.Sprintf("%q handles mail but is missing an SPF TXT record", owner), "", with(mx, set)...)
		case !endsSPF(spf[0]):
			k.bad("mail", fmt.Sprintf(`SPF record at %q should terminate with "~all" or "-all"`, owner), "", *set)
		}
		return
	}
	if !nullMX(mx) {
		k.bad("mail", fmt.Sprintf(`%q disables mail and should have a single null MX "0 ."`, owner), "", mx)
	}
	switch {
	case len(spf) == 0:
		k.bad("mail", fmt.Sprintf(`%q disables mail but is missing the SPF TXT record "v=spf1 -all"`, owner), "", with(mx, set)...)
	case spf[0] != "v=spf1 -all":
		k.bad("mail", fmt.Sprintf(`%q disables mail and should have the SPF TXT record "v=spf1 -all"`, owner), "", *set)
	}
}

func endsSPF(s string) bool { return strings.HasSuffix(s, " -all") || strings.HasSuffix(s, " ~all") }

// with puts a set that may be missing behind another.
func with(first zone.RRset, second *zone.RRset) []zone.RRset {
	if second == nil {
		return []zone.RRset{first}
	}
	return []zone.RRset{first, *second}
}

// dmarc returns the DMARC values (RFC 7489) of the zone.
func (k *zoneChecker) dmarc() (values []string, set *zone.RRset) {
	owner, err := k.z.Origin().Child("_dmarc")
	if err != nil {
		return nil, nil
	}
	return k.texts(owner, "v=dmarc1")
}

// policy returns the p= of a DMARC value.
func policy(dmarc string) string {
	for part := range strings.SplitSeq(dmarc, ";") {
		if name, value, ok := strings.Cut(strings.TrimSpace(part), "="); ok && strings.TrimSpace(name) == "p" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// found lists the records about mail that exist.
func found(mx zone.RRset, hasMX bool, sets ...*zone.RRset) []zone.RRset {
	var out []zone.RRset
	if hasMX {
		out = append(out, mx)
	}
	for _, s := range sets {
		if s != nil {
			out = append(out, *s)
		}
	}
	return out
}

func (k *zoneChecker) handlesMail(mx zone.RRset, hasMX bool, spf []string, spfSet *zone.RRset) {
	origin := k.show(k.z.Origin())
	dmarc, set := k.dmarc()
	seen := found(mx, hasMX, spfSet, set)
	if !hasMX {
		k.bad("mail", fmt.Sprintf("zone %q handles mail but is missing an MX record at the apex", origin), "", seen...)
	}
	switch {
	case len(spf) == 0:
		k.bad("mail", fmt.Sprintf("zone %q handles mail but is missing an SPF TXT record at the apex", origin), "", seen...)
	case !endsSPF(spf[0]):
		k.bad("mail", fmt.Sprintf(`SPF record at the apex of %q should terminate with "~all" or "-all"`, origin), "", *spfSet)
	}
	switch {
	case len(dmarc) == 0:
		k.bad("mail", fmt.Sprintf("zone %q handles mail but is missing a DMARC TXT record at _dmarc", origin), "", seen...)
	case policy(dmarc[0]) == "":
		k.bad("mail", fmt.Sprintf("DMARC record of %q has no policy (p=)", origin), "", *set)
	}
}

func (k *zoneChecker) noMail(mx zone.RRset, hasMX bool, spf []string, spfSet *zone.RRset) {
	origin := k.show(k.z.Origin())
	dmarc, set := k.dmarc()
	seen := found(mx, hasMX, spfSet, set)
	switch {
	case !hasMX:
		k.bad("mail", fmt.Sprintf(`zone %q does not handle mail but is missing a null MX "0 ."`, origin), "", seen...)
	case !nullMX(mx):
		k.bad("mail", fmt.Sprintf(`zone %q does not handle mail and should have the null MX "0 ."`, origin), "", mx)
	}
	switch {
	case len(spf) == 0:
		k.bad("mail", fmt.Sprintf(`zone %q does not handle mail but is missing the SPF TXT record "v=spf1 -all"`, origin), "", seen...)
	case spf[0] != "v=spf1 -all":
		k.bad("mail", fmt.Sprintf(`zone %q does not handle mail and should have the SPF TXT record "v=spf1 -all"`, origin), "", *spfSet)
	}
	switch {
	case set == nil:
		k.bad("mail", fmt.Sprintf("zone %q does not handle mail but is missing a DMARC TXT record at _dmarc", origin), "", seen...)
	case len(dmarc) == 0 || policy(dmarc[0]) != "reject":
		k.bad("mail", fmt.Sprintf("DMARC record of %q should have p=reject", origin), "", *set)
	}
}
