package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/providers/zonecast/api"
)

// fact prints a line of a description.
func (c *controlled) fact(name, value string) {
	if value != "" {
		fmt.Fprintf(c.stdout, "%s %s\n", c.outPaint().Dim(term.Pad(name, 9)), value)
	}
}

func (c *controlled) writeStatus(s *api.Status) {
	c.fact("version", term.Clean(s.Version))
	c.fact("up", fmt.Sprintf("%s, since %s", long(time.Duration(s.Uptime)*time.Second), s.Started.Local().Format(timeLayout)))
	total, by := 0, make([]string, 0, len(s.Zones))
	for _, kind := range slices.Sorted(maps.Keys(s.Zones)) {
		total += s.Zones[kind]
		by = append(by, fmt.Sprintf("%d %s", s.Zones[kind], term.Clean(kind)))
	}
	zones := strconv.Itoa(total)
	if len(by) > 0 {
		zones += " (" + strings.Join(by, ", ") + ")"
	}
	c.fact("zones", zones)
	c.fact("answers", term.Clean(strings.Join(s.Addresses, ", ")))
	you := term.Clean(s.Client.Name)
	if s.Client.ReadOnly {
		you += ", may look and not change"
	}
	if n := len(s.Client.Zones); n > 0 {
		list := make([]string, n)
		for i, z := range s.Client.Zones {
			list[i] = z.String()
		}
		you += ", only " + strings.Join(list, ", ")
	}
	c.fact("you", you)
	for i := range s.Former {
		if i == mostFormers {
			c.fact("as before", fmt.Sprintf("… and %s more", plural(len(s.Former)-i, "zone")))
			break
		}
		c.former(&s.Former[i], s.Former[i].Zone.String()+": ")
	}
	if len(s.Counters) == 0 {
		return
	}
	fmt.Fprintln(c.stdout)
	rows := [][]string{{"counter", "since the start"}}
	for _, name := range slices.Sorted(maps.Keys(s.Counters)) {
		rows = append(rows, []string{term.Clean(name), strconv.FormatUint(s.Counters[name], 10)})
	}
	c.table(rows)
}

// mostFormers is how many zones that are answered as before are named.
const mostFormers = 10

// former tells why a zone is answered as it was.
func (c *controlled) former(f *api.Former, zone string) {
	text := fmt.Sprintf("%sserial %d from %s, until it comes from %s", zone, f.Serial, term.Clean(f.From), term.Clean(f.To))
	if !f.Until.IsZero() {
		text += ", not after " + f.Until.Local().Format(timeLayout)
	}
	c.fact("as before", c.outPaint().Yellow(text))
}

// long is a time as people tell uptimes.
func long(d time.Duration) string {
	days, hours := int(d/(24*time.Hour)), int(d/time.Hour)%24
	switch {
	case days > 0:
		return fmt.Sprintf("%s %d h", plural(days, "day"), hours)
	case hours > 0:
		return fmt.Sprintf("%d h %d min", hours, int(d/time.Minute)%60)
	case d >= time.Minute:
		return fmt.Sprintf("%d min %d s", int(d/time.Minute), int(d/time.Second)%60)
	}
	return fmt.Sprintf("%d s", int(d/time.Second))
}

func (c *controlled) writeZones(list []api.Zone) {
	rows := [][]string{{"zone", "kind", "serial", "RRsets", "DNSSEC"}}
	for i := range list {
		z := &list[i]
		rows = append(rows, []string{z.Name.String(), term.Clean(z.Kind), strconv.FormatUint(uint64(z.Serial), 10), strconv.Itoa(z.RRsets), dnssec(z)})
	}
	if len(list) == 0 {
		c.say("no zones")
		return
	}
	c.table(rows)
}

func dnssec(z *api.Zone) string {
	if z.Signed {
		return "signed"
	}
	return "–"
}

// origins are the kinds of zones in words.
var origins = map[string]string{
	api.Primary: "held here (primary)", api.Secondary: "transferred in (secondary)", api.File: "read from a file",
	api.Catalog: "made by the name server (catalog)",
}

func (c *controlled) writeZone(z *api.Zone) {
	p := c.outPaint()
	fmt.Fprintln(c.stdout, p.Bold(z.Name.String()))
	c.fact("kind", cmp.Or(origins[z.Kind], term.Clean(z.Kind)))
	c.fact("serial", strconv.FormatUint(uint64(z.Serial), 10))
	c.fact("RRsets", strconv.Itoa(z.RRsets))
	if z.Signed {
		c.fact("DNSSEC", "signed")
	}
	c.fact("revision", term.Clean(z.Revision))
	if z.Former != nil {
		c.former(z.Former, "")
	}
	t := z.Transfer
	if t == nil {
		return
	}
	switch {
	case z.Former != nil:
	case t.Expired:
		c.fact("state", p.Red("expired: it is not answered, as no primary has confirmed it for too long"))
	case !t.Loaded:
		c.fact("state", p.Red("not there yet: no primary has given it"))
	}
	when := func(name string, at time.Time) {
		if !at.IsZero() {
			c.fact(name, at.Local().Format(timeLayout))
		}
	}
	c.fact("primary", term.Clean(t.From))
	when("confirmed", t.Refreshed)
	when("next", t.Next)
	if t.Error != "" {
		c.fact("trouble", p.Yellow(term.Clean(t.Error)))
	}
}

func (c *controlled) writeVersions(v *api.Versions) {
	p := c.outPaint()
	rows := [][]string{{"serial", "when", "difference", "who"}}
	for _, x := range v.Versions {
		size, serial := "–", strconv.FormatUint(uint64(x.Serial), 10)
		if x.Octets > 0 {
			size = plural(x.Octets, "octet")
		}
		if x.Current {
			serial = p.Bold(serial) + " (now)"
		}
		rows = append(rows, []string{serial, x.At.Local().Format(timeLayout), size, term.Clean(x.By)})
	}
	c.table(rows)
}
