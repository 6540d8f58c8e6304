package main

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/store/sqlite"
	"github.com/zonecast/zonecast/zone"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func completionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "completion bash | zsh | fish | powershell",
		GroupID: "look",
		Short:   "Print a script that completes zonecast's commands in a shell",
		Long: `Prints a script for the shell. With it, commands, flags, zones, providers, guards and
versions are completed; zones and providers come from the configuration of the folder that
one is in.`,
		Example: `  source <(zonecast completion bash)                         # this shell only
  zonecast completion bash > /etc/bash_completion.d/zonecast
  zonecast completion zsh > "${fpath[1]}/_zonecast"
  zonecast completion fish > ~/.config/fish/completions/zonecast.fish
  zonecast completion powershell | Out-String | Invoke-Expression`,
		Args:      exactly(1, "name the shell: "+strings.Join(shells, ", ")),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := choiceOf("there is no completion for %q", args[0], shells); err != nil {
				return err
			}
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			}
			return root.GenPowerShellCompletionWithDesc(a.stdout)
		},
	}
}

// complete joins completions to the commands and flags of root, by what they take.
func (a *app) complete(root *cobra.Command) {
	for _, c := range root.Commands() {
		a.complete(c)
	}
	use := root.Use
	switch {
	case root.ValidArgsFunction != nil || root.ValidArgs != nil:
	case strings.Contains(use, "FILE"): // a saved plan or a file besides zones: the shell knows files
		if strings.Contains(use, "ZONE") {
			root.ValidArgsFunction = func(cmd *cobra.Command, args []string, part string) ([]string, cobra.ShellCompDirective) {
				list, _ := a.completeZones(cmd, args, part)
				return list, cobra.ShellCompDirectiveDefault
			}
		}
	case strings.Contains(use, "ZONE…"):
		root.ValidArgsFunction = a.completeZones
	case strings.Contains(use, "ZONE"):
		root.ValidArgsFunction = first(a.completeZones)
	case strings.Contains(use, "VERSION"):
		root.ValidArgsFunction = first(a.completeVersions)
	case strings.Contains(use, "ID…"):
		root.ValidArgsFunction = a.completeIDs
	default:
		root.ValidArgsFunction = cobra.NoFileCompletions
	}
	flag := func(name string, f cobra.CompletionFunc) {
		if root.Flags().Lookup(name) != nil {
			_ = root.RegisterFlagCompletionFunc(name, f) // its one error: the flag has a completion already
		}
	}
	for _, name := range []string{"target", "source", "from"} {
		flag(name, a.completeIDs)
	}
	flag("allow", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return plan.GuardIDs(), cobra.ShellCompDirectiveNoFileComp
	})
	flag("on-failure", words("continue", "compensate"))
	if root.Name() == "rollback" {
		flag("to", func(cmd *cobra.Command, args []string, part string) ([]string, cobra.ShellCompDirective) {
			return a.completeVersions(cmd, args, part)
		})
	}
	switch root.Name() {
	case "plan":
		flag("format", words("text", "json", "markdown", "html"))
	case "dump", "convert":
		flag("format", words(formats...))
	}
}

func words(list ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// first completes one argument only.
func first(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, part string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(cmd, args, part)
	}
}

// known reads the configuration in silence: a mistake in it is no matter for somebody who types.
func (a *app) known() *config.Config {
	path, err := config.Find("", a.config)
	if err != nil {
		return nil
	}
	cfg, _ := config.Load(path, config.Options{Env: a.env})
	return cfg
}

// completeZones offers the zones that the configuration names; patterns are not asked what they
// stand for, since that may need the network.
func (a *app) completeZones(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	cfg := a.known()
	if cfg == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer cfg.Close()
	var out []string
	for _, z := range cfg.Zones {
		if name := z.Name.Unicode(); !z.Dynamic && !slices.Contains(args, name) {
			out = append(out, name+"\t"+strings.Join(config.IDs(z.Targets), ", "))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeIDs(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	cfg := a.known()
	if cfg == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer cfg.Close()
	var out []string
	for _, e := range cfg.Providers {
		if !slices.Contains(args, e.ID) {
			out = append(out, e.ID+"\t"+e.Class)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeVersions(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	cfg := a.known()
	if cfg == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer cfg.Close()
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	if _, err := os.Stat(cfg.StateDir()); err != nil { // opening would make it
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	st, err := sqlite.Open(ctx, cfg.StateDir())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = st.Close() }()
	f := store.Filter{Limit: 50}
	if cmd.Name() == "rollback" && len(args) == 1 {
		if n, err := zone.ParseName(args[0]); err == nil {
			f.Zone = &n
		}
	}
	var out []string
	for v, err := range st.History(ctx, f) {
		if err != nil {
			break
		}
		out = append(out, strconv.FormatInt(v.ID, 10)+"\t"+v.Target.String()+" "+v.Began.Local().Format(timeLayout))
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}
