package rfc2136_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/provider"
	_ "github.com/zonecast/zonecast/providers/rfc2136"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// apex is what every zone of the tests starts with.
const apex = `@ 3600 SOA ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300
@ 3600 NS ns1.example.net.
@ 3600 NS ns2.example.net.
`

// open opens an account at addr, with the options given as name and value.
func open(t interface {
	Helper()
	Fatalf(string, ...any)
}, addr string, key *testserver.Key, more ...string,
) provider.Provider {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatalf("address %q: %v", addr, err)
	}
	values := map[string]provider.Value{"host": {Text: host}, "port": {Text: port}, "timeout": {Text: "5"}}
	if key != nil {
		values["key_name"] = provider.Value{Text: key.Name}
		values["key_secret"] = provider.Value{Text: key.Secret}
		values["key_algorithm"] = provider.Value{Text: key.Algorithm}
	}
	for i := 0; i+1 < len(more); i += 2 {
		values[more[i]] = provider.Value{Text: more[i+1], List: strings.Fields(more[i+1])}
	}
	d, ok := provider.Lookup("rfc2136")
	if !ok {
		t.Fatalf("driver rfc2136 is not registered")
	}
	p, err := d.Open(provider.Config{ID: "test", Values: values})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return p
}

// ask asks a server for one RRset. What a wildcard gives is none.
func ask(ctx context.Context, addr string, k zone.Key) (zone.RRset, bool, error) {
	set, ok, err := askOne(ctx, addr, k)
	for above := k.Owner; ok && err == nil && !k.Owner.IsWildcard() && above.Labels() > 2; {
		above = above.Parent()
		star, err := above.Child("*")
		if err != nil {
			return set, false, err
		}
		if wild, ok, _ := askOne(ctx, addr, zone.Key{Owner: star, Type: k.Type}); ok && wild.SameData(set) && wild.TTL == set.TTL {
			return set, false, nil
		}
	}
	return set, ok, err
}

func askOne(ctx context.Context, addr string, k zone.Key) (set zone.RRset, ok bool, err error) {
	c := wire.Client{Timeout: 20 * time.Second, Tries: 6}
	m, err := c.Exchange(ctx, addr, wire.Query(k.Owner, k.Type))
	if err != nil {
		return set, false, err
	}
	if m.RCODE != wire.NoError && m.RCODE != wire.NXDomain {
		return set, false, &wire.RCODEError{RCODE: m.RCODE}
	}
	set = zone.RRset{Owner: k.Owner, Type: k.Type}
	for _, r := range slices.Concat(m.Answers, m.Authority, m.Additional) {
		if r.Key() == k { // a delegation is in the authority section, its glue in the additional one
			set.TTL, set.Data = r.TTL, append(set.Data, r.Data)
		}
	}
	return set.Clean(), len(set.Data) > 0, nil
}

// A server is one of those that take updates.
type server struct {
	name  string
	start func(t testing.TB, zones map[string]string, key *testserver.Key) *testserver.Server

	unsupported, elsewhere map[string]string // for the suite
	values                 map[zone.Type][][]string
}

var servers = []server{
	{name: "BIND", start: func(t testing.TB, zones map[string]string, key *testserver.Key) *testserver.Server {
		return testserver.BIND(t, testserver.BINDOptions{Zones: zones, TSIG: key, ZoneOptions: bindOptions})
	}, unsupported: map[string]string{
		"type DNSKEY":  "BIND starts to sign with a key that it does not have, and answers SERVFAIL",
		"type CDS":     "BIND refuses a CDS that fits no DNSKEY of the zone",
		"type CDNSKEY": "BIND refuses a CDNSKEY that fits no DNSKEY of the zone",
	}, values: map[zone.Type][][]string{
		// BIND 9.18 answers FORMERR to a relay's name when the D bit is set.
		260: {{"10 0 1 203.0.113.15"}, {"10 0 3 amtrelays.example.net."}},
	}, elsewhere: map[string]string{
		"Types/DNSKEY":  "against Knot",
		"Types/CDS":     "against Knot",
		"Types/CDNSKEY": "against Knot",
	}},
	{name: "Knot", start: func(t testing.TB, zones map[string]string, key *testserver.Key) *testserver.Server {
		return testserver.Knot(t, testserver.KnotOptions{Zones: zones, TSIG: key})
	}},
}

// bindOptions let BIND take what the suite writes and RFCs allow.
const bindOptions = "check-names ignore; check-integrity no; check-mx ignore; max-records-per-type 0;"

// each runs f against every kind of server with one zone, example.org.
func each(t *testing.T, text string, f func(t *testing.T, s *testserver.Server, key *testserver.Key)) {
	t.Helper()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			key := testserver.NewKey(t)
			f(t, s.start(t, map[string]string{"example.org.": text}, key), key)
		})
	}
}

// manyZones are as many zones as a run of the suite asks for.
func manyZones(n int) map[string]string {
	zones := map[string]string{}
	for i := range n {
		zones[fmt.Sprintf("z%d.example.", i)] = apex
	}
	return zones
}
