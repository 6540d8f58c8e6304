package httpkit_test

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/zonecast/zonecast/provider/httpkit"
)

// The vectors are those of AWS's Signature Version 4 test suite, and the example of its
// documentation (IAM ListUsers).
func TestSigV4Vectors(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	for _, v := range []struct {
		name, method, url, body string
		header                  http.Header
		service                 string
		signed, signature       string
	}{
		{name: "get-vanilla", url: "/", signed: "host;x-amz-date", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{name: "get-vanilla-query-order-key-case", url: "/?Param2=value2&Param1=value1", signed: "host;x-amz-date", signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{name: "get-vanilla-empty-query-key", url: "/?Param1=value1", signed: "host;x-amz-date", signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
		{name: "get-utf8", url: "/%E1%88%B4", signed: "host;x-amz-date", signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
		{name: "get-unreserved", url: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", signed: "host;x-amz-date", signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
		{name: "post-vanilla", method: "POST", url: "/", signed: "host;x-amz-date", signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{name: "post-x-www-form-urlencoded", method: "POST", url: "/", body: "Param1=value1", header: http.Header{"Content-Type": {form}}, signed: "content-type;host;x-amz-date", signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
		{name: "IAM ListUsers", url: "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", service: "iam", header: http.Header{"Content-Type": {form + "; charset=utf-8"}}, signed: "content-type;host;x-amz-date", signature: "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
	} {
		target := v.url
		if strings.HasPrefix(target, "/") {
			target = "https://example.amazonaws.com" + target
		}
		r, err := http.NewRequestWithContext(t.Context(), v.method, target, strings.NewReader(v.body))
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range v.header {
			r.Header[name] = values
		}
		r.Header.Set("User-Agent", "not signed")
		service := v.service
		if service == "" {
			service = "service"
		}
		auth := httpkit.SigV4{
			AccessKey: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", Region: "us-east-1", Service: service,
			PathOnce: v.name == "get-utf8", // the suite has it with the path as it stands in the request line
			Now:      func() time.Time { return time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC) },
		}
		if err := auth.Apply(r); err != nil {
			t.Errorf("%s: %v", v.name, err)
		}
		want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/" + service + "/aws4_request, SignedHeaders=" + v.signed + ", Signature=" + v.signature
		if got := r.Header.Get("Authorization"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", v.name, got, want)
		}
	}
}

func TestSigV4LookAlike(t *testing.T) {
	t.Parallel()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://dns.example/v2/zones", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	auth := httpkit.SigV4{
		AccessKey: "id", Secret: "s3cr3t", SessionToken: "t0ken", Region: "r1", Service: "dns", Algorithm: "EX-HMAC-SHA256", KeyPrefix: "-",
		Terminator: "request", DateHeader: "X-Date", TokenHeader: "X-Token", HashHeader: "X-Content-Sha256",
		Now: func() time.Time { return time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC) },
	}
	if err := auth.Apply(r); err != nil {
		t.Fatal(err)
	}
	got := r.Header.Get("Authorization")
	if want := "EX-HMAC-SHA256 Credential=id/20150830/r1/dns/request, SignedHeaders=host;x-content-sha256;x-date;x-token, Signature="; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s…", got, want)
	}
	if r.Header.Get("X-Date") != "20150830T123600Z" || r.Header.Get("X-Token") != "t0ken" || r.Header.Get("X-Content-Sha256") != "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" {
		t.Errorf("headers %v", r.Header)
	}
	if r.Header.Get("X-Amz-Date") != "" || strings.Contains(fmt.Sprintf("%v %+v", auth, auth), "s3cr3t") {
		t.Error("AWS's header is set, or the secret is shown")
	}
}

// The signature of the OVH kind: a hash over method, address, body and time.
func TestHMAC(t *testing.T) {
	t.Parallel()
	auth := httpkit.HMAC{
		Key: "key", Hash: sha1.New,
		Canonical: func(r *http.Request, body []byte, _ time.Time) (string, error) {
			r.Header.Set("X-Date", "now")
			return r.Method + r.URL.Path + string(body), nil
		},
		Set: func(r *http.Request, s []byte) { r.Header.Set("X-Signature", base64.StdEncoding.EncodeToString(s)) },
	}
	p := &player{script: script{says(200, "{}")}}
	c := &httpkit.Client{Base: "https://dns.example", HTTP: p, Auth: auth}
	// openssl dgst -sha1 -hmac key of `POST/x{"a":1}`
	if _, err := c.Do(t.Context(), httpkit.Request{Method: "POST", Path: "/x", Body: map[string]int{"a": 1}}, nil); err != nil {
		t.Fatal(err)
	}
	if got := p.seen[0].Header.Get("X-Signature"); got != "oGh5gQrVGq9we51CKNB8znYo4ak=" || p.seen[0].Header.Get("X-Date") != "now" {
		t.Errorf("signature %q", got)
	}
}
