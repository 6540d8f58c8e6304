//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"context"
	"encoding/binary"
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

func TestQuickTransfers(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("two processors are needed")
	}
	var out, log bytes.Buffer
	args := []string{"-quick", "-json", "-dir", t.TempDir(), "-servers", "zonecast|knot", "-only", "AXFR"}
	if code := run(context.Background(), args, &out, &log); code != 0 {
		t.Fatalf("exit code %d\n%s", code, log.String())
	}
	var rows []Row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v, want 2", len(rows), err)
	}
	for _, r := range rows {
		if r.Server != "zonecast" && strings.Contains(r.Error, errMissing.Error()) {
			continue
		}
		f := r.Transfer
		if r.Error != "" || f == nil || f.Records != 10_006 || f.Octets < 10_006*16 || f.Rate <= 0 || f.CPU <= 0 || r.Memory <= 0 {
			t.Errorf("%+v, %+v", r, f)
		}
		if r.Result != "" {
			t.Errorf("%s: %q: the target is for the whole zone", r.Server, r.Result)
		}
	}
}

func TestQuickUpdates(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("two processors are needed")
	}
	var out, log bytes.Buffer
	args := []string{"-quick", "-json", "-dir", t.TempDir(), "-servers", "zonecast|knot|bind", "-only", "UPDATE"}
	if code := run(context.Background(), args, &out, &log); code != 0 {
		t.Fatalf("exit code %d\n%s", code, log.String())
	}
	var rows []Row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v, want 3", len(rows), err)
	}
	for _, r := range rows {
		if r.Server != "zonecast" && strings.Contains(r.Error, errMissing.Error()) {
			continue
		}
		u := r.Update
		if r.Error != "" || u == nil || u.Count < 5 || u.Median <= 0 || u.P99 < u.Median || u.CPU <= 0 || r.Memory <= 0 {
			t.Errorf("%+v, %+v", r, u)
		}
	}
}

func TestTransferTarget(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rate float64
		want string
	}{{3.0e6, "ok"}, {2.99e6, "MISSED"}} {
		rows := []Row{
			{Work: transferName, Server: "zonecast", Transfer: &Transfer{Rate: c.rate}},
			{Work: transferName, Server: "knot", Transfer: &Transfer{Rate: 2e6}},
		}
		rows[0].judgeTransfer(rows, transferNames)
		if rows[0].Result != c.want || rows[0].Ratios["knot"] != c.rate/2e6 {
			t.Errorf("%.0f: %q, %v, want %q", c.rate, rows[0].Result, rows[0].Ratios, c.want)
		}
		var out strings.Builder
		printTable(&out, rows)
		if want := "≥ 3.0M records/s: " + c.want; !strings.Contains(out.String(), want) {
			t.Errorf("%.0f: the table does not say %q:\n%s", c.rate, want, out.String())
		}
	}
}

// What ends too early, with another record, or with an error is no transfer.
func TestReadTransfer(t *testing.T) {
	t.Parallel()
	const (
		head = "\x00\x00\x84\x00\x00\x01\x00\x02\x00\x00\x00\x00\x01x\x00\x00\xfc\x00\x01"
		soa  = "\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x00\x00\x02so"
		addr = "\x01n\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04addr"
	)
	refused := "\x00\x00\x84\x05" + head[4:] + soa + addr
	for _, c := range []struct {
		name     string
		messages []string
		want     int
		good     bool
	}{
		{"whole", []string{head + soa + addr, head + addr + soa}, 4, true},
		{"another record last", []string{head + soa + addr, head + soa + addr}, 4, false},
		{"too many", []string{head + soa + addr, head + addr + soa}, 3, false},
		{"too few", []string{head + soa + addr}, 4, false},
		{"cut", []string{head + soa + addr, head + addr + soa[:4]}, 4, false},
		{"refused", []string{refused, head + addr + soa}, 4, false},
		{"short", []string{"\x00\x00\x84"}, 4, false},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, m := range c.messages {
			n, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...))
			if err != nil {
				t.Fatal(err)
			}
			size += n
		}
		_ = w.Close()
		f := fetcher{want: c.want, buf: make([]byte, 1<<17)}
		octets, err := f.read(int(r.Fd()))
		_ = r.Close()
		if (err == nil) != c.good || c.good && octets != int64(size) {
			t.Errorf("%s: %d octets of %d, error %v, want success %v", c.name, octets, size, err, c.good)
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
