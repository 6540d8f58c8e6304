package processor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var origin = zone.MustName("example.com.")

// zoneOf reads "owner ttl type rdata | rdata [<<octodns mapping>>]" lines.
func zoneOf(t *testing.T, at zone.Name, text string) *zone.Zone {
	t.Helper()
	b := zone.NewBuilder(at)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		line, mapping, ok := strings.Cut(line, " <<")
		r := dnstest.Set(t, at, line)
		if ok {
			r.Extra = zone.ExtraOf(map[string]string{"octodns": strings.TrimSuffix(mapping, ">>")})
		}
		b.Add(r)
	}
	z, err := b.Zone()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// lines prints a zone in the same form.
func lines(z *zone.Zone) []string {
	var out []string
	for set := range z.All() {
		var data []string
		for _, d := range set.Data {
			data = append(data, rdata.Text(set.Type, d))
		}
		line := fmt.Sprintf("%s %d %s %s", set.Owner.Relative(z.Origin()), set.TTL, set.Type, strings.Join(data, " | "))
		if v, ok := set.Extra.Value("octodns"); ok {
			line += " <<" + v + ">>"
		}
		out = append(out, line)
	}
	return out
}

func split(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

func ids(fs []finding.Finding) string {
	var out []string
	for _, f := range fs {
		out = append(out, f.ID)
	}
	return strings.Join(out, " ")
}

func TestSteps(t *testing.T) {
	t.Parallel()
	const filterZone = `
		@ 3600 NS ns1.example.net.
		www 300 A 192.0.2.1 | 198.51.100.1
		api 300 AAAA 2001:db8::1
		txt 300 TXT "v=x; y" | "other"
		mail 300 MX 10 mx.example.net.`
	for _, c := range []struct {
		name, class string
		options     Options
		step        string // "source", "target" or "both"
		in, want    string
		found       string
		context     Context
	}{
		{
			name: "only some types", class: "octodns.processor.filter.TypeAllowlistFilter", options: Options{"allowlist": []any{"A", "NS"}},
			in: filterZone, want: "@ 3600 NS ns1.example.net.\nwww 300 A 192.0.2.1 | 198.51.100.1",
		},
		{
			name: "not some types, at the target too", class: "octodns.processor.filter.TypeRejectlistFilter", step: "target",
			options: Options{"rejectlist": []any{"A", "AAAA", "MX", "TXT"}}, in: filterZone, want: "@ 3600 NS ns1.example.net.",
		},
		{
			name: "not at the target", class: "octodns.processor.filter.TypeRejectlistFilter", step: "target",
			options: Options{"rejectlist": []any{"A"}, "include_target": false}, in: "www 300 A 192.0.2.1", want: "www 300 A 192.0.2.1",
		},
		{
			name: "names exactly and by expression", class: "octodns.processor.filter.NameAllowlistFilter",
			options: Options{"allowlist": []any{"www", "/^(ap|t)/", ""}}, in: filterZone,
			want: "@ 3600 NS ns1.example.net.\napi 300 AAAA 2001:db8::1\ntxt 300 TXT \"other\" | \"v=x; y\"\nwww 300 A 192.0.2.1 | 198.51.100.1",
		},
		{
			name: "names not", class: "octodns.processor.filter.NameRejectlistFilter", options: Options{"rejectlist": []any{"/./"}},
			in: filterZone, want: "@ 3600 NS ns1.example.net.",
		},
		{
			name: "values: octoDNS's text of TXT", class: "octodns.processor.filter.ValueAllowlistFilter",
			options: Options{"allowlist": []any{`v=x\; y`, "10 mx.example.net."}}, in: filterZone,
			want: "mail 300 MX 10 mx.example.net.\ntxt 300 TXT \"other\" | \"v=x; y\"",
		},
		{
			name: "values not, by expression", class: "octodns.processor.filter.ValueRejectlistFilter",
			options: Options{"rejectlist": []any{"/example/", "/^192/", "other"}}, in: filterZone, want: "api 300 AAAA 2001:db8::1",
		},
		{
			name: "networks: other types pass", class: "octodns.processor.filter.NetworkValueRejectlistFilter",
			options: Options{"rejectlist": []any{"198.51.100.0/24"}}, in: filterZone, step: "target",
			want: "@ 3600 NS ns1.example.net.\napi 300 AAAA 2001:db8::1\nmail 300 MX 10 mx.example.net.\ntxt 300 TXT \"other\" | \"v=x; y\"",
		},
		{
			name: "networks allowed", class: "octodns.processor.filter.NetworkValueAllowlistFilter",
			options: Options{"allowlist": []any{"2001:db8::/32"}}, in: "a 300 A 192.0.2.1\nb 300 AAAA 2001:db8::1", want: "b 300 AAAA 2001:db8::1",
		},
		{name: "no root NS", class: "octodns.processor.filter.IgnoreRootNsFilter", in: "@ 300 NS ns.example.net.\nsub 300 NS ns.example.net.", want: "sub 300 NS ns.example.net."},
		{
			name: "zone name in record", class: "octodns.processor.filter.ZoneNameFilter", in: "www.example.com 300 A 192.0.2.1\na 300 A 192.0.2.1",
			want: "a 300 A 192.0.2.1\nwww.example.com 300 A 192.0.2.1", found: "zone-name-in-record",
		},
		{
			name: "zone name in record, dropped", class: "octodns.processor.filter.ZoneNameFilter", options: Options{"error": false},
			in: "www.example.com 300 A 192.0.2.1\na 300 A 192.0.2.1", want: "a 300 A 192.0.2.1",
		},
		{
			name: "clamp", class: "octodns.processor.clamp.TtlClampProcessor", options: Options{"min_ttl": 300, "max_ttl": 3600},
			in: "a 60 A 192.0.2.1\nb 7200 A 192.0.2.1\nc 600 A 192.0.2.1", want: "a 300 A 192.0.2.1\nb 3600 A 192.0.2.1\nc 600 A 192.0.2.1",
		},
		{
			name: "restriction", class: "octodns.processor.restrict.TtlRestrictionFilter", options: Options{"min_ttl": 60, "max_ttl": 3600},
			in:   "a 5 A 192.0.2.1\nb 7200 A 192.0.2.1\nc 5 A 192.0.2.1 <<{\"lenient\":true}>>",
			want: "a 5 A 192.0.2.1\nb 7200 A 192.0.2.1\nc 5 A 192.0.2.1 <<{\"lenient\":true}>>", found: "ttl-restriction ttl-restriction",
		},
		{
			name: "restriction to a list", class: "octodns.processor.restrict.TtlRestrictionFilter", options: Options{"allowed_ttls": []any{300}},
			in: "a 5 A 192.0.2.1\nb 300 A 192.0.2.1", want: "a 5 A 192.0.2.1\nb 300 A 192.0.2.1", found: "ttl-restriction",
		},
		{
			name: "acme marks ours", class: "octodns.processor.acme.AcmeManagingProcessor", in: `_acme-challenge 300 TXT "abc"`,
			want: `_acme-challenge 300 TXT "abc" | "*octoDNS*"`,
		},
		{
			name: "acme hides theirs", class: "octodns.processor.acme.AcmeMangingProcessor", step: "target",
			in:   "_acme-challenge 300 TXT \"theirs\"\n_acme-challenge.www 300 TXT \"ours\" | \"*octoDNS*\"\n_acme-challenge.api 300 TXT \"old\"",
			want: "_acme-challenge.api 300 TXT \"old\"\n_acme-challenge.www 300 TXT \"ours\" | \"*octoDNS*\"",
		},
		{
			name: "ownership", class: "octodns.processor.ownership.OwnershipProcessor", in: "@ 300 A 192.0.2.1\n*.x 300 A 192.0.2.1",
			want: "@ 300 A 192.0.2.1\n_owner.a 60 TXT \"*octodns*\"\n*.x 300 A 192.0.2.1\n_owner.a._wildcard.x 60 TXT \"*octodns*\"",
		},
		{
			name: "templates", class: "octodns.processor.templating.Templating", step: "both",
			options: Options{"context": map[string]any{"who": "ops"}},
			in: `a 300 TXT "zone {zone_name} {record_ttl:05d} {who:>5}; {{x}}"
				b 300 MX 10 mx1.{zone_name}.
				c 300 TXT "{record_name}/{record_type}/{zone_num_records}/{record_source_id}"
				d 300 CNAME {record_type}.{who}.example.net.`,
			want:    "a 300 TXT \"zone example.com. 00300   ops; {x}\"\nb 300 MX 10 mx1.example.com.\nc 300 TXT \"c/TXT/4/config\"\nd 300 CNAME cname.ops.example.net.",
			context: Context{From: func(zone.Key) string { return "config" }},
		},
		{
			name: "templates with an unknown field", class: "octodns.processor.templating.Templating", step: "both",
			in: `a 300 TXT "{nothing}"`, want: `a 300 TXT "{nothing}"`, found: "template",
		},
		{
			name: "proxied names go to the edge", class: "octodns_cloudflare.processor.proxycname.ProxyCNAME", step: "both",
			in: `@ 300 A 192.0.2.1 <<{"cloudflare":{"proxied":true}}>>
				www 300 A 192.0.2.1 <<{"cloudflare":{"proxied":true}}>>
				www 300 AAAA 2001:db8::1 <<{"cloudflare":{"proxied":true}}>>
				api 300 A 192.0.2.1`,
			want: "@ 300 ALIAS example.com.cdn.cloudflare.net.\napi 300 A 192.0.2.1\nwww 300 CNAME www.example.com.cdn.cloudflare.net.",
		},
		{
			name: "but not at Cloudflare", class: "octodns_cloudflare.processor.proxycname.ProxyCNAME", step: "both", context: Context{Driver: "cloudflare"},
			in: `www 300 A 192.0.2.1 <<{"cloudflare":{"proxied":true}}>>`, want: `www 300 A 192.0.2.1 <<{"cloudflare":{"proxied":true}}>>`,
		},
		{
			name: "TTL to proxy", class: "octodns_cloudflare.processor.ttl.TtlToProxy", in: "a 0 A 192.0.2.1\nb 0 MX 10 mx.example.net.\nc 60 A 192.0.2.1",
			want: "a 1 A 192.0.2.1 <<{\"cloudflare\":{\"auto-ttl\":true,\"proxied\":true}}>>\nb 1 MX 10 mx.example.net. <<{\"cloudflare\":{\"auto-ttl\":true}}>>\nc 60 A 192.0.2.1",
		},
		{
			name: "tags", class: "octodns_cloudflare.processor.filter.TagAllowListFilter", options: Options{"tags": []any{"a", "b"}},
			in: `x 60 A 192.0.2.1 <<{"cloudflare":{"tags":["a"],"values":[{"tags":["b"],"value":"192.0.2.1"}]}}>>
				y 60 A 192.0.2.1 <<{"cloudflare":{"tags":["a"]}}>>
				z 60 A 192.0.2.1`,
			want: `x 60 A 192.0.2.1 <<{"cloudflare":{"tags":["a"],"values":[{"tags":["b"],"value":"192.0.2.1"}]}}>>`,
		},
		{
			name: "certificate validation", class: "octodns_route53.processor.AwsAcmMangingProcessor", step: "target",
			in:   "_abc 60 CNAME _def.acm-validations.aws.\nabc 60 CNAME _def.acm-validations.aws.\n_x 60 CNAME example.net.",
			want: "_x 60 CNAME example.net.\nabc 60 CNAME _def.acm-validations.aws.",
		},
		{name: "trailing dots have nothing to do", class: "octodns.processor.trailing_dots.EnsureTrailingDots", in: "a 60 CNAME b.example.net.", want: "a 60 CNAME b.example.net."},
		{
			name: "two SPF records", class: "octodns.processor.spf.SpfDnsLookupProcessor", in: `@ 60 TXT "v=spf1 -all" | "v=spf1 mx -all"`,
			want: `@ 60 TXT "v=spf1 -all" | "v=spf1 mx -all"`, found: "spf-lookups",
		},
		{
			name: "SPF within bounds", class: "octodns_spf.SpfDnsLookupProcessor", in: `@ 60 TXT "v=spf1 a mx ip4:192.0.2.1 include:ten.example -all"`,
			want: `@ 60 TXT "v=spf1 a mx ip4:192.0.2.1 include:ten.example -all"`, found: "spf-lookups",
		},
		{
			name: "SPF with ptr", class: "octodns_spf.SpfDnsLookupProcessor", in: `@ 60 TXT "v=spf1 ptr:example.net -all"`,
			want: `@ 60 TXT "v=spf1 ptr:example.net -all"`, found: "spf-lookups",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := New("p", c.class, c.options, Env{LookupTXT: func(name string) ([]string, error) {
				if name == "ten.example" {
					return []string{"v=spf1 a mx a mx a mx a mx a mx ~all"}, nil
				}
				return nil, errors.New("no such name")
			}})
			if err != nil {
				t.Fatal(err)
			}
			in := zoneOf(t, origin, c.in)
			var got *zone.Zone
			var found []finding.Finding
			switch c.step {
			case "target":
				c.context.Desired = zoneOf(t, origin, "_acme-challenge.api 300 TXT \"new\" | \"*octoDNS*\"")
				got, found = p.Target(in, c.context)
			case "both":
				got, found = p.Both(in, zone.Empty(origin), c.context)
			default:
				got, found = p.Source(in, c.context)
			}
			if diff := cmp.Diff(split(c.want), lines(got)); diff != "" {
				t.Errorf("zone (-want +got):\n%s", diff)
			}
			if ids(found) != c.found {
				t.Errorf("findings %v, want %q", found, c.found)
			}
		})
	}
}

