package google

import "time"

// Tests wait less when the service refuses calls.
func init() {
	pauses = [...]time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond}
}
