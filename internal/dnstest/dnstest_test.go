package dnstest

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var example = zone.MustName("example.org.")

const apex = "@ 3600 SOA ns hostmaster 7 7200 900 1209600 300\n@ 3600 NS ns\nns 300 A 192.0.2.1\nns 300 A 192.0.2.2\n"

func TestText(t *testing.T) {
	t.Parallel()
	z := Zone(t, example, apex)
	want := "example.org.\t3600\tIN\tSOA\tns.example.org. hostmaster.example.org. 7 7200 900 1209600 300\n" +
		"example.org.\t3600\tIN\tNS\tns.example.org.\n" +
		"ns.example.org.\t300\tIN\tA\t192.0.2.1\nns.example.org.\t300\tIN\tA\t192.0.2.2\n"
	if got := Text(t, z); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := Serial(t, z); got != 7 {
		t.Errorf("serial %d, want 7", got)
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	set := func(owner, addr string) zone.RRset {
		d, err := rdata.Parse(zone.TypeA, addr, example)
		if err != nil {
			t.Fatal(err)
		}
		return zone.RRset{Owner: zone.MustName(owner), Type: zone.TypeA, TTL: 60, Data: []zone.Data{d}}
	}
	never, always := func() bool { return false }, func() bool { return true }
	z := Zone(t, example, apex)
	for _, c := range []struct {
		gone func() bool
		sets []zone.RRset
		want string
	}{
		{never, []zone.RRset{set("ns.example.org.", "192.0.2.9")}, "ns.example.org.\t60\tIN\tA\t192.0.2.9\n"},
		{always, []zone.RRset{set("ns.example.org.", "192.0.2.9")}, ""},
		{always, []zone.RRset{set("www.example.org.", "192.0.2.9"), set("ns.example.org.", "192.0.2.9")}, "www.example.org.\t60\tIN\tA\t192.0.2.9\n"},
		{never, []zone.RRset{set("ns.example.org.", "192.0.2.8"), set("ns.example.org.", "192.0.2.9")}, "ns.example.org.\t60\tIN\tA\t192.0.2.9\n"},
	} {
		_, got, _ := strings.Cut(Text(t, Changed(t, z, c.gone, c.sets...)), "\tNS\tns.example.org.\n")
		if got != c.want {
			t.Errorf("%v: got %q, want %q", c.sets, got, c.want)
		}
	}
}

// A server that answers by SOA, at a real address and over a pipe.
func TestAnswerAndPipe(t *testing.T) {
	t.Parallel()
	z := Zone(t, example, apex)
	find := func(origin zone.Name) *zone.Zone {
		if origin == example {
			return z
		}
		return nil
	}
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(SOA(b[:n], find), from)
		}
	}()
	addr := c.LocalAddr().String()
	AwaitSerial(t, addr, example, 7)
	if got := Answer(addr, zone.MustName("example.net.")); got != "REFUSED" {
		t.Errorf("a zone that is not there: %s", got)
	}
	_ = c.Close()
	if got := Answer(addr, example); got != "nothing" {
		t.Errorf("a server that is gone: %s", got)
	}
	q, err := wire.Query(example, zone.TypeSOA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	for network, length := range map[string][]byte{"udp": nil, "tcp": {0, byte(len(q))}} {
		c := Pipe(network, func(request []byte, send func([]byte) error) {
			for range 2 {
				if err := send(SOA(request, find)); err != nil {
					t.Error(err)
				}
			}
		})
		if _, err := c.Write(append(length, q...)); err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		first := raw[len(length) : len(raw)/2]
		m := new(dns.Msg)
		if err := m.Unpack(first); err != nil || !strings.HasPrefix(Show(m), "NOERROR aa\nan example.org. 3600 soa ns.example.org. hostmaster.example.org. 7 ") {
			t.Errorf("%s: %v, %s", network, err, Show(m))
		}
		if network == "tcp" && int(raw[0])<<8|int(raw[1]) != len(first) {
			t.Errorf("length % x before %d octets", raw[:2], len(first))
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	var dir string
	t.Run("in use", func(t *testing.T) {
		dir = Folder(t)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			t.Errorf("%s: %v", dir, err)
		}
	})
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", dir, err)
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	got := Set(t, example, `  www 1h TXT "a b" | "c" <<comment=x;;octodns={"excluded":["a"]}>>`)
	if got.Owner != zone.MustName("www.example.org.") || got.TTL != 3600 || got.Type != zone.TypeTXT || len(got.Data) != 2 || rdata.Text(got.Type, got.Data[0]) != `"a b"` {
		t.Errorf("got %+v", got)
	}
	for key, want := range map[string]string{"comment": "x", "octodns": `{"excluded":["a"]}`} {
		if v, _ := got.Extra.Value(key); v != want {
			t.Errorf("%s is %q, want %q", key, v, want)
		}
	}
	if bare := Set(t, example, "@ 60 A"); bare.Owner != example || len(bare.Data) != 0 || bare.TTL != 60 {
		t.Errorf("got %+v", bare)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := Files(t, map[string]string{"a/b.txt": "x", "c.txt": "y"})
	for name, want := range map[string]string{"a/b.txt": "x", "c.txt": "y"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s holds %q, %v; want %q", name, b, err, want)
		}
	}
}
