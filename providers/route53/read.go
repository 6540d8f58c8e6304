package route53

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// setsPerPage is the most that a page of record sets holds
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html).
const setsPerPage = 300

// A recordSet is one as the API gives it.
type recordSet = types.ResourceRecordSet

// Read implements provider.Provider.
func (p *Provider) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	const op = "read"
	for again := false; ; again = true {
		h, err := p.find(ctx, op, ref)
		if err != nil {
			return nil, err
		}
		snap, err := p.readZone(ctx, op, h)
		if errors.Is(err, provider.ErrNoZone) {
			p.directory.forget(h.origin)
			if !again && ref.ID == "" {
				continue // the zone was deleted; another of its name may have come
			}
		}
		return snap, err
	}
}

// readZone reads all record sets. The service has no snapshot to page through: a list whose pages
// do not join, or that is not as long as the service says, is read again.
func (p *Provider) readZone(ctx context.Context, op string, h *hosted) (*provider.Snapshot, error) {
	stated, doubt := h.count, false
	for try := range 3 {
		if try > 0 {
			// How soon the stated number follows a change is not documented.
			if err := sleep(ctx, time.Duration(try)*300*time.Millisecond); err != nil {
				return nil, &provider.Error{Op: op, Zone: h.origin.String(), Kind: provider.Transient, Err: err}
			}
		}
		r := newReading(h)
		pages, err := p.pages(ctx, op, h, nil, r.add)
		if err == nil {
			if r.n == 0 {
				return nil, invalid(op, h.origin.String(), errors.New("the hosted zone holds no record sets, not even an SOA"))
			}
			if stated == 0 && (pages > 1 || doubt) {
				now, err := p.ask(ctx, op, h.origin, h.id)
				if err != nil {
					return nil, err
				}
				h, stated = now, now.count
			}
			if stated == 0 || stated == int64(r.n) {
				return p.snapshot(ctx, op, h, r)
			}
		} else if !errors.Is(err, errMoved) {
			return nil, err
		}
		stated, doubt = 0, true
	}
	return nil, &provider.Error{
		Op: op, Zone: h.origin.String(), Kind: provider.Transient,
		Err: errors.New("the list of record sets kept changing while it was read"), Advice: "try again when nobody else writes the zone",
	}
}

// errMoved says that pages of a list do not join.
var errMoved = errors.New("the list of record sets changed while it was read")

// pages lists record sets from an owner on (nil: all) and gives each to take, which returns false
// when it has enough.
func (p *Provider) pages(ctx context.Context, op string, h *hosted, from *zone.Name, take func(*recordSet) (more bool, err error)) (pages int, err error) {
	in := &route53.ListResourceRecordSetsInput{HostedZoneId: &h.id, MaxItems: aws.Int32(setsPerPage)}
	if from != nil {
		in.StartRecordName = aws.String(nameText(*from))
	}
	for {
		var out *route53.ListResourceRecordSetsOutput
		if err := p.do(ctx, httpkit.Call{Op: op, Zone: h.origin.String(), Repeatable: true}, func(ctx context.Context, c *route53.Client) (err error) {
			out, err = c.ListResourceRecordSets(ctx, in)
			return err
		}); err != nil {
			return pages, err
		}
		if out.MaxItems == nil {
			return pages, invalid(op, h.origin.String(), otherCall("ListResourceRecordSets"))
		}
		sets := out.ResourceRecordSets
		if pages++; pages > 1 && (len(sets) == 0 || !begins(&sets[0], in)) {
			return pages, errMoved
		}
		for i := range sets {
			more, err := take(&sets[i])
			if err != nil {
				return pages, invalid(op, h.origin.String(), err)
			}
			if !more {
				return pages, nil
			}
		}
		if !out.IsTruncated {
			return pages, nil
		}
		if aws.ToString(out.NextRecordName) == "" || len(sets) == 0 {
			return pages, invalid(op, h.origin.String(), errors.New("the list of record sets does not say where it goes on"))
		}
		in.StartRecordName, in.StartRecordType, in.StartRecordIdentifier = out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier
	}
}

// begins reports whether a page begins with what the page before announced.
func begins(set *recordSet, in *route53.ListResourceRecordSetsInput) bool {
	got, err1 := parseName(aws.ToString(set.Name))
	want, err2 := parseName(aws.ToString(in.StartRecordName))
	return err1 == nil && err2 == nil && got == want && set.Type == in.StartRecordType &&
		aws.ToString(set.SetIdentifier) == aws.ToString(in.StartRecordIdentifier)
}

// A reading collects what a list gives.
type reading struct {
	h       *hosted
	n       int // record sets
	sets    []zone.RRset
	aliases map[zone.Name][]zone.Data
	foreign []provider.Foreign
	// raw are record sets as the service wrote them, where writing them anew would not give the
	// same text: a DELETE has to repeat them. want, when set, adds the sets that it has.
	raw  map[zone.Key][]recordSet
	want map[zone.Key]bool
}

