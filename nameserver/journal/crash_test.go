package journal

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/zone"
)

// childFile in the environment has the test binary write versions until it is killed.
const childFile = "ZONECAST_JOURNAL_TEST_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		if err := child(path); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const childZones = 6

// child goes on with what is in the file, and prints each serial that is written, once it is. A
// version says its own serial in records all over the zone, so that half of one is noticed.
func child(path string) error {
	ctx := context.Background()
	d, err := Open(ctx, path)
	if err != nil {
		return err
	}
	at := map[int]*zone.Zone{}
	for e, err := range d.Zones(ctx, "primary") {
		if err != nil {
			return err
		}
		at[numberOf(e.Zone)] = e.Zone
	}
	var mu sync.Mutex
	fmt.Println("ready")
	failed := make(chan error)
	for i := range childZones {
		go func() {
			origin := zone.MustName(fmt.Sprintf("z%d.example.", i))
			n := uint32(0)
			if at[i] != nil {
				if n, err = serialOf(at[i]); err != nil {
					failed <- err
					return
				}
			}
			for {
				n++
				z, err := saying(origin, n)
				if err == nil {
					err = d.Put(ctx, "primary", z, time.Now(), []byte(strconv.Itoa(int(n))))
				}
				if err != nil {
					failed <- err
					return
				}
				mu.Lock()
				fmt.Println(i, n)
				mu.Unlock()
			}
		}()
	}
	return <-failed
}

// numberOf is the number in a zone's name.
func numberOf(z *zone.Zone) int {
	n, err := strconv.Atoi(strings.TrimPrefix(z.Origin().Label(0), "z"))
	if err != nil {
		return -1
	}
	return n
}

// saying is a zone that says its serial in many places. Now and then it is a much larger one, so that
// it is written whole.
func saying(origin zone.Name, n uint32) (*zone.Zone, error) {
	b := zone.NewBuilder(origin)
	soa := origin.Child
	mname, err := soa("ns")
	if err != nil {
		return nil, err
	}
	text := string(mname.AppendWire(nil)) + string(mname.AppendWire(nil)) +
		string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + strings.Repeat("\x00\x00\x00\x01", 4)
	b.Add(zone.RRset{Owner: origin, Type: zone.TypeSOA, TTL: 60, Data: []zone.Data{zone.Data(text)}})
	size := uint32(20)
	if n%10 == 0 {
		size = 300
	}
	for i := range size {
		owner, err := origin.Child(fmt.Sprintf("h%d", i))
		if err != nil {
			return nil, err
		}
		b.Add(zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 60, Data: []zone.Data{zone.Data([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})}})
	}
	return b.Zone()
}

// A process is killed at random moments, again and again: each version that it had been told is on
// disk is there, whole, and so is the history before it.
func TestKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts processes")
	}
	path := filepath.Join(dnstest.Folder(t), "zones.db")
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	written := map[int]uint32{}
	for round := range 10 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childFile+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill, ready := time.AfterFunc(patience.Limit, func() { _ = cmd.Process.Kill() }), false
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var i int
			var n uint32
			switch text := lines.Text(); {
			case text == "ready":
				ready = true
				kill.Reset(time.Duration(rng.IntN(100)) * time.Millisecond)
			case strings.HasPrefix(text, "error"):
				t.Error(text)
			default:
				if _, err := fmt.Sscan(text, &i, &n); err != nil {
					t.Error(err) // a line that was cut says nothing
				}
				written[i] = max(written[i], n)
			}
		}
		_ = cmd.Wait()
		kill.Stop()
		if !ready {
			t.Fatalf("round %d: the process that writes has not begun", round)
		}
		survived(t, path, written, round)
	}
	t.Logf("newest serials: %v", written)
	for i := range childZones {
		if written[i] < 2 {
			t.Errorf("zone %d: only %d versions were written", i, written[i])
		}
	}
}

