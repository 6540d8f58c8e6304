package zonefile_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var (
	example = zone.MustName("example.org.")
	ref     = provider.ZoneRef{Origin: example}
)

const small = `$TTL 3600
@	IN SOA ns1.example.net. hostmaster.example.org. ( 41 7200 900 1209600 300 )
	IN NS ns1.example.net.
www	300 IN A 192.0.2.1
`

func set(owner string, ttl uint32, typ zone.Type, values ...string) zone.RRset {
	s := zone.RRset{Owner: zone.MustName(owner), Type: typ, TTL: ttl}
	for _, v := range values {
		d, err := rdata.Parse(typ, v, zone.Root)
		if err != nil {
			panic(err)
		}
		s.Data = append(s.Data, d)
	}
	return s.Clean()
}

func read(t *testing.T, p provider.Provider) *provider.Snapshot {
	t.Helper()
	s, err := p.Read(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// write replaces the A of www.
func write(t *testing.T, p provider.Provider, base *provider.Snapshot, value string) (*provider.Receipt, error) {
	t.Helper()
	after := set("www.example.org.", 300, zone.TypeA, value)
	c := zone.Change{After: &after}
	if have, ok := base.Sets.Set(after.Owner, after.Type); ok {
		c.Before = &have
	}
	return p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{c}})
}

func text(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNewFileHasTheSOAOfTheOptions(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "when", "needed")
	p := open(t, dir, map[string]string{"hostmaster_email": "dns.admin@example.net"})
	base, err := p.(provider.ZoneCreator).CreateZone(t.Context(), example)
	if err != nil {
		t.Fatal(err)
	}
	ns := set("example.org.", 86400, zone.TypeNS, "ns2.example.net.", "ns1.example.net.")
	r, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{After: &ns}}})
	if err != nil {
		t.Fatal(err)
	}
	soa, _ := read(t, p).Sets.Set(example, zone.TypeSOA)
	want := `ns1.example.net. dns\.admin.example.net. 2 7200 900 1209600 300`
	if got := rdata.Text(zone.TypeSOA, soa.Data[0]); got != want || soa.TTL != 3600 {
		t.Errorf("SOA is %d %s, want 3600 %s", soa.TTL, got, want)
	}
	if r.Serial != 2 || r.Revision != read(t, p).Revision {
		t.Errorf("receipt says serial %d, revision %s; the file has %+v", r.Serial, r.Revision, read(t, p).Info)
	}
}

func TestSerialsGrow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy string
		old    string
		want   func(n uint64) bool
	}{
		{"increment", "41", func(n uint64) bool { return n == 42 }},
		{"increment", "4294967295", func(n uint64) bool { return n == 1 }},
		{"date", "41", func(n uint64) bool { return n/1000000 >= 2024 && n%100 == 0 }},
		{"date", "3000010101", func(n uint64) bool { return n == 3000010102 }},
		{"unix", "41", func(n uint64) bool { return n > 1_700_000_000 }},
		{"unix", "2000000000", func(n uint64) bool { return n == 2000000001 }},
	} {
		dir := dnstest.Files(t, map[string]string{"example.org.": strings.Replace(small, "( 41", "( "+c.old, 1)})
		p := open(t, dir, map[string]string{"serial": c.policy})
		r, err := write(t, p, read(t, p), "192.0.2.2")
		if err != nil || !c.want(uint64(r.Serial)) {
			t.Errorf("%s after %s: serial %d, error %v", c.policy, c.old, r.Serial, err)
		}
		if got := read(t, p).Info.Serial; got != r.Serial {
			t.Errorf("%s: the file has serial %d, the receipt says %d", c.policy, got, r.Serial)
		}
	}
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options map[string]string
		zone    string
		file    string
	}{
		{nil, "example.org.", "example.org."},
		{map[string]string{"file_extension": ".zone"}, "example.org.", "example.org.zone"},
		{map[string]string{"file_extension": ""}, "example.org.", "example.org"},
		{map[string]string{"file_name": "db.{zone}"}, "example.org.", "db.example.org"},
		{map[string]string{"file_extension": ".zone"}, "bücher.example.", "xn--bcher-kva.example.zone"},
		{map[string]string{"file_extension": ".zone"}, "0/25.2.0.192.in-addr.arpa.", "0%2F25.2.0.192.in-addr.arpa.zone"},
	} {
		dir := t.TempDir()
		p := open(t, dir, c.options)
		origin := zone.MustName(c.zone)
		if _, err := p.(provider.ZoneCreator).CreateZone(t.Context(), origin); err != nil {
			t.Errorf("%s: %v", c.zone, err)
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, c.file)); err != nil {
			t.Errorf("%s with %v: %v", c.zone, c.options, err)
		}
		var listed []zone.Name
		for info, err := range p.Zones(t.Context()) {
			if err != nil {
				t.Error(err)
			}
			listed = append(listed, info.Origin)
		}
		if !slices.Equal(listed, []zone.Name{origin}) {
			t.Errorf("%s with %v: listed are %v", c.zone, c.options, listed)
		}
	}
}

