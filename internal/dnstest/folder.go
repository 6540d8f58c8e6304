package dnstest

import (
	"os"
	"testing"
)

// Folder is a folder in memory where the system has one, for tests that write to
// disk thousands of times and would wait for it each time. It goes with the test.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "zonecast-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