// changesOf lists what leads from one zone to another, and prints what is left of it.
func changesOf(a, b *zone.Zone) []zone.Change { return slices.Collect(zone.Diff(a, b)) }

func keys(changes []zone.Change) string {
	var out []string
	for _, c := range changes {
		out = append(out, c.Key().Owner.Relative(origin)+" "+c.Key().Type.String())
	}
	return strings.Join(out, ", ")
}

func TestOwnershipPlans(t *testing.T) {
	t.Parallel()
	observed := zoneOf(t, origin, `
		mine 300 A 192.0.2.1
		_owner.a.mine 60 TXT "*octodns*"
		hand 300 A 192.0.2.1
		theirs 300 A 192.0.2.1
		_owner.a.theirs 60 TXT "external"`)
	own, err := New("own", "octodns.processor.ownership.OwnershipProcessor", nil, Env{})
	if err != nil {
		t.Fatal(err)
	}
	desired, fs := own.Source(zoneOf(t, origin, "new 300 A 192.0.2.1"), Context{})
	if len(fs) > 0 {
		t.Fatal(fs)
	}
	left, fs := own.Plan(observed, desired, changesOf(observed, desired), Context{})
	if got, want := keys(left), "mine A, _owner.a.mine TXT, new A, _owner.a.new TXT"; got != want {
		t.Errorf("changes %q, want %q", got, want)
	}
	if len(fs) > 0 {
		t.Errorf("findings %v, want none", fs)
	}
	desired, _ = own.Source(zoneOf(t, origin, "theirs 300 A 192.0.2.2"), Context{})
	if _, fs = own.Plan(observed, desired, changesOf(observed, desired), Context{}); ids(fs) != "ownership-foreign" {
		t.Errorf("findings %v, want ownership-foreign", fs)
	}
	takeover, _ := New("own", "octodns.processor.ownership.OwnershipProcessor", Options{"allow_takeover": true}, Env{})
	if left, fs = takeover.Plan(observed, desired, changesOf(observed, desired), Context{}); len(fs) > 0 || !strings.Contains(keys(left), "theirs A") {
		t.Errorf("changes %q, findings %v; want a take-over", keys(left), fs)
	}
}

