//go:build linux && (amd64 || arm64)

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	if task, ok := os.LookupEnv(childEnv); ok {
		if err := runChild(task); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// A bench is one run.
type bench struct {
	ctx     context.Context
	dir     string
	rounds  int
	measure time.Duration // of one round
	servers *regexp.Regexp
	log     io.Writer
	rows    []Row

	zonecast string // the command, once it is built
}

// A work is a row of queries that all servers get.
type work struct {
	name   string
	names  int
	edns   bool
	absent bool   // names that do not exist
	denial string // the zone is signed, and signatures are asked for
	stream string
}

// signedNames is how many names signed zones have; -signed changes it.
const signedNames = 1_000_000

var works = []work{
	{name: "UDP, 1,000 names", names: 1000},
	{name: "UDP, 1,000,000 names", names: 1_000_000},
	{name: "UDP, 1,000 names, EDNS", names: 1000, edns: true},
	{name: "UDP, 1,000 names, NXDOMAIN", names: 1000, absent: true},
	{name: "UDP, signed, NSEC, DO", names: signedNames, edns: true, denial: nsec},
	{name: "UDP, signed, NSEC3, DO", names: signedNames, edns: true, denial: nsec3},
	{name: "UDP, signed, NSEC3, DO, NXDOMAIN", names: signedNames, edns: true, denial: nsec3, absent: true},
	{name: "TCP, pipelined", names: 1000, stream: "TCP"},
	{name: "DoT, pipelined", names: 1000, stream: "DoT"},
	{name: "DoH, HTTP/2", names: 1000, stream: "DoH"},
}

// A Row is what one server needed for one work.
type Row struct {
	Work   string        `json:"work"`
	Server string        `json:"server"`
	CPU    float64       `json:"cpu_us"`  // processor time for an answer, in µs
	Rate   float64       `json:"rate"`    // answers a second
	Lost   float64       `json:"lost"`    // share of queries without an answer
	Memory int64         `json:"memory"`  // octets, shared ones counted once
	Load   time.Duration `json:"load_ns"` // from the start until the last name is answered
	// Ratios are zonecast's cost in terms of the others' of the same work, by their names.
	Ratios  map[string]float64 `json:"ratios,omitempty"`
	Latency *Latency           `json:"latency,omitempty"` // in place of CPU, Rate and Lost
	Start   *Start             `json:"start,omitempty"`   // the same
	// Transfer is in place of CPU, Rate and Lost, too; Ratios are then of records a second.
	Transfer *Transfer `json:"transfer,omitempty"`
	Update   *Update   `json:"update,omitempty"` // the same
	Result   string    `json:"result,omitempty"`
	Error    string    `json:"error,omitempty"`
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("nameserver", flag.ContinueOnError)
	f.SetOutput(stderr)
	b := bench{ctx: ctx, log: stderr}
	quick := f.Bool("quick", false, "small and short: whether it works at all")
	f.IntVar(&b.rounds, "rounds", 5, "how often to measure each server; the least is told")
	f.DurationVar(&b.measure, "time", 2*time.Second, "of one measurement")
	f.StringVar(&b.dir, "dir", "", "`folder` for zones and servers (default bench/out/nameserver)")
	signed := f.Int("signed", signedNames, "how many names signed zones have: a million takes half a minute to sign, once")
	only := f.String("only", "", "only rows whose name matches this regular `expression`")
	servers := f.String("servers", "", "only servers whose name matches this regular `expression`")
	asJSON := f.Bool("json", false, "print JSON")
	enforce := f.Bool("enforce", false, "exit 1 when a target is missed")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if *quick {
		b.rounds, b.measure = 1, 100*time.Millisecond
	}
	err := b.prepare(*servers)
	rows, badRegexp := regexp.Compile(*only)
	if err = cmp.Or(err, badRegexp); err != nil {
		fmt.Fprintln(stderr, "nameserver:", err)
		return 2
	}
	for _, w := range works {
		if w.denial != "" {
			w.names = max(*signed, 1)
		}
		if *quick && w.names > 10_000 {
			w.names = 10_000
		}
		if rows.MatchString(w.name) && ctx.Err() == nil {
			b.run(w)
		}
	}
	if rows.MatchString(swapName) && ctx.Err() == nil {
		zones := manyZones
		if *quick {
			zones = 1000
		}
		b.addSwaps(zones)
	}
	if rows.MatchString(transferName) && ctx.Err() == nil {
		names := transferNames
		if *quick {
			names = 10_000
		}
		b.transfers(names)
	}
	if rows.MatchString(updateName) && ctx.Err() == nil {
		names := updateNames
		if *quick {
			names = 10_000
		}
		b.updating(names)
	}
	for _, w := range loads {
		if rows.MatchString(w.name) && ctx.Err() == nil {
			b.load(w, *quick)
		}
	}
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "nameserver: interrupted")
		return 1
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		_ = e.Encode(b.rows)
	} else {
		about := fmt.Sprintf("%s; the best 100 ms of %d rounds of %v", runtime.Version(), b.rounds, b.measure)
		if *quick {
			about += ": no figures to rely on"
		}
		fmt.Fprintf(stdout, "%s\n\n", about)
		printTable(stdout, b.rows)
	}
	for _, r := range b.rows {
		if *enforce && (r.Result == "MISSED" || r.Error != "") {
			return 1
		}
	}
	return 0
}

