package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

// nameserverControlCommands are the commands that look after a running name server.
func nameserverControlCommands(a *app) []*cobra.Command {
	c := &controlled{app: a}
	status := c.command(&cobra.Command{
		Use:   "status [ZONE…]",
		Short: "Show how the running name server is, or zones of it",
		Long: `Shows version, uptime, zones by kind and counters of the name server that runs on this machine, or at --control.
With zones it shows how each is: where it comes from, its serial, when its primary was last
asked and when it will be again.`,
		Example: `  zonecast nameserver status
  zonecast nameserver status example.com
  zonecast nameserver status --json
  zonecast nameserver status --control https://ns1.example.net:8530 \
    --control-cert ops.pem --control-key ops.key --control-ca authority.pem`,
	}, c.status)
	zones := c.command(&cobra.Command{
		Use:   "zones",
		Short: "List the zones of the running name server",
		Example: `  zonecast nameserver zones
  zonecast nameserver zones --kind secondary
  zonecast nameserver zones --json`,
		Args: atMost(0),
	}, c.zones)
	zones.Flags().StringVar(&c.kind, "kind", "", "only zones of this `KIND`: primary, secondary, file or catalog")
	show := c.command(&cobra.Command{
		Use:   "show ZONE [NAME…]",
		Short: "Print a zone, as it is answered, as a zone file",
		Long: `Prints a zone as the name server holds it, as a zone file; with names only what stands there.
Names without a final dot are relative to the zone, @ is its apex.`,
		Example: `  zonecast nameserver show example.com
  zonecast nameserver show example.com www @ --type A --type AAAA
  zonecast nameserver show example.com --json`,
		Args: atLeast(1, "which zone?"),
	}, c.show)
	show.Flags().StringSliceVar(&c.types, "type", nil, "only RRsets of this `TYPE` (repeatable)")
	reload := c.command(&cobra.Command{
		Use:   "reload",
		Short: "Have files and configuration read again",
		Long: `Has the name server read its zone files, certificates and configuration again, as SIGHUP does, and
waits until that is done. Exits 1 when something cannot be used; what was there before stays.`,
		Example: `  zonecast nameserver reload`,
		Args:    atMost(0),
	}, c.reload)
	versions := c.command(&cobra.Command{
		Use:   "versions ZONE",
		Short: "List the versions of a zone that can be restored",
		Example: `  zonecast nameserver versions example.com
  zonecast nameserver versions example.com --json`,
		Args: exactly(1, "which zone?"),
	}, c.versions)
	restore := c.command(&cobra.Command{
		Use:   "restore ZONE SERIAL",
		Short: "Make an old version of a zone the newest",
		Long: `Makes a version that a zone has had the newest again. It gets a new serial, so that secondaries
take it. The version before it stays in the list of versions.`,
		Example: `  zonecast nameserver versions example.com
  zonecast nameserver restore example.com 2026112103`,
		Args: exactly(2, "which zone, and which serial?"),
	}, c.restore)
	return []*cobra.Command{
		status, zones, show, reload,
		c.action("refresh", "Ask the primaries of secondary zones for newer versions", "asked", "a check of the primaries of zone %s has begun"),
		c.action("accept", "Let go the members that catalogs have lost and that are kept for a day", "accepted", "what catalog %s does not list any more is let go"),
		c.action("retransfer", "Fetch secondary zones whole, whatever their serials", "fetched", "zone %s is being fetched"),
		c.action("notify", "Tell the secondaries of zones of their newest versions", "told", "the secondaries of zone %s are being told"),
		versions, restore,
	}
}

// controlled is a name server that runs, and what commands want of it.
type controlled struct {
	*app
	reached
	kind  string   // --kind
	types []string // --type
}

func (c *controlled) command(cmd *cobra.Command, f func(context.Context, []string) error) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f(cmd.Context(), args) }
	c.flags(cmd.Flags())
	return cmd
}

// action is a command that has something done about zones.
func (c *controlled) action(name, short, done, said string) *cobra.Command {
	zone, example := "ZONE…", "example.com"
	if name == "accept" {
		zone, example = "CATALOG…", "catalog.example.net"
	}
	return c.command(&cobra.Command{
		Use:     name + " " + zone,
		Short:   short,
		Example: "  zonecast nameserver " + name + " " + example,
		Args:    atLeast(1, "which zone?"),
	}, func(ctx context.Context, args []string) error {
		list, err := names(args)
		if err != nil {
			return err
		}
		out := map[string]any{}
		for _, n := range list {
			if err := c.call(ctx, http.MethodPost, api.ZonePath(n, name), nil, nil, nil); err != nil {
				return err
			}
			if !c.json {
				fmt.Fprintf(c.stdout, said+"\n", n)
			}
		}
		if out[done] = list; c.json {
			return c.printJSON(out)
		}
		return nil
	})
}

// atLeast demands n arguments; fix says what they are.
func atLeast(n int, fix string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return exactly(n, fix)(cmd, args)
		}
		return nil
	}
}

func names(args []string) ([]zone.Name, error) {
	var s selection
	err := s.args(args)
	return s.zones, err
}

// patience is how long the name server may take to begin an answer: a reload of very many zones and
// a write take their time.
const patience = 5 * time.Minute

