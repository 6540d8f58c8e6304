package metrics

import (
	"cmp"
	"crypto/x509"
	"slices"
	"time"
)

func (w writer) zones(byKind map[string]int) {
	all := 0
	for kind, n := range byKind {
		all += n
		w.gauge("zonecast_zones_by_kind", "Zones that are served, by what they are served from.", float64(n), "kind", kind)
	}
	w.gauge("zonecast_zones", "Zones that are served.", float64(all))
}

func (w writer) former(n int) {
	w.gauge("zonecast_zones_former", "Zones that are answered as they were before a reload, since where they are to come from has nothing yet.", float64(n))
}

func (w writer) files(f Files) {
	w.gauge("zonecast_zone_files", "Zone files in the folders.", float64(f.Files))
	w.gauge("zonecast_zone_files_broken", "Zone files that cannot be used; the zones are served as they were.", float64(f.Broken))
	w.gauge("zonecast_zones_changed_timestamp_seconds", "When zones last changed.", seconds(f.Changed))
	w.gauge("zonecast_zone_scan_seconds", "How long the last look at the folders took.", f.Took.Seconds())
	w.counter("zonecast_zone_changes_total", "Zones that were loaded, replaced or withdrawn.", f.Changes)
	w.counter("zonecast_zone_scans_total", "Looks at the folders of zone files.", f.Scans)
}

func (w writer) reload(r Reload) {
	w.counter("zonecast_reloads_total", "Reloads that were asked for.", r.Count)
	w.counter("zonecast_reloads_failed_total", "Reloads that found something wrong; what was good before stays.", r.Wrong)
	if r.Last.IsZero() {
		return
	}
	w.gauge("zonecast_reload_success", "Whether the last reload found nothing wrong.", truth(r.Good))
	w.gauge("zonecast_reload_timestamp_seconds", "When the last reload was.", seconds(r.Last))
}

func (w writer) outgoing(s *Source) {
	if s.Out != nil {
		c := s.Out()
		for _, v := range []struct {
			result string
			n      int64
		}{{"axfr", c.Whole}, {"ixfr", c.Incremental}, {"current", c.Current}, {"refused", c.Refused}, {"failed", c.Failed}} {
			w.counter("zonecast_transfers_total", "Requests for transfers, by what became of them.", uint64(v.n), "result", v.result)
		}
		w.counter("zonecast_transfers_busy_total", "Requests for transfers that were refused because too many were under way.", uint64(c.Busy))
		w.gauge("zonecast_transfers_open", "Transfers to secondaries that are under way.", float64(c.Open))
		w.gauge("zonecast_transfers_waiting", "Requests for transfers that wait until others are done.", float64(c.Waiting))
		w.counter("zonecast_transfer_records_total", "Records sent in transfers.", uint64(c.Records))
	}
	if s.Told != nil {
		told, untold := s.Told()
		w.counter("zonecast_notify_sent_total", "Secondaries that were told of a new version.", told)
		w.counter("zonecast_notify_failed_total", "Secondaries that could not be told of a new version.", untold)
	}
}

// States of zones that are transferred in.
const (
	good     = "good"     // confirmed by a primary
	failing  = "failing"  // served, but no primary could be asked
	behind   = "behind"   // a primary has an older version
	expired  = "expired"  // not served any more
	awaiting = "awaiting" // nothing has come yet
)

func stateOf(z *Incoming) string {
	switch {
	case z.Expired:
		return expired
	case !z.Loaded:
		return awaiting
	case z.Err != nil:
		return failing
	case z.Older != "":
		return behind
	}
	return good
}

// incoming counts the zones that are transferred in, and tells of at most n that are in trouble: those
// that were confirmed the longest ago.
func (w writer) incoming(all []Incoming, n int) {
	count := map[string]int{}
	var troubled []Incoming
	var whole, changes, failed uint64
	var oldest time.Time
	for _, z := range all {
		state := stateOf(&z)
		count[state]++
		if state != good {
			troubled = append(troubled, z)
		}
		whole, changes, failed = whole+uint64(z.Whole), changes+uint64(z.Changes), failed+uint64(z.Failed)
		if z.Loaded && (oldest.IsZero() || z.Refreshed.Before(oldest)) {
			oldest = z.Refreshed
		}
	}
	for _, state := range []string{good, failing, behind, expired, awaiting} {
		w.gauge("zonecast_secondary_zones", "Zones that are transferred in, by how they are.", float64(count[state]), "state", state)
	}
	const name, help = "zonecast_secondary_refreshes_total", "What came from primaries: whole zones, changes, or no answer from any."
	w.counter(name, help, whole, "result", "axfr")
	w.counter(name, help, changes, "result", "ixfr")
	w.counter(name, help, failed, "result", "failed")
	w.gauge("zonecast_secondary_oldest_refresh_timestamp_seconds", "When the zone that was confirmed the longest ago was.", seconds(oldest))
	slices.SortFunc(troubled, func(a, b Incoming) int {
		return cmp.Or(a.Refreshed.Compare(b.Refreshed), a.Origin.Compare(b.Origin))
	})
	for _, z := range troubled[:min(len(troubled), n)] {
		w.trouble(&z)
	}
}

func (w writer) trouble(z *Incoming) {
	origin := z.Origin.String()
	w.gauge("zonecast_secondary_zone_troubled", "A zone that is not as its primaries have it; always 1.", 1, "zone", origin, "state", stateOf(z))
	w.gauge("zonecast_secondary_zone_serial", "Serial of a troubled zone, 0 when there is none.", float64(z.Serial), "zone", origin)
	w.gauge("zonecast_secondary_zone_refreshed_timestamp_seconds", "When a primary last confirmed a troubled zone.", seconds(z.Refreshed), "zone", origin)
	w.gauge("zonecast_secondary_zone_next_timestamp_seconds", "When the primaries of a troubled zone are asked again.", seconds(z.Next), "zone", origin)
	w.gauge("zonecast_secondary_zone_expires_timestamp_seconds", "When a troubled zone is given up.", seconds(z.Expires), "zone", origin)
	w.counter("zonecast_secondary_zone_failures_total", "How often no primary of a troubled zone could be asked.", uint64(z.Failed), "zone", origin)
}

// certificates tells when each name's certificate ends. Of two for one name the sooner counts.
func (w writer) certificates(all []*x509.Certificate) {
	ends := map[string]time.Time{}
	for _, c := range all {
		if c == nil {
			continue
		}
		name := c.Subject.CommonName
		if len(c.DNSNames) > 0 {
			name = c.DNSNames[0]
		}
		if before, ok := ends[name]; !ok || c.NotAfter.Before(before) {
			ends[name] = c.NotAfter
		}
	}
	for name, end := range ends {
		w.gauge("zonecast_certificate_expiry_timestamp_seconds", "When a certificate that is shown to clients ends.", seconds(end), "name", name)
	}
}
