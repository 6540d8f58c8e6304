package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/sandbox"
	"github.com/zonecast/zonecast/sandbox/service"
)

// sandboxDir is where a project keeps its sandbox.
const sandboxDir = ".sandbox"

type sandboxArgs struct {
	dir      string
	basePort int
	only     []string
	zones    []string
	set      []string
}

func sandboxCommand(a *app) *cobra.Command {
	var args sandboxArgs
	cmd := &cobra.Command{
		Use:     "sandbox",
		GroupID: "try",
		Short:   "Run providers on this machine, to try things with",
		Long: `Runs Route 53, Cloudflare, Azure DNS and Google Cloud DNS as emulations, each with name
servers that show what its API holds, and BIND, Knot and PowerDNS where they are installed.
Everything listens on loopback and ends with Ctrl-C; what was written to it is gone then.

The folder .sandbox remembers ports and credentials. "zonecast init DIR --sandbox" writes a
project with a configuration that uses them.

Each service has knobs, turned at the start with --set or at any time with "zonecast
sandbox set", which explains them: ` + strings.Join(knobNames()[:5], ", ") + `,
` + strings.Join(knobNames()[5:], ", ") + `. The control API does the same: GET / shows all
services, PATCH /services/NAME takes knobs as JSON.`,
		Example: `  zonecast sandbox
  zonecast sandbox --only route53,cloudflare --set cloudflare.latency=100ms
  zonecast sandbox set route53 outage=on
  zonecast sandbox set google throttle=5 retryAfter=2s
  zonecast sandbox status`,
		Args: noSubcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sandbox(cmd.Context(), args) },
	}
	f := cmd.Flags()
	cmd.PersistentFlags().StringVar(&args.dir, "dir", sandboxDir, "the sandbox's `FOLDER`")
	f.IntVar(&args.basePort, "base-port", 0, "the first `PORT` of 21 in a row; default: as before, or the first that are free from 8500 on")
	f.StringSliceVar(&args.only, "only", nil, "run only the services `NAMES`; default: as before, or all that this machine can run")
	f.StringSliceVar(&args.zones, "zone", nil, "`ZONES` that BIND and Knot hold from the start, since no update can create one;\ndefault: as before, or example.com")
	f.StringArrayVar(&args.set, "set", nil, "turn a knob, as in `NAME.KNOB=VALUE`; may be given several times")

	set := &cobra.Command{
		Use:   "set NAME KNOB=VALUE…",
		Short: "Turn knobs of a running service",
		Long: `Turns knobs of a service of the sandbox that runs.

` + knobHelp + `
A real server (bind, knot, powerdns) has outage and dark only, which both stop it.`,
		Example: `  zonecast sandbox set cloudflare outage=on
  zonecast sandbox set cloudflare outage=off latency=200ms jitter=50ms
  zonecast sandbox set route53 propagation=5s
  zonecast sandbox set bind outage=on`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error { return a.sandboxSet(cmd.Context(), args.dir, words) },
	}
	var wait time.Duration
	status := &cobra.Command{
		Use:   "status",
		Short: "Show the services of a running sandbox",
		Long: `Shows the services of the sandbox that runs: addresses, zones, calls so far, and the knobs
that are turned. --wait waits until a sandbox that was just started answers.`,
		Example: `  zonecast sandbox status
  zonecast sandbox status --wait 10s
  zonecast sandbox status --json`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sandboxStatus(cmd.Context(), args.dir, wait) },
	}
	status.Flags().DurationVar(&wait, "wait", 0, "wait up to `DURATION` until it answers")
	cmd.AddCommand(set, status)
	return cmd
}

const knobHelp = `  latency=TIME      before each answer of the API
  jitter=TIME       up to this much more
  limits=on|off     enforce the limits of calls that the provider documents
  throttle=CALLS    let so many calls a second through, refuse the others; 0: all
  retryAfter=TIME   what a throttled caller is asked to wait
  fail=SHARE        share of calls, 0 to 1, answered 503 without effect
  lose=SHARE        share of calls, 0 to 1, carried out whose answer is lost
  outage=on|off     the API answers 503 to everything
  dark=on|off       the name servers answer nothing
  propagation=TIME  until the name servers show a change
`

