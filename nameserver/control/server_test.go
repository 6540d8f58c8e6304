//go:build unix

package control_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

// nothing is a backend without zones.
var nothing = shown{
	List: func() []held.Info { return nil }, Find: func(zone.Name) (*zone.Zone, string) { return nil, "" },
}

func TestSocketFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "run", "s") // the folder is made
	listen := func(u *control.Unix) (*control.Server, error) {
		return control.Listen(control.Options{Backend: nothing}, u, nil)
	}
	s, err := listen(&control.Unix{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Type() != fs.ModeSocket || st.Mode().Perm() != 0o660 || s.Socket() != path {
		t.Errorf("socket: %v %v", st, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("beside the socket there is %v %v", left, err)
	}
	// Somebody answers: it is not taken away.
	if _, err := listen(&control.Unix{Path: path}); err == nil || !strings.Contains(err.Error(), "another name server answers there") {
		t.Errorf("a second server at the socket of a running one: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close the socket is there: %v", err)
	}
	// A file that a killed server has left is replaced.
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()
	if s, err = listen(&control.Unix{Path: path, Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v %v", st, err)
	}
	// A socket that is another server's by now is not taken away.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other, err := listen(&control.Unix{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the other server's socket is gone: %v", err)
	}
	_ = other.Close()
	// What is no socket stays.
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(&control.Unix{Path: path}); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file at the socket's path: %v", err)
	}
	for _, u := range []*control.Unix{{Path: filepath.Join(dir, "s"), Group: "no-group-of-this-name"}, {Path: filepath.Join(dir, "s"), Owner: "no-user-of-this-name"}} {
		if _, err := listen(u); err == nil {
			t.Errorf("%+v gave no error", u)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%+v left %v", u, left)
		}
	}
	if _, err := control.Listen(control.Options{Backend: nothing}, nil, nil); err == nil {
		t.Error("without any way in there was no error")
	}
}

func TestSocketOwner(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	path := filepath.Join(t.TempDir(), "s")
	s, err := control.Listen(control.Options{Backend: nothing}, &control.Unix{Path: path, Owner: "65533", Group: "65532"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); !ok || sys.Uid != 65533 || sys.Gid != 65532 {
		t.Errorf("socket is of %+v, want 65533 and 65532", st.Sys())
	}
}

// otherVar makes the test's binary a client of another user.
const otherVar = "ZONECAST_TEST_OTHER_USER"

func TestMain(m *testing.M) {
	if path := os.Getenv(otherVar); path != "" {
		resp, err := (&http.Client{Transport: api.UnixTransport(path), Timeout: patience.Limit}).Get(api.UnixBase + "/status")
		if err != nil {
			fmt.Println(err)
		} else {
			b, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			fmt.Println(resp.Status, string(b))
		}
		return
	}
	if dir := os.Getenv(crashDirVar); dir != "" {
		if err := crashing(dir, os.Getenv(crashAtVar)); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestOtherUser knocks at the socket as another user.
func TestOtherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("only root can be another user")
	}
	dir, err := os.MkdirTemp("", "control") //nolint:usetesting // others may not enter the folder of a test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	binary := filepath.Join(dir, "test")
	b, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), os.WriteFile(binary, b, 0o755), os.Chmod(binary, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	as := func(path string, uid uint32) string {
		cmd := exec.CommandContext(t.Context(), binary)
		cmd.Env = append(os.Environ(), otherVar+"="+path)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Skipf("%v: %s", err, out)
		}
		return string(out)
	}
	serve := func(name string, u control.Unix) string {
		u.Path = filepath.Join(dir, name)
		c, err := control.Listen(control.Options{Backend: nothing}, &u, nil)
		if err != nil {
			t.Fatal(err)
		}
		running(t, c, func() {})
		return u.Path
	}
	if out := as(serve("closed", control.Unix{}), 65533); !strings.Contains(out, "permission denied") {
		t.Errorf("another user at a socket that is not its own: %s", out)
	}
	if out := as(serve("owned", control.Unix{Owner: "65533"}), 65533); !strings.Contains(out, `"name":"user 65533"`) {
		t.Errorf("another user at a socket of its own: %s", out)
	}
	rules := serve("open", control.Unix{Mode: 0o666, Clients: []control.Client{{Who: []string{"0"}}, {Who: []string{"%65531"}, ReadOnly: true}}})
	if out := as(rules, 65533); !strings.Contains(out, "403") || !strings.Contains(out, `"kind":"denied"`) {
		t.Errorf("another user that no rule names: %s", out)
	}
	if out := as(rules, 65531); !strings.Contains(out, `"readOnly":true`) {
		t.Errorf("another user of a group that a rule names: %s", out)
	}
	if u, err := user.LookupId("65534"); err == nil {
		if out := as(serve("nobody", control.Unix{Owner: u.Username}), 65534); !strings.Contains(out, `"name":"user `+u.Username) {
			t.Errorf("user %s: %s", u.Username, out)
		}
	}
}

// raw opens a connection to the socket.
func (s *server) raw() net.Conn {
	s.t.Helper()
	var d net.Dialer
	c, err := d.DialContext(s.t.Context(), "unix", s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

const half = "PATCH /v1/zones/example.org./records HTTP/1.1\r\nHost: x\r\nIf-Match: *\r\nContent-Length: 1000\r\n\r\n" + `{"rrsets":[{"owner":"www.example.org.",`

// TestHalfABody sends half a request and leaves, or stays and says nothing more.
func TestHalfABody(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *control.Options, _ *control.Unix) { o.Limits.Stall = 2 * time.Second })
	before := s.zone("example.org.")
	c := s.raw()
	if _, err := io.WriteString(c, half); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil) // the server does not wait for ever
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(b), "did not arrive whole") {
		t.Errorf("half a body: %s %s", resp.Status, b)
	}
	c = s.raw()
	if _, err := io.WriteString(c, half); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	patience.Receive(t, "the entry of the first half", s.told)
	if e := patience.Receive(t, "the entry of the second half", s.told); e.Err == nil {
		t.Errorf("the second half: %+v", e)
	}
	if !s.zone("example.org.").Equal(before) {
		t.Error("half a request has changed the zone")
	}
	var st api.Status
	s.json(&st, "GET", "/status", "")
}

