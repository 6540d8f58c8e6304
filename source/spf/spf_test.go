package spf_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/source/spf"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var origin = zone.MustName("example.org.")

func TestAmend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		o    spf.Options
		have []string
		want []string
		err  string
	}{
		{name: "nothing else", o: spf.Options{}, want: []string{"v=spf1 -all"}},
		{
			name: "all mechanisms in order",
			o: spf.Options{
				A: []string{"", "a.example."}, MX: []string{"mx.example."}, IP4: []string{"192.0.2.0/24"}, IP6: []string{"2001:db8::/32"},
				Includes: []string{"_spf.example.net"}, Exists: []string{"%{i}.example.net"}, SoftFail: true,
			},
			want: []string{"v=spf1 a a:a.example. mx:mx.example. ip4:192.0.2.0/24 ip6:2001:db8::/32 include:_spf.example.net exists:%{i}.example.net ~all"},
		},
		{name: "beside other TXT", o: spf.Options{}, have: []string{"verify=1"}, want: []string{"v=spf1 -all", "verify=1"}},
		{name: "no merging", o: spf.Options{}, have: []string{"v=spf1 a:x ~all"}, err: "merging_enabled"},
		{
			name: "merging", o: spf.Options{MergingEnabled: true, A: []string{"x", "y"}, Includes: []string{"i"}},
			have: []string{"v=spf1 a:x include:j ~all", "z"}, want: []string{"v=spf1 a:x a:y include:j include:i ~all", "z"},
		},
		{name: "merging the unknown", o: spf.Options{MergingEnabled: true}, have: []string{"v=spf1 redirect=x"}, err: "redirect=x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.o.ID = "spf"
			sofar := &source.Loaded{Zone: zone.Empty(origin)}
			if c.have != nil {
				set := zone.RRset{Owner: origin, Type: zone.TypeTXT, TTL: 60}
				for _, text := range c.have {
					set.Data = append(set.Data, rdata.TXT(text))
				}
				var err error
				if sofar.Zone, err = zone.Of(origin, set); err != nil {
					t.Fatal(err)
				}
			}
			l, err := spf.New(c.o).Amend(t.Context(), sofar)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error = %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			set, _ := l.Zone.Set(origin, zone.TypeTXT)
			var got []string
			for _, d := range set.Data {
				got = append(got, rdata.TXTJoined(d))
			}
			if diff := cmp.Diff(sorted(c.want), sorted(got)); diff != "" {
				t.Errorf("TXT (-want +got):\n%s", diff)
			}
			if want := uint32(3600); c.have == nil && set.TTL != want || c.have != nil && set.TTL != 60 {
				t.Errorf("TTL = %d", set.TTL)
			}
			if l.Source(set.Key()) != "spf" {
				t.Errorf("source = %q, want spf", l.Source(set.Key()))
			}
		})
	}
}

func sorted(s []string) map[string]bool {
	m := map[string]bool{}
	for _, x := range s {
		m[x] = true
	}
	return m
}

func TestSPFTypeIsInTheWay(t *testing.T) {
	t.Parallel()
	z, err := zone.Of(origin, zone.RRset{Owner: origin, Type: zone.TypeSPF, TTL: 60, Data: []zone.Data{rdata.TXT("v=spf1 -all")}})
	if err != nil {
		t.Fatal(err)
	}
	at := finding.Place{File: "zones/example.org.yaml", Line: 3, Col: 5}
	_, err = spf.New(spf.Options{ID: "spf"}).Amend(t.Context(), &source.Loaded{Zone: z, Place: func(zone.Key) finding.Place { return at }})
	if err == nil || !strings.HasPrefix(err.Error(), at.String()) {
		t.Errorf("error = %v, want one at %v", err, at)
	}
}
