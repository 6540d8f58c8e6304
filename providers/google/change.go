package google

import (
	"errors"
	"fmt"
	"strings"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// What a project's quotas allow unless Google raises them (https://cloud.google.com/dns/quotas).
const (
	maxSets    = 1000    // additions, and deletions, in one change
	maxBytes   = 100_000 // of all rrdata in one change
	maxRecords = 100     // in one record set
)

// A piece is one change of an RRset as the service takes it. Deletion and addition always go into
// one change.
type piece struct {
	change   int // index into ChangeSet.Sets
	del, add *recordSet
}

// A load is how much of a change's quotas something takes.
type load struct{ adds, dels, bytes int }

func (p *piece) load() load {
	var l load
	if p.add != nil {
		l.adds, l.bytes = 1, bytesOf(p.add)
	}
	if p.del != nil {
		l.dels, l.bytes = 1, l.bytes+bytesOf(p.del)
	}
	return l
}

// bytesOf counts rrdata. Whether the quota counts deletions too is not documented: they are
// counted.
func bytesOf(set *recordSet) int {
	n := 0
	for _, text := range set.Rrdatas {
		n += len(text)
	}
	return n
}

func (l load) plus(o load) load { return load{l.adds + o.adds, l.dels + o.dels, l.bytes + o.bytes} }

func (l load) fits(batch int) bool { return l.adds <= batch && l.dels <= batch && l.bytes <= maxBytes }

func total(pieces []piece) load {
	var l load
	for i := range pieces {
		l = l.plus(pieces[i].load())
	}
	return l
}

// plan turns changes into units: all pieces of an owner, so that a CNAME takes the place of other
// types at once.
func plan(changes []zone.Change, have exact) ([][]piece, error) {
	var units [][]piece
	at := map[zone.Name]int{}
	for i, c := range changes {
		if c.Before != nil && c.After != nil && c.Before.TTL == c.After.TTL && c.Before.SameData(*c.After) {
			continue
		}
		one := piece{change: i}
		var err error
		if c.Before != nil {
			if one.del, err = written(*c.Before); err == nil {
				if texts, ok := have[c.Key()]; ok && means(c.Key().Type, texts, *c.Before) {
					one.del.Rrdatas = texts
				}
			}
		}
		if c.After != nil && err == nil {
			one.add, err = written(*c.After)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Key(), err)
		}
		if one.add == nil && one.del == nil {
			continue
		}
		owner := c.Key().Owner
		n, ok := at[owner]
		if !ok {
			n = len(units)
			at[owner], units = n, append(units, nil)
		}
		units[n] = append(units[n], one)
	}
	return units, nil
}

// written is an RRset as the API takes it.
func written(set zone.RRset) (*recordSet, error) {
	set = set.Clean()
	switch {
	case len(set.Data) == 0:
		return nil, errors.New("there are no records")
	case set.TTL > 1<<31-1:
		return nil, fmt.Errorf("the TTL %d is more than Cloud DNS can hold (%d)", set.TTL, 1<<31-1)
	}
	out := &recordSet{
		Name: set.Owner.String(), Type: set.Type.String(), Ttl: int64(set.TTL), Rrdatas: values(set),
		ForceSendFields: []string{"Ttl"}, // 0 is a TTL too
	}
	for _, text := range out.Rrdatas {
		if strings.HasPrefix(text, `\#`) {
			return nil, errors.New("the data has no form that Cloud DNS documents")
		}
	}
	return out, nil
}

// means reports whether texts of the service say the same as an RRset.
func means(t zone.Type, texts []string, set zone.RRset) bool {
	data, err := parseValues(t, texts)
	have := zone.RRset{Data: data}
	return err == nil && have.Clean().SameData(set.Clean())
}

// batches fills changes of the service with units. A unit that is too large for one is cut between
// pieces, deletions first. A piece that is too large for the documented quotas goes alone: the
// project's may be higher, and else the service says so.
func batches(units [][]piece, size int) [][]piece {
	var out [][]piece
	var now []piece
	var full load
	put := func(pieces []piece, l load) {
		if sum := full.plus(l); len(now) > 0 && !sum.fits(size) {
			out, now, full = append(out, now), nil, load{}
		}
		now, full = append(now, pieces...), full.plus(l)
	}
	for _, u := range units {
		if l := total(u); l.fits(size) {
			put(u, l)
			continue
		}
		for _, pass := range []func(*piece) bool{
			func(p *piece) bool { return p.add == nil },
			func(p *piece) bool { return p.add != nil && p.del != nil },
			func(p *piece) bool { return p.del == nil },
		} {
			for i := range u {
				if pass(&u[i]) {
					put(u[i:i+1], u[i].load())
				}
			}
		}
	}
	if len(now) > 0 {
		out = append(out, now)
	}
	return out
}

// refuse tells which change the service cannot hold.
func (p *Provider) refuse(info provider.ZoneInfo, changes provider.ChangeSet) error {
	if info.Kind == provider.Secondary {
		return errors.New("the managed zone holds no records of its own")
	}
	caps := p.Capabilities(info)
	for _, c := range changes.Sets {
		switch k := c.Key(); {
		case k.Type == zone.TypeSOA:
			return fmt.Errorf("%s: Cloud DNS keeps the SOA itself", k)
		case k.Type == zone.TypeALIAS && !caps.Holds(k.Type):
			return fmt.Errorf("%s: Cloud DNS has ALIAS only in public zones without DNSSEC", k)
		case !caps.Holds(k.Type):
			return fmt.Errorf("%s: Cloud DNS does not hold this type", k)
		}
	}
	if len(changes.Settings) > 0 {
		return fmt.Errorf("setting %s cannot be changed by this adapter", changes.Settings[0].Key)
	}
	return nil
}
