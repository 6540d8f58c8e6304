package route53

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/zone"
)

// Values come back as they were sent, and are served as they are meant:
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html
func TestValues(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	for name, c := range map[string]struct {
		typ, value string
		served     string
	}{
		"a":             {"A", "192.0.2.1", "192.0.2.1"},
		"aaaa":          {"AAAA", "2001:0db8:85a3:0:0:8a2e:0370:7334", "2001:db8:85a3::8a2e:370:7334"},
		"caa":           {"CAA", `0 issue "ca.example.net; account=1"`, `0 issue "ca.example.net; account=1"`},
		"cname":         {"CNAME", "Hostname.example.com", "hostname.example.com."},
		"cname-octal":   {"CNAME", `\052.example.com.`, `*.example.com.`},
		"ds":            {"DS", "123 4 2 " + strings.Repeat("0A", 32), "123 4 2 " + strings.Repeat("0A", 32)},
		"https":         {"HTTPS", `1 . alpn="h3,h2" port=8443`, `1 . alpn="h3,h2" port="8443"`},
		"mx":            {"MX", "10 mail.example.com", "10 mail.example.com."},
		"null-mx":       {"MX", "0 .", "0 ."},
		"naptr":         {"NAPTR", `100 50 "u" "E2U+sip" "!^(\\+441632960083)$!sip:\\1@example.com!" .`, `100 50 "u" "E2U+sip" "!^(\\+441632960083)$!sip:\\1@example.com!" .`},
		"ns":            {"NS", "ns-1.example.com", "ns-1.example.com."},
		"ptr":           {"PTR", "hostname.example.com", "hostname.example.com."},
		"spf":           {"SPF", `"v=spf1 -all"`, `"v=spf1 -all"`},
		"srv":           {"SRV", "10 5 80 hostname.example.com", "10 5 80 hostname.example.com."},
		"sshfp":         {"SSHFP", "4 2 " + strings.Repeat("ab", 32), "4 2 " + strings.Repeat("AB", 32)},
		"svcb":          {"SVCB", "0 target.example.com", "0 target.example.com."},
		"tlsa":          {"TLSA", "3 1 1 " + strings.Repeat("ab", 32), "3 1 1 " + strings.Repeat("AB", 32)},
		"txt":           {"TXT", `"one" "two"`, `"one" "two"`},
		"txt-quote":     {"TXT", `"say \"x\" and \\ "`, `"say \"x\" and \\ "`},
		"txt-octal":     {"TXT", `"ex\344mple"`, `"ex\228mple"`},
		"txt-semicolon": {"TXT", `"v=DMARC1\; p=none; x"`, `"v=DMARC1; p=none; x"`},
		"txt-empty":     {"TXT", `""`, `""`},
		"txt-255":       {"TXT", `"` + strings.Repeat("x", 255) + `"`, `"` + strings.Repeat("x", 255) + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			owner := name + ".example.org"
			a.must(id, do("CREATE", set(owner, c.typ, 300, c.value)))
			out, err := a.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{HostedZoneId: &id, StartRecordName: &owner, MaxItems: aws.Int32(1)})
			if err != nil {
				t.Fatal(err)
			}
			if got := *out.ResourceRecordSets[0].ResourceRecords[0].Value; got != c.value {
				t.Errorf("read %s, want %s as it was sent", got, c.value)
			}
			if diff := cmp.Diff([]string{c.served}, a.served(owner+".", c.typ), cmp.Transformer("lower", strings.ToLower)); diff != "" {
				t.Errorf("served differs (-want +got):\n%s", diff)
			}
			a.must(id, do("DELETE", set(owner, c.typ, 300, c.value)))
		})
	}
}

func TestRefusedValues(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	for name, c := range map[string]struct{ typ, value, want string }{
		"not an IPv4 address":   {"A", "ns-738.awsdns-28.net.", "[Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with 'ns-738.awsdns-28.net.'']"},
		"IPv6 in A":             {"A", "2001:db8::1", "ARRDATAIllegalIPv4Address"},
		"leading zeros":         {"A", "192.0.2.001", "ARRDATAIllegalIPv4Address"},
		"IPv4 in AAAA":          {"AAAA", "192.0.2.1", "AAAARRDATAIllegalIPv6Address"},
		"zone of an address":    {"AAAA", "fe80::1%eth0", "AAAARRDATAIllegalIPv6Address"},
		"text without quotes":   {"TXT", "v=spf1", "InvalidCharacterString (Value should be enclosed in quotation marks)"},
		"open quotes":           {"TXT", `"v=spf1`, "InvalidCharacterString"},
		"string of 256":         {"TXT", `"` + strings.Repeat("x", 256) + `"`, "CharacterStringTooLong (Value is too long)"},
		"umlaut not in octal":   {"TXT", `"exämple"`, "UnsupportedCharacter"},
		"empty label":           {"CNAME", "a..example", "DomainLabelEmpty"},
		"two names":             {"CNAME", "a.example b.example", "RRDATANotSingleField (Value contains spaces)"},
		"long label":            {"CNAME", strings.Repeat("a", 64) + ".example", "DomainLabelTooLong"},
		"MX without preference": {"MX", "mail.example.com", "MXRRDATAWrongFieldCount"},
		"MX 65536":              {"MX", "65536 mail.example.com", "InvalidRRDATA"},
		"SRV of three":          {"SRV", "1 2 a.example", "SRVRRDATAWrongFieldCount"},
		"CAA without quotes":    {"CAA", "0 issue ca.example", "InvalidCharacterString"},
		"DS not in hexadecimal": {"DS", "1 13 2 xyz", "InvalidRRDATA"},
		"blank value":           {"TXT", "   ", "RRDATA"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantError(t, a.change(id, do("CREATE", set("x.example.org", c.typ, 300, c.value))), "InvalidChangeBatch", 400, c.want)
		})
	}
	err := a.change(id, do("CREATE", set("a..example.org", "A", 1, "192.0.2.1")))
	wantError(t, err, "InvalidChangeBatch", 400, "FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with 'a..example.org'")
	err = a.change(id, do("CREATE", set("bä.example.org", "A", 1, "192.0.2.1")))
	wantError(t, err, "InvalidChangeBatch", 400, "FATAL problem: UnsupportedCharacter")
}

