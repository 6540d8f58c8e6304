//go:build !linux

package serve

import "errors"

// DropTo gives up rights on Linux only.
func DropTo(name string) error {
	if name != "" {
		return errors.New("changing the user is possible on Linux only")
	}
	return nil
}
