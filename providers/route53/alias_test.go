package route53_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html
func TestAliasesRoundTrip(t *testing.T) {
	t.Parallel()
	_, p, base := fresh(t, nil)
	const alias = "Route53Provider/ALIAS"
	toWWW := `{"evaluate-target-health":false,"name":"www","type":"A"}`
	toWWW6 := `{"evaluate-target-health":false,"name":"www","type":"AAAA"}`
	toELB := `{"evaluate-target-health":true,"hosted-zone-id":"Z35SXDOTRQ7X7K","name":"dualstack.lb-1.us-east-1.elb.amazonaws.com.","type":"A"}`
	www, www6 := set(t, "www", "A", 300, "192.0.2.1"), set(t, "www", "AAAA", 300, "2001:db8::1")
	apex := set(t, "@", alias, 300, toWWW, toWWW6)
	// The alias comes first in the plan, its target later: the service wants the target first.
	done(t, p, base, zone.Change{After: apex}, zone.Change{After: www}, zone.Change{After: www6})
	snap := read(t, p)
	same(t, "created", sets(snap), []string{
		"@ 942942942 Route53Provider/ALIAS " + toWWW + " " + toWWW6, "www 300 A 192.0.2.1", "www 300 AAAA 2001:db8::1",
	})
	apexNow, _ := snap.Sets.Set(zone.MustName(origin), apex.Type)

	t.Log("one of two aliases goes to a load balancer, and the target of the other changes under it")
	after := set(t, "@", alias, 942942942, toELB, toWWW6)
	moved6 := set(t, "www", "AAAA", 600, "2001:db8::2")
	done(t, p, snap, zone.Change{Before: &apexNow, After: after}, zone.Change{Before: www6, After: moved6})
	snap = read(t, p)
	same(t, "changed", sets(snap), []string{
		"@ 942942942 Route53Provider/ALIAS " + toWWW6 + " " + toELB, "www 300 A 192.0.2.1", "www 600 AAAA 2001:db8::2",
	})

	t.Log("stale: the alias as it was first is not what is there")
	r, err := write(t, p, base, zone.Change{Before: &apexNow})
	if provider.KindOf(err) != provider.Conflict || r.Sets[0] != provider.NotDone {
		t.Errorf("deletion of a stale alias: %v, %v; want a conflict and nothing done", r.Sets, err)
	}

	t.Log("the alias gives way to addresses, and its target is gone with it")
	now, _ := snap.Sets.Set(zone.MustName(origin), apex.Type)
	done(t, p, snap, zone.Change{Before: www}, zone.Change{Before: moved6}, zone.Change{Before: &now}, zone.Change{After: set(t, "@", "A", 60, "192.0.2.9")})
	same(t, "replaced", sets(read(t, p)), []string{"@ 60 A 192.0.2.9"})
}

func TestAliasesThatCannotBe(t *testing.T) {
	t.Parallel()
	_, p, base := fresh(t, nil)
	for name, c := range map[string]struct{ data, want string }{
		"no type":             {`{"name":"www"}`, "has no type"},
		"of SOA":              {`{"name":"www","type":"SOA"}`, "cannot be of type SOA"},
		"service without id":  {`{"name":"d1.cloudfront.net.","type":"A"}`, "lacks the hosted-zone-id"},
		"out of the zone":     {`{"name":"www.example.net.","type":"A"}`, "leaves the zone"},
		"two of one type":     {`{"name":"a","type":"A"}` + "\n" + `{"name":"b","type":"A"}`, "two aliases of type A"},
		"no JSON":             {`x`, "cannot be read"},
		"target is not there": {`{"evaluate-target-health":false,"name":"gone","type":"A"}`, "target was not found"},
	} {
		r, err := write(t, p, base, zone.Change{After: set(t, "x", "Route53Provider/ALIAS", 1, strings.Split(c.data, "\n")...)})
		if provider.KindOf(err) != provider.Rejected || r.Sets[0] != provider.NotDone || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v; want it rejected, with %q", name, r.Sets, err, c.want)
		}
	}
	same(t, "nothing written", sets(read(t, p)), nil)
}

// As octoDNS's README shows aliases (https://github.com/octodns/octodns-route53#provider-specific-types)
// and as it dumps them.
func TestAliasesAsOctoDNSWritesThem(t *testing.T) {
	t.Parallel()
	_, p, base := fresh(t, nil)
	l := octodns.Read("example.org.yaml", []byte(`
'':
  - {type: Route53Provider/ALIAS, ttl: 942942942, values: [{evaluate-target-health: false, hosted-zone-id: null, name: www, type: AAAA}, {type: A, name: www}]}
  - {type: TXT, value: hello}
www:
  - {type: A, value: 192.0.2.1}
  - {type: AAAA, value: '2001:db8::1'}
apex: {type: Route53Provider/ALIAS, value: {type: TXT}}
alb:
  type: Route53Provider/ALIAS
  value:
    evaluate-target-health: true
    hosted-zone-id: Z35SXDOTRQ7X7K
    name: dualstack.octodns-testing-1165866977.us-east-1.elb.amazonaws.com.
    type: A
`), zone.MustName(origin), octodns.Options{})
	if err := finding.AsError(l.Findings); err != nil {
		t.Fatal(err)
	}
	var changes []zone.Change
	for s := range l.Zone.All() {
		changes = append(changes, zone.Change{After: &s})
	}
	if len(changes) != 6 {
		t.Fatalf("%d RRsets, want 6", len(changes))
	}
	done(t, p, base, changes...)
	now := read(t, p)
	for c := range zone.Diff(now.Sets, l.Zone) {
		if k := c.Key(); k.Type == zone.TypeSOA || k.Type == zone.TypeNS || k.Type.Vendor() && c.Updates() && c.Before.SameData(*c.After) {
			continue // the TTL of an alias is not compared
		}
		t.Errorf("what was written is not what is there: %+v", c)
	}
}

