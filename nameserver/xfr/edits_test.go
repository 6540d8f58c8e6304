//go:build !soak

package xfr_test

// edits is how many random edits real servers follow.
const edits = 200