// ask sends a request and returns the answer when it is a good one.
func (c *controlled) ask(ctx context.Context, method, path string, q url.Values, accept string, body any) (*http.Response, error) {
	way, err := c.way()
	if err != nil {
		return nil, err
	}
	address := way.base + path
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	text := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		text = string(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	if body != nil {
		req.Header.Set("Content-Type", api.JSON)
	}
	way.DisableKeepAlives, way.ResponseHeaderTimeout = true, patience
	began := time.Now()
	resp, err := way.RoundTrip(req)
	if err != nil {
		return nil, way.unreachable(err)
	}
	if c.debug {
		c.trace("%s %s: %s (%v)", method, path, resp.Status, time.Since(began).Round(time.Millisecond))
	}
	if resp.StatusCode >= 300 {
		return nil, way.refused(resp)
	}
	return resp, nil
}

// call sends a request and reads its answer into out.
func (c *controlled) call(ctx context.Context, method, path string, q url.Values, body, out any) error {
	resp, err := c.ask(ctx, method, path, q, api.JSON, body)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("the answer of the name server cannot be read: %w", err)
	}
	return nil
}

// refused words what the name server has against a request.
func (w *way) refused(resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }()
	var p api.Problem
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&p); err != nil || p.Kind == "" {
		return fmt.Errorf("what answers at %s is no zonecast name server: %s", w.where, resp.Status)
	}
	lines := strings.Split(p.Detail, "\n")
	for i, l := range lines {
		lines[i] = term.Clean(l)
	}
	text := strings.Join(lines, "\n  ")
	if fix := map[string]string{
		api.NoZone:      "zonecast nameserver zones lists those that there are",
		api.Moved:       "look again, and decide anew",
		api.Missing:     "zonecast nameserver versions lists those that there are",
		api.Busy:        "try again in a moment",
		api.Unsupported: "docs/nameserver.md says what it takes",
	}[p.Kind]; fix != "" {
		return usagef(fix, "%s", text)
	}
	return errors.New(text)
}

func (c *controlled) status(ctx context.Context, args []string) error {
	list, err := names(args)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		var s api.Status
		if err := c.call(ctx, http.MethodGet, "/status", nil, nil, &s); err != nil {
			return err
		}
		if c.json {
			return c.printJSON(s)
		}
		c.writeStatus(&s)
		return nil
	}
	out := make([]api.Zone, len(list))
	for i, n := range list {
		if err := c.call(ctx, http.MethodGet, api.ZonePath(n), nil, nil, &out[i]); err != nil {
			return err
		}
	}
	if c.json {
		return c.printJSON(map[string]any{"zones": out})
	}
	for i := range out {
		if i > 0 {
			fmt.Fprintln(c.stdout)
		}
		c.writeZone(&out[i])
	}
	return nil
}

func (c *controlled) zones(ctx context.Context, _ []string) error {
	if c.kind != "" {
		if err := choice("kind", c.kind, api.Primary, api.Secondary, api.File, api.Catalog); err != nil {
			return err
		}
	}
	all := []api.Zone{}
	for q := (url.Values{}); ; {
		if c.kind != "" {
			q.Set("kind", c.kind)
		}
		var page api.Zones
		if err := c.call(ctx, http.MethodGet, "/zones", q, nil, &page); err != nil {
			return err
		}
		all = append(all, page.Zones...)
		if page.Next == "" || page.Next == q.Get("after") {
			break
		}
		q.Set("after", page.Next)
	}
	if c.json {
		return c.printJSON(map[string]any{"zones": all})
	}
	c.writeZones(all)
	return nil
}

func (c *controlled) show(ctx context.Context, args []string) error {
	list, err := names(args[:1])
	if err != nil {
		return err
	}
	form := api.ZoneFile
	if c.json {
		form = api.JSON
	}
	resp, err := c.ask(ctx, http.MethodGet, api.ZonePath(list[0], "records"), url.Values{"owner": args[1:], "type": c.types}, form, nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(c.stdout, resp.Body); err != nil {
		return fmt.Errorf("what is above is not the whole zone: %w", err)
	}
	return nil
}

func (c *controlled) reload(ctx context.Context, _ []string) error {
	var r api.Reload
	if err := c.call(ctx, http.MethodPost, "/reload", nil, nil, &r); err != nil {
		return err
	}
	if c.json {
		if err := c.printJSON(r); err != nil {
			return err
		}
	} else {
		for _, f := range r.Findings {
			fmt.Fprintln(c.stderr, term.Clean(f))
		}
		broken := ""
		if r.Broken > 0 {
			broken = "; " + plural(r.Broken, "file") + " cannot be used"
		}
		if r.Kept {
			broken += "; the configuration stays as it was"
		}
		fmt.Fprintf(c.stdout, "%s served; %d changed%s\n", plural(r.Zones, "zone"), r.Changed, broken)
	}
	if r.Broken > 0 || r.Kept {
		return exit(exitError)
	}
	return nil
}

func (c *controlled) versions(ctx context.Context, args []string) error {
	list, err := names(args)
	if err != nil {
		return err
	}
	var v api.Versions
	if err := c.call(ctx, http.MethodGet, api.ZonePath(list[0], "versions"), nil, nil, &v); err != nil {
		return err
	}
	if c.json {
		return c.printJSON(v)
	}
	c.writeVersions(&v)
	return nil
}

func (c *controlled) restore(ctx context.Context, args []string) error {
	list, err := names(args[:1])
	if err != nil {
		return err
	}
	serial, err := strconv.ParseUint(args[1], 10, 32)
	if err != nil {
		return usagef("zonecast nameserver versions lists them", "%q is no serial", args[1])
	}
	var w api.Written
	if err := c.call(ctx, http.MethodPost, api.ZonePath(list[0], "restore"), nil, api.Restore{Serial: uint32(serial)}, &w); err != nil {
		return err
	}
	if c.json {
		return c.printJSON(w)
	}
	if w.Before == w.Zone.Serial {
		fmt.Fprintf(c.stdout, "zone %s is as it was with serial %d already\n", w.Zone.Name, serial)
		return nil
	}
	fmt.Fprintf(c.stdout, "zone %s: serial %d → %d, with what it had as %d\n", w.Zone.Name, w.Before, w.Zone.Serial, serial)
	return nil
}
