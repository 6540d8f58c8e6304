package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/sandbox/cloudflare"
)

// A cast is a project in a folder of the run whose targets are emulated providers.
type cast struct {
	*bench
	*theatre
	dir, conf string
	zones     int
	delay     time.Duration // of each call
}

// staged makes the folder and starts the emulations; the zones are still to be written.
func (b *bench) cast(name string, zones int, plan string, kinds ...string) (*cast, error) {
	dir, err := b.fresh(name)
	if err != nil {
		return nil, err
	}
	t, err := b.emulated(strings.Join(kinds, ","), plan, dir)
	if err != nil {
		return nil, err
	}
	return &cast{bench: b, theatre: t, dir: dir, conf: filepath.Join(dir, "zonecast.yaml"), zones: zones}, nil
}

// configure writes the configuration: all zones go to all providers. more is added to each of them,
// apex says who decides on the NS of the apex.
func (c *cast) configure(more, apex string) error {
	return file(c.conf, func(w io.Writer) {
		fmt.Fprint(w, "sources:\n  zones: {type: yaml, directory: zones}\nproviders:\n")
		kinds := c.kinds()
		for _, k := range kinds {
			fmt.Fprintf(w, "  %s: %s\n", k, c.stanza(k, more))
		}
		// The benchmarks replace whole zones on purpose.
		fmt.Fprint(w, "guards: {update_share: 1, delete_share: 1, max_updates: 0, max_deletes: 0}\n")
		fmt.Fprintf(w, "defaults: {sources: [zones], targets: [%s], apex_ns: %s}\nzones:\n", strings.Join(kinds, ", "), apex)
		for i := range c.zones {
			fmt.Fprintf(w, "  %s:\n", castZone(i))
		}
	})
}

func (c *cast) kinds() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c.at)), func(k string) bool { return k == controlName })
}

// Who decides on the NS of the apex: the source, which has none, so that they stay; or the
// providers together, which octoDNS does not offer.
const (
	octoNS    = "octodns"
	managedNS = "managed"
)

func castZone(i int) string { return fmt.Sprintf("zone%04d.example.", i) }

// write writes a zone of n address records, of which the first moved point elsewhere.
func (c *cast) write(zone, n, moved int) error {
	return file(filepath.Join(c.dir, "zones", castZone(zone)+"yaml"), func(w io.Writer) {
		fmt.Fprintln(w, "---")
		for i := range n {
			net := 10
			if i < moved {
				net = 11
			}
			fmt.Fprintf(w, "host%05d: {ttl: 300, type: A, value: %d.%d.%d.%d}\n", i, net, zone&255, i>>8&255, i&255)
		}
	})
}

// apply carries out what is written, unmeasured and without delay.
func (c *cast) apply() error {
	return errors.Join(c.latency(c.ctx, 0), c.fillFast())
}

func (c *cast) fillFast() error {
	_, err := c.command(c.conf, 0, "apply", "--yes", "--quiet", "--no-verify").run(c.ctx)
	return err
}

// measured measures zonecast and counts its calls, which have to be the same in each run.
func (c *cast) measured(r Row, p program, before func() error) Cost {
	p.after = func() error {
		made, err := c.made(c.ctx)
		if err == nil && r.Calls != nil && sum(made) != sum(r.Calls) && !c.quick {
			fmt.Fprintf(c.log, "%s: not always so many calls: %s, %s\n", r.Work, told(r.Calls), told(made))
		}
		if sum(made) >= sum(r.Calls) {
			r.Calls = made
		}
		return err
	}
	if r.Error == "" {
		cost, err := measure(c.ctx, c.runs, p, func() error {
			if before != nil {
				if err := before(); err != nil {
					return err
				}
			}
			_, err := c.made(c.ctx) // those of filling do not count
			return err
		})
		if r.Cost = cost; err != nil {
			r.Error = err.Error()
		}
	}
	if c.delay > 0 {
		n := sum(r.Calls)
		r.Others = append(r.Others, Other{Name: "its calls one after the other (computed)", Floor: true, Cost: Cost{Wall: time.Duration(n) * c.delay}})
	}
	c.add(r, 0)
	return r.Cost
}

// sum is the number of all calls.
func sum(calls map[string]map[string]int64) int64 {
	var n int64
	for _, ops := range calls {
		for _, k := range ops {
			n += k
		}
	}
	return n
}

// operations are the names of calls whose paths do not say what they are.
var operations = map[string]string{
	"GET /2013-04-01/hostedzonesbyname":      "ListHostedZonesByName",
	"GET /2013-04-01/hostedzone":             "ListHostedZones",
	"POST /2013-04-01/hostedzone":            "CreateHostedZone",
	"GET /2013-04-01/hostedzone/{id}":        "GetHostedZone",
	"GET /2013-04-01/hostedzone/{id}/rrset":  "ListResourceRecordSets",
	"POST /2013-04-01/hostedzone/{id}/rrset": "ChangeResourceRecordSets",
	"GET /2013-04-01/change/{id}":            "GetChange",
}

