package tinydns_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/source/tinydns"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

const data = `# comment
.example.com::ns1.example.net:86400
&sub.example.com:192.0.2.53:a:600   # NS with address
+www.example.com:192.0.2.1:300
+www.example.com:192.0.2.2
+none.example.com:0.0.0.0
=host.example.com:192.0.2.9
6six.example.com:20010db8000000000000000000000001
3three.example.com:20010db8000000000000000000000003:60
Calias.example.com:www.example.com.
@example.com:192.0.2.25:mail:10:900
@example.com::mx.example.net.:20
'txt.example.com:with \072 colon\054 and \\ backslash:120
S_sip._tcp.example.com::sip:5060:1:2
:caa.example.com:CAA:0 issue "ca.example.net"
:raw.example.com:16:\003abc
Zexample.com:ns1.example.net:hostmaster.example.com
-off.example.com:192.0.2.77
%lo:192.0.2
+other.example.net:192.0.2.99
^7.2.0.192.in-addr.arpa:ptr.example.com:77
+a.child.example.com:192.0.2.3
`

func load(t *testing.T, text, origin string, subzones ...zone.Name) ([]string, error) {
	t.Helper()
	src := tinydns.New(tinydns.Options{
		ID: "tiny", Subzones: func(zone.Name) []zone.Name { return subzones },
		ReadDir: func(string) ([]tinydns.File, error) { return []tinydns.File{{Path: "data", Data: []byte(text)}}, nil },
	})
	l, err := src.Load(t.Context(), zone.MustName(origin))
	if l == nil {
		return nil, err
	}
	var out []string
	for set := range l.Zone.All() {
		for _, d := range set.Data {
			out = append(out, fmt.Sprintf("%s %d %s %s", set.Owner.Relative(zone.MustName(origin)), set.TTL, set.Type, rdata.Text(set.Type, d)))
		}
	}
	return out, err
}

func TestForward(t *testing.T) {
	t.Parallel()
	got, err := load(t, data, "example.com.", zone.MustName("child.example.com."))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"@ 86400 NS ns1.example.net.",
		"@ 900 MX 10 mail.mx.example.com.",
		"@ 900 MX 20 mx.example.net.",
		"_sip._tcp 3600 SRV 1 2 5060 sip.srv.example.com.",
		"alias 3600 CNAME www.example.com.",
		`caa 3600 CAA 0 issue "ca.example.net"`,
		"host 3600 A 192.0.2.9",
		"mail.mx 900 A 192.0.2.25",
		"a.ns 600 A 192.0.2.53",
		`raw 3600 TXT "abc"`,
		"six 3600 AAAA 2001:db8::1",
		"sub 600 NS a.ns.example.com.",
		"three 60 AAAA 2001:db8::3",
		`txt 120 TXT "with : colon, and \\ backslash"`,
		"www 300 A 192.0.2.1",
		"www 300 A 192.0.2.2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestReverse(t *testing.T) {
	t.Parallel()
	got, err := load(t, data, "2.0.192.in-addr.arpa.")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"7 77 PTR ptr.example.com.", "9 3600 PTR host.example.com."}, got); diff != "" {
		t.Errorf("IPv4 (-want +got):\n%s", diff)
	}
	got, err = load(t, data, "8.b.d.0.1.0.0.2.ip6.arpa.")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{strings.TrimSuffix("1."+strings.Repeat("0.", 23), ".") + " 3600 PTR six.example.com."}, got); diff != "" {
		t.Errorf("IPv6 (-want +got):\n%s", diff)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"+a.example.com:192.0.2":       "data:1:1: error: \"192.0.2\" is no IPv4 address",
		"\n+a.example.com:192.0.2.1:x": "data:2:1",
		"3a.example.com:123":           "no IPv6 address",
		"@example.com::mx:ten":         "distance \"ten\"",
		"Calias.example.com":           "host name is missing",
		":a.example.com:NOPE:x":        "NOPE",
		"+a..example.com:192.0.2.1":    "empty label",
		"'a.example.com:\xff":          "not text",
	} {
		if _, err := load(t, text, "example.com."); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestZonesCannotBeListed(t *testing.T) {
	t.Parallel()
	for _, err := range tinydns.New(tinydns.Options{}).Zones(t.Context()) {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("error = %v, want ErrUnsupported", err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(data), "example.com.")
	f.Add([]byte(data), "2.0.192.in-addr.arpa.")
	f.Fuzz(func(t *testing.T, text []byte, origin string) {
		n, err := zone.ParseName(origin)
		if err != nil || len(text) > 1<<16 {
			t.Skip()
		}
		src := tinydns.New(tinydns.Options{
			ReadDir: func(string) ([]tinydns.File, error) { return []tinydns.File{{Path: "data", Data: text}}, nil },
		})
		l, err := src.Load(t.Context(), n)
		if err == nil && l.Zone == nil {
			t.Error("no error and no zone")
		}
	})
}
