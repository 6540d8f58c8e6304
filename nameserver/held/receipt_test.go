package held_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/zone"
)

// What an edit has come to is known when the edit is; what was taken back was never done.
func TestReceipts(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	with := func(key string) held.Receipt {
		return held.Receipt{Key: sha256.Sum256([]byte(key)), Request: sha256.Sum256([]byte("request " + key)), Data: func(i held.Info) []byte {
			return fmt.Appendf(nil, "%s: serial %d, %.4s", key, i.Serial, i.Revision)
		}}
	}
	recalled := func(key string) string {
		t.Helper()
		request, data, ok, err := s.Recall(t.Context(), with(key).Key)
		if err != nil || ok && request != with(key).Request {
			t.Errorf("%s: request %x, %v", key, request, err)
		}
		return string(data)
	}
	info, err := s.Create(held.WithReceipt(t.Context(), with("create")), dnstest.Zone(t, example, apex))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := recalled("create"), fmt.Sprintf("create: serial 1, %.4s", info.Revision); got != want {
		t.Errorf("created: %q, want %q", got, want)
	}
	z, _, err := s.Zone(example)
	if err != nil {
		t.Fatal(err)
	}
	ns, _ := z.Set(zone.MustName("ns.example.org."), zone.TypeA)
	set := ns
	set.TTL = 77
	change := []zone.Change{{Before: &ns, After: &set}}
	refuse := func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refuse = err
	}
	refuse(errors.New("no"))
	if _, err := s.Change(held.WithReceipt(t.Context(), with("change")), example, info.Revision, change); err == nil {
		t.Error("a change that cannot be served was carried out")
	}
	other := zone.MustName("other.example.")
	if _, err := s.Create(held.WithReceipt(t.Context(), with("other")), dnstest.Zone(t, other, apex)); err == nil {
		t.Error("a zone that cannot be served was created")
	}
	if got := recalled("change") + recalled("other"); got != "" {
		t.Errorf("of what was taken back: %q", got)
	}
	refuse(nil)
	after, err := s.Change(held.WithReceipt(t.Context(), with("change")), example, info.Revision, change)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := recalled("change"), fmt.Sprintf("change: serial 2, %.4s", after.Revision); got != want {
		t.Errorf("changed: %q, want %q", got, want)
	}
	if err := s.Delete(held.WithReceipt(t.Context(), with("delete")), example, after.Revision); err != nil {
		t.Fatal(err)
	}
	if got := recalled("delete"); got != "delete: serial 0, " {
		t.Errorf("deleted: %q", got)
	}
}