// told tells calls in words: by provider, most first.
func told(calls map[string]map[string]int64) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(calls)) {
		byName := map[string]int64{}
		for op, n := range calls[kind] {
			byName[operation(op)] += n
		}
		names := slices.SortedFunc(maps.Keys(byName), func(a, b string) int { return cmp.Or(cmp.Compare(byName[b], byName[a]), cmp.Compare(a, b)) })
		for i, n := range names {
			names[i] = fmt.Sprintf("%s %s", count(int(byName[n])), n)
		}
		parts = append(parts, kind+" "+strings.Join(names, ", "))
	}
	return strings.Join(parts, "; ")
}

// operation is a short name of a call.
func operation(pattern string) string {
	pattern = strings.TrimSuffix(pattern, "/{$}")
	if name, ok := operations[pattern]; ok {
		return name
	}
	return strings.NewReplacer("/client/v4/zones/{zone}/", "…/", "/client/v4/", "", "/dns/v1/projects/{project}/managedZones/{managedZone}/", "…/", "/dns/v1/projects/{project}/", "").Replace(pattern)
}

// updates measures many updates in one zone of Cloudflare, zonecast against one call for each
// record, as octoDNS makes them.
func (b *bench) updates() {
	n := b.size(2000, 250)
	for _, plan := range []struct{ name, batch string }{{"free", "200 to a batch"}, {"pro", "3,500 to a batch"}} {
		r := Row{
			Work:   fmt.Sprintf("plan + apply of %s updates in a Cloudflare zone of %s records, %s plan (%s, pages of 5,000)", count(n), count(n), plan.name, plan.batch),
			Target: Target{CPU: 500 * time.Millisecond, Calls: 30},
		}
		c, err := b.cast("updates", 1, plan.name, "cloudflare")
		if err == nil {
			defer c.close()
			err = c.configure("", octoNS)
		}
		if err != nil {
			r.Error = err.Error()
			b.add(r, 0)
			continue
		}
		filled := func() error {
			return errors.Join(os.RemoveAll(filepath.Join(c.dir, ".zonecast")), c.ask(c.ctx, "/fresh", nil), c.write(0, n, 0), c.apply(), c.write(0, n, n))
		}
		if plan.name == "free" {
			r.Others = c.oneByOne(n, filled)
			r.Others = append(r.Others, Other{Name: "octoDNS", Elsewhere: true, Cost: Cost{User: 46 * time.Second}, Calls: 2000})
		}
		c.measured(r, c.command(c.conf, 0, "apply", "--yes", "--quiet", "--no-verify"), filled)
		if plan.name == "free" {
			r.Work += ", then asking its name servers for each name"
			r.Target, r.Others = Target{Calls: 30}, nil
			c.measured(r, c.command(c.conf, 0, "apply", "--yes", "--quiet"), filled)
		}
	}
}

// oneByOne measures a program that does what every DNS tool did before there were batches.
func (c *cast) oneByOne(n int, before func() error) []Other {
	o := Other{Name: "one call for each record, in Go, nothing else", Floor: true}
	p := child("1by1", c.at["cloudflare"].API, strings.TrimSuffix(castZone(0), "."), strconv.Itoa(n))
	p.after = func() error {
		made, err := c.made(c.ctx)
		o.Calls = sum(made)
		return err
	}
	cost, err := measure(c.ctx, 1, p, func() error {
		err := before()
		_, err2 := c.made(c.ctx)
		return errors.Join(err, err2)
	})
	if err != nil {
		fmt.Fprintln(c.log, "one call for each record:", err)
		return nil
	}
	o.Cost = cost
	return []Other{o}
}

// oneByOne reads a zone of Cloudflare by pages of 100 and changes each address with a call of its
// own, one after the other.
func oneByOne(ctx context.Context, _ *stopwatch, args []string) error {
	base, name := args[0]+cloudflare.Prefix, args[1]
	want, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	type item struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Type    string `json:"type"`
		Content string `json:"content"`
		TTL     int    `json:"ttl"`
	}
	call := func(method, path string, in any) ([]item, error) {
		var body bytes.Buffer
		if in != nil {
			if err := json.NewEncoder(&body).Encode(in); err != nil {
				return nil, err
			}
		}
		req, err := http.NewRequestWithContext(ctx, method, base+path, &body)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+cloudflare.DefaultToken)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s %s: %s %.200s (%w)", method, path, resp.Status, data, err)
		}
		if in != nil {
			return nil, nil
		}
		var list struct{ Result []item }
		return list.Result, json.Unmarshal(data, &list)
	}
	zones, err := call(http.MethodGet, "/zones?name="+url.QueryEscape(name), nil)
	if err != nil || len(zones) != 1 {
		return fmt.Errorf("%d zones of the name (%w)", len(zones), err)
	}
	path := "/zones/" + zones[0].ID + "/dns_records"
	var all []item
	for page := 1; len(all) < want; page++ {
		list, err := call(http.MethodGet, fmt.Sprintf("%s?per_page=100&page=%d", path, page), nil)
		if err != nil || len(list) == 0 {
			return fmt.Errorf("%d records of %d (%w)", len(all), want, err)
		}
		all = append(all, list...)
	}
	for _, r := range all {
		r.Content = "11" + strings.TrimPrefix(r.Content, "10")
		if _, err := call(http.MethodPut, path+"/"+r.ID, r); err != nil {
			return err
		}
	}
	return nil
}

