package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/nameserver/control"
	zones "github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

const controlledZone = `@ 3600 SOA ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300
@ 3600 NS ns1.example.net.
www 300 A 192.0.2.1
www 300 AAAA 2001:db8::1
txt 300 TXT "a b" "c;d"
`

// controlledServer is a name server with three zones and its control socket.
func controlledServer(t *testing.T) (socket string) {
	t.Helper()
	s := controlledAt(t, nil)
	return s.Socket()
}

// controlledAt is one that can be reached over TLS, too, unless over is nil.
func controlledAt(t *testing.T, over *control.TLS) *control.Server {
	t.Helper()
	dir := t.TempDir()
	db, err := journal.Open(t.Context(), filepath.Join(dir, "zones.db"))
	if err != nil {
		t.Fatal(err)
	}
	parse := func(origin string) *zone.Zone {
		res, err := zonefile.Parse([]byte(controlledZone), zonefile.Options{Origin: zone.MustName(origin), HasOrigin: true})
		if err != nil {
			t.Fatal(err)
		}
		return res.Zone
	}
	secondary := zone.MustName("example.net.")
	ours := &zones.Zones{
		DB: db, Publish: func(*zone.Zone) error { return nil }, Withdraw: func(zone.Name) {},
		Now: func() time.Time { return time.Date(2026, 11, 21, 9, 30, 0, 0, time.Local) },
		Other: func(origin zone.Name) (*zone.Zone, string) {
			if origin == secondary {
				return parse("example.net."), zones.Secondary
			}
			return nil, ""
		},
		Others: func() []zones.Info { return []zones.Info{zones.InfoOf(parse("example.net."), zones.Secondary)} },
	}
	ctx := zones.WithActor(t.Context(), "control by user alice")
	if _, err := ours.Create(ctx, parse("example.org.")); err != nil {
		t.Fatal(err)
	}
	z, info, _ := ours.Zone(zone.MustName("example.org."))
	www, _ := z.Set(zone.MustName("www.example.org."), zone.TypeAAAA)
	if _, err := ours.Change(ctx, z.Origin(), info.Revision, []zone.Change{{Before: &www}}); err != nil {
		t.Fatal(err)
	}
	s, err := control.Listen(control.Options{
		Backend: ours, Version: "1.2.3", Versions: ours.Versions, Restore: ours.Restore,
		Transfer: func(origin zone.Name) (xfr.Status, bool) {
			return xfr.Status{Loaded: true, From: "192.0.2.53:53", Err: errors.New("192.0.2.53:53: connection refused")}, origin == secondary
		},
		Reload: func(context.Context) (api.Reload, error) {
			return api.Reload{Zones: 2, Changed: 1, Broken: 1, Findings: []string{"zones/b.zone:3:1: error: no TTL"}}, nil
		},
		Refresh: func(origin zone.Name) error {
			if origin != secondary {
				return errors.New("zone " + origin.String() + " is no secondary zone")
			}
			return nil
		},
	}, &control.Unix{Path: filepath.Join(dir, "control.sock")}, over)
	if err != nil {
		t.Fatal(err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = s.Run(run) })
	t.Cleanup(func() { cancel(); running.Wait(); _ = db.Close() })
	return s
}

// control runs a command of `zonecast nameserver`.
func runControl(t *testing.T, socket string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	a := newApp(strings.NewReader(""), &out, &errs)
	a.env = func(name string) (string, bool) {
		if name == api.SocketVar {
			return socket, socket != ""
		}
		return "", false
	}
	root := newRoot(a)
	parent, _, err := root.Find([]string{"nameserver"})
	if err != nil {
		t.Fatal(err)
	}
	if len(parent.Commands()) == 0 {
		parent.AddCommand(nameserverControlCommands(a)...)
	}
	root.SetArgs(append([]string{"nameserver"}, args...))
	root.SetOut(&out)
	root.SetErr(&errs)
	return a.failed(root.ExecuteContext(t.Context())), out.String(), errs.String()
}

