package xfr_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// A signer is a real server that signs example.org.
var signers = []struct {
	name  string
	nsec3 bool
	start func(t *testing.T, text string, key *testserver.Key) string
}{
	{"Knot, NSEC", false, knotSigner("nsec3: off")},
	{"Knot, NSEC3", true, knotSigner("nsec3: on")},
	{"Knot, NSEC3 with opt-out", true, knotSigner("nsec3: on\n    nsec3-opt-out: on\n    nsec3-salt-length: 8\n    nsec3-iterations: 5")},
	{"BIND, NSEC", false, bindSigner("")},
	{"BIND, NSEC3 with opt-out", true, bindSigner("nsec3param iterations 0 optout yes salt-length 0;")},
}

func knotSigner(policy string) func(*testing.T, string, *testserver.Key) string {
	return func(t *testing.T, text string, key *testserver.Key) string {
		return testserver.Knot(t, testserver.KnotOptions{
			Zones: map[string]string{"example.org.": text}, TSIG: key,
			Config:      "policy:\n  - id: signed\n    " + policy + "\n",
			ZoneOptions: "dnssec-signing: on\ndnssec-policy: signed",
		}).Addr
	}
}

func bindSigner(policy string) func(*testing.T, string, *testserver.Key) string {
	return func(t *testing.T, text string, key *testserver.Key) string {
		return testserver.BIND(t, testserver.BINDOptions{
			Zones: map[string]string{"example.org.": text}, TSIG: key,
			// The statement ends the options and begins a policy.
			Options:     "};\ndnssec-policy signed {\n keys { csk lifetime unlimited algorithm ecdsa256; };\n" + policy,
			ZoneOptions: "dnssec-policy signed; inline-signing yes; check-names ignore; check-integrity no;",
		}).Addr
	}
}

// A zone that was signed elsewhere, transferred in and out again, whole and by its changes, is
// accepted by everyone's checkers.
func TestSignedZonesAreAccepted(t *testing.T) {
	t.Parallel()
	dig := program(t, "dig", "bind9-dnsutils")
	checks := map[string][]string{
		program(t, "ldns-verify-zone", "ldnsutils"):  nil,
		program(t, "dnssec-verify", "bind9-utils"):   {"-z", "-o", "example.org."}, // BIND signs with one key for all
		program(t, "kzonecheck", "knot-dnssecutils"): {"-o", "example.org.", "--dnssec", "on"},
	}
	text := strings.Replace(apex, " 7200 900 ", " 1 1 ", 1) + `www 60 A 192.0.2.80
www 7200 TXT "x"
*.wild 120 MX 10 www
a.b.empty 60 A 192.0.2.1
insecure1 3600 NS ns.insecure1
ns.insecure1 3600 A 192.0.2.2
insecure2 3600 NS ns1.example.net.
secure 3600 NS ns1.example.net.
secure 3600 DS 60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
`
	for _, s := range signers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			theirs, ours := dnstest.Key(t)
			addr := s.start(t, text, theirs)
			j := &xfr.Journal{}
			in := newReplica(t, ours)
			publish := in.Publish
			in.Publish = func(z *zone.Zone) error {
				if err := j.Put(z); err != nil {
					return err
				}
				return publish(z)
			}
			in.run(t, xfr.Primary{Addr: addr, Key: ours})
			denial := "NSEC"
			if s.nsec3 {
				denial = "NSEC3"
			}
			patience.Until(t, "the signed zone has come", func() (any, bool) {
				// BIND answers before it has signed all.
				z := in.zone()
				return in.Status(), z != nil && strings.Count(dnstest.Text(t, z), "\t"+denial+"\t") >= 4
			})
			p := startPrimary(t, j, ours, nil)
			problem := func() string {
				t.Helper()
				host, port, _ := strings.Cut(p.addr, ":")
				out, err := command(t, dig, "@"+host, "-p", port, "-y", theirs.Algorithm+":"+theirs.Name+":"+theirs.Secret, "+onesoa", "+nocomments", "+nocmd", "+nostats", "example.org.", "AXFR")
				if err != nil || !strings.Contains(out, "RRSIG") {
					t.Fatalf("dig got %s", out)
				}
				file := filepath.Join(t.TempDir(), "example.org.zone")
				var zone strings.Builder
				for line := range strings.Lines(out) {
					if !strings.Contains(line, "\tTSIG\t") {
						zone.WriteString(line)
					}
				}
				if err := os.WriteFile(file, []byte(zone.String()), 0o600); err != nil {
					t.Fatal(err)
				}
				for check, args := range checks {
					if out, err := command(t, check, append(args[:len(args):len(args)], file)...); err != nil {
						return fmt.Sprintf("%s: %v: %s", filepath.Base(check), err, out)
					}
				}
				return ""
			}
			accepted := func(what string) {
				t.Helper()
				for {
					have := dnstest.Serial(t, in.zone())
					why := problem()
					if why == "" {
						return
					}
					// A signer that is still at it makes one version after the other.
					t.Logf("%s, serial %d: %s", what, have, why)
					patience.Until(t, what+": the next version has come", func() (any, bool) { return in.Status(), dnstest.Serial(t, in.zone()) != have })
				}
			}
			accepted("the whole zone")
			before := dnstest.Serial(t, in.zone())
			byUpdate(t, addr, theirs)(dnstest.Zone(t, example, text), dnstest.Zone(t, example, text+"new 30 AAAA 2001:db8::1\nx.wild 30 A 192.0.2.3\ninsecure3 3600 NS ns1.example.net.\n"))
			patience.Until(t, "the change has come", func() (any, bool) {
				_, ok := in.zone().Set(zone.MustName("x.wild.example.org."), zone.TypeRRSIG)
				return in.Status(), ok && dnstest.Serial(t, in.zone()) != before
			})
			accepted("after a change")
			if st := in.Status(); st.Changes < 1 {
				t.Errorf("%+v; want the change as a change", st)
			}
		})
	}
}

// command runs a program and returns what it wrote.
func command(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

// program finds a program that tests need; without it the test fails, or is skipped where that is
// wished (see internal/testserver).
func program(t *testing.T, name, deb string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	text := fmt.Sprintf("%s is not installed: apt-get install %s, or set ZONECAST_SKIP_SERVERS=1", name, deb)
	if os.Getenv("ZONECAST_SKIP_SERVERS") == "1" {
		t.Skip(text)
	}
	t.Fatal(text)
	return ""
}
