package provider_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/zonecast/zonecast/provider"
)

func TestFilesStandBesideTheConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, text, want string }{
		{dir, "ca.pem", filepath.Join(dir, "ca.pem")},
		{dir, "other.pem", "other.pem"}, // as seen from the working directory
		{"", "ca.pem", "ca.pem"},
		{dir, "/etc/ca.pem", "/etc/ca.pem"},
		{dir, "", ""},
	} {
		conf := provider.Config{Dir: c.dir, Values: map[string]provider.Value{"ca_file": {Text: c.text}}}
		if got := conf.File("ca_file"); got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.text, c.dir, got, c.want)
		}
	}
}
