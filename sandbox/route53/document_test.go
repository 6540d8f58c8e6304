package route53

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	gocmp "github.com/google/go-cmp/cmp"
)

// raw sends what the official client cannot send wrongly, signed by its signer.
func (a *account) raw(method, path, body string) (int, string) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(a.t.Context()), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	creds := aws.Credentials{AccessKeyID: DefaultKeyID, SecretAccessKey: DefaultSecret}
	if err := v4.NewSigner().SignHTTP(r.Context(), creds, r, hex.EncodeToString(sum[:]), "route53", "us-east-1", time.Now()); err != nil {
		a.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func batchText(set string) string {
	return `<?xml version="1.0"?><ChangeResourceRecordSetsRequest xmlns="` + namespace + `"><ChangeBatch><Changes><Change><Action>CREATE</Action>` +
		set + `</Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`
}

const goodSet = `<ResourceRecordSet><Name>a.example.org</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>`

// Requests are checked against the schema; the words are those of bug reports:
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html#API_ChangeResourceRecordSets_RequestSyntax
func TestDocuments(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	for name, c := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"not XML":      {"hello", 400, "<Code>MalformedInput</Code>"},
		"cut":          {batchText(goodSet)[:200], 400, "<Code>MalformedInput</Code>"},
		"no body":      {"", 400, "<Code>MalformedInput</Code>"},
		"DOCTYPE":      {`<!DOCTYPE x>` + batchText(goodSet), 400, "MalformedInput"},
		"deep":         {strings.Repeat(`<a xmlns="`+namespace+`">`, 40), 400, "nested too deep"},
		"many":         {`<a xmlns="` + namespace + `">` + strings.Repeat(`<b/>`, maxNodes), 400, "too many elements"},
		"long":         {`<a xmlns="` + namespace + `">` + strings.Repeat(`a<!-- x -->`, maxText+1), 400, "the text of a is too long"},
		"no namespace": {strings.Replace(batchText(goodSet), ` xmlns="`+namespace+`"`, "", 1), 400, "Invalid XML ; cvc-elt.1: Cannot find the declaration of element &#39;ChangeResourceRecordSetsRequest&#39;."},
		"another root": {`<ChangeBatch xmlns="` + namespace + `"></ChangeBatch>`, 400, "ChangeBatch is not valid, expected ChangeResourceRecordSetsRequest"},
		"unknown element": {
			batchText(strings.Replace(goodSet, "<TTL>", "<Ttl>5</Ttl><TTL>", 1)), 400,
			"Invalid XML ; cvc-complex-type.2.4.a: Invalid content was found starting with element &#39;Ttl&#39;.",
		},
		"element twice": {batchText(strings.Replace(goodSet, "<TTL>", "<TTL>5</TTL><TTL>", 1)), 400, "Invalid content was found starting with element &#39;TTL&#39;."},
		"no type":       {batchText(strings.Replace(goodSet, "<Type>A</Type>", "", 1)), 400, "The content of element &#39;ResourceRecordSet&#39; is not complete."},
		"TTL in words":  {batchText(strings.Replace(goodSet, "60", "soon", 1)), 400, "is not a valid value for &#39;integer&#39;"},
		"no values": {
			batchText(strings.Replace(goodSet, "<ResourceRecord><Value>192.0.2.1</Value></ResourceRecord>", "", 1)), 400,
			"The content of element &#39;ResourceRecords&#39; is not complete.",
		},
		"no changes": {
			`<ChangeResourceRecordSetsRequest xmlns="` + namespace + `"><ChangeBatch><Changes/></ChangeBatch></ChangeResourceRecordSetsRequest>`, 400,
			"The content of element &#39;Changes&#39; is not complete.",
		},
		"unknown action": {strings.Replace(batchText(goodSet), "CREATE", "REPLACE", 1), 400, "Value &#39;REPLACE&#39; is not facet-valid"},
		"too large":      {batchText(goodSet + strings.Repeat(" ", maxDocument)), 413, "Request body is too large"},
		"good":           {batchText(goodSet), 200, "<Status>PENDING</Status>"},
	} {
		t.Run(name, func(t *testing.T) {
			status, text := a.raw("POST", "/2013-04-01/hostedzone/"+id+"/rrset/", c.body)
			if status != c.status || !strings.Contains(text, c.want) {
				t.Errorf("got %d %.400s, want %d with %q", status, text, c.status, c.want)
			}
		})
	}
}

