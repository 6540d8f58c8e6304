package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zonecast/zonecast/sandbox/azure"
	"github.com/zonecast/zonecast/sandbox/cloudflare"
	"github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/sandbox/route53"
)

// A cloud is a service behind HTTP that a test makes answer what it wants.
type cloud struct {
	kind   string
	url    string
	answer atomic.Pointer[func(http.ResponseWriter, *http.Request) bool] // false: as the emulation does
	extra  string                                                        // lines of the provider in the configuration
	option string                                                        // that holds the address
	dir    string
}

// cloudKinds are the adapters that speak HTTP to a service somewhere else.
var cloudKinds = []string{"route53", "cloudflare", "azure", "google", "powerdns"}

// newCloud starts an emulation and writes a configuration with one zone beside it.
func newCloud(t *testing.T, kind string) *cloud {
	t.Helper()
	c := &cloud{kind: kind, option: "endpoint", dir: writeFiles(t, map[string]string{
		"zones/example.org.yaml": "www:\n  type: A\n  value: 192.0.2.1\n",
	})}
	var service http.Handler
	switch kind {
	case "route53":
		service = route53.New(route53.Options{})
		c.extra = "access_key_id: " + route53.DefaultKeyID + "\n    secret_access_key: " + route53.DefaultSecret + "\n    sync_timeout: 0"
	case "cloudflare":
		service, c.option = cloudflare.New(cloudflare.Options{}), "api_url"
		c.extra = "token: " + cloudflare.DefaultToken
	case "azure":
		service, c.option = azure.New(azure.Options{}), "base_url"
	case "google":
		service = google.New(google.Options{Quota: google.Quota{NameserversPerDelegation: 40}})
	case "powerdns":
		service, c.option = http.HandlerFunc(noZone), "host"
		c.extra = "api_key: opensesame"
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := c.answer.Load(); f != nil && (*f)(w, r) {
			return
		}
		service.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if kind == "azure" {
		server.StartTLS()
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		if err := os.WriteFile(filepath.Join(c.dir, "ca.pem"), ca, 0o600); err != nil {
			t.Fatal(err)
		}
		c.extra = fmt.Sprintf("sub_id: %s\n    resource_group: %s\n    directory_id: %s\n    client_id: %s\n    key: %s\n    authority: %s\n    ca_file: ca.pem",
			azure.DefaultSubscription, azure.DefaultResourceGroup, azure.DefaultTenant, azure.DefaultClientID, azure.DefaultClientSecret, server.URL)
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	c.url = server.URL
	switch kind {
	case "cloudflare":
		c.url += cloudflare.Prefix
	case "google":
		file, err := service.(*google.Service).Credentials(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(string(file)) // a YAML string too
		if err != nil {
			t.Fatal(err)
		}
		c.extra = "project: " + google.DefaultProject + "\n    credentials: " + string(text)
	}
	c.configure(t, c.url)
	return c
}

// noZone is a PowerDNS without zones.
func noZone(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/servers/localhost"):
		_, _ = io.WriteString(w, `{"type":"Server","id":"localhost","daemon_type":"authoritative","version":"4.9.0"}`)
	case strings.HasSuffix(r.URL.Path, "/zones"):
		_, _ = io.WriteString(w, `[]`)
	default:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error": "Not Found"}`)
	}
}

// configure writes the configuration with the service at an address.
func (c *cloud) configure(t *testing.T, url string) {
	t.Helper()
	where := c.option + ": " + url
	if c.kind == "powerdns" {
		scheme, rest, _ := strings.Cut(url, "://")
		host, port := rest, "8081"
		if i := strings.LastIndexByte(rest, ':'); i >= 0 {
			host, port = rest[:i], rest[i+1:]
		}
		where = "scheme: " + scheme + "\n    host: " + host + "\n    port: " + port
	}
	text := fmt.Sprintf(`sources:
  zones: {type: yaml, directory: zones}
providers:
  cloud:
    type: %s
    %s
    %s
    limits: "off"
defaults: {sources: [zones], targets: [cloud]}
zones: [example.org]
`, c.kind, where, c.extra)
	if err := os.WriteFile(filepath.Join(c.dir, "zonecast.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// say makes the service answer by itself; nil: as the emulation does.
func (c *cloud) say(f func(http.ResponseWriter, *http.Request) bool) {
	if f == nil {
		c.answer.Store(nil)
		return
	}
	c.answer.Store(&f)
}

// signsIn reports whether a request is one of getting a token: those go on being answered.
func signsIn(r *http.Request) bool {
	return strings.Contains(r.URL.Path, "/oauth2/") || strings.Contains(r.URL.Path, "/token") || strings.Contains(r.URL.Path, "openid-configuration") ||
		strings.Contains(r.URL.Path, "/common/discovery/")
}

// all runs a command with the cloud's configuration and returns the exit code and all that it said.
func (c *cloud) all(t *testing.T, args ...string) (code int, text string) {
	t.Helper()
	code, out, errs := try(t, append(args, "-c", filepath.Join(c.dir, "zonecast.yaml"))...)
	return code, out + errs
}

// kept is what the state folder holds: journal and history.
func (c *cloud) kept(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	files, err := filepath.Glob(filepath.Join(c.dir, ".zonecast", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil {
			b.Write(data)
		}
	}
	return b.String()
}