func newReading(h *hosted) *reading {
	return &reading{h: h, aliases: map[zone.Name][]zone.Data{}, raw: map[zone.Key][]recordSet{}}
}

// add takes one record set in. An error means that the answer makes no sense.
func (r *reading) add(set *recordSet) (bool, error) {
	r.n++
	owner, err := parseName(aws.ToString(set.Name))
	if err != nil || aws.ToString(set.Name) == "" || !owner.In(r.h.origin) {
		return false, fmt.Errorf("record set %q is not of the zone", aws.ToString(set.Name))
	}
	key := zone.Key{Owner: owner, Type: typeOf(set)}
	kind := routing(set)
	if kind == "" && !key.Type.OnWire() {
		kind = "record of type " + string(set.Type)
	}
	switch {
	case kind != "":
		r.foreignSet(key, set, kind)
		return true, nil
	case set.AliasTarget != nil:
		return true, r.addAlias(owner, set)
	case set.TTL == nil || len(set.ResourceRecords) == 0:
		return false, fmt.Errorf("record set %s has no TTL or no values", key)
	}
	data, odd, why := parseValues(key.Type, set.ResourceRecords)
	if why != "" {
		// What cannot be read is shown and left alone, the whole set.
		r.foreignSet(key, set, "record that cannot be read ("+why+")")
		return true, nil
	}
	rr := zone.RRset{Owner: owner, Type: key.Type, TTL: uint32(min(max(*set.TTL, 0), 1<<32-1)), Data: data}.Clean()
	if odd || r.want[key] || len(rr.Data) != len(set.ResourceRecords) {
		r.raw[key] = []recordSet{*set}
	}
	r.sets = append(r.sets, rr)
	return true, nil
}

// typeOf is the type of a record set; 0 when nobody here knows it.
func typeOf(set *recordSet) zone.Type {
	t, err := zone.ParseType(string(set.Type))
	if err != nil {
		return 0
	}
	return t
}

// parseValues reads the values of a set. odd reports that a value would be written differently;
// why says what cannot be read.
func parseValues(t zone.Type, values []types.ResourceRecord) (data []zone.Data, odd bool, why string) {
	data = make([]zone.Data, len(values))
	for i, v := range values {
		text := aws.ToString(v.Value)
		d, err := parseValue(t, text)
		switch {
		case err != nil:
			return nil, false, err.Error()
		case undocumented(t, text):
			return nil, false, "escapes in service parameters are not documented"
		}
		data[i] = d
		odd = odd || valueText(t, d) != text
	}
	return data, odd, ""
}

func (r *reading) addAlias(owner zone.Name, set *recordSet) error {
	d, err := readAlias(set, r.h)
	if err != nil {
		return fmt.Errorf("record set %s %s: %w", owner, set.Type, err)
	}
	key := zone.Key{Owner: owner, Type: aliasType}
	odd := r.want[key]
	if a, err := parseAlias(d); err == nil {
		again, err := a.recordSet(owner, r.h)
		odd = odd || err != nil || *again.AliasTarget.DNSName != *set.AliasTarget.DNSName
	} else {
		odd = true
	}
	if odd {
		r.raw[key] = append(r.raw[key], *set)
	}
	r.aliases[owner] = append(r.aliases[owner], d)
	return nil
}

// routing says what makes a record set more than an RRset can express; "" nothing.
func routing(s *recordSet) string {
	switch {
	case s.TrafficPolicyInstanceId != nil:
		return "record of a traffic policy"
	case s.Weight != nil:
		return "weighted record"
	case s.GeoLocation != nil:
		return "geolocation record"
	case s.GeoProximityLocation != nil:
		return "geoproximity record"
	case s.Failover != "":
		return "failover record"
	case s.Region != "":
		return "latency record"
	case s.CidrRoutingConfig != nil:
		return "IP-based record"
	case aws.ToBool(s.MultiValueAnswer):
		return "multivalue answer record"
	case s.SetIdentifier != nil:
		return "record with a set identifier"
	case s.HealthCheckId != nil:
		return "record with a health check"
	}
	return ""
}

// foreignSet keeps what is not zonecast's to write.
func (r *reading) foreignSet(k zone.Key, s *recordSet, kind string) {
	words := []string{k.Owner.String(), string(s.Type)}
	if id := aws.ToString(s.SetIdentifier); id != "" {
		words = append(words, fmt.Sprintf("%q", id))
	}
	if s.Weight != nil {
		words = append(words, fmt.Sprintf("weight %d", *s.Weight))
	}
	if s.AliasTarget != nil {
		words = append(words, "alias to "+aws.ToString(s.AliasTarget.DNSName))
	}
	values := make([]string, 0, len(s.ResourceRecords))
	for _, v := range s.ResourceRecords {
		values = append(values, aws.ToString(v.Value))
	}
	words = append(words, strings.Join(values, " | "))
	raw, err := json.Marshal(s)
	if err != nil {
		raw = nil // it is plain data
	}
	r.foreign = append(r.foreign, provider.Foreign{
		Key: k, Kind: kind, Text: strings.TrimSpace(strings.Join(words, " ")), Raw: raw, Owns: k.Type != 0,
	})
}

