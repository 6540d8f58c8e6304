package conformance_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// owned is a zone of somebody in memory, and the subject that attacks it.
func owned(t *testing.T) (*conformance.Memory, provider.ZoneRef, conformance.Subject) {
	t.Helper()
	m := &conformance.Memory{}
	origin := zone.MustName("owned.example.")
	base := must(m.CreateZone(t.Context(), origin))
	set := zone.RRset{Owner: zone.MustName("www.owned.example."), Type: zone.TypeA, TTL: 77, Data: []zone.Data{"\xc0\x00\x02\x01"}, Extra: zone.ExtraOf(map[string]string{"memory/colour": "red"})}
	if _, err := m.Write(t.Context(), base, provider.ChangeSet{
		Sets: []zone.Change{{After: &set}}, Settings: []provider.SettingChange{{Key: "dnssec", After: "on"}},
	}); err != nil {
		t.Fatal(err)
	}
	return m, base.Info.ZoneRef, conformance.Subject{
		Name: "owned", Keep: true,
		Open:     func(conformance.T) provider.Provider { return m },
		Fresh:    func(conformance.T) provider.ZoneRef { return base.Info.ZoneRef },
		Extras:   map[string][2]string{"memory/colour": {"green", "blue"}},
		Switches: map[string][2]string{"dnssec": {"off", "on"}},
	}
}

// state is what a zone holds, in words.
func state(t *testing.T, m *conformance.Memory, ref provider.ZoneRef) []string {
	t.Helper()
	snap := must(m.Read(context.Background(), ref))
	out := []string{"dnssec " + snap.Settings["dnssec"]}
	for set := range snap.Sets.All() {
		out = append(out, set.Key().String()+" "+set.Extra.String())
	}
	return out
}

func TestAZoneIsPutBack(t *testing.T) {
	t.Parallel()
	at := func(group string, f func()) func(*conformance.Subject) {
		return func(s *conformance.Subject) {
			s.Began = func(g string, _ int) {
				if g == group {
					f()
				}
			}
		}
	}
	for name, test := range map[string]struct {
		write writeFunc
		edit  func(cancel func()) func(*conformance.Subject)
	}{
		"after success":  {},
		"after failures": {write: failing(3)},
		"after a panic": {edit: func(func()) func(*conformance.Subject) {
			return at("wildcards", func() { panic("a fault of the suite") })
		}},
		"after cancellation": {edit: func(cancel func()) func(*conformance.Subject) { return at("wildcards", cancel) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, ref, s := owned(t)
			before := state(t, m, ref)
			s.Open = func(conformance.T) provider.Provider { return broken{Memory: m, write: test.write} }
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if test.edit != nil {
				test.edit(cancel)(&s)
			}
			rec := conformance.NewRecorder(ctx, "kept")
			func() {
				defer func() { _ = recover() }()
				conformance.Run(rec, s)
			}()
			rec.Close()
			if d := cmp.Diff(before, state(t, m, ref)); d != "" {
				t.Errorf("the zone is not as it was (-before +after):\n%s\n%s", d, strings.Join(rec.Lines(), "\n"))
			}
		})
	}
}

// failing lets every n-th write fail for the time being.
func failing(n int64) writeFunc {
	var i atomic.Int64
	return func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
		if i.Add(1)%n == 0 {
			return nil, &provider.Error{Kind: provider.Transient, Err: errors.New("busy")}
		}
		return m.Write(ctx, base, c)
	}
}

func TestWhatCannotBePutBackIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		b    broken
		edit func(*conformance.Memory, provider.ZoneRef)
		want string
	}{
		"foreign things": {edit: func(m *conformance.Memory, ref provider.ZoneRef) {
			m.PutForeign(ref.Origin, provider.Foreign{Kind: "traffic policy", Text: "policy/7"})
		}, want: "could not be put back: traffic policy policy/7"},
		"types that are read only":  {b: broken{caps: func(c *provider.Capabilities) { c.Types = []zone.Type{zone.TypeTXT}; c.UnknownTypes = false }}, want: "could not be put back: owned.example. NS, www.owned.example. A"},
		"extras that are read only": {b: broken{caps: func(c *provider.Capabilities) { c.Extras = nil }}, want: "www.owned.example. A with "},
		"a secondary":               {b: broken{read: reading(func(s *provider.Snapshot) { s.Info.Kind = provider.Secondary })}, want: "it is a secondary"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, ref, _ := owned(t)
			if test.edit != nil {
				test.edit(m, ref)
			}
			b := test.b
			b.Memory = m
			o := conformance.KeepOptions{File: filepath.Join(t.TempDir(), "kept.json")}
			_, err := conformance.Keep(t.Context(), b, ref, o)
			if _, ok := errors.AsType[*conformance.Refusal](err); !ok || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want a refusal with %q", err, test.want)
			}
			if _, err := os.Stat(o.File); err == nil {
				t.Error("a zone that is not touched was saved")
			}
			o.Force = true
			if _, err := conformance.Keep(t.Context(), b, ref, o); (err == nil) != (name != "a secondary") {
				t.Errorf("with force: %v", err)
			}
		})
	}
}

