package rfc2136_test

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// lossy passes exchanges on to a server, but loses updates: before they get there, or their
// answers afterwards.
func lossy(t *testing.T, to string, before bool) string {
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
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				req, err := oneFrame(c)
				if err != nil {
					return
				}
				m, err := wire.Unpack(req[2:])
				lose := err == nil && m.Opcode == wire.OpUpdate
				if lose && before {
					return
				}
				s, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer func() { _ = s.Close() }()
				if _, err := s.Write(req); err != nil {
					return
				}
				if lose {
					_, _ = oneFrame(s)
					return
				}
				for { // transfers have several messages; the client closes when it has all
					answer, err := oneFrame(s)
					if err != nil {
						return
					}
					if _, err := c.Write(answer); err != nil {
						return
					}
					if m.Questions[0].Type != wire.TypeAXFR {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String()
}

func oneFrame(c net.Conn) ([]byte, error) {
	b := make([]byte, 2)
	if _, err := io.ReadFull(c, b); err != nil {
		return nil, err
	}
	b = append(b, make([]byte, binary.BigEndian.Uint16(b))...)
	_, err := io.ReadFull(c, b[2:])
	return b, err
}

// TestLostAnswer: an update without an answer is neither done nor not done.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	each(t, apex, func(t *testing.T, s *testserver.Server, key *testserver.Key) {
		for _, before := range []bool{true, false} {
			p := open(t, lossy(t, s.Addr, before), key)
			snap := read(t, open(t, s.Addr, key))
			set := sets(t, "www 300 A 192.0.2.1")[0]
			c := provider.ChangeSet{Sets: []zone.Change{{After: &set}}}
			r, err := p.Write(t.Context(), snap, c)
			if provider.KindOf(err) != provider.Lost || r == nil || r.Count(provider.Unknown) != 1 {
				t.Errorf("lost before %v: receipt %v, error %v; want an unknown outcome and a lost answer", before, r, err)
			}
			_, there := read(t, open(t, s.Addr, key)).Sets.Set(set.Owner, set.Type)
			if there == before {
				t.Errorf("lost before %v: the server holds it: %v", before, there)
			}
		}
	})
}
