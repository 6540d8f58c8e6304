package route53

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"
)

type rrset = *types.ResourceRecordSet

func policied(s rrset, id string, f func(rrset)) rrset {
	s.SetIdentifier = &id
	f(s)
	return s
}

func weight(n int64) func(rrset) { return func(s rrset) { s.Weight = &n } }

func alias(name, typ, zoneID, target string, evaluate bool) rrset {
	return &types.ResourceRecordSet{
		Name: &name, Type: types.RRType(typ),
		AliasTarget: &types.AliasTarget{HostedZoneId: &zoneID, DNSName: &target, EvaluateTargetHealth: evaluate},
	}
}

// Rules of a change batch:
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
// The words of the messages are those that clients of the service have published in bug reports.
func TestRefusedBatches(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	a.must(id,
		do("CREATE", set("www.example.org", "A", 300, "192.0.2.1", "192.0.2.2")),
		do("CREATE", set("alias.example.org", "CNAME", 300, "www.example.org")),
		do("CREATE", policied(set("w.example.org", "A", 60, "192.0.2.1"), "one", weight(1))),
		do("CREATE", policied(set("geo.example.org", "A", 60, "192.0.2.1"), "eu", func(s rrset) { s.GeoLocation = &types.GeoLocation{ContinentCode: aws.String("EU")} })),
		do("CREATE", alias("apex-a.example.org", "A", id, "www.example.org", false)),
	)
	before, _ := a.sets(t.Context(), id, 0)
	for name, c := range map[string]struct {
		changes []types.Change
		want    []string
	}{
		"create what exists": {
			[]types.Change{do("CREATE", set("WWW.example.org", "A", 300, "192.0.2.9"))},
			[]string{"Tried to create resource record set [name='www.example.org.', type='A'] but it already exists"},
		},
		"delete what is not there": {
			[]types.Change{do("DELETE", set("none.example.org", "A", 300, "192.0.2.9"))},
			[]string{"Tried to delete resource record set [name='none.example.org.', type='A'] but it was not found"},
		},
		"delete with another value": {
			[]types.Change{do("DELETE", set("www.example.org", "A", 300, "192.0.2.1"))},
			[]string{"Tried to delete resource record set [name='www.example.org.', type='A'] but the values provided do not match the current values"},
		},
		"delete with another TTL": {
			[]types.Change{do("DELETE", set("www.example.org", "A", 301, "192.0.2.1", "192.0.2.2"))},
			[]string{"but the values provided do not match the current values"},
		},
		"delete with another weight": {
			[]types.Change{do("DELETE", policied(set("w.example.org", "A", 60, "192.0.2.1"), "one", weight(2)))},
			[]string{"[name='w.example.org.', type='A', set-identifier='one'] but the values provided do not match the current values"},
		},
		"every message is listed, nothing is done": {
			[]types.Change{
				do("CREATE", set("good.example.org", "A", 300, "192.0.2.1")),
				do("CREATE", set("www.example.org", "A", 300, "192.0.2.9")),
				do("DELETE", set("none.example.org", "A", 300, "192.0.2.9")),
			},
			[]string{"[Tried to create resource record set", "already exists, Tried to delete", "was not found]"},
		},
		"the same set twice": {
			[]types.Change{do("UPSERT", set("x.example.org", "A", 300, "192.0.2.1")), do("UPSERT", set("x.example.org", "A", 300, "192.0.2.2"))},
			[]string{"The request contains an invalid set of changes for a resource record set 'A x.example.org.'"},
		},
		"deleted and then upserted": {
			[]types.Change{do("DELETE", set("alias.example.org", "CNAME", 300, "www.example.org")), do("UPSERT", set("alias.example.org", "CNAME", 300, "w.example.org"))},
			[]string{"an invalid set of changes for a resource record set 'CNAME alias.example.org.'"},
		},
		"deleted twice": {
			[]types.Change{do("DELETE", set("alias.example.org", "CNAME", 300, "www.example.org")), do("DELETE", set("alias.example.org", "CNAME", 300, "www.example.org"))},
			[]string{"an invalid set of changes for a resource record set 'CNAME alias.example.org.'"},
		},
		"outside the zone": {
			[]types.Change{do("CREATE", set("www.example.com", "A", 300, "192.0.2.1"))},
			[]string{"RRSet with DNS name www.example.com. is not permitted in zone example.org."},
		},
		"CNAME at the apex": {
			[]types.Change{do("CREATE", set("example.org", "CNAME", 300, "www.example.org"))},
			[]string{"RRSet of type CNAME with DNS name example.org. is not permitted at apex in zone example.org."},
		},
		"CNAME beside others": {
			[]types.Change{do("CREATE", set("www.example.org", "CNAME", 300, "w.example.org"))},
			[]string{"RRSet of type CNAME with DNS name www.example.org. is not permitted as it conflicts with other records with the same DNS name in zone example.org."},
		},
		"others beside CNAME": {
			[]types.Change{do("CREATE", set("alias.example.org", "TXT", 300, `"x"`))},
			[]string{"RRSet of type TXT with DNS name alias.example.org. is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone example.org."},
		},
		"created before the other is deleted": {
			[]types.Change{do("CREATE", set("alias.example.org", "A", 300, "192.0.2.1")), do("DELETE", set("alias.example.org", "CNAME", 300, "www.example.org"))},
			[]string{"conflicting RRSet of type CNAME"},
		},
		"no SOA": {
			[]types.Change{do("DELETE", with(&types.ResourceRecordSet{}, func(s rrset) { *s = before[1] }))},
			[]string{"A HostedZone must contain exactly one SOA record."},
		},
		"no NS": {
			[]types.Change{do("DELETE", with(&types.ResourceRecordSet{}, func(s rrset) { *s = before[0] }))},
			[]string{"A HostedZone must contain at least one NS record for the zone itself."},
		},
		"SOA below the apex": {
			[]types.Change{do("CREATE", set("sub.example.org", "SOA", 900, "ns.example.org. a.example.org. 1 2 3 4 5"))},
			[]string{"RRSet of type SOA with DNS name sub.example.org. is not permitted"},
		},
		"DS at the apex": {
			[]types.Change{do("CREATE", set("example.org", "DS", 300, "1 13 2 "+strings.Repeat("ab", 32)))},
			[]string{"RRSet of type DS with DNS name example.org. is not permitted at apex"},
		},
		"NS with a wildcard": {
			[]types.Change{do("CREATE", set("*.example.org", "NS", 300, "ns.example.org"))},
			[]string{`RRSet of type NS with DNS name \052.example.org. is not permitted`},
		},
		"a value twice": {
			[]types.Change{do("CREATE", set("x.example.org", "A", 300, "192.0.2.1", "192.0.2.1"))},
			[]string{"Duplicate Resource Record: '192.0.2.1'"},
		},
		"a simple set beside weighted ones": {
			[]types.Change{do("UPSERT", set("w.example.org", "A", 60, "192.0.2.1"))},
			[]string{"RRSet with DNS name w.example.org., type A cannot be created as other RRSets exist with the same name and type."},
		},
		"a weighted set beside a simple one": {
			[]types.Change{do("CREATE", policied(set("www.example.org", "A", 300, "192.0.2.1"), "one", weight(1)))},
			[]string{"RRSet with DNS name www.example.org., type A, SetIdentifier one cannot be created as a non-weighted set exists with the same name and type."},
		},
		"a latency set beside a weighted one": {
			[]types.Change{do("CREATE", policied(set("w.example.org", "A", 60, "192.0.2.1"), "two", func(s rrset) { s.Region = types.ResourceRecordSetRegionEuWest1 }))},
			[]string{"cannot be created as a non-latency set exists with the same name and type."},
		},
		"weighted sets with two TTLs": {
			[]types.Change{do("CREATE", policied(set("w.example.org", "A", 61, "192.0.2.1"), "two", weight(1)))},
			[]string{"cannot be created as weighted sets must contain the same TTL."},
		},
		"a weighted set with two values": {
			[]types.Change{do("CREATE", policied(set("w.example.org", "A", 60, "192.0.2.1", "192.0.2.2"), "two", weight(1)))},
			[]string{"must have exactly one value"},
		},
		"a place twice": {
			[]types.Change{do("CREATE", policied(set("geo.example.org", "A", 60, "192.0.2.1"), "again", func(s rrset) { s.GeoLocation = &types.GeoLocation{ContinentCode: aws.String("EU")} }))},
			[]string{"cannot be created as a geolocation set with the same location exists."},
		},
		"multivalue CNAME": {
			[]types.Change{do("CREATE", policied(set("m.example.org", "CNAME", 60, "www.example.org"), "one", func(s rrset) { s.MultiValueAnswer = aws.Bool(true) }))},
			[]string{"multivalue answer sets can't be of type CNAME"},
		},
		"alias to nothing": {
			[]types.Change{do("CREATE", alias("x.example.org", "AAAA", id, "www.example.org", false))},
			[]string{"Tried to create an alias that targets www.example.org., type AAAA in zone " + id + ", but that target was not found"},
		},
		"alias out of the zone": {
			[]types.Change{do("CREATE", alias("x.example.org", "A", id, "lb.eu-west-1.elb.amazonaws.com", false))},
			[]string{"but the alias target name does not lie within the target zone, Tried to create an alias", "but that target was not found"},
		},
		"alias to a stranger": {
			[]types.Change{do("CREATE", alias("x.example.org", "A", "Z0STRANGER", "www.example.com", false))},
			[]string{"but the alias target name does not lie within the target zone"},
		},
		"target of an alias deleted": {
			[]types.Change{do("DELETE", set("www.example.org", "A", 300, "192.0.2.1", "192.0.2.2"))},
			[]string{"because an alias targets it"},
		},
		"health of CloudFront": {
			[]types.Change{do("CREATE", alias("x.example.org", "A", "Z2FDTNDATAQYW2", "d1.cloudfront.net", true))},
			[]string{"EvaluateTargetHealth can't be true"},
		},
		"too many records": {
			[]types.Change{do("CREATE", set("a.example.org", "A", 60, addresses(400)...)), do("UPSERT", set("b.example.org", "A", 60, addresses(301)...))},
			[]string{"Number of records limit of 1000 exceeded."},
		},
		"too many characters": {
			[]types.Change{do("UPSERT", set("a.example.org", "TXT", 60, texts(63)...))}, // 63 × 257 × 2 = 32,382
			[]string{"RDATA character limit of 32000 exceeded."},
		},
		"too many values": {
			[]types.Change{do("CREATE", set("a.example.org", "A", 60, addresses(401)...))},
			[]string{"Cannot have more than 400 records in a RRSet."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, a.change(id, c.changes...), "InvalidChangeBatch", 400, c.want...)
		})
	}
	after, _ := a.sets(t.Context(), id, 0)
	if len(after) != len(before) {
		t.Errorf("%d sets after refused batches, want %d as before", len(after), len(before))
	}
}

