package octodns

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
)

// Rewrite returns the file old, which is at path file, changed so that it holds z. Comments, order
// and every entry that means the same stay as they are; of an entry that changes, all lines that need
// not. Fields that nothing reads stay in their records. An entry that shares an anchor with a changed
// one gets a copy of what it used. Where that cannot be done (a root in flow style, an anchor around
// an include, …) the file is written anew and a finding tells.
//
// The result is read back and compared with z before it is returned.
func Rewrite(file string, old []byte, z *zone.Zone, opt Options) ([]byte, []finding.Finding) {
	w := newWriter(z.Origin(), opt)
	if out, ok := w.patch(file, old, z); ok {
		return out, w.findings
	}
	out, fs := Write(z, opt)
	if len(bytes.TrimSpace(old)) > 0 && bytes.IndexByte(old, '#') >= 0 {
		fs = append(fs, finding.Finding{
			ID: "rewritten", Severity: finding.Info, Place: finding.Place{File: file}, Zone: z.Origin().String(),
			Text: file + " is written anew, without its comments: its entries cannot be edited one by one",
		})
	}
	return out, fs
}

// patch edits only the entries whose records change. ok is false when the result would not be z.
func (w *writer) patch(file string, old []byte, z *zone.Zone) (out []byte, ok bool) {
	var repeatable []string
	if !w.opt.NoShorthands {
		repeatable = []string{"@"}
	}
	doc, err := yaml11.OpenDoc(file, old, repeatable...)
	if err != nil {
		return nil, false
	}
	doc.Order = w.order
	doc.Unordered = func(key string) bool { return key == "values" || key == "value" || key == "" }
	c := NewCollector(w.origin, w.opt)
	c.opt.Lenient = true
	c.File(file, old)
	w.base, w.ttl = c.base, c.ttl
	before := c.Zone()
	if hasErrors(before.Findings) {
		return nil, false
	}
	spots, ok := w.spots(doc)
	if !ok {
		return nil, false
	}
	after := map[zone.Name][]zone.RRset{}
	for set := range z.All() {
		if w.supported(set) {
			after[set.Owner] = append(after[set.Owner], set)
		}
	}
	e := editor{writer: w, doc: doc, file: file, old: old, before: before.Zone}
	for _, owner := range w.changed(before.Zone, after) {
		if !owner.In(w.base) {
			return nil, false
		}
		e.owner(owner, spots[owner], after[owner])
	}
	if e.apply() != nil {
		return nil, false
	}
	out = doc.Bytes()
	return out, w.holds(file, out, after)
}

// A spot is one entry of a file: the nth of its name.
type spot struct {
	name string
	nth  int
}

// spots returns the entries of each owner, in order.
func (w *writer) spots(doc *yaml11.Doc) (spots map[zone.Name][]spot, ok bool) {
	spots = map[zone.Name][]spot{}
	count := map[string]int{}
	for _, name := range doc.Names() {
		at := spot{name, count[name]}
		count[name]++
		if w.directive(name) {
			continue
		}
		read := name
		if name == "@" && !w.opt.NoShorthands {
			read = ""
		}
		owner, err := ownerOf(read, w.base)
		if err != nil {
			return nil, false
		}
		spots[owner] = append(spots[owner], at)
	}
	return spots, true
}

func (w *writer) directive(name string) bool {
	return !w.opt.NoShorthands && (name == "$ORIGIN" || name == "$TTL")
}

