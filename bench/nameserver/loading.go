//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A loading is a row of what it takes from the start of a server until it answers for everything.
type loading struct {
	name   string
	names  int // of one zone
	zones  int // of ten records each, in place of one zone
	denial string
	limit  time.Duration // that zonecast is to keep
	memory int64         // the same, in octets; 0: no limit
}

var loads = []loading{
	{name: "load 1,000,000 names", names: 1_000_000, limit: 1200 * time.Millisecond, memory: 200e6},
	{name: "load 1,000,000 names with DNSSEC", names: signedNames, denial: nsec, memory: 800e6},
	{name: "load 100,000 zones", zones: manyZones, limit: 5 * time.Second, memory: 400 << 20},
}

// A Start is what a start took.
type Start struct {
	CPU  time.Duration `json:"cpu_ns"` // processor time of all processes
	Peak int64         `json:"peak"`   // the most memory that was held
	// Target says what zonecast was to keep.
	Target string `json:"target,omitempty"`
}

// String tells of a start as the table does.
func (s Start) String() string {
	return fmt.Sprintf("%.2f s of processor time, %d MiB at the peak", s.CPU.Seconds(), s.Peak>>20)
}

// load measures the starts of all servers, round by round.
func (b *bench) load(w loading, quick bool) {
	if quick {
		w.names, w.zones = min(w.names, 10_000), min(w.zones, 200)
	}
	at := place{}
	var err error
	if w.zones > 0 {
		at.many, err = zoneFiles(filepath.Join(b.dir, fmt.Sprintf("many%d", w.zones)), w.zones)
	} else {
		at.zone, err = zoneFile(b.dir, w.names, w.denial)
		at.signed = w.denial != ""
	}
	if err != nil {
		b.rows = append(b.rows, Row{Work: w.name, Error: err.Error()})
		return
	}
	rows := map[string]Row{}
	for round := range min(b.rounds, 3) {
		for _, s := range servers {
			if !b.loads(w, s) || b.ctx.Err() != nil || rows[s.name].Error != "" {
				continue
			}
			r, err := b.start(w, s, at)
			if err != nil {
				r.Error = err.Error()
				rows[s.name] = r
				fmt.Fprintf(b.log, "%s: %s: %v\n", w.name, s.name, err)
				continue
			}
			fmt.Fprintf(b.log, "%s: round %d: %-8s %v, %v, %d MiB\n", w.name, round+1, s.name, r.Load.Round(time.Millisecond), r.Start, r.Memory>>20)
			if old, ok := rows[s.name]; ok {
				r.Load, r.Memory = min(r.Load, old.Load), min(r.Memory, old.Memory)
				r.Start = &Start{CPU: min(r.Start.CPU, old.Start.CPU), Peak: min(r.Start.Peak, old.Start.Peak)}
			}
			rows[s.name] = r
		}
	}
	for _, s := range servers {
		r, ok := rows[s.name]
		if !ok {
			continue
		}
		if r.Error == "" && s.name == "zonecast" {
			r.Result, r.Start.Target = "ok", w.target()
			if w.limit > 0 && r.Load > w.limit || w.memory > 0 && r.Memory > w.memory {
				r.Result = "MISSED"
			}
		}
		b.rows = append(b.rows, r)
	}
}

// target says what zonecast is to keep.
func (w loading) target() string {
	text := fmt.Sprintf("< %d MB", w.memory/1e6)
	if w.limit > 0 {
		text = fmt.Sprintf("< %v, ", w.limit) + text
	}
	return text
}

// loads tells whether a server takes part.
func (b *bench) loads(w loading, s server) bool {
	switch {
	case s.name == "echo" || !b.servers.MatchString(s.name):
		return false
	case w.zones > 0 && s.name == "coredns": // a block of its own for each zone
		return false
	}
	return w.denial == "" || !s.unsigned
}

// start measures one start.
func (b *bench) start(w loading, s server, at place) (Row, error) {
	r := Row{Work: w.name, Server: s.name}
	at.dir = filepath.Join(b.dir, s.name)
	err := errors.Join(os.RemoveAll(at.dir), os.MkdirAll(at.dir, 0o755))
	if err != nil {
		return r, err
	}
	if at.port, err = freePort(b.ctx); err != nil {
		return r, err
	}
	start := s.start
	if s.name == "zonecast" {
		start = b.command
	}
	p, err := start(b.ctx, at)
	if err != nil {
		return r, err
	}
	defer p.stop()
	if err := awaitAll(p, at, w, 5*time.Minute); err != nil {
		return r, fmt.Errorf("%w\n%s", err, p.said())
	}
	r.Load = time.Since(p.began)
	r.Start = &Start{CPU: p.spent()}
	time.Sleep(time.Second) // what the start took is given back
	r.Start.Peak, r.Memory = p.peak(), p.memory()
	return r, nil
}

