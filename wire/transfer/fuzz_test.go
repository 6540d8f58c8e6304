package transfer_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/wire/transfer"
	"github.com/zonecast/zonecast/zone"
)

// A replay is a connection that answers with fixed octets, whatever is asked. The id of each
// message becomes that of the request, as nothing would be read otherwise.
type replay struct {
	frames []byte
	out    *bytes.Reader
}

func (r *replay) Write(b []byte) (int, error) {
	if r.out == nil && len(b) >= 4 {
		for at := 0; at+4 <= len(r.frames); at += 2 + int(binary.BigEndian.Uint16(r.frames[at:])) {
			copy(r.frames[at+2:at+4], b[2:4])
		}
		r.out = bytes.NewReader(r.frames)
	}
	return len(b), nil
}

func (r *replay) Read(b []byte) (int, error) {
	if r.out == nil {
		return 0, io.EOF
	}
	return r.out.Read(b)
}

func (r *replay) Close() error                     { return nil }
func (r *replay) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (r *replay) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (r *replay) SetDeadline(time.Time) error      { return nil }
func (r *replay) SetReadDeadline(time.Time) error  { return nil }
func (r *replay) SetWriteDeadline(time.Time) error { return nil }

func frame(f *testing.F, list ...wire.Record) []byte {
	f.Helper()
	b, err := (&wire.Message{Response: true, Answers: list}).Pack()
	if err != nil {
		f.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// FuzzFetch: whatever a server sends, the result is an error or a sound zone.
func FuzzFetch(f *testing.F) {
	soa := wire.Record{Owner: origin, Type: zone.TypeSOA, Class: wire.ClassIN, TTL: 300, Data: zone.Data("\x00\x00" + string(make([]byte, 20)))}
	a := wire.Record{Owner: zone.MustName("www.example.org."), Type: zone.TypeA, Class: wire.ClassIN, TTL: 300, Data: "abcd"}
	f.Add(frame(f, soa, a, soa))
	f.Add(append(frame(f, soa), frame(f, a, a, soa)...))
	f.Add(frame(f, soa, a))
	f.Add([]byte("\x00\x03abc"))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &wire.Client{Dial: func(context.Context, string, string) (net.Conn, error) {
			return &replay{frames: bytes.Clone(b)}, nil
		}}
		z, err := transfer.Fetch(t.Context(), c, "192.0.2.53:53", origin, transfer.Options{})
		if err != nil {
			return
		}
		if _, ok := z.Sets.Set(origin, zone.TypeSOA); !ok || z.Sets.Origin() != origin {
			t.Fatalf("a zone of %s without SOA", z.Sets.Origin())
		}
		for set := range z.Sets.All() {
			if !set.Owner.In(origin) || set.Type.Meta() || len(set.Data) == 0 {
				t.Fatalf("%s with %d records", set.Key(), len(set.Data))
			}
		}
	})
}
