package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/provider"
)

// notTokens are secrets that no header carries: they may have several lines.
var notTokens = []string{"google credentials", "rfc2136 key_secret"}

// A key that no header can carry is told of with its option and place, before anything is sent.
func TestKeysAreCheckedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	for _, d := range provider.Drivers() {
		for _, o := range d.Options {
			if name := d.Name + " " + o.Name; o.Secret && o.Token == slices.Contains(notTokens, name) {
				t.Errorf("%s: Token is %v, want %v", name, o.Token, !o.Token)
			}
		}
	}
	for kind, option := range map[string]string{"route53": "access_key_id", "cloudflare": "token", "azure": "key", "powerdns": "api_key"} {
		c := newCloud(t, kind)
		head, tail, ok := strings.Cut(c.extra, option+": ")
		if !ok {
			t.Fatalf("%s: no %s in %q", kind, option, c.extra)
		}
		_, rest, _ := strings.Cut(tail, "\n")
		c.extra = head + option + ": \"hunter\\n2\"\n" + rest
		c.configure(t, c.url)
		code, text := c.all(t, "plan")
		if want := "option " + option + " of cloud: its value has a line end inside"; code != exitError || !strings.Contains(text, want) || !strings.Contains(text, "zonecast.yaml:") || strings.Contains(text, "temporary") || strings.Contains(text, "hunter") {
			t.Errorf("%s: exit %d: %s\nwant %q with file and line", kind, code, text, want)
		}
	}
}
