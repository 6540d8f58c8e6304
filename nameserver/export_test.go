package nameserver

// Always returns options with which zones of any size are patched, whatever that costs.
func Always(o CompileOptions) CompileOptions {
	o.always = true
	return o
}

// Patches counts the versions since the one that was compiled whole.
func (z *Compiled) Patches() int {
	if z.past == nil {
		return 0
	}
	return int(z.past.number)
}

// Denial names how the zone denies.
func (z *Compiled) Denial() string { return [...]string{"none", "NSEC", "NSEC3"}[z.denial] }
