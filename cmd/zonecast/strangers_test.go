package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Whoever answers in the place of the API, and whatever is named wrongly, the error says which option
// of which provider to check; and nothing is taken for a zone that is missing.
func TestStrangersAndWrongNames(t *testing.T) {
	t.Parallel()
	web := `<!DOCTYPE html><html><body>Nothing here</body></html>`
	for _, kind := range cloudKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, kind)
			check := func(what, want string) {
				t.Helper()
				code, text := c.all(t, "plan")
				if code != exitError || !strings.Contains(text, want) {
					t.Errorf("%s: exit %d: %s\nwant %q", what, code, text, want)
				}
			}
			where := "check that " + c.option + " of provider cloud ("
			for _, x := range []struct {
				what       string
				status     int
				kind, body string
			}{
				{"a web page", 200, "text/html", web},
				{"404 as a web page", 404, "text/html", web},
				{"404 in plain text", 404, "text/plain", "404 page not found\n"},
				{"404 without words", 404, "", ""},
				{"404 of another API", 404, "application/json", `{"title":"no such route"}`},
				{"405 as a web page", 405, "text/html", web},
				{"403 as a web page", 403, "text/html", web},
			} {
				c.say(func(w http.ResponseWriter, r *http.Request) bool {
					if signsIn(r) {
						return false
					}
					w.Header().Set("Content-Type", x.kind)
					w.WriteHeader(x.status)
					_, _ = io.WriteString(w, x.body)
					return true
				})
				check(x.what, where)
			}
			for _, signing := range []bool{false, true} {
				if signing && kind != "azure" && kind != "google" {
					continue // they sign in with no call
				}
				c.say(func(w http.ResponseWriter, r *http.Request) bool {
					if signsIn(r) != signing {
						return false
					}
					w.Header().Set("Location", "https://elsewhere.example/there?token=hunter2")
					w.WriteHeader(http.StatusMovedPermanently)
					return true
				})
				to, check := "301 Moved Permanently: redirected to https://elsewhere.example/there?token=[redacted]", where
				if signing {
					check = "check that " + map[string]string{"azure": "authority", "google": "token_uri"}[kind]
				}
				if code, text := c.all(t, "plan"); code != exitError || !strings.Contains(text, to) || !strings.Contains(text, check) || strings.Contains(text, "hunter2") {
					t.Errorf("a redirect (signing in: %v): exit %d: %s\nwant %q and %q", signing, code, text, to, check)
				}
			}
			c.say(nil)
			for _, x := range wrongNames[kind] {
				right := c.extra
				c.extra = strings.Replace(right, x.right, x.wrong, 1)
				if c.extra == right {
					t.Fatalf("%q is not in the configuration", x.right)
				}
				c.configure(t, c.url)
				if x.apply {
					code, text := c.all(t, "apply", "--yes", "--no-verify")
					if code != exitError || !strings.Contains(text, x.want) {
						t.Errorf("%s: exit %d: %s\nwant %q", x.wrong, code, text, x.want)
					}
				} else {
					check(x.wrong, x.want)
				}
				c.extra = right
			}
		})
	}
}

var wrongNames = map[string][]struct {
	right, wrong, want string
	apply              bool // only making the zone tells
}{
	"cloudflare": {{"token: ", "account_id: 0123456789abcdef0123456789abcdef\n    token: ", "check that account_id (0123456789abcdef0123456789abcdef)", true}},
	"azure": {
		{"sub_id: 7e1d5a2c", "sub_id: 8e1d5a2c", "check sub_id", false},
		{"resource_group: sandbox", "resource_group: other", "check resource_group", false},
		{"directory_id: 7e1d5a2c", "directory_id: 8e1d5a2c", "check directory_id", false},
	},
	"google":   {{"project: sandbox-project", "project: other-project", "check that option project is", false}},
	"powerdns": {{"api_key:", "server_id: other\n    api_key:", "check that host of provider cloud (", false}},
}