func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *control.Options, _ *control.Unix) { o.Limits.Body = 100 })
	s.refuses(api.TooLarge, "PATCH", "/zones/example.org./records", strings.Repeat(" ", 101), "If-Match", "*")
	// Without a length in front.
	req, err := http.NewRequestWithContext(t.Context(), "PATCH", api.UnixBase+"/zones/example.org./records", io.MultiReader(strings.NewReader(strings.Repeat(" ", 101))))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body in chunks: %s", resp.Status)
	}
}

// TestBodiesTogether has several bodies that are too much only together.
func TestBodiesTogether(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *control.Options, _ *control.Unix) { o.Limits.Body, o.Limits.Bodies = 100_000, 150_000 })
	body, feed := io.Pipe()
	first := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		req, err := http.NewRequestWithContext(ctx, "PATCH", api.UnixBase+"/zones/example.org./records", body)
		if err == nil {
			req.Header.Set("If-Match", "*")
			var resp *http.Response
			if resp, err = s.client.Do(req); err == nil {
				err = resp.Body.Close()
			}
		}
		first <- err
	}()
	t.Cleanup(func() { _ = feed.Close() })
	if _, err := feed.Write(bytes.Repeat([]byte(" "), 90_000)); err != nil {
		t.Fatal(err)
	}
	second := func() string {
		a := s.do("PATCH", "/zones/example.org./records", strings.Repeat(" ", 90_000), "If-Match", "*")
		return a.problem(t).Kind
	}
	await := func(want string) {
		t.Helper()
		patience.Until(t, "the second body is "+want, func() (any, bool) { // until the server has read, or has seen the client go
			got := second()
			return got, got == want
		})
	}
	await(api.Busy)
	cancel()
	_ = feed.CloseWithError(errors.New("the client goes"))
	if err := patience.Receive(t, "the end of the first request", first); err == nil {
		t.Error("the first request was answered though its client has gone")
	}
	await(api.Malformed) // nothing but blanks
}

