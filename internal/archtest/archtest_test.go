package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestImports holds the tree against the rules.
func TestImports(t *testing.T) {
	t.Parallel()
	pkgs := list(t)
	if len(pkgs) < 5 {
		t.Fatalf("go list found %d packages in the module; it cannot be that few", len(pkgs))
	}
	for _, v := range violations(pkgs) {
		t.Error(v)
	}
}

// list asks go list for the packages of the module, broken ones included: what
// does not compile has imports all the same.
func list(t *testing.T) []pkg {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	touch(t, root)
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatalf("output of go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// touch looks into every folder, so that go test does not take a cached result
// for a tree that has changed: it notes what this process opens, and knows
// nothing of what go list reads.
func touch(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // a temporary file of another test
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == ".git" || e.Name() == "node_modules" || e.Name() == "bin"):
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	const miekg = "github.com/miekg/dns"
	for _, c := range []struct {
		name     string
		from, to string
		test     bool
		want     string // part of the complaint; "" when the import is fine
	}{
		{name: "down the order", from: "plan", to: "zone"},
		{name: "up the order", from: "zone", to: "plan", want: "plan stands after zone"},
		{name: "up the order in a test", from: "zone/zonefile", to: "plan/view", test: true, want: "zone/zonefile imports in a test ./plan/view"},
		{name: "inside one room", from: "zone", to: "zone/rdata"},
		{name: "the reason is told", from: "apply", to: "store/sqlite", want: "none of them knows that databases exist"},
		{name: "contract to adapter", from: "provider", to: "providers/route53", want: "must not lean on one of its implementations"},
		{name: "adapter to contract", from: "providers/route53", to: "provider/httpkit"},
		{name: "adapter to adapter", from: "providers/route53", to: "providers/powerdns", want: "must not lean on another one"},
		{name: "adapter to a similar name", from: "providers/ns1", to: "providers/ns1b", want: "must not lean on another one"},
		{name: "adapter to its own parts", from: "providers/route53", to: "providers/route53/internal/sign"},
		{name: "adapter's own test package", from: "providers/route53", to: "providers/route53", test: true},
		{name: "adapter to plan", from: "providers/route53", to: "plan", want: "plan stands after providers"},
		{name: "adapter's test to plan", from: "providers/route53", to: "plan", test: true, want: "plan stands after providers"},
		{name: "adapter to store", from: "providers/route53", to: "store", want: "store stands after providers"},
		{name: "adapter's test to the suite", from: "providers/route53", to: "conformance", test: true},
		{name: "adapter's test to the sandbox", from: "providers/route53", to: "sandbox/route53", test: true},
		{name: "adapter to the suite", from: "providers/route53", to: "conformance", want: "conformance stands after providers"},
		{name: "command to everything", from: "cmd/zonecast", to: "sandbox"},
		{name: "command to adapter", from: "cmd/zonecast", to: "providers/route53"},
		{name: "room to command", from: "control", to: "cmd/zonecast", want: "imported by nobody"},
		{name: "anyone to internal", from: "finding", to: "internal/term"},
		{name: "internal to finding", from: "internal/term", to: "finding"},
		{name: "internal to provider", from: "internal/term", to: "provider", want: "no domain knowledge"},
		{name: "test to what is for tests", from: "providers/route53", to: "internal/patience", test: true},
		{name: "test of a command to what is for tests", from: "cmd/zonecast", to: "internal/testserver", test: true},
		{name: "room to what is for tests", from: "nameserver/xfr", to: "internal/dnstest", want: "made for tests"},
		{name: "command to what is for tests", from: "cmd/zonecast", to: "internal/patience", want: "made for tests"},
		{name: "what is for tests to its like", from: "internal/dnstest", to: "internal/testserver"},
		{name: "what is for tests to wire", from: "internal/dnstest", to: "wire"},
		{name: "what is for tests to a room it is not given", from: "internal/dnstest", to: "nameserver/xfr", want: "no domain knowledge"},
		{name: "internal to wire", from: "internal/patience", to: "wire", want: "no domain knowledge"},
		{name: "miekg in what judges", from: "internal/dnstest", to: miekg},
		{name: "testserver to zone", from: "internal/testserver", to: "zone", want: "another implementation"},
		{name: "unknown room", from: "util", to: "zone", want: "util is not a room"},
		{name: "to an unknown room", from: "zone", to: "common", want: "common is not a room"},
		{name: "standard library", from: "finding", to: "net/http"},
		{name: "miekg in rdata", from: "zone/rdata", to: miekg},
		{name: "miekg in wire", from: "wire", to: miekg},
		{name: "miekg in a test", from: "plan", to: miekg, test: true},
		{name: "miekg elsewhere", from: "zone", to: miekg, want: "zone/rdata, wire and tests only"},
		{name: "part of miekg elsewhere", from: "providers/rfc2136", to: miekg + "/dnsutil", want: "zone/rdata, wire and tests only"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := pkg{ImportPath: module + "/" + c.from}
			to := c.to
			if first, _, _ := strings.Cut(to, "/"); !strings.Contains(first, ".") && first != "net" {
				to = module + "/" + to
			}
			if c.test {
				p.XTestImports = []string{to}
			} else {
				p.Imports = []string{to}
			}
			got := strings.Join(violations([]pkg{p}), "\n")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("%s → %s: got %q, want %q in it", c.from, c.to, got, c.want)
			}
		})
	}
}

// TestLinterHasTheSameRooms keeps depguard's rules from being forgotten when a
// room is added here.
func TestLinterHasTheSameRooms(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rooms {
		if i == len(rooms)-1 {
			continue // nothing stands after the last one
		}
		if want := "        room-" + r.name + ":\n"; !strings.Contains(string(b), want) {
			t.Errorf(".golangci.yml has no depguard rule %q", strings.TrimSpace(want))
		}
	}
	for name := range forTests {
		if want := "            - pkg: " + module + "/" + name + "\n              desc: it is made for tests"; !strings.Contains(string(b), want) {
			t.Errorf(".golangci.yml does not keep %s from what is no test", name)
		}
	}
}
