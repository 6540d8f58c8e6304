package rdata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// LOC is a location in the units of RFC 1876, section 2.
type LOC struct {
	Version             uint8
	Size                uint8  // diameter: base in the high, exponent of ten in the low four bits, in cm
	HorizPre, VertPre   uint8  // precision, as Size
	Latitude, Longitude uint32 // thousandths of a second of arc, 2^31 is the equator or prime meridian
	Altitude            uint32 // cm above 100,000 m below the WGS 84 spheroid
}

// An Arc is a latitude or longitude as people write it.
type Arc struct {
	Degrees, Minutes int
	Seconds          float64 // to a thousandth
	Direction        byte    // N, S, E or W
}

const (
	equator = 1 << 31
	degree  = 3600 * 1000
)

// LatitudeArc returns the latitude in degrees.
func (l LOC) LatitudeArc() Arc { return arcOf(l.Latitude, 'N', 'S') }

// LongitudeArc returns the longitude in degrees.
func (l LOC) LongitudeArc() Arc { return arcOf(l.Longitude, 'E', 'W') }

// AltitudeMeters returns the altitude in metres, to the centimetre.
func (l LOC) AltitudeMeters() float64 { return float64(int64(l.Altitude)-10000000) / 100 }

// LOCMeters returns the metres that a size or precision octet stands for.
func LOCMeters(x uint8) float64 { return float64(locCentimetres(x)) / 100 }

func arcOf(v uint32, plus, minus byte) Arc {
	a := Arc{Direction: plus}
	d := int64(v) - equator
	if d < 0 {
		a.Direction, d = minus, -d
	}
	a.Degrees, a.Minutes, a.Seconds = int(d/degree), int(d%degree/60000), float64(d%60000)/1000
	return a
}

// wire returns the thousandths of a second that the arc is; limit is 90 or 180.
func (a Arc) wire(limit int) (uint32, error) {
	ms := int64(math.Round(a.Seconds * 1000))
	total := int64(a.Degrees)*degree + int64(a.Minutes)*60000 + ms
	if a.Degrees < 0 || a.Minutes < 0 || a.Minutes > 59 || !(a.Seconds >= 0 && a.Seconds < 60) || total > int64(limit)*degree {
		return 0, fmt.Errorf("%d %d %v is no arc of at most %d degrees", a.Degrees, a.Minutes, a.Seconds, limit)
	}
	if a.Direction == 'S' || a.Direction == 'W' {
		total = -total
	}
	return uint32(total + equator), nil
}

// NewLOC builds a location from degrees and metres. Size and precisions keep one digit, as the
// wire form does.
func NewLOC(lat, long Arc, altitude, size, horizPre, vertPre float64) (LOC, error) {
	var l LOC
	var err error
	if lat.Direction != 'N' && lat.Direction != 'S' || long.Direction != 'E' && long.Direction != 'W' {
		return l, errors.New("LOC directions must be N or S, and E or W")
	}
	if l.Latitude, err = lat.wire(90); err != nil {
		return l, fmt.Errorf("LOC latitude %w", err)
	}
	if l.Longitude, err = long.wire(180); err != nil {
		return l, fmt.Errorf("LOC longitude %w", err)
	}
	cm := math.Round(altitude*100) + 10000000
	if !(cm >= 0 && cm <= math.MaxUint32) {
		return l, fmt.Errorf("LOC altitude %vm is not from -100000m to 42849672.95m", altitude)
	}
	l.Altitude = uint32(cm)
	for _, x := range []struct {
		what string
		m    float64
		to   *uint8
	}{{"size", size, &l.Size}, {"horizontal precision", horizPre, &l.HorizPre}, {"vertical precision", vertPre, &l.VertPre}} {
		if !(x.m >= 0 && x.m <= 90000000) {
			return l, fmt.Errorf("LOC %s %vm is not from 0m to 90000000m", x.what, x.m)
		}
		*x.to = locOctet(uint64(math.Round(x.m * 100)))
	}
	return l, nil
}

// locOctet keeps the first digit of a number of centimetres.
func locOctet(cm uint64) uint8 {
	exp := uint8(0)
	for cm > 9 {
		cm /= 10
		exp++
	}
	return uint8(cm)<<4 | exp
}

func locCentimetres(x uint8) uint64 {
	v := uint64(x >> 4)
	for range x & 0x0F {
		v *= 10
	}
	return v
}

func checkLOC(b []byte) error {
	if len(b) == 0 || b[0] == 0 && len(b) != 16 {
		return errShort
	}
	return nil // other versions have unknown structure
}

// Data packs the location.
func (l LOC) Data() (zone.Data, error) {
	if l.Version != 0 {
		return "", fmt.Errorf("LOC version %d is unknown", l.Version)
	}
	return zone.Data(l.append(nil)), nil
}

func (l LOC) append(b []byte) []byte {
	b = append(b, l.Version, l.Size, l.HorizPre, l.VertPre)
	b = binary.BigEndian.AppendUint32(b, l.Latitude)
	b = binary.BigEndian.AppendUint32(b, l.Longitude)
	return binary.BigEndian.AppendUint32(b, l.Altitude)
}

