//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// targets are how many times the cost of others zonecast's may be, by work and server.
var targets = map[string]map[string]float64{
	"UDP, 1,000 names":       {"gdnsd": 1.00, "echo": 1.04},
	"UDP, 1,000,000 names":   {"gdnsd": 1.00, "knot": 0.75, "nsd": 0.75},
	"UDP, signed, NSEC, DO":  {"knot": 0.70},
	"UDP, signed, NSEC3, DO": {"knot": 0.70},
	"TCP, pipelined":         {"powerdns": 1 / 0.9},
	"DoT, pipelined":         {"coredns": 1.00},
	"DoH, HTTP/2":            {"bind": 1.00},
}

// memories are how many octets zonecast may hold, by work.
var memories = map[string]int64{
	"UDP, 1,000,000 names":   200e6,
	"UDP, signed, NSEC, DO":  800e6,
	"UDP, signed, NSEC3, DO": 800e6,
}

// tolerance is how much of a target is noise.
const tolerance = 1.05

// cost finds the cost of a server.
func cost(rows []Row, server string) float64 {
	for _, r := range rows {
		if r.Server == server && r.Error == "" {
			return r.CPU
		}
	}
	return 0
}

// judge compares zonecast with the others of the same work.
func (r *Row) judge(rows []Row) {
	if r.Server != "zonecast" || r.Error != "" {
		return
	}
	if limit, ok := memories[r.Work]; ok {
		r.Result = "ok"
		if r.Memory > limit {
			r.Result = "MISSED"
		}
	}
	r.Ratios = map[string]float64{}
	for _, s := range servers { // in the order of the table
		times, ok := targets[r.Work][s.name]
		other := cost(rows, s.name)
		if other == 0 { // not measured
			continue
		}
		if s.name != r.Server {
			r.Ratios[s.name] = r.CPU / other
		}
		if !ok {
			continue
		}
		if r.Result == "" {
			r.Result = "ok"
		}
		if r.CPU > other*times*tolerance {
			r.Result = "MISSED"
		}
	}
}

func printTable(w io.Writer, rows []Row) {
	fmt.Fprintln(w, "| work | server | CPU for an answer | × echo | × gdnsd | × knot | × zonecast | answers/s | lost | memory | load | targets |")
	fmt.Fprintln(w, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	for i := range rows {
		r := &rows[i]
		var same []Row
		for _, o := range rows {
			if o.Work == r.Work {
				same = append(same, o)
			}
		}
		if r.Error != "" {
			why, _, _ := strings.Cut(r.Error, "\n")
			fmt.Fprintf(w, "| %s | %s | %s | | | | | | | | | |\n", r.Work, r.Server, why)
			continue
		}
		if r.Start != nil {
			fmt.Fprintf(w, "| %s | %s | %s | | | | | | | %d MiB | %v | %s |\n", r.Work, r.Server, r.Start, r.Memory>>20, r.Load.Round(10*time.Millisecond), r.wanted())
			continue
		}
		if r.Transfer != nil {
			fmt.Fprintf(w, "| %s | %s | %s | | | | | | | %d MiB | %v | %s |\n", r.Work, r.Server, r.transferred(same), r.Memory>>20, r.Load.Round(10*time.Millisecond), r.wanted())
			continue
		}
		if r.Update != nil {
			fmt.Fprintf(w, "| %s | %s | %s | | | | | | | %d MiB | %v | - |\n", r.Work, r.Server, r.Update, r.Memory>>20, r.Load.Round(10*time.Millisecond))
			continue
		}
		if r.Latency != nil {
			fmt.Fprintf(w, "| %s | %s | %s | | | | | | | %d MiB | %v | %s |\n", r.Work, r.Server, r.Latency, r.Memory>>20, r.Load.Round(10*time.Millisecond), r.wanted())
			continue
		}
		times := func(server string) string {
			if other := cost(same, server); other > 0 {
				return fmt.Sprintf("%.2f", r.CPU/other)
			}
			return "-"
		}
		fmt.Fprintf(w, "| %s | %s | %.2f µs | %s | %s | %s | %s | %.0f | %.1f %% | %d MiB | %v | %s |\n", r.Work, r.Server, r.CPU,
			times("echo"), times("gdnsd"), times("knot"), times("zonecast"), r.Rate, 100*r.Lost, r.Memory>>20, r.Load.Round(10*time.Millisecond), r.wanted())
	}
}

// wanted says what zonecast was to reach and whether it did.
func (r *Row) wanted() string {
	if r.Server != "zonecast" || r.Result == "" {
		return "-"
	}
	if r.Start != nil {
		return r.Start.Target + ": " + r.Result
	}
	if r.Transfer != nil {
		return fmt.Sprintf("≥ %.1fM records/s: %s", transferTarget/1e6, r.Result)
	}
	if r.Latency != nil {
		return fmt.Sprintf("≤ %.2f: %s", swapTarget, r.Result)
	}
	var all []string
	for _, s := range servers {
		if times, ok := targets[r.Work][s.name]; ok {
			all = append(all, fmt.Sprintf("≤ %.2f × %s", times, s.name))
		}
	}
	if limit, ok := memories[r.Work]; ok {
		all = append(all, fmt.Sprintf("≤ %d MB", limit/1e6))
	}
	return strings.Join(all, ", ") + ": " + r.Result
}
