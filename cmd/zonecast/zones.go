package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
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
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/store/sqlite"
	"github.com/zonecast/zonecast/zone"
)

type zonesArgs struct {
	selection
	live bool
}

func zonesCommand(a *app) *cobra.Command {
	var args zonesArgs
	run := func(cmd *cobra.Command, list []string) error {
		if err := args.args(list); err != nil {
			return err
		}
		return a.zones(cmd.Context(), args)
	}
	flags := func(c *cobra.Command) *cobra.Command {
		args.selection.flags(c.Flags())
		c.Flags().BoolVar(&args.live, "live", false, "ask the providers, too: serial, kind, signed, number of RRsets")
		return c
	}
	cmd := flags(&cobra.Command{
		Use:     "zones [ZONE…]",
		GroupID: "look",
		Short:   "List zones with their targets and state; enable, disable, default TTL",
		Long: `Without a word it lists zones, as "zones list" does.

The state of a target is what zonecast wrote there last. With --live each provider is asked,
and zones that an account holds without being configured as their target are reported. It
exits 1 when a provider could not be asked.`,
		Example: `  zonecast zones
  zonecast zones --live --target powerdns
  zonecast zones disable example.com
  zonecast zones ttl example.com 300`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && strings.Contains(args[0], ".") { // a zone, not a misspelt command
				return nil
			}
			return noSubcommand(cmd, args)
		},
		RunE: run,
	})
	cmd.AddCommand(flags(&cobra.Command{
		Use:   "list [ZONE…]",
		Short: "List zones with their targets and state",
		Long: `Lists each zone at each target: sources, what was written last, and the default TTL at
its source. --live asks the providers, too.`,
		Example: `  zonecast zones list
  zonecast zones list example.com --live
  zonecast zones list --source zones --json`,
		RunE: run,
	}), switchCommand(a, true), switchCommand(a, false), ttlCommand(a))
	return cmd
}

func switchCommand(a *app, on bool) *cobra.Command {
	c := &cobra.Command{
		Use:   "disable ZONE",
		Short: "Keep a zone from being applied: it is planned and shown only",
		Long: `Edits the configuration so that the zone is still planned, but never applied: with
"dry_run: true" in zonecast.yaml, "always-dry-run: true" in octoDNS's configuration. Every
other byte of the file stays. What the targets hold stays in service.`,
		Example: `  zonecast zones disable example.com`,
		Args:    exactly(1, "name one zone"),
	}
	if on {
		c.Use, c.Short = "enable ZONE", "Let a zone be applied again"
		c.Long = `Takes back what "zones disable" does: removes "dry_run" or "always-dry-run" of the zone
from the configuration. Every other byte of the file stays.`
		c.Example = `  zonecast zones enable example.com`
	}
	c.RunE = func(_ *cobra.Command, list []string) error {
		var sel selection
		if err := sel.args(list); err != nil {
			return err
		}
		return a.switchZone(sel.zones[0], on)
	}
	return c
}

// A zoneRow is one zone as `zones list` shows it.
type zoneRow struct {
	Zone    string      `json:"zone"`
	Unicode string      `json:"unicode"`
	Pattern string      `json:"pattern,omitempty"` // the entry that it comes from
	Alias   string      `json:"alias,omitempty"`
	DryRun  bool        `json:"dryRun,omitempty"`
	Sources []string    `json:"sources"`
	TTL     *zoneTTL    `json:"defaultTTL,omitempty"`
	Targets []targetRow `json:"targets"`

	name zone.Name
}

// A targetRow is one target of it.
type targetRow struct {
	Provider string     `json:"provider"`
	DryRun   bool       `json:"dryRun,omitempty"`
	Adapter  bool       `json:"adapter"`
	Version  int64      `json:"version,omitempty"` // applied last
	Applied  *time.Time `json:"applied,omitempty"`
	Last     string     `json:"last,omitempty"` // outcome of the last write
	Open     int        `json:"open,omitempty"` // writes begun and not known to have ended
	Live     *liveZone  `json:"live,omitempty"`
}

