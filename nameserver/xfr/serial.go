package xfr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// Newer reports whether serial a comes after b in the arithmetic of RFC 1982. Of two serials that
// are 2^31 apart neither comes after the other.
func Newer(a, b uint32) bool { return int32(a-b) > 0 && a-b != 1<<31 }

// A SerialPolicy says which serial follows on another.
type SerialPolicy uint8

// Policies. All of them only ever go forward: where the date or the time is not after the serial
// that a zone has, they add one to it.
const (
	Increment SerialPolicy = iota // one more
	Date                          // YYYYMMDDnn in UTC (RFC 1912, section 2.2)
	UnixTime                      // seconds since 1970
)

// Next returns the serial of the version that follows on one with the serial old.
func (p SerialPolicy) Next(old uint32, now time.Time) uint32 {
	var next uint32
	switch p {
	case Date:
		y, m, d := now.UTC().Date()
		next = uint32(((y*100+int(m))*100 + d) * 100)
	case UnixTime:
		next = uint32(now.Unix())
	}
	if p != Increment && next != 0 && Newer(next, old) {
		return next
	}
	if next = old + 1; next == 0 { // some servers take 0 for "no serial"
		next = 1
	}
	return next
}

// ParseSerialPolicy reads "increment", "date" or "unixtime".
func ParseSerialPolicy(s string) (SerialPolicy, error) {
	for p := range UnixTime + 1 {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, fmt.Errorf("serial policy %q is unknown; write increment, date or unixtime", s)
}

// String returns what ParseSerialPolicy reads.
func (p SerialPolicy) String() string {
	return [...]string{"increment", "date", "unixtime"}[min(p, UnixTime)]
}

// ErrNoSOA is wrapped by errors about zones that have no SOA, or not one.
var ErrNoSOA = errors.New("the zone has no SOA record at its apex")

// soaOf returns the SOA of a zone.
func soaOf(z *zone.Zone) (set zone.RRset, serial uint32, err error) {
	set, ok := z.Set(z.Origin(), zone.TypeSOA)
	if !ok || len(set.Data) != 1 || len(set.Data[0]) < 22 {
		return set, 0, fmt.Errorf("zone %s: %w", z.Origin(), ErrNoSOA)
	}
	return set, serialAt(set.Data[0]), nil
}

// SerialOf returns the serial of a zone. The error wraps ErrNoSOA.
func SerialOf(z *zone.Zone) (uint32, error) {
	_, serial, err := soaOf(z)
	return serial, err
}

func serialAt(soa zone.Data) uint32 {
	return binary.BigEndian.Uint32([]byte(soa[len(soa)-20 : len(soa)-16]))
}

// WithSerial returns a zone that differs from z in its serial only.
func WithSerial(z *zone.Zone, serial uint32) (*zone.Zone, error) {
	before, have, err := soaOf(z)
	if err != nil || have == serial {
		return z, err
	}
	after := before
	after.Data = []zone.Data{withSerial(before.Data[0], serial)}
	return z.With([]zone.Change{{Before: &before, After: &after}})
}

func withSerial(soa zone.Data, serial uint32) zone.Data {
	b := []byte(soa)
	binary.BigEndian.PutUint32(b[len(b)-20:], serial)
	return zone.Data(b)
}