func TestNameserverControl(t *testing.T) {
	t.Parallel()
	socket := controlledServer(t)
	var b strings.Builder
	for _, args := range [][]string{
		{"zones"},
		{"zones", "--kind", "secondary"},
		{"zones", "--kind", "primary", "--json"},
		{"zones", "--kind", "first"},
		{"status", "example.net", "example.org"},
		{"status", "example.com"},
		{"show", "example.org"},
		{"show", "example.org", "www", "@", "--type", "A", "--type", "NS"},
		{"show", "example.org", "txt", "--json"},
		{"show"},
		{"show", "example.com"},
		{"versions", "example.org"},
		{"restore", "example.org", "1"},
		{"show", "example.org", "www"},
		{"restore", "example.org", "7"},
		{"restore", "example.org", "seven"},
		{"restore", "example.net", "1"},
		{"reload"},
		{"reload", "--json"},
		{"refresh", "example.net"},
		{"refresh", "example.org"},
		{"refresh", "example.net", "--json"},
		{"refresh"},
		{"notify", "example.org"},
	} {
		code, stdout, stderr := runControl(t, socket, args...)
		b.WriteString("$ zonecast nameserver " + strings.Join(args, " ") + "\n" + stdout)
		for line := range strings.Lines(stderr) {
			b.WriteString("! " + line)
		}
		if code != 0 {
			b.WriteString("exit " + string(rune('0'+code)) + "\n")
		}
		b.WriteByte('\n')
	}
	golden(t, "nameserver_control.txt", b.String())

	code, stdout, stderr := runControl(t, socket, "versions", "example.org", "--json")
	for _, want := range []string{`"serial": 3`, `"by": "control by user alice"`, `serial 1 again"`, `"current": true`} {
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("versions exited %d, without %q:\n%s%s", code, want, stdout, stderr)
		}
	}
	code, stdout, stderr = runControl(t, socket, "status")
	for _, want := range []string{"version   1.2.3\n", "zones     2 (1 primary, 1 secondary)\n", "you       user "} {
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("status exited %d, without %q:\n%s%s", code, want, stdout, stderr)
		}
	}
}

func TestNameserverControlViews(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &controlled{app: newApp(strings.NewReader(""), &out, &out)}
	at := time.Date(2026, 11, 21, 10, 30, 0, 0, time.Local)
	c.writeStatus(&api.Status{
		Version: "1.2.3", Started: at, Uptime: 93784, Zones: map[string]int{"primary": 3, "file": 1200}, Addresses: []string{"192.0.2.53:53", "[2001:db8::53]:53"},
		Counters: map[string]uint64{"queries": 12345678, "answers": 12345670},
		Client:   api.Client{Name: "certificate ops.example.net (sha256:0123456789ab…)", ReadOnly: true, Zones: []zone.Name{zone.MustName("example.org.")}},
	})
	out.WriteByte('\n')
	for _, z := range []api.Zone{
		{Name: zone.MustName("a.example."), Kind: api.Secondary, Serial: 7, RRsets: 3, Revision: "abc", Transfer: &api.Transfer{Loaded: true, Expired: true, From: "192.0.2.1:53", Refreshed: at, Next: at.Add(time.Hour), Error: "no answer\x1b[31m"}},
		{Name: zone.MustName("b.example."), Kind: api.Secondary, Transfer: &api.Transfer{}},
		{Name: zone.MustName("c.example."), Kind: api.File, Serial: 1, RRsets: 9, Signed: true, Revision: "def"},
	} {
		c.writeZone(&z)
		out.WriteByte('\n')
	}
	for _, d := range []time.Duration{5 * time.Second, 65 * time.Second, 2*time.Hour + 3*time.Minute, 24 * time.Hour} {
		out.WriteString(long(d) + "\n")
	}
	golden(t, "nameserver_control_views.txt", out.String())
}

func TestNameserverControlUnreachable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ socket, want string }{
		{filepath.Join(dir, "none.sock"), "no name server has its control socket at " + dir},
		{file, "nobody answers at the control socket"},
	} {
		for _, args := range [][]string{{"status"}, {"reload"}, {"show", "example.org"}} {
			code, stdout, stderr := runControl(t, test.socket, args...)
			if code != exitError || stdout != "" || !strings.Contains(stderr, test.want) || !strings.Contains(stderr, "--socket FILE or $ZONECAST_NAMESERVER_SOCKET") {
				t.Errorf("%q at %s exited %d:\n%s%swant %q", args, test.socket, code, stdout, stderr, test.want)
			}
		}
	}
	// --socket comes before the environment, and that before the default.
	c := &controlled{app: newApp(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}), reached: reached{socket: "/flag"}}
	env := map[string]string{api.SocketVar: "/env"}
	c.env = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	for _, want := range []string{"/flag", "/env", api.DefaultSocket} {
		if got, err := c.way(); err != nil || got.where != want {
			t.Errorf("socket %+v, %v; want %s", got, err, want)
		}
		if c.socket == "" {
			delete(env, api.SocketVar)
		}
		c.socket = ""
	}
}
