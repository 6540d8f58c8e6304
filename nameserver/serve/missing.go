package serve

import (
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/zone"
)

// What is not there after a start has not gone on purpose while a file is broken, or a folder missing:
// nobody knows which zones those have. A catalog that lost them would have them thrown away by all who
// follow it, within seconds. So its members stay until all is in order, but for those that have been
// withdrawn since the start.

// missing reports whether a zone that is not served may be one of those that cannot be read.
func (s *Server) missing(origin zone.Name) bool {
	if h, ok := s.zones.holder(origin); ok && h.kind != held.File && h.kind != held.Primary || s.zones.wasEnded(origin) {
		return false
	}
	return s.incomplete.Load() || s.held.Damaged(origin)
}

// looked takes down whether the last look at the folders found something that cannot be read. When
// that is over, the catalogs lose what has really gone.
func (s *Server) looked() {
	now := len(s.content.Load().Produce) > 0 && s.folders.incomplete()
	if s.incomplete.Swap(now) == now {
		return
	}
	if now {
		s.log(finding.Finding{
			ID: "zones-catalog", Severity: finding.Warning,
			Text: "not all zone files can be read, so the catalogs that are made here go on listing zones that are not served at present",
			Fix:  "mend the files, or remove those that are not needed, and folders from the configuration",
		})
		return
	}
	s.log(finding.Finding{ID: "zones-catalog", Text: "all zone files can be read again; the catalogs that are made here list what is served"})
	s.relist()
}

// incomplete reports whether there are files or folders that cannot be read. It is called by who
// scans.
func (f *Folders) incomplete() bool {
	for _, dir := range f.Dirs {
		if f.empty[dir] {
			return true
		}
	}
	for _, x := range f.files {
		if x.state == broken {
			return true
		}
	}
	return false
}
