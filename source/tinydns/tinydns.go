package tinydns

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/zone"
)

// maxBytes bounds what is read of one file.
const maxBytes = 64 << 20

// Options say where the files are.
type Options struct {
	ID         string
	Directory  string
	DefaultTTL uint32                           // seconds, for lines without; 0 means 3600
	Subzones   func(zone.Name) []zone.Name      // zones below a zone that are configured by themselves; may be nil
	ReadDir    func(dir string) ([]File, error) // nil reads the folder
}

// A File is the content of one file.
type File struct {
	Path string
	Data []byte
}

// Source is one folder.
type Source struct{ o Options }

// New returns the source.
func New(o Options) *Source {
	if o.DefaultTTL == 0 {
		o.DefaultTTL = 3600
	}
	if o.ReadDir == nil {
		o.ReadDir = readDir
	}
	if o.Subzones == nil {
		o.Subzones = func(zone.Name) []zone.Name { return nil }
	}
	return &Source{o}
}

// readDir reads all regular files whose names do not begin with a dot, in order of their names.
func readDir(dir string) ([]File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []File
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); strings.HasPrefix(e.Name(), ".") || err != nil || !info.Mode().IsRegular() {
			continue
		}
		data, err := readFile(path)
		if err != nil {
			return nil, err
		}
		out = append(out, File{path, data})
	}
	return out, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && len(data) > maxBytes {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxBytes)
	}
	return data, err
}

// Zones says that tinydns-data does not tell where zones begin.
func (s *Source) Zones(context.Context) iter.Seq2[zone.Name, error] {
	return func(yield func(zone.Name, error) bool) {
		yield(zone.Name{}, fmt.Errorf("source %s: tinydns-data lists no zones: %w", s.o.ID, errors.ErrUnsupported))
	}
}

// Load reads one zone.
func (s *Source) Load(ctx context.Context, origin zone.Name) (*source.Loaded, error) {
	files, err := s.o.ReadDir(s.o.Directory)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", s.o.ID, err)
	}
	r := newReader(origin, s.o.DefaultTTL, s.o.Subzones(origin))
	sum := sha256.New()
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		fmt.Fprintf(sum, "%s %d\n", filepath.Base(f.Path), len(f.Data))
		sum.Write(f.Data)
		r.file(f)
	}
	z, places := r.zone()
	l := &source.Loaded{
		Zone: z, Revision: hex.EncodeToString(sum.Sum(nil)), Findings: r.finds,
		Place:  func(k zone.Key) finding.Place { return places[k] },
		Source: func(zone.Key) string { return s.o.ID },
	}
	finding.Sort(l.Findings)
	return l, finding.AsError(l.Findings)
}

// file reads the lines of one file.
func (r *reader) file(f File) {
	n := 0
	for line := range strings.Lines(string(f.Data)) {
		n++
		line, _, _ = strings.Cut(strings.TrimRight(line, "\r\n"), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		at := finding.Place{File: f.Path, Line: n, Col: 1}
		if !utf8.ValidString(line) || strings.ContainsRune(line, 0) {
			r.fail(at, "the line is not text", "")
			continue
		}
		fields := strings.Split(line[1:], ":")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		r.line(at, line[0], fields)
	}
}

func (r *reader) fail(at finding.Place, text, fix string) {
	if len(r.finds) < 1000 {
		r.finds = append(r.finds, finding.Finding{
			ID: "tinydns", Severity: finding.Error, Place: at, Zone: r.origin.String(), Text: text, Fix: fix,
		})
	}
}

// owns reports whether records of a type at a name belong to the zone and not to a sub-zone.
func (r *reader) owns(n zone.Name, t zone.Type) bool {
	if !n.In(r.origin) {
		return false
	}
	return !slices.ContainsFunc(r.subzones, func(sub zone.Name) bool {
		return n.Below(sub) || n == sub && t != zone.TypeNS && t != zone.TypeDS
	})
}
