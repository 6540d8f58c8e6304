package serve

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// withdraw takes zones away whose files are gone: they were missing at two looks, or at one that was
// asked for, and their folder still has files that can be used. A folder that lost all its files at
// once has more likely lost its disk.
func (s *scan) withdraw(ctx context.Context, missing []*file) {
	for _, x := range missing {
		if x.missed < 2 && !s.now {
			continue
		}
		origin, owns := s.zoneOf(x)
		if !owns {
			delete(s.files, x.path)
			continue
		}
		if s.instead(ctx, x, origin) {
			delete(s.files, x.path)
			continue
		}
		if !s.healthy(x.dir) {
			if (x.missed == 2 || s.now) && !s.empty[x.dir] {
				s.find(finding.Finding{
					ID: "zones-gone", Severity: finding.Warning, Zone: origin.String(), Place: finding.Place{File: x.path},
					Text: fmt.Sprintf("the file is gone, and no other of the folder can be used; zone %s is served as it was", origin),
					Fix:  "a zone is withdrawn when its file is gone and others of the folder are in order",
				})
			}
			continue
		}
		delete(s.files, x.path)
		s.drop(origin)
	}
}

// zoneOf returns the zone that is served from a file.
func (s *scan) zoneOf(x *file) (zone.Name, bool) {
	if z := s.zones[x.origin]; z != nil && z.path == x.path {
		return x.origin, true
	}
	return zone.Name{}, false
}

// instead loads a zone from another file that was left out for the sake of the one that is gone.
func (s *scan) instead(ctx context.Context, gone *file, origin zone.Name) bool {
	var others []*file
	for _, x := range s.files {
		if x != gone && x.state == shadowed && x.missed == 0 && s.listed[x.dir] {
			others = append(others, x)
		}
	}
	slices.SortFunc(others, func(a, b *file) int { return strings.Compare(s.rank(a), s.rank(b)) })
	for _, x := range others {
		if ctx.Err() != nil {
			return false
		}
		x.sum = 0 // to be read whatever it was
		s.one(x)
		if z := s.zones[origin]; z.path == x.path {
			return true
		}
	}
	return false
}

// healthy reports whether a folder has a file whose zone is served from it.
func (s *scan) healthy(dir string) bool {
	for _, x := range s.files {
		if x.dir == dir && x.state == good && x.missed == 0 {
			return true
		}
	}
	return false
}

// leave withdraws, when a reload was asked for, the zones whose files are those of other zones now.
func (s *scan) leave() {
	if !s.now {
		return
	}
	for origin, z := range s.zones {
		if z.left {
			s.drop(origin)
		}
	}
}

func (s *scan) drop(origin zone.Name) {
	z := s.zones[origin]
	delete(s.zones, origin)
	if s.Withdrawn != nil {
		s.Withdrawn(origin)
	} else {
		s.Zones.Remove(origin)
	}
	s.changed(Change{Origin: origin, File: z.path, Removed: true, Serial: z.serial, Before: z.serial})
}
