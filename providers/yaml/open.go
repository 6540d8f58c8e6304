package yaml

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone/octodns"
)

func init() { provider.Register(Driver) }

// Driver is the entry in the registry. The same classes are sources, too: which is opened is
// decided by where a zone names them.
var Driver = provider.Driver{
	Name:    "yaml",
	Title:   "octoDNS zone files in a folder",
	Classes: []string{"octodns.provider.yaml.YamlProvider", "octodns.provider.yaml.SplitYamlProvider"},
	Options: []provider.Option{
		{Name: "directory", Kind: provider.Folder, Required: true, Help: "folder of the zone files"},
		{Name: "default_ttl", Kind: provider.Int, Default: "3600", Help: "seconds, for records without ttl"},
		{Name: "enforce_order", Kind: provider.Bool, Default: "true", Help: "as a source: keys out of order are an error"},
		{Name: "order_mode", Default: "natural", Help: "natural or simple: where new names and fields are put"},
		{Name: "populate_should_replace", Kind: provider.Bool, Default: "false", Help: "a record of a later file of the zone replaces an earlier one"},
		{Name: "supports_root_ns", Kind: provider.Bool, Default: "true", Help: "take NS at the apex"},
		{Name: "split_extension", Help: "keep zones in folders <zone><extension>/ with a file for each name"},
		{Name: "split_catchall", Kind: provider.Bool, Default: "true", Help: "in such folders apex and wildcard go to $<zone>.yaml"},
		{Name: "shared_filename", Help: "file whose records every zone gets; never written"},
		{Name: "disable_zonefile", Kind: provider.Bool, Default: "false", Help: "leave files <zone>yaml alone"},
		{Name: "escaped_semicolons", Kind: provider.Bool, Default: "true", Help: `; is written \; in TXT`},
		{Name: "ignore_missing_zones", Kind: provider.Bool, Ignored: "a target zone without files is created"},
	},
	Open: Open,
}

// Open opens a folder. It does no I/O.
func Open(c provider.Config) (provider.Provider, error) {
	bad := func(option, format string, args ...any) error {
		return fmt.Errorf("provider %s: option %s %s", c.ID, option, fmt.Sprintf(format, args...))
	}
	p := &Provider{
		layout: octodns.Layout{
			Directory: c.Text("directory", ""), SplitExtension: off(c.Text("split_extension", "")),
			SharedFilename: off(c.Text("shared_filename", "")),
		},
	}
	switch dir := p.layout.Directory; {
	case dir == "":
		return nil, bad("directory", "is missing; write the folder of the zone files")
	case !filepath.IsAbs(dir):
		p.layout.Directory = filepath.Join(c.WorkDir, dir)
	}
	var catchall, rootNS, escaped, order bool
	for _, b := range []struct {
		name string
		def  bool
		to   *bool
	}{
		{"populate_should_replace", false, &p.codec.Replace},
		{"supports_root_ns", true, &rootNS},
		{"split_catchall", true, &catchall},
		{"disable_zonefile", false, &p.layout.DisableZonefile},
		{"escaped_semicolons", true, &escaped},
		{"enforce_order", true, &order}, // checked, but existing files are taken in any order
	} {
		v, err := c.Bool(b.name, b.def)
		if err != nil {
			return nil, err
		}
		*b.to = v
	}
	p.layout.NoCatchall, p.fixedRootNS, p.codec.RawSemicolons = !catchall, !rootNS, !escaped
	p.codec.Lenient, p.codec.ProviderIDs = true, c.ProviderIDs
	ttl, err := c.Int("default_ttl", 3600)
	if err != nil {
		return nil, err
	}
	if ttl < 1 || ttl > math.MaxInt32 {
		return nil, bad("default_ttl", "is %d; write a number of seconds from 1 to %d", ttl, math.MaxInt32)
	}
	p.codec.DefaultTTL = uint32(ttl)
	switch m := c.Text("order_mode", "natural"); m {
	case "natural":
		p.order = yaml11.NaturalOrder
	case "simple":
		p.order = yaml11.SimpleOrder
	default:
		return nil, bad("order_mode", "is %q; write natural or simple", m)
	}
	ext := p.layout.SplitExtension
	switch {
	case ext != "" && (!strings.HasPrefix(ext, ".") || strings.ContainsAny(ext, "/\\\x00")):
		return nil, bad("split_extension", "is %q; write a dot and what may follow, without slashes", ext)
	case ext == "" && p.layout.DisableZonefile:
		return nil, bad("disable_zonefile", "leaves no file that a zone could be written to; set split_extension, too")
	case p.layout.SharedFilename != "" && !filepath.IsLocal(p.layout.SharedFilename):
		return nil, bad("shared_filename", "is %q; write the name of a file in the directory", p.layout.SharedFilename)
	}
	return p, nil
}

// off reads `split_extension: false`, which means none.
func off(s string) string {
	if strings.EqualFold(s, "false") || strings.EqualFold(s, "no") || strings.EqualFold(s, "off") {
		return ""
	}
	return s
}
