package xfr

import (
	"fmt"
	"maps"
	"slices"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// ReadOnly reports whether a key may be used for queries and transfers only. Those with hmac-sha1
// are, which old peers know nothing better than (RFC 8945, section 6, has it as "not recommended");
// a Desk refuses NOTIFY and updates that they sign. hmac-md5 is no key at all (wire.ParseAlgorithm).
func ReadOnly(k *wire.Key) bool { return k != nil && k.Algorithm == wire.HMACSHA1 }

func (d *Desk) readOnly(s *wire.Session) bool {
	name, ok := s.Key()
	return ok && ReadOnly(d.keys()[name])
}

// KeyFindings says which keys are good for reading only.
func KeyFindings(keys wire.Keyring) []finding.Finding {
	var fs []finding.Finding
	for _, name := range slices.SortedFunc(maps.Keys(keys), zone.Name.Compare) {
		if ReadOnly(keys[name]) {
			fs = append(fs, finding.Finding{
				ID: "key-read-only", Severity: finding.Warning, Subject: "key " + name.String(),
				Text: fmt.Sprintf("key %s uses %s: it is taken for queries and transfers, never for updates or NOTIFY", name, keys[name].Algorithm),
				Fix:  "make a new key with hmac-sha256 as soon as the peer knows it",
			})
		}
	}
	return fs
}
