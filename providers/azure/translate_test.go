package azure

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var origin = zone.MustName("example.org.")

func TestRead(t *testing.T) {
	t.Parallel()
	head := `{"id":"/x","name":"www","type":"Microsoft.Network/dnszones/`
	tail := `,"etag":"e1","properties":{"TTL":300,"fqdn":"www.example.org.","provisioningState":"Succeeded","targetResource":{},`
	for _, c := range []struct {
		name, text string
		want       string // RDATA between bars; "foreign: kind"; "error: words"
	}{
		{"A", head + `A"` + tail + `"ARecords":[{"ipv4Address":"192.0.2.2"},{"ipv4Address":"192.0.2.1"}]}}`, "192.0.2.1 | 192.0.2.2"},
		{"AAAA", head + `AAAA"` + tail + `"AAAARecords":[{"ipv6Address":"2001:DB8::0:1"}]}}`, "2001:db8::1"},
		{"CAA", head + `CAA"` + tail + `"caaRecords":[{"flags":128,"tag":"issue","value":"a; b=\"c\""}]}}`, `128 issue "a; b=\"c\""`},
		{"CNAME without a dot", head + `CNAME"` + tail + `"CNAMERecord":{"cname":"Host.Example.net"}}}`, "host.example.net."},
		{"MX", head + `MX"` + tail + `"MXRecords":[{"preference":10,"exchange":"mail.example.net."}]}}`, "10 mail.example.net."},
		{"SRV", head + `SRV"` + tail + `"SRVRecords":[{"priority":0,"weight":5,"port":993,"target":"."}]}}`, "0 5 993 ."},
		{"TXT", head + `TXT"` + tail + `"TXTRecords":[{"value":["a\"b\\","c"]}]}}`, `"a\"b\\" "c"`},
		{"TXT beyond ASCII", head + `TXT"` + tail + `"TXTRecords":[{"value":["ü"]}]}}`, `"\195\188"`},
		{"PTR", head + `PTR"` + tail + `"PTRRecords":[{"ptrdname":"a.example.net"},{"ptrdname":"b.example.net"}]}}`, "a.example.net. | b.example.net."},
		{"type in capitals", strings.Replace(head, "dnszones", "dnsZones", 1) + `NS"` + tail + `"NSRecords":[{"nsdname":"ns.example.net"}]}}`, "ns.example.net."},

		{"alias", head + `A","etag":"e1","properties":{"TTL":300,"targetResource":{"id":"/subscriptions/x"}}}`, "foreign: alias record set to /subscriptions/x"},
		{"empty", head + `A"` + tail + `"ARecords":[]}}`, "foreign: record set without records"},
		{"no list", head + `A"` + tail + `"x":1}}`, "foreign: record set without records"},
		{"empty CNAME", head + `CNAME"` + tail + `"x":1}}`, "foreign: record set without records"},
		{"DS", head + `DS"` + tail + `"DSRecords":[{"keyTag":1}]}}`, "foreign: record that cannot be read (its type is not one"},
		{"unknown type", head + `FOO"` + tail + `"FooRecords":[]}}`, "foreign: record of type FOO"},
		{"AAAA in an A", head + `A"` + tail + `"ARecords":[{"ipv4Address":"2001:db8::1"}]}}`, "foreign: record that cannot be read"},
		{"no preference", head + `MX"` + tail + `"MXRecords":[{"exchange":"mail.example.net"}]}}`, "foreign: record that cannot be read"},
		{"preference too large", head + `MX"` + tail + `"MXRecords":[{"preference":65536,"exchange":"mail.example.net"}]}}`, "foreign: record that cannot be read"},
		{"no target", head + `SRV"` + tail + `"SRVRecords":[{"priority":0,"weight":5,"port":993}]}}`, "foreign: record that cannot be read (a name is missing"},
		{"long string", head + `TXT"` + tail + `"TXTRecords":[{"value":["` + strings.Repeat("x", 256) + `"]}]}}`, "foreign: record that cannot be read"},

		{"no name", `{"type":"x/A","etag":"e","properties":{}}`, "error: no name"},
		{"no properties", `{"name":"www","type":"x/A","etag":"e"}`, "error: no properties"},
		{"no etag", `{"name":"www","type":"x/A","properties":{"TTL":1,"ARecords":[{"ipv4Address":"192.0.2.1"}]}}`, "error: no etag"},
		{"no TTL", `{"name":"www","type":"x/A","etag":"e","properties":{"ARecords":[{"ipv4Address":"192.0.2.1"}]}}`, "error: no proper TTL"},
		{"TTL too large", `{"name":"www","type":"x/A","etag":"e","properties":{"TTL":4294967296,"ARecords":[{"ipv4Address":"192.0.2.1"}]}}`, "error: no proper TTL"},
		{"of another zone", `{"name":"www.example.net.","type":"x/A","etag":"e","properties":{}}`, "error: not of the zone"},
	} {
		var s recordSet
		if err := json.Unmarshal([]byte(c.text), &s); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		h, err := read(&s, origin)
		var got string
		switch {
		case err != nil:
			got = "error: " + err.Error()
		case h.foreign != nil:
			got = "foreign: " + h.foreign.Kind
		default:
			var parts []string
			for _, d := range h.set.Data {
				parts = append(parts, rdata.Text(h.set.Type, d))
			}
			got = strings.Join(parts, " | ")
		}
		words, isErr := strings.CutPrefix(c.want, "error: ")
		kind, isForeign := strings.CutPrefix(c.want, "foreign: ")
		switch {
		case isErr && (err == nil || !strings.Contains(got, words)), isForeign && (h.foreign == nil || !strings.Contains(got, kind)), !isErr && !isForeign && got != c.want:
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// through sends an RRset as the SDK writes it and reads it as the service would give it back.
func through(set zone.RRset) (zone.RRset, error) {
	out, err := write(set)
	if err != nil {
		return zone.RRset{}, err
	}
	rel, err := relative(set.Owner, origin)
	if err != nil {
		return zone.RRset{}, err
	}
	out.Name, out.Type, out.Etag = &rel, new("Microsoft.Network/dnszones/"+set.Type.String()), new("e")
	text, err := json.Marshal(out)
	if err != nil {
		return zone.RRset{}, err
	}
	var s recordSet
	if err := json.Unmarshal(text, &s); err != nil {
		return zone.RRset{}, err
	}
	h, err := read(&s, origin)
	if err != nil || h.set == nil {
		return zone.RRset{}, err
	}
	return *h.set, nil
}

// What is written is read back as it was, whatever printable text, names and numbers it has.
func TestPrintableTextRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~]{1,255}`)
		label := rapid.StringMatching(`[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9])?`)
		name := func(what string) zone.Name {
			return zone.MustName(strings.Join(rapid.SliceOfN(label, 1, 4).Draw(t, what), ".") + ".example.org.")
		}
		number := rapid.Uint16()
		set := zone.RRset{Owner: name("owner"), TTL: rapid.Uint32Range(1, mostTTL).Draw(t, "TTL")}
		set.Type = rapid.SampledFrom(types).Draw(t, "type")
		for range rapid.IntRange(1, 5).Draw(t, "records") {
			var d zone.Data
			var err error
			switch set.Type {
			case zone.TypeA:
				d = rdata.A(netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address"))))
			case zone.TypeAAAA:
				d = rdata.A(netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address"))))
			case zone.TypeCAA:
				d, err = rdata.CAA{Flags: rapid.Uint8().Draw(t, "flags"), Tag: "issue", Value: text.Draw(t, "value")}.Data()
			case zone.TypeMX:
				d, err = rdata.MX{Preference: number.Draw(t, "preference"), Exchange: name("exchange")}.Data()
			case zone.TypeSRV:
				d, err = rdata.SRV{Priority: number.Draw(t, "priority"), Weight: number.Draw(t, "weight"), Port: number.Draw(t, "port"), Target: name("target")}.Data()
			case zone.TypeTXT:
				d, err = rdata.TXTStrings(rapid.SliceOfN(text, 1, 3).Draw(t, "strings")...)
			default:
				d = rdata.Name(name("name"))
			}
			if err != nil {
				t.Fatal(err)
			}
			if set.Data = append(set.Data, d); set.Type == zone.TypeCNAME {
				break
			}
		}
		set = set.Clean()
		if got, err := through(set); err != nil || !got.Equal(set) {
			t.Fatalf("got %v, %v; want %v", got, err, set)
		}
	})
}

// FuzzRead reads any answer. What comes out as an RRset can be written, or is refused with words,
// and comes back the same.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		`{"name":"@","type":"Microsoft.Network/dnszones/TXT","etag":"e","properties":{"TTL":1,"TXTRecords":[{"value":["a","b"]}]}}`,
		`{"name":"*","type":"x/A","etag":"e","properties":{"TTL":1,"targetResource":{"id":""},"ARecords":[{"ipv4Address":"::ffff:1.2.3.4"}]}}`,
		`{"name":"0/25","type":"x/NS","etag":"e","properties":{"TTL":0,"NSRecords":[{"nsdname":"A\\.b"}]}}`,
		`{"name":"x","type":"x/AAAA","etag":"e","properties":{"TTL":1,"AAAARecords":[{"ipv6Address":"::ffff:1.2.3.4"}]}}`,
		`{"name":"c","type":"x/CAA","etag":"e","properties":{"TTL":1,"caaRecords":[{"flags":0,"tag":"issue","value":"\u00fc"}]}}`,
		`{"name":"s","type":"x/SRV","etag":"e","properties":{"TTL":1,"SRVRecords":[{"priority":0,"weight":0,"port":1,"target":"."}]}}`,
		`{"name":"münchen","type":"x/CNAME","etag":"e","properties":{"TTL":1,"CNAMERecord":{"cname":"ü"}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var s recordSet
		if json.Unmarshal(text, &s) != nil {
			return
		}
		h, err := read(&s, origin)
		if err != nil || h.set == nil {
			return
		}
		if again, err := through(*h.set); err == nil {
			if d := cmp.Diff(h.set.Data, again.Data); d != "" || again.Owner != h.set.Owner || again.TTL != h.set.TTL {
				t.Errorf("%s comes back as %v\n%s", text, again, d)
			}
		}
	})
}