func TestUnicodeFileIsFoundAndListedOnce(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{"bücher.example.zone": small, ".hidden.zone": "x", "sub.zone/x": "x", "README": "x"})
	p := open(t, dir, map[string]string{"file_extension": ".zone"})
	if _, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName("xn--bcher-kva.example.")}); err != nil {
		t.Error(err)
	}
	n := 0
	for _, err := range p.Zones(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("%d zones are listed, want 1", n)
	}
}

func TestRootZoneIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := open(t, t.TempDir(), nil).(provider.ZoneCreator).CreateZone(t.Context(), zone.Root); provider.KindOf(err) != provider.Rejected {
		t.Errorf("error %v, want kind rejected", err)
	}
}

func TestEditBetweenPlanAndApplyIsSeen(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{
		"example.org.": small + "$INCLUDE more.inc\n",
		"more.inc":     "mail 300 IN A 192.0.2.25\n",
	})
	p := open(t, dir, nil)
	base := read(t, p)
	if _, ok := base.Sets.Set(zone.MustName("mail.example.org."), zone.TypeA); !ok {
		t.Fatal("what is included was not read")
	}
	if err := os.WriteFile(filepath.Join(dir, "more.inc"), []byte("mail 300 IN A 192.0.2.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := write(t, p, base, "192.0.2.2"); provider.KindOf(err) != provider.Conflict {
		t.Errorf("an included file was edited: error %v, want a conflict", err)
	}
}

func TestBadFilesAreFindingsWithPlaces(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{"example.org.": small + "bad 300 IN A 192.0.2.999\nworse 300 IN MX mail\n"})
	_, err := open(t, dir, nil).Read(t.Context(), ref)
	problem, ok := errors.AsType[*finding.Problem](err)
	if !ok || len(problem.Findings) != 2 || provider.KindOf(err) != provider.Invalid {
		t.Fatalf("error %v (kind %v); want two findings", err, provider.KindOf(err))
	}
	if got := problem.Findings[0].Place; got.Line != 5 || !strings.HasSuffix(got.File, "example.org.") {
		t.Errorf("first finding stands at %v, want line 5 of the file", got)
	}
	if _, err := open(t, dnstest.Files(t, map[string]string{"example.org.": "$TTL 60\nwww IN A 192.0.2.1\n"}), nil).Read(t.Context(), ref); provider.KindOf(err) != provider.Invalid {
		t.Errorf("a file without SOA: %v", err)
	}
	p := open(t, dnstest.Files(t, map[string]string{"example.org.": "$TTL 60\nwww 300 IN A 192.0.2.1\n"}), map[string]string{"check_origin": "false"})
	if _, err := write(t, p, read(t, p), "192.0.2.2"); err != nil {
		t.Errorf("a file without SOA, check_origin off: %v", err)
	}
	if read(t, p).Info.Serial == 0 {
		t.Error("no SOA was made")
	}
}

