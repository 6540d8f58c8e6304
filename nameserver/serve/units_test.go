package serve_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const units = "../../packaging/systemd"

// The page shows the units that are installed.
func TestUnitsAreThoseOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/nameserver.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"zonecast-nameserver.service", "zonecast-nameserver.socket"} {
		unit, err := os.ReadFile(filepath.Join(units, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), "```ini\n"+string(unit)+"```\n") {
			t.Errorf("docs/nameserver.md does not show %s as it is in packaging/systemd; make them alike", name)
		}
	}
}

// TestUnits lets systemd judge them.
func TestUnits(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	dir := t.TempDir()
	var paths []string
	for _, name := range []string{"zonecast-nameserver.service", "zonecast-nameserver.socket"} {
		unit, err := os.ReadFile(filepath.Join(units, name))
		if err != nil {
			t.Fatal(err)
		}
		// The program need not be installed for this.
		unit = regexp.MustCompile(`(?m)^ExecStart=\S+`).ReplaceAll(unit, []byte("ExecStart=/bin/true"))
		paths = append(paths, filepath.Join(dir, name))
		if err := os.WriteFile(paths[len(paths)-1], unit, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", append([]string{"verify", "--man=no"}, paths...)...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "zonecast") { // others are of this machine
			t.Errorf("%s", line)
		}
	}
	if err != nil && len(out) == 0 {
		t.Errorf("verify: %v", err)
	}
	out, err = exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--no-pager", paths[0]).Output()
	if err != nil {
		t.Skipf("systemd-analyze cannot judge the security of a file: %v", err)
	}
	level := regexp.MustCompile(`exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
	if level == nil {
		t.Fatalf("no level in\n%s", out)
	}
	if v, err := strconv.ParseFloat(string(level[1]), 64); err != nil || v > 2 {
		t.Errorf("exposure level %s, want at most 2.0\n%s", level[1], out)
	}
}
