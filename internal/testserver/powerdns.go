package testserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// PowerDNSOptions tell what a PowerDNS server holds and allows.
type PowerDNSOptions struct {
	Zones   map[string]string // origin to zone-file text, relative names allowed
	Kind    string            // of Zones: "Native" (if empty), "Master" or "Slave"
	Masters []string          // of Zones whose Kind is "Slave": "address:port"; such a zone may stay empty

	TSIG        *Key // may transfer all Zones
	AnyTransfer bool // transfers without a key are answered as well

	// ALIAS records are answered with the addresses of their target, which this
	// resolver ("address:port") is asked for. Empty: ALIAS is not expanded.
	ExpandALIAS string

	Config string // further lines for pdns.conf
}

// A PowerDNSServer is a Server with an HTTP API.
type PowerDNSServer struct {
	*Server
	URL    string // "http://127.0.0.1:port", without "/api/v1"
	APIKey string // for the header X-API-Key
}

// PowerDNS starts pdns_server with an empty SQLite database and creates the
// zones through its API. Stop, Kill, Restart, ZoneText and AXFR work as with the
// other servers; AXFR needs the key of the options.
func PowerDNS(t testing.TB, o PowerDNSOptions) *PowerDNSServer {
	t.Helper()
	p := &PowerDNSServer{APIKey: newKey("api").Secret}
	p.Server = start(t, kind{
		name:   "PowerDNS",
		binary: "pdns_server",
		ports:  2,
		configure: func(s *Server) ([]string, error) {
			p.URL = "http://" + s.ports[1].addr()
			if err := makeDatabase(s.Dir); err != nil {
				return nil, err
			}
			if err := s.write("pdns.conf", o.configure(s, p.APIKey)); err != nil {
				return nil, err
			}
			return []string{"--config-dir=" + s.Dir, "--daemon=no", "--guardian=no"}, nil
		},
		ready: func(*Server) error {
			return p.Call(http.MethodGet, "/api/v1/servers/localhost", nil, nil)
		},
	}, nil)

	if err := p.fill(o); err != nil {
		t.Fatalf("PowerDNS: %v; its log is below", err)
	}
	return p
}

// fill creates the key and the zones.
func (p *PowerDNSServer) fill(o PowerDNSOptions) error {
	keys := []string{}
	if o.TSIG != nil {
		keys = append(keys, o.TSIG.fqdn())
		err := p.Call(http.MethodPost, "/api/v1/servers/localhost/tsigkeys",
			map[string]string{"name": o.TSIG.fqdn(), "algorithm": o.TSIG.Algorithm, "key": o.TSIG.Secret}, nil)
		if err != nil {
			return err
		}
	}
	kind := o.Kind
	if kind == "" {
		kind = "Native"
	}
	for _, origin := range origins(o.Zones) {
		name := dns.CanonicalName(origin)
		body := map[string]any{
			"name": name, "kind": kind,
			// Demanded even where the text has NS records.
			"nameservers": []string{},
			// The keys that may transfer the zone.
			"master_tsig_key_ids": keys,
			// Serials stay those of the text.
			"soa_edit_api": "",
		}
		if kind == "Slave" {
			body["masters"] = o.Masters
		}
		if o.Zones[origin] != "" {
			body["zone"] = fmt.Sprintf("$ORIGIN %s\n$TTL 3600\n%s\n", name, o.Zones[origin])
			p.zones = append(p.zones, name)
		}
		if err := p.Call(http.MethodPost, "/api/v1/servers/localhost/zones", body, nil); err != nil {
			return fmt.Errorf("zone %s: %w", name, err)
		}
	}
	return p.wait()
}

// ZoneText is what the server holds for a zone, in the form of
// Server.ZoneText, ALIAS records included; disabled records are left out.
func (p *PowerDNSServer) ZoneText(t testing.TB, origin string) string {
	t.Helper()
	var export struct{ Zone string }
	err := p.Call(http.MethodGet, "/api/v1/servers/localhost/zones/"+dns.CanonicalName(origin)+"/export", nil, &export)
	if err != nil {
		t.Fatalf("PowerDNS: %v", err)
	}
	var soa, rest []string
	for line := range strings.Lines(export.Zone) {
		// Owner, TTL, class, type, data.
		if f := strings.Fields(line); len(f) > 3 && f[3] == "SOA" {
			soa = append(soa, line)
		} else {
			rest = append(rest, line)
		}
	}
	slices.Sort(rest)
	return strings.Join(append(soa, rest...), "")
}

// Call does one request to the API: in, if not nil, is sent as JSON, and the
// JSON answer is stored in out, if not nil. A status of 400 and more is an error
// that holds the answer.
func (p *PowerDNSServer) Call(method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.URL+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", p.APIKey)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 400 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

func (o PowerDNSOptions) configure(s *Server, apiKey string) string {
	var b strings.Builder
	// No caches: a test wants to see at once what it wrote. An empty suffix
	// keeps PowerDNS from asking for security advisories over the network.
	fmt.Fprintf(&b, `launch=gsqlite3
gsqlite3-database=%[1]s/pdns.sqlite
gsqlite3-pragma-synchronous=0
socket-dir=%[1]s
local-address=127.0.0.1
local-port=%[2]s
webserver=yes
webserver-address=127.0.0.1
webserver-port=%[3]s
webserver-allow-from=127.0.0.0/8
webserver-loglevel=none
api=yes
api-key=%[4]s
write-pid=no
disable-syslog=yes
log-timestamp=no
loglevel=5
security-poll-suffix=
distributor-threads=1
receiver-threads=1
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
zone-metadata-cache-ttl=0
primary=yes
secondary=yes
`, s.Dir, s.ports[0], s.ports[1], apiKey)
	if o.AnyTransfer {
		b.WriteString("allow-axfr-ips=127.0.0.0/8\n")
	} else {
		b.WriteString("allow-axfr-ips=\n")
	}
	if o.ExpandALIAS != "" {
		b.WriteString("expand-alias=yes\nresolver=" + o.ExpandALIAS + "\n")
	}
	b.WriteString(o.Config + "\n")
	return b.String()
}

// schema comes with Debian's pdns-backend-sqlite3, so that it fits the server.
const schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

// makeDatabase creates the tables of an empty PowerDNS.
func makeDatabase(dir string) error {
	text, err := os.ReadFile(schema)
	if err != nil {
		return fmt.Errorf("the schema of PowerDNS's database: %w; run scripts/setup-debian", err)
	}
	path := filepath.Join(dir, "pdns.sqlite")
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	sqlite, err := findProgram("sqlite3")
	if err != nil {
		return fmt.Errorf("%w; run scripts/setup-debian", err)
	}
	cmd := exec.Command(sqlite, "-batch", path)
	// One transaction without syncing: table by table it takes half a second.
	cmd.Stdin = strings.NewReader("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY; BEGIN;\n" + string(text) + "\nCOMMIT;\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("sqlite3: %w: %s", err, out)
	}
	return nil
}
