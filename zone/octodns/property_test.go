package octodns_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
	"github.com/zonecast/zonecast/zone/rdata"
)

// show prints a zone for comparison.
func show(z *zone.Zone) string {
	var b strings.Builder
	for set := range z.All() {
		fmt.Fprintf(&b, "%s %d %s %s\n", set.Owner, set.TTL, set.Type, set.Extra)
		for _, d := range set.Data {
			fmt.Fprintf(&b, "  %s\n", rdata.Text(set.Type, d))
		}
	}
	return b.String()
}

var hostGen = rapid.SampledFrom([]string{
	"a.example.net.", "mx1.example.com.", ".", "single.", "xn--strae-oqa.de.", "0/25.2.0.192.in-addr.arpa.", `odd\.label.example.`, "192.0.2.1.",
})

// textGen makes everything that a TXT may hold, and what octoDNS treats in a special way.
var textGen = rapid.OneOf(
	rapid.SampledFrom([]string{"v=spf1 -all", `"quoted"`, `half"`, `"half`, `a" "b`, `v=DKIM1; p=x`, `a\;b`, `back\slash`, "", " ", "naïve", "true", "12", "a: b # c", "{x}"}),
	rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
	rapid.Map(rapid.IntRange(200, 600), func(n int) string { return strings.Repeat("x", n) }),
)

func clip(s string) string { return s[:min(len(s), 255)] }

func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		fmt.Fprintf(&b, `\%03d`, s[i])
	}
	return b.String() + `"`
}

// texts cuts a text into strings of at most n octets.
func texts(s string, n int) string {
	parts := []string{}
	for len(s) > n {
		parts, s = append(parts, quoted(s[:n])), s[n:]
	}
	return strings.Join(append(parts, quoted(s)), " ")
}

var presentations = map[zone.Type]*rapid.Generator[string]{
	zone.TypeA:     rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2", "10.0.0.1"}),
	zone.TypeAAAA:  rapid.SampledFrom([]string{"2001:db8::1", "::ffff:1.2.3.4", "::"}),
	zone.TypeCNAME: hostGen, zone.TypeDNAME: hostGen, zone.TypeNS: hostGen, zone.TypePTR: hostGen, zone.TypeALIAS: hostGen,
	zone.TypeMX: rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%d %s", rapid.Uint16().Draw(t, "pref"), hostGen.Draw(t, "host"))
	}),
	zone.TypeSRV: rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%d 0 %d %s", rapid.Uint16().Draw(t, "prio"), rapid.Uint16().Draw(t, "port"), hostGen.Draw(t, "host"))
	}),
	zone.TypeTXT: rapid.Custom(func(t *rapid.T) string {
		return texts(textGen.Draw(t, "text"), rapid.SampledFrom([]int{255, 255, 100, 7}).Draw(t, "chunk"))
	}),
	zone.TypeSPF: rapid.Just(`"v=spf1 -all"`),
	zone.TypeCAA: rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%d %s %s", rapid.Uint8().Draw(t, "flags"), rapid.SampledFrom([]string{"issue", "issuewild", "iodef"}).Draw(t, "tag"), quoted(textGen.Draw(t, "value")))
	}),
	zone.TypeDS:         rapid.SampledFrom([]string{"1 13 2 " + strings.Repeat("ab", 32), "65535 8 1 00"}),
	zone.TypeSSHFP:      rapid.SampledFrom([]string{"1 1 " + strings.Repeat("ab", 20), "4 2 " + strings.Repeat("01", 32), "9 7 00"}),
	zone.TypeTLSA:       rapid.SampledFrom([]string{"3 1 1 " + strings.Repeat("cd", 32), "255 255 255 00"}),
	zone.TypeOPENPGPKEY: rapid.SampledFrom([]string{"AQID", "/+8="}),
	zone.TypeLOC: rapid.SampledFrom([]string{
		"52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", "0 0 0.001 S 180 0 0 W 42849672.95m 90000000m 0.01m 0.01m",
	}),
	zone.TypeNAPTR: rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf(`%d 20 %s "E2U+sip" %s %s`, rapid.Uint16().Draw(t, "order"),
			rapid.SampledFrom([]string{`"S"`, `"u"`, `""`, `"AP"`}).Draw(t, "flags"), quoted(clip(textGen.Draw(t, "regexp"))), hostGen.Draw(t, "host"))
	}),
	zone.TypeURI: rapid.Custom(func(t *rapid.T) string {
		return "10 1 " + quoted("https://Example.com/"+textGen.Draw(t, "target"))
	}),
	zone.TypeSVCB: svcbGen, zone.TypeHTTPS: svcbGen,
	zone.TypeURLFWD: rapid.SampledFrom([]string{`"/" "https://example.net/X" 301 2 0`, `"/a" "x" 999 9 9`}),
}

var svcbGen = rapid.SampledFrom([]string{
	"0 svc.example.net.", "1 . alpn=h2,h3 port=443", `1 svc.example.net. mandatory=alpn,ipv4hint alpn="h\\,2,h3" no-default-alpn ipv4hint=192.0.2.1,192.0.2.2`,
	"16 . ech=AQID ipv6hint=2001:db8::1 key667=hello key668 key669=\"\\001\\255\"",
	`1 . mandatory=alpn,dohpath alpn=h2 dohpath="/q{?dns}"`, "2 . ohttp", // no names in octoDNS: written key7 and key8
})