func TestSignedFilesAreReadAndNotWritten(t *testing.T) {
	t.Parallel()
	const sig = "www 300 IN RRSIG A 13 3 300 20300101000000 20260101000000 12345 example.org. AAAA\nwww 300 IN NSEC example.org. A RRSIG NSEC\n"
	p := open(t, dnstest.Files(t, map[string]string{"example.org.": small + sig}), nil)
	base := read(t, p)
	if base.Sets.Len() != 3 || !base.Info.Signed || len(base.Foreign) != 1 || base.Foreign[0].Text != "2 RRsets of DNSSEC, made by whoever signs the zone" {
		t.Errorf("%d sets, signed %v, foreign %+v", base.Sets.Len(), base.Info.Signed, base.Foreign)
	}
	if r, err := write(t, p, base, "192.0.2.2"); provider.KindOf(err) != provider.Rejected || r.Count(provider.NotDone) != 1 {
		t.Errorf("receipt %+v, error %v; want rejected", r, err)
	}
}

func TestModeAndLinksAreKept(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{"real/file": small})
	if err := os.Chmod(filepath.Join(dir, "real/file"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real/file", filepath.Join(dir, "example.org.")); err != nil {
		t.Fatal(err)
	}
	p := open(t, dir, nil)
	if _, err := write(t, p, read(t, p), "192.0.2.2"); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(filepath.Join(dir, "example.org.")); err != nil || st.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v %v", st, err)
	}
	if st, err := os.Stat(filepath.Join(dir, "real/file")); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("mode is %v, want 0640 (%v)", st.Mode(), err)
	}
	if !strings.Contains(text(t, dir, "real/file"), "192.0.2.2") {
		t.Error("the file behind the link was not written")
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, command string
		note          string
		fails         bool
	}{
		{"told", "echo told {zone} {file}", "reload: echo told example.org DIR/example.org.", false},
		{"failing", "ls /no/such/file", "the file is written, but the reload command ls: exit status", true},
		{"missing", "/no/such/program", "the file is written, but the reload command /no/such/program:", true},
		{"hanging", "sleep 60", "the file is written, but the reload command sleep: no end after 100ms", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := dnstest.Files(t, map[string]string{"example.org.": small})
			p := open(t, dir, map[string]string{"reload": c.command, "reload_timeout": "0.1"})
			if c.name != "hanging" {
				p = open(t, dir, map[string]string{"reload": c.command})
			}
			r, err := write(t, p, read(t, p), "192.0.2.2")
			if (err != nil) != c.fails {
				t.Errorf("error %v, want one: %v", err, c.fails)
			}
			if !cmp.Equal(r.Sets, []provider.Outcome{provider.Done}) {
				t.Errorf("outcome %v, want done", r.Sets)
			}
			want := strings.ReplaceAll(c.note, "DIR", dir)
			if len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], want) {
				t.Errorf("notes %q, want %q", r.Notes, want)
			}
		})
	}
}

func TestCommentsAndOrderStay(t *testing.T) {
	t.Parallel()
	const kept = `; the zone of the example
$TTL 3600
@	IN SOA ns1.example.net. hostmaster.example.org. (
		41	; serial
		7200 900 1209600 300 )
	IN NS ns1.example.net. ; ours

; web
zzz	300 IN A 192.0.2.9	; first on purpose
www	300 IN A 192.0.2.1	; the old machine
`
	dir := dnstest.Files(t, map[string]string{"example.org.": kept})
	p := open(t, dir, nil)
	r, err := write(t, p, read(t, p), "192.0.2.2")
	if err != nil || len(r.Notes) > 0 {
		t.Fatalf("receipt %+v, error %v", r, err)
	}
	got := text(t, dir, "example.org.")
	for _, want := range []string{"; the zone of the example\n", "; ours", "; web\nzzz\t300 IN A 192.0.2.9\t; first on purpose\n", "42", "192.0.2.2"} {
		if !strings.Contains(got, want) {
			t.Errorf("the file lacks %q:\n%s", want, got)
		}
	}
}

