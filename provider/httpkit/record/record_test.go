package record_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/provider/httpkit/record"
)

const token = "t0k/en+1"

// A book is a test that notes what it is told.
type book struct {
	errors  []string
	cleanup []func()
}

func (*book) Helper()                     {}
func (b *book) Cleanup(f func())          { b.cleanup = append(b.cleanup, f) }
func (b *book) Errorf(f string, a ...any) { b.errors = append(b.errors, fmt.Sprintf(f, a...)) }
func (b *book) Fatalf(f string, a ...any) { b.Errorf(f, a...) }
func (b *book) end() {
	for _, f := range b.cleanup {
		f()
	}
}

func client(base string, tape *record.Tape) *httpkit.Client {
	return &httpkit.Client{Base: base, HTTP: tape, Auth: httpkit.Bearer(token), Tries: 1}
}

func ask(t *testing.T, c *httpkit.Client, name string) error {
	t.Helper()
	if _, err := c.Do(t.Context(), httpkit.Request{Path: "/zones", Query: map[string][]string{"key": {token}}}, &struct{}{}); err != nil {
		return err
	}
	_, err := c.Do(t.Context(), httpkit.Request{Method: "POST", Path: "/zones", Body: map[string]string{"name": name, "key": token}}, nil)
	return err
}

func TestATapeIsPlayedAsItWasRecorded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "testdata", "tape.json")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer "+token || r.Method == http.MethodPost && !strings.Contains(string(body), token) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Set-Cookie", "sid=c00kie")
		w.Header().Set("Link", "<http://"+r.Host+"/zones?page=2&key="+token+`>; rel="next"`)
		fmt.Fprintf(w, `{"you sent": %q}`, token)
	}))
	defer srv.Close()
	b := &book{}
	if err := ask(t, client(srv.URL, record.Open(b, path, record.Options{Update: true, Secrets: []string{token}})), "a"); err != nil {
		t.Fatal(err)
	}
	b.end()
	data, err := os.ReadFile(path)
	if err != nil || len(b.errors) > 0 {
		t.Fatal(err, b.errors)
	}
	for _, secret := range []string{token, "t0k", "c00kie", "Bearer", strings.TrimPrefix(srv.URL, "http://")} {
		if strings.Contains(string(data), secret) {
			t.Errorf("%s is on the tape:\n%s", secret, data)
		}
	}

	for name, c := range map[string]struct {
		ask  func(*httpkit.Client) error
		want string // told to the test; "": nothing
	}{
		"as recorded":  {func(c *httpkit.Client) error { return ask(t, c, "a") }, ""},
		"another body": {func(c *httpkit.Client) error { return ask(t, c, "b") }, `exchange 2, POST https://service.example/zones: the body is`},
		"one more": {func(c *httpkit.Client) error {
			_ = ask(t, c, "a")
			return ask(t, c, "a")
		}, "nothing more is on the tape"},
		"one less": {func(*httpkit.Client) error { return nil }, "2 of 2 exchanges were not asked for; the next is GET https://service.example/zones?key="},
		"elsewhere": {func(c *httpkit.Client) error {
			_, err := c.Do(t.Context(), httpkit.Request{Path: "/other"}, nil)
			return err
		}, "exchange 1: GET https://service.example/other was asked, on the tape is GET https://service.example/zones?key="},
	} {
		b := &book{}
		err := c.ask(client("https://api.example", record.Open(b, path, record.Options{Secrets: []string{token}})))
		b.end()
		told := strings.Join(b.errors, "\n")
		if (c.want == "") != (told == "") || !strings.Contains(told, c.want) {
			t.Errorf("%s: told %q, want %q", name, told, c.want)
		}
		if (err != nil) != (c.want != "" && name != "one less") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	b = &book{}
	record.Open(b, path+".missing", record.Options{})
	if len(b.errors) != 1 || !strings.Contains(b.errors[0], "record it with -update") {
		t.Errorf("without a tape: %q", b.errors)
	}
}
