package azure

import "time"

// AgeToken makes the token that was got look older.
func (p *Provider) AgeToken(d time.Duration) { p.got = p.got.Add(-d) }

// Audience is whom tokens are asked for.
func (p *Provider) Audience() string { return p.cloud().Services["resourceManager"].Audience }
