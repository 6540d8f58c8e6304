package cloudflare

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A client calls the API as raw HTTP, so that nothing but this test decides what is sent.
type client struct {
	t   *testing.T
	svc *Service
	url string
	// headers of each request; nil: the default token.
	headers map[string]string
}

func start(t *testing.T, o Options) *client {
	t.Helper()
	svc := New(o)
	server := httptest.NewServer(svc)
	t.Cleanup(server.Close)
	return &client{t: t, svc: svc, url: server.URL + Prefix}
}

// as is the same client with another token.
func (c *client) as(token string) *client {
	other := *c
	other.headers = map[string]string{"Authorization": "Bearer " + token}
	return &other
}

// A reply is an answer of the API.
type reply struct {
	Status   int         `json:"-"`
	Header   http.Header `json:"-"`
	Success  bool
	Errors   []problem
	Messages []problem
	Result   json.RawMessage
	Info     *pageInfo `json:"result_info"`
}

func (c *client) call(method, path string, body any) reply {
	c.t.Helper()
	var b []byte
	switch body := body.(type) {
	case nil:
	case string:
		b = []byte(body)
	default:
		var err error
		if b, err = json.Marshal(body); err != nil {
			c.t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, bytes.NewReader(b))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if c.headers == nil {
		r.Header.Set("Authorization", "Bearer "+DefaultToken)
	}
	for k, v := range c.headers {
		r.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	a := reply{Status: resp.StatusCode, Header: resp.Header}
	if err := json.Unmarshal(text, &a); err != nil {
		c.t.Fatalf("%s %s: not an envelope: %v: %.200s", method, path, err, text)
	}
	if a.Success != (len(a.Errors) == 0) || a.Success != (a.Status == http.StatusOK) {
		c.t.Errorf("%s %s: success %v, status %d, errors %v do not fit", method, path, a.Success, a.Status, a.Errors)
	}
	return a
}

// must calls and decodes the result, which there must be.
func must[T any](c *client, method, path string, body any) T {
	c.t.Helper()
	a := c.call(method, path, body)
	if !a.Success {
		c.t.Fatalf("%s %s = %d %v, want success", method, path, a.Status, a.Errors)
	}
	var v T
	if err := json.Unmarshal(a.Result, &v); err != nil {
		c.t.Fatalf("%s %s: %v in %s", method, path, err, a.Result)
	}
	return v
}

// refused checks that a call is refused with a code, either outermost or in the chain.
func (c *client) refused(status, code int, method, path string, body any) {
	c.t.Helper()
	a := c.call(method, path, body)
	var codes []int
	for _, p := range a.Errors {
		codes = append(codes, p.Code)
		for _, q := range p.Chain {
			codes = append(codes, q.Code)
		}
	}
	for _, got := range codes {
		if got == code && a.Status == status {
			return
		}
	}
	c.t.Errorf("%s %s %v = %d %v %s, want %d with code %d", method, path, body, a.Status, a.Errors, a.Result, status, code)
}

type got struct {
	ID        string
	Name      string
	Type      string
	Content   string
	Priority  *uint16
	Proxiable bool
	Proxied   bool
	Locked    bool
	TTL       int
	Data      map[string]any
	Settings  map[string]any
	Meta      map[string]any
	Comment   *string
	Tags      []string
	Created   string `json:"created_on"`
	Modified  string `json:"modified_on"`
}

// m is a JSON object.
type m = map[string]any

// zoned starts a service with one active zone, example.com.
func zoned(t *testing.T, o Options) (c *client, records string) {
	t.Helper()
	c = start(t, o)
	id, err := c.svc.AddZone("example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	return c, "/zones/" + id + "/dns_records"
}

// served is what the name servers hold for a name and type, in presentation form.
func (c *client) served(name string, t zone.Type) (ttl uint32, values []string) {
	c.t.Helper()
	n := zone.MustName(name)
	z, ok := c.svc.Names().Find(n)
	if !ok {
		return 0, nil
	}
	set, _ := z.Set(n, t)
	for _, d := range set.Data {
		values = append(values, rdata.Text(t, d))
	}
	return set.TTL, values
}

func TestRecordsComeAndGo(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	// https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/#a-and-aaaa
	made := must[got](c, "POST", records, m{"type": "A", "name": "www", "content": "192.0.2.1", "ttl": 3600})
	if !idForm.MatchString(made.ID) || made.Name != "www.example.com" || made.Content != "192.0.2.1" || made.TTL != 3600 ||
		!made.Proxiable || made.Proxied || made.Comment != nil || made.Tags == nil || made.Created == "" || made.Meta == nil {
		t.Errorf("created %+v", made)
	}
	if ttl, v := c.served("www.example.com", zone.TypeA); ttl != 3600 || len(v) != 1 {
		t.Errorf("served %d %v, want 3600 [192.0.2.1]", ttl, v)
	}
	patched := must[got](c, "PATCH", records+"/"+made.ID, m{"content": "192.0.2.2"})
	if patched.ID != made.ID || patched.Content != "192.0.2.2" || patched.TTL != 3600 {
		t.Errorf("patched %+v, want the new content and the old TTL", patched)
	}
	put := must[got](c, "PUT", records+"/"+made.ID, m{"type": "A", "name": "www.example.com", "content": "192.0.2.3"})
	if put.ID != made.ID || put.Content != "192.0.2.3" || put.TTL != 1 {
		t.Errorf("put %+v, want what was not given at its default", put)
	}
	if ttl, v := c.served("www.example.com", zone.TypeA); ttl != 300 || v[0] != "192.0.2.3" {
		t.Errorf("served %d %v, want 300 [192.0.2.3]", ttl, v)
	}
	if gone := must[got](c, "DELETE", records+"/"+made.ID, nil); gone.ID != made.ID {
		t.Errorf("deleted %+v, want id %s", gone, made.ID)
	}
	c.refused(404, 81044, "GET", records+"/"+made.ID, nil)
	c.refused(404, 81044, "DELETE", records+"/"+made.ID, nil)
	if _, v := c.served("www.example.com", zone.TypeA); v != nil {
		t.Errorf("served %v after deletion, want nothing", v)
	}
}
