package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// places are where a configuration is looked for, the first one found wins: zonecast's own file,
// then the names that octoDNS's documentation, its templates and public repositories use.
var places = []string{
	"zonecast.yaml", "zonecast.yml",
	"config/production.yaml", "production.yaml",
	"config.yaml", "config/config.yaml",
	"octodns.yaml", "octodns.yml", "config/octodns.yaml",
	"octodns-config.yaml", "config/octodns-config.yaml",
	"dns/octodns-config.yaml", "dns/octodns.yaml", "dns/config.yaml", "dns/production.yaml",
	"octodns/config.yaml", "octodns/production.yaml", "octodns/octodns.yaml",
}

// Find returns the path of the configuration: flag when it is not empty (a folder means the
// usual names in it), else the first of the usual places below dir. dir may be "" for the
// working directory.
func Find(dir, flag string) (string, error) {
	if flag != "" {
		info, err := os.Stat(flag)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("configuration %s does not exist", flag)
		case err != nil:
			return "", fmt.Errorf("configuration: %w", err)
		case !info.IsDir():
			return flag, nil
		}
		dir = flag
	}
	for _, p := range places {
		path := filepath.Join(dir, filepath.FromSlash(p))
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	where := dir
	if where == "" {
		where = "."
	}
	return "", fmt.Errorf("no configuration in %s; looked for %s; name one with --config, or write one with zonecast init",
		where, strings.Join(places, ", "))
}
