// Package apply carries out plans: all targets side by side, bounded per account, each write
// journaled before it is sent and closed after its receipt, and asked back from the target's own
// name servers.
//
// In come plans; out come events while it runs and a report at the end. One target's failure
// touches only that target. A write whose answer was lost is never repeated blindly: the zone is
// read, and what is still missing is planned anew against what was read.
//
// The package declares the journal, the locks and the verification that it needs as interfaces;
// store and apply/verify have the methods. It never learns that SQL exists.
//
//	x := apply.Executor{Journal: j, Lock: l, Open: open, Verify: v}
//	report, err := x.Run(ctx, plans, func(e apply.Event) { view.Progress(e) })
package apply
