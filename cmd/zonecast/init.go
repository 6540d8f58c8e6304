package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// demo is the project that init writes.
//
//go:embed demo
var demo embed.FS

func initCommand(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "init [DIR]",
		GroupID: "main",
		Short:   "Write a project to start from",
		Long: `Writes a small project into DIR (default: here): a configuration, one realistic zone,
and targets that are folders, so that everything can be tried without an account or a server.

Files that exist are left alone, and nothing is written then, unless --force.`,
		Example: `  zonecast init demo && cd demo && zonecast plan
  zonecast init --force`,
		Args: atMost(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return a.init(dir, force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "overwrite files that exist")
	return cmd
}

func (a *app) init(dir string, force bool) error {
	files, taken, err := demoFiles(dir)
	if err != nil {
		return err
	}
	if len(taken) > 0 && !force {
		return fmt.Errorf("%s already there; nothing was written\n  choose another folder, or overwrite with --force", strings.Join(taken, ", ")+map[bool]string{true: " is", false: " are"}[len(taken) == 1])
	}
	for _, name := range files {
		data, err := demo.ReadFile("demo/" + name)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
		a.say("wrote %s", path)
	}
	next := "zonecast plan"
	if filepath.Clean(dir) != "." {
		next = "cd " + dir + " && " + next
	}
	a.say("\nNext: %s", next)
	return nil
}

// demoFiles lists what init writes, and which of it exists in dir.
func demoFiles(dir string) (files, taken []string, err error) {
	err = fs.WalkDir(demo, "demo", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimPrefix(path, "demo/")
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