func survived(t *testing.T, path string, written map[int]uint32, round int) {
	t.Helper()
	d := open(t, path)
	defer shut(t, d)
	seen := map[int]uint32{}
	for _, e := range all(t, d, "primary") {
		origin := e.Zone.Origin()
		i := numberOf(e.Zone)
		n := dnstest.Serial(t, e.Zone)
		seen[i] = n
		if want, err := saying(origin, n); err != nil || !e.Zone.Equal(want) || string(e.Note) != strconv.Itoa(int(n)) {
			t.Errorf("round %d: serial %d of %s is half a version (%v)", round, n, origin, err)
		}
		past, err := d.Versions(t.Context(), origin)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range past[:min(len(past), 5)] {
			z, err := d.Version(t.Context(), origin, p.Serial)
			want, _ := saying(origin, p.Serial)
			if err != nil || !z.Equal(want) {
				t.Errorf("round %d: serial %d of %s cannot be made again: %v", round, p.Serial, origin, err)
			}
		}
	}
	for i, n := range written {
		if seen[i] != n && seen[i] != n+1 { // one more may have got to the disk without being told
			t.Errorf("round %d: zone %d has serial %d, written was %d", round, i, seen[i], n)
		}
	}
	maps.Copy(written, seen) // the next process goes on from there
}

// Two processes at one file: the second is told who has it.
func TestInUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(dnstest.Folder(t), "zones.db")
	d := open(t, path)
	_, err := Open(t.Context(), path)
	if want := fmt.Sprintf("process %d", os.Getpid()); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
		t.Errorf("opened twice: %v; want %q in it", err, want)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path)
	out, err := cmd.Output()
	if want := fmt.Sprintf("in use by process %d, since 20", os.Getpid()); err == nil || !strings.Contains(string(out), want) {
		t.Errorf("another process: %q, %v; want %q", out, err, want)
	}
	shut(t, d)
	shut(t, open(t, path))
}

