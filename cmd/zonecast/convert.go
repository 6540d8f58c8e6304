package main

import (
	"bytes"
	"io"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/zone"
)

func convertCommand(a *app) *cobra.Command {
	var to, out, origin string
	cmd := &cobra.Command{
		Use:     "convert FILE",
		GroupID: "look",
		Short:   "Turn a zone file into another form",
		Long: `Reads a zone file (BIND's format, or octoDNS YAML when the name ends in .yaml) and prints
it in another form. No configuration is needed.

As octoDNS YAML a zone has no SOA: each provider has its own.`,
		Example: `  zonecast convert db.example.com --to octodns > zones/example.com.yaml
  zonecast convert zones/example.com.yaml --to bind --out example.com.zone
  zonecast convert old.txt --zone example.com --to json`,
		Args: exactly(1, "name a file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.json && !cmd.Flags().Changed("to") {
				to = "json"
			}
			if to == "" {
				return usagef("write --to bind, --to octodns or --to json", "--to is missing")
			}
			if err := choice("to", to, formats...); err != nil {
				return err
			}
			var name *zone.Name
			if origin != "" {
				n, err := zone.ParseName(origin)
				if err != nil {
					return usagef("write it like example.com.", "%q is no zone: %v", origin, err)
				}
				name = &n
			}
			return a.convert(args[0], name, to, out)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "what to turn it into (`FORMAT`): bind, octodns or json")
	cmd.Flags().StringVar(&origin, "zone", "", "the `ZONE` that the file holds, where the file does not tell")
	cmd.Flags().StringVar(&out, "out", "", "write to `FILE` and not to standard output")
	return cmd
}

func (a *app) convert(path string, origin *zone.Name, to, out string) error {
	z, finds, err := readZoneFile(path, origin)
	if err != nil {
		return err
	}
	a.findings(finds)
	if a.bad(finds) {
		return status(exitError)
	}
	zones := []*zone.Zone{z}
	if out == "" {
		return a.printZones(zones, to)
	}
	var text bytes.Buffer
	if err := a.writeZones(&text, zones, to); err != nil {
		return err
	}
	return replaceFile(out, 0o644, func(w io.Writer) error { _, err := w.Write(text.Bytes()); return err })
}
