package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
	"github.com/zonecast/zonecast/zone/rdata"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// formats are the forms of a zone in a file.
var formats = []string{"json", "octodns", "bind"}

// codec reads and writes octoDNS files with what octoDNS's format lacks, too.
var codec = octodns.Options{AllTypes: true}

// A zoneDoc is a zone in JSON, each record in octoDNS's normal form.
type zoneDoc struct {
	Zone    string           `json:"zone"`
	Records []octodns.Record `json:"records"`
}

func zoneJSON(z *zone.Zone) *zoneDoc {
	d := &zoneDoc{Zone: z.Origin().String(), Records: make([]octodns.Record, 0, z.Len())}
	for set := range z.All() {
		r, err := octodns.Normal(set, z.Origin())
		if err != nil { // octoDNS has no form for it: presentation form says the same
			r.Values = nil
			for _, data := range set.Data {
				r.Values = append(r.Values, rdata.Text(set.Type, data))
			}
		}
		d.Records = append(d.Records, r)
	}
	slices.SortStableFunc(d.Records, func(a, b octodns.Record) int { // as octoDNS sorts
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Type, b.Type))
	})
	return d
}

// printZones prints zones as the result, in one of formats.
func (a *app) printZones(zones []*zone.Zone, format string) error {
	w := bufio.NewWriter(a.stdout)
	if err := a.writeZones(w, zones, format); err != nil {
		return err
	}
	return w.Flush()
}

func (a *app) writeZones(w io.Writer, zones []*zone.Zone, format string) error {
	if format == "json" {
		doc := struct {
			Zones []*zoneDoc `json:"zones"`
		}{make([]*zoneDoc, len(zones))}
		for i, z := range zones {
			doc.Zones[i] = zoneJSON(z)
		}
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(doc)
	}
	for i, z := range zones {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if format == "octodns" {
			data, finds := octodns.Write(withoutSOA(z), codec)
			a.findings(finds)
			if err := finding.AsError(finds); err != nil {
				return status(exitError) // said already
			}
			if len(zones) > 1 {
				fmt.Fprintf(w, "# %s\n", z.Origin().Unicode())
			}
			if _, err := w.Write(data); err != nil {
				return err
			}
			continue
		}
		opt := zonefile.WriteOptions{Pseudo: zonefile.PseudoAsIs}
		if err := zonefile.Write(w, z, opt); err != nil {
			return fmt.Errorf("zone %s: %w", z.Origin().Unicode(), err)
		}
	}
	return nil
}

// saveZone writes a zone into a folder. A file that is there keeps its comments and its order.
// It returns the paths that it changed.
func (a *app) saveZone(dir string, z *zone.Zone, format string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if format == "octodns" {
		return a.saveYAML(dir, z)
	}
	name := z.Origin().Unicode() + "zone"
	if format == "json" {
		name = z.Origin().Unicode() + "json"
	}
	if !filepath.IsLocal(name) || strings.ContainsAny(name, "/\\\x00") {
		return nil, fmt.Errorf("zone %s: its name cannot be the name of a file", z.Origin().Unicode())
	}
	path := filepath.Join(dir, name)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var text bytes.Buffer
	if err := a.writeZones(&text, []*zone.Zone{z}, format); err != nil {
		return nil, err
	}
	data := text.Bytes()
	if format == "bind" && old != nil {
		read := zonefile.Options{Origin: z.Origin(), HasOrigin: true, File: path}
		kept, err := zonefile.Rewrite(old, withSOA(z, old, read), read, zonefile.WriteOptions{Pseudo: zonefile.PseudoAsIs})
		if err == nil {
			data = kept
		} else {
			a.findings([]finding.Finding{{ID: "rewritten", Severity: finding.Warning, Place: finding.Place{File: path}, Text: "written anew, without its comments: " + err.Error()}})
		}
	}
	if bytes.Equal(old, data) && old != nil {
		return nil, nil
	}
	return []string{path}, replaceFile(path, 0o644, func(w io.Writer) error { _, err := w.Write(data); return err })
}

