package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/source"
)

func providersCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "providers",
		GroupID: "look",
		Short:   "List the accounts of the configuration, or check them",
		Long: `Without a word it lists what the configuration names, as "providers list" does; that
asks nobody and needs no credentials.`,
		Example: `  zonecast providers
  zonecast providers list --drivers
  zonecast providers verify`,
		Args: noSubcommand,
		RunE: func(*cobra.Command, []string) error { return a.providers() },
	}
	drivers := false
	list := &cobra.Command{
		Use:   "list",
		Short: "List providers and sources, or all that zonecast knows",
		Long: `Lists the providers and sources of the configuration: what they are, how many zones use
them, what they can hold, and how the adapter was proven ("real server", "simulated").

With --drivers it lists every kind of provider and source that this binary has, with its
options, whether or not a configuration uses it.`,
		Example: `  zonecast providers list
  zonecast providers list --json
  zonecast providers list --drivers`,
		Args: atMost(0),
		RunE: func(*cobra.Command, []string) error {
			if drivers {
				return a.drivers()
			}
			return a.providers()
		},
	}
	list.Flags().BoolVar(&drivers, "drivers", false, "every kind of provider and source, with its options")
	timeout := 30 * time.Second
	verify := &cobra.Command{
		Use:   "verify [ID…]",
		Short: "Ask each account whether it can be used",
		Long: `Opens each account with its credentials and asks it something that changes nothing. One
line for each tells whom it reached, or what is wrong and what to do.

Exits 1 when one of them cannot be used.`,
		Example: `  zonecast providers verify
  zonecast providers verify route53 powerdns
  zonecast providers verify --timeout 5s`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.verify(cmd.Context(), args, timeout) },
	}
	verify.Flags().DurationVar(&timeout, "timeout", timeout, "how long one account may take to answer (`DURATION`)")
	show := &cobra.Command{
		Use:   "show [ID…]",
		Short: "Show what an account can hold and how much it may be asked",
		Long: `Shows providers of the configuration one by one: what they can hold, how the adapter was
proven, and the account's budget: how many calls it may make in which time, who says so, and
how far that is used by this run of zonecast. No provider is asked.

The budget is what the service documents, unless the provider's option "limits" sets another:
"5/1s, 100/1h; 4 at once" are windows of time with the calls in each, and how many calls may
be under way at once; "off" limits nothing.`,
		Example: `  zonecast providers show
  zonecast providers show route53
  zonecast providers show route53 --json`,
		RunE: func(_ *cobra.Command, args []string) error { return a.showAccounts(args) },
	}
	cmd.AddCommand(list, show, verify)
	return cmd
}

// noSubcommand tells of a word that is no subcommand.
func noSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.Name() != "help" {
			names = append(names, c.Name())
		}
	}
	return choiceOf(cmd.CommandPath()+" has no command %q", args[0], names)
}

// An account is a provider or source as `providers list` shows it.
type account struct {
	ID       string   `json:"id"`
	Type     string   `json:"type"`
	Class    string   `json:"class,omitempty"`
	Role     string   `json:"role"`
	Adapter  bool     `json:"adapter"`
	Zones    int      `json:"zones"`
	SourceOf int      `json:"sourceOf,omitempty"`
	TargetOf int      `json:"targetOf,omitempty"`
	Proof    string   `json:"proof,omitempty"`
	Holds    []string `json:"types,omitempty"`
	ApexNS   string   `json:"apexNS,omitempty"`
	Compare  string   `json:"compareAndSet,omitempty"`
	Can      []string `json:"can,omitempty"`
	Note     string   `json:"note,omitempty"`
}

func (a *app) providers() error {
	s, err := a.load()
	if err != nil {
		return err
	}
	defer s.close()
	list := make([]account, 0, len(s.cfg.Providers))
	for _, e := range s.cfg.Providers {
		list = append(list, s.account(e))
	}
	if a.json {
		return a.printJSON(map[string]any{"providers": list})
	}
	a.findings(s.findings)
	p := a.outPaint()
	rows := [][]string{{"id", "type", "as", "zones", "proven by", "what it can"}}
	for _, x := range list {
		proof, can := cmp.Or(x.Proof, "–"), strings.Join(x.Can, ", ")
		if !x.Adapter {
			proof, can = p.Yellow("no adapter"), x.Note
		}
		rows = append(rows, []string{term.Clean(x.ID), term.Clean(cmp.Or(x.Type, x.Class)), x.Role, strconv.Itoa(x.Zones), proof, can})
	}
	a.table(rows)
	return nil
}

