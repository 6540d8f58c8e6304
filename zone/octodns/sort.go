package octodns

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func nearest(typed string, known []string) string { return finding.Nearest(typed, known) }

func sortedTexts(list []string) []any {
	s := slices.Sorted(slices.Values(list))
	out := make([]any, len(s))
	for i, x := range s {
		out[i] = x
	}
	return out
}

// compareTrees orders texts by code point, numbers by value and everything else by its JSON.
func compareTrees(a, b any) int {
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok {
			return strings.Compare(x, y)
		}
	}
	if x, ok := a.(json.Number); ok {
		if y, ok := b.(json.Number); ok {
			f, _ := x.Float64()
			g, _ := y.Float64()
			return cmp.Or(cmp.Compare(f, g), strings.Compare(string(x), string(y)))
		}
	}
	return strings.Compare(canonical(a), canonical(b))
}

// sortValues puts the values of a type into octoDNS's order.
func sortValues(typ string, values []any) {
	fields := kinds[typ].fields
	slices.SortStableFunc(values, func(a, b any) int {
		x, ok := a.(map[string]any)
		y, ok2 := b.(map[string]any)
		if !ok || !ok2 {
			return compareTrees(a, b)
		}
		for _, f := range fields {
			if c := compareTrees(x[f], y[f]); c != 0 {
				return c
			}
		}
		return compareTrees(a, b)
	})
}