// LOCOf takes a location apart.
func LOCOf(d zone.Data) (LOC, error) {
	if len(d) != 16 || d[0] != 0 {
		return LOC{}, errors.New("LOC RDATA is malformed or of unknown version")
	}
	b := []byte(d)
	return LOC{
		Size: b[1], HorizPre: b[2], VertPre: b[3], Latitude: binary.BigEndian.Uint32(b[4:]),
		Longitude: binary.BigEndian.Uint32(b[8:]), Altitude: binary.BigEndian.Uint32(b[12:]),
	}, nil
}

// loc reads "d [m [s]] N|S d [m [s]] E|W alt[m] [size[m] [hp[m] [vp[m]]]]" (RFC 1876, section 3).
func (p *parser) loc() error {
	l := LOC{Size: 0x12, HorizPre: 0x16, VertPre: 0x13} // 1m, 10000m, 10m
	var err error
	if l.Latitude, err = p.arc("latitude", 90, "N", "S"); err != nil {
		return err
	}
	if l.Longitude, err = p.arc("longitude", 180, "E", "W"); err != nil {
		return err
	}
	s, err := p.next(field{name: "altitude"})
	if err != nil {
		return err
	}
	alt, ok := parseFixed(strings.TrimSuffix(strings.TrimSuffix(s, "m"), "M"), 2)
	if alt += 10000000; !ok || alt < 0 || alt > math.MaxUint32 {
		return errorAt(p.at-1, "altitude %s is not from -100000m to 42849672.95m", clip(s))
	}
	l.Altitude = uint32(alt)
	for i, to := range []*uint8{&l.Size, &l.HorizPre, &l.VertPre} {
		if p.at == len(p.toks) {
			break
		}
		s, _ := p.next(field{})
		v, ok := parseFixed(strings.TrimSuffix(strings.TrimSuffix(s, "m"), "M"), 2)
		if !ok || v < 0 || v > 9000000000 || strings.HasPrefix(s, "-") {
			return errorAt(p.at-1, "%s %s is not from 0m to 90000000m", []string{"size", "horizontal precision", "vertical precision"}[i], clip(s))
		}
		*to = locOctet(uint64(v))
	}
	p.b = l.append(p.b)
	return nil
}

func (p *parser) arc(what string, limit int64, plus, minus string) (uint32, error) {
	var total int64
	for i := 0; ; i++ {
		s, err := p.next(field{name: what})
		if err != nil {
			return 0, err
		}
		if i > 0 && (strings.EqualFold(s, plus) || strings.EqualFold(s, minus)) {
			if total > limit*degree {
				return 0, errorAt(p.at-1, "%s is over %d degrees", what, limit)
			}
			if strings.EqualFold(s, minus) {
				total = -total
			}
			return uint32(total + equator), nil
		}
		v, ok := int64(0), false
		switch i {
		case 0:
			v, ok = parseFixed(s, 0)
			ok = ok && v <= limit
			v *= degree
		case 1:
			v, ok = parseFixed(s, 0)
			ok = ok && v < 60
			v *= 60000
		case 2:
			v, ok = parseFixed(s, 3)
			ok = ok && v < 60000
		}
		if !ok || v < 0 || strings.HasPrefix(s, "-") {
			return 0, errorAt(p.at-1, "%s %s is not of the form degrees [minutes [seconds]] %s or %s", what, clip(s), plus, minus)
		}
		total += v
	}
}

// parseFixed reads a decimal number with at most places digits after the point, scaled to an
// integer. Numbers are kept below 10^11.
func parseFixed(s string, places int) (int64, bool) {
	s, negative := strings.CutPrefix(s, "-")
	whole, frac, _ := strings.Cut(s, ".")
	if len(frac) > places || whole == "" || places == 0 && strings.Contains(s, ".") {
		return 0, false
	}
	v, ok := parseUint(whole+frac+strings.Repeat("0", places-len(frac)), 1e11)
	if negative {
		return -int64(v), ok
	}
	return int64(v), ok
}

func (p *printer) loc() bool {
	l, err := LOCOf(p.d)
	if err != nil {
		return false
	}
	for _, x := range []uint8{l.Size, l.HorizPre, l.VertPre} {
		if x != locOctet(locCentimetres(x)) || x&0x0F > 9 {
			return false
		}
	}
	for _, a := range []struct {
		v, limit    int64
		plus, minus byte
	}{{int64(l.Latitude) - equator, 90, 'N', 'S'}, {int64(l.Longitude) - equator, 180, 'E', 'W'}} {
		sign := a.plus
		if a.v < 0 {
			sign, a.v = a.minus, -a.v
		}
		if a.v > a.limit*degree {
			return false
		}
		p.b = fmt.Appendf(p.b, "%d %d %d.%03d %c ", a.v/degree, a.v%degree/60000, a.v%60000/1000, a.v%1000, sign)
	}
	alt := int64(l.Altitude) - 10000000
	if alt < 0 {
		p.b, alt = append(p.b, '-'), -alt
	}
	p.b = fmt.Appendf(p.b, "%d.%02dm", alt/100, alt%100)
	for _, x := range []uint8{l.Size, l.HorizPre, l.VertPre} {
		cm := locCentimetres(x)
		p.b = strconv.AppendUint(append(p.b, ' '), cm/100, 10)
		if cm%100 != 0 {
			p.b = fmt.Appendf(p.b, ".%02d", cm%100)
		}
		p.b = append(p.b, 'm')
	}
	p.d = ""
	return true
}
