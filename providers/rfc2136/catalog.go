package rfc2136

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/wire/transfer"
	"github.com/zonecast/zonecast/zone"
)

var unsupported = errors.ErrUnsupported

// members reads the catalog zone: version.CATALOG must be TXT "2" and each
// UNIQUE.zones.CATALOG is a PTR to a member (RFC 9432, sections 4.1 to 4.3).
func (a *account) members(ctx context.Context) ([]zone.Name, error) {
	broken := func(err error) error {
		return &provider.Error{
			Kind: provider.Invalid, Op: "list zones", Zone: a.catalog.String(),
			Err: err, Advice: "check that the option catalog names a catalog zone of version 2 (RFC 9432)",
		}
	}
	z, err := transfer.Fetch(ctx, &a.client, a.addr, a.catalog, transfer.Options{})
	if err != nil {
		return nil, a.callError(ctx, "read", a.catalog, err)
	}
	version, err := a.catalog.Child("version")
	if err != nil {
		return nil, broken(err)
	}
	set, _ := z.Sets.Set(version, zone.TypeTXT)
	if !slices.Equal(set.Data, []zone.Data{"\x012"}) {
		return nil, broken(errors.New("no catalog zone of version 2"))
	}
	parent, err := a.catalog.Child("zones")
	if err != nil {
		return nil, broken(err)
	}
	var names []zone.Name
	for set := range z.Sets.Under(parent) {
		if set.Type != zone.TypePTR || set.Owner.Parent() != parent {
			continue // properties of members (section 4.4)
		}
		if len(set.Data) != 1 {
			return nil, broken(fmt.Errorf("%s names %d zones, not one", set.Owner, len(set.Data)))
		}
		n, _, err := zone.NameFromWire([]byte(set.Data[0]))
		if err != nil {
			return nil, broken(fmt.Errorf("%s: %w", set.Owner, err))
		}
		names = append(names, n)
	}
	slices.SortFunc(names, zone.Name.Compare)
	return names, nil
}
