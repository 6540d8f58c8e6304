package dnstest

import (
	"testing"

	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/wire"
)

// Key makes a random TSIG key, for the configuration of servers and for ours.
func Key(t testing.TB) (*testserver.Key, *wire.Key) {
	t.Helper()
	k := testserver.NewKey(t)
	key, err := wire.NewKey(k.Name, k.Algorithm, k.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return k, key
}