// A file that is damaged, or none of ours, is an error that says what to do; never a wrong zone.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	dir := dnstest.Folder(t)
	good := filepath.Join(dir, "good.db")
	d := open(t, good)
	want := map[zone.Name]*zone.Zone{}
	for i := range 40 {
		z, err := saying(zone.MustName(fmt.Sprintf("z%d.example.", i)), 10)
		if err != nil {
			t.Fatal(err)
		}
		want[z.Origin()] = z
		if err := d.Put(t.Context(), "primary", z, time.Now(), nil); err != nil {
			t.Fatal(err)
		}
	}
	shut(t, d)
	octets, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	// read opens a file with some octets changed, and returns all errors; zones must be right.
	read := func(name string, b []byte) (n int, errs []error) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := Open(t.Context(), path)
		if err != nil {
			return 0, []error{err}
		}
		defer shut(t, d)
		for e, err := range d.Zones(t.Context(), "primary") {
			if err != nil {
				errs = append(errs, err)
				continue
			}
			n++
			if x := want[e.Zone.Origin()]; x == nil || !e.Zone.Equal(x) {
				t.Errorf("%s: a wrong zone %s", name, e.Zone.Origin())
			}
		}
		return n, errs
	}
	if n, errs := read("as it was", octets); n != 40 || errs != nil {
		t.Fatalf("%d zones, %v", n, errs)
	}
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"text", []byte(strings.Repeat("this is no database\n", 1000)), "Move "},
		{"cut", octets[:len(octets)/2], "Move "},
		{"beginning gone", append(make([]byte, 4096), octets[4096:]...), "Move "},
	} {
		n, errs := read(c.name+".db", c.b)
		if len(errs) == 0 || !strings.Contains(errors.Join(errs...).Error(), c.want) || n == 40 {
			t.Errorf("%s: %d zones, %v; want %q", c.name, n, errs, c.want)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	noticed, misnamed := 0, 0
	for i := range 30 {
		b := append([]byte(nil), octets...)
		for range 20 {
			b[100+rng.IntN(len(b)-100)] ^= byte(1 + rng.IntN(255))
		}
		if n, errs := read(fmt.Sprintf("octets%d.db", i), b); len(errs) > 0 {
			noticed++
			for _, err := range errs {
				if damaged, ok := errors.AsType[*Damaged](err); ok && want[damaged.Origin] == nil {
					misnamed++ // its name was hit
				}
			}
		} else if n != 40 {
			t.Logf("%d zones and no error: whole rows are gone", n)
		}
	}
	if misnamed > 3 {
		t.Errorf("%d zones are told of that never were", misnamed)
	}
	if noticed < 25 {
		t.Errorf("%d of 30 damaged files were noticed", noticed)
	}
	foreign := filepath.Join(dir, "foreign.db")
	d = open(t, foreign)
	if _, err := d.write.ExecContext(t.Context(), "PRAGMA application_id = 7"); err != nil {
		t.Fatal(err)
	}
	shut(t, d)
	if _, err := Open(t.Context(), foreign); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("a foreign database: %v", err)
	}
	newer := filepath.Join(dir, "newer.db")
	d = open(t, newer)
	if _, err := d.write.ExecContext(t.Context(), "PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	shut(t, d)
	if _, err := Open(t.Context(), newer); err == nil || !strings.Contains(err.Error(), "a newer zonecast") {
		t.Errorf("a newer file: %v", err)
	}
}

// The disk is full: the write says so, everything is as before, and goes on when there is room. One
// that cannot be written takes no other with it.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(dnstest.Folder(t), "zones.db")
	d := open(t, path)
	origin := zone.MustName("z1.example.")
	first, err := saying(origin, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), "primary", first, time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	room := func(pages int) {
		if _, err := d.write.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	room(20)
	other := zone.MustName("z2.example.")
	huge := large(t, 20_000)
	fits, err := saying(other, 1)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			if err := d.Put(t.Context(), "primary", huge, time.Now(), nil); err == nil || !strings.Contains(err.Error(), "make room on the disk") {
				t.Errorf("a zone that does not fit: %v", err)
			}
		})
		running.Go(func() {
			if err := d.Put(t.Context(), "primary", fits, time.Now(), nil); err != nil {
				t.Errorf("a zone that fits: %v", err)
			}
		})
	}
	running.Wait()
	if kind, ok := d.Kind(example); ok {
		t.Errorf("what was not written is there as %s", kind)
	}
	if list := all(t, d, "primary"); len(list) != 2 || !list[0].Zone.Equal(first) || !list[1].Zone.Equal(fits) {
		t.Errorf("%d zones, or other ones", len(list))
	}
	room(1 << 30)
	if err := d.Put(t.Context(), "primary", huge, time.Now(), nil); err != nil {
		t.Errorf("with room: %v", err)
	}
	shut(t, d)
	d = open(t, path)
	defer shut(t, d)
	if list := all(t, d, "primary"); len(list) != 3 {
		t.Errorf("%d zones after opening again, want 3", len(list))
	}
}

// Writes that share a flush to disk do not share their failures.
func TestFailsAlone(t *testing.T) {
	t.Parallel()
	d := open(t, filepath.Join(dnstest.Folder(t), "zones.db"))
	defer shut(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("broken")
	runs := 0
	batch := []op{
		{t.Context(), func(context.Context, *sql.Tx) error { runs++; return nil }, make(chan error, 1)},
		{t.Context(), func(context.Context, *sql.Tx) error { return broken }, make(chan error, 1)},
		{ctx, func(context.Context, *sql.Tx) error { runs += 10; return nil }, make(chan error, 1)},
	}
	d.settle(batch)
	for i, want := range []error{nil, broken, context.Canceled} {
		if got := <-batch[i].done; !errors.Is(got, want) {
			t.Errorf("write %d: %v, want %v", i, got, want)
		}
	}
	if runs != 2 {
		t.Errorf("the first was carried out %d times, want 2: with the others, and alone", runs)
	}
}
