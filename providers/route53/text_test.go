package route53

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
func TestNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ api, name, sent string }{
		{"www.example.com.", "www.example.com.", "www.example.com."},
		{"WWW.Example.com", "www.example.com.", "www.example.com."},
		{`\052.example.com.`, "*.example.com.", "*.example.com."},
		{`foo.\052.example.com.`, "foo.*.example.com.", `foo.\052.example.com.`},
		{`f\374bar.example.com.`, `f\252bar.example.com.`, `f\374bar.example.com.`},
		{`a\056b.example.com.`, `a\.b.example.com.`, `a\056b.example.com.`},
		{`0\05724.2.0.192.in-addr.arpa.`, "0/24.2.0.192.in-addr.arpa.", `0\05724.2.0.192.in-addr.arpa.`},
		{`_acme-challenge.example.com.`, "_acme-challenge.example.com.", "_acme-challenge.example.com."},
		{`x\100y.example.com.`, `x\064y.example.com.`, `x\100y.example.com.`},
		{`\\x.example.com.`, `\\x.example.com.`, `\134x.example.com.`},
	} {
		n, err := parseName(c.api)
		if err != nil || n != zone.MustName(c.name) {
			t.Errorf("parseName(%q) = %v, %v; want %s", c.api, n, err, c.name)
		}
		if got := nameText(n); got != c.sent {
			t.Errorf("nameText(%s) = %q, want %q", n, got, c.sent)
		}
	}
}

// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html
func TestValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ            zone.Type
		api, text, out string
	}{
		{zone.TypeTXT, `"ex\344mple.com"`, `"ex\228mple.com"`, `"ex\344mple.com"`},
		{zone.TypeTXT, `"This string includes \"quotation marks\"."`, `"This string includes \"quotation marks\"."`, `"This string includes \"quotation marks\"."`},
		{zone.TypeTXT, `"String 1" "String 2" "String 3"`, `"String 1" "String 2" "String 3"`, `"String 1" "String 2" "String 3"`},
		// As octoDNS writes a semicolon.
		{zone.TypeTXT, `"v=DKIM1\; k=rsa"`, `"v=DKIM1; k=rsa"`, `"v=DKIM1; k=rsa"`},
		{zone.TypeTXT, `"C:\\dir"`, `"C:\\dir"`, `"C:\\dir"`},
		{zone.TypeCNAME, `\052.example.com.`, `*.example.com.`, `*.example.com.`},
		// As the console writes a name.
		{zone.TypeMX, "10 mail.example.com", "10 mail.example.com.", "10 mail.example.com."},
		{zone.TypeCAA, `0 issue "ca.example.net; account=123456"`, `0 issue "ca.example.net; account=123456"`, `0 issue "ca.example.net; account=123456"`},
		{zone.TypeAAAA, "2001:0db8:85a3:0:0:8a2e:0370:7334", "2001:db8:85a3::8a2e:370:7334", "2001:db8:85a3::8a2e:370:7334"},
		{zone.TypeNAPTR, `100 50 "u" "E2U+sip" "!^(\\+441632960083)$!sip:\\1@example.com!" .`, `100 50 "u" "E2U+sip" "!^(\\+441632960083)$!sip:\\1@example.com!" .`, `100 50 "u" "E2U+sip" "!^(\\+441632960083)$!sip:\\1@example.com!" .`},
	} {
		d, err := parseValue(c.typ, c.api)
		want, werr := rdata.Parse(c.typ, c.text, zone.Root)
		if err != nil || werr != nil || d != want {
			t.Errorf("%s %s is read as %s (%v), want %s (%v)", c.typ, c.api, rdata.Text(c.typ, d), err, c.text, werr)
		}
		if got := valueText(c.typ, d); got != c.out {
			t.Errorf("%s %s is written as %s, want %s", c.typ, c.text, got, c.out)
		}
	}
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var n zone.Name
		for _, label := range rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 20), 0, 6).Draw(t, "labels") {
			var err error
			if n, err = n.Child(string(label)); err != nil {
				t.Skip(err)
			}
		}
		if got, err := parseName(nameText(n)); err != nil || got != n {
			t.Errorf("name %s, written %q, is read as %s, %v", n, nameText(n), got, err)
		}
		texts := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 40), 1, 3).Draw(t, "texts")
		strs := make([]string, len(texts))
		for i, s := range texts {
			strs[i] = string(s)
		}
		for typ, d := range map[zone.Type]zone.Data{zone.TypeTXT: must(rdata.TXTStrings(strs...)), zone.TypeCNAME: rdata.Name(n)} {
			if got, err := parseValue(typ, valueText(typ, d)); err != nil || got != d {
				t.Errorf("%s %q, written %s, is read as %q, %v", typ, d, valueText(typ, d), got, err)
			}
		}
	})
}

func must(d zone.Data, err error) zone.Data {
	if err != nil {
		panic(err)
	}
	return d
}

func FuzzOctal(f *testing.F) {
	for _, s := range []string{`\052.example.com.`, `"v=DKIM1\; k=rsa"`, `\`, `\\`, `\400`, `\3`, `"\"`, `ex\344mple`, `\999`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseName(s)
		if err == nil {
			if again, err := parseName(nameText(n)); err != nil || again != n {
				t.Errorf("%q is %s, written %q, read as %s, %v", s, n, nameText(n), again, err)
			}
		}
		for _, typ := range []zone.Type{zone.TypeTXT, zone.TypeMX, zone.TypeCAA, zone.TypeNAPTR} {
			d, err := parseValue(typ, s)
			if err != nil || len(s) > maxValue {
				continue
			}
			if again, err := parseValue(typ, valueText(typ, d)); err != nil || again != d {
				t.Errorf("%s %q is %q, written %s, read as %q, %v", typ, s, d, valueText(typ, d), again, err)
			}
		}
	})
}