// changed lists the owners whose records differ, in canonical order.
func (w *writer) changed(before *zone.Zone, after map[zone.Name][]zone.RRset) []zone.Name {
	touched := map[zone.Name]bool{}
	left := map[zone.Key]bool{}
	for set := range before.All() {
		left[set.Key()] = true
		i := slices.IndexFunc(after[set.Owner], func(s zone.RRset) bool { return s.Type == set.Type })
		if i < 0 || !after[set.Owner][i].Equal(set) {
			touched[set.Owner] = true
		}
	}
	for owner, sets := range after {
		for _, s := range sets {
			if !left[s.Key()] {
				touched[owner] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(touched), zone.Name.Compare)
}

// holds reads a file back and compares it with the records that it should hold.
func (w *writer) holds(file string, data []byte, want map[zone.Name][]zone.RRset) bool {
	opt := w.opt
	opt.Lenient = true
	got := Read(file, data, w.origin, opt)
	if hasErrors(got.Findings) {
		return false
	}
	n := 0
	for _, sets := range want {
		n += len(sets)
	}
	if got.Zone.Len() != n {
		return false
	}
	for set := range got.Zone.All() {
		if !slices.ContainsFunc(want[set.Owner], set.Equal) {
			return false
		}
	}
	return true
}

func hasErrors(fs []finding.Finding) bool {
	worst, any := finding.Worst(fs)
	return any && worst == finding.Error
}

// A FileOp is a change of one file. The caller carries it out; parents of Path may have to be made.
type FileOp struct {
	Path    string
	Content []byte
	Remove  bool
}

// Write returns what has to be done to the files of a layout so that they hold z. existing has the
// contents of the files that hold the zone now, by path, as Layout.Files lists them. Files that
// stay as they are do not appear. In split layout, files of names that no longer exist are removed;
// a file that holds other names too is edited.
//
// Records of the shared file belong to every zone: they are left where they are, and an error
// finding tells when z wants them otherwise.
func (l Layout) Write(z *zone.Zone, existing map[string][]byte, opt Options) ([]FileOp, []finding.Finding) {
	p := placer{layout: l, opt: opt, z: z, existing: existing, own: map[string][]zone.RRset{}, held: map[string]bool{}}
	p.readShared()
	p.locate()
	if p.assign(); p.broken {
		return nil, p.findings
	}
	return p.operations(), p.findings
}

// A placer decides which file holds which record.
type placer struct {
	layout   Layout
	opt      Options
	z        *zone.Zone
	existing map[string][]byte
	shared   *zone.Zone
	own      map[string][]zone.RRset // records by path
	held     map[string]bool         // files that held records
	broken   bool                    // an existing file cannot be read
	file     string                  // of new names, without a split directory
	dir      string                  // of the files of new names, with one
	findings []finding.Finding
}

func (p *placer) isShared(path string) bool {
	return p.layout.SharedFilename != "" && p.layout.Filename == "" && filepath.Clean(path) == filepath.Clean(p.layout.sharedPath())
}

func (p *placer) readShared() {
	p.shared = zone.Empty(p.z.Origin())
	for path, data := range p.existing {
		if p.isShared(path) {
			opt := p.opt
			opt.Lenient = true
			p.shared = Read(path, data, p.z.Origin(), opt).Zone
		}
	}
	for set := range p.shared.All() {
		if have, ok := p.z.Set(set.Owner, set.Type); !ok || !have.Equal(set) {
			p.findings = append(p.findings, finding.Finding{
				ID: "shared-record", Severity: finding.Error, Place: finding.Place{File: p.layout.sharedPath()},
				Zone: p.z.Origin().String(), Subject: set.Key().String(),
				Text: set.Key().String() + " is in the file that all zones share, and is not changed for one of them",
				Fix:  "edit " + p.layout.sharedPath(),
			})
		}
	}
}

// assign gives every record a file: the one that holds its key now, else one that holds its name,
// else the usual one.
func (p *placer) assign() {
	byKey, byName := map[zone.Key]string{}, map[zone.Name]string{}
	for _, path := range sortedKeys(p.existing) {
		if p.isShared(path) {
			continue
		}
		opt := p.opt
		opt.Lenient = true
		read := Read(path, p.existing[path], p.z.Origin(), opt)
		if hasErrors(read.Findings) { // what cannot be read must not be lost
			p.broken = true
			p.findings = append(p.findings, read.Findings...)
		}
		for set := range read.Zone.All() {
			byKey[set.Key()] = path
			p.held[path] = true
			if _, ok := byName[set.Owner]; !ok {
				byName[set.Owner] = path
			}
		}
	}
	for set := range p.z.All() {
		if _, ok := p.shared.Set(set.Owner, set.Type); ok {
			continue
		}
		path, ok := byKey[set.Key()]
		if !ok {
			path, ok = byName[set.Owner]
		}
		if !ok {
			path = p.usual(set.Owner)
		}
		p.own[path] = append(p.own[path], set)
	}
}

// locate finds out where new names go: under the name that the zone has on disk.
func (p *placer) locate() {
	origin := p.z.Origin()
	if p.layout.SplitExtension != "" && p.layout.Filename == "" {
		p.dir = p.layout.SplitDir(origin)
		if ascii := filepath.Join(p.layout.Directory, p.layout.splitName(origin.String())); ascii != p.dir {
			for path := range p.existing {
				if filepath.Dir(path) == filepath.Clean(ascii) {
					p.dir = ascii
				}
			}
		}
		return
	}
	p.file = p.layout.ZoneFile(origin)
	for _, path := range sortedKeys(p.existing) {
		if !p.isShared(path) {
			p.file = path
			return
		}
	}
}

// usual is where a new name goes.
func (p *placer) usual(owner zone.Name) string {
	if p.file != "" {
		return p.file
	}
	origin := p.z.Origin()
	return filepath.Join(p.dir, p.layout.splitFile(origin, recordName(owner, origin, true)))
}

func (p *placer) operations() []FileOp {
	paths := map[string]bool{}
	for path := range p.own {
		paths[path] = true
	}
	for path := range p.existing {
		paths[path] = paths[path] || !p.isShared(path)
	}
	if len(p.own) == 0 && len(p.existing) == 0 && p.layout.SplitExtension == "" {
		paths[p.layout.ZoneFile(p.z.Origin())] = true // an empty zone exists all the same
	}
	var ops []FileOp
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if !paths[path] {
			continue
		}
		old, exists := p.existing[path]
		sets := p.own[path]
		if exists && len(sets) == 0 && p.removable(path) {
			if !p.held[path] {
				continue // notes of somebody
			}
			ops = append(ops, FileOp{Path: path, Remove: true})
			continue
		}
		part, err := zone.Of(p.z.Origin(), sets...)
		if err != nil {
			p.findings = append(p.findings, finding.Of(err, idShape)...)
			continue
		}
		var data []byte
		var fs []finding.Finding
		if exists {
			data, fs = Rewrite(path, old, part, p.opt)
		} else {
			data, fs = Write(part, p.opt)
		}
		p.findings = append(p.findings, fs...)
		if !exists || !bytes.Equal(data, old) {
			ops = append(ops, FileOp{Path: path, Content: data})
		}
	}
	return ops
}

// removable reports files of split directories; the zone's own file stays, empty.
func (p *placer) removable(path string) bool {
	if p.layout.SplitExtension == "" || p.layout.Filename != "" {
		return false
	}
	origin := p.z.Origin()
	dir := filepath.Dir(path)
	return strings.HasSuffix(path, ".yaml") &&
		(dir == filepath.Clean(p.layout.SplitDir(origin)) ||
			dir == filepath.Clean(filepath.Join(p.layout.Directory, p.layout.splitName(origin.String()))))
}
