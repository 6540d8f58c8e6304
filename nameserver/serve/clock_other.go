//go:build !linux

package serve

// monotonic is wanted by systemd, which is on Linux only.
func monotonic() int64 { return 0 }
