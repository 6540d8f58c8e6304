package transfer_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/wire/transfer"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var origin = zone.MustName("example.org.")

// records reads "owner ttl type rdata" lines.
func records(t *testing.T, text string) []wire.Record {
	t.Helper()
	var out []wire.Record
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 4)
		if len(f) < 4 {
			continue
		}
		typ, err := zone.ParseType(f[2])
		if err != nil {
			t.Fatal(err)
		}
		owner, err := zone.ParseNameIn(f[0], origin)
		if err != nil {
			t.Fatal(err)
		}
		ttl, ok := rdata.ParseTTL(f[1])
		if !ok {
			t.Fatalf("TTL %q", f[1])
		}
		var d zone.Data
		if !typ.Meta() {
			if d, err = rdata.Parse(typ, f[3], origin); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
		out = append(out, wire.Record{Owner: owner, Type: typ, Class: wire.ClassIN, TTL: ttl, Data: d})
	}
	return out
}

// server answers every transfer with the same records.
func server(t *testing.T, list []wire.Record) string {
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
			if err := answer(c, list); err != nil {
				t.Errorf("server: %v", err)
			}
			_ = c.Close()
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String()
}

func answer(c net.Conn, list []wire.Record) error {
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return err
	}
	req := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, req); err != nil {
		return err
	}
	m, err := wire.Unpack(req)
	if err != nil {
		return err
	}
	m.Response, m.Answers = true, list
	b, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	return err
}

const soa = "@ 300 SOA ns hostmaster 4294967295 2 3 4 5\n"

func TestFetch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		keys   bool
		text   string
		want   string // lines of the zone
		left   []transfer.Count
		signer int
		mixed  int
		err    string
	}{
		{
			name: "records apart", text: "www 300 A 192.0.2.2\nmail 300 A 192.0.2.3\nwww 300 A 192.0.2.1\nwww 300 A 192.0.2.2\n",
			want: "@ 300 SOA\nmail 300 A 192.0.2.3\nwww 300 A 192.0.2.1 192.0.2.2\n",
		},
		{
			name: "several TTLs", text: "www 300 A 192.0.2.2\nwww 60 A 192.0.2.1\nwww 900 A 192.0.2.3\n",
			want: "@ 300 SOA\nwww 60 A 192.0.2.1 192.0.2.2 192.0.2.3\n", mixed: 1,
		},
		{
			name: "signed", text: "@ 300 DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n@ 300 CDS 1 13 2 AB\nsub 300 CDS 1 13 2 AB\n@ 0 TYPE65534 \\# 1 00\n@ 300 NSEC www A\n@ 300 RRSIG A 15 2 300 20300101000000 20290101000000 1 @ AAAA\n",
			want: "@ 300 SOA\nsub 300 CDS 1 13 2 ab\n", signer: 2,
			left: []transfer.Count{{zone.TypeRRSIG, 1}, {zone.TypeNSEC, 1}, {zone.TypeDNSKEY, 1}, {zone.TypeCDS, 1}, {65534, 1}},
		},
		{
			name: "signed, keys kept", keys: true, text: "@ 300 CDS 1 13 2 AB\n@ 300 RRSIG A 15 2 300 20300101000000 20290101000000 1 @ AAAA\n",
			want: "@ 300 SOA\n@ 300 CDS 1 13 2 ab\n", left: []transfer.Count{{zone.TypeRRSIG, 1}},
		},
		{name: "not signed, but keys", text: "@ 300 CDS 1 13 2 AB\n", want: "@ 300 SOA\n@ 300 CDS 1 13 2 ab\n"},
		{name: "another zone", text: "www.example.net. 300 A 192.0.2.1\n", err: "which is not in the zone"},
		{name: "a meta type", text: "www 300 ANY x\n", err: "type ANY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := server(t, records(t, soa+c.text+soa))
			z, err := transfer.Fetch(t.Context(), &wire.Client{Timeout: 5 * time.Second}, addr, origin, transfer.Options{KeepKeys: c.keys})
			if c.err != "" {
				if !errors.Is(err, wire.ErrMalformed) || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v; want one that wraps ErrMalformed and says %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for set := range z.Sets.All() {
				b.WriteString(set.Owner.Relative(origin) + " " + strconv.Itoa(int(set.TTL)) + " " + set.Type.String())
				for _, d := range set.Data {
					if set.Type != zone.TypeSOA {
						b.WriteString(" " + rdata.Text(set.Type, d))
					}
				}
				b.WriteString("\n")
			}
			if diff := cmp.Diff(c.want, b.String()); diff != "" {
				t.Errorf("zone differs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.left, z.Left); diff != "" {
				t.Errorf("what was left out differs (-want +got):\n%s", diff)
			}
			if z.Serial != 1<<32-1 || len(z.Signer) != c.signer || len(z.Mixed) != c.mixed {
				t.Errorf("serial %d, %d of the signer, %d with mixed TTLs; want 4294967295, %d, %d", z.Serial, len(z.Signer), len(z.Mixed), c.signer, c.mixed)
			}
		})
	}
}
