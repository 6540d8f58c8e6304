package conformance

import (
	"encoding/binary"
	"fmt"

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
	if n > 1000 && !e.s.Large {
		e.Skipf("batches of %d need Large", n)
	}
	for _, k := range []int{n - 1, n, n + 1, 2*n + 1} {
		if k < 1 {
			continue
		}
		e.step(fmt.Sprintf("%d changes", k), e.addresses(k, 300)...)
		e.step("all gone")
	}
	e.s = s
}
