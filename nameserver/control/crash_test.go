package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// crashDirVar makes the test's binary a name server with its store in a folder, and crashAtVar has it
// killed when a write is on disk and has not been answered: "publish" or "withdraw".
const (
	crashDirVar = "ZONECAST_TEST_CRASH_DIR"
	crashAtVar  = "ZONECAST_TEST_CRASH_AT"
)

// crashing is such a name server. It begins with two zones.
func crashing(dir, at string) error {
	ctx := context.Background()
	db, err := journal.Open(ctx, filepath.Join(dir, "zones.db"))
	if err != nil {
		return err
	}
	var armed atomic.Bool
	die := func(where string) {
		if armed.Load() && where == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	zones := &held.Zones{
		DB:       db,
		Publish:  func(*zone.Zone) error { die("publish"); return nil },
		Withdraw: func(zone.Name) { die("withdraw") },
	}
	if err := zones.Load(ctx); err != nil {
		return err
	}
	if first := filepath.Join(dir, "begun"); os.Mkdir(first, 0o700) == nil {
		for _, origin := range []string{"example.org.", "example.net."} {
			res, err := zonefile.Parse([]byte(text), zonefile.Options{Origin: zone.MustName(origin), HasOrigin: true})
			if err != nil {
				return err
			}
			if _, err := zones.Create(ctx, res.Zone); err != nil {
				return err
			}
		}
	}
	s, err := control.Listen(control.Options{Backend: zones, Versions: zones.Versions, Restore: zones.Restore, Recall: zones.Recall}, &control.Unix{Path: filepath.Join(dir, "s")}, nil)
	if err != nil {
		return err
	}
	armed.Store(true)
	fmt.Println("ready")
	return s.Run(ctx)
}

// A process is a name server of its own, with a client.
type process struct {
	*server
	cmd *exec.Cmd
}

func begin(t *testing.T, dir, at string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashDirVar+"="+dir, crashAtVar+"="+at)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("it says %q, %v", line, err)
	}
	transport := api.UnixTransport(filepath.Join(dir, "s"))
	p := &process{&server{t: t, client: &http.Client{Transport: transport, Timeout: patience.Limit}}, cmd}
	t.Cleanup(func() { transport.CloseIdleConnections(); p.kill() })
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// crash sends a request in which the process dies.
func (p *process) crash(method, path, body string, header ...string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, api.UnixBase+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if resp, err := p.client.Do(req); err == nil {
		p.t.Errorf("%s %s was answered with %s; the process was to die", method, path, resp.Status)
		_ = resp.Body.Close()
	}
	_ = p.cmd.Wait()
	if st, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || st.Signal() != syscall.SIGKILL {
		p.t.Errorf("the process ended by %v; it was to be killed", p.cmd.ProcessState)
	}
}

// A process is killed when a write is on disk and has not been answered. Who sends it again with the same
// key gets its answer, and nothing is done twice; who asks for something else is told so.
func TestAnswersOutliveTheProcess(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts processes")
	}
	const set = `{"rrsets":[{"owner":"www.example.org.","type":"A","ttl":60,"data":["192.0.2.2"]}]}`
	dir := dnstest.Folder(t)
	for _, c := range []struct {
		name, at, method, path, body, form string
		match                              string // zone whose revision is sent
		status                             int
		serial, before                     uint32
		anew                               string // problem of the same with a new key
	}{
		{"change", "publish", "PATCH", "/zones/example.org./records", set, api.JSON, "/zones/example.org.", 200, 2, 1, api.Moved},
		{"replace", "publish", "PUT", "/zones/example.org.", text + "ftp 60 A 192.0.2.9\n", api.ZoneFile, "/zones/example.org.", 200, 3, 2, api.Moved},
		{"restore", "publish", "POST", "/zones/example.org./restore", `{"serial":1}`, api.JSON, "/zones/example.org.", 200, 4, 3, api.Moved},
		{"create", "publish", "PUT", "/zones/new.example.", text, api.ZoneFile, "", 201, 1, 0, api.Exists},
		{"delete", "withdraw", "DELETE", "/zones/example.net.", "", "", "/zones/example.net.", 204, 0, 0, api.NoZone},
	} {
		p := begin(t, dir, c.at)
		header := []string{"Content-Type", c.form, "Idempotency-Key", c.name}
		if c.match != "" {
			header = append(header, "If-Match", p.do("GET", c.match, "").header.Get("ETag"))
		}
		p.crash(c.method, c.path, c.body, header...)

		again := begin(t, dir, "")
		for range 2 { // from the store, and from memory
			a := again.do(c.method, c.path, c.body, header...)
			var w api.Written
			if a.status != c.status || c.status != 204 && json.Unmarshal([]byte(a.body), &w) != nil {
				t.Fatalf("%s: again: %+v", c.name, a)
			}
			if w.Zone.Serial != c.serial || w.Before != c.before {
				t.Errorf("%s: again: serial %d after %d; want %d after %d", c.name, w.Zone.Serial, w.Before, c.serial, c.before)
			}
			if c.status != 204 {
				now := again.do("GET", strings.TrimSuffix(strings.TrimSuffix(c.path, "/records"), "/restore"), "")
				var z api.Zone
				if err := json.Unmarshal([]byte(now.body), &z); err != nil || z.Serial != c.serial || z.Revision != w.Zone.Revision || a.header.Get("ETag") != now.header.Get("ETag") {
					t.Errorf("%s: the zone is %s, the answer was %+v", c.name, now.body, w)
				}
			}
		}
		other := append([]string{"X", "y"}, header...)
		other[5] = c.name + "2"
		if got := again.do(c.method, c.path, c.body, other...).problem(t); got.Kind != c.anew {
			t.Errorf("%s: with a new key: %s, %s; want %s", c.name, got.Kind, got.Detail, c.anew)
		}
		again.kill()

		// Another request with the key of one that only the store knows.
		last := begin(t, dir, "")
		if got := last.do(c.method, c.path, c.body+" ", header...).problem(t); got.Kind != api.Malformed || !strings.Contains(got.Detail, "another request had this") {
			t.Errorf("%s: another request: %+v", c.name, got)
		}
		last.kill()
	}
}
