package main

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// diffs are the ways in which two zones differ: every how many records one has another TTL.
var diffs = []struct {
	name  string
	every int
}{
	{"equal, built apart", 0},
	{"1 % different", 100},
	{"all different", 1},
}

func (b *bench) diff() {
	n := b.size(1_000_000, 10_000)
	for _, d := range diffs {
		b.row(Row{
			Work: "diff of two zones of " + count(n) + " RRsets in memory, " + d.name, Target: Target{User: 300 * time.Millisecond},
		}, child("diff", strconv.Itoa(n), strconv.Itoa(d.every)), nil)
	}
}

// diffZones builds two zones and measures the comparison alone; the memory is that of both zones
// and of building them.
func diffZones(_ context.Context, w *stopwatch, args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	every, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	a, err := inMemory(n, usual)
	if err != nil {
		return err
	}
	b, err := inMemory(n, func(i int) int {
		if every > 0 && i%every == 0 {
			return usual(i) + 60
		}
		return usual(i)
	})
	if err != nil {
		return err
	}
	runtime.GC() // what building left behind is not to be paid below
	got, want := 0, 0
	if every > 0 {
		want = (n + every - 1) / every
	}
	w.Start()
	for range zone.Diff(a, b) {
		got++
	}
	w.Stop()
	if got != want {
		return fmt.Errorf("%d changes, not %d", got, want)
	}
	return nil
}
