package secondary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// stored is a version as the disk has it.
type stored struct {
	journal.Entry
	zone *zone.Zone
	at   time.Time
	note note
}

// read reads all versions. A zone that is damaged is fetched anew.
func (s *Zones) read(ctx context.Context) (map[zone.Name]*stored, error) {
	all := map[zone.Name]*stored{}
	if s.Disk == nil {
		return all, nil
	}
	for e, err := range s.Disk.Zones(ctx, Kind) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if damaged, ok := errors.AsType[*journal.Damaged](err); ok {
			s.say(finding.Finding{
				ID: "secondary-disk", Severity: finding.Error, Zone: damaged.Origin.String(), Text: err.Error(),
				Fix: "the zone is fetched from its primaries again",
			})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("zones that were transferred in: %w", err)
		}
		x := &stored{Entry: e, zone: e.Zone, at: e.At}
		if len(e.Note) > 0 {
			if err := json.Unmarshal(e.Note, &x.note); err != nil {
				s.say(finding.Finding{
					ID: "secondary-disk", Severity: finding.Warning, Zone: e.Zone.Origin().String(),
					Text: fmt.Sprintf("what the disk notes of the zone cannot be read: %v", err),
				})
			}
		}
		all[e.Zone.Origin()] = x
	}
	return all, nil
}

// restored takes a version out of those of the disk and has it answered, unless it has expired.
func (s *Zones) restored(all map[zone.Name]*stored, origin zone.Name) *stored {
	x := all[origin]
	if x == nil {
		return nil
	}
	delete(all, origin)
	for _, c := range s.catalogs {
		if c.Origin == origin {
			if c.recall(x); !c.Serve {
				return x
			}
		}
	}
	if time.Since(x.at) >= xfr.Lasts(x.zone) {
		return x // the first step finds it out, and says so
	}
	publish := s.Restore
	if publish == nil {
		publish = func(e journal.Entry) error { return s.Publish(e.Zone) }
	}
	if err := publish(x.Entry); err != nil {
		s.say(finding.Finding{
			ID: "secondary-disk", Severity: finding.Error, Zone: origin.String(),
			Text: fmt.Sprintf("the version of the disk cannot be answered: %v", err), Fix: "the zone is fetched from its primaries again",
		})
		return nil
	}
	return x
}
