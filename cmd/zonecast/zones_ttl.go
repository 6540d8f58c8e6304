package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// A zoneTTL is the default TTL of a zone and where it was said.
type zoneTTL struct {
	Seconds uint32 `json:"seconds"`
	From    string `json:"from"` // "$TTL", "default_ttl", "default"
	Place   string `json:"place,omitempty"`
}

// A ttlFile is a zoneTTL with the one file that holds the zone, if there is one.
type ttlFile struct {
	zoneTTL
	origin zone.Name
	path   string
	entry  config.Entry
	why    string // why there is no one file to write to
	yaml   bool
	old    []byte
}

func ttlCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "ttl ZONE [SECONDS]",
		Short: "Show or set the TTL of records that have none of their own",
		Long: `Shows the default TTL of a zone, where it is said, and which RRsets take it.

With SECONDS it is set in the zone's file: as $TTL in a zone file, and as the key $TTL in an
octoDNS YAML file (which octoDNS itself does not know). Everything else in the file stays.
Nothing is applied.`,
		Example: `  zonecast zones ttl example.com
  zonecast zones ttl example.com 300
  zonecast zones ttl example.com 1h`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exactly(1, "name a zone")(cmd, args)
			}
			return atMost(2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var sel selection
			if err := sel.args(args[:1]); err != nil {
				return err
			}
			if len(args) == 1 {
				return a.ttl(cmd.Context(), sel.zones[0], nil)
			}
			ttl, ok := seconds(args[1])
			if !ok {
				return usagef("write seconds, such as 300, or 5m", "%q is no TTL", args[1])
			}
			return a.ttl(cmd.Context(), sel.zones[0], &ttl)
		},
	}
}

var ttlUnits = map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}

// seconds reads "300", "5m" or "1h30m", up to 2^31-1 (RFC 2181 section 8).
func seconds(s string) (uint32, bool) {
	total, digits := uint64(0), ""
	for i := range len(s) {
		if c := s[i]; c >= '0' && c <= '9' {
			digits += string(c)
			continue
		}
		v, err := strconv.ParseUint(digits, 10, 31)
		unit, ok := ttlUnits[s[i]|0x20]
		if err != nil || !ok {
			return 0, false
		}
		total, digits = total+v*unit, ""
	}
	if digits != "" {
		v, err := strconv.ParseUint(digits, 10, 31)
		if err != nil {
			return 0, false
		}
		total += v
	}
	return uint32(total), s != "" && total <= math.MaxInt32
}

// defaultTTL finds the default TTL of a zone at the first of its sources that is made of files.
func (s *session) defaultTTL(ctx context.Context, z config.Zone) (*ttlFile, error) {
	for _, ref := range z.Sources {
		e, ok := s.cfg.Entry(ref.ID)
		if !ok || !slices.Contains([]string{"yaml", "bind", "zonefile"}, e.Driver) {
			continue
		}
		t := &ttlFile{origin: z.Name, entry: e, yaml: e.Driver == "yaml"}
		t.Seconds, t.From = 3600, "default"
		if v, ok := e.Option("default_ttl"); ok {
			if n, ok := seconds(v.Text); ok {
				t.Seconds, t.From, t.Place = n, "default_ttl", v.Place.String()
			}
		}
		return t, s.findTTL(ctx, t)
	}
	return nil, fmt.Errorf("zone %s has no source that is made of files: each of its records brings its TTL", z.Name.Unicode())
}

