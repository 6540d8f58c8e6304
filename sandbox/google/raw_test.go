package google_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/zonecast/zonecast/sandbox/google"
)

// serve sends one call without a network; the path is below managedZones.
func serve(svc http.Handler, method, path string, body any) int {
	raw, err := json.Marshal(body)
	if err != nil {
		return 0
	}
	return serveRaw(svc, method, "/dns/v1/projects/"+project+"/managedZones"+path, raw).Code
}

func serveRaw(svc http.Handler, method, target string, body []byte) *httptest.ResponseRecorder {
	u, err := url.Parse(target)
	w := httptest.NewRecorder()
	if err != nil {
		return w
	}
	r := &http.Request{Method: method, URL: u, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Host: "dns.example"}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+google.DefaultToken)
	svc.ServeHTTP(w, r)
	return w
}

// get reads below managedZones without a network.
func get(t *testing.T, svc http.Handler, path string) map[string]any {
	t.Helper()
	w := serveRaw(svc, "GET", "/dns/v1/projects/"+project+"/managedZones"+path, nil)
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != 200 {
		t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	return v
}

// A claimSet is what an assertion says (RFC 7523, section 3).
type claimSet struct {
	Iss   string `json:"iss"`
	Sub   string `json:"sub,omitempty"`
	Scope string `json:"scope"`
	Aud   string `json:"aud"`
	Iat   int64  `json:"iat"`
	Exp   int64  `json:"exp"`
}

// privateKey reads the key of a credentials file.
func privateKey(t *testing.T, file []byte) *rsa.PrivateKey {
	t.Helper()
	var key struct {
		PrivateKey string `json:"private_key"`
	}
	if err := json.Unmarshal(file, &key); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(key.PrivateKey))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.(*rsa.PrivateKey)
}

// sign makes an assertion (RFC 7515, section 3.1).
func sign(t *testing.T, key *rsa.PrivateKey, claims claimSet) string {
	t.Helper()
	raw, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding
	text := b64.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + b64.EncodeToString(raw)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + b64.EncodeToString(signature)
}

// No request breaks the service, and every answer of the API is JSON or a page for people.
func FuzzRequest(f *testing.F) {
	zones := "/dns/v1/projects/" + project + "/managedZones"
	f.Add("POST", zones, []byte(`{"name":"z","dnsName":"z.example.","description":""}`))
	f.Add("POST", zones+"/a/changes", []byte(`{"additions":[{"name":"x.a.example.","type":"TXT","ttl":5,"rrdatas":["\"x\" y"]}]}`))
	f.Add("POST", zones+"/a/rrsets", []byte(`{"name":"w.a.example.","type":"A","ttl":5,"routingPolicy":{"wrr":{"items":[{"weight":1,"rrdatas":["192.0.2.1"]}]}}}`))
	f.Add("POST", zones+"/a/rrsets", []byte(`{"name":"w.a.example.","type":"A","ttl":5,"routingPolicy":{"primaryBackup":{"primaryTargets":{},"backupGeoTargets":{"items":[{}]}}}}`))
	f.Add("PATCH", zones+"/a", []byte(`{"dnssecConfig":{"state":"on","defaultKeySpecs":[{"algorithm":"ecdsap256sha256","keyType":"keySigning","keyLength":256}]}}`))
	f.Add("GET", zones+"/a/rrsets?pageToken=CjAdjF4&maxResults=1&name=a.example.", []byte(nil))
	f.Add("GET", zones+"/a/changes?sortOrder=descending&pageToken=CjAdjEx", []byte(nil))
	f.Add("DELETE", zones+"/a/rrsets/a.example./NS", []byte(nil))
	f.Add("POST", "/token", []byte("grant_type=x"))
	f.Fuzz(func(t *testing.T, method, target string, body []byte) {
		svc := google.New(google.Options{})
		if code := serve(svc, "POST", "", map[string]string{"name": "a", "dnsName": "a.example.", "description": ""}); code != 200 {
			t.Fatalf("a zone: %d", code)
		}
		w := serveRaw(svc, method, target, body)
		if w.Code >= 500 {
			t.Errorf("%s %s: %d %s", method, target, w.Code, w.Body)
		}
		if w.Header().Get("Content-Type") == "application/json; charset=UTF-8" && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: not JSON: %s", method, target, w.Body)
		}
		if n := len(get(t, svc, "")["managedZones"].([]any)); n > 2 {
			t.Errorf("%s %s: %d zones", method, target, n)
		}
	})
}
