package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/provider"
)

// Where a name server answers is checked on reading the configuration, for all adapters that take
// dns_address, with the place and how to write it.
func TestDNSAddressesAreChecked(t *testing.T) {
	t.Parallel()
	n := 0
	for _, d := range provider.Drivers() {
		for _, o := range d.Options {
			if o.Name != "dns_address" {
				continue
			}
			n++
			dir := writeFiles(t, map[string]string{"zonecast.yaml": fmt.Sprintf(
				"sources:\n  z: {type: yaml, directory: zones}\nproviders:\n  p:\n    type: %s\n    dns_address: 192.0.2.1:port\ndefaults: {sources: [z], targets: []}\nzones: [example.org]\n", d.Name)})
			code, out, _ := try(t, "validate", "-c", dir)
			want := "zonecast.yaml:6:18: error: option dns_address of provider p must be the address of a name server, and has a port that is no number from 1 to 65535"
			if code != exitError || !strings.Contains(out, want) || !strings.Contains(out, provider.HowToWriteDNSAddress) {
				t.Errorf("%s: exit %d, %q; want %q and how to write it", d.Name, code, out, want)
			}
		}
	}
	if n < 7 {
		t.Errorf("%d adapters take dns_address, want 7 or more", n)
	}
}