// account tells what the configuration and the adapter say of an entry. Nobody is asked: where
// the account cannot be opened, for lack of a secret, its capabilities stay unknown.
func (s *session) account(e config.Entry) account {
	x := account{ID: e.ID, Type: e.Driver, Adapter: e.HasAdapter()}
	if e.Class != e.Driver {
		x.Class = e.Class
	}
	is := func(r config.Ref) bool { return r.ID == e.ID }
	for _, z := range s.cfg.Zones {
		src, tgt := slices.ContainsFunc(z.Sources, is), slices.ContainsFunc(z.Targets, is)
		x.SourceOf, x.TargetOf = x.SourceOf+count(src), x.TargetOf+count(tgt)
		x.Zones += count(src || tgt)
	}
	switch {
	case x.SourceOf > 0 && x.TargetOf > 0:
		x.Role = "source, target"
	case x.TargetOf > 0:
		x.Role = "target"
	case x.SourceOf > 0:
		x.Role = "source"
	case e.Writable():
		x.Role = "provider"
	default:
		x.Role = "source"
	}
	if !x.Adapter {
		if !e.Writable() && e.Driver != "" || x.TargetOf == 0 && e.Driver != "" && isSource(e.Driver) {
			x.Adapter, x.Can = true, []string{"read only"}
			return x
		}
		x.Note = "known, but this version cannot write to it"
		if e.Known.Name == "" && e.Driver == "" {
			x.Note = "no such class is known"
		}
		return x
	}
	open, err := s.cfg.OpenProvider(e.ID)
	if err != nil {
		x.Note = "cannot be opened: " + firstLine(err)
		x.Can = []string{x.Note}
		return x
	}
	x.describe(open.Capabilities(provider.ZoneInfo{Kind: provider.Primary}))
	return x
}

func isSource(driver string) bool {
	return slices.ContainsFunc(config.Sources(), func(d config.SourceDriver) bool { return d.Name == driver })
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return term.Clean(text)
}

// describe puts capabilities in words.
func (x *account) describe(c provider.Capabilities) {
	x.Proof = c.Proof
	for _, t := range c.Types {
		x.Holds = append(x.Holds, t.String())
	}
	slices.Sort(x.Holds)
	x.ApexNS = [...]string{"hidden", "read only", "editable"}[min(c.ApexNS, provider.ApexNSEditable)]
	x.Compare = [...]string{"none", "each RRset", "whole zone"}[min(c.Compare, provider.CompareAll)]
	x.Can = []string{plural(len(c.Types), "type")}
	add := func(can bool, what string) {
		if can {
			x.Can = append(x.Can, what)
		}
	}
	add(c.ApexNS == provider.ApexNSEditable, "apex NS")
	add(c.Alias != "", "ALIAS")
	add(c.Dynamic || c.Geo, "steering")
	add(c.Atomic, "atomic writes")
	add(c.Compare != provider.NoCompare, "compare-and-set")
	add(c.ListZones, "lists zones")
	add(c.CreateZone, "creates zones")
}

// A checkup is what `providers verify` found out of one account.
type checkup struct {
	ID     string `json:"id"`
	OK     bool   `json:"ok"`
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"`
	TookMS int64  `json:"tookMs"`
}

func (a *app) verify(ctx context.Context, ids []string, timeout time.Duration) error {
	s, err := a.load()
	if err != nil {
		return err
	}
	defer s.close()
	entries, err := s.entries(ids)
	if err != nil {
		return err
	}
	out := make([]checkup, len(entries))
	var wg sync.WaitGroup
	for i, e := range entries {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			began := time.Now()
			text, err := s.check(ctx, e)
			out[i] = checkup{ID: e.ID, OK: err == nil, Text: text, TookMS: time.Since(began).Milliseconds()}
			if err != nil {
				out[i].blame(err, timeout)
			}
		})
	}
	wg.Wait()
	failed := slices.ContainsFunc(out, func(v checkup) bool { return !v.OK })
	if a.json {
		if err := a.printJSON(map[string]any{"providers": out}); err != nil {
			return err
		}
	} else {
		a.writeCheckups(out)
	}
	if failed {
		return status(exitError)
	}
	return nil
}

