package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // makes PowerDNS's database
)

// schema comes with Debian's pdns-backend-sqlite3, so that it fits the server.
const schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

func (o Options) write(name, text string) error {
	return os.WriteFile(filepath.Join(o.Dir, name), []byte(text), 0o600)
}

// newborn writes the file of a zone that has nothing but its apex, and returns its name.
func (o Options) newborn(origin string) (string, error) {
	name := strings.TrimSuffix(strings.ReplaceAll(origin, "/", "_"), ".") + ".zone"
	const ns = "ns.sandbox.test."
	return name, o.write(name, fmt.Sprintf("$ORIGIN %s\n@ 3600 SOA %s hostmaster.%s 1 3600 600 1209600 300\n@ 3600 NS %s\n", origin, ns, ns, ns))
}

func (o Options) bind() ([]string, error) {
	host, port, err := net.SplitHostPort(o.DNS)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	// Nothing of this server leaves its folder or the loopback interface.
	fmt.Fprintf(&b, `options {
	directory %q;
	listen-on port %s { %s; };
	listen-on-v6 { none; };
	pid-file none;
	lock-file none;
	session-keyfile "session.key";
	recursion no;
	dnssec-validation no;
	empty-zones-enable no;
	notify no;
	max-cache-size 2m;
	check-names primary ignore;
	check-integrity no;
};
controls { };
key %q { algorithm hmac-sha256; secret %q; };
`, o.Dir, port, host, KeyName, o.Key)
	for _, origin := range o.Zones {
		file, err := o.newborn(origin)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "zone %q { type primary; file %q; allow-update { key %q; }; allow-transfer { key %q; }; };\n", origin, file, KeyName, KeyName)
	}
	return []string{"-g", "-4", "-n", "1", "-c", filepath.Join(o.Dir, "named.conf")}, o.write("named.conf", b.String())
}

func (o Options) knot() ([]string, error) {
	host, port, err := net.SplitHostPort(o.DNS)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `server:
    listen: %s@%s
    rundir: %q
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: control.sock
log:
  - target: stderr
    any: info
database:
    storage: %q
    journal-db-max-size: 64M
key:
  - id: %q
    algorithm: hmac-sha256
    secret: %q
acl:
  - id: zonecast
    key: %q
    action: [update, transfer]
zone:
`, host, port, o.Dir, filepath.Join(o.Dir, "db"), KeyName, o.Key, KeyName)
	for _, origin := range o.Zones {
		file, err := o.newborn(origin)
		if err != nil {
			return nil, err
		}
		// The file follows every change, so that a server that starts again has all of them: the
		// journal keeps the last 20.
		fmt.Fprintf(&b, "  - domain: %q\n    file: %q\n    zonefile-sync: 0\n    acl: [zonecast]\n", origin, filepath.Join(o.Dir, file))
	}
	return []string{"-c", filepath.Join(o.Dir, "knot.conf")}, o.write("knot.conf", b.String())
}

func (o Options) powerdns(ctx context.Context) ([]string, error) {
	host, port, err := net.SplitHostPort(o.DNS)
	if err != nil {
		return nil, err
	}
	apiHost, apiPort, err := net.SplitHostPort(o.API)
	if err != nil {
		return nil, err
	}
	database := filepath.Join(o.Dir, "pdns.sqlite")
	if err := makeDatabase(ctx, database); err != nil {
		return nil, err
	}
	// An empty suffix keeps PowerDNS from asking for advisories over the network.
	return []string{"--config-dir=" + o.Dir, "--daemon=no", "--guardian=no"}, o.write("pdns.conf", fmt.Sprintf(`launch=gsqlite3
gsqlite3-database=%s
gsqlite3-pragma-synchronous=0
socket-dir=%s
local-address=%s
local-port=%s
webserver=yes
webserver-address=%s
webserver-port=%s
webserver-allow-from=127.0.0.0/8
webserver-loglevel=none
api=yes
api-key=%s
write-pid=no
disable-syslog=yes
loglevel=4
security-poll-suffix=
distributor-threads=1
receiver-threads=1
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
zone-metadata-cache-ttl=0
`, database, o.Dir, host, port, apiHost, apiPort, o.Key))
}

// makeDatabase creates the tables of an empty PowerDNS.
func makeDatabase(ctx context.Context, path string) (err error) {
	text, err := os.ReadFile(schema)
	if err != nil {
		return fmt.Errorf("the schema of its database: %w; install pdns-backend-sqlite3", err)
	}
	db, err := sql.Open("sqlite", path+"?_pragma=synchronous(OFF)&_pragma=journal_mode(MEMORY)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// One transaction: table by table it takes half a second.
	_, err = db.ExecContext(ctx, "BEGIN;\n"+string(text)+"\nCOMMIT;")
	return err
}
