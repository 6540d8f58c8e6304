package zonefile_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
	"github.com/zonecast/zonecast/zone/zonefile"
)

const kept = `; zone of the example company
$ORIGIN example.org.
$TTL 1h

@	IN SOA ns1 hostmaster (
		2026112101 ; serial
		2h         ; refresh
		15m 2w 5m )
	NS	ns1	; ours
	NS	ns2.example.net.

; servers
www   300 A     192.0.2.1   ; first
      300 A     192.0.2.2
          TXT   "hello"
ns1         A   192.0.2.53
$GENERATE 1-2 host$ A 192.0.2.$
mail    A 192.0.2.25 ; mail
`

func TestRewrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		changes func(z *zone.Zone) []zone.Change
		from    string
		to      string // what from becomes in the text
		whole   bool
	}{
		{"nothing", nil, "", "", false},
		{"serial", change("@ SOA", 3600, "ns1.example.org. hostmaster.example.org. 2026112102 7200 900 1209600 300"), "2026112101 ; serial", "2026112102 ; serial", false},
		{"one address", change("www A", 300, "192.0.2.1", "192.0.2.9"), "300 A     192.0.2.2", "300 A     192.0.2.9", false},
		{"TTL stated", change("www A", 60, "192.0.2.1", "192.0.2.2"), "www   300 A     192.0.2.1   ; first\n      300 A", "www   60 A     192.0.2.1   ; first\n      60 A", false},
		{"TTL left out", change("mail A", 60, "192.0.2.25"), "mail    A 192.0.2.25", "mail    60 A 192.0.2.25", false},
		{"deletion of the line with the owner", change("www A", 0), "www   300 A     192.0.2.1   ; first\n      300 A     192.0.2.2\n          TXT", "www.example.org.          TXT", false},
		{"another record of an owner", change("www AAAA", 300, "2001:db8::1"), "          TXT   \"hello\"\n", "          TXT   \"hello\"\nwww             300     IN      AAAA    2001:db8::1\n", false},
		{"a new name", change("nx A", 60, "192.0.2.77"), "ns1         A   192.0.2.53\n", "ns1         A   192.0.2.53\nnx              60      IN      A       192.0.2.77\n", false},
		{"generated", change("host1 A", 60, "192.0.2.77"), "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res, err := zonefile.Parse([]byte(kept), zonefile.Options{})
			if err != nil {
				t.Fatal(err)
			}
			want := res.Zone
			if c.changes != nil {
				if want, err = want.With(c.changes(want)); err != nil {
					t.Fatal(err)
				}
			}
			got, err := zonefile.Rewrite([]byte(kept), want, zonefile.Options{}, zonefile.WriteOptions{})
			if c.whole {
				if !errors.Is(err, zonefile.ErrWhole) {
					t.Fatalf("err = %v; want ErrWhole", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			text := string(bytes.Replace([]byte(kept), []byte(c.from), []byte(c.to), 1))
			if diff := cmp.Diff(text, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// change sets the RRset "name TYPE" of example.org to the data; none deletes it.
func change(key string, ttl uint32, data ...string) func(*zone.Zone) []zone.Change {
	return func(z *zone.Zone) []zone.Change {
		name, typ, _ := cut(key)
		t, err := zone.ParseType(typ)
		if err != nil {
			panic(err)
		}
		owner, err := zone.ParseNameIn(name, z.Origin())
		if err != nil {
			panic(err)
		}
		var c zone.Change
		if have, ok := z.Set(owner, t); ok {
			c.Before = &have
		}
		if len(data) > 0 {
			c.After = &zone.RRset{Owner: owner, Type: t, TTL: ttl}
			for _, text := range data {
				d, err := rdata.Parse(t, text, z.Origin())
				if err != nil {
					panic(err)
				}
				c.After.Data = append(c.After.Data, d)
			}
		}
		return []zone.Change{c}
	}
}

// TestRewriteReachesAnyZone rewrites one random zone into another: the outcome, if there is one,
// says what was wanted, and what did not change keeps its lines.
func TestRewriteReachesAnyZone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawZone(t), drawZone(t)
		var old bytes.Buffer
		if err := zonefile.Write(&old, a, zonefile.WriteOptions{Pseudo: zonefile.PseudoAsIs}); err != nil {
			t.Fatal(err)
		}
		got, err := zonefile.Rewrite(old.Bytes(), b, zonefile.Options{}, zonefile.WriteOptions{Pseudo: zonefile.PseudoAsIs})
		if err != nil {
			t.Fatalf("%v\nold:\n%s", err, old.Bytes())
		}
		res, err := zonefile.Parse(got, zonefile.Options{Origin: b.Origin(), HasOrigin: true})
		if err != nil || !res.Zone.Equal(b) {
			t.Fatalf("%v; rewritten to\n%s", err, got)
		}
	})
}
