package nameserver_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver"
)

// TestUnboundValidates lets a validating resolver ask, where one is installed.
func TestUnboundValidates(t *testing.T) {
	t.Parallel()
	binary, err := exec.LookPath("unbound")
	if err != nil {
		t.Skip("unbound is not installed")
	}
	for _, way := range signedZones {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			e := signedEngine(t, way)
			e.Cookies = nameserver.NewCookies()
			resolver := unbound(t, binary, serveUDP(t, e).Port(), anchorsOf(t, way), "")
			for _, c := range judged {
				typ := dns.StringToType[c.typ]
				m := new(dns.Msg)
				m.SetQuestion(c.name, typ)
				m.SetEdns0(1232, true)
				r, _, err := (&dns.Client{Timeout: patience.Limit}).Exchange(m, resolver)
				if err != nil {
					t.Errorf("%s %s: %v", c.name, c.typ, err)
					continue
				}
				// With opt-out a part of the proofs is none (RFC 5155, section 9.2).
				secure := r.AuthenticatedData || way == "optout"
				if r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError || !secure {
					t.Errorf("%s %s: %s, AD %t; want a secure answer", c.name, c.typ, dns.RcodeToString[r.Rcode], r.AuthenticatedData)
				}
			}
		})
	}
}

// TestDenialsAreReused lets a resolver answer for names that do not exist from the proofs that it had
// for others (RFC 8198). Unbound does so with NSEC alone.
func TestDenialsAreReused(t *testing.T) {
	t.Parallel()
	binary, err := exec.LookPath("unbound")
	if err != nil {
		t.Skip("unbound is not installed")
	}
	e := signedEngine(t, "nsec")
	resolver := unbound(t, binary, serveUDP(t, e).Port(), anchorsOf(t, "nsec"), "aggressive-nsec: yes")
	const names = 100
	ask := func(i int) {
		m := new(dns.Msg)
		m.SetQuestion(fmt.Sprintf("nothing%d.signed.example.", i), dns.TypeA)
		m.SetEdns0(1232, true)
		r, _, err := (&dns.Client{Timeout: patience.Limit}).Exchange(m, resolver)
		if err != nil || r.Rcode != dns.RcodeNameError || !r.AuthenticatedData {
			t.Fatalf("%s: %v, %v; want a secure NXDOMAIN", m.Question[0].Name, r, err)
		}
	}
	for i := range names { // by then it has all proofs
		ask(i)
	}
	before := e.Counts().Queries
	for i := range names {
		ask(names + i)
	}
	if asked := e.Counts().Queries - before; before == 0 || asked > names/10 {
		t.Errorf("%d questions for %d names that are known not to exist, after %d", asked, names, before)
	}
}

// unbound starts a resolver that trusts one key and asks one server, and returns where it listens.
func unbound(t *testing.T, binary string, port uint16, anchor, more string) string {
	t.Helper()
	for range 4 { // somebody else may take the port in between
		if at, ok := tryUnbound(t, binary, port, anchor, more); ok {
			return at
		}
	}
	t.Fatal("unbound does not answer")
	return ""
}

func tryUnbound(t *testing.T, binary string, port uint16, anchor, more string) (at string, ok bool) {
	t.Helper()
	at = fmt.Sprintf("127.0.0.1:%d", testserver.Port(t))
	dir := t.TempDir()
	origin, key, _ := strings.Cut(strings.TrimPrefix(anchor, "trust-anchors { "), " static-key ")
	key = strings.ReplaceAll(strings.TrimSuffix(strings.TrimSpace(key), "; };"), `"`, "")
	file := filepath.Join(dir, "unbound.conf")
	conf := fmt.Sprintf(unboundConf, strings.Replace(at, ":", "@", 1), dir, origin, key, more, origin, port)
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-d", "-c", file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(patience.Limit); time.Now().Before(limit); {
		select {
		case <-ended:
			return "", false
		case <-tick.C:
		}
		m := new(dns.Msg)
		m.SetQuestion(origin, dns.TypeSOA)
		if _, _, err := (&dns.Client{Timeout: time.Second}).Exchange(m, at); err == nil {
			return at, true
		}
	}
	return "", false
}

const unboundConf = `server:
	interface: %s
	directory: %q
	pidfile: ""
	username: ""
	chroot: ""
	do-daemonize: no
	use-syslog: no
	do-not-query-localhost: no
	module-config: "validator iterator"
	trust-anchor: "%s DNSKEY %s"
	%s
stub-zone:
	name: %s
	stub-addr: 127.0.0.1@%d
`