// distant measures many zones at several distant providers.
func (b *bench) distant() {
	zones, delay := b.size(100, 5), 100*time.Millisecond
	if b.quick {
		delay = time.Millisecond
	}
	kinds := []string{"route53", "cloudflare", "google"}
	goal := Target{Wall: time.Second}
	for _, v := range []struct {
		name    string
		created bool
		slots   int // calls at once for each account; 0: as the adapter says
		apex    string
		verify  bool
		target  Target
	}{
		{"zones are there", false, 100, octoNS, false, goal},
		{"zones are created", true, 100, octoNS, false, goal},
		{"zones are there, apex NS of all providers in all", false, 100, managedNS, false, Target{}},
		{"zones are created, apex NS of all providers in all", true, 100, managedNS, false, Target{}},
		{"zones are there, name servers asked for the result", false, 100, octoNS, true, Target{}},
		{"zones are there, as many calls at once as adapters make by default", false, 0, octoNS, false, Target{}},
		{"zones are created, as many calls at once as adapters make by default", true, 0, octoNS, false, Target{}},
	} {
		r := Row{
			Work:   fmt.Sprintf("plan + apply of %d zones × 20 records at %s, %v per call, %s", zones, strings.Join(kinds, ", "), delay, v.name),
			Target: v.target,
		}
		if v.target.Wall > 0 {
			r.Others = []Other{elsewhere("octoDNS 1.22, 8 workers", 34.3, 0)}
		}
		var more string
		if v.slots > 0 {
			more = fmt.Sprintf("parallel: %d", v.slots)
		}
		args := []string{"apply", "--yes", "--quiet"}
		if !v.verify {
			args = append(args, "--no-verify")
		}
		c, err := b.cast("distant", zones, "free", kinds...)
		if err == nil {
			c.delay = delay
			err = c.configure(more, v.apex)
		}
		if err != nil {
			r.Error = err.Error()
			b.add(r, 0)
			continue
		}
		c.measured(r, c.command(c.conf, 0, args...), func() error {
			err := errors.Join(os.RemoveAll(filepath.Join(c.dir, ".zonecast")), c.ask(c.ctx, "/fresh", nil))
			if !v.created {
				err = errors.Join(err, c.writeAll(1), c.apply())
			}
			return errors.Join(err, c.writeAll(20), c.latency(c.ctx, delay))
		})
		c.close()
	}
}

func (c *cast) writeAll(n int) error {
	for i := range c.zones {
		if err := c.write(i, n, 0); err != nil {
			return err
		}
	}
	return nil
}

// account measures an account of many zones at Route 53, one of them large.
func (b *bench) account() {
	zones, n := b.size(1000, 30), b.size(10_000, 700)
	c, err := b.cast("account", zones, "free", "route53")
	if err == nil {
		defer c.close()
		err = errors.Join(c.configure("", octoNS), c.writeAll(3), c.write(0, n, 0), c.apply())
	}
	in := fmt.Sprintf("a Route 53 account of %s zones, ", count(zones))
	one := fmt.Sprintf("one zone of %s records", count(n))
	if err != nil {
		b.add(Row{Work: in + one, Error: err.Error()}, 0)
		return
	}
	pages := (int64(n) + 2 + 299) / 300
	for _, moved := range []int{0, 1, b.size(1000, 100)} {
		what, exit := "no change", 2
		if moved > 0 {
			what = cmp.Or(map[int]string{1: "1 update"}[moved], count(moved)+" updates")
		} else {
			exit = 0
		}
		r := Row{Work: in + "plan of " + one + ", " + what, Error: text(c.write(0, n, moved)), Target: Target{Calls: 1 + pages}}
		c.measured(r, c.command(c.conf, exit, "plan", castZone(0), "--detailed-exitcode"), nil)
		if moved == 0 {
			continue
		}
		at := 0 // how many of the zone's records point elsewhere
		r = Row{Work: in + "plan + apply of " + one + ", " + what}
		c.measured(r, c.command(c.conf, 0, "apply", castZone(0), "--yes", "--quiet", "--no-verify"), func() error {
			at = moved - at
			return c.write(0, n, at)
		})
		if at != 0 {
			if err := errors.Join(c.write(0, n, 0), c.fillFast()); err != nil {
				b.add(Row{Work: in, Error: err.Error()}, 0)
				return
			}
		}
	}
	// Three zones are looked up by name before the adapter sees that a list of all is cheaper.
	lists := (int64(zones)+99)/100 + 3
	r := Row{Work: in + "plan of all, no change", Error: text(c.write(0, n, 0)), Target: Target{Calls: lists + pages + int64(zones) - 1}}
	c.measured(r, c.command(c.conf, 0, "plan", "--detailed-exitcode"), nil)
}
