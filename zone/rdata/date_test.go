package rdata

import (
	"fmt"
	"testing"
	"time"
)

func TestDatesAreThoseOfTime(t *testing.T) {
	t.Parallel()
	check := func(s string) {
		want, err := time.Parse("20060102150405", s)
		got, ok := parseTime(s)
		if ok != (err == nil) || ok && got != uint32(want.Unix()) {
			t.Errorf("parseTime(%q) = %d, %v; want %d, %v", s, got, ok, uint32(want.Unix()), err)
		}
	}
	for year := range 2200 {
		for _, rest := range []string{"0101000000", "0228235959", "0229000000", "0230000000", "0301000001", "1231235959", "0431000000", "0630120000"} {
			check(fmt.Sprintf("%04d%s", year, rest))
		}
	}
	for _, s := range []string{"99991231235959", "20260001000000", "20261301000000", "20260100000000", "20260132000000", "20260101240000", "20260101006000", "20260101000060", "2026010100000x", "20260101 00000"} {
		check(s)
	}
}
