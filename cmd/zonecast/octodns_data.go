package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/flow"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
	"github.com/zonecast/zonecast/zone/rdata"
)

func dumpFlags(o *octoFlags, fs *pflag.FlagSet) {
	fs.StringVar(&o.outputDir, "output-dir", "", "the `folder` to write to")
	fs.StringVar(&o.outputProvider, "output-provider", "", "write as this configured YAML `provider` would")
	fs.BoolVar(&o.lenient, "lenient", false, "violations of rules are warnings")
	fs.BoolVar(&o.split, "split", false, "one file for each name")
}

// octoDump writes zones from sources to files.
func octoDump(ctx context.Context, t *octoTool) int {
	if t.outputDir == "" || len(t.args) < 2 {
		return t.badUsage("the following arguments are required: --output-dir, zone, source")
	}
	if !t.open() {
		return 1
	}
	defer t.cfg.Close()
	layout, opt := octodns.Layout{Directory: t.outputDir}, octodns.Options{}
	if t.outputProvider != "" {
		e, ok := t.cfg.Entry(t.outputProvider)
		if !ok || e.Driver != "yaml" {
			fmt.Fprintf(t.log, "error: output provider %q is no configured YAML provider\n", t.outputProvider)
			return 1
		}
		o := e.Tree()
		layout.SplitExtension, _ = o["split_extension"].(string)
		if catchall, ok := o["split_catchall"].(bool); ok {
			layout.NoCatchall = !catchall
		}
		if ttl, ok := o["default_ttl"].(int64); ok {
			opt.DefaultTTL = uint32(ttl)
		}
		if escaped, ok := o["escaped_semicolons"].(bool); ok {
			opt.RawSemicolons = !escaped
		}
	}
	if t.split {
		layout.SplitExtension = "."
	}
	layout.DisableZonefile = layout.SplitExtension != ""
	req := flow.Request{Lenient: t.octoFlags.lenient}
	if t.args[0] != "*" {
		n, err := zone.ParseName(t.args[0])
		if err != nil || !strings.HasSuffix(t.args[0], ".") {
			return t.badUsage("invalid zone name %q: missing ending dot", t.args[0])
		}
		req.Zones = []zone.Name{n}
	} else {
		p := &flow.Planner{Config: t.cfg}
		zones, fs := p.Select(ctx, flow.Request{})
		t.tell(fs)
		for _, z := range zones {
			req.Zones = append(req.Zones, z.Name)
		}
	}
	p := &flow.Planner{Config: t.cfg}
	zones, fs := p.From(ctx, t.args[1:], req)
	t.tell(fs)
	bad := finding.AsError(fs) != nil
	for _, d := range zones {
		if d.Err != nil || d.Loaded == nil {
			continue
		}
		ops, fs := layout.Write(d.Loaded.Zone, nil, opt)
		t.tell(fs)
		for _, op := range ops {
			if err := writeFile(op); err != nil {
				fmt.Fprintln(t.log, "error:", err)
				bad = true
			}
		}
		t.logf("dump: %s: %d records", d.Config.Name.Unicode(), d.Loaded.Zone.Len())
	}
	return bool2exit(bad)
}

