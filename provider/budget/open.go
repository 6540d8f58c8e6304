package budget

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/zonecast/zonecast/provider"
)

// option is the name of the option that sets limits.
const option = "limits"

// Option is the option "limits", for Driver.Options of every adapter that opens its budget with Open.
func Option() provider.Option {
	return provider.Option{
		Name: option,
		Help: `how much the account may be asked, like "5/1s, 100/1h; 4 at once", or off; default: what the service documents`,
	}
}

var opened struct {
	sync.Mutex
	accounts map[[sha256.Size]byte]*Account
}

// Open returns the budget of an account with the limits that the option "limits" sets, or else
// with the documented ones. "5/1s" replaces the documented windows and keeps how many calls may be
// under way at once; "4 at once" does the opposite; "off" limits nothing.
//
// key identifies the account at the service: driver, address of the API and who signs in. It is
// kept as a hash only, so it may hold credentials. The same key with the same limits is one budget
// for the whole process, however often and under however many names the account is opened. With
// other limits it is another budget that knows nothing of the first: who gives two names of one
// account limits of their own shares the account out between them. With a transport of its own
// (Config.HTTP) an account has a budget of its own: what answers there need not be the service.
func Open(c provider.Config, key string, documented Limits) (*Account, error) {
	l := documented
	if v, ok := c.Values[option]; ok {
		set, err := ParseLimits(v.Text)
		if err != nil {
			return nil, fmt.Errorf("provider %s: option %s is %q: %w", c.ID, option, v.Text, err)
		}
		off := len(set.Windows) == 0 && set.InFlight == 0
		if len(set.Windows) > 0 || off {
			l.Windows = set.Windows
		}
		if set.InFlight > 0 || off {
			l.InFlight = set.InFlight
		}
	}
	if c.HTTP != nil {
		a := New(l)
		a.documented = documented
		return a, nil
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%v %v\x00%s", l, l.Reserve, key))
	opened.Lock()
	defer opened.Unlock()
	if a, ok := opened.accounts[sum]; ok {
		return a, nil
	}
	if opened.accounts == nil {
		opened.accounts = map[[sha256.Size]byte]*Account{}
	}
	a := New(l)
	a.documented = documented
	opened.accounts[sum] = a
	return a, nil
}

// Documented are the limits that the service documents, whatever the option "limits" says: those
// that Open was given.
func (a *Account) Documented() Limits { return a.documented }
