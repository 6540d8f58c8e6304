package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/sandbox"
	"github.com/zonecast/zonecast/sandbox/azure"
	"github.com/zonecast/zonecast/sandbox/cloudflare"
	"github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/sandbox/route53"
)

// demos are the projects that init writes: demo, and demo-sandbox with --sandbox.
//
//go:embed demo demo-sandbox
var demos embed.FS

type initArgs struct {
	force    bool
	sandbox  bool
	basePort int
}

func initCommand(a *app) *cobra.Command {
	var args initArgs
	cmd := &cobra.Command{
		Use:     "init [DIR]",
		GroupID: "main",
		Short:   "Write a project to start from",
		Long: `Writes a small project into DIR (default: here): a configuration, one realistic zone,
and targets that are folders, so that everything can be tried without an account or a server.

With --sandbox the targets are providers that "zonecast sandbox" runs on this machine:
Route 53, Cloudflare, Azure DNS, Google Cloud DNS, and PowerDNS, BIND and Knot where they are
installed. Ports and credentials go to DIR/.sandbox.

Files that exist are left alone, and nothing is written then, unless --force.`,
		Example: `  zonecast init demo && cd demo && zonecast plan
  zonecast init demo --sandbox && cd demo && zonecast sandbox
  zonecast init --force`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, words []string) error {
			dir := "."
			if len(words) == 1 {
				dir = words[0]
			}
			if args.basePort != 0 && !args.sandbox {
				return &usageError{text: "--base-port is of the sandbox", fix: "give --sandbox too"}
			}
			return a.init(cmd.Context(), dir, args)
		},
	}
	cmd.Flags().BoolVar(&args.force, "force", false, "overwrite files that exist")
	cmd.Flags().BoolVar(&args.sandbox, "sandbox", false, "targets are providers that \"zonecast sandbox\" runs")
	cmd.Flags().IntVar(&args.basePort, "base-port", 0, "first of the sandbox's 21 ports (`PORT`); default: the first that are free from 8500 on")
	return cmd
}

func (a *app) init(ctx context.Context, dir string, args initArgs) error {
	name := "demo"
	var project sandbox.Project
	if args.sandbox {
		name = "demo-sandbox"
		project = sandbox.Project{BasePort: args.basePort, Kinds: sandbox.Available(), Zones: []string{"example.com."}}
		if project.BasePort == 0 {
			var err error
			if project.BasePort, err = sandbox.FreeBase(ctx, sandbox.DefaultBase); err != nil {
				return err
			}
		}
	}
	files, taken, err := demoFiles(name, dir)
	if err != nil {
		return err
	}
	if len(taken) > 0 && !args.force {
		return fmt.Errorf("%s already there; nothing was written\n  choose another folder, or overwrite with --force", strings.Join(taken, ", ")+map[bool]string{true: " is", false: " are"}[len(taken) == 1])
	}
	for _, file := range files {
		data, err := demos.ReadFile(name + "/" + file)
		if err != nil {
			return err
		}
		if args.sandbox && file == "zonecast.yaml" {
			if data, err = fill(data, project); err != nil {
				return err
			}
		}
		path := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
		a.say("wrote %s", path)
	}
	next := "zonecast plan"
	if args.sandbox {
		if err := sandbox.Prepare(filepath.Join(dir, sandboxDir), project); err != nil {
			return err
		}
		a.say("wrote %s", filepath.Join(dir, sandboxDir))
		next = "zonecast sandbox   (and in another terminal: zonecast plan)"
	}
	if filepath.Clean(dir) != "." {
		next = "cd " + dir + " && " + next
	}
	a.say("\nNext: %s", next)
	return nil
}

// A filling is what the configuration of a sandbox's project is filled with.
type filling struct{ sandbox.Project }

// Has reports whether a kind runs in the sandbox.
func (f filling) Has(kind string) bool { return slices.Contains(f.Kinds, kind) }

// Port is the port of a kind's API.
func (f filling) Port(kind string) string { return port(f.API(kind)) }

// DNSPort is the port of a kind's name servers.
func (f filling) DNSPort(kind string) string { return port(f.DNS(kind)) }

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

// Targets lists the providers of the configuration, as YAML.
func (f filling) Targets() string {
	return "[" + strings.Join(append(slices.Clone(f.Kinds), "files"), ", ") + "]"
}

// What the emulations accept.

func (filling) AWSKey() string            { return route53.DefaultKeyID }
func (filling) CloudflareAccount() string { return cloudflare.DefaultAccountID }
func (filling) AzureTenant() string       { return azure.DefaultTenant }
func (filling) AzureSubscription() string { return azure.DefaultSubscription }
func (filling) AzureGroup() string        { return azure.DefaultResourceGroup }
func (filling) AzureClient() string       { return azure.DefaultClientID }
func (filling) GoogleProject() string     { return google.DefaultProject }

func fill(data []byte, p sandbox.Project) ([]byte, error) {
	t, err := template.New("zonecast.yaml").Delims("[[", "]]").Parse(string(data))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, filling{p})
	return b.Bytes(), err
}

// demoFiles lists what init writes, and which of it exists in dir.
func demoFiles(demo, dir string) (files, taken []string, err error) {
	err = fs.WalkDir(demos, demo, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimPrefix(path, demo+"/")
		files = append(files, name)
		target := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Lstat(target); err == nil {
			taken = append(taken, target)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	return files, taken, err
}
