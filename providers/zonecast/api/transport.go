package api

import (
	"context"
	"net"
	"net/http"
	"time"
)

// UnixBase is the address of requests that go over a Unix socket; no name is looked up.
const UnixBase = "http://nameserver/v1"

// UnixTransport speaks HTTP over the Unix socket at a path.
func UnixTransport(path string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     30 * time.Second,
		DisableCompression:  true,
	}
}