// A liveZone is what the provider says of a zone now.
type liveZone struct {
	Error    string `json:"error,omitempty"`
	Missing  bool   `json:"missing,omitempty"`
	Kind     string `json:"kind,omitempty"`
	Serial   uint32 `json:"serial,omitempty"`
	Signed   bool   `json:"signed,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
	RRsets   int    `json:"rrsets"` // without the SOA, which not every provider shows
	Foreign  int    `json:"foreign,omitempty"`
}

func (a *app) zones(ctx context.Context, args zonesArgs) error {
	req, err := args.request(nil)
	if err != nil {
		return err
	}
	s, err := a.openToLook(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	s.warnNoStore()
	zones, finds := s.planner.Select(ctx, req)
	rows := make([]zoneRow, len(zones))
	var wg sync.WaitGroup
	gate := make(chan struct{}, 8)
	for i, z := range zones {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			rows[i] = s.zoneRow(ctx, z, args.targets)
		})
	}
	wg.Wait()
	if args.live {
		s.askProviders(ctx, rows)
		finds = append(finds, s.strangers(ctx, rows, len(req.Zones)+len(req.Sources)+len(req.Targets) == 0)...)
	}
	finds = slices.Concat(s.findings, finds)
	a.findings(finds)
	if a.json {
		if err := a.printJSON(map[string]any{"zones": rows}); err != nil {
			return err
		}
	} else {
		a.writeZoneTable(rows, args.live)
	}
	failed := slices.ContainsFunc(rows, func(r zoneRow) bool {
		return slices.ContainsFunc(r.Targets, func(t targetRow) bool { return t.Live != nil && t.Live.Error != "" })
	})
	if failed || a.bad(finds) {
		return status(exitError)
	}
	return nil
}

// openToLook opens the state only if there is any: who lists zones makes no folder.
func (a *app) openToLook(ctx context.Context) (*session, error) {
	s, err := a.load()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(s.cfg.StateDir()); err == nil {
		if s.store, s.storeErr = sqlite.Open(ctx, s.cfg.StateDir()); s.storeErr == nil {
			s.planner.Store = s.store
		}
	}
	return s, nil
}

// zoneRow gathers what configuration, source and history say of a zone.
func (s *session) zoneRow(ctx context.Context, z config.Zone, targets []string) zoneRow {
	row := zoneRow{
		Zone: z.Name.String(), Unicode: z.Name.Unicode(), DryRun: z.AlwaysDryRun,
		Sources: config.IDs(z.Sources), Targets: []targetRow{}, name: z.Name,
	}
	if z.IsAlias() {
		row.Alias = z.Alias.Unicode()
	}
	if strings.HasPrefix(z.Written, "*") {
		row.Pattern = z.Written
	}
	if t, err := s.defaultTTL(ctx, z); err == nil {
		row.TTL = &t.zoneTTL
	}
	for _, ref := range z.Targets {
		if len(targets) > 0 && !slices.Contains(targets, ref.ID) {
			continue
		}
		e, _ := s.cfg.Entry(ref.ID)
		t := targetRow{Provider: ref.ID, DryRun: z.AlwaysDryRun || e.ApplyDisabled, Adapter: e.HasAdapter()}
		if s.store != nil {
			s.lastWrites(ctx, z.Name, &t)
		}
		row.Targets = append(row.Targets, t)
	}
	return row
}

// lastWrites reads the history of a target back to the last write that was carried out whole.
func (s *session) lastWrites(ctx context.Context, n zone.Name, t *targetRow) {
	for v, err := range s.store.History(ctx, store.Filter{Zone: &n, Provider: t.Provider, Limit: 20}) {
		if err != nil {
			return
		}
		if v.Outcome == "open" {
			t.Open++
		}
		t.Last = cmp.Or(t.Last, v.Outcome)
		if v.Applied() {
			t.Version, t.Applied = v.ID, &v.Began
			return
		}
	}
}

// askProviders fills in what every target holds, bounded for each account.
func (s *session) askProviders(ctx context.Context, rows []zoneRow) {
	gates := map[string]chan struct{}{}
	var wg sync.WaitGroup
	for i := range rows {
		for j := range rows[i].Targets {
			t := &rows[i].Targets[j]
			if gates[t.Provider] == nil {
				gates[t.Provider] = make(chan struct{}, max(s.planner.InFlight(t.Provider), 1))
			}
			gate := gates[t.Provider]
			wg.Go(func() {
				gate <- struct{}{}
				defer func() { <-gate }()
				t.Live = s.askProvider(ctx, t.Provider, rows[i].name)
			})
		}
	}
	wg.Wait()
}

func (s *session) askProvider(ctx context.Context, id string, n zone.Name) *liveZone {
	p, err := s.cfg.OpenProvider(id)
	if err != nil {
		return &liveZone{Error: firstLine(err)}
	}
	snap, err := p.Read(ctx, provider.ZoneRef{Origin: n})
	switch {
	case errors.Is(err, provider.ErrNoZone):
		return &liveZone{Missing: true}
	case err != nil:
		return &liveZone{Error: firstLine(err)}
	}
	_, soa := snap.Sets.Set(snap.Info.Origin, zone.TypeSOA)
	return &liveZone{
		Missing: snap.Missing, Kind: string(cmp.Or(snap.Info.Kind, provider.Primary)), Serial: serialOf(snap),
		Signed: snap.Info.Signed, Disabled: snap.Info.Disabled, RRsets: snap.Sets.Len() - count(soa), Foreign: len(snap.Foreign),
	}
}

// serialOf is what the provider says, else what the SOA says.
func serialOf(snap *provider.Snapshot) uint32 {
	soa, ok := snap.Sets.Set(snap.Info.Origin, zone.TypeSOA)
	if snap.Info.Serial != 0 || !ok || len(soa.Data) == 0 || len(soa.Data[0]) < 22 {
		return snap.Info.Serial
	}
	d := soa.Data[0] // two names, then five numbers of four octets, the serial first
	at := len(d) - 20
	return uint32(d[at])<<24 | uint32(d[at+1])<<16 | uint32(d[at+2])<<8 | uint32(d[at+3])
}

// strangers reports accounts that hold zones without being their target, and, when the whole
// configuration was asked about, zones outside it that several accounts hold. Which one answers
// the world is decided by the delegation; it is never guessed here.
func (s *session) strangers(ctx context.Context, rows []zoneRow, whole bool) []finding.Finding {
	var finds []finding.Finding
	holders := map[zone.Name][]string{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, e := range s.cfg.Providers {
		if !e.HasAdapter() || !s.isTarget(e.ID) {
			continue
		}
		wg.Go(func() {
			p, err := s.cfg.OpenProvider(e.ID)
			if err != nil {
				return // told with its targets
			}
			for z, err := range p.Zones(ctx) {
				if err != nil {
					return
				}
				mu.Lock()
				if z.View == "" && !slices.Contains(holders[z.Origin], e.ID) {
					holders[z.Origin] = append(holders[z.Origin], e.ID)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, n := range sortedNames(holders) {
		ids := holders[n]
		slices.Sort(ids)
		i := slices.IndexFunc(rows, func(r zoneRow) bool { return r.name == n })
		z, configured := s.cfg.Zone(n)
		switch {
		case i >= 0:
			targets := config.IDs(z.Targets)
			for _, id := range ids {
				if !slices.Contains(targets, id) {
					finds = append(finds, finding.Finding{
						ID: "held-elsewhere", Severity: finding.Warning, Place: z.Place, Zone: n.Unicode(),
						Text: fmt.Sprintf("%s holds %s, too, and is no target of it", id, n.Unicode()),
						Fix:  "add it to the zone's targets, or remove the zone there",
					})
				}
			}
		case !configured && whole && len(ids) > 1:
			finds = append(finds, finding.Finding{
				ID: "held-twice", Severity: finding.Warning, Zone: n.Unicode(),
				Text: fmt.Sprintf("%s is held by %s, and is not in the configuration", n.Unicode(), strings.Join(ids, " and ")),
				Fix:  "add it with the targets that shall serve it",
			})
		case !configured && whole:
			finds = append(finds, finding.Finding{
				ID: "unmanaged", Severity: finding.Info, Zone: n.Unicode(),
				Text: fmt.Sprintf("%s holds %s, which is not in the configuration", ids[0], n.Unicode()),
			})
		}
	}
	return finds
}

func (s *session) isTarget(id string) bool {
	return slices.ContainsFunc(s.cfg.Zones, func(z config.Zone) bool { return slices.Contains(config.IDs(z.Targets), id) })
}

func sortedNames(m map[zone.Name][]string) []zone.Name {
	out := make([]zone.Name, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	slices.SortFunc(out, zone.Name.Compare)
	return out
}

// writeZoneTable prints a line for each target of each zone.
func (a *app) writeZoneTable(rows []zoneRow, live bool) {
	if len(rows) == 0 {
		a.say("The configuration has no zones.")
		return
	}
	p := a.outPaint()
	head := []string{"zone", "sources", "provider", "ttl", "state"}
	if live {
		head = []string{"zone", "sources", "provider", "ttl", "state", "there now"}
	}
	table := [][]string{head}
	for _, r := range rows {
		name, sources, ttl := term.Clean(r.Unicode), term.Clean(strings.Join(r.Sources, ", ")), "–"
		if r.Alias != "" {
			sources = "alias of " + term.Clean(r.Alias)
		}
		if r.TTL != nil {
			ttl = strconv.FormatUint(uint64(r.TTL.Seconds), 10)
		}
		targets := r.Targets
		if len(targets) == 0 {
			table = append(table, []string{name, sources, p.Yellow("no target"), ttl, ""})
		}
		for _, t := range targets {
			line := []string{name, sources, term.Clean(t.Provider), ttl, t.state(p)}
			if live {
				line = append(line, t.Live.text(p))
			}
			table = append(table, line)
			name, sources, ttl = "", "", ""
		}
	}
	a.table(table)
}

// state says what was written last.
func (t *targetRow) state(p term.Paint) string {
	out := "never applied"
	if t.Applied != nil {
		out = fmt.Sprintf("version %d of %s", t.Version, t.Applied.Local().Format(timeLayout))
	}
	switch {
	case t.Open > 0:
		out = p.Yellow("interrupted") + ", before that " + out
	case t.Last != "" && (t.Applied == nil || t.Last == "failed" || t.Last == "unknown"):
		out = p.Red("last write "+t.Last) + "; " + out
	}
	if t.DryRun {
		out = p.Yellow("disabled") + ", " + out
	}
	if !t.Adapter {
		out = p.Yellow("no adapter") + ", " + out
	}
	return out
}

// text says what is there now.
func (l *liveZone) text(p term.Paint) string {
	switch {
	case l == nil:
		return ""
	case l.Error != "":
		return p.Red(l.Error)
	case l.Missing:
		return p.Yellow("missing")
	}
	out := l.Kind
	if l.Serial != 0 { // not every provider has one
		out += fmt.Sprintf(", serial %d", l.Serial)
	}
	out += ", " + plural(l.RRsets, "RRset")
	if l.Signed {
		out += ", signed"
	}
	if l.Foreign > 0 {
		out += fmt.Sprintf(", %d foreign", l.Foreign)
	}
	if l.Disabled {
		out += ", " + p.Yellow("switched off there")
	}
	return out
}
