//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// A place is where a server keeps its files and listens.
type place struct {
	dir, zone string
	port      int
	transport string // that is measured; "" is UDP
	stream    int    // port of DoT or DoH
	signed    bool   // the zone is
	many      []oneZone
}

// A oneZone is one of many zones.
type oneZone struct{ origin, file string }

// zones are all zones that are to be served.
func (p place) zones() []oneZone {
	if len(p.many) > 0 {
		return p.many
	}
	return []oneZone{{strings.TrimSuffix(origin, "."), p.zone}}
}

// transferring is what a configuration needs beside where zones are transferred.
func (p place) transferring(text string) string {
	if p.transport != axfr {
		return ""
	}
	return text
}

// updated is what a configuration needs beside where zones are updated.
func (p place) updated(text string) string {
	if p.transport != updates {
		return ""
	}
	return strings.NewReplacer("%KEY", updateKey, "%SECRET", base64.StdEncoding.EncodeToString(updateSecret)).Replace(text)
}

func (p place) log() string { return filepath.Join(p.dir, "log") }

// A server can be measured.
type server struct {
	name  string
	start func(context.Context, place) (*process, error)
	// What it can do beside UDP.
	streams []string
	// It is not measured with signed zones, because it has no answers for them, or signs itself.
	unsigned bool
}

// servers in the order of the table. All have one thread for datagrams, and answer whoever asks as
// often as it asks.
var servers = []server{
	{name: "echo", start: self("echo")},
	{name: "zonecast", start: self("zonecast"), streams: []string{"TCP", "DoT", "DoH", axfr, updates}},
	{name: "gdnsd", start: gdnsd, streams: []string{"TCP"}, unsigned: true},
	{name: "yadifa", start: yadifa, streams: []string{axfr}, unsigned: true},
	{name: "nsd", start: nsd, streams: []string{"TCP", "DoT", axfr}},
	{name: "knot", start: knot, streams: []string{"TCP", axfr, updates}},
	{name: "powerdns", start: powerdns, streams: []string{"TCP", axfr}},
	{name: "bind", start: bind, streams: []string{"TCP", "DoT", "DoH", axfr, updates}},
	{name: "coredns", start: coredns, streams: []string{"TCP", "DoT", "DoH", axfr}, unsigned: true},
}

// self starts this program as a server.
func self(task string) func(context.Context, place) (*process, error) {
	return func(ctx context.Context, p place) (*process, error) {
		exe, err := os.Executable()
		if err != nil {
			return nil, err
		}
		return launch(ctx, serverCPU, p.log(), p.dir, []string{fmt.Sprintf("%s=%s %d %s %d %s", childEnv, task, p.port, p.zone, p.stream, p.transport)}, exe)
	}
}

// configured writes a configuration and starts a program; %DIR, %PORT, %ZONE and %ORIGIN are filled
// in. What stands between %EACH and %END is repeated for each zone.
func configured(ctx context.Context, p place, file, text string, args ...string) (*process, error) {
	path, err := find(args[0])
	if err != nil {
		return nil, err
	}
	if before, rest, ok := strings.Cut(text, "%EACH\n"); ok {
		each, after, _ := strings.Cut(rest, "%END\n")
		var b strings.Builder
		for _, z := range p.zones() {
			_, _ = strings.NewReplacer("%ZONE", z.file, "%ORIGIN", z.origin).WriteString(&b, each)
		}
		text = before + b.String() + after
	}
	fill := strings.NewReplacer("%DIR", p.dir, "%PORT", strconv.Itoa(p.port), "%STREAM", strconv.Itoa(p.stream), "%ZONE", p.zone, "%ORIGIN", strings.TrimSuffix(origin, "."))
	if err := os.WriteFile(filepath.Join(p.dir, file), []byte(fill.Replace(text)), 0o644); err != nil {
		return nil, err
	}
	args[0] = path
	for i := range args {
		args[i] = fill.Replace(args[i])
	}
	return launch(ctx, serverCPU, p.log(), p.dir, nil, args...)
}

func gdnsd(ctx context.Context, p place) (*process, error) {
	// It takes the zone's name from the file's.
	if err := os.MkdirAll(filepath.Join(p.dir, "zones"), 0o755); err != nil {
		return nil, err
	}
	for _, z := range p.zones() {
		if err := os.Symlink(z.file, filepath.Join(p.dir, "zones", z.origin)); err != nil {
			return nil, err
		}
	}
	return configured(ctx, p, "config", `options => {
	listen => 127.0.0.1
	dns_port => %PORT
	udp_threads => 1
	tcp_threads => 1
	run_dir => %DIR/run
	state_dir => %DIR/state
}
`, "gdnsd", "-c", "%DIR", "start")
}

// yadifa has no setting for the group's and the user's rights but their names.
func yadifa(ctx context.Context, p place) (*process, error) {
	who, err := user.Current()
	if err != nil {
		return nil, err
	}
	group, err := user.LookupGroupId(who.Gid)
	if err != nil {
		return nil, err
	}
	return configured(ctx, p, "yadifad.conf", `<main>
	daemon off
	chroot off
	logpath "%DIR"
	pidfile "%DIR/yadifad.pid"
	datapath "%DIR"
	keyspath "%DIR"
	xfrpath "%DIR"
	user `+who.Username+`
	group `+group.Name+`
	listen 127.0.0.1 port %PORT
	thread-count-by-address 1
	statistics off
	queries-log-type 0
	allow-control none
</main>
<rrl>
	enabled false
</rrl>
<channels>
	all all.log 0644
</channels>
<loggers>
	* EMERG,ALERT,CRIT,ERR all
</loggers>
%EACH
<zone>
	type primary
	domain %ORIGIN
	file "%ZONE"
	notify-auto false
`+p.transferring("	allow-transfer 127.0.0.1\n")+`</zone>
%END
`, "yadifad", "-c", "%DIR/yadifad.conf")
}