var ownerGen = rapid.SampledFrom([]string{
	"", "www", "*", "a.b", "no", "010", "1.10", "xn--strae-oqa", "_sip._tcp", "_25._tcp.mail", "0/25", `odd\.label`, `\@`, `sp\032ace`, `a\255b`, "x\\\\y",
})

var extraGen = rapid.SampledFrom([]map[string]string{
	nil, nil, nil,
	{"octodns": `{"cloudflare":{"comment":"x: y","proxied":true},"list":[1.5,null,"no",[],{}]}`},
	{"octodns": `{"excluded":["a"],"lenient":true}`},
	{"comment": "kept by the provider\nin two lines", "powerdns/disabled": "true"},
})

// zoneGen makes zones of all types that the format has, well-behaved or not.
var zoneGen = rapid.Custom(func(t *rapid.T) *zone.Zone {
	origin := zone.MustName("example.com.")
	types := make([]zone.Type, 0, len(presentations))
	for typ := range presentations {
		types = append(types, typ)
	}
	slices.Sort(types)
	sets := map[zone.Key]zone.RRset{}
	for range rapid.IntRange(0, 8).Draw(t, "sets") {
		owner, err := zone.ParseNameIn(ownerGen.Draw(t, "owner"), origin)
		if err != nil {
			t.Fatal(err)
		}
		typ := rapid.SampledFrom(types).Draw(t, "type")
		set := zone.RRset{Owner: owner, Type: typ, TTL: rapid.SampledFrom([]uint32{0, 60, 3600, 1 << 31}).Draw(t, "ttl")}
		n := rapid.IntRange(1, 3).Draw(t, "values")
		if typ == zone.TypeCNAME || typ == zone.TypeALIAS || typ == zone.TypeDNAME {
			n = 1
		}
		for range n {
			text := presentations[typ].Draw(t, "rdata")
			d, err := rdata.Parse(typ, text, zone.Root)
			if err != nil {
				t.Fatalf("%s %s: %v", typ, text, err)
			}
			set.Data = append(set.Data, d)
		}
		set.Extra = zone.ExtraOf(extraGen.Draw(t, "extra"))
		sets[set.Key()] = set
	}
	b := zone.NewBuilder(origin)
	for _, s := range sets {
		b.Add(s)
	}
	z, err := b.Zone()
	if err != nil {
		t.Fatal(err)
	}
	return z
})

func TestWriteThenReadIsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z := zoneGen.Draw(t, "zone")
		opt := octodns.Options{
			Order:         rapid.SampledFrom([]yaml11.Order{yaml11.NaturalOrder, yaml11.SimpleOrder}).Draw(t, "order"),
			RawSemicolons: rapid.Bool().Draw(t, "raw"),
		}
		data, fs := octodns.Write(z, opt)
		for _, f := range fs {
			t.Errorf("writing: %v\n%s\n%s", f, show(z), data)
		}
		back := octodns.Read("written.yaml", data, z.Origin(), opt)
		if err := finding.AsError(back.Findings); err != nil {
			t.Errorf("what was written has errors: %v\n%s", err, data)
		}
		if diff := cmp.Diff(show(z), show(back.Zone)); diff != "" {
			t.Errorf("what was written is another zone (-want +got):\n%s\n%s", diff, data)
		}
	})
}

func TestRewriteGivesTheNewZone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old, z := zoneGen.Draw(t, "old"), zoneGen.Draw(t, "new")
		opt := octodns.Options{Order: yaml11.NaturalOrder}
		before, _ := octodns.Write(old, opt)
		data, fs := octodns.Rewrite("zone.yaml", before, z, opt)
		if err := finding.AsError(fs); err != nil {
			t.Error(err)
		}
		back := octodns.Read("zone.yaml", data, z.Origin(), opt)
		if diff := cmp.Diff(show(z), show(back.Zone)); diff != "" {
			t.Errorf("what was rewritten is another zone (-want +got):\n%s\nbefore:\n%s\nafter:\n%s", diff, before, data)
		}
		if same, _ := octodns.Rewrite("zone.yaml", data, z, opt); string(same) != string(data) {
			t.Errorf("rewriting the same zone changes the file:\n%s\n%s", data, same)
		}
	})
}

func TestRecordSetIsTheInverseOfNormal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z := zoneGen.Draw(t, "zone")
		for set := range z.All() {
			if set.Extra.Filter(func(k string) bool { return !strings.HasPrefix(k, "octodns") }) != (zone.Extra{}) {
				continue // a Record has no place for the keys of others
			}
			rec, err := octodns.Normal(set, z.Origin())
			if err != nil {
				continue // no normal form: octets that are no text
			}
			if len(slices.CompactFunc(slices.Clone(rec.Values), func(a, b any) bool { return cmp.Equal(a, b) })) != len(rec.Values) {
				continue // the same text, cut differently
			}
			got, err := rec.Set(z.Origin())
			if err != nil {
				t.Fatal(err)
			}
			if set.Type == zone.TypeTXT || set.Type == zone.TypeNAPTR { // strings may be cut elsewhere, flags be upper case
				got.Data, set.Data = nil, nil
			}
			if !got.Equal(set) {
				t.Errorf("got %v %v, want %v %v", got, got.Extra, set, set.Extra)
			}
		}
	})
}
