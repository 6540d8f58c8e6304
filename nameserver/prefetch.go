//go:build amd64 || arm64

package nameserver

import "unsafe"

// prefetch asks for the line of memory at p and the ones behind it, and waits for none. Loads whose
// values nobody needs yet would bring them, too, but only as many at a time as the processor can keep
// in order.
//
//go:noescape
func prefetch(p unsafe.Pointer, lines int)
