package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/socket"
)

func TestNameserverEndpoints(t *testing.T) {
	t.Parallel()
	loopback := []string{"DNS 127.0.0.1:5300"}
	if hasIPv6() {
		loopback = append(loopback, "DNS [::1]:5300")
	}
	for name, c := range map[string]struct {
		args      nameserverArgs
		inherited bool
		want      []string
	}{
		"nothing said":       {want: loopback},
		"sockets of systemd": {inherited: true},
		"addresses": {
			args: nameserverArgs{listen: []string{"192.0.2.53", "2001:db8::53", "192.0.2.54:5353"}},
			want: []string{"DNS 192.0.2.53:53", "DNS [2001:db8::53]:53", "DNS 192.0.2.54:5353"},
		},
		"every address": {args: nameserverArgs{listen: []string{":53"}}, want: []string{"DNS 0.0.0.0:53", "DNS [::]:53"}},
		"a certificate": {
			args: nameserverArgs{listen: []string{"192.0.2.53", "192.0.2.53:5353"}, tlsCert: "c"},
			want: []string{"DNS 192.0.2.53:53", "DNS 192.0.2.53:5353", "DNS over TLS 192.0.2.53:853", "DNS over HTTPS 192.0.2.53:443", "DNS over HTTP/3 192.0.2.53:443", "DNS over QUIC 192.0.2.53:853"},
		},
		"other ports": {
			args: nameserverArgs{listen: []string{"192.0.2.53"}, tlsCert: "c", dot: []string{"8853", "198.51.100.1"}, doh: []string{"off"}, doq: []string{"off"}},
			want: []string{"DNS 192.0.2.53:53", "DNS over TLS 192.0.2.53:8853", "DNS over TLS 198.51.100.1:853"},
		},
		"HTTPS elsewhere": {
			args: nameserverArgs{listen: []string{"192.0.2.53"}, tlsCert: "c", dot: []string{"off"}, doh: []string{"[2001:db8::1]:8443"}, doq: []string{"off"}},
			want: []string{"DNS 192.0.2.53:53", "DNS over HTTPS [2001:db8::1]:8443", "DNS over HTTP/3 [2001:db8::1]:8443"},
		},
	} {
		var usual []socket.Endpoint
		if !c.inherited {
			usual = usualEndpoints()
		}
		c.args.zones = []string{"z"}
		if c.args.tlsCert != "" {
			c.args.tlsKey = "k"
		}
		file, err := c.args.asFile()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list, err := file.Endpoints(usual)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, e := range list {
			got = append(got, e.Service.String()+" "+e.Addr.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestNameserverFlags(t *testing.T) {
	t.Parallel()
	for want, args := range map[string]nameserverArgs{
		"which zones":           {},
		"belong together":       {zones: []string{"z"}, tlsCert: "c"},
		"need a certificate":    {zones: []string{"z"}, doh: []string{"8443"}},
		"--rrl cannot be -1":    {zones: []string{"z"}, rrl: -1},
		"--workers cannot be":   {zones: []string{"z"}, workers: -1},
		"--allow-transfer here": {zones: []string{"z"}, transfer: []string{"here"}},
		"--notify :53":          {zones: []string{"z"}, notify: []string{":53"}},
		"--listen: \"ns1\"":     {zones: []string{"z"}, listen: []string{"ns1"}},
		"no such file":          {zones: []string{"z"}, tlsCert: "none.pem", tlsKey: "none.key"},
	} {
		if err := tryOptions(&args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v; want %q", args, err, want)
		}
	}
	c, err := (&nameserverArgs{zones: []string{"z"}, transfer: []string{"192.0.2.1", "2001:db8::/32"}, notify: []string{"192.0.2.2", "[2001:db8::2]:5353"}}).asFile()
	if err != nil {
		t.Fatal(err)
	}
	o, err := options(c)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range o.Folders[0].Transfer {
		got = append(got, r.Addresses[0].String())
	}
	for _, n := range o.Folders[0].Notify {
		got = append(got, n.Addr)
	}
	if diff := cmp.Diff([]string{"192.0.2.1/32", "2001:db8::/32", "192.0.2.2:53", "[2001:db8::2]:5353"}, got); diff != "" {
		t.Errorf("transfers and NOTIFY (-want +got):\n%s", diff)
	}
}

func tryOptions(args *nameserverArgs) error {
	c, err := args.asFile()
	if err != nil {
		return err
	}
	_, err = options(c)
	return err
}

// Each line of the log says which zone it is about.
func TestNameserverLogNamesZones(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		f    finding.Finding
		want string
	}{
		{finding.Finding{Zone: "a.example.", Text: "the primaries answer again"}, "info: zone a.example.: the primaries answer again\n"},
		{finding.Finding{Zone: "a.example.", Text: "catalog b.a.example. lists the zone"}, "info: zone a.example.: catalog b.a.example. lists the zone\n"},
		{finding.Finding{Zone: "a.example.", Text: "zone a.example. is damaged"}, "info: zone a.example. is damaged\n"},
		{finding.Finding{Zone: "a.example.", Place: finding.Place{File: "a.zone", Line: 3}, Text: "no"}, "a.zone:3: info: no\n"},
		{finding.Finding{Text: "the certificate was read again"}, "info: the certificate was read again\n"},
	} {
		var out strings.Builder
		(&serverLog{a: &app{stderr: &out}}).finding(c.f)
		if out.String() != c.want {
			t.Errorf("%+v is written as %q, want %q", c.f, out.String(), c.want)
		}
	}
}
