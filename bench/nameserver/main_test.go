//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// The benchmark starts itself as a server: here that is the test.
func TestMain(m *testing.M) {
	if task, ok := os.LookupEnv(childEnv); ok {
		if err := runChild(task); err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestQuick(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("two processors are needed")
	}
	var out, log bytes.Buffer
	args := []string{"-quick", "-json", "-dir", t.TempDir(), "-servers", "echo|zonecast", "-only", "EDNS|NXDOMAIN|signed", "-signed", "300"}
	if code := run(context.Background(), args, &out, &log); code != 0 {
		t.Fatalf("exit code %d\n%s", code, log.String())
	}
	var rows []Row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil || len(rows) != 10 {
		t.Fatalf("%d rows, %v, want 10", len(rows), err)
	}
	for _, r := range rows {
		if r.Error != "" || r.CPU <= 0 || r.Rate <= 0 || r.Memory <= 0 {
			t.Errorf("%+v", r)
		}
	}
}

// The command itself is started for these rows.
func TestQuickLoads(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("two processors are needed")
	}
	var out, log bytes.Buffer
	args := []string{"-quick", "-json", "-dir", t.TempDir(), "-servers", "zonecast", "-only", "load 1,000,000 names$|load 100,000 zones"}
	if code := run(context.Background(), args, &out, &log); code != 0 {
		t.Fatalf("exit code %d\n%s", code, log.String())
	}
	var rows []Row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v, want 2", len(rows), err)
	}
	for _, r := range rows {
		if r.Error != "" || r.Load <= 0 || r.Memory <= 0 || r.Start == nil || r.Start.CPU <= 0 || r.Start.Peak < r.Memory {
			t.Errorf("%+v", r)
		}
	}
}

// The signed zones are what a validator accepts, and all their answers have signatures.
func TestSignedZones(t *testing.T) {
	for _, denial := range []string{nsec, nsec3} {
		file, err := zoneFile(t.TempDir(), 50, denial)
		if err != nil {
			t.Fatal(err)
		}
		verify, err := exec.LookPath("ldns-verify-zone")
		if err != nil {
			t.Skip("ldns-verify-zone is not installed")
		}
		if out, err := exec.CommandContext(t.Context(), verify, file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", denial, err, out)
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	row := func(server string, cpu float64) Row {
		return Row{Work: "UDP, 1,000 names", Server: server, CPU: cpu, Rate: 1}
	}
	for _, c := range []struct {
		ours, echo, gdnsd float64
		want              string
	}{
		{2.8, 2.77, 2.84, "ok"},
		{2.9, 2.77, 2.84, "ok"}, // within the tolerance
		{3.1, 2.77, 2.84, "MISSED"},
		{3.1, 3.09, 2.84, "MISSED"},
		{2.8, 0, 0, ""}, // nobody to compare with
	} {
		rows := []Row{row("zonecast", c.ours)}
		if c.echo > 0 {
			rows = append(rows, row("echo", c.echo), row("gdnsd", c.gdnsd))
		}
		rows[0].judge(rows)
		if rows[0].Result != c.want {
			t.Errorf("%+v: %q, want %q", c, rows[0].Result, c.want)
		}
		var out strings.Builder
		printTable(&out, rows)
		if c.want != "" && !strings.Contains(out.String(), "≤ 1.04 × echo, ≤ 1.00 × gdnsd: "+c.want) {
			t.Errorf("%+v: the table does not say so:\n%s", c, out.String())
		}
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	q := queryFor(work{edns: true})
	ask(q, 1234567)
	want := "\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x08n1234567\x07example\x03org\x00\x00\x01\x00\x01\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
	if string(q) != want {
		t.Errorf("query %q, want %q", q, want)
	}
}
