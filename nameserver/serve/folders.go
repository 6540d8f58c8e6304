package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/zone"
)

// Folders know the zone files of some folders and what has become of each. Fields are set before
// the first Scan. One Scan runs at a time.
type Folders struct {
	Dirs  []string
	Zones *nameserver.Zones // where zones are put
	// Claim is asked before the zone of a file is served for the first time, and names who serves a
	// zone of that name already, "" for nobody; the file is then left out. Published is called with
	// each version, and Withdrawn when there is none any more; it takes the zone out of Zones, which is
	// done here when it is nil. All are called by one goroutine at a time and may be nil.
	Claim     func(origin zone.Name, file string) (by string)
	Published func(z *zone.Zone, c *nameserver.Compiled, file string)
	Withdrawn func(origin zone.Name)
	// Threads is how many files are read at once; 0: one for each processor.
	Threads int

	mu    sync.Mutex // guards what follows while files are read side by side
	files map[string]*file
	zones map[zone.Name]*served
	empty map[string]bool // folders of which it was said that they are gone or empty
	looks uint
}

// endings are those of zone files.
var endings = []string{".zone", ".db", ".txt"}

// A file is a zone file and what is known of it.
type file struct {
	path     string
	dir      string
	seen     stamp            // at the last look
	read     stamp            // when it was read last; zero: never
	sum      uint64           // of its octets then
	includes map[string]stamp // files that it took in
	around   map[string]stamp // the same at the last look at which they had changed
	origin   zone.Name        // of the zone that it was read as
	state    fileState
	moving   bool // it is not as it was at the look before
	look     uint // the last one at which it was there
	missed   int  // looks in a row at which it was not there
}

type fileState uint8

const (
	fresh     fileState = iota // not read yet
	good                       // its zone is served from it
	broken                     // it cannot be used
	shadowed                   // another file has the same zone
	unrelated                  // no zone file after all
)

// A served zone.
type served struct {
	path   string // where it comes from
	serial uint32
	left   bool // the file has become that of another zone
	// zone is kept of one that is large and has changed, as it may do so again: nameserver.Recompile
	// compares it with what comes then.
	zone *zone.Zone
}

// A Change is what became of one zone.
type Change struct {
	Origin  zone.Name
	File    string
	Kind    string // what it is served from: "file", "primary" (held here), "secondary", "catalog"
	New     bool   // it was not served before
	Removed bool   // it is not served any more
	Serial  uint32
	Before  uint32 // serial of the version before
	Names   int
	Sets    int
	Signed  bool
}

// A Report is what one look at the folders has brought.
type Report struct {
	Changes  []Change          // in order of zones
	Findings []finding.Finding // why files are not served, and what is odd about others
	Zones    int               // that are served now
	Files    int               // zone files that there are
	Broken   int               // of these: that cannot be used
	Bytes    int64             // that were read
	Took     time.Duration
}

// Quiet reports whether nothing is to be told.
func (r *Report) Quiet() bool { return len(r.Changes) == 0 && len(r.Findings) == 0 }

// A scan is one look at the folders.
type scan struct {
	*Folders
	now    bool
	listed map[string]bool // folders that could be read
	count  int             // of zone files
	isNew  map[string]bool // files whose zones nobody served before
	at     map[zone.Name]int
	report Report
}

// Scan looks at the folders, loads what is new and withdraws what is gone. Unless now is set, files
// that were changed since the last look are left alone until the next: somebody may be writing them.
// With now, broken files are read again too.
func (f *Folders) Scan(ctx context.Context, now bool) Report {
	began := time.Now()
	if f.files == nil {
		f.files, f.zones, f.empty = map[string]*file{}, map[zone.Name]*served{}, map[string]bool{}
		f.Only(f.Dirs)
	}
	s := &scan{Folders: f, now: now, listed: map[string]bool{}, isNew: map[string]bool{}, at: map[zone.Name]int{}}
	s.forget()
	missing := s.look()
	due := s.due()
	s.expect(len(due))
	s.load(ctx, due)
	if ctx.Err() == nil {
		s.withdraw(ctx, missing)
		s.leave()
	}
	r := &s.report
	slices.SortFunc(r.Changes, func(a, b Change) int { return a.Origin.Compare(b.Origin) })
	finding.Sort(r.Findings)
	r.Zones, r.Files = len(f.zones), s.count
	for _, x := range f.files {
		if x.state == broken || x.state == shadowed {
			r.Broken++
		}
	}
	r.Took = time.Since(began)
	return *r
}

// Only has these folders looked at from the next Scan on. Zones of others are withdrawn then.
func (f *Folders) Only(dirs []string) {
	var clean []string // each once
	for _, dir := range dirs {
		if dir = filepath.Clean(dir); !slices.Contains(clean, dir) {
			clean = append(clean, dir)
		}
	}
	f.Dirs = clean
}

