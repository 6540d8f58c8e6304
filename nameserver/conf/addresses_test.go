package conf_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/conf"
	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/socket"
)

// taken are two ports of loopback that others have: one over TCP, one over UDP.
func taken(t *testing.T) (tcp, udp int) {
	t.Helper()
	var lc net.ListenConfig
	tcp, udp = int(testserver.Port(t)), int(testserver.Port(t))
	l, err := lc.Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", tcp))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p, err := lc.ListenPacket(t.Context(), "udp", fmt.Sprintf("127.0.0.1:%d", udp))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return tcp, udp
}

func TestAddressesAreChecked(t *testing.T) {
	t.Parallel()
	tcp, udp := taken(t)
	metrics, _ := taken(t)
	sock := filepath.Join(t.TempDir(), "s")
	text := fmt.Sprintf(`listen:
  - 127.0.0.1:0
  - 198.51.100.99:5300
  - 127.0.0.1:%d
  - 127.0.0.1:%d
metrics: 127.0.0.1:%d
control:
  socket: %s
zones: [{folder: zones}]
`, tcp, udp, metrics, sock)
	c, fs := conf.Parse("/etc/zonecast/ns.yaml", []byte(text), nil)
	if c == nil {
		t.Fatal(fs)
	}
	got := func() []string {
		var out []string
		for _, f := range c.CheckAddresses(t.Context(), nil) {
			if f.Severity != finding.Warning || f.Fix == "" {
				t.Errorf("%v: want a warning that says what to do", f)
			}
			out = append(out, fmt.Sprintf("%d: %s", f.Place.Line, f.Text))
		}
		return out
	}
	missing := "3: this machine does not have address 198.51.100.99, where DNS is to be; the server would not start now"
	want := []string{
		missing,
		fmt.Sprintf("4: a program listens at 127.0.0.1:%d over TCP already, where DNS is to be", tcp),
		fmt.Sprintf("5: a program listens at 127.0.0.1:%d over UDP already, where DNS is to be", udp),
		fmt.Sprintf("6: a program listens at 127.0.0.1:%d over TCP already, where metrics is to be", metrics),
	}
	if list := got(); !slices.Equal(list, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(list, "\n"), strings.Join(want, "\n"))
	}

	// The server of this configuration runs: the ports are its own.
	s, err := control.Listen(control.Options{Backend: &held.Zones{}}, &control.Unix{Path: sock}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	if list := got(); !slices.Equal(list, []string{missing}) {
		t.Errorf("while it runs: got %q, want the address that is missing alone", list)
	}
}

// A file that gives one address to two services is wrong wherever it is looked at.
func TestAddressesTwice(t *testing.T) {
	t.Parallel()
	const text = `listen:
  - 127.0.0.1:1
  - "[::1]:1"
  - 127.0.0.1:1
  - 127.0.0.1:0
  - 127.0.0.1:0
tls:
  acme: {names: [ns1.example.net], storage: /nowhere, dns: true}
  dot: 127.0.0.1:2
  doh: off
  doq: 127.0.0.1:1
metrics: 127.0.0.1:2
control: {address: "127.0.0.1:3", client_ca: ca.pem, certificate: c.pem, key: k.pem}
zones: [{folder: zones}]
`
	c, fs := conf.Parse("ns.yaml", []byte(text), nil)
	if c == nil {
		t.Fatal(fs)
	}
	var got []string
	for _, f := range c.CheckAddresses(t.Context(), nil) {
		if f.Severity == finding.Error {
			got = append(got, fmt.Sprintf("%d: %s", f.Place.Line, f.Text))
		}
	}
	want := []string{
		"2: 127.0.0.1:1 is to be DNS twice, over UDP; the server cannot start",
		"11: 127.0.0.1:1 is to be DNS and DNS over QUIC, over UDP; the server cannot start",
		"12: 127.0.0.1:2 is to be DNS over TLS and metrics, over TCP; the server cannot start",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Places are told of what stands in the file, whatever key it comes from.
func TestPlacesOfAddresses(t *testing.T) {
	t.Parallel()
	tcp, udp := taken(t)
	text := fmt.Sprintf(`listen: 127.0.0.1:0
tls:
  acme: {names: [ns1.example.net], storage: /nowhere, dns: true}
  doh: "off"
  dot: %d
  doq:
    - 127.0.0.1:%d
zones: [{folder: zones}]
`, tcp, udp)
	c, fs := conf.Parse("ns.yaml", []byte(text), nil)
	if c == nil {
		t.Fatal(fs)
	}
	var lines []int
	for _, f := range c.CheckAddresses(t.Context(), nil) {
		lines = append(lines, f.Place.Line)
	}
	if want := []int{5, 7}; !slices.Equal(lines, want) {
		t.Errorf("lines %d, want %d", lines, want)
	}
	// Without a file there is no line, and no trouble.
	flags := &conf.Config{File: conf.File{Listen: []string{fmt.Sprintf("127.0.0.1:%d", tcp)}}}
	if fs := flags.CheckAddresses(t.Context(), nil); len(fs) != 1 || fs[0].Place.Line != 0 {
		t.Errorf("of flags: %v; want one finding without a line", fs)
	}
	usual := []socket.Endpoint{}
	if fs := (&conf.Config{}).CheckAddresses(t.Context(), usual); len(fs) != 0 {
		t.Errorf("of nothing: %v", fs)
	}
}