func knobNames() []string {
	return []string{"latency", "jitter", "limits", "throttle", "retryAfter", "fail", "lose", "outage", "dark", "propagation"}
}

// sandbox runs until it is interrupted.
func (a *app) sandbox(ctx context.Context, args sandboxArgs) error {
	began := time.Now()
	project, err := args.project(ctx)
	if err != nil {
		return err
	}
	knobs, err := startKnobs(args.set, project.Kinds)
	if err != nil {
		return err
	}
	if err := sandbox.Prepare(args.dir, project); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := sandbox.Start(ctx, args.dir, knobs)
	if err != nil {
		return err
	}
	a.say("The sandbox runs (started in %v).", time.Since(began).Round(time.Millisecond))
	if a.json {
		if err := a.printJSON(map[string]any{"services": s.Status()}); err != nil {
			return errors.Join(err, s.Close())
		}
	} else {
		a.printServices(s.Status())
	}
	a.say("\nControl API: http://%s   Ctrl-C ends it.", project.Control())
	if missing := missingServers(); len(missing) > 0 && len(args.only) == 0 {
		a.say("Not installed, so not here: %s.", strings.Join(missing, ", "))
	}
	<-ctx.Done()
	stop()
	return s.Close()
}

// project is what the folder remembers, changed as flags say.
func (x sandboxArgs) project(ctx context.Context) (sandbox.Project, error) {
	p, err := sandbox.Load(x.dir)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err != nil && !fresh {
		return p, err
	}
	if fresh {
		p.Kinds, p.Zones = sandbox.Available(), []string{"example.com."}
	}
	if x.basePort != 0 {
		p.BasePort = x.basePort
	} else if fresh {
		if p.BasePort, err = sandbox.FreeBase(ctx, sandbox.DefaultBase); err != nil {
			return p, err
		}
	}
	if len(x.only) > 0 {
		p.Kinds = x.only
	}
	if len(x.zones) > 0 {
		p.Zones = nil
		for _, z := range x.zones {
			p.Zones = append(p.Zones, strings.TrimSuffix(strings.ToLower(z), ".")+".")
		}
	}
	return p, nil
}

func missingServers() []string {
	return slices.DeleteFunc(sandbox.Kinds(), func(k string) bool { return slices.Contains(sandbox.Available(), k) })
}

// startKnobs reads --set flags: by service.
func startKnobs(set, kinds []string) (map[string]service.Knobs, error) {
	raw := map[string]map[string]any{}
	for _, s := range set {
		name, rest, ok := strings.Cut(s, ".")
		if !ok || !slices.Contains(kinds, name) {
			return nil, &usageError{text: fmt.Sprintf("--set %s names no service", s), fix: "write NAME.KNOB=VALUE, where NAME is one of " + strings.Join(kinds, ", ")}
		}
		knob, value, err := parseKnob(rest)
		if err != nil {
			return nil, err
		}
		if raw[name] == nil {
			raw[name] = map[string]any{}
		}
		raw[name][knob] = value
	}
	out := map[string]service.Knobs{}
	for name, values := range raw {
		text, err := json.Marshal(values)
		if err != nil {
			return nil, err
		}
		var k service.Knobs
		if err := json.Unmarshal(text, &k); err != nil {
			return nil, &usageError{text: name + ": " + err.Error()}
		}
		if err := k.Check(); err != nil {
			return nil, &usageError{text: name + ": " + err.Error()}
		}
		out[name] = k
	}
	return out, nil
}