// TestBusy has more writes at once than there is room for.
func TestBusy(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *control.Options, _ *control.Unix) { o.Limits.Writes = 1 })
	began, release := make(chan bool, 2), make(chan bool)
	s.publish = func(*zone.Zone) { began <- true; <-release }
	first := make(chan answer)
	go func() {
		first <- s.do("PATCH", "/zones/example.net./records", `{"rrsets":[{"owner":"www.example.net.","type":"A","ttl":60,"data":[]}]}`, "If-Match", "*")
	}()
	patience.Receive(t, "the beginning of the first", began)
	p := s.do("PATCH", "/zones/example.org./records", `{"rrsets":[]}`, "If-Match", "*")
	if p.problem(t).Kind != api.Busy || p.status != http.StatusTooManyRequests || p.header.Get("Retry-After") == "" {
		t.Errorf("one write too many: %+v", p)
	}
	close(release)
	if a := patience.Receive(t, "the answer to the first write", first); a.status != 200 {
		t.Errorf("the first write: %+v", a)
	}
}

// TestClientGone carries out what has arrived whole.
func TestClientGone(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	began, release := make(chan bool), make(chan bool)
	s.publish = func(*zone.Zone) { began <- true; <-release }
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "PATCH", api.UnixBase+"/zones/example.org./records", strings.NewReader(`{"rrsets":[{"owner":"www.example.org.","type":"A","ttl":60,"data":[]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("If-Match", "*")
	ended := make(chan error)
	go func() {
		resp, err := s.client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		ended <- err
	}()
	patience.Receive(t, "the beginning of the first", began)
	cancel()
	if err := patience.Receive(t, "the end of the request", ended); !errors.Is(err, context.Canceled) {
		t.Errorf("the client: %v", err)
	}
	close(release)
	if e := patience.Receive(t, "the entry of the write", s.told); e.Err != nil || e.After != 2 || s.zone("example.org.").Has(zone.MustName("www.example.org.")) {
		t.Errorf("after the client had gone: %+v", e)
	}
}

// TestConnections has more connections than there is room for: idle ones make some.
func TestConnections(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *control.Options, _ *control.Unix) { o.Limits.Connections = 2 })
	for range 20 {
		c := s.raw()
		if _, err := io.WriteString(c, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s %v", resp.Status, err)
		}
		_ = resp.Body.Close() // and the connection stays
	}
}

// TestSilentConnections has strangers hold all the room that there is and say nothing.
func TestSilentConnections(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *control.Options, _ *control.Unix) { o.Limits.Connections = 4 })
	for i := range 22 {
		c := s.raw()
		if i%2 == 0 {
			if _, err := io.WriteString(c, "GET /v1/st"); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := s.raw()
	_ = c.SetDeadline(time.Now().Add(45 * time.Second)) // each of them has 10 s, so that ours would wait for 50 s
	if _, err := io.WriteString(c, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		t.Errorf("%s, want 200", resp.Status)
	}
	_ = resp.Body.Close()
}

// TestFault lets a request end in a panic.
func TestFault(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *control.Options, _ *control.Unix) {
		o.Notify = func(zone.Name) error { panic("a fault") }
		o.Counters = func() map[string]uint64 { panic("another") }
	})
	if p := s.refuses(api.Failed, "POST", "/zones/example.org./notify", ""); !strings.Contains(p.Detail, "a fault") {
		t.Errorf("%+v", p)
	}
	s.refuses(api.Failed, "GET", "/status", "")
	if e := s.entries(); len(e) != 1 || e[0].Err == nil {
		t.Errorf("log %+v", e)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	began, release := make(chan bool), make(chan bool)
	c, err := control.Listen(control.Options{Backend: nothing, Reload: func(context.Context) (api.Reload, error) {
		began <- true
		<-release
		return api.Reload{Zones: 7}, nil
	}}, &control.Unix{Path: path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	got := make(chan string, 1)
	go func() {
		resp, err := (&http.Client{Transport: api.UnixTransport(path), Timeout: patience.Limit}).Post(api.UnixBase+"/reload", "", nil)
		if err != nil {
			got <- err.Error()
			return
		}
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		got <- string(b)
	}()
	patience.Receive(t, "the beginning of the first", began)
	cancel()
	close(release)
	if text := patience.Receive(t, "the answer to what was under way", got); !strings.Contains(text, `"zones":7`) {
		t.Errorf("what was under way got %s", text)
	}
	if err := patience.Receive(t, "the end of the server", ended); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}
