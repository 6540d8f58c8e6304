package main

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/conf"
)

// schemas are the documents of `zonecast schema`, by what they describe.
var schemas = []string{"zonecast", "nameserver", "octodns-config", "octodns-zone"}

func schemaCommand(a *app) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:     "schema [zonecast | nameserver | octodns-config | octodns-zone]",
		GroupID: "look",
		Short:   "Print the JSON Schema of configuration and zone files",
		Long: `Prints a JSON Schema (draft 2020-12), with which editors complete keys and mark mistakes
while they are typed:

  zonecast         zonecast.yaml, with the options of every provider
  nameserver       the file of zonecast nameserver --config
  octodns-config   the main configuration of octoDNS
  octodns-zone     a zone file of octoDNS

With the YAML language server, a first line in the file is all that it takes:
# yaml-language-server: $schema=./zonecast.schema.json`,
		Example: `  zonecast schema --out zonecast.schema.json
  zonecast schema octodns-zone --out zone.schema.json`,
		Args: atMost(1),
		RunE: func(_ *cobra.Command, args []string) error {
			kind := schemas[0]
			if len(args) == 1 {
				kind = args[0]
			}
			if err := choiceOf("there is no schema %q", kind, schemas); err != nil {
				return err
			}
			return a.emit(out, schemaOf(kind))
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write to `FILE` instead of standard output")
	cmd.ValidArgs = schemas
	return cmd
}

// schemaOf returns the schema of one of schemas, ending in a line break.
func schemaOf(kind string) []byte {
	var doc []byte
	switch kind {
	case "octodns-config":
		doc = config.OctoDNSSchema("config")
	case "nameserver":
		doc = conf.Schema()
	case "octodns-zone":
		doc = config.OctoDNSSchema("zone")
	default:
		doc = config.Schema()
	}
	return append(bytes.TrimRight(doc, "\n"), '\n')
}

// emit writes a result to standard output, or whole into a file.
func (a *app) emit(path string, data []byte) error {
	if path == "" {
		_, err := a.stdout.Write(data)
		return err
	}
	if err := replaceFile(path, 0o644, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
		return err
	}
	a.say("wrote %s", path)
	return nil
}

// choiceOf checks an argument that is one of a few words; text says that there is no such thing.
func choiceOf(text, arg string, of []string) error {
	if slices.Contains(of, arg) {
		return nil
	}
	fix := "write one of " + strings.Join(of, ", ")
	if near := finding.Nearest(arg, of); near != "" {
		fix = "did you mean " + near + "?"
	}
	return usagef(fix, text, arg)
}
