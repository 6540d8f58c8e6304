package conformance

import (
	"context"
	"fmt"
	"slices"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// AskAt gives a Subject.Ask that asks the name server at an address ("127.0.0.1:53"), without
// recursion, over UDP with fallback to TCP. NS of a delegation are taken from where they are
// answered, the authority section.
func AskAt(addr string) func(context.Context, zone.Key) (zone.RRset, bool, error) {
	client := &wire.Client{}
	return func(ctx context.Context, k zone.Key) (zone.RRset, bool, error) {
		set := zone.RRset{Owner: k.Owner, Type: k.Type}
		m, err := client.Exchange(ctx, addr, wire.Query(k.Owner, k.Type))
		if err != nil {
			return set, false, err
		}
		if m.RCODE != wire.NoError && m.RCODE != wire.NXDomain {
			return set, false, fmt.Errorf("answer %s", m.RCODE)
		}
		for _, r := range slices.Concat(m.Answers, m.Authority) {
			if r.Key() == k {
				set.TTL, set.Data = r.TTL, append(set.Data, r.Data)
			}
		}
		return set.Clean(), len(set.Data) > 0, nil
	}
}
