package cloudflare

import (
	"encoding/json"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

type location struct {
	LatDegrees    *float64 `json:"lat_degrees"`
	LatMinutes    *float64 `json:"lat_minutes"`
	LatSeconds    *float64 `json:"lat_seconds"`
	LatDirection  string   `json:"lat_direction"`
	LongDegrees   *float64 `json:"long_degrees"`
	LongMinutes   *float64 `json:"long_minutes"`
	LongSeconds   *float64 `json:"long_seconds"`
	LongDirection string   `json:"long_direction"`
	Altitude      *float64 `json:"altitude"`
	Size          *float64 `json:"size"`
	Horizontal    *float64 `json:"precision_horz"`
	Vertical      *float64 `json:"precision_vert"`
}

func readLOC(in *incoming) (zone.Data, *refusal) {
	raw, err := json.Marshal(in.data)
	var l location
	if err != nil || json.Unmarshal(raw, &l) != nil {
		return "", refuse(9102, "a data field of the location is no number.")
	}
	fields := []*float64{
		l.LatDegrees, l.LatMinutes, l.LatSeconds, l.LongDegrees, l.LongMinutes, l.LongSeconds,
		l.Altitude, l.Size, l.Horizontal, l.Vertical,
	}
	for _, f := range fields {
		switch {
		case f == nil:
			return "", refuse(9101, "a data field of the location is missing.")
		case *f < -100000 || *f > 90000000:
			return "", refuse(9102, "a data field of the location is out of range.")
		}
	}
	if len(l.LatDirection) != 1 || len(l.LongDirection) != 1 {
		return "", refuse(9102, "data field lat_direction or long_direction is invalid.")
	}
	x, err := rdata.NewLOC(
		rdata.Arc{Degrees: int(*l.LatDegrees), Minutes: int(*l.LatMinutes), Seconds: *l.LatSeconds, Direction: l.LatDirection[0]},
		rdata.Arc{Degrees: int(*l.LongDegrees), Minutes: int(*l.LongMinutes), Seconds: *l.LongSeconds, Direction: l.LongDirection[0]},
		*l.Altitude, *l.Size, *l.Horizontal, *l.Vertical)
	if err != nil {
		return "", refuse(9102, "data of the location is invalid: %v", err)
	}
	return packed(x)
}

func showLOC(r *record) shown {
	x, _ := rdata.LOCOf(r.data)
	lat, long := x.LatitudeArc(), x.LongitudeArc()
	return shown{rdata.Text(r.kind, r.data), nil, location{
		new(float64(lat.Degrees)), new(float64(lat.Minutes)), &lat.Seconds, string(lat.Direction),
		new(float64(long.Degrees)), new(float64(long.Minutes)), &long.Seconds, string(long.Direction),
		new(x.AltitudeMeters()), new(rdata.LOCMeters(x.Size)), new(rdata.LOCMeters(x.HorizPre)), new(rdata.LOCMeters(x.VertPre)),
	}}
}
