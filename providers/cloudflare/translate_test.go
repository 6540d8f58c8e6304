package cloudflare

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Records as Cloudflare's documentation, octoDNS's fixtures and users' reports show them.
func TestReadRecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ json, want string }{
		"address":                    {`{"type":"A","content":"192.0.2.1"}`, "192.0.2.1"},
		"name without final dot":     {`{"type":"CNAME","content":"www.another-example.com"}`, "www.another-example.com."},
		"name with final dot":        {`{"type":"NS","content":"ns1.example.net."}`, "ns1.example.net."},
		"mail":                       {`{"type":"MX","content":"mx.example.net","priority":10}`, "10 mx.example.net."},
		"no mail (RFC 7505)":         {`{"type":"MX","content":".","priority":0}`, "0 ."},
		"service, as documented":     {`{"type":"SRV","content":"5 5223 server.example.com","priority":10,"data":{"port":5223,"priority":10,"target":"server.example.com","weight":5}}`, "10 5 5223 server.example.com."},
		"service that is none":       {`{"type":"SRV","content":"0 0 .","priority":0,"data":{"port":0,"priority":0,"target":".","weight":0}}`, "0 0 0 ."},
		"service without target":     {`{"type":"SRV","content":"0 0 ","priority":0,"data":{"port":0,"priority":0,"target":"","weight":0}}`, "0 0 0 ."},
		"text in quotes":             {`{"type":"TXT","content":"\"v=spf1 -all\""}`, `"v=spf1 -all"`},
		"text without quotes":        {`{"type":"TXT","content":"v=spf1 -all"}`, `"v=spf1 -all"`},
		"text of two strings":        {`{"type":"TXT","content":"\"v=DKIM1; p=ab\" \"cd\""}`, `"v=DKIM1; p=abcd"`},
		"text with quotes inside":    {`{"type":"TXT","content":"say \"hello\""}`, `"say \"hello\""`},
		"text that opens a quote":    {`{"type":"TXT","content":"\"open"}`, `"\"open"`},
		"authority, semicolon alone": {`{"type":"CAA","content":"0 issuewild \";\"","data":{"flags":0,"tag":"issuewild","value":";"}}`, `0 issuewild ";"`},
		"authority from its content": {`{"type":"CAA","content":"0 issue \"ca.unit.tests\""}`, `0 issue "ca.unit.tests"`},
		"URI with its own priority":  {`{"type":"URI","content":"1 \"https://example.net/\"","priority":10,"data":{"target":"https://example.net/","weight":1}}`, `10 1 "https://example.net/"`},
		"numbers as text":            {`{"type":"LOC","content":"x","data":{"lat_degrees":"31","lat_minutes":"58","lat_seconds":"52.1","lat_direction":"S","long_degrees":"115","long_minutes":"49","long_seconds":"11.7","long_direction":"E","altitude":"20","size":"10","precision_horz":"10","precision_vert":"2"}}`, "31 58 52.100 S 115 49 11.700 E 20.00m 10.00m 10.00m 2.00m"},
		"key by content alone":       {`{"type":"SSHFP","content":"1 1 bf6b6825d2977c511a475bbefb88aad54a92ac73"}`, "1 1 BF6B6825D2977C511A475BBEFB88AAD54A92AC73"},
		"signer, digest in blocks":   {`{"type":"DS","content":"44018 5 1 2BB183AF5F22588179A5 3B0A98631FAD1A292118"}`, "44018 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
		"pointer of E.164":           {`{"type":"NAPTR","content":"x","data":{"flags":"S","order":10,"preference":100,"regex":"!^.*$!sip:info@bar.example.com!","replacement":".","service":"SIP+D2U"}}`, `10 100 "S" "SIP+D2U" "!^.*$!sip:info@bar.example.com!" .`},
		"HTTPS by its content":       {`{"type":"HTTPS","content":"1 . alpn=\"h2,h3\"","data":{"priority":1,"target":".","value":"alpn=\"h2,h3\""}}`, `1 . alpn="h2,h3"`},
		"certificate":                {`{"type":"CERT","content":"x","data":{"algorithm":8,"certificate":"AQID","key_tag":1,"type":9}}`, "9 1 RSASHA256 AQID"},
	} {
		var r apiRecord
		if err := json.Unmarshal([]byte(c.json), &r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		typ, err := zone.ParseType(r.Type)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, err := rdata.Parse(typ, c.want, zone.Root)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := r.read(typ); err != nil || got != want {
			t.Errorf("%s: read %s, %v; want %s", name, rdata.Text(typ, got), err, c.want)
		}
	}
}

// Answers that make no sense are errors, not other records.
func TestReadRecordRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"address of the other family": `{"type":"A","content":"2001:db8::1"}`,
		"no address":                  `{"type":"AAAA","content":"www.example.net"}`,
		"mail without priority":       `{"type":"MX","content":"mx.example.net"}`,
		"priority out of range":       `{"type":"MX","content":"mx.example.net","priority":70000}`,
		"priority in halves":          `{"type":"MX","content":"mx.example.net","priority":1.5}`,
		"name with an empty label":    `{"type":"CNAME","content":"a..b"}`,
		"service without anything":    `{"type":"SRV","content":"","data":{}}`,
		"key that is no hexadecimal":  `{"type":"TLSA","content":"3 1 1 xyz"}`,
	} {
		var r apiRecord
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		typ, err := zone.ParseType(r.Type)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d, err := r.read(typ); err == nil {
			t.Errorf("%s: read as %s, want an error", name, rdata.Text(typ, d))
		}
	}
}