// all gives the RRsets, those of aliases included.
func (r *reading) all() []zone.RRset {
	for owner, data := range r.aliases {
		r.sets = append(r.sets, zone.RRset{Owner: owner, Type: aliasType, TTL: aliasTTL, Data: data}.Clean())
	}
	r.aliases = nil
	return r.sets
}

// exact is what a snapshot keeps for Write: the text of sets that would be written differently.
type exact map[zone.Key][]recordSet

func (p *Provider) snapshot(ctx context.Context, op string, h *hosted, r *reading) (*provider.Snapshot, error) {
	z, err := zone.Of(h.origin, r.all()...)
	if err != nil {
		return nil, invalid(op, h.origin.String(), err)
	}
	if !h.detail && !h.private {
		h.ns = assigned(z)
	}
	if !h.detail && (!h.private && h.ns == nil || p.vpc != "" && p.otherVPCs != "ignore") {
		if h, err = p.ask(ctx, op, h.origin, h.id); err != nil {
			return nil, err
		}
	}
	foreign := r.foreign
	if h.service != "" {
		foreign = append(foreign, provider.Foreign{Kind: "zone of another service", Text: "the hosted zone was made by " + h.service + " and is changed by it alone"})
	}
	if p.vpc != "" && len(h.vpcs) > 1 && p.otherVPCs != "ignore" {
		text := "VPCs see this zone and get every change: " + strings.Join(h.vpcs, ", ")
		if p.otherVPCs == "error" {
			return nil, &provider.Error{
				Op: op, Zone: h.origin.String(), Kind: provider.Rejected, Err: fmt.Errorf("%d %s", len(h.vpcs), text),
				Advice: "set vpc_multi_action to warn or ignore if that is wanted",
			}
		}
		foreign = append(foreign, provider.Foreign{Kind: "shared zone", Text: text})
	}
	return &provider.Snapshot{Info: p.info(h), Sets: z, Foreign: foreign, Own: exact(r.raw)}, nil
}

// amazons is the form of the names of Amazon's name servers.
var amazons = regexp.MustCompile(`^ns-\d+\.awsdns-\d+\.(com|net|org|co\.uk)\.$`)

// assigned tells the name servers that were assigned to a zone, as far as its records do: Route 53
// makes every zone with an NS RRset of four, one under each of four top-level domains, and an SOA
// that names one of them. If both still stand so, asking for the zone would tell the same. Nil when
// they do not: somebody changed them, or the delegation set has names of its own.
func assigned(z *zone.Zone) []zone.Name {
	set, _ := z.Set(z.Origin(), zone.TypeNS)
	soa, ok := z.Set(z.Origin(), zone.TypeSOA)
	if !ok || len(set.Data) != 4 || len(soa.Data) != 1 {
		return nil
	}
	primary, _, err := zone.NameFromWire([]byte(soa.Data[0]))
	if err != nil {
		return nil
	}
	var names []zone.Name
	under := map[string]bool{}
	for _, d := range set.Data {
		n, _, err := zone.NameFromWire([]byte(d))
		m := amazons.FindStringSubmatch(n.String())
		if err != nil || m == nil {
			return nil
		}
		under[m[1]] = true
		names = append(names, n)
	}
	if len(under) != 4 || !slices.Contains(names, primary) {
		return nil
	}
	return names
}

// few is up to how many owner names are read one by one, before reading all pages is as well.
const few = 8

// some reads again what stands at some owners.
func (p *Provider) some(ctx context.Context, op string, h *hosted, keys map[zone.Key]bool) (*reading, error) {
	r := newReading(h)
	r.want = keys
	owners := map[zone.Name]bool{}
	for k := range keys {
		owners[k.Owner] = true
	}
	if len(owners) > few {
		_, err := p.pages(ctx, op, h, nil, r.add)
		if errors.Is(err, errMoved) {
			err = &provider.Error{Op: op, Zone: h.origin.String(), Kind: provider.Transient, Err: errMoved, Advice: "try again"}
		}
		return r, err
	}
	for owner := range owners {
		if _, err := p.pages(ctx, op, h, &owner, func(set *recordSet) (bool, error) {
			if n, err := parseName(aws.ToString(set.Name)); err == nil && n != owner {
				return false, nil // past it
			}
			return r.add(set)
		}); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// ReadSets implements provider.SetReader.
func (p *Provider) ReadSets(ctx context.Context, ref provider.ZoneRef, keys []zone.Key) ([]zone.RRset, error) {
	const op = "read"
	h, err := p.find(ctx, op, ref)
	if err != nil {
		return nil, err
	}
	want := map[zone.Key]bool{}
	for _, k := range keys {
		want[k] = true
	}
	r, err := p.some(ctx, op, h, want)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(r.all(), func(s zone.RRset) bool { return !want[s.Key()] }), nil
}
