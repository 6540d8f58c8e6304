package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/sandbox"
)

// TestDemo runs what "make run" runs. The script itself demands the exit code of each command. Real
// servers that are not installed take no part in it, where ZONECAST_SKIP_SERVERS=1 allows that.
func TestDemo(t *testing.T) {
	t.Parallel()
	kinds := sandbox.Available()
	if len(kinds) < len(sandbox.Kinds()) && os.Getenv("ZONECAST_SKIP_SERVERS") != "1" {
		t.Fatalf("of %v only %v can run here; run scripts/setup-debian, or set ZONECAST_SKIP_SERVERS=1 to do without the others", sandbox.Kinds(), kinds)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../scripts/demo", "--base-port", "15000")
	cmd.Env = append(os.Environ(), "ZONECAST="+filepath.Join(binary, "zonecast"), "DEMO_DIR="+filepath.Join(t.TempDir(), "demo"))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	// Seven kinds of provider and the folder of files: all are written once, and all but the one
	// with the outage twice.
	got := map[string]int{}
	for line := range strings.Lines(out.String()) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "done" && strings.HasSuffix(f[0], "/example.com.") {
			got[strings.TrimSuffix(f[0], "/example.com.")]++
		}
	}
	want := map[string]int{}
	for _, name := range kinds {
		want[name] = 4 // created, apex NS, the change, the rollback
	}
	want["files"] = 5 // and the repair
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("writes by provider (-want +got):\n%s\n%s", d, &out)
	}
}
