package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zonecast/zonecast/sandbox/route53"
)

// told are the forms in which a service's answer repeats an address with a password.
const told = `https://dns:hunter2@api.example/v1?api_key=hunter3`

// echo answers a status with the address in everything that is looked at.
func echo(w http.ResponseWriter, kind string, status int) {
	w.Header().Set("Location", told)
	if kind == "route53" {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>Odd</Code><Message>see %s</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
			strings.ReplaceAll(told, "&", "&amp;"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	code := strconv.Itoa(status)
	if kind == "azure" {
		code = `"Odd"`
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"success":false,"errors":[{"code":1,"message":"see %[1]s"}],"error":{"code":%[2]s,"message":"see %[1]s","errors":[{"reason":"odd","message":"see %[1]s"}]},"message":"see %[1]s"}`, told, code)
}

// clean fails a test when a password is seen.
func clean(t *testing.T, what, text string) {
	t.Helper()
	for _, secret := range []string{"hunter2", "hunter3", "dns:"} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%s shows %q: …%s…", what, secret, text[max(0, i-80):min(len(text), i+80)])
		}
	}
}

// What somebody wrote into an address, or a service says with a password in it, is seen nowhere:
// not in errors, traces and JSON, and not in the journal.
func TestPasswordsInAddressesAreNotShown(t *testing.T) {
	t.Parallel()
	for _, kind := range cloudKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, kind)
			asking := [][]string{{"plan", "--debug"}, {"plan", "--json"}, {"providers", "verify"}, {"providers", "verify", "--json"}, {"zones", "--live"}}
			for _, status := range []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusInternalServerError, http.StatusFound} {
				c.say(func(w http.ResponseWriter, r *http.Request) bool {
					if signsIn(r) {
						return false
					}
					echo(w, kind, status)
					return true
				})
				args := asking
				if status == http.StatusInternalServerError { // each is tried four times
					args = asking[:2]
				}
				for _, a := range args {
					code, text := c.all(t, a...)
					clean(t, fmt.Sprintf("%v after %d", a, status), text)
					if code == exitOK && !(kind == "powerdns" && status == http.StatusNotFound) && a[0] != "zones" {
						t.Errorf("%v after %d: exit 0, want an error", a, status)
					}
				}
			}
			for _, status := range []int{http.StatusUnauthorized, http.StatusNotFound} {
				var refused atomic.Int32
				c.say(func(w http.ResponseWriter, r *http.Request) bool {
					if signsIn(r) || r.Method == http.MethodGet {
						return false
					}
					refused.Add(1)
					echo(w, kind, status)
					return true
				})
				code, text := c.all(t, "apply", "--yes", "--debug", "--json", "--no-verify")
				clean(t, fmt.Sprintf("apply after %d", status), text)
				if code != exitError || refused.Load() == 0 || !strings.Contains(text, "[redacted]@api.example") {
					t.Errorf("apply after %d: exit %d, %d writes refused: %s", status, code, refused.Load(), text)
				}
			}
			kept := c.kept(t)
			clean(t, "the journal", kept)
			if !strings.Contains(kept, "[redacted]@api.example") {
				t.Errorf("the journal does not hold the errors: %d octets", len(kept))
			}
		})
	}
}

// An address with a password is refused on opening the account, wherever it leads, and is not shown.
func TestAddressesWithPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, kind := range cloudKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, kind)
			for _, at := range []string{c.url, gone.URL} {
				scheme, rest, _ := strings.Cut(at, "://")
				for _, user := range []string{"dns:hunter2@", "hunter2@", "dns:hunter2/hunter3@"} {
					c.configure(t, scheme+"://"+user+rest)
					for _, args := range [][]string{
						{"plan", "--debug"},
						{"plan", "--json"},
						{"apply", "--yes", "--json"},
						{"validate", "--json"},
						{"providers"},
						{"providers", "show"},
						{"providers", "show", "--json"},
						{"providers", "verify"},
						{"zones", "--live"},
					} {
						code, text := c.all(t, args...)
						clean(t, fmt.Sprintf("%v", args), text)
						if (args[0] == "plan" || args[0] == "apply") && (code != exitError || !strings.Contains(text, "option "+c.option+" holds ")) {
							t.Errorf("%v with %s: exit %d, want what to do about option %s: %s", args, user, code, c.option, text)
						}
					}
				}
			}
			clean(t, "the journal", c.kept(t))
		})
	}
}

// A connection that does not come about says where it was meant to go, without the password.
func TestNobodyAtTheAddress(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"rfc2136", "zonecast"} {
		option := map[string]string{"rfc2136": "host", "zonecast": "address"}[kind]
		dir := writeFiles(t, map[string]string{
			"zones/example.org.yaml": "www:\n  type: A\n  value: 192.0.2.1\n",
			"zonecast.yaml": fmt.Sprintf("sources:\n  zones: {type: yaml, directory: zones}\nproviders:\n  own: {type: %s, %s: 'dns:hunter2@127.0.0.1'}\n"+
				"defaults: {sources: [zones], targets: [own]}\nzones: [example.org]\n", kind, option),
		})
		for _, args := range [][]string{{"plan", "--debug"}, {"plan", "--json"}, {"providers", "show"}, {"providers", "verify", "--json"}} {
			code, out, errs := try(t, append(args, "-c", dir)...)
			clean(t, fmt.Sprintf("%s: %v", kind, args), out+errs)
			if args[0] == "plan" && (code != exitError || !strings.Contains(errs, "option "+option+" holds an @")) {
				t.Errorf("%s: %v: exit %d, %s", kind, args, code, errs)
			}
		}
	}
}

// An address that comes from the environment, as every AWS tool takes it, is not refused, and is not
// shown either: neither when it answers nor when nobody does.
func TestAddressesOfTheEnvironmentAreNotShown(t *testing.T) {
	c := newCloud(t, "route53")
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", route53.DefaultKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", route53.DefaultSecret)
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	text := "sources:\n  zones: {type: yaml, directory: zones}\nproviders:\n  cloud: {type: route53, limits: \"off\", client_max_attempts: 1}\n" +
		"defaults: {sources: [zones], targets: [cloud]}\nzones: [example.org]\n"
	if err := os.WriteFile(filepath.Join(c.dir, "zonecast.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{c.url, gone.URL} {
		t.Setenv("AWS_ENDPOINT_URL_ROUTE_53", strings.Replace(at, "://", "://dns:hunter2@", 1))
		for _, status := range []int{0, http.StatusUnauthorized, http.StatusNotFound, http.StatusInternalServerError} {
			c.say(nil)
			if status > 0 {
				c.say(func(w http.ResponseWriter, _ *http.Request) bool { echo(w, "route53", status); return true })
			}
			for _, args := range [][]string{{"plan", "--debug"}, {"plan", "--json"}, {"providers", "verify", "--json"}} {
				_, text := c.all(t, args...)
				clean(t, fmt.Sprintf("%v after %d at %s", args, status, at), text)
				if args[1] == "--debug" && !strings.Contains(text, "http://127.0.0.1:") {
					t.Errorf("%v after %d: the trace is %s\nwant the address that was asked", args, status, text)
				}
			}
		}
	}
}
