package lint

import (
	"slices"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Keys of service parameters (RFC 9460, section 14.3.2).
const (
	svcALPN          = 1
	svcNoDefaultALPN = 2
)

// service checks that parameters go together; name servers refuse the whole zone or update where
// they do not. That what is mandatory is there is checked wherever RDATA is read.
func (l *linter) service(set *zone.RRset) {
	for _, d := range set.Data {
		svc, err := rdata.SVCBOf(d)
		if err != nil {
			continue
		}
		has := func(key uint16) bool {
			return slices.ContainsFunc(svc.Params, func(p rdata.SVCParam) bool { return p.Key == key })
		}
		if has(svcNoDefaultALPN) && !has(svcALPN) {
			l.say("svcb-params", finding.Error, set, "add alpn, or remove no-default-alpn", "no-default-alpn needs an alpn (RFC 9460, section 7.1.1)")
		}
	}
}
