package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/flow"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/store/sqlite"
	"github.com/zonecast/zonecast/zone"
)

// slow are the accounts of the driver "bench-memory": conformance.Memory, which allows 64 calls at
// once, with the delay of a distant service. There is no budget of calls in time.
var slow = map[string]*conformance.Memory{"a": {}, "b": {}, "c": {}}

func init() {
	provider.Register(provider.Driver{
		Name: "bench-memory", Title: "Memory with slow calls", Options: []provider.Option{{Name: "account", Required: true, Help: "a, b or c"}},
		Open: func(c provider.Config) (provider.Provider, error) {
			if m, ok := slow[c.Text("account", "")]; ok {
				return m, nil
			}
			return nil, errors.New("no such account")
		},
	})
}

// calls measures a run whose time is that of the providers' answers.
func (b *bench) calls() {
	zones, delay := b.size(100, 10), 100*time.Millisecond
	if b.quick {
		delay = time.Millisecond
	}
	for _, what := range []string{"zones are there", "zones are created"} {
		dir, err := b.fresh("calls")
		if err == nil {
			_, err = project(dir, zones, 20, "{class: bench-memory, account: a}")
		}
		b.row(Row{
			Work:   fmt.Sprintf("plan + apply of %d zones × 20 records × 3 targets, %v per provider call, %s", zones, delay, what),
			Target: Target{Wall: time.Second}, Others: []Other{elsewhere("octoDNS 1.22, 8 workers", 34.3, 0)}, Error: text(err),
		}, child("calls", dir, strconv.Itoa(zones), delay.String(), strings.Fields(what)[2]), func() error { return os.RemoveAll(filepath.Join(dir, ".zonecast")) })
	}
}

// slowCalls plans and applies all zones of a project to three accounts, journal and history
// included. Verification is off: memory has no name servers.
func slowCalls(ctx context.Context, w *stopwatch, args []string) error {
	dir, mode := args[0], args[3]
	zones, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	delay, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "config.yaml")
	text := "providers:\n  config: {class: octodns.provider.yaml.YamlProvider, directory: " + dir + "/zones}\n"
	for id := range slow {
		text += fmt.Sprintf("  %s: {class: bench-memory, account: %s}\n", id, id)
	}
	text += "zones:\n"
	for i := range zones {
		name := fmt.Sprintf("zone%04d.example.", i)
		text += "  " + name + ": {sources: [config], targets: [a, b, c]}\n"
		for _, m := range slow {
			if mode == "there" {
				m.Put(zone.Empty(zone.MustName(name)))
			}
			m.Delay = delay
		}
	}

	w.Start()
	cfg, fs := config.Parse(path, []byte(text), config.Options{WorkDir: dir})
	if err := finding.AsError(fs); err != nil {
		return err
	}
	defer cfg.Close()
	st, err := sqlite.Open(ctx, filepath.Join(dir, ".zonecast"))
	if err != nil {
		return err
	}
	defer st.Close()
	p := flow.Planner{Config: cfg, Store: st, Run: "bench"}
	run := p.Plan(ctx, flow.Request{Allow: []plan.Allowance{{Guard: "*", Reason: "benchmark"}}})
	if err := finding.AsError(run.Findings); err != nil {
		return err
	}
	report, err := p.Apply(ctx, run.Plans, flow.ApplyOptions{NoVerify: true, Actor: "bench"}, nil)
	if err != nil {
		return err
	}
	w.Stop()

	done := 0
	for _, r := range report.Results {
		if r.State == apply.DoneState {
			done++
		} else {
			err = fmt.Errorf("%s is %s: %s", r.Target, r.State, r.Error)
		}
	}
	if done != 3*zones {
		return fmt.Errorf("%d targets are done, not %d: %w", done, 3*zones, err)
	}
	return nil
}