// entries are the providers and sources of some ids, or all.
func (s *session) entries(ids []string) ([]config.Entry, error) {
	if len(ids) == 0 {
		return s.cfg.Providers, nil
	}
	var entries []config.Entry
	for _, id := range ids {
		e, ok := s.cfg.Entry(id)
		if !ok {
			var known []string
			for _, e := range s.cfg.Providers {
				known = append(known, e.ID)
			}
			return nil, choiceOf("there is no provider or source %q", id, known)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// check asks one account, and returns whom it found.
func (s *session) check(ctx context.Context, e config.Entry) (string, error) {
	used := func(refs []config.Ref) bool {
		return slices.ContainsFunc(refs, func(r config.Ref) bool { return r.ID == e.ID })
	}
	var first *config.Zone
	target := false
	for i, z := range s.cfg.Zones {
		if !z.Dynamic && first == nil && (used(z.Sources) || used(z.Targets)) {
			first = &s.cfg.Zones[i]
		}
		target = target || used(z.Targets)
	}
	probe := first // of an account that no zone uses yet, any zone is worth a question
	for i := range s.cfg.Zones {
		if probe == nil && !s.cfg.Zones[i].Dynamic {
			probe = &s.cfg.Zones[i]
		}
	}
	if e.HasAdapter() {
		p, err := s.cfg.OpenProvider(e.ID)
		if err != nil {
			return "", err
		}
		return verifyProvider(ctx, p, first, probe)
	}
	if target || e.Writable() && !isSource(e.Driver) {
		return "", fmt.Errorf("this version of zonecast has no adapter for %s", cmp.Or(e.Class, e.Driver))
	}
	src, err := s.cfg.OpenSource(e.ID)
	if err != nil {
		return "", err
	}
	return verifySource(ctx, src, first)
}

func verifyProvider(ctx context.Context, p provider.Provider, first, probe *config.Zone) (string, error) {
	if v, ok := p.(provider.Verifier); ok {
		text, err := v.Verify(ctx)
		if err == nil || probe == nil {
			return text, err
		}
		// An account that lets its zone be read can be used, whatever it says to other questions; and
		// a folder that the first apply makes is no trouble.
		snap, rerr := p.Read(ctx, provider.ZoneRef{Origin: probe.Name})
		switch {
		case rerr == nil:
			return fmt.Sprintf("read %s, %s", probe.Name.Unicode(), plural(snap.Sets.Len(), "RRset")), nil
		case first != nil && errors.Is(rerr, provider.ErrNoZone) && provider.KindOf(err) == provider.Other:
			return "empty; the first apply makes " + first.Name.Unicode(), nil
		}
		return text, err
	}
	if text, err := listed(p.Zones(ctx), first == nil); text != "" || err != nil {
		return text, err
	}
	snap, err := p.Read(ctx, provider.ZoneRef{Origin: first.Name})
	if errors.Is(err, provider.ErrNoZone) {
		return "answers; it has no zone " + first.Name.Unicode() + " yet", nil
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("read %s, %s", first.Name.Unicode(), plural(snap.Sets.Len(), "RRset")), nil
}

// listed says how many zones an account lists. It says nothing where the account cannot list them
// and there is a zone to read instead.
func listed[T any](zones iter.Seq2[T, error], unused bool) (string, error) {
	n := 0
	for _, err := range zones {
		switch {
		case err == nil:
			n++
		case !errors.Is(err, errors.ErrUnsupported):
			return "", err
		case unused:
			return "opened; no zone uses it, and it cannot list its zones", nil
		default:
			return "", nil
		}
	}
	return plural(n, "zone"), nil
}

func verifySource(ctx context.Context, src source.Source, first *config.Zone) (string, error) {
	if text, err := listed(src.Zones(ctx), first == nil); text != "" || err != nil {
		return text, err
	}
	l, err := src.Load(ctx, first.Name)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("read %s, %s", first.Name.Unicode(), plural(l.Zone.Len(), "RRset")), nil
}

// blame puts an error in words: what, and what to do.
func (v *checkup) blame(err error, timeout time.Duration) {
	v.Text, v.Advice, _ = strings.Cut(err.Error(), "\n")
	v.Advice = strings.TrimSpace(v.Advice)
	if problem, ok := errors.AsType[*finding.Problem](err); ok && len(problem.Findings) > 0 {
		v.Text, v.Advice = problem.Findings[0].Text, problem.Findings[0].Fix
	}
	if e, ok := errors.AsType[*provider.Error](err); ok {
		v.Advice = cmp.Or(e.Advice, v.Advice, map[provider.ErrKind]string{
			provider.Denied:    "check its credentials and what they allow",
			provider.Transient: "check its address, and whether it can be reached from here",
			provider.Throttled: "wait, or lower `parallel` of the provider",
			provider.Invalid:   "check its address: what answers there is something else",
		}[e.Kind])
	}
	if strings.Contains(v.Text, v.Advice) {
		v.Advice = ""
	}
	if errors.Is(err, context.DeadlineExceeded) {
		v.Text = fmt.Sprintf("no answer within %s", timeout)
		v.Advice = cmp.Or(v.Advice, "check its address, and whether it can be reached from here")
	}
}

func (a *app) writeCheckups(list []checkup) {
	p := a.outPaint()
	width := 0
	for _, v := range list {
		width = max(width, term.Columns(term.Clean(v.ID)))
	}
	for _, v := range list {
		state := p.Green(term.Pad("ok", 6))
		if !v.OK {
			state = p.Red("failed")
		}
		fmt.Fprintf(a.stdout, "%s  %s  %s\n", term.Pad(term.Clean(v.ID), width), state, term.Clean(v.Text))
		if v.Advice != "" {
			fmt.Fprintf(a.stdout, "%s  %s\n", strings.Repeat(" ", width+8), term.Clean(v.Advice))
		}
	}
	if len(list) == 0 {
		a.say("The configuration names no provider.")
	}
}