func (b *bench) prepare(servers string) (err error) {
	if b.servers, err = regexp.Compile(servers); err != nil {
		return err
	}
	if runtime.NumCPU() < 2 {
		return errors.New("two processors are needed: one for the server, one for the load")
	}
	if b.dir == "" {
		out, err := exec.CommandContext(b.ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
		if err != nil {
			return fmt.Errorf("where is the module? run it inside of it: %w", err)
		}
		b.dir = filepath.Join(strings.TrimSpace(string(out)), "bench", "out", "nameserver")
	}
	b.dir, err = filepath.Abs(b.dir)
	return err
}

// run measures all servers, round by round, so that what the machine does meanwhile falls on all.
func (b *bench) run(w work) {
	zone, err := zoneFile(b.dir, w.names, w.denial)
	if err != nil {
		b.rows = append(b.rows, Row{Work: w.name, Error: err.Error()})
		return
	}
	rows := make([]Row, len(servers))
	for round := range b.rounds {
		for i, s := range servers {
			if !b.wanted(w, s) || b.ctx.Err() != nil || rows[i].Error != "" {
				continue
			}
			r, err := b.once(w, s, zone)
			if errors.Is(err, errMissing) {
				rows[i] = Row{Work: w.name, Server: s.name, Error: err.Error()}
				continue
			}
			if err != nil {
				r.Error = err.Error()
				rows[i] = r
				fmt.Fprintf(b.log, "%s: %s: %v\n", w.name, s.name, err)
				continue
			}
			fmt.Fprintf(b.log, "%s: round %d: %-8s %5.2f µs, %.0f/s, lost %.1f%%\n", w.name, round+1, s.name, r.CPU, r.Rate, 100*r.Lost)
			rows[i] = better(rows[i], r)
		}
	}
	for i, s := range servers {
		if b.wanted(w, s) {
			rows[i].judge(rows)
			b.rows = append(b.rows, rows[i])
		}
	}
}

// wanted reports whether a server is to be measured.
func (b *bench) wanted(w work, s server) bool {
	return b.servers.MatchString(s.name) && (w.stream == "" || slices.Contains(s.streams, w.stream)) && (w.denial == "" || !s.unsigned)
}

// better joins two rounds of one server.
func better(a, b Row) Row {
	if a.Server == "" {
		return b
	}
	if b.CPU > a.CPU {
		a, b = b, a
	}
	b.Memory, b.Load, b.Rate = min(a.Memory, b.Memory), min(a.Load, b.Load), max(a.Rate, b.Rate)
	return b
}

// once starts a server, lets it load, measures it and ends it.
func (b *bench) once(w work, s server, zone string) (Row, error) {
	r := Row{Work: w.name, Server: s.name}
	dir := filepath.Join(b.dir, s.name)
	if err := os.RemoveAll(dir); err != nil {
		return r, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return r, err
	}
	port, err := freePort(b.ctx)
	if err != nil {
		return r, err
	}
	stream := port
	if w.stream == "DoT" || w.stream == "DoH" {
		if stream, err = freePort(b.ctx); err == nil {
			err = writeCertificate(dir)
		}
		if err != nil {
			return r, err
		}
	}
	p, err := s.start(b.ctx, place{dir: dir, zone: zone, port: port, transport: w.stream, stream: stream, signed: w.denial != ""})
	if err != nil {
		return r, err
	}
	defer p.stop()
	l, err := newLoad(port, w)
	if err != nil {
		return r, err
	}
	defer l.close()
	l.echo = s.name == "echo"
	if err := l.awaitLast(p, time.Minute+time.Duration(w.names)*150*time.Microsecond); err != nil {
		return r, fmt.Errorf("%w\n%s", err, p.said())
	}
	r.Load = time.Since(p.began)
	if w.stream != "" {
		sum, err := driveStreams(b.ctx, dir, streamTask{Transport: w.stream, Port: stream, Names: w.names, Group: p.group, Time: b.measure})
		if err != nil {
			return r, fmt.Errorf("%w\n%s", err, p.said())
		}
		r.CPU = float64(sum.CPU.Nanoseconds()) / 1000 / float64(sum.Answers)
		r.Rate = float64(sum.Answers) / sum.Took.Seconds()
		r.Memory = p.memory()
		fmt.Fprintf(b.log, "%s: %s: the server used %.0f %% of its processor, the load %.0f %%\n", w.name, s.name,
			100*sum.CPU.Seconds()/sum.Took.Seconds(), 100*sum.Load.Seconds()/sum.Took.Seconds())
		return r, nil
	}
	if _, err := l.drive(b.measure/4, p.cpu); err != nil { // caches and tables get warm
		return r, err
	}
	sum, err := l.drive(b.measure, p.cpu)
	if err != nil {
		return r, fmt.Errorf("%w\n%s", err, p.said())
	}
	r.CPU = sum.perAnswer
	r.Rate = float64(sum.answers) / sum.took.Seconds()
	r.Lost = float64(sum.lost) / float64(sum.answers+sum.lost)
	r.Memory = p.memory()
	return r, nil
}
