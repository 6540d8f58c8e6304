package rdata

import (
	"errors"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// Mailbox turns a mail address into the name that a SOA has for it (RFC 1035,
// section 8): dots of the local part are part of its label. Without @ it is a
// mailbox below the origin.
func Mailbox(mail string, origin zone.Name) (zone.Name, error) {
	local, host, ok := strings.Cut(mail, "@")
	if ok {
		var err error
		if origin, err = zone.ParseName(host); err != nil {
			return zone.Name{}, err
		}
	}
	if local == "" {
		return zone.Name{}, errors.New("the part before @ is empty")
	}
	return origin.Child(local)
}
