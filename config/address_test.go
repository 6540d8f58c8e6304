package config

import (
	"strings"
	"testing"

	"github.com/zonecast/zonecast/provider"
)

func TestDNSAddressByReference(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{"192.0.2.1": "", "nowhere": provider.HowToWriteDNSAddress, "192.0.2.1:x": "port that is no number"} {
		o := provider.Option{Name: "dns_address", Kind: provider.NameServer}
		c := &Config{env: func(string) (string, bool) { return value, true }, Format: Zonecast}
		_, err := c.value(Value{Kind: Scalar, Text: "env/DNS"}, o)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", value, err, want)
		}
	}
}
