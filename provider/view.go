package provider

import (
	"fmt"
	"strings"
)

// PrivateView is the View of zones that are answered only inside a network, at
// providers that hold such a zone beside a public one of the same name.
const PrivateView = "private"

// A Viewed zone is one of several that may have the same name: public, or seen
// only inside a network. String names it to people.
type Viewed[Z any] interface {
	*Z
	fmt.Stringer
	Private() bool
}

// ChooseZone is the zone that a reference means among all of its name at an
// account. PrivateView means a private one; a reference without a view means the
// public one or, where there is none, a private one. None is ErrNoZone. Several
// are an error that names them and ends in advice; holder and what say where they
// are and how the provider calls them: "the account", "hosted zones".
func ChooseZone[Z any, P Viewed[Z]](op string, ref ZoneRef, zones []Z, holder, what, advice string) (P, error) {
	var public, private []P
	for i := range zones {
		if z := P(&zones[i]); z.Private() {
			private = append(private, z)
		} else {
			public = append(public, z)
		}
	}
	var meant []P
	switch {
	case ref.View == PrivateView, ref.View == "" && len(public) == 0:
		meant = private
	case ref.View == "":
		meant = public
	}
	switch len(meant) {
	case 0:
		return nil, &Error{Op: op, Zone: ref.Origin.String(), Err: ErrNoZone}
	case 1:
		return meant[0], nil
	}
	names := make([]string, len(meant))
	for i, z := range meant {
		names[i] = z.String()
	}
	return nil, &Error{
		Op: op, Zone: ref.Origin.String(), Kind: Rejected,
		Err:    fmt.Errorf("%s holds %d %s of this name: %s", holder, len(meant), what, strings.Join(names, ", ")),
		Advice: advice,
	}
}