// forget withdraws what came from folders that are not looked at any more.
func (s *scan) forget() {
	for path, x := range s.files {
		if slices.Contains(s.Dirs, x.dir) {
			continue
		}
		delete(s.files, path)
		delete(s.empty, x.dir)
		if origin, owns := s.zoneOf(x); owns {
			s.drop(origin)
		}
	}
}

// expect makes room for so many zones at once: growing is dear when they are very many.
func (s *scan) expect(n int) {
	if n < 1000 {
		return
	}
	if len(s.zones) == 0 {
		s.zones = make(map[zone.Name]*served, n)
	}
	s.isNew, s.at = make(map[string]bool, n), make(map[zone.Name]int, n)
	s.report.Changes = make([]Change, 0, n)
}

func (s *scan) find(f finding.Finding) { s.report.Findings = append(s.report.Findings, f) }

// look lists the folders and returns the files that are not there any more.
func (s *scan) look() []*file {
	s.looks++
	var path []byte
	for _, dir := range s.Dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			s.absent(dir, err)
			continue
		}
		if len(s.files) == 0 {
			s.files = make(map[string]*file, len(entries))
		}
		n := 0
		for _, e := range entries {
			if e.IsDir() || strings.HasPrefix(e.Name(), ".") || !slices.Contains(endings, strings.ToLower(filepath.Ext(e.Name()))) {
				continue
			}
			path = append(append(append(path[:0], dir...), filepath.Separator), e.Name()...)
			x := s.files[string(path)] // which keeps nothing
			if x == nil {
				x = s.file(filepath.Join(dir, e.Name()), dir)
			}
			if s.note(x) {
				n++
			}
		}
		s.count += n
		s.listed[dir] = true
		s.present(dir, n)
	}
	var missing []*file
	for _, x := range s.files {
		if x.look != s.looks && s.listed[x.dir] {
			x.missed++
			missing = append(missing, x)
		}
	}
	slices.SortFunc(missing, func(a, b *file) int { return strings.Compare(a.path, b.path) })
	return missing
}

// file returns what is known of a file, which may be new.
func (s *scan) file(path, dir string) *file {
	x := s.files[path]
	if x == nil {
		x = &file{path: path, dir: dir}
		s.files[path] = x
	}
	return x
}

// note takes down how a file is now, and reports whether it is one of a zone, as far as is known.
func (s *scan) note(x *file) bool {
	at := stampOf(x.path)
	x.moving = at != x.seen && !s.now
	x.seen, x.missed, x.look = at, 0, s.looks
	return x.state != unrelated
}

// absent tells, once, that a folder cannot be read. Its zones stay.
func (s *scan) absent(dir string, err error) {
	if s.empty[dir] && !s.now {
		return
	}
	s.empty[dir] = true
	text := "cannot be read"
	if errors.Is(err, fs.ErrNotExist) {
		text = "is not there"
	} else if e, ok := errors.AsType[*fs.PathError](err); ok {
		text += ": " + e.Err.Error()
	}
	s.find(finding.Finding{
		ID: "zones-folder", Severity: finding.Error, Place: finding.Place{File: dir},
		Text: fmt.Sprintf("the folder %s; %s", text, s.kept(dir)),
	})
}

// present tells, once, that a folder has no zone file.
func (s *scan) present(dir string, files int) {
	if files > 0 {
		if s.empty[dir] {
			delete(s.empty, dir)
			s.find(finding.Finding{ID: "zones-folder", Place: finding.Place{File: dir}, Text: "the folder has zone files again"})
		}
		return
	}
	if s.empty[dir] && !s.now {
		return
	}
	s.empty[dir] = true
	s.find(finding.Finding{
		ID: "zones-folder", Severity: finding.Warning, Place: finding.Place{File: dir},
		Text: "the folder has no zone file (*.zone, *.db, *.txt); " + s.kept(dir),
	})
}

// kept says what becomes of a folder's zones.
func (s *scan) kept(dir string) string {
	n := 0
	for _, z := range s.zones {
		if filepath.Dir(z.path) == filepath.Clean(dir) {
			n++
		}
	}
	switch n {
	case 0:
		return "no zone is served from it"
	case 1:
		return "its zone is served as it was"
	}
	return fmt.Sprintf("its %d zones are served as they were", n)
}

// due are the files that have to be read.
func (s *scan) due() []*file {
	var out []*file
	for _, x := range s.files {
		switch {
		case x.missed > 0 || !s.listed[x.dir] || x.moving:
		case x.state == fresh, x.read != x.seen, x.included() && x.rested(s.now), s.now && (x.state == broken || x.state == shadowed):
			out = append(out, x)
		}
	}
	// The largest first, so that no thread is left alone with it in the end.
	slices.SortFunc(out, func(a, b *file) int {
		if a.seen.size != b.seen.size {
			return int(min(max(b.seen.size-a.seen.size, -1), 1))
		}
		return strings.Compare(a.path, b.path)
	})
	return out
}

