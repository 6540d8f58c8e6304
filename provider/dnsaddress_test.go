package provider_test

import (
	"net"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/provider"
)

func TestDNSAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.1":               "192.0.2.1:53",
		"192.0.2.1:5353":          "192.0.2.1:5353",
		"2001:db8::1":             "[2001:db8::1]:53",
		"[2001:db8::1]":           "[2001:db8::1]:53",
		"[2001:db8::1]:5353":      "[2001:db8::1]:5353",
		"[fe80::1%eth0]:53":       "[fe80::1%eth0]:53",
		"ns1.example.net":         "ns1.example.net:53",
		"ns1.example.net.:53":     "ns1.example.net.:53",
		"localhost":               "localhost:53",
		"knot:5353":               "knot:5353",
		"_dns.example.net:53":     "_dns.example.net:53",
		"":                        "!neither an address nor a host name",
		"yes":                     "!neither an address nor a host name",
		"192.0.2":                 "!neither an address nor a host name",
		"192.0.2.256":             "!neither an address nor a host name",
		"192.0.2.256:53":          "!neither an address nor a host name",
		"192.0.2.1/24":            "!neither an address nor a host name",
		"ns1 example.net":         "!neither an address nor a host name",
		"dns:hunter2@example.net": "!port that is no number",
		"https://example.net":     "!port that is no number",
		"192.0.2.1:":              "!port that is no number",
		"192.0.2.1:0":             "!port that is no number",
		"192.0.2.1:65536":         "!port that is no number",
		"192.0.2.1:domain":        "!port that is no number",
		"192.0.2.1:053":           "!port that begins with 0",
		"ns1.example.net:0053":    "!port that begins with 0",
		"[2001:db8::1]:053":       "!port that begins with 0",
		"192.0.2.1:00":            "!port that is no number",
		"::1:53":                  "!write [::1]:53 for port 53 of ::1, or [::1:53] for that address",
		"::1:5300":                "!write [::1]:5300 for port 5300",
		"2001:db8::1:53":          "!write [2001:db8::1]:53 for port 53 of 2001:db8::1, or [2001:db8::1:53]",
		"2001:db8:0::1:853":       "!write [2001:db8::1]:853",
		"2001:db8::1:5353":        "!write [2001:db8::1]:5353",
		"[2001:db8::1:53]":        "[2001:db8::1:53]:53",
		"[2001:db8::1:53]:53":     "[2001:db8::1:53]:53",
		"2001:db8::53":            "[2001:db8::53]:53",
		"2001:db8::1:54":          "[2001:db8::1:54]:53",
		"2001:db8:1:2:3:4:5:53":   "[2001:db8:1:2:3:4:5:53]:53",
		"::53":                    "[::53]:53",
		"::1:53a":                 "[::1:53a]:53",
		"2001:db8::1:5353:x":      "!without brackets",
		"[2001:db8::1":            "!without brackets",
		"[fe80::1%e:1]>+1]":       "!without brackets",
		":53":                     "!neither an address nor a host name",
		"-a.example:53":           "!neither an address nor a host name",
		"a..example:53":           "!neither an address nor a host name",
	} {
		got, err := provider.DNSAddress(text)
		if err != nil {
			got = "!" + err.Error()
		}
		part, bad := strings.CutPrefix(want, "!")
		if bad != (err != nil) || !bad && got != want || bad && !strings.Contains(got, part) {
			t.Errorf("DNSAddress(%q) = %q, want %q", text, got, want)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("DNSAddress(%q) = %q repeats what may be a password", text, got)
		}
	}
}

func FuzzDNSAddress(f *testing.F) {
	for _, s := range []string{"192.0.2.1:53", "[::1]:53", "a.example", "x:y:z", "::1:53", "[]:1", "[::%:1]>+1]", "::%eth0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := provider.DNSAddress(s)
		if err != nil {
			return
		}
		if _, _, err := net.SplitHostPort(got); err != nil {
			t.Errorf("DNSAddress(%q) = %q, which cannot be dialled: %v", s, got, err)
		}
		if again, err := provider.DNSAddress(got); err != nil || again != got {
			t.Errorf("DNSAddress(%q) = %q, and of that %q (%v)", s, got, again, err)
		}
	})
}
