package nameserver

// large returns memory for an arena, in large pages where the system has them: a look-up among a
// million names then misses the cache, not the page tables too.
func large(n int) []byte {
	b := make([]byte, n)
	advise(b)
	return b
}
