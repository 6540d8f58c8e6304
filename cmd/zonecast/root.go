package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/finding"
)

const rootLong = `zonecast keeps DNS zones identical at many providers: a zone is written once and
served everywhere.

It reads zonecast.yaml, or the configuration of an octoDNS repository as it stands,
compares what the sources say with what each provider holds, shows the difference,
and writes it to all providers at once.

Exit codes: 0 nothing to do, or done; 1 an error; 2 there are changes (plan
--detailed-exitcode, drift, compare); 3 held by a guard; 4 written in part.`

const rootExample = `  zonecast init demo              write a project to try things with
  zonecast validate               look for mistakes; needs no credentials
  zonecast plan                   show what would change, and where
  zonecast apply                  show it, ask, and do it
  zonecast drift                  has somebody changed something at a provider?
  zonecast rollback example.com   back to the state before`

// Help lists commands in the order in which one uses them.
func init() { cobra.EnableCommandSorting = false }

// newRoot builds the tree of commands.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "zonecast COMMAND",
		Short:         "Write a DNS zone once, serve it at every provider",
		Long:          rootLong,
		Example:       rootExample,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
		Args:          cobra.ArbitraryArgs,
		RunE:          unknownCommand,
	}
	root.SetVersionTemplate("zonecast {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	// Cobra shows two lines of usage where there are commands; ours says it in one.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .HasAvailableSubCommands}}\n  {{.CommandPath}} [command]{{end}}", "", 1))
	f := root.PersistentFlags()
	f.SortFlags = false
	f.StringVarP(&a.config, "config", "c", "", "configuration: a `FILE`, or a folder to look in\n(default: zonecast.yaml, then octoDNS's usual places)")
	f.BoolVar(&a.json, "json", false, "print the result as JSON")
	f.BoolVar(&a.strict, "strict", false, "treat warnings as errors")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print the result and errors only")
	f.BoolVar(&a.debug, "debug", false, "trace requests to standard error; secrets are left out")
	root.AddGroup(
		&cobra.Group{ID: "main", Title: "From a zone to its providers:"},
		&cobra.Group{ID: "look", Title: "Look and convert:"},
		&cobra.Group{ID: "past", Title: "What was, and back to it:"},
		&cobra.Group{ID: "serve", Title: "Answer the DNS:"},
		&cobra.Group{ID: "try", Title: "Try things:"},
	)
	for _, c := range commands(a) {
		c.Flags().SortFlags = false
		root.AddCommand(c)
	}
	root.SetHelpCommandGroupID("look")
	a.complete(root)
	return root
}

// commands lists all commands, in the order of help.
func commands(a *app) []*cobra.Command {
	return []*cobra.Command{
		initCommand(a), validateCommand(a), planCommand(a), applyCommand(a), driftCommand(a),
		dumpCommand(a), compareCommand(a), convertCommand(a),
		zonesCommand(a), providersCommand(a), schemaCommand(a), conformanceCommand(a), completionCommand(a), versionCommand(a), docsCommand(a),
		historyCommand(a), showCommand(a), rollbackCommand(a),
		nameserverCommand(a),
		sandboxCommand(a),
	}
}

// unknownCommand runs when no command was named, or one that does not exist.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var names []string
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	u := &usageError{text: fmt.Sprintf("there is no command %q", args[0])}
	if near := finding.Nearest(args[0], names); near != "" {
		u.fix = "did you mean `zonecast " + near + "`?"
	} else {
		u.fix = "commands are " + strings.Join(names, ", ")
	}
	return u
}