// What is written reads the same, through JSON.
func TestWriteThenRead(t *testing.T) {
	t.Parallel()
	texts := map[zone.Type][]string{
		zone.TypeA: {"192.0.2.1"}, zone.TypeAAAA: {"2001:db8::1", "::ffff:192.0.2.1"}, zone.TypeCNAME: {"a.example."},
		zone.TypeMX: {"0 .", "65535 mx.example."}, zone.TypeSRV: {"0 0 0 .", "1 2 3 a.example."},
		zone.TypeCAA: {`0 issue ";"`, `128 iodef "mailto:a@example.com"`, `0 issue "a\"b"`}, zone.TypeURI: {`10 1 "https://example.net/?a=\"b\""`},
		zone.TypeNAPTR: {`100 50 "s" "z3950+I2L+I2C" "!^(\\+41.*)$!tel:\\1!" _z3950._tcp.example.`},
		zone.TypeTLSA:  {"3 1 1 8755CDAA"}, zone.TypeSMIMEA: {"3 0 0 308205AB30"}, zone.TypeDS: {"60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
		zone.TypeSSHFP: {"4 2 12345678"}, zone.TypeDNSKEY: {"257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="},
		zone.TypeCERT: {"PGP 0 0 mQENBA==", "65534 65535 254 AQIDBA=="},
		zone.TypeLOC:  {"52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m", "0 0 0.000 N 0 0 0.000 W 8848.86m 4000000.00m 1.00m 10.00m"},
		zone.TypeTXT:  {`"a" "b"`, `"\000\255\"\\"`}, zone.TypeOPENPGPKEY: {"AQIDBA=="}, zone.TypePTR: {"a.example."}, zone.TypeNS: {"ns.example."},
	}
	for typ, list := range texts {
		for _, text := range list {
			d, err := rdata.Parse(typ, text, zone.Root)
			if err != nil {
				t.Fatalf("%s %s: %v", typ, text, err)
			}
			if got, err := throughJSON(typ, d); err != nil || got != plain(typ, d) {
				t.Errorf("%s %s came back as %s, %v", typ, text, rdata.Text(typ, got), err)
			}
		}
	}
}

// throughJSON writes RDATA as a request and reads it as an answer.
func throughJSON(t zone.Type, d zone.Data) (zone.Data, error) {
	w := apiWrite{}
	if err := w.put(t, d); err != nil {
		return "", err
	}
	b, err := json.Marshal(w)
	if err != nil {
		return "", err
	}
	var r apiRecord
	if err := json.Unmarshal(b, &r); err != nil {
		return "", err
	}
	return r.read(t)
}

func TestTextsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.Byte(), 1, 600).Draw(t, "text"))
		d := rdata.TXT(text)
		if got, err := throughJSON(zone.TypeTXT, d); err != nil || rdata.TXTJoined(got) != text {
			t.Fatalf("%q came back as %q, %v", text, rdata.TXTJoined(got), err)
		}
	})
}

// FuzzReadRecord: no record makes Read panic or give RDATA that is not well formed.
func FuzzReadRecord(f *testing.F) {
	for _, s := range []string{
		`{"type":"SRV","content":"5 5223 a.b","priority":10,"data":{"port":5223,"priority":10,"target":"a.b","weight":5}}`,
		`{"type":"LOC","data":{"lat_degrees":90,"lat_minutes":0,"lat_seconds":1e9,"lat_direction":"N","long_degrees":0,"long_minutes":0,"long_seconds":0,"long_direction":"","altitude":1e300,"size":-1,"precision_horz":0,"precision_vert":0}}`,
		`{"type":"TXT","content":"\"a"}`, `{"type":"CAA","data":{"flags":256,"tag":"","value":""}}`, `{"type":"CERT","data":{"certificate":"\n; $"}}`,
		`{"type":"HTTPS","content":"1 . key1=\"a\""}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r apiRecord
		if json.Unmarshal([]byte(text), &r) != nil {
			return
		}
		typ, err := zone.ParseType(r.Type)
		if err != nil || !typ.OnWire() || typ.Meta() {
			return
		}
		d, err := r.read(typ)
		if err != nil {
			return
		}
		if err := rdata.WellFormed(typ, d); err != nil {
			t.Fatalf("%s gave RDATA that is not well formed: %v", text, err)
		}
		if proxiable(typ) && strings.TrimSpace(rdata.Text(typ, d)) == "" {
			t.Fatalf("%s gave no text", text)
		}
	})
}