func TestGeneratedRecordsMakeANewFile(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{"example.org.": strings.ReplaceAll(small, "www\t300 IN A 192.0.2.1\n", "") + "$GENERATE 1-3 h$ 300 A 192.0.2.$\nwww\t300 IN A 192.0.2.1\n"})
	p := open(t, dir, nil)
	base := read(t, p)
	have, _ := base.Sets.Set(zone.MustName("h2.example.org."), zone.TypeA)
	r, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{Before: &have}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "written anew") {
		t.Errorf("notes %q", r.Notes)
	}
	if got := read(t, p).Sets.Len(); got != base.Sets.Len()-1 {
		t.Errorf("%d RRsets, want one less than %d", got, base.Sets.Len())
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{"example.org.": small})
	p := open(t, dir, nil)
	base := read(t, p)
	if _, err := write(t, p, base, "192.0.2.2"); err != nil {
		t.Fatal(err)
	}
	_, err := write(t, p, base, "192.0.2.3")
	want := "write example.org.: the zone has moved: " + dir + "/example.org. was changed since the plan was made; plan again"
	if fmt.Sprint(err) != want {
		t.Errorf("message %q, want %q", err, want)
	}
	if _, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName("nope.example.")}); fmt.Sprint(err) != "read nope.example.: zone does not exist here" {
		t.Errorf("message %q", err)
	}
	got, err := p.(provider.Verifier).Verify(t.Context())
	if err != nil || got != "folder "+dir+", 1 zone" {
		t.Errorf("verify says %q, %v", got, err)
	}
	if _, err := open(t, "/no/such/folder", nil).(provider.Verifier).Verify(t.Context()); err == nil {
		t.Error("verify of a folder that is not there gives no error")
	}
}

func TestManyWritersOneWins(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{"example.org.": small})
	base := read(t, open(t, dir, nil))
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 20 {
		wg.Go(func() {
			_, err := write(t, open(t, dir, nil), base, fmt.Sprintf("192.0.2.%d", i+10))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if provider.KindOf(err) != provider.Conflict {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d of 20 writers from the same state won, want 1", won)
	}
}

// TestKillLeavesWholeFiles kills a process that writes without end.
func TestKillLeavesWholeFiles(t *testing.T) {
	if dir := os.Getenv("ZONECAST_TEST_WRITER"); dir != "" {
		writeForEver(dir)
	}
	t.Parallel()
	var lines strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&lines, "h%d 300 IN A 192.0.2.7\n", i)
	}
	dir := dnstest.Files(t, map[string]string{"example.org.": small + lines.String()})
	p := open(t, dir, nil)
	last := uint32(0)
	for i := range 12 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKillLeavesWholeFiles$")
		cmd.Env = append(os.Environ(), "ZONECAST_TEST_WRITER="+dir)
		started, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// It says so when it has written once; then it is killed in the middle of a later write.
		if _, err := started.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		timer := time.NewTimer(time.Duration(i*3) * time.Millisecond)
		<-timer.C
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		s := read(t, p) // parses, whole, with its SOA
		if s.Sets.Len() != 3003 || s.Info.Serial < last {
			t.Fatalf("after a kill the file has %d RRsets and serial %d (before: %d)", s.Sets.Len(), s.Info.Serial, last)
		}
		last = s.Info.Serial
	}
	if last <= 41 {
		t.Error("the killed processes never wrote anything: the test shows nothing")
	}
	if _, err := write(t, p, read(t, p), "192.0.2.200"); err != nil {
		t.Errorf("after the last kill: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*zonecast-new"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func writeForEver(dir string) {
	ctx := context.Background()
	p := open(mute{}, dir, nil)
	for i := os.Getpid(); ; i++ {
		s, err := p.Read(ctx, ref)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		have, _ := s.Sets.Set(zone.MustName("www.example.org."), zone.TypeA)
		after := set("www.example.org.", 300, zone.TypeA, "192.0.2."+strconv.Itoa(i%200+1))
		if have.Equal(after) {
			continue
		}
		if _, err := p.Write(ctx, s, provider.ChangeSet{Sets: []zone.Change{{Before: &have, After: &after}}}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		fmt.Print(".")
	}
}

// mute is a conformance.T of a process that is no test.
type mute struct{}

func (mute) Helper()                  {}
func (mute) Name() string             { return "" }
func (mute) Context() context.Context { return context.Background() }
func (mute) Logf(string, ...any)      {}
func (mute) Errorf(string, ...any)    {}
func (mute) Fatalf(string, ...any)    { os.Exit(3) }
func (mute) Skipf(string, ...any)     {}
func (mute) Failed() bool             { return false }
func (mute) Cleanup(func())           {}
