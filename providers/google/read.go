package google

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/api/dns/v1"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A recordSet is one as the API gives it.
type recordSet = dns.ResourceRecordSet

// Read implements provider.Provider.
func (p *Provider) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	const op = "read"
	for again := false; ; again = true {
		m, err := p.find(ctx, op, ref)
		if err != nil {
			return nil, err
		}
		snap, err := p.readZone(ctx, op, m)
		if errors.Is(err, provider.ErrNoZone) {
			p.directory.forget(m.origin)
			if !again && ref.ID == "" {
				continue // the zone was deleted; another of its name may have come
			}
		}
		return snap, err
	}
}

// errMoved says that the pages of a list do not join.
var errMoved = errors.New("the list of record sets changed while it was read")

// readZone reads all record sets. The service has no snapshot to page through, and states no
// number: a list in which a set shows twice, or that lacks what every zone has, is read again.
func (p *Provider) readZone(ctx context.Context, op string, m *managed) (*provider.Snapshot, error) {
	for range 3 {
		r := newReading(m)
		err := p.pages(ctx, op, m, "", "", r.add)
		if err == nil && r.complete() {
			return p.snapshot(op, m, r)
		}
		if err == nil && r.pages == 1 {
			return nil, invalid(op, m.origin.String(), errors.New("the list of record sets lacks the SOA or NS of the apex, which every zone has"))
		}
		if err != nil && !errors.Is(err, errMoved) {
			return nil, err
		}
	}
	return nil, moving(op, m)
}

func moving(op string, m *managed) error {
	return &provider.Error{
		Op: op, Zone: m.origin.String(), Kind: provider.Transient,
		Err: errors.New("the list of record sets kept changing while it was read"), Advice: "try again when nobody else writes the zone",
	}
}

// pages lists record sets, all or those of a name and a type, and gives each page to take.
func (p *Provider) pages(ctx context.Context, op string, m *managed, name, typ string, take func([]*recordSet) error) error {
	token := ""
	for {
		var out *dns.ResourceRecordSetsListResponse
		if err := p.do(ctx, httpkit.Call{Op: op, Zone: m.origin.String(), Repeatable: true}, func(ctx context.Context, c caller) (err error) {
			call := c.ResourceRecordSets.List(c.project, m.id).MaxResults(perPage).Context(ctx)
			if name != "" {
				call.Name(name).Type(typ)
			}
			if token != "" {
				call.PageToken(token)
			}
			out, err = call.Do()
			return err
		}); err != nil {
			return err
		}
		if out.Kind == "" {
			return invalid(op, m.origin.String(), errors.New("the answer is no list of record sets"))
		}
		if err := take(out.Rrsets); errors.Is(err, errMoved) {
			return err
		} else if err != nil {
			return invalid(op, m.origin.String(), err)
		}
		if out.NextPageToken == "" {
			return nil
		}
		if out.NextPageToken == token {
			return invalid(op, m.origin.String(), errors.New("the list of record sets does not go on"))
		}
		token = out.NextPageToken
	}
}

// A reading collects what a list gives.
type reading struct {
	m       *managed
	pages   int
	sets    []zone.RRset
	foreign []provider.Foreign
	seen    map[zone.Key]bool
	// exact are values as the service has them, where writing them anew would not give the same text
	// in the same order: a deletion has to repeat them.
	exact exact
}

type exact map[zone.Key][]string

func newReading(m *managed) *reading {
	return &reading{m: m, seen: map[zone.Key]bool{}, exact: exact{}}
}

// complete reports whether the zone has what it cannot lack.
func (r *reading) complete() bool {
	return r.seen[zone.Key{Owner: r.m.origin, Type: zone.TypeSOA}] && r.seen[zone.Key{Owner: r.m.origin, Type: zone.TypeNS}]
}