// parseKnob reads KNOB=VALUE into the name and value that JSON has.
func parseKnob(word string) (string, any, error) {
	name, text, ok := strings.Cut(word, "=")
	if i := slices.IndexFunc(knobNames(), func(k string) bool { return strings.EqualFold(k, name) }); i >= 0 {
		name = knobNames()[i]
	} else {
		return "", nil, &usageError{text: fmt.Sprintf("no knob is called %q", name), fix: "knobs are " + strings.Join(knobNames(), ", ")}
	}
	bad := func(want string) (string, any, error) {
		return "", nil, &usageError{text: fmt.Sprintf("knob %s=%s makes no sense", name, text), fix: "write " + name + "=" + want}
	}
	switch name {
	case "limits", "outage", "dark":
		switch {
		case !ok, text == "on", text == "true", text == "yes":
			return name, true, nil
		case text == "off", text == "false", text == "no":
			return name, false, nil
		}
		return bad("on or off")
	case "throttle":
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return bad("a number of calls a second; 0 lets all through")
		}
		return name, n, nil
	case "fail", "lose":
		share, err := strconv.ParseFloat(text, 64)
		if err != nil || !(share >= 0 && share <= 1) {
			return bad("a share from 0 to 1")
		}
		return name, share, nil
	}
	if _, err := time.ParseDuration(text); err != nil {
		return bad("a time such as 150ms")
	}
	return name, text, nil
}

func (a *app) remote(dir string) (sandbox.Remote, error) {
	p, err := sandbox.Load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return sandbox.Remote{}, fmt.Errorf("there is no sandbox in %s; start one with: zonecast sandbox", filepath.Join(dir, ""))
	}
	return sandbox.Remote{Control: p.Control()}, err
}

func (a *app) sandboxSet(ctx context.Context, dir string, words []string) error {
	if len(words) < 2 {
		return &usageError{text: "which service, and which knob?", fix: "zonecast sandbox set cloudflare outage=on"}
	}
	knobs := map[string]any{}
	for _, w := range words[1:] {
		name, value, err := parseKnob(w)
		if err != nil {
			return err
		}
		knobs[name] = value
	}
	r, err := a.remote(dir)
	if err != nil {
		return err
	}
	st, err := r.Turn(ctx, words[0], knobs)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(st)
	}
	a.say("%s: %s", st.Title(), turned(st.Knobs))
	return nil
}

func (a *app) sandboxStatus(ctx context.Context, dir string, wait time.Duration) error {
	// A call that hangs is given up some time after the wait is over: the loop says then what it saw last.
	ctx, cancel := context.WithTimeout(ctx, wait+10*time.Second)
	defer cancel()
	deadline := time.Now().Add(wait)
	for {
		r, err := a.remote(dir)
		var list []sandbox.Status
		if err == nil {
			list, err = r.Services(ctx)
		}
		if p, loadErr := sandbox.Load(dir); err == nil && loadErr == nil && (len(list) == len(p.Kinds) || wait == 0) {
			if a.json {
				return a.printJSON(map[string]any{"services": list})
			}
			a.printServices(list)
			return nil
		}
		if time.Now().After(deadline) {
			if err == nil {
				err = errors.New("the sandbox is still starting")
			}
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (a *app) printServices(list []sandbox.Status) {
	rows := [][]string{{"service", "api", "name servers", "zones", "calls", "knobs"}}
	for _, st := range list {
		zones, calls := strconv.Itoa(st.Zones), strconv.FormatInt(total(st.Calls), 10)
		if st.Real {
			zones, calls = "", ""
		}
		knobs := turned(st.Knobs)
		if knobs == untouched {
			knobs = "–"
		}
		rows = append(rows, []string{st.Name, st.API, st.DNS, zones, calls, knobs})
	}
	a.table(rows)
}

func total(calls map[string]int64) int64 {
	var n int64
	for _, c := range calls {
		n += c
	}
	return n
}

// untouched is said of a service of which no knob is turned.
const untouched = "in good order"

// turned lists the knobs that do something.
func turned(k service.Knobs) string {
	data, err := json.Marshal(k)
	if err != nil {
		return err.Error()
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		return err.Error()
	}
	var parts []string
	for _, name := range knobNames() {
		switch v := m[name].(type) {
		case bool:
			if v {
				parts = append(parts, name)
			}
		case float64:
			if v != 0 {
				parts = append(parts, fmt.Sprintf("%s=%v", name, v))
			}
		case string:
			if v != "0s" {
				parts = append(parts, name+"="+v)
			}
		}
	}
	if len(parts) == 0 {
		return untouched
	}
	return strings.Join(parts, " ")
}
