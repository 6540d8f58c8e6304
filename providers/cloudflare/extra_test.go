package cloudflare_test

import (
	"testing"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/cloudflare"
	"github.com/zonecast/zonecast/zone"
)

// What files of octoDNS say, fitted to what Cloudflare holds
// (https://github.com/octodns/octodns-cloudflare#readme).
func TestFit(t *testing.T) {
	t.Parallel()
	p, err := cloudflare.Open(provider.Config{ID: "cf", Values: map[string]provider.Value{"token": {Text: "x"}, "limits": {Text: "off"}}})
	if err != nil {
		t.Fatal(err)
	}
	origin := zone.MustName("example.com.")
	info := provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: origin}, NameServers: []zone.Name{zone.MustName("a.ns.cloudflare.com.")}}
	for name, c := range map[string]struct{ have, want, fits string }{
		"proxied implies automatic": {
			want: `www 900 A 192.0.2.1 <<{"cloudflare":{"proxied":true}}`,
			fits: `www 300 A 192.0.2.1 <<{"cloudflare":{"auto-ttl":true,"proxied":true}}`,
		},
		"automatic alone": {
			want: `www 900 TXT "x" <<{"cloudflare":{"auto-ttl":true}}`,
			fits: `www 300 TXT "x" <<{"cloudflare":{"auto-ttl":true}}`,
		},
		"only addresses and names are proxied": {
			want: `www 900 TXT "x" <<{"cloudflare":{"proxied":true}}`,
			fits: `www 900 TXT "x"`,
		},
		"what is not Cloudflare's is no option": {
			want: `www 900 A 192.0.2.1 <<{"excluded":["other"],"healthcheck":{"path":"/"},"cloudflare":{"proxied":false,"region":"eu"}}`,
			fits: `www 900 A 192.0.2.1`,
		},
		"tags are a set": {
			want: `www 900 A 192.0.2.1 <<{"cloudflare":{"tags":["b","a","b"],"comment":""}}`,
			fits: `www 900 A 192.0.2.1 <<{"cloudflare":{"tags":["a","b"]}}`,
		},
		"an entry of a value counts before the set's": {
			want: "www 900 A 192.0.2.1 <<{\"cloudflare\":{\"comment\":\"all\",\"tags\":[\"t\"],\"values\":[{\"value\":\"192.0.2.2\",\"comment\":\"two\"}]}}\nwww 900 A 192.0.2.2",
			fits: "www 900 A 192.0.2.1 <<{\"cloudflare\":{\"values\":[{\"comment\":\"all\",\"tags\":[\"t\"],\"value\":\"192.0.2.1\"},{\"comment\":\"two\",\"tags\":[\"t\"],\"value\":\"192.0.2.2\"}]}}\nwww 900 A 192.0.2.2",
		},
		"entries that say the same are the set's": {
			want: "www 900 A 192.0.2.1 <<{\"cloudflare\":{\"values\":[{\"value\":\"192.0.2.2\",\"comment\":\"x\"},{\"value\":\"192.0.2.1\",\"comment\":\"x\"}]}}\nwww 900 A 192.0.2.2",
			fits: "www 900 A 192.0.2.1 <<{\"cloudflare\":{\"comment\":\"x\"}}\nwww 900 A 192.0.2.2",
		},
		"an entry of a value that is not there says nothing": {
			want: `www 900 A 192.0.2.1 <<{"cloudflare":{"values":[{"value":"192.0.2.9","comment":"x"},{"value":{"no":"address"}},{}]}}`,
			fits: `www 900 A 192.0.2.1`,
		},
		"comments that nobody spoke of stay": {
			have: `www 900 A 192.0.2.1 <<{"cloudflare":{"auto-ttl":true,"comment":"by hand","proxied":true,"tags":["t"]}}`,
			want: `www 900 A 192.0.2.2`,
			fits: `www 900 A 192.0.2.2 <<{"cloudflare":{"comment":"by hand","tags":["t"]}}`,
		},
		"and go with the record that keeps its id": {
			have: "www 900 A 192.0.2.1 <<{\"cloudflare\":{\"values\":[{\"value\":\"192.0.2.2\",\"comment\":\"two\"}]}}\nwww 900 A 192.0.2.2",
			want: "www 900 A 192.0.2.1\nwww 900 A 192.0.2.3",
			fits: "www 900 A 192.0.2.1 <<{\"cloudflare\":{\"values\":[{\"comment\":\"two\",\"value\":\"192.0.2.3\"}]}}\nwww 900 A 192.0.2.3",
		},
		"an empty comment takes it away": {
			have: `www 900 A 192.0.2.1 <<{"cloudflare":{"comment":"by hand","tags":["t"]}}`,
			want: `www 900 A 192.0.2.1 <<{"cloudflare":{"comment":"","tags":[]}}`,
			fits: `www 900 A 192.0.2.1`,
		},
		"Cloudflare's own name servers always stand at the apex": {
			want: "@ 900 NS ns1.example.net.",
			fits: "@ 900 NS a.ns.cloudflare.com.\n@ 900 NS ns1.example.net.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			have, want := lines(t, origin, c.have), lines(t, origin, c.want)
			expect := show(lines(t, origin, c.fits))
			fit := func(want zone.RRset, have *zone.RRset) zone.RRset { return p.(provider.Fitter).Fit(info, want, have) }
			for set := range want.All() {
				var there *zone.RRset
				if s, ok := have.Set(set.Owner, set.Type); ok {
					there = &s
				}
				once := fit(set, there)
				z, err := zone.Of(origin, once)
				if err != nil {
					t.Fatal(err)
				}
				if got := show(z); got != expect {
					t.Errorf("fits as\n%swant\n%s", got, expect)
				}
				if twice := fit(once, &once); !twice.Equal(once) {
					t.Errorf("fitted twice it is %v, once %v", twice, once)
				}
			}
		})
	}
}