// findTTL looks for $TTL in the files of the zone.
func (s *session) findTTL(ctx context.Context, t *ttlFile) error {
	src, err := s.cfg.OpenSource(t.entry.ID)
	if err != nil {
		return err
	}
	l, err := src.Load(ctx, t.origin)
	if err != nil && l == nil {
		return err
	}
	var files []string
	if l.Place != nil {
		for set := range l.Zone.All() {
			if f := l.Place(set.Key()).File; f != "" && !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	switch len(files) {
	case 0:
		t.why = "it has no records yet"
		return nil
	case 1:
		t.path = files[0]
	default:
		t.why = fmt.Sprintf("it is spread over %d files", len(files))
	}
	for i, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if i == 0 {
			t.old = data
		}
		if n, line, ok := directive(data, t.yaml); ok {
			t.Seconds, t.From, t.Place = n, "$TTL", fmt.Sprintf("%s:%d", f, line)
			return nil
		}
	}
	return nil
}

var (
	bindTTL = regexp.MustCompile(`(?im)^\$TTL[ \t]+([0-9smhdw]+)`)
	yamlTTL = regexp.MustCompile(`(?m)^(\$TTL|'\$TTL'|"\$TTL")[ \t]*:[ \t]*['"]?([0-9smhdwSMHDW]+)`)
)

// directive finds the first $TTL of a file.
func directive(data []byte, yaml bool) (ttl uint32, line int, ok bool) {
	re, group := bindTTL, 1
	if yaml {
		re, group = yamlTTL, 2
	}
	m := re.FindSubmatchIndex(data)
	if m == nil {
		return 0, 0, false
	}
	ttl, ok = seconds(string(data[m[2*group]:m[2*group+1]]))
	return ttl, 1 + bytes.Count(data[:m[0]], []byte("\n")), ok
}

// with returns the file with another default TTL.
func (t *ttlFile) with(ttl uint32) ([]byte, error) {
	text := strconv.FormatUint(uint64(ttl), 10)
	if t.yaml {
		doc, err := yaml11.OpenDoc(t.path, t.old)
		if err != nil {
			return nil, err
		}
		doc.Order = yaml11.NaturalOrder
		name := "$TTL"
		if err := doc.Set(name, "$TTL: "+text+"\n"); err != nil {
			return nil, err
		}
		return doc.Bytes(), nil
	}
	all := bindTTL.FindAllSubmatchIndex(t.old, -1)
	switch len(all) {
	case 0:
		at := 0 // behind the comments that the file begins with
		for line := range bytes.Lines(t.old) {
			if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && trimmed[0] != ';' {
				break
			}
			at += len(line)
		}
		return slices.Concat(t.old[:at], []byte("$TTL "+text+"\n"), t.old[at:]), nil
	case 1:
		return slices.Concat(t.old[:all[0][2]], []byte(text), t.old[all[0][3]:]), nil
	}
	return nil, fmt.Errorf("it has %d $TTL lines, and each holds for the lines below it", len(all))
}

// read reads the zone out of a text of its file.
func (t *ttlFile) read(data []byte) (*zone.Zone, error) {
	if t.yaml {
		o := octodns.Options{AllTypes: true, Lenient: true}
		if v, ok := t.entry.Option("default_ttl"); ok {
			n, _ := seconds(v.Text)
			o.DefaultTTL = n
		}
		if v, ok := t.entry.Option("escaped_semicolons"); ok {
			o.RawSemicolons = slices.Contains([]string{"false", "no", "off"}, strings.ToLower(v.Text))
		}
		res := octodns.Read(t.path, data, t.origin, o)
		return res.Zone, finding.AsError(res.Findings)
	}
	o := zonefile.Options{Origin: t.origin, HasOrigin: true, File: filepath.Base(t.path), DefaultTTL: t.Seconds}
	root, err := os.OpenRoot(filepath.Dir(t.path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	o.Root = root.FS()
	res, err := zonefile.Parse(data, o)
	if err != nil {
		return nil, err
	}
	return res.Zone, nil
}

// affected lists the RRsets that another default TTL changes, and refuses anything else to change.
func (t *ttlFile) affected(now []byte) ([]zone.Change, error) {
	before, err := t.read(t.old)
	if err != nil {
		return nil, err
	}
	after, err := t.read(now)
	if err != nil {
		return nil, err
	}
	var out []zone.Change
	for c := range zone.Diff(before, after) {
		if !c.Updates() || !c.Before.SameData(*c.After) {
			return nil, fmt.Errorf("%s would change in more than its TTL", c.Key())
		}
		out = append(out, c)
	}
	return out, nil
}

var errNotFound = errors.New("not found")

// configured finds a zone of the configuration, patterns included.
func (s *session) configured(ctx context.Context, n zone.Name) (config.Zone, error) {
	req := selection{zones: []zone.Name{n}}
	r, _ := req.request(nil)
	zones, finds := s.planner.Select(ctx, r)
	for _, z := range zones {
		if z.Name == n {
			return z, nil
		}
	}
	if err := finding.AsError(finds); err != nil {
		return config.Zone{}, err
	}
	return config.Zone{}, fmt.Errorf("zone %s: %w", n.Unicode(), errNotFound)
}

func (a *app) ttl(ctx context.Context, n zone.Name, to *uint32) error {
	s, err := a.load()
	if err != nil {
		return err
	}
	defer s.close()
	z, err := s.configured(ctx, n)
	if err != nil {
		return err
	}
	t, err := s.defaultTTL(ctx, z)
	if err != nil {
		return err
	}
	if to == nil {
		return s.showTTL(t)
	}
	byHand := func(why string) error {
		fix := fmt.Sprintf("put `$TTL: %d` into its file, or `default_ttl: %d` into %s of %s", *to, *to, t.entry.ID, s.cfg.Path)
		if !t.yaml {
			fix = fmt.Sprintf("put `$TTL %d` into its file by hand, above the records that it is for", *to)
		}
		return fmt.Errorf("the default TTL of %s was not set: %s\n  %s", n.Unicode(), why, fix)
	}
	if t.path == "" {
		return byHand(t.why)
	}
	now, err := t.with(*to)
	if err != nil {
		return byHand(err.Error())
	}
	changes, err := t.affected(now)
	if err != nil {
		return byHand(firstLine(err))
	}
	if bytes.Equal(now, t.old) {
		a.say("%s has the default TTL %d already.", n.Unicode(), *to)
		return s.writeTTL(t, changes)
	}
	info, err := os.Stat(t.path)
	if err != nil {
		return err
	}
	path, err := filepath.EvalSymlinks(t.path) // a link stays one
	if err != nil {
		return err
	}
	if err := replaceFile(path, info.Mode().Perm(), func(w io.Writer) error { _, err := w.Write(now); return err }); err != nil {
		return err
	}
	if t.yaml && s.cfg.Format == config.OctoDNS {
		a.findings([]finding.Finding{{
			ID: "octodns-ttl", Severity: finding.Warning, Place: finding.Place{File: t.path},
			Text: "octoDNS itself does not know $TTL", Fix: fmt.Sprintf("where octoDNS reads the file too, set `default_ttl: %d` of %s instead", *to, t.entry.ID),
		}})
	}
	t.Seconds, t.From, t.Place = *to, "$TTL", t.path
	if err := s.writeTTL(t, changes); err != nil {
		return err
	}
	a.say("Nothing was applied; `zonecast plan %s` shows what it changes.", n.Unicode())
	return nil
}

// showTTL tells the default TTL and finds whom it concerns by trying another.
func (s *session) showTTL(t *ttlFile) error {
	if t.path == "" {
		return s.writeTTL(t, nil)
	}
	other := t.Seconds + 1
	if t.Seconds == math.MaxInt32 {
		other = t.Seconds - 1
	}
	probe := *t
	now, err := probe.with(other)
	if err != nil {
		return s.writeTTL(t, nil)
	}
	changes, err := probe.affected(now)
	if err != nil {
		return err
	}
	return s.writeTTL(t, changes)
}

func (s *session) writeTTL(t *ttlFile, changes []zone.Change) error {
	if s.json {
		sets := make([]string, 0, len(changes))
		for _, c := range changes {
			sets = append(sets, c.Key().String())
		}
		return s.printJSON(struct {
			Zone string `json:"zone"`
			zoneTTL
			RRsets []string `json:"rrsets"`
		}{t.origin.String(), t.zoneTTL, sets})
	}
	where := t.From
	if t.From == "default" {
		where = "neither its file nor " + t.entry.ID + " says one"
	}
	if t.Place != "" {
		where += " in " + t.Place
	}
	fmt.Fprintf(s.stdout, "%s %d (%s)\n", t.origin.Unicode(), t.Seconds, where)
	if t.why != "" {
		s.say("%s", t.why)
	}
	for _, c := range changes {
		fmt.Fprintf(s.stdout, "  %s %s\n", c.Key().Owner.Unicode(), c.Key().Type)
	}
	if len(changes) == 0 && t.path != "" {
		s.say("No RRset takes it: all have a TTL of their own.")
	}
	return nil
}