// included reports whether a file that this one includes has changed.
func (x *file) included() bool {
	for path, at := range x.includes {
		if stampOf(path) != at {
			return true
		}
	}
	return false
}

// rested reports whether the files that this one includes are as they were at the look before.
func (x *file) rested(now bool) bool {
	still := true
	for path := range x.includes {
		at := stampOf(path)
		if x.around[path] != at {
			if x.around == nil {
				x.around = map[string]stamp{}
			}
			x.around[path], still = at, false
		}
	}
	return still || now
}

// load reads files side by side.
func (s *scan) load(ctx context.Context, due []*file) {
	threads := s.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	next := make(chan *file)
	var work sync.WaitGroup
	for range min(threads, len(due)) {
		work.Go(func() {
			for x := range next {
				s.one(x)
			}
		})
	}
	for _, x := range due {
		if ctx.Err() != nil {
			break
		}
		next <- x
	}
	close(next)
	work.Wait()
}

// one reads a file and publishes its zone.
func (s *scan) one(x *file) {
	v := x.parse(s.now, func(origin zone.Name) *nameserver.Compiled { return s.former(x, origin) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Bytes += v.bytes
	if v.moving {
		return
	}
	x.read, x.sum = v.stamp, v.sum
	if v.same {
		return
	}
	x.includes = v.includes
	if v.unrelated {
		x.state = unrelated
		s.count--
		return
	}
	if v.compiled == nil {
		x.state = broken
		s.explain(x, v.findings)
		return
	}
	for _, f := range v.findings { // warnings
		s.find(f)
	}
	s.publish(x, v)
}

// former is the version of a zone that is answered, if that comes from this file.
func (s *scan) former(x *file, origin zone.Name) *nameserver.Compiled {
	s.mu.Lock()
	defer s.mu.Unlock()
	if z := s.zones[origin]; z == nil || z.path != x.path {
		return nil
	}
	return s.Zones.Find(origin)
}

// publish puts a version of a zone in place of the one before, unless another file has the zone.
func (s *scan) publish(x *file, v version) {
	origin := v.compiled.Origin()
	before := s.zones[origin]
	if before != nil && before.path != x.path && !s.yields(before, x) {
		x.state = shadowed
		s.double(x, origin, before.path)
		return
	}
	if before != nil && before.path != x.path {
		if other := s.files[before.path]; other != nil && !before.left && other.missed == 0 {
			other.state = shadowed
			s.double(other, origin, x.path)
		}
	}
	if before == nil && s.Claim != nil {
		if by := s.Claim(origin, x.path); by != "" {
			x.state = shadowed
			s.double(x, origin, by)
			return
		}
	}
	if x.state == good && x.origin != origin {
		s.moved(x, origin)
	}
	x.state, x.origin = good, origin
	if old := s.Zones.Find(origin); before != nil && old != nil && old.Equal(v.compiled) {
		before.path, before.left = x.path, false
		return
	}
	c := Change{
		Origin: origin, File: x.path, New: before == nil, Serial: v.serial,
		Names: v.compiled.Names(), Sets: v.compiled.Sets(), Signed: v.compiled.Signed(),
	}
	if before != nil {
		c.Before = before.serial
		if !s.isNew[before.path] {
			s.serial(x, c)
		}
	}
	now := &served{path: x.path, serial: v.serial}
	if before != nil && v.compiled.Patchable() {
		now.zone = v.zone
	}
	s.zones[origin] = now
	s.Zones.Put(v.compiled)
	if s.Published != nil {
		s.Published(v.zone, v.compiled, x.path)
	}
	s.isNew[x.path] = c.New
	s.changed(c)
}

// changed keeps one change for each zone.
func (s *scan) changed(c Change) {
	if i, ok := s.at[c.Origin]; ok {
		old := &s.report.Changes[i]
		c.New, c.Before = old.New, old.Before
		*old = c
		return
	}
	s.at[c.Origin] = len(s.report.Changes)
	s.report.Changes = append(s.report.Changes, c)
}

// yields reports whether the file that a zone comes from gives way to x: it is gone, or has another
// zone now, or comes later in order and was read in this scan.
func (s *scan) yields(z *served, x *file) bool {
	other := s.files[z.path]
	if other == nil || z.left || other.missed > 0 {
		return true
	}
	return s.isNew[z.path] && s.rank(x) < s.rank(other)
}

// rank orders files: by folder as they were named, then by name.
func (s *scan) rank(x *file) string {
	return fmt.Sprintf("%06d %s", slices.Index(s.Dirs, x.dir), x.path)
}
