package bind

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// Options say where the files are and how they are named.
type Options struct {
	ID        string
	Directory string
	// Extension is what follows the zone's name without its final dot in a file's name ("." for
	// "example.org."); "" takes every name that looks like that of a zone file.
	Extension string
	// CheckOrigin makes a zone without SOA or NS at the apex an error, as octoDNS does.
	CheckOrigin bool
	DefaultTTL  uint32 // seconds, where the file gives none; 0 means 3600
}

// Bounds of a folder.
const (
	maxFiles = 200_000
	maxHead  = 1 << 20 // read of a file to find its origin
	maxBytes = 1 << 30 // of a zone with what it includes
)

// Source is one folder. It is safe for concurrent use.
type Source struct{ o Options }

// New returns the source. Nothing is read before Zones or Load.
func New(o Options) *Source {
	if o.DefaultTTL == 0 {
		o.DefaultTTL = 3600
	}
	return &Source{o}
}

// Zones lists the zones that have a file, in canonical order.
func (s *Source) Zones(ctx context.Context) iter.Seq2[zone.Name, error] {
	return func(yield func(zone.Name, error) bool) {
		root, err := os.OpenRoot(s.o.Directory)
		if err != nil {
			yield(zone.Name{}, s.wrap(err))
			return
		}
		defer func() { _ = root.Close() }()
		files, err := s.files(ctx, root)
		if err != nil {
			yield(zone.Name{}, s.wrap(err))
			return
		}
		var names []zone.Name
		for _, f := range files {
			names = append(names, f.origin)
		}
		slices.SortFunc(names, zone.Name.Compare)
		for _, n := range slices.Compact(names) {
			if !yield(n, nil) {
				return
			}
		}
	}
}

// A file is the zone file of one zone.
type file struct {
	name   string
	origin zone.Name
}

func (s *Source) wrap(err error) error { return fmt.Errorf("source %s: %w", s.o.ID, err) }

// files finds the origin of every zone file of the folder.
func (s *Source) files(ctx context.Context, root *os.Root) ([]file, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	if len(entries) > maxFiles {
		return nil, fmt.Errorf("%s has %d files, more than the limit of %d", s.o.Directory, len(entries), maxFiles)
	}
	var out []file
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !s.mayBeZone(e.Name()) {
			continue
		}
		head, err := read(root, e.Name(), maxHead)
		if errors.Is(err, errNoFile) || err == nil && !looksLikeText(head) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if origin, ok := s.origin(e.Name(), head); ok {
			out = append(out, file{e.Name(), origin})
		}
	}
	return out, nil
}

// origin tells which zone a file holds. With a configured extension its name alone does.
func (s *Source) origin(name string, head []byte) (zone.Name, bool) {
	if s.o.Extension == "" {
		return zonefile.OriginOf(name, head)
	}
	n, err := zone.ParseName(strings.TrimSuffix(name, s.o.Extension))
	return n, err == nil && !n.IsRoot()
}

// endings are those of zone files, prefixes what BIND's users put before the zone's name.
var (
	endings  = []string{".zone", ".db", ".txt", ".hosts", ".bind", ".dns", "."}
	prefixes = []string{"db.", "pri.", "master.", "zone."}
	// others are endings of files that lie beside zone files and are none.
	others = []string{
		".yaml", ".yml", ".json", ".md", ".inc", ".include", ".jnl", ".jbk", ".key", ".private", ".state",
		".conf", ".signed", ".bak", ".orig", ".rej", ".swp", ".sh", ".py", ".tmp", "~",
	}
)

func (s *Source) mayBeZone(name string) bool {
	switch {
	case strings.HasPrefix(name, "."):
		return false
	case s.o.Extension != "":
		return strings.HasSuffix(name, s.o.Extension) && name != s.o.Extension
	}
	ends := func(end string) bool { return strings.HasSuffix(name, end) }
	if slices.ContainsFunc(endings, ends) || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return true
	}
	return strings.Contains(name, ".") && !slices.ContainsFunc(others, ends)
}

