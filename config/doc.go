// Package config reads the file that says which zones exist, where they come from and which
// providers serve them: zonecast.yaml, or the main configuration of octoDNS as it stands.
//
// In flow the bytes of one file (and what it includes) and a look at the environment; out flow a
// Config, which is plain data, and findings with places. Load needs no credentials, no network
// and no adapter: secrets stay references, unknown targets are warnings. Only OpenProvider and
// OpenSource resolve the options of the one account that they open.
//
//	path, err := config.Find(".", "")
//	cfg, findings := config.Load(path, config.Options{})
//	defer cfg.Close()
//	zones, more := cfg.Expand(ctx, config.Selection{})
//	src, err := cfg.OpenSource(zones[0].Sources[0].ID)
//	loaded, err := src.Load(ctx, zones[0].Name)
//	target, err := cfg.OpenProvider(zones[0].Targets[0].ID)
//
// The package knows every class name of octoDNS (Classes) and joins it to a driver of package
// provider or to a kind of source (RegisterSource). It never writes files, and no message of it
// carries the value of an option that could be a secret.
package config
