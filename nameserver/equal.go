package nameserver

import "bytes"

// Equal reports whether both were made of the same records.
func (z *Compiled) Equal(y *Compiled) bool {
	return z == y || z.origin == y.origin && z.denial == y.denial && bytes.Equal(z.arena, y.arena)
}
