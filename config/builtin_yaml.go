package config

import (
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/source/octodns"
	"github.com/zonecast/zonecast/zone"
)

var yamlDriver = SourceDriver{
	Name: "yaml", Title: "Folder of octoDNS zone files",
	Classes: []string{
		"octodns.provider.yaml.YamlProvider", "octodns.provider.yaml.SplitYamlProvider", "octodns_namedfileyaml.NamedFileYamlProvider",
	},
	Options: []provider.Option{
		{Name: "directory", Kind: provider.Folder, Required: true, Help: "folder of the zone files"},
		{Name: "default_ttl", Kind: provider.Int, Default: "3600", Help: "seconds, for records without ttl"},
		{Name: "enforce_order", Kind: provider.Bool, Default: "true", Help: "keys out of order are an error"},
		{Name: "order_mode", Default: "natural", Help: "natural or simple"},
		{Name: "populate_should_replace", Kind: provider.Bool, Default: "false", Help: "records replace those of earlier sources"},
		{Name: "supports_root_ns", Kind: provider.Bool, Default: "true", Help: "as a target: take NS at the apex"},
		{Name: "split_extension", Help: "folders <zone><extension>/ with a file for each name"},
		{Name: "split_catchall", Kind: provider.Bool, Default: "true", Help: "as a target: records of the apex go to a file of their own"},
		{Name: "shared_filename", Help: "file whose records every zone gets"},
		{Name: "disable_zonefile", Kind: provider.Bool, Default: "false", Help: "do not read <zone>yaml"},
		{Name: "escaped_semicolons", Kind: provider.Bool, Default: "true", Help: `; is written \; in TXT`},
		{Name: "ignore_missing_zones", Kind: provider.Bool, Default: "false", Help: "a zone without files is empty, not an error"},
		{Name: "filename", Help: "the one file <filename>.yaml holds every zone"},
	},
	Open: openYAML,
}

func openYAML(c SourceConfig) (source.Source, error) {
	o := octodns.Options{
		ID: c.ID, Directory: c.Text("directory", ""), OrderMode: c.Text("order_mode", ""),
		SplitExtension: off(c.Text("split_extension", "")), SharedFilename: off(c.Text("shared_filename", "")),
		Filename: c.Text("filename", ""), ProviderIDs: c.Providers, ZoneRules: c.Rules,
		AllowDuplicateKeys: c.Options.AllowDuplicateKeys,
		AllTypes:           c.Format == Zonecast,
		Lenient: func(n zone.Name) bool {
			z, _ := c.Zone(n)
			return z.Lenient || c.Options.Lenient
		},
	}
	var err error
	if o.DefaultTTL, err = c.ttl("default_ttl", 0); err != nil {
		return nil, err
	}
	var order, semicolons, rootNS, catchall bool
	for _, b := range []struct {
		name string
		def  bool
		to   *bool
	}{
		{"enforce_order", true, &order},
		{"escaped_semicolons", true, &semicolons},
		{"populate_should_replace", false, &o.PopulateShouldReplace},
		{"supports_root_ns", true, &rootNS},
		{"split_catchall", true, &catchall},
		{"disable_zonefile", false, &o.DisableZonefile},
		{"ignore_missing_zones", false, &o.IgnoreMissingZones},
	} {
		if *b.to, err = c.Bool(b.name, b.def); err != nil {
			return nil, err
		}
	}
	o.EnforceOrder, o.EscapedSemicolons, o.NoRootNS, o.NoCatchall = &order, &semicolons, !rootNS, !catchall
	return octodns.New(o), nil
}

// off reads `split_extension: false`, which means none.
func off(s string) string {
	switch s {
	case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF":
		return ""
	}
	return s
}
