package cloudflare

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/zone"
)

// https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/
func TestForms(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	digest := "48e939042e82c22542cb377b580dfdc52a361cefdc72e7f9107e2b6bd9306a45"
	tests := []struct {
		send    m
		content string // as shown
		data    string // as shown, "" for none
		served  string // "" as content
	}{
		{send: m{"type": "AAAA", "content": "fe80::0:0:1"}, content: "fe80::1"},
		{send: m{"type": "CNAME", "name": "c1", "content": "Target.Example.NET."}, content: "target.example.net", served: "target.example.net."},
		{send: m{"type": "CNAME", "name": "c2", "content": "@"}, content: "example.com", served: "example.com."},
		{send: m{"type": "MX", "content": "mail.example.com", "priority": 10}, content: "mail.example.com", served: "10 mail.example.com."},
		{send: m{"type": "MX", "name": "null", "content": ".", "priority": 0}, content: ".", served: "0 ."},
		{send: m{"type": "NS", "name": "sub", "content": "ns.example.net"}, content: "ns.example.net", served: "ns.example.net."},
		{send: m{"type": "PTR", "content": "host.example.com."}, content: "host.example.com", served: "host.example.com."},
		{
			send:    m{"type": "SRV", "name": "_xmpp._tcp", "data": m{"priority": 10, "weight": 5, "port": 5223, "target": "server.example.com"}},
			content: "5 5223 server.example.com", data: `{"port":5223,"priority":10,"target":"server.example.com","weight":5}`,
			served: "10 5 5223 server.example.com.",
		},
		{
			send:    m{"type": "CAA", "data": m{"flags": 0, "tag": "issue", "value": "letsencrypt.org"}},
			content: `0 issue "letsencrypt.org"`, data: `{"flags":0,"tag":"issue","value":"letsencrypt.org"}`,
		},
		{
			send:    m{"type": "DS", "name": "sub", "data": m{"key_tag": 2371, "algorithm": 13, "digest_type": 2, "digest": strings.ToUpper(digest)}},
			content: "2371 13 2 " + digest, data: `{"algorithm":13,"digest":"` + digest + `","digest_type":2,"key_tag":2371}`,
		},
		{
			send:    m{"type": "TLSA", "name": "_443._tcp", "data": m{"usage": 3, "selector": 1, "matching_type": 1, "certificate": digest}},
			content: "3 1 1 " + digest, data: `{"certificate":"` + digest + `","matching_type":1,"selector":1,"usage":3}`,
		},
		{
			send:    m{"type": "SMIMEA", "data": m{"usage": 3, "selector": 0, "matching_type": 0, "certificate": "aabb"}},
			content: "3 0 0 aabb", data: `{"certificate":"aabb","matching_type":0,"selector":0,"usage":3}`,
		},
		{
			send:    m{"type": "SSHFP", "data": m{"algorithm": 4, "type": 2, "fingerprint": digest}},
			content: "4 2 " + digest, data: `{"algorithm":4,"fingerprint":"` + digest + `","type":2}`,
		},
		{
			send:    m{"type": "CERT", "data": m{"type": 1, "key_tag": 2, "algorithm": 8, "certificate": "AAECAw=="}},
			content: "1 2 8 AAECAw==", data: `{"algorithm":8,"certificate":"AAECAw==","key_tag":2,"type":1}`, served: "-",
		},
		{
			send: m{"type": "NAPTR", "data": m{
				"order": 100, "preference": 10, "flags": "S", "service": "SIP+D2U", "regex": "", "replacement": "_sip._udp.example.com.",
			}},
			content: `100 10 "S" "SIP+D2U" "" _sip._udp.example.com.`,
			data:    `{"flags":"S","order":100,"preference":10,"regex":"","replacement":"_sip._udp.example.com.","service":"SIP+D2U"}`,
		},
		{
			send:    m{"type": "HTTPS", "data": m{"priority": 1, "target": ".", "value": `alpn="h3,h2" ipv4hint=192.0.2.1`}},
			content: `1 . alpn="h3,h2" ipv4hint="192.0.2.1"`, data: `{"priority":1,"target":".","value":"alpn=\"h3,h2\" ipv4hint=\"192.0.2.1\""}`,
		},
		{
			send:    m{"type": "SVCB", "data": m{"priority": 0, "target": "svc.example.net", "value": ""}},
			content: "0 svc.example.net", data: `{"priority":0,"target":"svc.example.net","value":""}`, served: "0 svc.example.net.",
		},
		{
			send:    m{"type": "URI", "priority": 10, "data": m{"weight": 1, "target": "https://example.com/"}},
			content: `1 "https://example.com/"`, data: `{"target":"https://example.com/","weight":1}`, served: `10 1 "https://example.com/"`,
		},
		{
			send: m{"type": "LOC", "data": m{
				"lat_degrees": 37, "lat_minutes": 46, "lat_seconds": 46, "lat_direction": "N", "long_degrees": 122, "long_minutes": 23,
				"long_seconds": 35.5, "long_direction": "W", "altitude": 0, "size": 100, "precision_horz": 10, "precision_vert": 2,
			}},
			content: "37 46 46.000 N 122 23 35.500 W 0.00m 100m 10m 2m",
			data: `{"lat_degrees":37,"lat_minutes":46,"lat_seconds":46,"lat_direction":"N","long_degrees":122,"long_minutes":23,` +
				`"long_seconds":35.5,"long_direction":"W","altitude":0,"size":100,"precision_horz":10,"precision_vert":2}`,
		},
		{send: m{"type": "OPENPGPKEY", "content": "AAECAw=="}, content: "AAECAw=="},
	}
	for _, tt := range tests {
		name := fmt.Sprintf("%s.forms", strings.ToLower(tt.send["type"].(string)))
		if tt.send["name"] != nil {
			name = tt.send["name"].(string)
		}
		tt.send["name"] = name
		made := must[got](c, "POST", records, tt.send)
		data := ""
		if made.Data != nil {
			b, err := json.Marshal(made.Data)
			if err != nil {
				t.Fatal(err)
			}
			data = string(b)
		}
		if made.Content != tt.content || !sameJSON(t, data, tt.data) {
			t.Errorf("%v\n got content %q data %s\nwant content %q data %s", tt.send, made.Content, data, tt.content, tt.data)
		}
		// A PATCH that says nothing about the value leaves it, in every form.
		patched := must[got](c, "PATCH", records+"/"+made.ID, m{"comment": "touched"})
		patched.Comment, patched.Modified = made.Comment, made.Modified
		if diff := cmp.Diff(made, patched); diff != "" {
			t.Errorf("%v after PATCH of the comment (-want +got):\n%s", tt.send, diff)
		}
		kind, err := zone.ParseType(tt.send["type"].(string))
		if err != nil {
			t.Fatal(err)
		}
		want := tt.served
		if want == "" {
			want = tt.content
		}
		if _, v := c.served(name+".example.com", kind); len(v) != 1 || v[0] != want && want != "-" {
			t.Errorf("%v is served as %q, want %q", tt.send, v, want)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	if a == "" || b == "" {
		return a == b
	}
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		t.Fatalf("no JSON: %s, %s", a, b)
	}
	return cmp.Equal(x, y)
}

// https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/#txt
func TestTXT(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	long := strings.Repeat("x", 300)
	accepted := map[string]string{
		`v=spf1 -all`:    `"v=spf1 -all"`,
		`"v=spf1 -all"`:  `"v=spf1 -all"`,
		`"one" "two"`:    `"one" "two"`,
		`"one""two"`:     `"one" "two"`,
		long:             `"` + long[:255] + `" "` + long[:45] + `"`,
		`"` + long + `"`: `"` + long[:255] + `" "` + long[:45] + `"`,
		`say \"hi\"`:     `"say \"hi\""`,
		`a\\b`:           `"a\\b"`,
		`"\065\010"`:     `"A\010"`,
		`k=rsa; p=MII`:   `"k=rsa; p=MII"`,
		"grüße":          `"gr\195\188\195\159e"`,
		`" kept "`:       `" kept "`,
	}
	i := 0
	for content, want := range accepted {
		i++
		made := must[got](c, "POST", records, m{"type": "TXT", "name": fmt.Sprintf("t%d", i), "content": content})
		if made.Content != want {
			t.Errorf("TXT %q is shown as %s, want %s", content, made.Content, want)
		}
		// What is shown is taken again, and is the same record.
		c.refused(400, 81058, "POST", records, m{"type": "TXT", "name": fmt.Sprintf("t%d", i), "content": made.Content})
	}
	for _, content := range []string{`"this`, `"these" ones"`, `these "ones"`, `"a"b`, `"a\`} {
		c.refused(400, 9208, "POST", records, m{"type": "TXT", "name": "bad", "content": content})
	}
	for _, content := range []string{"", `""`, strings.Repeat("x", 2049)} {
		c.refused(400, 9207, "POST", records, m{"type": "TXT", "name": "bad", "content": content})
	}
	for i := range 4 {
		must[got](c, "POST", records, m{"type": "TXT", "name": "many", "content": fmt.Sprint(i) + strings.Repeat("x", 1990)})
	}
	c.refused(400, 9209, "POST", records, m{"type": "TXT", "name": "many", "content": strings.Repeat("y", 500)})
}

func TestValidation(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	tests := []struct {
		code int
		send m
	}{
		{9005, m{"type": "A", "name": "x", "content": "1.1"}},
		{9005, m{"type": "A", "name": "x", "content": "2001:db8::1"}},
		{9005, m{"type": "A", "name": "x", "content": ""}},
		{9207, m{"type": "A", "name": "x"}},
		{9006, m{"type": "AAAA", "name": "x", "content": "192.0.2.1"}},
		{9006, m{"type": "AAAA", "name": "x", "content": "fe80::1%eth0"}},
		{9007, m{"type": "CNAME", "name": "x", "content": "192.0.2.1"}},
		{9007, m{"type": "CNAME", "name": "x", "content": "no host"}},
		{9007, m{"type": "NS", "name": "x", "content": "."}},
		{9039, m{"type": "CNAME", "name": "x", "content": "x.example.com"}},
		{9009, m{"type": "MX", "name": "x", "content": "192.0.2.1", "priority": 1}},
		{9100, m{"type": "MX", "name": "x", "content": "mail.example.com"}},
		{9104, m{"type": "MX", "name": "x", "content": "mail.example.com", "priority": 65536}},
		{9104, m{"type": "MX", "name": "x", "content": "mail.example.com", "priority": 1.5}},
		{9020, m{"name": "x", "content": "192.0.2.1"}},
		{9020, m{"type": "SPF", "name": "x", "content": "v=spf1"}},
		{9020, m{"type": "SOA", "name": "@", "content": "x"}},
		{9020, m{"type": "ALIAS", "name": "@", "content": "x"}},
		{9000, m{"type": "A", "content": "192.0.2.1"}},
		{9000, m{"type": "A", "name": "", "content": "192.0.2.1"}},
		{9000, m{"type": "A", "name": "a..b", "content": "192.0.2.1"}},
		{9000, m{"type": "A", "name": "a b", "content": "192.0.2.1"}},
		{9000, m{"type": "A", "name": `a\.b`, "content": "192.0.2.1"}},
		{9000, m{"type": "A", "name": strings.Repeat("a", 64), "content": "192.0.2.1"}},
		{9101, m{"type": "SRV", "name": "_x._tcp", "content": "5 5223 server.example.com"}},
		{9101, m{"type": "SRV", "name": "_x._tcp", "data": m{"weight": 5, "port": 5, "target": "a.example"}}},
		{9102, m{"type": "SRV", "name": "_x._tcp", "data": m{"priority": 70000, "weight": 5, "port": 5, "target": "a.example"}}},
		{9102, m{"type": "SRV", "name": "_x._tcp", "data": m{"priority": 1, "weight": 5, "port": 5, "target": 7}}},
		{9102, m{"type": "CAA", "name": "x", "data": m{"flags": 256, "tag": "issue", "value": "a"}}},
		{9102, m{"type": "DS", "name": "x", "data": m{"key_tag": 1, "algorithm": 8, "digest_type": 2, "digest": "xyz"}}},
		{9103, m{"type": "HTTPS", "name": "x", "data": m{"priority": 1, "target": ".", "value": "port=99999"}}},
		{9101, m{"type": "LOC", "name": "x", "data": m{"lat_degrees": 1}}},
		{9103, m{"type": "OPENPGPKEY", "name": "x", "content": "?"}},
		// https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/
		{9021, m{"type": "A", "name": "x", "content": "192.0.2.1", "ttl": 59}},
		{9021, m{"type": "A", "name": "x", "content": "192.0.2.1", "ttl": 86401}},
		{9021, m{"type": "A", "name": "x", "content": "192.0.2.1", "ttl": 0}},
		{9021, m{"type": "A", "name": "x", "content": "192.0.2.1", "ttl": 300.5}},
		{9003, m{"type": "A", "name": "x", "content": "192.0.2.1", "proxied": "yes"}},
		{9003, m{"type": "A", "name": "x", "content": "1.1.1.1", "proxied": true}},
		{9003, m{"type": "AAAA", "name": "x", "content": "2606:4700::1", "proxied": true}},
		{9004, m{"type": "TXT", "name": "x", "content": "x", "proxied": true}},
		// https://developers.cloudflare.com/dns/manage-dns-records/reference/record-attributes/
		{9300, m{"type": "A", "name": "x", "content": "192.0.2.1", "tags": []string{"owner:dns"}}},
		{9302, m{"type": "A", "name": "x", "content": "192.0.2.1", "comment": strings.Repeat("c", 101)}},
		{9303, m{"type": "A", "name": "x", "content": "192.0.2.1", "comment": "a\nb"}},
		{9301, m{"type": "A", "name": "x", "content": "192.0.2.1", "comment": 7}},
		{9305, m{"type": "CNAME", "name": "x", "content": "a.example", "settings": m{"flatten_cname": true}}},
	}
	for _, tt := range tests {
		c.refused(400, tt.code, "POST", records, tt.send)
	}
	if a := c.call("GET", records, nil); a.Info.TotalCount != 0 {
		t.Errorf("%d records after refusals alone, want none", a.Info.TotalCount)
	}
	for _, ttl := range []int{1, 60, 86400} {
		made := must[got](c, "POST", records, m{"type": "A", "name": fmt.Sprintf("ttl%d", ttl), "content": "192.0.2.1", "ttl": ttl})
		if made.TTL != ttl {
			t.Errorf("TTL %d is shown as %d", ttl, made.TTL)
		}
	}
}

// https://developers.cloudflare.com/dns/manage-dns-records/reference/record-attributes/#availability
func TestPaidPlans(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{Plan: Enterprise})
	made := must[got](c, "POST", records, m{
		"type": "CNAME", "name": "x", "content": "a.example", "ttl": 30, "tags": []string{"owner:dns", "a", "owner:dns"},
		"comment": strings.Repeat("c", 500), "settings": m{"flatten_cname": true}, "unknown": "ignored",
	})
	if diff := cmp.Diff([]string{"a", "owner:dns"}, made.Tags); diff != "" || made.TTL != 30 || made.Settings["flatten_cname"] != true {
		t.Errorf("made %+v, tags (-want +got):\n%s", made, diff)
	}
	c.refused(400, 9302, "PATCH", records+"/"+made.ID, m{"comment": strings.Repeat("c", 501)})
	c.refused(400, 9304, "PATCH", records+"/"+made.ID, m{"tags": []string{"bad name:x"}})
	c.refused(400, 9300, "PATCH", records+"/"+made.ID, m{"tags": strings.Split(strings.Repeat("t,", 20)+"t", ",")})
	if p := must[got](c, "PATCH", records+"/"+made.ID, m{"comment": nil, "tags": []string{}}); p.Comment != nil || len(p.Tags) != 0 {
		t.Errorf("emptied: %+v", p)
	}
}

// https://developers.cloudflare.com/dns/manage-dns-records/troubleshooting/records-with-same-name/
// and https://developers.cloudflare.com/dns/manage-dns-records/troubleshooting/existing-ns-record/
func TestConflicts(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	a := must[got](c, "POST", records, m{"type": "A", "name": "a", "content": "192.0.2.1"})
	must[got](c, "POST", records, m{"type": "A", "name": "a", "content": "192.0.2.2"})
	must[got](c, "POST", records, m{"type": "AAAA", "name": "a", "content": "2001:db8::1"})
	must[got](c, "POST", records, m{"type": "TXT", "name": "a", "content": "x"})
	alias := must[got](c, "POST", records, m{"type": "CNAME", "name": "alias", "content": "a.example.com"})
	must[got](c, "POST", records, m{"type": "TXT", "name": "alias", "content": "beside an alias"})
	must[got](c, "POST", records, m{"type": "NS", "name": "sub", "content": "ns.example.net"})
	must[got](c, "POST", records, m{"type": "NS", "name": "@", "content": "ns.example.net"})
	must[got](c, "POST", records, m{"type": "A", "name": "@", "content": "192.0.2.1"})

	c.refused(400, 81058, "POST", records, m{"type": "A", "name": "a.example.com", "content": "192.0.2.1", "ttl": 1})
	c.refused(400, 81057, "POST", records, m{"type": "A", "name": "a", "content": "192.0.2.1", "ttl": 600})
	c.refused(400, 81053, "POST", records, m{"type": "CNAME", "name": "a", "content": "b.example.com"})
	c.refused(400, 81053, "POST", records, m{"type": "CNAME", "name": "alias", "content": "b.example.com"})
	c.refused(400, 81054, "POST", records, m{"type": "A", "name": "alias", "content": "192.0.2.1"})
	c.refused(400, 81056, "POST", records, m{"type": "A", "name": "sub", "content": "192.0.2.1"})
	c.refused(400, 81057, "PATCH", records+"/"+a.ID, m{"content": "192.0.2.2", "ttl": 60})
	c.refused(400, 81054, "PATCH", records+"/"+a.ID, m{"name": "alias"})
	must[got](c, "PATCH", records+"/"+a.ID, m{"ttl": 600})
	must[got](c, "PATCH", records+"/"+alias.ID, m{"content": "b.example.com"})
}

// https://github.com/cloudflare/cloudflare-go/pull/400: the type of a record may be changed.
func TestTypeChange(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	made := must[got](c, "POST", records, m{"type": "A", "name": "www", "content": "192.0.2.1"})
	path := records + "/" + made.ID
	if text := must[got](c, "PATCH", path, m{"type": "TXT"}); text.Type != "TXT" || text.Content != `"192.0.2.1"` {
		t.Errorf("made TXT: %+v", text)
	}
	c.refused(400, 9100, "PATCH", path, m{"type": "MX", "content": "mail.example.com"})
	c.refused(400, 9101, "PATCH", path, m{"type": "CAA"})
	c.refused(400, 9101, "PUT", path, m{"type": "SRV", "name": "www", "content": "5 5 a.example"})
	if mx := must[got](c, "PATCH", path, m{"type": "MX", "content": "mail.example.com", "priority": 5}); *mx.Priority != 5 {
		t.Errorf("made MX: %+v", mx)
	}
	if alias := must[got](c, "PUT", path, m{"type": "CNAME", "name": "www", "content": "a.example.net"}); alias.Priority != nil || alias.ID != made.ID {
		t.Errorf("made CNAME: %+v", alias)
	}
	for _, kind := range []zone.Type{zone.TypeA, zone.TypeTXT, zone.TypeMX} {
		if _, v := c.served("www.example.com", kind); v != nil {
			t.Errorf("%s %v is still served", kind, v)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	for name, want := range map[string]string{
		"www": "www.example.com", "@": "example.com", "example.com": "example.com", "Mail.Example.com.": "mail.example.com",
		"*": "*.example.com", "_dmarc": "_dmarc.example.com", "other.example.net": "other.example.net.example.com",
		"bücher": "xn--bcher-kva.example.com", "notexample.com": "notexample.com.example.com",
	} {
		if made := must[got](c, "POST", records, m{"type": "TXT", "name": name, "content": "of " + name}); made.Name != want {
			t.Errorf("name %q is shown as %q, want %q", name, made.Name, want)
		}
	}
}

// https://developers.cloudflare.com/dns/manage-dns-records/ (200 records on free zones)
func TestQuota(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	var posts []m
	for i := range 200 {
		posts = append(posts, m{"type": "A", "name": fmt.Sprintf("h%d", i), "content": "192.0.2.1"})
	}
	must[batchView](c, "POST", records+"/batch", m{"posts": posts})
	c.refused(400, 81045, "POST", records, m{"type": "A", "name": "more", "content": "192.0.2.1"})
	first := must[[]got](c, "GET", records+"?name=h0.example.com", nil)[0]
	must[batchView](c, "POST", records+"/batch", m{
		"deletes": []m{{"id": first.ID}}, "posts": []m{{"type": "A", "name": "more", "content": "192.0.2.1"}},
	})
}

// https://developers.cloudflare.com/email-routing/setup/email-routing-dns-records/; meta.read_only as
// in https://github.com/DNSControl/dnscontrol/issues/3850
func TestReadOnlyRecords(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	id := strings.Split(records, "/")[2]
	kept := must[got](c, "POST", records, m{"type": "A", "name": "www", "content": "192.0.2.1"})
	for code, r := range map[int]Record{
		1046: {Name: "@", Type: "MX", Content: "route1.mx.cloudflare.net", Priority: 13, Meta: Meta{AutoAdded: true, ReadOnly: true, EmailRouting: true}},
		1047: {Name: "tunnel", Type: "CNAME", Content: "f70ff985-a4ef-4643-bbbc-4a0ed4fc8415.cfargotunnel.com", Proxied: true, Meta: Meta{ReadOnly: true, Tunnel: true}},
		1048: {Name: "worker", Type: "AAAA", Content: "100::", Proxied: true, Meta: Meta{ReadOnly: true, Worker: strings.Repeat("a", 32)}},
		1043: {Name: "srv", Type: "SRV", Data: m{"priority": 1, "weight": 1, "port": 1, "target": "a.example"}, Meta: Meta{ReadOnly: true}},
	} {
		planted, err := c.svc.Plant(id, r)
		if err != nil {
			t.Fatal(err)
		}
		if shown := must[got](c, "GET", records+"/"+planted, nil); shown.Meta["read_only"] != true {
			t.Errorf("%v is shown with meta %v, want it read-only", r, shown.Meta)
		}
		c.refused(400, code, "DELETE", records+"/"+planted, nil)
		c.refused(400, code, "PATCH", records+"/"+planted, m{"ttl": 600})
		c.refused(400, code, "PUT", records+"/"+planted, m{"type": r.Type, "name": r.Name, "content": "x"})
		c.refused(400, code, "POST", records+"/batch", m{"deletes": []m{{"id": kept.ID}, {"id": planted}}})
	}
	must[got](c, "GET", records+"/"+kept.ID, nil)

	locked, err := c.svc.Plant(id, Record{Name: "locked", Type: "A", Content: "192.0.2.1", Locked: true})
	if err != nil {
		t.Fatal(err)
	}
	if shown := must[got](c, "GET", records+"/"+locked, nil); !shown.Locked {
		t.Errorf("locked record is shown as %+v", shown)
	}
	c.refused(400, 1043, "DELETE", records+"/"+locked, nil)
}
