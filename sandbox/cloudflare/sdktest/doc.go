// Package sdktest lets Cloudflare's official SDK, cloudflare-go v7, drive the emulation of package
// cloudflare: what the SDK takes for the real thing, an adapter may be tested against.
//
// It is a module of its own because the SDK takes minutes to compile; "make soak" runs it.
//
// Nothing imports it.
package sdktest
