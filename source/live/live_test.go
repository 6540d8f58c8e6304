package live_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/source/live"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var origin = zone.MustName("example.org.")

// account is a provider that holds one zone.
type account struct {
	provider.Provider
	snap *provider.Snapshot
	err  error
}

func (a account) Read(context.Context, provider.ZoneRef) (*provider.Snapshot, error) {
	return a.snap, a.err
}

func (a account) Zones(context.Context) iter.Seq2[provider.ZoneInfo, error] {
	return func(yield func(provider.ZoneInfo, error) bool) {
		_ = yield(provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: origin}}, nil) && yield(provider.ZoneInfo{}, errors.New("half a list"))
	}
}

func snapshot(t *testing.T) *provider.Snapshot {
	t.Helper()
	soa, err := rdata.Parse(zone.TypeSOA, "ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300", origin)
	if err != nil {
		t.Fatal(err)
	}
	ns := rdata.Name(zone.MustName("ns1.example.net."))
	sub := zone.MustName("sub.example.org.")
	z, err := zone.Of(origin,
		zone.RRset{Owner: origin, Type: zone.TypeSOA, TTL: 300, Data: []zone.Data{soa}},
		zone.RRset{Owner: origin, Type: zone.TypeNS, TTL: 300, Data: []zone.Data{ns}},
		zone.RRset{Owner: sub, Type: zone.TypeNS, TTL: 300, Data: []zone.Data{ns}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return &provider.Snapshot{Sets: z, Foreign: []provider.Foreign{{Kind: "disabled record", Text: "old.example.org. A"}}}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    live.Options
		want []string
	}{
		{live.Options{}, []string{"sub.example.org. NS"}},
		{live.Options{KeepApexNS: true}, []string{"example.org. NS", "sub.example.org. NS"}},
		{live.Options{KeepApexNS: true, KeepSOA: true}, []string{"example.org. NS", "example.org. SOA", "sub.example.org. NS"}},
	} {
		l, err := live.New("acc", account{snap: snapshot(t)}, c.o).Load(t.Context(), origin)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for set := range l.Zone.All() {
			got = append(got, set.Key().String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.o, diff)
		}
		if l.Revision == "" || len(l.Findings) != 1 || l.Findings[0].ID != "foreign" {
			t.Errorf("revision %q, findings %v; want a revision and one about what is foreign", l.Revision, l.Findings)
		}
	}
}

func TestNoZone(t *testing.T) {
	t.Parallel()
	missing := snapshot(t)
	missing.Missing = true
	for name, a := range map[string]account{"error": {err: provider.NoZone(origin)}, "missing": {snap: missing}} {
		if _, err := live.New("acc", a, live.Options{}).Load(t.Context(), origin); !errors.Is(err, source.ErrNoZone) {
			t.Errorf("%s: %v, want source.ErrNoZone", name, err)
		}
	}
	if _, err := live.New("acc", account{err: errors.New("down")}, live.Options{}).Load(t.Context(), origin); err == nil || errors.Is(err, source.ErrNoZone) {
		t.Errorf("a provider that is down: %v, want an error that does not say that there is no zone", err)
	}
}

func TestZonesPassErrorsOn(t *testing.T) {
	t.Parallel()
	var names, errs int
	for _, err := range live.New("acc", account{}, live.Options{}).Zones(t.Context()) {
		if err != nil {
			errs++
		} else {
			names++
		}
	}
	if names != 1 || errs != 1 {
		t.Errorf("%d names and %d errors, want one of each", names, errs)
	}
}
