package rfc2136_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// nonsense listens and answers each request with what f makes of it; nil closes the connection.
func nonsense(t *testing.T, f func(*wire.Message) []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var length [2]byte
			_, _ = io.ReadFull(c, length[:])
			req := make([]byte, binary.BigEndian.Uint16(length[:]))
			_, _ = io.ReadFull(c, req)
			if m, err := wire.Unpack(req); err == nil {
				_, _ = c.Write(f(m))
			}
			_ = c.Close()
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String()
}

func framed(m *wire.Message) []byte {
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// TestNonsense: a server that answers nonsense is an error that says so, and an update that it
// answered so is not known to be carried out.
func TestNonsense(t *testing.T) {
	t.Parallel()
	soa := wire.Record{Owner: origin, Type: zone.TypeSOA, Class: wire.ClassIN, TTL: 300, Data: zone.Data("\x00\x00" + string(make([]byte, 20)))}
	foreign := wire.Record{Owner: zone.MustName("www.example.net."), Type: zone.TypeA, Class: wire.ClassIN, TTL: 300, Data: "abcd"}
	for _, c := range []struct {
		name   string
		answer func(*wire.Message) []byte
		kind   provider.ErrKind // of reading
		want   string
	}{
		{"a web page", func(*wire.Message) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n<html>") }, provider.Transient, "closed the connection"},
		{"garbage", func(*wire.Message) []byte { return []byte("\x00\x10garbage garbage!") }, provider.Invalid, "malformed"},
		{"another question", func(m *wire.Message) []byte {
			m.Response, m.Questions[0].Name = true, zone.MustName("evil.example.")
			return framed(m)
		}, provider.Invalid, "another question"},
		{"half a zone", func(m *wire.Message) []byte {
			m.Response, m.Answers = true, []wire.Record{soa}
			return framed(m)
		}, provider.Transient, "closed the connection"},
		{"records of another zone", func(m *wire.Message) []byte {
			m.Response, m.Answers = true, []wire.Record{soa, foreign, soa}
			return framed(m)
		}, provider.Invalid, "not in the zone"},
		{"nothing", func(*wire.Message) []byte { return nil }, provider.Transient, "closed the connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := open(t, nonsense(t, c.answer), nil)
			_, err := p.Read(t.Context(), provider.ZoneRef{Origin: origin})
			if provider.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) || errors.Is(err, provider.ErrNoZone) {
				t.Errorf("read: error %v of kind %q; want %q and %q", err, provider.KindOf(err), c.kind, c.want)
			}
			if c.name == "half a zone" || c.name == "records of another zone" {
				return // NOERROR to an update
			}
			base := &provider.Snapshot{Info: provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: origin}}, Sets: zone.Empty(origin)}
			set := sets(t, "www 300 A 192.0.2.1")[0]
			r, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{After: &set}}})
			if err == nil || r == nil || r.Count(provider.Unknown) != 1 {
				t.Errorf("write: receipt %v, error %v; want an unknown outcome", r, err)
			}
		})
	}
}

// TestNobodyThere: the message says what to look at, and nothing was sent.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	p := open(t, "127.0.0.1:1", nil)
	_, err := p.Read(t.Context(), provider.ZoneRef{Origin: origin})
	if provider.KindOf(err) != provider.Transient || !strings.Contains(err.Error(), "check host and port") {
		t.Errorf("read: error %v; want a temporary one with advice", err)
	}
	base := &provider.Snapshot{Info: provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: origin}}, Sets: zone.Empty(origin)}
	set := sets(t, "www 300 A 192.0.2.1")[0]
	r, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{After: &set}}})
	if provider.KindOf(err) != provider.Transient || r.Count(provider.NotDone) != 1 {
		t.Errorf("write: receipt %v, error %v; want nothing done", r, err)
	}
}