// command starts "zonecast nameserver", built from this module.
func (b *bench) command(ctx context.Context, p place) (*process, error) {
	if err := b.build(ctx); err != nil {
		return nil, err
	}
	folder := filepath.Join(p.dir, "zones")
	if len(p.many) > 0 {
		folder = filepath.Dir(p.many[0].file)
	} else if err := errors.Join(os.Mkdir(folder, 0o755), os.Symlink(p.zone, filepath.Join(folder, origin+"zone"))); err != nil {
		return nil, err
	}
	return launch(ctx, serverCPU, p.log(), p.dir, nil, b.zonecast, "nameserver", "--zones", folder,
		"--listen", fmt.Sprintf("127.0.0.1:%d", p.port), "--workers", "1", "--rrl", "0")
}

// build builds the command, once.
func (b *bench) build(ctx context.Context) error {
	if b.zonecast != "" {
		return nil
	}
	path := filepath.Join(b.dir, "zonecast.bin")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/zonecast/zonecast/cmd/zonecast")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("zonecast cannot be built: %w\n%s", err, out)
	}
	b.zonecast = path
	return nil
}

// zoneFiles are the files of n small zones. They are written unless they are there.
func zoneFiles(dir string, n int) ([]oneZone, error) {
	list := make([]oneZone, n)
	for i := range list {
		name := fmt.Sprintf("%s.%s", labelOf(i), strings.TrimSuffix(origin, "."))
		list[i] = oneZone{name, filepath.Join(dir, name+".zone")}
	}
	if _, err := os.Stat(dir); err == nil {
		return list, nil
	}
	fresh := dir + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(fresh, 0o755)); err != nil {
		return nil, err
	}
	for i, z := range list {
		text := fmt.Appendf(nil, "$ORIGIN %s.\n$TTL 3600\n@ SOA ns1.%s hostmaster.%s 1 7200 900 1209600 300\n@ NS ns1.%s\n@ NS ns2.%s\n@ MX 10 mail\n@ A 192.0.2.%d\n@ TXT \"v=spf1 mx -all\"\nftp CNAME www\nmail A 192.0.2.2\nwww A 192.0.2.1\nwww AAAA 2001:db8::1\n",
			z.origin, origin, origin, origin, origin, i%250+1)
		if err := os.WriteFile(filepath.Join(fresh, filepath.Base(z.file)), text, 0o644); err != nil {
			return nil, err
		}
	}
	return list, os.Rename(fresh, dir)
}

// awaitAll asks for the last name, or for the address of zones all over the list and of the last one,
// until each was answered.
func awaitAll(p *process, at place, w loading, limit time.Duration) error {
	var names []string
	if len(at.many) == 0 {
		names = []string{fmt.Sprintf("%s.%s", labelOf(w.names-1), strings.TrimSuffix(origin, "."))}
	}
	for i := 0; i < len(at.many); i += max(len(at.many)/1000, 1) {
		names = append(names, "www."+at.many[i].origin)
	}
	if n := len(at.many); n > 0 {
		names = append(names, "www."+at.many[n-1].origin)
	}
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", at.port)) //nolint:noctx // binding a port of loopback does not wait
	if err != nil {
		return err
	}
	defer conn.Close()
	buf := make([]byte, 4096)
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if !p.running() {
			return errors.New("the server has ended")
		}
		q := question(names[0])
		_, _ = conn.Write(q) // refused as long as nobody listens
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		answered := false
		for !answered && err == nil {
			var n int
			n, err = conn.Read(buf)
			// What was asked before and answered late is passed over.
			answered = err == nil && n > len(q) && bytes.Equal(buf[12:len(q)], q[12:]) && buf[2]&0x80 != 0 && buf[3]&15 == 0 && buf[7] > 0
		}
		if !answered {
			err = nil
			time.Sleep(2 * time.Millisecond)
			continue
		}
		if names = names[1:]; len(names) == 0 {
			return nil
		}
	}
	return fmt.Errorf("no proper answer for %s within %v", names[0], limit)
}

// question asks for the address of a name.
func question(name string) []byte {
	q := []byte{0x5A, 0x43, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(name, ".") {
		q = append(append(q, byte(len(label))), label...)
	}
	return append(q, 0, 0, 1, 0, 1)
}