// The shape of answers: https://docs.aws.amazon.com/Route53/latest/APIReference/requests-rest-responses.html
func TestShapes(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	status, text := a.raw("GET", "/2013-04-01/hostedzone/Z0NONE", "")
	begin := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<ErrorResponse xmlns="` + namespace + `"><Error><Type>Sender</Type><Code>NoSuchHostedZone</Code><Message>No hosted zone found with ID: Z0NONE</Message></Error><RequestId>`
	if status != 404 || !strings.HasPrefix(text, begin) {
		t.Errorf("got %d %s, want 404 %s…", status, text, begin)
	}
	_, text = a.raw("GET", "/2013-04-01/hostedzonecount", "")
	want := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<GetHostedZoneCountResponse xmlns="` + namespace + `"><HostedZoneCount>0</HostedZoneCount></GetHostedZoneCountResponse>`
	if diff := gocmp.Diff(want, text); diff != "" {
		t.Errorf("count (-want +got):\n%s", diff)
	}
	for path, want := range map[string]int{
		"/2013-04-01/nothing": 404, "/2012-12-12/hostedzone": 404, "/2013-04-01/hostedzone?colour=red": 400,
		"/2013-04-01/hostedzone?maxitems=1&maxitems=2": 400, "/2013-04-01/hostedzone?maxitems=x": 400,
	} {
		if got, text := a.raw("GET", path, ""); got != want {
			t.Errorf("%s: got %d %.200s, want %d", path, got, text, want)
		}
	}
}

// Signatures hold for any path and query, so that what is wrong is told and not that the signature
// differs: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func TestOddRequestsAreSignedRight(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	for _, odd := range []string{"a b", "a+b", "ä", "a/b", "a%2Fb", "~a", "a:b@c"} {
		_, err := a.GetHostedZone(t.Context(), &sdk.GetHostedZoneInput{Id: &odd})
		if name, _ := code(err); name != "NoSuchHostedZone" && name != "UnknownOperationException" {
			t.Errorf("zone %q: got %v, want that it is not found", odd, err)
		}
		_, err = a.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{HostedZoneId: &id, StartRecordName: &odd})
		if name, _ := code(err); name != "" && name != "InvalidInput" {
			t.Errorf("list from %q: got %v, want a list or InvalidInput", odd, err)
		}
	}
	calls := a.svc.Panel().Calls()
	if calls["GET /2013-04-01/hostedzone/{id}"] == 0 || calls["GET /2013-04-01/hostedzone/{id}/rrset"] != 7 {
		t.Errorf("calls are counted as %v", calls)
	}
}

// No request makes the service panic, and what it accepts it can list and serve.
func FuzzChange(f *testing.F) {
	for _, typ := range typeNames {
		f.Add("a.example.org", typ, "1 2 3 a.example.")
	}
	f.Add(`\052.b\.c.example.org.`, "TXT", `"\344\" \\ ;" "x"`)
	f.Add("example.org", "NAPTR", `1 2 "" "\" "!^(\\+44)$!" .`)
	f.Add("x.example.org", "HTTPS", `1 . alpn="h3\,h2" key667="\`)
	f.Fuzz(func(t *testing.T, name, typ, value string) {
		svc := New(Options{})
		origin, _ := parseName("example.org")
		z, err := svc.add(&wish{name: origin, reference: "x"})
		if err != nil {
			t.Fatal(err)
		}
		n := &node{name: "Change", kids: []*node{{name: "Action", text: "UPSERT"}, {name: "ResourceRecordSet", kids: []*node{
			{name: "Name", text: name},
			{name: "Type", text: typ},
			{name: "TTL", text: "60"},
			{name: "ResourceRecords", kids: []*node{{name: "ResourceRecord", kids: []*node{{name: "Value", text: value}}}}},
		}}}}
		q, err := readChange(n)
		if err != nil {
			return
		}
		if err := svc.changeSets(z, []*request{q}); err != nil {
			return
		}
		sets, _ := z.page("", 10)
		for _, s := range sets {
			back, problem := parseName(nameText(s.name))
			if problem != "" || back != s.name {
				t.Errorf("%q is listed as %q, which reads as %v (%s)", name, nameText(s.name), back, problem)
			}
		}
		if _, ok := z.served.Set(q.set.name, q.set.typ); !ok {
			t.Errorf("%q %s %q is accepted but not served", name, typ, value)
		}
	})
}

// Any octets may come as a request.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(batchText(goodSet)))
	f.Add([]byte(`<a xmlns="` + namespace + `"><b/>text<!-- x --></a>`))
	f.Add([]byte(`<?xml version="1.1"?><a>&#0;</a>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parse(b)
		if err != nil {
			return
		}
		if err := n.expect("+ChangeBatch"); err == nil && n.kid("ChangeBatch") == nil {
			t.Error("a required element is missing and nobody says so")
		}
		_ = flat(n)
	})
}