// "Route 53 API actions return the characters as escape codes", letters are stored in lower case:
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
func TestNames(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"WWW.Example.ORG":       "www.example.org.",
		"www.example.org.":      "www.example.org.",
		"*.example.org":         `\052.example.org.`,
		`\052.example.org`:      `\052.example.org.`,
		"a.*.example.org":       `a.\052.example.org.`,
		"_dmarc.example.org":    "_dmarc.example.org.",
		"a/b@c.example.org":     `a\057b\100c.example.org.`,
		`f\374bar.example.org`:  `f\374bar.example.org.`,
		`a\056b.example.org`:    `a\056b.example.org.`,
		`\101bc.example.org`:    "abc.example.org.",
		`back\slash.example.or`: `back\134slash.example.or.`,
	} {
		n, problem := parseName(sent)
		if problem != "" {
			t.Errorf("%s: %s", sent, problem)
			continue
		}
		if got := nameText(n); got != want {
			t.Errorf("%s is returned as %s, want %s", sent, got, want)
		}
	}
	n, _ := parseName(`a\056b.example.org`)
	if want := zone.MustName(`a\.b.example.org.`); n != want {
		t.Errorf("octal dot reads as %v, want %v", n, want)
	}
}

// Aliases are answered with what their target has:
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html
func TestServedAliases(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	a.must(id,
		do("CREATE", set("www.example.org", "A", 123, "192.0.2.1")),
		do("CREATE", alias("example.org", "A", id, "WWW.example.org", true)),
		do("CREATE", alias("second.example.org", "A", id, "example.org.", false)),
		do("CREATE", alias("lb.example.org", "A", "Z32O12XQLNTSW2", "dualstack.lb-1.eu-west-1.elb.amazonaws.com", true)),
		do("CREATE", alias("cdn.example.org", "AAAA", "Z2FDTNDATAQYW2", "d111111abcdef8.cloudfront.net", false)),
	)
	z, _ := a.svc.Zone(id)
	for _, name := range []string{"example.org.", "second.example.org."} {
		r, _ := z.Set(zone.MustName(name), zone.TypeA)
		if len(r.Data) != 1 || r.TTL != 123 {
			t.Errorf("%s is served as %+v, want the target's address and TTL 123", name, r)
		}
	}
	a.must(id, do("UPSERT", set("www.example.org", "A", 60, "192.0.2.2", "192.0.2.3")))
	if diff := cmp.Diff([]string{"192.0.2.2", "192.0.2.3"}, a.served("second.example.org.", "A")); diff != "" {
		t.Errorf("alias of an alias does not follow (-want +got):\n%s", diff)
	}
	if got := a.served("lb.example.org.", "A"); len(got) != 1 || !strings.HasPrefix(got[0], "192.0.2.") {
		t.Errorf("load balancer is served as %v, want an address of 192.0.2.0/24", got)
	}
	if got := a.served("cdn.example.org.", "AAAA"); len(got) != 1 || !strings.HasPrefix(got[0], "2001:db8:") {
		t.Errorf("distribution is served as %v, want an address of 2001:db8::/32", got)
	}
	out, err := a.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{HostedZoneId: &id, StartRecordName: aws.String("lb.example.org"), MaxItems: aws.Int32(1)})
	if err != nil {
		t.Fatal(err)
	}
	got := out.ResourceRecordSets[0]
	want := &types.AliasTarget{
		DNSName: aws.String("dualstack.lb-1.eu-west-1.elb.amazonaws.com."), HostedZoneId: aws.String("Z32O12XQLNTSW2"), EvaluateTargetHealth: true,
	}
	if diff := cmp.Diff(want, got.AliasTarget, cmp.AllowUnexported(types.AliasTarget{}), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".noSmithyDocumentSerde" }, cmp.Ignore())); diff != "" {
		t.Errorf("alias target (-want +got):\n%s", diff)
	}
	if got.TTL != nil || got.ResourceRecords != nil {
		t.Errorf("alias has TTL %v and records %v, want neither", got.TTL, got.ResourceRecords)
	}
}

