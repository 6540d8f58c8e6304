package zonefile_test

import (
	"slices"
	"strconv"
	"strings"
)

func decimal(v uint32) string { return strconv.FormatUint(uint64(v), 10) }

// sortLines makes lists of records comparable in whatever order they are given.
func sortLines(s string) string {
	lines := strings.SplitAfter(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func cut(key string) (name, typ string, ok bool) { return strings.Cut(key, " ") }