func writeFile(op octodns.FileOp) error {
	if op.Remove {
		return os.Remove(op.Path)
	}
	if err := os.MkdirAll(filepath.Dir(op.Path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(op.Path, op.Content, 0o644)
}

func compareFlags(o *octoFlags, fs *pflag.FlagSet) {
	fs.StringArrayVar(&o.a, "a", nil, "`source` of the first side")
	fs.StringArrayVar(&o.b, "b", nil, "`source` of the second side")
	fs.StringVar(&o.zone, "zone", "", "the `zone` to compare")
	fs.StringVar(&o.ignore, "ignore-prefix", "", "leave out names that begin with this `prefix`")
}

// octoCompare tells whether two sets of sources say the same of a zone.
func octoCompare(ctx context.Context, t *octoTool) int {
	n, err := zone.ParseName(t.zone)
	if len(t.a) == 0 || len(t.b) == 0 || t.zone == "" || err != nil {
		return t.badUsage("the following arguments are required: --a, --b, --zone")
	}
	if !t.open() {
		return 1
	}
	defer t.cfg.Close()
	var sides [2]*zone.Zone
	for i, ids := range [][]string{t.a, t.b} {
		p := &flow.Planner{Config: t.cfg}
		zones, fs := p.From(ctx, ids, flow.Request{Zones: []zone.Name{n}, Lenient: true})
		t.tell(fs)
		if len(zones) == 0 || zones[0].Err != nil || zones[0].Loaded == nil {
			return 1
		}
		sides[i] = zones[0].Loaded.Zone
	}
	different := false
	for c := range zone.Diff(sides[0], sides[1]) {
		if t.ignore != "" && strings.HasPrefix(c.Key().Owner.String(), t.ignore) || sameRecords(c) {
			continue
		}
		different = true
		for i, set := range []*zone.RRset{c.Before, c.After} {
			if set != nil {
				fmt.Fprintf(t.stdout, "%c %s %d %s %s\n", "-+"[i], set.Owner.Unicode(), set.TTL, set.Type, values(set))
			}
		}
	}
	if !different {
		t.logf("no differences")
	}
	return bool2exit(different)
}

// sameRecords reports whether two RRsets differ only in what octoDNS does not compare.
func sameRecords(c zone.Change) bool {
	if !c.Updates() || c.Before.TTL != c.After.TTL || !c.Before.SameData(*c.After) {
		return false
	}
	steering := func(key string) bool { return key == octodns.ExtraDynamic || key == octodns.ExtraGeo }
	return c.Before.Extra.Filter(steering) == c.After.Extra.Filter(steering)
}

func values(set *zone.RRset) string {
	var out []string
	for _, d := range set.Data {
		out = append(out, rdata.Text(set.Type, d))
	}
	return strings.Join(out, ", ")
}

func reportFlags(o *octoFlags, fs *pflag.FlagSet) {
	fs.StringVar(&o.zone, "zone", "", "the `zone` to report on")
	fs.StringArrayVar(&o.sources, "source", nil, "`source` of the zone")
	fs.IntVar(&o.concurrency, "concurrency", 4, "questions at once")
	fs.Float64Var(&o.timeout, "timeout", 1, "`seconds` to wait for an answer")
	fs.StringVar(&o.format, "output-format", "csv", "csv or json")
	fs.BoolVar(&o.lenient, "lenient", false, "violations of rules are warnings")
}

// A reported record is one line of octodns-report.
type reported struct {
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	TTL        uint32            `json:"ttl"`
	Answers    map[string]string `json:"answers"`
	Consistent bool              `json:"consistent"`
}

// octoReport asks every server for every record of a zone.
func octoReport(ctx context.Context, t *octoTool) int {
	n, err := zone.ParseName(t.zone)
	if err != nil || t.zone == "" || len(t.sources) == 0 || len(t.args) == 0 || t.format != "csv" && t.format != "json" {
		return t.badUsage("--zone, --source and at least one server are required; --output-format is csv or json")
	}
	if !t.open() {
		return 1
	}
	defer t.cfg.Close()
	p := &flow.Planner{Config: t.cfg}
	zones, fs := p.From(ctx, t.sources, flow.Request{Zones: []zone.Name{n}, Lenient: t.octoFlags.lenient})
	t.tell(fs)
	if len(zones) == 0 || zones[0].Err != nil || zones[0].Loaded == nil {
		return 1
	}
	servers := t.servers(ctx)
	if len(servers) == 0 {
		fmt.Fprintln(t.log, "error: none of the servers can be used")
		return 1
	}
	rows := t.ask(ctx, zones[0].Loaded.Zone, servers)
	if t.format == "json" {
		enc := json.NewEncoder(t.stdout)
		enc.SetIndent("", "  ")
		return bool2exit(enc.Encode(rows) != nil)
	}
	w := csv.NewWriter(t.stdout)
	_ = w.Write(slices.Concat([]string{"Name", "Type", "TTL"}, servers, []string{"Consistent"}))
	for _, r := range rows {
		line := []string{r.Name, r.Type, strconv.FormatUint(uint64(r.TTL), 10)}
		for _, s := range servers {
			line = append(line, r.Answers[s])
		}
		_ = w.Write(append(line, map[bool]string{true: "True", false: "False"}[r.Consistent]))
	}
	w.Flush()
	return bool2exit(w.Error() != nil)
}

// servers returns the addresses of the servers that were named, with ports.
func (t *octoTool) servers(ctx context.Context) []string {
	var out []string
	for _, s := range t.args {
		host, port, err := net.SplitHostPort(s)
		if err != nil {
			host, port = strings.Trim(s, "[]"), "53"
		}
		if net.ParseIP(host) == nil {
			addrs, err := net.DefaultResolver.LookupHost(ctx, host)
			if err != nil {
				fmt.Fprintf(t.log, "warning: server %s: %v\n", s, err)
				continue
			}
			host = addrs[0]
		}
		out = append(out, net.JoinHostPort(host, port))
	}
	return out
}

// ask puts all questions, a few at a time.
func (t *octoTool) ask(ctx context.Context, z *zone.Zone, servers []string) []reported {
	var rows []reported
	var sets []zone.RRset
	for set := range z.All() {
		if set.Type.OnWire() {
			sets = append(sets, set)
			rows = append(rows, reported{Name: set.Owner.Unicode(), Type: set.Type.String(), TTL: set.TTL, Answers: map[string]string{}})
		}
	}
	client := &wire.Client{Timeout: time.Duration(t.timeout * float64(time.Second)), Tries: 1}
	var mu sync.Mutex
	var wg sync.WaitGroup
	gate := make(chan struct{}, max(t.concurrency, 1))
	for i := range rows {
		for _, s := range servers {
			gate <- struct{}{}
			wg.Go(func() {
				defer func() { <-gate }()
				text := answer(ctx, client, s, sets[i].Key())
				mu.Lock()
				defer mu.Unlock()
				rows[i].Answers[s] = text
			})
		}
	}
	wg.Wait()
	for i := range rows {
		rows[i].Consistent = true
		for _, s := range servers {
			rows[i].Consistent = rows[i].Consistent && strings.EqualFold(rows[i].Answers[s], rows[i].Answers[servers[0]])
		}
	}
	return rows
}

// answer asks one server and returns the sorted data, or what went wrong in octoDNS's words.
func answer(ctx context.Context, c *wire.Client, server string, k zone.Key) string {
	q := wire.Query(k.Owner, k.Type)
	q.RecursionDesired = true
	m, err := c.Exchange(ctx, server, q)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
			return "*timeout*"
		}
		if w, ok := errors.AsType[*wire.Error](err); ok {
			return "*" + w.Cause() + "*"
		}
		return "*" + err.Error() + "*"
	}
	var out []string
	for _, r := range slices.Concat(m.Answers, m.Authority) {
		if r.Owner == k.Owner && r.Type == k.Type {
			out = append(out, rdata.Text(r.Type, r.Data))
		}
	}
	if len(out) == 0 {
		if m.RCODE == wire.NXDomain {
			return "*does not exist*"
		}
		return "*no answer*"
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// octoVersions loads the configuration and tells what it is read by.
func octoVersions(_ context.Context, t *octoTool) int {
	if !t.open() {
		return 1
	}
	defer t.cfg.Close()
	t.logf("zonecast %s", thisBuild().Version)
	for _, e := range t.cfg.Providers {
		if e.Driver == "" {
			t.logf("%s: %s is not known", e.ID, e.Class)
			continue
		}
		t.logf("%s: %s, read by %s", e.ID, e.Class, e.Driver)
	}
	return 0
}

func schemaFlags(o *octoFlags, fs *pflag.FlagSet) {
	fs.StringVar(&o.kind, "kind", "zone", "zone or config")
	fs.IntVar(&o.indent, "indent", 2, "columns of indentation")
	fs.StringVar(&o.output, "output", "", "write to this `file` instead of standard output")
}

// octoSchema prints a JSON Schema of octoDNS's files.
func octoSchema(_ context.Context, t *octoTool) int {
	if t.kind != "zone" && t.kind != "config" {
		return t.badUsage("argument --kind: invalid choice: %q (choose from zone, config)", t.kind)
	}
	var text bytes.Buffer
	if err := json.Indent(&text, schemaOf("octodns-"+t.kind), "", strings.Repeat(" ", min(max(t.indent, 0), 16))); err != nil {
		fmt.Fprintln(t.log, "error:", err)
		return 1
	}
	t.app.quiet = true
	if err := t.emit(t.octoFlags.output, text.Bytes()); err != nil {
		fmt.Fprintln(t.log, "error:", err)
		return 1
	}
	return 0
}