// withSOA gives z the SOA of an old file where it has none: providers keep theirs to themselves.
func withSOA(z *zone.Zone, old []byte, read zonefile.Options) *zone.Zone {
	if _, ok := z.Set(z.Origin(), zone.TypeSOA); ok {
		return z
	}
	res, err := zonefile.Parse(old, read)
	if err != nil {
		return z
	}
	soa, ok := res.Zone.Set(z.Origin(), zone.TypeSOA)
	if !ok {
		return z
	}
	with, err := z.With([]zone.Change{{After: &soa}})
	if err != nil {
		return z
	}
	return with
}

// withoutSOA is z as octoDNS's format has it: the SOA is each provider's own.
func withoutSOA(z *zone.Zone) *zone.Zone {
	soa, ok := z.Set(z.Origin(), zone.TypeSOA)
	if !ok {
		return z
	}
	without, err := z.With([]zone.Change{{Before: &soa}})
	if err != nil {
		return z
	}
	return without
}

func (a *app) saveYAML(dir string, z *zone.Zone) ([]string, error) {
	layout := octodns.Layout{Directory: dir}
	existing := map[string][]byte{}
	files, err := layout.Files(z.Origin(), os.ReadDir)
	if err != nil && !errors.Is(err, octodns.ErrNoFiles) {
		return nil, err
	}
	for _, f := range files {
		if existing[f], err = os.ReadFile(f); err != nil {
			return nil, err
		}
	}
	ops, finds := layout.Write(withoutSOA(z), existing, codec)
	a.findings(finds)
	if finding.AsError(finds) != nil {
		return nil, status(exitError)
	}
	var changed []string
	for _, op := range ops {
		if op.Remove {
			err = os.Remove(op.Path)
		} else {
			err = replaceFile(op.Path, 0o644, func(w io.Writer) error { _, err := w.Write(op.Content); return err })
		}
		if err != nil {
			return changed, err
		}
		changed = append(changed, op.Path)
	}
	return changed, nil
}

// readZoneFile reads a zone from a file: octoDNS YAML by its extension, else a zone file. origin
// may be nil; then the file tells. What is wrong with it is an error; warnings come back.
func readZoneFile(path string, origin *zone.Name) (*zone.Zone, []finding.Finding, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s does not exist", path)
	} else if err != nil {
		return nil, nil, err
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".yaml", ".yml":
		name, err := originOf(path, ext, origin)
		if err != nil {
			return nil, nil, err
		}
		res := octodns.Read(path, data, name, codec)
		return res.Zone, res.Findings, finding.AsError(res.Findings)
	}
	opt := zonefile.Options{File: path, DefaultTTL: 3600}
	if origin != nil {
		opt.Origin, opt.HasOrigin = *origin, true
	}
	if root, err := os.OpenRoot(filepath.Dir(path)); err == nil {
		defer func() { _ = root.Close() }()
		opt.Root, opt.File = root.FS(), filepath.Base(path)
	}
	res, err := zonefile.Parse(data, opt)
	for i := range res.Findings {
		res.Findings[i].Place.File = filepath.Join(filepath.Dir(path), res.Findings[i].Place.File)
	}
	if err != nil {
		return nil, res.Findings, err
	}
	return res.Zone, res.Findings, nil
}

// originOf finds the zone of an octoDNS file by its name: example.com.yaml.
func originOf(path, ext string, origin *zone.Name) (zone.Name, error) {
	if origin != nil {
		return *origin, nil
	}
	base := filepath.Base(path)
	n, err := zone.ParseName(base[:len(base)-len(ext)])
	if err != nil || n.IsRoot() {
		return n, fmt.Errorf("%s: its name does not tell which zone it holds\n  name it with --zone", path)
	}
	return n, nil
}