func addresses(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("10.0.%d.%d", i/256, i%256))
	}
	return list
}

func texts(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"%0255d"`, i))
	}
	return list
}

// The limits are met exactly: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests
func TestLimitsOfABatch(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	var changes []types.Change
	for i := range 1000 {
		changes = append(changes, do("CREATE", set(fmt.Sprintf("h%d.example.org", i), "A", 60, "192.0.2.1")))
	}
	a.must(id, changes...)
	for i := range changes {
		changes[i].Action = "UPSERT"
	}
	wantError(t, a.change(id, changes[:501]...), "InvalidChangeBatch", 400, "[Number of records limit of 1000 exceeded.]")
	a.must(id, changes[:500]...)
	a.must(id, do("CREATE", set("t.example.org", "TXT", 60, texts(124)...)))         // 31,868 characters
	a.must(id, do("UPSERT", set("t.example.org", "TXT", 60, texts(62)...)))          // 31,868 counted twice
	err := a.change(id, do("UPSERT", set("t.example.org", "TXT", 60, texts(63)...))) // 32,382
	wantError(t, err, "InvalidChangeBatch", 400, "[RDATA character limit of 32000 exceeded.]")
}

// Messages as the reference shows them:
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html#API_ChangeResourceRecordSets_Errors
func TestDocumentedBatchError(t *testing.T) {
	t.Parallel()
	a := start(t, Options{BatchErrors: true})
	id := a.zone("example.org")
	err := a.change(id, do("CREATE", set("example.org", "CNAME", 300, "a.example")), do("CREATE", set("example.com", "A", 300, "192.0.2.1")))
	e, ok := errors.AsType[*types.InvalidChangeBatch](err)
	if !ok {
		t.Fatalf("got %v, want InvalidChangeBatch", err)
	}
	want := []string{
		"RRSet of type CNAME with DNS name example.org. is not permitted at apex in zone example.org.",
		"RRSet with DNS name example.com. is not permitted in zone example.org.",
	}
	if diff := cmp.Diff(want, e.Messages); diff != "" {
		t.Errorf("messages differ (-want +got):\n%s", diff)
	}
}

// Requests that are refused before anything is compared:
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html
func TestInvalidInput(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	for name, c := range map[string]struct {
		set  rrset
		want string
	}{
		"neither values nor target": {
			set("x.example.org", "A", 300),
			"Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none in Change with [Action=CREATE, Name=x.example.org, Type=A, SetIdentifier=null]",
		},
		"both": {
			with(alias("x.example.org", "A", id, "www.example.org", false), func(s rrset) { s.TTL = aws.Int64(60) }),
			"but found more than one in Change with",
		},
		"identifier missing": {
			with(set("x.example.org", "A", 300, "192.0.2.1"), weight(1)),
			"Invalid request: Missing field 'SetIdentifier' in Change with [Action=CREATE, Name=x.example.org, Type=A, SetIdentifier=null]",
		},
		"identifier without policy": {
			policied(set("x.example.org", "A", 300, "192.0.2.1"), "one", func(rrset) {}),
			"but found none in Change with [Action=CREATE, Name=x.example.org, Type=A, SetIdentifier=one]",
		},
		"two policies": {
			policied(set("x.example.org", "A", 300, "192.0.2.1"), "one", func(s rrset) { s.Weight, s.Failover = aws.Int64(1), "PRIMARY" }),
			"but found more than one",
		},
		"weight 256":    {policied(set("x.example.org", "A", 300, "192.0.2.1"), "one", weight(256)), "Value '256'"},
		"TTL -1":        {set("x.example.org", "A", -1, "192.0.2.1"), "Value '-1'"},
		"TTL too large": {set("x.example.org", "A", 1<<31, "192.0.2.1"), "Value '2147483648'"},
		"unknown type":  {set("x.example.org", "LOC", 1, "1 2"), "Value 'LOC' is not facet-valid"},
		"long identifier": {
			policied(set("x.example.org", "A", 300, "192.0.2.1"), strings.Repeat("x", 129), weight(1)), "for element 'SetIdentifier'",
		},
		"long value": {set("x.example.org", "TXT", 1, `"`+strings.Repeat("x", 4000)+`"`), "for element 'Value'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantError(t, a.change(id, do("CREATE", c.set)), "InvalidInput", 400, c.want)
		})
	}
	err := a.change(id, do("CREATE", policied(set("x.example.org", "A", 300, "192.0.2.1"), "x", func(s rrset) { s.GeoLocation = &types.GeoLocation{CountryCode: aws.String("u5")} })))
	wantError(t, err, "NoSuchGeoLocation", 404)
	err = a.change(id, do("CREATE", with(set("x.example.org", "A", 300, "192.0.2.1"), func(s rrset) { s.HealthCheckId = aws.String("none") })))
	wantError(t, err, "NoSuchHealthCheck", 404)
	wantError(t, a.change("Z0NONE", do("CREATE", set("x.example.org", "A", 300, "192.0.2.1"))), "NoSuchHostedZone", 404)
}

// "it deletes the CNAME resource record set for www.example.com and creates an alias resource
// record set for www.example.com": the example of the reference.
func TestReplaceWithinABatch(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	a.must(id, do("CREATE", set("www.example.org", "CNAME", 300, "a.example")), do("CREATE", set("t.example.org", "A", 7, "192.0.2.7")))
	a.must(id, do("DELETE", set("www.example.org", "CNAME", 300, "a.example.")), do("CREATE", alias("www.example.org", "A", id, "t.example.org", true)))
	if diff := cmp.Diff([]string{"192.0.2.7"}, a.served("www.example.org.", "A")); diff != "" {
		t.Errorf("served A differs (-want +got):\n%s", diff)
	}
	a.must(id, do("DELETE", set("t.example.org", "A", 7, "192.0.2.7")), do("CREATE", set("t.example.org", "A", 8, "192.0.2.8")))
	if diff := cmp.Diff([]string{"192.0.2.8"}, a.served("www.example.org.", "A")); diff != "" {
		t.Errorf("served A does not follow the target (-want +got):\n%s", diff)
	}
}

// All weighted sets change their TTL in one batch, for they must agree only in the end.
func TestWeightedTTL(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	one := func(ttl int64) rrset { return policied(set("w.example.org", "A", ttl, "192.0.2.1"), "one", weight(0)) }
	two := func(ttl int64) rrset {
		return policied(set("w.example.org", "A", ttl, "192.0.2.2"), "two", weight(255))
	}
	a.must(id, do("CREATE", one(60)), do("CREATE", two(60)))
	a.must(id, do("UPSERT", one(30)), do("UPSERT", two(30)))
	if diff := cmp.Diff([]string{"192.0.2.2"}, a.served("w.example.org.", "A")); diff != "" {
		t.Errorf("served A is not the heaviest (-want +got):\n%s", diff)
	}
}

// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-entities
func TestQuotas(t *testing.T) {
	t.Parallel()
	a := start(t, Options{Sets: 4, Zones: 1})
	id := a.zone("example.org")
	a.must(id, do("CREATE", set("a.example.org", "A", 1, "192.0.2.1")), do("CREATE", set("b.example.org", "A", 1, "192.0.2.1")))
	wantError(t, a.change(id, do("CREATE", set("c.example.org", "A", 1, "192.0.2.1"))), "InvalidChangeBatch", 400, "[Exceeded limit MAX_RRSETS_BY_ZONE for zone: "+id+"]")
	a.must(id, do("DELETE", set("a.example.org", "A", 1, "192.0.2.1")), do("CREATE", set("c.example.org", "A", 1, "192.0.2.1")))
	_, err := a.CreateHostedZone(t.Context(), &sdk.CreateHostedZoneInput{Name: aws.String("b.example"), CallerReference: aws.String("b")})
	wantError(t, err, "TooManyHostedZones", 400)
	l, err := a.GetHostedZoneLimit(t.Context(), &sdk.GetHostedZoneLimitInput{HostedZoneId: &id, Type: "MAX_RRSETS_BY_ZONE"})
	if err != nil || *l.Limit.Value != 4 || l.Count != 4 {
		t.Errorf("got limit %+v, %v, want 4 of 4", l, err)
	}
}

// "If Route 53 can't process a request before the next request arrives, it will reject subsequent
// requests for the same hosted zone":
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests
func TestPriorRequestNotComplete(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id, other := a.zone("example.org"), a.zone("example.com")
	release := a.svc.Hold(id)
	change := do("CREATE", set("a.example.org", "A", 1, "192.0.2.1"))
	wantError(t, a.change(id, change), "PriorRequestNotComplete", 400, "The request was rejected because Route 53 was still processing a prior request.")
	a.must(other, do("CREATE", set("a.example.com", "A", 1, "192.0.2.1")))
	release()
	release()
	a.must(id, change)
}

// Two writers at once: each batch is done as a whole or refused as a whole.
func TestConcurrentBatches(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for w := range 8 {
		wg.Go(func() {
			for i := range 10 {
				err := a.change(id, do("CREATE", set(fmt.Sprintf("a%d-%d.example.org", w, i), "A", 1, "192.0.2.1")),
					do("CREATE", set(fmt.Sprintf("b%d-%d.example.org", w, i), "A", 1, "192.0.2.1")))
				switch name, _ := code(err); name {
				case "":
					mu.Lock()
					done++
					mu.Unlock()
				case "PriorRequestNotComplete":
				default:
					t.Errorf("got %v", err)
				}
			}
		})
	}
	wg.Wait()
	sets, _ := a.sets(t.Context(), id, 7)
	if len(sets) != 2+2*done {
		t.Errorf("%d sets after %d batches of two, want %d", len(sets), done, 2+2*done)
	}
}
