package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// A build is what is known of how the binary was made.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"` // of the revision
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// thisBuild joins what the linker was told with what Go recorded.
func thisBuild() build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; b.Version == "unknown" && v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		GroupID: "look",
		Short:   "Print the version, its revision and the Go that built it",
		Example: `  zonecast version
  zonecast version --json`,
		Args: atMost(0),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if a.json {
				return a.printJSON(b)
			}
			fmt.Fprintf(a.stdout, "zonecast %s\n", b.Version)
			if b.Revision != "" {
				state := ""
				if b.Modified {
					state = ", with changes of its own"
				}
				fmt.Fprintf(a.stdout, "revision %s of %s%s\n", b.Revision, b.Time, state)
			}
			fmt.Fprintf(a.stdout, "%s %s\n", b.Go, b.Platform)
			return nil
		},
	}
}
