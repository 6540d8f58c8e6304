package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// docsCommand writes what help says as files, for the documentation and for packages.
func docsCommand(a *app) *cobra.Command {
	var dir, format string
	cmd := &cobra.Command{
		Use:    "docs --dir DIR",
		Hidden: true,
		Short:  "Write the help of all commands as Markdown or man pages",
		Example: `  zonecast docs --dir docs
  zonecast docs --dir man/man1 --format man`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usagef("add --dir DIR", "docs does not know where to write")
			}
			if err := choice("format", format, "markdown", "man"); err != nil {
				return err
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			if format == "markdown" {
				return a.emit(filepath.Join(dir, "commands.md"), commandsMarkdown(cmd.Root()))
			}
			for _, c := range append([]*cobra.Command{cmd.Root()}, visible(cmd.Root())...) {
				if err := a.emit(filepath.Join(dir, manName(c)+".1"), manPage(c)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the `DIR` to write to")
	cmd.Flags().StringVar(&format, "format", "markdown", "`FORMAT`: markdown or man")
	return cmd
}

// visible lists the commands below c, depth first, in the order of help.
func visible(c *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, sub := range c.Commands() {
		if sub.Hidden || sub.Name() == "help" {
			continue
		}
		out = append(out, sub)
		out = append(out, visible(sub)...)
	}
	return out
}

// A flagLine is one flag as documentation shows it.
type flagLine struct{ spelling, usage string }

func flagLines(fs *pflag.FlagSet) []flagLine {
	var out []flagLine
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		s := "--" + f.Name
		if f.Shorthand != "" {
			s = "-" + f.Shorthand + ", " + s
		}
		if name != "" {
			s += " " + name
		}
		usage = strings.ReplaceAll(usage, "\n", " ")
		switch f.DefValue {
		case "", "false", "[]", "0", "0s":
		default:
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		out = append(out, flagLine{s, usage})
	})
	return out
}

// commandsMarkdown is docs/commands.md: every command with its help, its flags and examples.
func commandsMarkdown(root *cobra.Command) []byte {
	var b bytes.Buffer
	b.WriteString("# Commands\n\n<!-- Written by `zonecast docs --dir docs`; edit the help of the commands instead. -->\n\n")
	fmt.Fprintf(&b, "%s\n\n", root.Long)
	for _, c := range visible(root) {
		fmt.Fprintf(&b, "- [`%s`](#%s): %s\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
	}
	b.WriteString("\n## Flags of all commands\n\n")
	markdownFlags(&b, root.PersistentFlags())
	b.WriteString(`
## Exit codes

| code | meaning |
| --- | --- |
| 0 | nothing to do, or all of it done |
| 1 | something is wrong; nothing was written, unless the output says so |
| 2 | there are changes (` + "`plan --detailed-exitcode`, `drift`, `compare`" + `) |
| 3 | a guard holds a plan; nothing was written to the targets that it holds |
| 4 | some targets are written and others are not, or could not be seen to be |
`)
	for _, c := range visible(root) {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n```\n%s\n```\n", c.CommandPath(), c.Short, strings.TrimSuffix(c.UseLine(), " [flags]"))
		if c.Long != "" {
			fmt.Fprintf(&b, "\n%s\n", c.Long)
		}
		if c.LocalNonPersistentFlags().HasAvailableFlags() && len(flagLines(c.LocalNonPersistentFlags())) > 0 {
			b.WriteByte('\n')
			markdownFlags(&b, c.LocalNonPersistentFlags())
		}
		if c.Example != "" {
			fmt.Fprintf(&b, "\n```sh\n%s\n```\n", unindent(c.Example))
		}
	}
	return b.Bytes()
}

func markdownFlags(b *bytes.Buffer, fs *pflag.FlagSet) {
	b.WriteString("| flag | meaning |\n| --- | --- |\n")
	for _, f := range flagLines(fs) {
		fmt.Fprintf(b, "| `%s` | %s |\n", f.spelling, strings.ReplaceAll(f.usage, "|", `\|`))
	}
}

func unindent(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Join(lines, "\n")
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage is the page of one command, for man(1). It carries no date, so that the same source
// gives the same bytes.
func manPage(c *cobra.Command) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"zonecast\" \"zonecast\"\n", roff(strings.ToUpper(manName(c))))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(manName(c)), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(strings.TrimSuffix(c.UseLine(), " [flags]")))
	if c.Long != "" {
		b.WriteString(".SH DESCRIPTION\n")
		for i, par := range strings.Split(c.Long, "\n\n") {
			if i > 0 {
				b.WriteString(".PP\n")
			}
			if strings.HasPrefix(par, " ") {
				fmt.Fprintf(&b, ".nf\n%s\n.fi\n", roff(par))
				continue
			}
			fmt.Fprintf(&b, "%s\n", roff(par))
		}
	}
	options := func(title string, fs *pflag.FlagSet) {
		if lines := flagLines(fs); len(lines) > 0 {
			fmt.Fprintf(&b, ".SH %s\n", title)
			for _, f := range lines {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(f.spelling), roff(f.usage))
			}
		}
	}
	options("OPTIONS", c.LocalNonPersistentFlags())
	options("OPTIONS OF ALL COMMANDS", c.Root().PersistentFlags())
	if c.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(unindent(c.Example)))
	}
	if c.HasParent() || len(visible(c)) > 0 {
		b.WriteString(".SH SEE ALSO\n")
		var also []string
		if c.HasParent() {
			also = append(also, manName(c.Parent()))
		}
		for _, sub := range c.Commands() {
			if !sub.Hidden && sub.Name() != "help" {
				also = append(also, manName(sub))
			}
		}
		for i, name := range also {
			comma := ","
			if i == len(also)-1 {
				comma = ""
			}
			fmt.Fprintf(&b, ".BR %s (1)%s\n", roff(name), comma)
		}
	}
	return b.Bytes()
}

// roff escapes text for the typesetter: backslashes, hyphens that are typed, and dots and quotes
// at the beginning of lines.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
