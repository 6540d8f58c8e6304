package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
)

// Options say how a configuration is read. The zero value is right for a command.
type Options struct {
	// Env looks up environment variables; nil means those of the process.
	Env func(name string) (string, bool)
	// WorkDir is what relative folders of an octoDNS configuration count from; "" means the
	// working directory of the process, and paths stay relative in messages.
	WorkDir string
	// AllowDuplicateKeys lets the last of two equal keys win, as octoDNS does.
	AllowDuplicateKeys bool
	// Lenient makes rule violations in all zones warnings, as octoDNS's --lenient and --all do.
	Lenient bool
	// HTTP and Trace are handed to the accounts that are opened; see provider.Config.
	HTTP  func() http.RoundTripper
	Trace func(format string, args ...any)
}

// Limits of a configuration. 100,000 zones with five keys each stay below them.
const (
	maxBytes = 32 << 20
	maxNodes = 2_000_000
)

// Load reads the configuration at path. It returns everything that is wrong with it as findings,
// sorted by place; where one of them is an error, the Config holds what could be read and is
// good for nothing but messages. Load opens no account, asks no network and needs no secret.
func Load(path string, o Options) (*Config, []finding.Finding) {
	data, err := read(path)
	if err != nil {
		cfg := newConfig(path, o)
		return cfg, []finding.Finding{{
			ID: "config-unreadable", Severity: finding.Error, Place: finding.Place{File: path},
			Text: "cannot read the configuration: " + reason(err),
		}}
	}
	return Parse(path, data, o)
}

// Parse is Load for a configuration that has been read already; path names it in messages and
// says where !include and relative folders count from.
func Parse(path string, data []byte, o Options) (*Config, []finding.Finding) {
	d := &decoder{cfg: newConfig(path, o)}
	root, problems := yaml11.Parse(path, data, yaml11.Options{
		AllowDuplicateKeys: o.AllowDuplicateKeys, MaxBytes: maxBytes, MaxNodes: maxNodes,
	})
	for _, p := range problems {
		f := finding.Finding{ID: p.ID, Severity: finding.Error, Place: place(p.Pos), Text: p.Text, Fix: p.Fix}
		if p.Warning {
			f.Severity = finding.Warning
		}
		d.add(f)
	}
	switch {
	case root.Kind != yaml11.Mapping:
		d.wrongType(root, "a configuration", "a mapping with the keys providers and zones")
	case len(root.Keys) > 0 || len(problems) == 0:
		d.cfg.Format = format(path, root)
		if d.cfg.Format == Zonecast {
			d.native(root)
		} else {
			d.octodns(root)
		}
		d.check()
	}
	finding.Sort(d.finds)
	for severity, n := range d.told {
		if n > maxFindings {
			d.finds = append(d.finds, finding.Finding{
				ID: "more", Severity: finding.Severity(severity), Place: finding.Place{File: path},
				Text: fmt.Sprintf("%d more findings of this severity are not shown", n-maxFindings),
			})
		}
	}
	return d.cfg, d.finds
}

func newConfig(path string, o Options) *Config {
	c := &Config{
		Path: path, Dir: filepath.Dir(path), WorkDir: o.WorkDir, State: ".zonecast",
		Format: OctoDNS, env: o.Env, options: o, opened: map[string]*opened{},
	}
	if c.env == nil {
		c.env = os.LookupEnv
	}
	return c
}

// read refuses what is no regular file, such as a device, and what is too large.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

// reason is the innermost text of a file error: the path is said already.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// format tells the two languages apart: by the file's name, else by what only one of them has.
func format(path string, root *yaml11.Node) Format {
	if strings.HasPrefix(filepath.Base(path), "zonecast") {
		return Zonecast
	}
	for _, k := range root.Keys {
		switch k.Name {
		case "manager", "secret_handlers":
			return OctoDNS
		case "sources", "defaults", "guards", "state", "verify", "silence":
			return Zonecast
		}
	}
	typed := func(k yaml11.Key) bool { return k.Value.Get("type") != nil && k.Value.Get("class") == nil }
	if p := root.Get("providers"); p != nil && slices.ContainsFunc(p.Keys, typed) {
		return Zonecast
	}
	return OctoDNS
}