// add takes a page in. An error other than errMoved means that the answer makes no sense.
func (r *reading) add(page []*recordSet) error {
	r.pages++
	for _, set := range page {
		if err := r.addSet(set); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) addSet(set *recordSet) error {
	owner, err := zone.ParseName(set.Name)
	if err != nil || set.Name == "" || !owner.In(r.m.origin) {
		return fmt.Errorf("record set %q is not of the zone", set.Name)
	}
	t, ok := typeOf(set.Type)
	key := zone.Key{Owner: owner, Type: t}
	if r.seen[key] && ok {
		return errMoved
	}
	r.seen[key] = true
	if kind := routing(set.RoutingPolicy); kind != "" {
		r.foreignSet(key, set, kind)
		return nil
	}
	if !ok {
		r.foreignSet(zone.Key{Owner: owner}, set, "record set of type "+set.Type)
		return nil
	}
	if len(set.Rrdatas) == 0 {
		r.foreignSet(key, set, "record set without values")
		return nil
	}
	if set.Ttl < 0 || set.Ttl > 1<<32-1 {
		return fmt.Errorf("record set %s has the TTL %d", key, set.Ttl)
	}
	rr := zone.RRset{Owner: owner, Type: t, TTL: uint32(set.Ttl)}
	if rr.Data, err = parseValues(t, set.Rrdatas); err == nil {
		rr = rr.Clean()
		if !slices.Equal(values(rr), set.Rrdatas) {
			r.exact[key] = set.Rrdatas
		}
		r.sets = append(r.sets, rr)
	} else { // what cannot be read is shown and left alone, the whole set
		r.foreignSet(key, set, "record set that cannot be read ("+err.Error()+")")
	}
	return nil
}

// typeOf reads the name of a type; ok is false when it is none that records here can have.
func typeOf(text string) (t zone.Type, ok bool) {
	t, err := zone.ParseType(text)
	return t, err == nil && (t == zone.TypeALIAS || t.OnWire())
}

// values are an RRset's values as this adapter writes them.
func values(set zone.RRset) []string {
	out := make([]string, len(set.Data))
	for i, d := range set.Data {
		out[i] = rdata.Text(set.Type, d)
	}
	return out
}

func parseValues(t zone.Type, texts []string) ([]zone.Data, error) {
	out := make([]zone.Data, len(texts))
	for i, text := range texts {
		var err error
		if out[i], err = parseValue(t, text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// parseValue reads a value: presentation form (RFC 1035, section 5) without comments. Names without
// a final dot are complete, as the service has no origin to put behind them.
func parseValue(t zone.Type, text string) (zone.Data, error) {
	if t == zone.TypeTXT || t == zone.TypeSPF {
		text = literal(text)
	}
	return rdata.Parse(t, text, zone.Root)
}

// literal escapes semicolons and parentheses outside of quotes, which mean something only in files.
func literal(text string) string {
	if !strings.ContainsAny(text, ";()") || strings.HasPrefix(text, `"`) && strings.Count(text, `"`) == 2 && strings.HasSuffix(text, `"`) {
		return text
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			b.WriteByte(c)
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ';' || c == '(' || c == ')'):
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// routing says what makes a record set more than an RRset can express; "" nothing.
func routing(policy *dns.RRSetRoutingPolicy) string {
	switch {
	case policy == nil:
		return ""
	case policy.Wrr != nil:
		return "weighted record set"
	case policy.Geo != nil:
		return "record set by region"
	case policy.PrimaryBackup != nil:
		return "record set with primary and backup"
	}
	return "record set with a routing policy"
}

// foreignSet keeps what is not zonecast's to write.
func (r *reading) foreignSet(k zone.Key, set *recordSet, kind string) {
	text := k.Owner.String() + " " + set.Type
	if len(set.Rrdatas) > 0 {
		text += " " + strings.Join(set.Rrdatas, " | ")
	}
	if set.RoutingPolicy != nil {
		text += " " + policyText(set.RoutingPolicy)
	}
	raw, err := json.Marshal(set)
	if err != nil {
		raw = nil // it is plain data
	}
	r.foreign = append(r.foreign, provider.Foreign{Key: k, Kind: kind, Text: strings.TrimSpace(text), Raw: raw, Owns: k.Type != 0})
}

// policyText tells of a routing policy on one line.
func policyText(policy *dns.RRSetRoutingPolicy) string {
	var parts []string
	switch {
	case policy.Wrr != nil:
		for _, i := range policy.Wrr.Items {
			parts = append(parts, fmt.Sprintf("weight %v: %s", i.Weight, targets(i.Rrdatas, i.HealthCheckedTargets)))
		}
	case policy.Geo != nil:
		parts = regions(policy.Geo)
	case policy.PrimaryBackup != nil:
		parts = append(parts, "primary: "+targets(nil, policy.PrimaryBackup.PrimaryTargets))
		if policy.PrimaryBackup.BackupGeoTargets != nil {
			parts = append(parts, regions(policy.PrimaryBackup.BackupGeoTargets)...)
		}
	}
	return strings.Join(parts, ", ")
}

func regions(geo *dns.RRSetRoutingPolicyGeoPolicy) []string {
	var parts []string
	for _, i := range geo.Items {
		parts = append(parts, i.Location+": "+targets(i.Rrdatas, i.HealthCheckedTargets))
	}
	return parts
}

func targets(values []string, checked *dns.RRSetRoutingPolicyHealthCheckTargets) string {
	values = slices.Clone(values)
	if checked != nil {
		values = append(values, checked.ExternalEndpoints...)
		for _, b := range checked.InternalLoadBalancers {
			values = append(values, "load balancer "+b.IpAddress)
		}
	}
	return strings.Join(values, " | ")
}

func (p *Provider) snapshot(op string, m *managed, r *reading) (*provider.Snapshot, error) {
	z, err := zone.Of(m.origin, r.sets...)
	if err != nil {
		return nil, invalid(op, m.origin.String(), err)
	}
	info := p.info(m)
	if set, ok := z.Set(m.origin, zone.TypeSOA); ok && len(set.Data) == 1 {
		if soa, err := rdata.SOAOf(set.Data[0]); err == nil {
			info.Serial = soa.Serial
		}
	}
	if m.special != "" {
		r.foreign = append(r.foreign, provider.Foreign{Kind: m.special, Text: "managed zone " + m.name + " holds no records of its own"})
	}
	return &provider.Snapshot{
		Info: info, Sets: z, Foreign: r.foreign, Own: r.exact,
		Settings: provider.Settings{"dnssec": m.dnssec},
	}, nil
}

// few is up to how many sets are read one by one, before reading all pages is as well.
const few = 8

// some reads again what stands at some keys.
func (p *Provider) some(ctx context.Context, op string, m *managed, keys map[zone.Key]bool) (*reading, error) {
	r := newReading(m)
	if len(keys) > few {
		err := p.pages(ctx, op, m, "", "", r.add)
		if errors.Is(err, errMoved) {
			err = moving(op, m)
		}
		return r, err
	}
	for k := range keys {
		if err := p.pages(ctx, op, m, k.Owner.String(), k.Type.String(), r.add); err != nil {
			return r, err
		}
	}
	return r, nil
}

// ReadSets implements provider.SetReader.
func (p *Provider) ReadSets(ctx context.Context, ref provider.ZoneRef, keys []zone.Key) ([]zone.RRset, error) {
	const op = "read"
	m, err := p.find(ctx, op, ref)
	if err != nil {
		return nil, err
	}
	want := map[zone.Key]bool{}
	for _, k := range keys {
		want[k] = true
	}
	r, err := p.some(ctx, op, m, want)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(r.sets, func(s zone.RRset) bool { return !want[s.Key()] }), nil
}