// Aliases that lead to each other are answered with nothing, and do no harm.
func TestAliasesInACircle(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	a.must(id, do("CREATE", set("a.example.org", "A", 60, "192.0.2.1")), do("CREATE", alias("b.example.org", "A", id, "a.example.org", false)))
	a.must(id, do("UPSERT", alias("a.example.org", "A", id, "b.example.org", false)))
	if got := a.served("a.example.org.", "A"); got != nil {
		t.Errorf("a circle is served as %v, want nothing", got)
	}
	a.must(id, do("UPSERT", set("a.example.org", "A", 60, "192.0.2.2")))
	if diff := cmp.Diff([]string{"192.0.2.2"}, a.served("b.example.org.", "A")); diff != "" {
		t.Errorf("an opened circle (-want +got):\n%s", diff)
	}
}

// Every routing policy comes back as it was sent:
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy.html
func TestPolicies(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	check, err := a.CreateHealthCheck(t.Context(), &sdk.CreateHealthCheckInput{
		CallerReference:   aws.String("h"),
		HealthCheckConfig: &types.HealthCheckConfig{Type: types.HealthCheckTypeTcp, IPAddress: aws.String("192.0.2.1"), Port: aws.Int32(80)},
	})
	if err != nil {
		t.Fatal(err)
	}
	v := func(name, address string) rrset { return set(name+".example.org", "A", 60, address) }
	sent := []rrset{
		policied(v("f", "192.0.2.1"), "p", func(s rrset) { s.Failover, s.HealthCheckId = "PRIMARY", check.HealthCheck.Id }),
		policied(v("f", "192.0.2.2"), "s", func(s rrset) { s.Failover = "SECONDARY" }),
		policied(v("g", "192.0.2.3"), "any", func(s rrset) { s.GeoLocation = &types.GeoLocation{CountryCode: aws.String("*")} }),
		policied(v("g", "192.0.2.4"), "eu", func(s rrset) { s.GeoLocation = &types.GeoLocation{ContinentCode: aws.String("EU")} }),
		policied(v("g", "192.0.2.5"), "ny", func(s rrset) {
			s.GeoLocation = &types.GeoLocation{CountryCode: aws.String("US"), SubdivisionCode: aws.String("NY")}
		}),
		policied(v("l", "192.0.2.6"), "1", func(s rrset) { s.Region = types.ResourceRecordSetRegionEuWest1 }),
		policied(v("m", "192.0.2.7"), "1", func(s rrset) { s.MultiValueAnswer = aws.Bool(true) }),
		policied(v("m", "192.0.2.8"), "2", func(s rrset) { s.MultiValueAnswer = aws.Bool(true) }),
		policied(v("p", "192.0.2.9"), "1", func(s rrset) {
			s.GeoProximityLocation = &types.GeoProximityLocation{Coordinates: &types.Coordinates{Latitude: aws.String("1.5"), Longitude: aws.String("-2.5")}, Bias: aws.Int32(3)}
		}),
		policied(v("q", "192.0.2.10"), "1", func(s rrset) {
			s.CidrRoutingConfig = &types.CidrRoutingConfig{CollectionId: aws.String("01234567-0123-0123-0123-0123456789ab"), LocationName: aws.String("*")}
		}),
		policied(v("w", "192.0.2.11"), "1", weight(0)),
		policied(v("w", "192.0.2.12"), "2", weight(255)),
	}
	var changes []types.Change
	for _, s := range sent {
		changes = append(changes, do("CREATE", s))
	}
	a.must(id, changes...)
	sets, _ := a.sets(t.Context(), id, 3)
	for i, s := range sets[2:] {
		want := *sent[i]
		want.Name = aws.String(*want.Name + ".")
		if diff := cmp.Diff(want, s, cmp.FilterPath(func(p cmp.Path) bool { return strings.HasPrefix(p.Last().String(), ".noSmithy") }, cmp.Ignore())); diff != "" {
			t.Errorf("%s %s (-sent +read):\n%s", *want.Name, *want.SetIdentifier, diff)
		}
	}
	for name, want := range map[string][]string{
		"f": {"192.0.2.1"}, "g": {"192.0.2.3"}, "l": {"192.0.2.6"}, "m": {"192.0.2.7", "192.0.2.8"}, "w": {"192.0.2.12"},
	} {
		if diff := cmp.Diff(want, a.served(name+".example.org.", "A")); diff != "" {
			t.Errorf("%s is served otherwise (-want +got):\n%s", name, diff)
		}
	}
	for i := range changes {
		changes[i].Action = "DELETE"
		changes[i].ResourceRecordSet = &sets[2+i] // what was read is good for deleting
	}
	a.must(id, changes...)
	if sets, _ = a.sets(t.Context(), id, 0); len(sets) != 2 {
		t.Errorf("%d sets are left, want 2", len(sets))
	}
}
