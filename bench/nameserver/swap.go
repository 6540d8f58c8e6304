//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// Many small zones, of which some are replaced each second.
const (
	manyZones     = 100_000
	swapsASecond  = 1000
	recordsOfZone = 10
	swapName      = "UDP, 100,000 zones, 1,000 a second swapped"
	swapTarget    = 2.0 // p99 while zones are swapped, by p99 at rest
)

// A Latency is how long answers take when one question at a time is on its way.
type Latency struct {
	Zones int           `json:"zones"`
	P50   time.Duration `json:"p50_ns"`
	P99   time.Duration `json:"p99_ns"`
	// The same while zones are swapped.
	SwapP50 time.Duration `json:"swap_p50_ns"`
	SwapP99 time.Duration `json:"swap_p99_ns"`
	Swaps   float64       `json:"swaps"` // a second
}

// smallZone is zone i, with a serial.
func smallZone(i int, serial uint32) (*nameserver.Compiled, error) {
	origin := fmt.Sprintf("%s.%s", labelOf(i), origin)
	var b bytes.Buffer
	fmt.Fprintf(&b, "$TTL 3600\n@ SOA ns1 hostmaster %d 7200 900 1209600 300\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n@ A 192.0.2.3\n@ MX 10 mail\n", serial)
	for k := range recordsOfZone - 7 {
		fmt.Fprintf(&b, "%s A 192.0.2.%d\n", []string{"mail", "www", "api"}[k%3], 10+k)
	}
	res, err := zonefile.Parse(b.Bytes(), zonefile.Options{File: origin, Origin: zone.MustName(origin), HasOrigin: true})
	if err != nil {
		return nil, err
	}
	return nameserver.Compile(res.Zone, nameserver.CompileOptions{})
}

// swapEngine serves n small zones. It replaces some each second from one SIGUSR1 to the next, and writes
// how many that were to a file.
func swapEngine(n int) (socket.Answerer, error) {
	e := &nameserver.Engine{
		NSID: "bench", Cookies: nameserver.NewCookies(),
		Limit: nameserver.NewRateLimit(nameserver.RateLimitOptions{PerSecond: 1 << 30}),
	}
	for i := range n {
		c, err := smallZone(i, 1)
		if err != nil {
			return nil, err
		}
		e.Zones.Put(c)
	}
	runtime.GC()
	toggle := make(chan os.Signal, 1)
	signal.Notify(toggle, syscall.SIGUSR1)
	go func() {
		serial := uint32(1)
		for range toggle {
			began, swapped := time.Now(), 0
			tick := time.NewTicker(time.Second / swapsASecond)
			for on := true; on; {
				select {
				case <-toggle:
					on = false
				case <-tick.C:
					serial++
					// Ticks that were missed are made up for.
					for want := int(time.Since(began) * swapsASecond / time.Second); swapped < want; swapped++ {
						if c, err := smallZone(rand.IntN(n), serial); err == nil {
							e.Zones.Put(c)
						}
					}
				}
			}
			tick.Stop()
			_ = os.WriteFile("swapped", fmt.Appendf(nil, "%f", float64(swapped)/time.Since(began).Seconds()), 0o644)
		}
	}()
	return socket.Engine(e, nil), nil
}

// addSwaps adds the row of swaps.
func (b *bench) addSwaps(zones int) {
	if err := b.swaps(zones); err != nil {
		b.rows = append(b.rows, Row{Work: swapName, Server: "zonecast", Error: err.Error()})
		fmt.Fprintf(b.log, "%s: %v\n", swapName, err)
	}
}

// swaps measures how long answers take at rest and while zones are swapped, in turn.
func (b *bench) swaps(zones int) error {
	dir := filepath.Join(b.dir, "swap")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	port, err := freePort(b.ctx)
	if err != nil {
		return err
	}
	p, err := self("swap")(b.ctx, place{dir: dir, zone: strconv.Itoa(zones), port: port})
	if err != nil {
		return err
	}
	defer p.stop()
	l, err := newLoad(port, work{names: zones})
	if err != nil {
		return err
	}
	defer l.close()
	if err := l.awaitLast(p, time.Minute); err != nil {
		return fmt.Errorf("%w\n%s", err, p.said())
	}
	loaded := time.Since(p.began)
	if _, err := l.latencies(b.ctx, b.measure/4); err != nil {
		return err
	}
	sum := Latency{Zones: zones}
	for range b.rounds {
		rest, err := l.latencies(b.ctx, b.measure)
		if err != nil {
			return err
		}
		_ = syscall.Kill(-p.group, syscall.SIGUSR1)
		busy, err := l.latencies(b.ctx, b.measure)
		_ = syscall.Kill(-p.group, syscall.SIGUSR1)
		if err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond) // until the file is written
		text, _ := os.ReadFile(filepath.Join(dir, "swapped"))
		swaps, _ := strconv.ParseFloat(string(text), 64)
		fmt.Fprintf(b.log, "%s: p99 %v at rest, %v with %.0f swaps a second\n", swapName, percentile(rest, 99), percentile(busy, 99), swaps)
		if sum.P99 == 0 || percentile(rest, 99) < sum.P99 {
			sum.P50, sum.P99 = percentile(rest, 50), percentile(rest, 99)
		}
		if sum.SwapP99 == 0 || percentile(busy, 99) < sum.SwapP99 {
			sum.SwapP50, sum.SwapP99, sum.Swaps = percentile(busy, 50), percentile(busy, 99), swaps
		}
	}
	r := Row{Work: swapName, Server: "zonecast", Memory: p.memory(), Load: loaded, Latency: &sum, Result: "ok"}
	if float64(sum.SwapP99) > swapTarget*tolerance*float64(sum.P99) {
		r.Result = "MISSED"
	}
	b.rows = append(b.rows, r)
	return nil
}

// String tells of a latency as the table does.
func (l Latency) String() string {
	return fmt.Sprintf("one question at a time among %d zones: p50 %v, p99 %v at rest; p50 %v, p99 %v with %.0f zones a second swapped; ratio of p99 %.2f",
		l.Zones, l.P50, l.P99, l.SwapP50, l.SwapP99, l.Swaps, float64(l.SwapP99)/float64(l.P99))
}

// percentile is one of durations in order.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

// latencies asks one question at a time and returns how long the answers took, in order.
func (l *load) latencies(ctx context.Context, d time.Duration) ([]time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := pin(loadCPU); err != nil {
		return nil, err
	}
	defer func() { _ = unpin() }()
	l.drain()
	random := rand.New(l.seed)
	q, buf := l.queries[0][:l.size], make([]byte, 4096)
	took := make([]time.Duration, 0, 1<<16)
	for end := time.Now().Add(d); time.Now().Before(end) || len(took) == 0; {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		id := uint16(random.Uint32())
		binary.BigEndian.PutUint16(q, id)
		ask(q, int(random.Uint32N(uint32(l.names))))
		began := time.Now()
		if _, err := syscall.Write(l.fd, q); err != nil {
			return nil, fmt.Errorf("send: %w", err)
		}
		for {
			n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(l.fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), syscall.MSG_DONTWAIT, 0, 0)
			if errno == 0 && int(n) > 12 && binary.BigEndian.Uint16(buf) == id {
				took = append(took, time.Since(began))
				if !l.good(buf[:n]) {
					return nil, fmt.Errorf("a wrong answer: % x", buf[:n])
				}
				break
			}
			if time.Since(began) > time.Second {
				return nil, errors.New("no answer within a second")
			}
		}
	}
	slices.Sort(took)
	return took, nil
}
