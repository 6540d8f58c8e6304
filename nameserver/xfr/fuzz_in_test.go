package xfr_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A parrot is a primary that answers each request over a stream with the same octets; the id is that
// of the request, as nothing would be read otherwise.
type parrot struct {
	net.Conn
	answer *bytes.Reader
	say    []byte
}

func (p *parrot) Write(b []byte) (int, error) {
	say := bytes.Clone(p.say)
	for at := 0; at+4 <= len(say); at += 2 + int(binary.BigEndian.Uint16(say[at:])) {
		copy(say[at+2:], b[2:4])
	}
	p.answer = bytes.NewReader(say)
	return len(b), nil
}

func (p *parrot) Read(b []byte) (int, error) {
	if p.answer == nil {
		return 0, io.EOF
	}
	return p.answer.Read(b)
}

func (p *parrot) SetDeadline(time.Time) error { return nil }
func (p *parrot) Close() error                { return nil }

// Whatever a primary sends as changes or as a zone: what is published is a whole zone with a newer
// serial, all of it in the zone, and what is refused leaves the version before.
func FuzzIn(f *testing.F) {
	j := &xfr.Journal{}
	for i := range 3 {
		put(f, j, hourly(f, i+1))
	}
	for _, q := range [][]byte{request(f, example, 1, wire.TypeIXFR), request(f, example, 9, wire.TypeIXFR), request(f, example, 0, wire.TypeAXFR)} {
		var all []byte
		err := deskFor(j).Stream(f.Context(), q, home, func(b []byte) error {
			all = append(binary.BigEndian.AppendUint16(all, uint16(len(b))), b...)
			return nil
		})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(all)
	}
	have := hourly(f, 1)
	f.Fuzz(func(t *testing.T, answer []byte) {
		var got *zone.Zone
		in := &xfr.In{
			Origin: example, Have: have, Publish: func(z *zone.Zone) error { got = z; return nil },
			Limits: wire.Limits{Records: 1000, Octets: 1 << 20},
			Primaries: []xfr.Primary{{Addr: "192.0.2.1:53", Timeout: time.Second, Dial: func(_ context.Context, network, _ string) (net.Conn, error) {
				if network != "udp" {
					return &parrot{say: answer}, nil
				}
				return dnstest.Pipe(network, func(q []byte, send func([]byte) error) {
					_ = send(dnstest.SOA(q, func(zone.Name) *zone.Zone { return j.Zone() }))
				}), nil
			}}},
		}
		in.Step(t.Context())
		s := in.Status()
		if got == nil {
			if s.Serial != 1 || s.Whole+s.Changes != 0 {
				t.Fatalf("nothing was published, and the status is %+v", s)
			}
			return
		}
		if now := dnstest.Serial(t, got); s.Err != nil || s.Serial != now || !xfr.Newer(now, 1) {
			t.Fatalf("serial %d was published: %+v", now, s)
		}
		for set := range got.All() {
			if !set.Owner.In(example) || set.Type.Meta() || len(set.Data) == 0 {
				t.Fatalf("published with %v", set)
			}
		}
	})
}
