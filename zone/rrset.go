package zone

import (
	"encoding/base64"
	"fmt"
	"slices"
)

// Data is the RDATA of one record in canonical wire form (RFC 4034, section 6.2): names
// uncompressed and in lower case. For pseudo-types and vendor types it is whatever zone/rdata
// defines for them.
type Data string

// MarshalText writes base64: JSON strings cannot hold any octets.
func (d Data) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, []byte(d)), nil
}

// UnmarshalText reads base64.
func (d *Data) UnmarshalText(b []byte) error {
	raw, err := base64.StdEncoding.AppendDecode(nil, b)
	if err != nil {
		return fmt.Errorf("RDATA: %w", err)
	}
	*d = Data(raw)
	return nil
}

// An RRset is all records of one owner name and type, class IN. Zones are stored packed; an
// RRset is a view made when asked for.
type RRset struct {
	Owner Name   `json:"owner"`
	Type  Type   `json:"type"`
	TTL   uint32 `json:"ttl"`            // seconds
	Data  []Data `json:"data"`           // sorted bytewise, without duplicates
	Extra Extra  `json:"extra,omitzero"` // what DNS itself cannot say; Diff compares it
}

// A Key identifies an RRset within a zone.
type Key struct {
	Owner Name
	Type  Type
}

// String returns "owner TYPE".
func (k Key) String() string { return k.Owner.String() + " " + k.Type.String() }

// Compare orders keys as a zone does: by owner, then type.
func (k Key) Compare(l Key) int {
	if c := k.Owner.Compare(l.Owner); c != 0 {
		return c
	}
	switch {
	case k.Type < l.Type:
		return -1
	case k.Type > l.Type:
		return 1
	}
	return 0
}

// Key returns owner and type.
func (r RRset) Key() Key { return Key{r.Owner, r.Type} }

// Equal reports whether all of owner, type, TTL, data and extra are the same.
func (r RRset) Equal(s RRset) bool {
	return r.Owner == s.Owner && r.Type == s.Type && r.TTL == s.TTL && r.Extra == s.Extra && slices.Equal(r.Data, s.Data)
}

// SameData reports whether the records carry the same RDATA; TTL and extra may differ.
func (r RRset) SameData(s RRset) bool { return slices.Equal(r.Data, s.Data) }

// Clean returns r with its data sorted and duplicates removed, as zones keep it. The slice is
// copied only when it has to change.
func (r RRset) Clean() RRset {
	if !isClean(r.Data) {
		d := slices.Clone(r.Data)
		slices.Sort(d)
		r.Data = slices.Compact(d)
	}
	return r
}

func isClean(data []Data) bool {
	for i := 1; i < len(data); i++ {
		if data[i-1] >= data[i] {
			return false
		}
	}
	return true
}

// check tells why r cannot be in a zone.
func (r *RRset) check(origin Name) error {
	switch {
	case !r.Owner.In(origin):
		return fmt.Errorf("%s is not in zone %s", r.Owner, origin)
	case r.Type == 0 || r.Type.Meta():
		return fmt.Errorf("%s: type %s cannot be in a zone", r.Owner, r.Type)
	case len(r.Data) > maxData:
		return fmt.Errorf("%s has %d records; the most that zonecast holds in one RRset is %d", r.Key(), len(r.Data), maxData)
	}
	for _, d := range r.Data {
		if len(d) > 65535 {
			return fmt.Errorf("%s: RDATA of %d octets is longer than 65535", r.Key(), len(d))
		}
	}
	return nil
}

const maxData = 1 << 20

// A Change turns Before into After. A nil Before creates, a nil After deletes.
type Change struct {
	Before *RRset `json:"before,omitempty"`
	After  *RRset `json:"after,omitempty"`
}

// Key returns what the change is about.
func (c Change) Key() Key {
	if c.After != nil {
		return c.After.Key()
	}
	return c.Before.Key()
}

// Creates reports whether the RRset did not exist before.
func (c Change) Creates() bool { return c.Before == nil && c.After != nil }

// Deletes reports whether the RRset exists no more after.
func (c Change) Deletes() bool { return c.After == nil && c.Before != nil }

// Updates reports whether the RRset exists before and after.
func (c Change) Updates() bool { return c.Before != nil && c.After != nil }

// Reverse returns the change that undoes c.
func (c Change) Reverse() Change { return Change{Before: c.After, After: c.Before} }
