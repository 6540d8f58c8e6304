//go:build soak

package conformance

// Soak reports whether the long groups belong to this build of a test: those with the build tag
// soak. It is what tests give Subject.Large.
const Soak = true