// Sets that must not be gone between two changes of a batch are overwritten: that nobody else
// changed them is read just before.
func TestOverwrittenSetsAreReadBefore(t *testing.T) {
	t.Parallel()
	c, p, base := fresh(t, nil)
	www := set(t, "www", "A", 300, "192.0.2.1")
	done(t, p, base, zone.Change{After: www}, zone.Change{After: set(t, "@", "Route53Provider/ALIAS", 1, `{"name":"www","type":"A"}`)})
	snap := read(t, p)
	ns, _ := snap.Sets.Set(zone.MustName(origin), zone.TypeNS)
	ns2 := ns
	ns2.TTL = 3600
	if r := done(t, p, snap, zone.Change{Before: &ns, After: &ns2}); r.Calls != 2 {
		t.Errorf("the NS of the apex took %d calls, want 2: one to read, one to write", r.Calls)
	}
	c.change(t, snap.Info.ID, types.ChangeActionUpsert, plain("www.example.org.", types.RRTypeA, 300, "192.0.2.50"))
	for name, change := range map[string]zone.Change{
		"target of an alias": {Before: www, After: set(t, "www", "A", 300, "192.0.2.9")},
		"NS of the apex":     {Before: &ns, After: set(t, "@", "NS", 60, "ns1.example.net.")},
	} {
		r, err := write(t, p, snap, change)
		if provider.KindOf(err) != provider.Conflict || r.Sets[0] != provider.NotDone || !strings.Contains(err.Error(), "plan again") {
			t.Errorf("%s: %v, %v; want a conflict and nothing done", name, r.Sets, err)
		}
	}
	if _, err := write(t, p, snap, zone.Change{Before: &ns2}); provider.KindOf(err) != provider.Rejected {
		t.Errorf("deleting the NS of the apex: %v, want it rejected", err)
	}
}

// Whether the service lets a set be deleted and created anew under an alias is not documented. A
// saved plan does not tell of the alias; if the service refuses, the set is overwritten.
func TestSavedPlanUnderAnAlias(t *testing.T) {
	t.Parallel()
	c, p, base := fresh(t, nil)
	www := set(t, "www", "A", 300, "192.0.2.1")
	done(t, p, base, zone.Change{After: www}, zone.Change{After: set(t, "@", "Route53Provider/ALIAS", 1, `{"name":"www","type":"A"}`)})
	strict := c.open(t, nil, func(conf *provider.Config) {
		conf.HTTP = func() http.RoundTripper {
			return tripper(func(r *http.Request) (*http.Response, error) {
				if r.Method != http.MethodPost {
					return http.DefaultTransport.RoundTrip(r)
				}
				body, err := io.ReadAll(r.Body)
				if err != nil || !strings.Contains(string(body), "<Action>DELETE</Action>") {
					r.Body = io.NopCloser(bytes.NewReader(body))
					return http.DefaultTransport.RoundTrip(r)
				}
				text := `<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>InvalidChangeBatch</Code>` +
					`<Message>[Resource record set [name='www.example.org.', type='A'] cannot be deleted because an alias targets it]</Message></Error></ErrorResponse>`
				return &http.Response{StatusCode: 400, Status: "400 Bad Request", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
			})
		}
	})
	saved := &provider.Snapshot{Info: base.Info, Sets: zone.Empty(zone.MustName(origin))}
	after := set(t, "www", "A", 600, "192.0.2.2")
	done(t, strict, saved, zone.Change{After: set(t, "other", "A", 60, "192.0.2.3")}, zone.Change{Before: www, After: after})
	r, err := write(t, strict, saved, zone.Change{Before: www, After: after})
	if provider.KindOf(err) != provider.Conflict || r.Sets[0] != provider.NotDone {
		t.Errorf("stale: %v, %v; want a conflict and nothing done", r.Sets, err)
	}
	if _, err := write(t, strict, saved, zone.Change{Before: after}); provider.KindOf(err) != provider.Rejected {
		t.Errorf("deleted alone: %v, want it rejected", err)
	}
	same(t, "at the end", sets(read(t, p))[1:], []string{"other 60 A 192.0.2.3", "www 600 A 192.0.2.2"})
}