func TestKeptIsRead(t *testing.T) {
	t.Parallel()
	m, ref, _ := owned(t)
	path := filepath.Join(t.TempDir(), "kept.json")
	k, err := conformance.Keep(t.Context(), m, ref, conformance.KeepOptions{File: path, Account: "mem"})
	if err != nil {
		t.Fatal(err)
	}
	before := state(t, m, ref)
	m.Put(zone.Empty(ref.Origin))
	again, err := conformance.LoadKept(k.Path)
	if err != nil {
		t.Fatal(err)
	}
	// The SOA is the server's own and is not written: an empty zone gets everything else.
	if err := again.Restore(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want := []string{}
	for _, l := range before {
		if !strings.Contains(l, "SOA") {
			want = append(want, l)
		}
	}
	if d := cmp.Diff(want, state(t, m, ref)); d != "" {
		t.Errorf("put back from the file (-want +got):\n%s", d)
	}
	for name, text := range map[string]string{"no JSON": "x", "of another zone": `{"ref":{"origin":"b.example."},"sets":[{"owner":"a.example.","type":"A","ttl":1,"data":["CgAAAQ=="]}]}`, "empty": `{}`} {
		bad := filepath.Join(t.TempDir(), "bad.json")
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := conformance.LoadKept(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// An account may be refused what its provider takes from others: what its plan does not include,
// more records than it pays for. No group fails for that, and what was not tried is said.
func TestWhatAnAccountIsRefusedIsNoFailure(t *testing.T) {
	t.Parallel()
	m, ref, s := owned(t)
	before := state(t, m, ref)
	s.Extras = nil
	own := zone.Type(1 << 20) // a type of the provider's own, for which the suite has no values
	s.Open = func(conformance.T) provider.Provider {
		return broken{Memory: m, caps: func(c *provider.Capabilities) { c.Types = append(slices.Clone(c.Types), own) }, write: func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
			for _, x := range c.Sets {
				if len(c.Sets) > 150 || x.After != nil && x.Key().Type == zone.TypeDNSKEY {
					return provider.NewReceipt(c, provider.NotDone), &provider.Error{Op: "write", Zone: ref.Origin.String(), Kind: provider.Rejected, Err: errors.New("not in your plan")}
				}
			}
			return m.Write(ctx, base, c)
		}}
	}
	rec := conformance.NewRecorder(t.Context(), "kept")
	r := conformance.Run(rec, s)
	rec.Close()
	for _, want := range []string{"Types/DNSKEY", "Types/" + own.String(), "Extras"} {
		if !slices.Contains(r.Untested, want) || slices.Contains(r.Unproven, want) {
			t.Errorf("%s: want it among what was not tested: untested %v, unproven %v", want, r.Untested, r.Unproven)
		}
	}
	got := map[string]string{}
	for _, x := range r.Results {
		if x.Status == conformance.Failed || strings.HasPrefix(x.Reason, "refused") || x.Group == "extras" {
			got[x.Group] = string(x.Status) + ": " + x.Reason
		}
	}
	refused := "skipped: refused by the service: not in your plan"
	want := map[string]string{
		"type DNSKEY": refused, "1,200 sets": refused, "cancelled in the middle": refused, "extras": "skipped: no provider options to try",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("groups that failed or were refused (-want +got):\n%s", d)
	}
	if d := cmp.Diff(before, state(t, m, ref)); d != "" {
		t.Errorf("the zone is not as it was (-before +after):\n%s", d)
	}
}
