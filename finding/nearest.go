package finding

import "strings"

// Nearest returns the candidate that a person most likely meant by typed, or "" when none is
// near: at most a third of the letters, and no more than three, are wrong. Case does not count.
// Among equally near ones the first in alphabetical order wins.
func Nearest(typed string, candidates []string) string {
	best, bestCost := "", min(3, (len(typed)+2)/3)+1
	for _, c := range candidates {
		if d := len(c) - len(typed); d >= bestCost || -d >= bestCost {
			if !(len(typed) >= 4 && strings.HasPrefix(strings.ToLower(c), strings.ToLower(typed))) {
				continue
			}
		}
		cost := distance(strings.ToLower(typed), strings.ToLower(c))
		if len(typed) >= 4 && strings.HasPrefix(strings.ToLower(c), strings.ToLower(typed)) {
			cost = min(cost, 2)
		}
		if cost < bestCost || cost == bestCost && best != "" && c < best {
			best, bestCost = c, cost
		}
	}
	return best
}

// distance is the number of insertions, deletions, replacements and swaps of neighbours that
// turn a into b (optimal string alignment).
func distance(a, b string) int {
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
