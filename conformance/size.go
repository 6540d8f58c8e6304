package conformance

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// addresses are n A RRsets of one record each.
func (e *env) addresses(n int, ttl uint32) []zone.RRset {
	e.Helper()
	sets := make([]zone.RRset, n)
	for i := range sets {
		ip := binary.BigEndian.AppendUint32(nil, 10<<24|uint32(i))
		sets[i] = zone.RRset{Owner: e.name(fmt.Sprintf("h%d", i)), Type: zone.TypeA, TTL: e.ttl(ttl), Data: []zone.Data{zone.Data(ip)}}
	}
	return sets
}

func manySets(e *env, n int) {
	s := e.s
	e.s.Ask = nil // thousands of questions prove no more than some
	sets := e.addresses(n, 300)
	e.step(fmt.Sprintf("%d created", n), sets...)
	other := e.addresses(n, 3600)
	e.step("every second changed", append(other[:n/2:n/2], sets[n/2:]...)...)
	e.s = s
	few := n - n/40 // most are deleted
	e.s.Ask = nil
	e.step("most deleted", sets[few:]...)
	e.s = s
	e.step("the rest deleted")
}

func recordsInOneSet(e *env) {
	most := 400
	if e.caps.MaxRecords > 0 {
		most = min(most, e.caps.MaxRecords)
	}
	all := zone.RRset{Owner: e.name("many"), Type: zone.TypeA, TTL: e.ttl(300)}
	for i := range most {
		all.Data = append(all.Data, zone.Data(binary.BigEndian.AppendUint32(nil, 10<<24|uint32(i*257))))
	}
	all = all.Clean()
	e.step(fmt.Sprintf("%d records", most), all)
	fewer := all
	fewer.Data = all.Data[1:]
	if len(fewer.Data) > 0 {
		e.step("one less", fewer)
	}
	fewer.Data = all.Data[:1]
	e.step("one", fewer)
}

func batchBorders(e *env) {
	s := e.s
	e.s.Ask = nil
	n := e.caps.Batch
	if n > 1200 && !e.s.Large {
		e.Skipf("batches of %d need Large", n)
	}
	for _, k := range []int{n - 1, n, n + 1, 2*n + 1} {
		if k < 1 || k > 1201 && !e.s.Large {
			continue
		}
		e.step(fmt.Sprintf("%d changes", k), e.addresses(k, 300)...)
		if k <= n+1 {
			e.step(fmt.Sprintf("%d changed again", k), e.addresses(k, 3600)...) // some services count that twice
		}
		e.step("all gone")
	}
	e.s = s
}

// pageBorders lets a zone grow by single sets over the border of a page, for nobody knows what of
// the service's own stands on the page, too.
func pageBorders(e *env) {
	n := e.s.Page
	if n > 1200 && !e.s.Large {
		e.Skipf("pages of %d need Large", n)
	}
	s := e.s
	e.s.Ask = nil
	own := e.read().Sets.Len()
	for _, pages := range []int{1, 2} {
		border := pages*n - own
		if border > 1200 && !e.s.Large {
			break
		}
		for k := border - 2; k <= border+3; k++ {
			if k > 0 {
				e.step(fmt.Sprintf("%d sets", k), e.addresses(k, 300)...)
			}
		}
	}
	e.step("all gone")
	e.s = s
}

// boundedCalls writes and reads n sets with no more requests than the size of batches and pages
// makes necessary.
func boundedCalls(e *env, n int) {
	s := e.s
	e.s.Ask = nil
	batch := e.caps.Batch
	if batch == 0 && e.caps.Atomic {
		batch = 10 * n // everything goes into one request
	}
	batch, page := max(batch, 1), e.s.Page
	if page == 0 {
		page = 10 * n
	}
	pages := func(sets int) int { return (sets + page - 1) / page }
	all := e.addresses(n, 300)
	some := slices.Clone(all)
	for i := 0; i < n; i += 10 {
		some[i].TTL = e.ttl(3600)
		some[i].Data = []zone.Data{"\xc0\x00\x02\x01"}
	}
	for _, c := range []struct {
		name string
		sets []zone.RRset
	}{{"create", all}, {"change every tenth", some}, {"delete all", nil}} {
		p := e.open() // nothing remembered
		var base *provider.Snapshot
		read := e.spent(func() { base = e.readBy(p) })
		own := base.Sets.Len() + len(base.Foreign)
		e.bound(fmt.Sprintf("read of %d sets", own), read, pages(own+2)+2)
		changes := e.plan(base, c.sets)
		write := e.spent(func() {
			if _, err := e.written(c.name, base, changes); err != nil {
				e.Fatalf("%v", err)
			}
		})
		e.bound(fmt.Sprintf("write of %d changes", len(changes)), write, (len(changes)+batch-1)/batch+pages(max(own, n)+2)+2)
		e.note("%s: read of %d sets %d calls, write of %d changes %d calls", c.name, own, read, len(changes), write)
		e.settled(c.name, c.sets, nil)
	}
	e.s = s
}

// spent is how many requests something takes, without those that only ask for completion.
func (e *env) spent(f func()) int {
	all, polls := e.s.Calls()
	f()
	allNow, pollsNow := e.s.Calls()
	return allNow - all - (pollsNow - polls)
}

func (e *env) bound(what string, calls, most int) {
	e.Helper()
	if calls < 1 {
		e.Errorf("%s: Subject.Calls counted no request", what)
	}
	if calls > most {
		e.Errorf("%s: %d requests, more than %d", what, calls, most)
	}
}