func nsd(ctx context.Context, p place) (*process, error) {
	secure := ""
	if p.transport == "DoT" {
		secure = `
	ip-address: 127.0.0.1@%STREAM
	tls-port: %STREAM
	tls-service-key: "%DIR/tls.key"
	tls-service-pem: "%DIR/tls.crt"
`
	}
	return configured(ctx, p, "nsd.conf", `server:
	server-count: 1
	ip-address: 127.0.0.1@%PORT
`+secure+`	tcp-query-count: 0
	do-ip6: no
	username: ""
	chroot: ""
	database: ""
	zonesdir: "%DIR"
	pidfile: "%DIR/nsd.pid"
	xfrdfile: "%DIR/xfrd.state"
	zonelistfile: "%DIR/zone.list"
	cookie-secret-file: "%DIR/cookies"
	xfrdir: "%DIR"
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
remote-control:
	control-enable: no
%EACH
zone:
	name: "%ORIGIN"
	zonefile: "%ZONE"
`+p.transferring("	provide-xfr: 127.0.0.1 NOKEY\n")+`%END
`, "nsd", "-d", "-c", "%DIR/nsd.conf")
}

func knot(ctx context.Context, p place) (*process, error) {
	journal := "    journal-content: none\n"
	if p.transport == updates {
		journal = "    acl: update\n"
		if err := os.Mkdir(filepath.Join(p.dir, "db"), 0o755); err != nil {
			return nil, err
		}
	}
	return configured(ctx, p, "knot.conf", `server:
    listen: 127.0.0.1@%PORT
    rundir: "%DIR"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: "%DIR/db"
`+p.transferring(`acl:
  - id: load
    address: 127.0.0.1
    action: transfer
`)+p.updated(`key:
  - id: %KEY
    algorithm: hmac-sha256
    secret: %SECRET
acl:
  - id: update
    key: %KEY
    action: update
`)+`zone:
%EACH
  - domain: "%ORIGIN"
    file: "%ZONE"
    zonefile-sync: -1
`+journal+p.transferring("    acl: load\n")+`%END
`, "knotd", "-c", "%DIR/knot.conf")
}

func powerdns(ctx context.Context, p place) (*process, error) {
	if backend, _ := filepath.Glob("/usr/lib/*/pdns/libbindbackend.so"); len(backend) == 0 {
		return nil, fmt.Errorf("pdns-backend-bind is %w", errMissing)
	}
	var named []byte
	for _, z := range p.zones() {
		named = fmt.Appendf(named, "zone %q { type master; file %q; };\n", z.origin, z.file)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "named.conf"), named, 0o644); err != nil {
		return nil, err
	}
	presigned := ""
	if p.signed {
		// That the signatures are in the file it learns from a database beside.
		presigned = "bind-dnssec-db=%DIR/dnssec.sqlite3\n"
		tool, err := find("pdnsutil")
		if err != nil {
			return nil, err
		}
		db := filepath.Join(p.dir, "dnssec.sqlite3")
		conf := "launch=bind\nbind-config=" + filepath.Join(p.dir, "named.conf") + "\nbind-dnssec-db=" + db + "\n"
		if err := os.WriteFile(filepath.Join(p.dir, "pdns.conf"), []byte(conf), 0o644); err != nil {
			return nil, err
		}
		for _, args := range [][]string{{"create-bind-db", db}, {"set-presigned", strings.TrimSuffix(origin, ".")}} {
			cmd := exec.CommandContext(ctx, tool, append([]string{"--config-dir=" + p.dir}, args...)...)
			if out, err := cmd.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("pdnsutil %s: %w\n%s", args[0], err, out)
			}
		}
	}
	return configured(ctx, p, "pdns.conf", presigned+p.transferring("allow-axfr-ips=127.0.0.1\n")+`launch=bind
bind-config=%DIR/named.conf
local-address=127.0.0.1
local-port=%PORT
socket-dir=%DIR
receiver-threads=1
distributor-threads=1
daemon=no
guardian=no
loglevel=3
max-packet-cache-entries=2000000
`, "pdns_server", "--config-dir=%DIR")
}

func bind(ctx context.Context, p place) (*process, error) {
	if p.transport == updates { // it writes the file when it ends
		own := filepath.Join(p.dir, "zone")
		if err := os.Symlink(p.zone, own); err != nil {
			return nil, err
		}
		p.zone = own
	}
	secure := map[string]string{
		"DoT": `	listen-on port %STREAM tls bench { 127.0.0.1; };`,
		"DoH": `	listen-on port %STREAM tls bench http default { 127.0.0.1; };`,
	}[p.transport]
	return configured(ctx, p, "named.conf", `tls bench { cert-file "%DIR/tls.crt"; key-file "%DIR/tls.key"; };
options {
	directory "%DIR";
	listen-on port %PORT { 127.0.0.1; };
`+secure+`
	listen-on-v6 { none; };
	pid-file none;
	lock-file none;
	session-keyfile "session.key";
	recursion no;
	dnssec-validation no;
	empty-zones-enable no;
	notify no;
`+p.transferring("	allow-transfer { 127.0.0.1; };\n")+`};
controls { };
`+p.updated(`key "%KEY" { algorithm hmac-sha256; secret "%SECRET"; };
`)+`%EACH
zone "%ORIGIN" { type primary; file "%ZONE"; `+p.updated(`journal "%DIR/journal"; allow-update { key "%KEY"; }; `)+`};
%END
`, "named", "-g", "-4", "-n", "1", "-c", "%DIR/named.conf")
}