func TestExcludeRootNS(t *testing.T) {
	t.Parallel()
	observed, desired := zoneOf(t, origin, "@ 300 NS a.example.net."), zoneOf(t, origin, "@ 300 NS b.example.net.\nwww 300 A 192.0.2.1")
	for fail, want := range map[bool]string{true: "@ NS, www A", false: "www A"} {
		p, err := New("x", "octodns.processor.filter.ExcludeRootNsChanges", Options{"error": fail}, Env{})
		if err != nil {
			t.Fatal(err)
		}
		left, fs := p.Plan(observed, desired, changesOf(observed, desired), Context{})
		if got := keys(left); got != want {
			t.Errorf("error=%v: changes %q, want %q", fail, got, want)
		}
		if len(fs) != 1 || (fs[0].Severity == finding.Error) != fail {
			t.Errorf("error=%v: findings %v", fail, fs)
		}
	}
}

func TestMeta(t *testing.T) {
	t.Parallel()
	env := Env{Now: time.Date(2026, 11, 21, 4, 30, 0, 0, time.UTC), UUID: "u", Version: "1.0"}
	p, err := New("meta", "octodns.processor.meta.MetaProcessor", Options{
		"include_provider": true, "include_version": true, "include_extra": map[string]any{"k": "v"},
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	c := Context{Target: "cf"}
	got, fs := p.Both(zone.Empty(origin), zone.Empty(origin), c)
	want := []string{`meta 60 TXT "k=v" | "provider=cf" | "octodns-version=1.0" | "time=2026-11-21T04:30:00Z"`}
	if diff := cmp.Diff(want, lines(got)); diff != "" || len(fs) > 0 {
		t.Errorf("zone (-want +got):\n%s\nfindings %v", diff, fs)
	}
	old := zoneOf(t, origin, `meta 60 TXT "k=w" | "provider=x" | "octodns-version=0.9" | "time=2025-01-01T00:00:00Z"`)
	if left, _ := p.Plan(old, got, changesOf(old, got), c); len(left) != 0 {
		t.Errorf("a new time alone gives the plan %q, want none", keys(left))
	}
	other := zoneOf(t, origin, `meta 60 TXT "time=2025-01-01T00:00:00Z"`)
	if left, _ := p.Plan(other, got, changesOf(other, got), c); len(left) != 1 {
		t.Errorf("another set of keys gives %d changes, want 1", len(left))
	}
	inc, _ := NewMeta("m").Both(zone.Empty(origin), zone.Empty(origin), c)
	if diff := cmp.Diff([]string{`octodns-meta 60 TXT "provider=cf"`}, lines(inc)); diff != "" {
		t.Errorf("include_meta (-want +got):\n%s", diff)
	}
}

func TestAutoArpa(t *testing.T) {
	t.Parallel()
	a, err := NewArpa(Options{"ttl": 600, "max_auto_arpa": 2})
	if err != nil {
		t.Fatal(err)
	}
	a.Collect(zoneOf(t, origin, `
		www 300 A 192.0.2.1 | 192.0.2.2
		zzz 300 A 192.0.2.1 <<{"auto_arpa_priority":1}>>
		aaa 300 A 192.0.2.1
		v6 300 AAAA 2001:db8::1
		* 300 A 192.0.2.9`))
	reverse := zone.MustName("2.0.192.in-addr.arpa.")
	got, fs := a.Fill(zone.Empty(reverse))
	want := []string{"1 600 PTR aaa.example.com. | zzz.example.com.", "2 600 PTR www.example.com."}
	if diff := cmp.Diff(want, lines(got)); diff != "" || len(fs) > 0 {
		t.Errorf("zone (-want +got):\n%s\nfindings %v", diff, fs)
	}
	v6, _ := a.Fill(zone.Empty(zone.MustName("8.b.d.0.1.0.0.2.ip6.arpa.")))
	if v6.Len() != 1 {
		t.Errorf("%d PTR for IPv6, want 1", v6.Len())
	}
	have := zoneOf(t, reverse, "1 60 PTR by.hand.example.")
	if got, fs = a.Fill(have); ids(fs) != "auto-arpa-duplicate" || got.Len() != 2 {
		t.Errorf("findings %v, zone %v; want auto-arpa-duplicate and both names", fs, lines(got))
	}
	a.Replace = true
	if got, _ = a.Fill(have); lines(got)[0] != want[0] {
		t.Errorf("got %q, want %q", lines(got)[0], want[0])
	}
	wild, err := NewArpa(Options{"wildcard_replacement": "any"})
	if err != nil {
		t.Fatal(err)
	}
	wild.Collect(zoneOf(t, origin, "* 300 A 192.0.2.9"))
	got, _ = wild.Fill(zone.Empty(reverse))
	if diff := cmp.Diff([]string{"9 3600 PTR any.example.com."}, lines(got)); diff != "" {
		t.Errorf("wildcard (-want +got):\n%s", diff)
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		class   string
		options Options
		want    string
	}{
		{"octodns.processor.filter.TypeAllowListFilter", nil, "did you mean octodns.processor.filter.TypeAllowlistFilter?"},
		{"octodns.processor.filter.TypeAllowlistFilter", nil, "allowlist is missing"},
		{"octodns.processor.filter.TypeAllowlistFilter", Options{"allowlist": []any{}, "inclde_target": true}, "did you mean include_target?"},
		{"octodns.processor.filter.NameAllowlistFilter", Options{"allowlist": []any{"/(/"}}, "no regular expression"},
		{"octodns.processor.filter.NetworkValueAllowlistFilter", Options{"allowlist": []any{"192.0.2.1/24"}}, "192.0.2.0/24"},
		{"octodns.processor.clamp.TtlClampProcessor", Options{"min_ttl": 10, "max_ttl": 5}, "is not lower than"},
		{"octodns.processor.clamp.TtlClampProcessor", Options{"min_ttl": "soon"}, "write a whole number"},
		{"octodns.processor.arpa.AutoArpa", nil, "manager.auto_arpa"},
		{"octodns_foo.processor.Bar", nil, "not supported"},
		{"my.Own", nil, "known are"},
	} {
		_, err := New("p", c.class, c.options, Env{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: got error %v, want one with %q", c.class, c.options, err, c.want)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	fields := map[string]any{"s": "abc", "n": 42, "neg": -7, "f": 3.14159, "u": "例え", "none": nil, "yes": true}
	for text, want := range map[string]string{
		"plain": "plain", "{s}": "abc", "{{{s}}}": "{abc}", "{s:>8}": "     abc", "{s:<5}|": "abc  |", "{s:*^7}": "**abc**",
		"{s:.2}": "ab", "{n:05d}": "00042", "{n:x}": "2a", "{n:#x}": "0x2a", "{n:+}": "+42", "{n:>5}": "   42", "{neg:05}": "-0007",
		"{f:.2f}": "3.14", "{n:,}": "42", "{u:>4}": "  例え", "{none}": "None", "{yes}": "True", "{s!r}": "'abc'", "{n!s:>4}": "  42",
	} {
		got, err := format(text, fields)
		if err != nil || got != want {
			t.Errorf("format(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"{", "}", "{missing}", "{s.upper}", "{s[0]}", "{s:d}", "{n:s}", "{s:>99999}", "{s!q}", "{s:zz}"} {
		if got, err := format(text, fields); err == nil {
			t.Errorf("format(%q) = %q, want an error", text, got)
		}
	}
}

func FuzzFormat(f *testing.F) {
	f.Add("{s:*^7}{{}}{n:05d}")
	f.Fuzz(func(t *testing.T, text string) {
		out, err := format(text, map[string]any{"s": "abc", "n": 42})
		if err == nil && len(out) > 2<<20 {
			t.Fatalf("%d octets of output", len(out))
		}
	})
}
