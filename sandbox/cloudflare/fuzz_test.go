package cloudflare

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequest sends anything to any path: the answer is an envelope, never a panic, and what was
// accepted can be listed and sent back as it is shown.
func FuzzRequest(f *testing.F) {
	for _, seed := range [][3]string{
		{"POST", "/dns_records", `{"type":"A","name":"www","content":"192.0.2.1","proxied":true}`},
		{"POST", "/dns_records", `{"type":"TXT","name":"@","content":"\"a\" \"\\200\""}`},
		{"POST", "/dns_records", `{"type":"SRV","name":"_a._b","data":{"priority":1,"weight":1,"port":1,"target":"."}}`},
		{"POST", "/dns_records", `{"type":"HTTPS","name":"@","data":{"priority":1,"target":".","value":"alpn=h2"}}`},
		{"POST", "/dns_records", `{"type":"LOC","name":"@","data":{"lat_degrees":90,"lat_minutes":0,"lat_seconds":0,"lat_direction":"N","long_degrees":180,"long_minutes":0,"long_seconds":0,"long_direction":"W","altitude":1e7,"size":9e7,"precision_horz":0,"precision_vert":0}}`},
		{"POST", "/dns_records", `{"type":"NAPTR","name":"@","data":{"order":1,"preference":1,"flags":"","service":"","regex":"","replacement":""}}`},
		{"POST", "/dns_records", `{"type":"CAA","name":"@","data":{"flags":0,"tag":"issue","value":";"}}`},
		{"POST", "/dns_records", `{"type":"URI","name":"@","priority":1,"data":{"weight":0,"target":"x"}}`},
		{"POST", "/dns_records", `{"type":"CERT","name":"@","data":{"type":1,"key_tag":1,"algorithm":1,"certificate":"AA=="}}`},
		{"POST", "/dns_records/batch", `{"posts":[{"type":"CNAME","name":"@","content":"www.example.com"}],"deletes":[{"id":"x"}]}`},
		{"GET", "/dns_records?page=2&per_page=1&name.contains=a&tag=a:b&order=content", ``},
		{"PATCH", "/dns_settings", `{"soa":{"rname":"\u0000","mname":".."}}`},
		{"PATCH", "/dnssec", `{"status":"active"}`},
		{"PATCH", "", `{"paused":true}`},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		svc := New(Options{Plan: Enterprise})
		id, err := svc.AddZone("example.com", "")
		if err != nil {
			t.Fatal(err)
		}
		call := func(method, path, body string) (int, []byte) {
			r := httptest.NewRequestWithContext(t.Context(), "GET", Prefix+"/zones/"+id, strings.NewReader(body))
			u, err := r.URL.Parse(Prefix + "/zones/" + id + path)
			if err != nil {
				t.Skip()
			}
			r.Method, r.URL = method, u
			r.Header.Set("Authorization", "Bearer "+DefaultToken)
			w := httptest.NewRecorder()
			svc.ServeHTTP(w, r)
			return w.Code, w.Body.Bytes()
		}
		code, out := call(method, path, body)
		if code/100 == 3 { // the router cleans paths
			return
		}
		var e struct{ Success bool }
		if err := json.Unmarshal(out, &e); err != nil || e.Success != (code == 200) {
			t.Fatalf("%s %q %q = %d %.300s", method, path, body, code, out)
		}
		_, list := call("GET", "/dns_records", "")
		var l struct{ Result []json.RawMessage }
		if err := json.Unmarshal(list, &l); err != nil {
			t.Fatalf("the list: %v", err)
		}
		for _, r := range l.Result {
			var had struct{ ID string }
			if json.Unmarshal(r, &had) != nil {
				t.Fatalf("a record without id: %s", r)
			}
			if code, out := call("PUT", "/dns_records/"+had.ID, string(r)); code != 200 {
				t.Errorf("%s is shown and not taken again: %s", r, out)
			}
		}
	})
}
