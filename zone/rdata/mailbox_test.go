package rdata_test

import (
	"testing"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

func TestMailbox(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ mail, want string }{
		{"hostmaster@example.net", "hostmaster.example.net."},
		{"dns.admin@example.net.", `dns\.admin.example.net.`},
		{"hostmaster", "hostmaster.example.org."},
		{"dns.admin", `dns\.admin.example.org.`},
		{"@example.net", ""},
		{"", ""},
		{"x@a..b", ""},
	} {
		got, err := rdata.Mailbox(c.mail, zone.MustName("example.org."))
		if (err != nil) != (c.want == "") || err == nil && got.String() != c.want {
			t.Errorf("%q: %s, %v; want %q", c.mail, got, err, c.want)
		}
	}
}