// looksLikeText keeps images and archives that lie in the folder out.
func looksLikeText(head []byte) bool { return !slices.Contains(head, 0) }

var errNoFile = errors.New("not a regular file")

// read reads at most limit bytes of a regular file.
func read(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// find returns the files that hold a zone: those with its name, else those that say so inside.
func (s *Source) find(ctx context.Context, root *os.Root, origin zone.Name) ([]string, error) {
	var names []string
	for _, text := range slices.Compact([]string{origin.Unicode(), origin.String()}) {
		text = strings.TrimSuffix(text, ".")
		if s.o.Extension != "" {
			names = append(names, text+s.o.Extension)
			continue
		}
		names = append(names, text)
		for _, end := range endings {
			names = append(names, text+end)
		}
		for _, p := range prefixes {
			names = append(names, p+text)
		}
	}
	var found []string
	for _, name := range names {
		head, err := read(root, name, maxHead)
		if err != nil { // absent, or a folder of that name
			if errors.Is(err, fs.ErrPermission) {
				return nil, err
			}
			continue
		}
		if got, ok := s.origin(name, head); ok && got == origin {
			found = append(found, name)
		}
	}
	if found != nil || s.o.Extension != "" {
		return found, nil
	}
	files, err := s.files(ctx, root)
	for _, f := range files {
		if f.origin == origin {
			found = append(found, f.name)
		}
	}
	return found, err
}

// Load reads the file of a zone.
func (s *Source) Load(ctx context.Context, origin zone.Name) (*source.Loaded, error) {
	root, err := os.OpenRoot(s.o.Directory)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer func() { _ = root.Close() }()
	names, err := s.find(ctx, root, origin)
	switch {
	case err != nil:
		return nil, s.wrap(err)
	case len(names) == 0:
		return nil, fmt.Errorf("source %s: zone %s: %w in %s", s.o.ID, origin, source.ErrNoZone, s.o.Directory)
	case len(names) > 1:
		return nil, finding.Finding{
			ID: "zone-files", Severity: finding.Error, Zone: origin.String(), Place: finding.Place{File: filepath.Join(s.o.Directory, names[1])},
			Text: fmt.Sprintf("source %s: zone %s has several files: %s", s.o.ID, origin, strings.Join(names, ", ")), Fix: "keep one of them",
		}.Err()
	}
	return s.load(root, names[0], origin)
}

func (s *Source) load(root *os.Root, name string, origin zone.Name) (*source.Loaded, error) {
	path := filepath.Join(s.o.Directory, name)
	f, err := root.Open(name)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer f.Close()
	res, err := zonefile.Read(f, zonefile.Options{
		Origin: origin, HasOrigin: true, DefaultTTL: s.o.DefaultTTL, File: path, Root: root.FS(), MaxBytes: maxBytes,
	})
	if _, ok := errors.AsType[*finding.Problem](err); err != nil && !ok {
		return nil, s.wrap(err)
	}
	l := &source.Loaded{Zone: res.Zone, Place: res.Place, Findings: res.Findings, Source: func(zone.Key) string { return s.o.ID }}
	if l.Zone == nil {
		l.Zone = zone.Empty(origin)
		return l, cmp.Or(err, finding.AsError(l.Findings))
	}
	l.Revision = l.Zone.Hash().String()
	if s.o.CheckOrigin {
		l.Findings = append(l.Findings, s.checkOrigin(l.Zone, path)...)
	}
	return l, cmp.Or(err, finding.AsError(l.Findings))
}

// checkOrigin reports an apex that lacks SOA or NS.
func (s *Source) checkOrigin(z *zone.Zone, path string) []finding.Finding {
	var out []finding.Finding
	for _, t := range []zone.Type{zone.TypeSOA, zone.TypeNS} {
		if _, ok := z.Set(z.Origin(), t); !ok {
			out = append(out, finding.Finding{
				ID: "zone-origin", Severity: finding.Error, Place: finding.Place{File: path}, Zone: z.Origin().String(),
				Text: fmt.Sprintf("the zone has no %s at its apex", t), Fix: "add it, or set check_origin: false",
			})
		}
	}
	return out
}
