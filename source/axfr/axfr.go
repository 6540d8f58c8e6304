package axfr

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/wire/transfer"
	"github.com/zonecast/zonecast/zone"
)

// Options say where zones are transferred from. They are those of octodns_bind.AxfrSource.
type Options struct {
	ID       string // the source's name in the configuration
	Host     string // name or address of the server
	Port     int    // 0: 53
	IPv6     bool   // connect over IPv6 only
	Timeout  time.Duration
	Key      *wire.Key // nil: no signatures
	KeepKeys bool      // DNSKEY, CDS and CDNSKEY of a signed zone are kept
	Zones    []zone.Name
	Limits   wire.Limits
	Trace    func(format string, args ...any)
}

// A Source transfers zones from one server.
type Source struct {
	o      Options
	addr   string
	client wire.Client
}

var _ source.Source = (*Source)(nil)

// Open returns the source. It does no I/O.
func Open(o Options) (*Source, error) {
	if o.Host == "" {
		return nil, fmt.Errorf("source %s: option host is missing; write the name or address of a name server", o.ID)
	}
	if o.Port < 0 || o.Port > 65535 {
		return nil, fmt.Errorf("source %s: option port is %d; write a number from 1 to 65535", o.ID, o.Port)
	}
	if o.Port == 0 {
		o.Port = 53
	}
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second // octoDNS's default
	}
	s := &Source{
		o:      o,
		addr:   net.JoinHostPort(strings.Trim(o.Host, "[]"), strconv.Itoa(o.Port)),
		client: wire.Client{Transport: wire.TCP, Timeout: o.Timeout, Key: o.Key, Trace: o.Trace},
	}
	if o.IPv6 {
		s.client.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network+"6", addr)
		}
	}
	return s, nil
}

// Zones lists the zones of the options, if there are any.
func (s *Source) Zones(context.Context) iter.Seq2[zone.Name, error] {
	return func(yield func(zone.Name, error) bool) {
		if len(s.o.Zones) == 0 {
			yield(zone.Root, fmt.Errorf("source %s: a name server does not tell which zones it holds: %w; name the zones in the configuration", s.o.ID, errors.ErrUnsupported))
			return
		}
		for _, n := range s.o.Zones {
			if !yield(n, nil) {
				return
			}
		}
	}
}

// Load transfers the zone.
func (s *Source) Load(ctx context.Context, origin zone.Name) (*source.Loaded, error) {
	z, err := transfer.Fetch(ctx, &s.client, s.addr, origin, transfer.Options{Limits: s.o.Limits, KeepKeys: s.o.KeepKeys})
	if err != nil {
		return nil, s.explain(err)
	}
	place := finding.Place{File: "zone transfer from " + s.addr}
	return &source.Loaded{
		Zone:     z.Sets,
		Revision: strconv.FormatUint(uint64(z.Serial), 10),
		Place:    func(zone.Key) finding.Place { return place },
		Findings: findings(z, origin, place),
		Source:   func(zone.Key) string { return s.o.ID },
	}, nil
}

// explain says which source had the trouble and what to do. That the server does not hold the
// zone wraps source.ErrNoZone.
func (s *Source) explain(err error) error {
	var code wire.RCODE
	if e, ok := errors.AsType[*wire.RCODEError](err); ok {
		code = e.RCODE
	} else if e, ok := errors.AsType[*wire.SignatureError](err); ok && e.Code == 0 {
		code = e.RCODE
	}
	switch code {
	case wire.NotAuth:
		return fmt.Errorf("source %s: %w: %w", s.o.ID, source.ErrNoZone, err)
	case wire.Refused:
		who := "this client's address"
		if s.o.Key != nil {
			who = "key " + s.o.Key.Name.String()
		}
		return fmt.Errorf("source %s: %w; allow zone transfers to %s (BIND: allow-transfer; Knot: acl with action transfer)", s.o.ID, err, who)
	}
	return fmt.Errorf("source %s: %w", s.o.ID, err)
}

// findings tell what was left out and what was odd.
func findings(z *transfer.Zone, origin zone.Name, place finding.Place) []finding.Finding {
	var out []finding.Finding
	if len(z.Left) > 0 {
		parts := make([]string, len(z.Left))
		for i, c := range z.Left {
			parts[i] = fmt.Sprintf("%d %s", c.Records, c.Type)
		}
		out = append(out, finding.Finding{
			ID: "axfr-dnssec-left-out", Severity: finding.Info, Place: place, Zone: origin.Unicode(),
			Text: "records of the server's signer are left out: " + strings.Join(parts, ", "),
		})
	}
	keys := make([]zone.Key, 0, len(z.Mixed))
	for k := range z.Mixed {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, zone.Key.Compare)
	for _, k := range keys {
		out = append(out, finding.Finding{
			ID: "rrset-ttl-mismatch", Severity: finding.Warning, Place: place, Zone: origin.Unicode(), Subject: k.String(),
			Text: fmt.Sprintf("the records of %s have several TTLs; the lowest is taken", k),
			Fix:  "give all records of the set one TTL (RFC 2181, section 5.2)",
		})
	}
	return out
}
