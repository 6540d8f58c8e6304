package conf_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/nameserver/conf"
)

// A file that the configuration names and that is not there is told with the place that names it.
func TestMissingFilesHaveAPlace(t *testing.T) {
	t.Parallel()
	const zones = "zones: [{folder: zones}]\n"
	for _, c := range []struct{ text, place, names string }{
		{zones + "tls: {certificate: cert.pem, key: key.pem}\n", "2:20", "cert.pem"},
		{zones + "control:\n  {address: \"127.0.0.1:8530\", certificate: s.pem, key: s.key, client_ca: ca.pem}\n", "3:3", "s.pem"},
		{"peers:\n  p: {address: 192.0.2.1, tls: {name: p.example, ca_file: ca.pem}}\nzones: [{secondary: a.example., primaries: p}]\nstore: s.db\n", "2:59", "ca.pem"},
		{"peers:\n  p: {address: 192.0.2.1, tls: {certificate: c.pem, key: k.pem}}\nzones: [{secondary: a.example., primaries: p}]\nstore: s.db\n", "2:46", "c.pem"},
		{zones + "cookies:\n  secrets: abcd\n", "3:12", "secret 1"},
	} {
		path := filepath.Join(t.TempDir(), "nameserver.yaml")
		file, findings := conf.Parse(path, []byte(c.text), nil)
		if file == nil {
			t.Errorf("%s\ncannot be read: %v", c.text, findings)
			continue
		}
		_, err := file.Serve()
		if want := path + ":" + c.place + ": error: "; err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s\nerror %v; want it to begin with %q and to name %s", c.text, err, want, c.names)
		}
	}
}
