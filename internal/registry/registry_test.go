package registry

import (
	"slices"
	"strings"
	"testing"
)

func TestRegistry(t *testing.T) {
	t.Parallel()
	var r Registry[int]
	r.Add("thing", "b", []string{"pkg.B"}, 2)
	r.Add("thing", "a", nil, 1)
	if d, ok := r.Lookup("pkg.B"); !ok || d != 2 {
		t.Errorf("Lookup(pkg.B) = %d, %v; want 2", d, ok)
	}
	if _, ok := r.Lookup("c"); ok {
		t.Error("Lookup(c) found something")
	}
	if got := r.All(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("All = %v; want 1, 2", got)
	}
	for name, others := range map[string][]string{"a": nil, "": nil, "c": {"pkg.B"}} {
		func() {
			defer func() {
				if v, ok := recover().(string); !ok || !strings.HasPrefix(v, "thing "+name) {
					t.Errorf("Add(%q, %v) panics with %q; want a message about it", name, others, v)
				}
			}()
			r.Add("thing", name, others, 3)
		}()
	}
}
