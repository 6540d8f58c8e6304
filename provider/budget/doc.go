// Package budget keeps what an account at a service may do: calls in several windows of time at
// once (deSEC: 2 a second, 15 a minute, 100 an hour, 300 a day), calls under way at once, and
// pauses that the service asked for.
//
// A budget belongs to an account and is shared by all that uses the account. Calls are of a
// class: background work (looking for drift) leaves a share of every window and one place in
// flight to work that cannot wait (failover). A budget that was told of a refusal (429) slows
// down and finds its way back slowly.
//
// Adapters open their account's budget with Open, which reads the option "limits"; who opens the
// same account again gets the same budget. The package knows no service and no HTTP;
// provider/httpkit asks it before each request.
//
//	account := budget.New(budget.Limits{
//		Windows:  []budget.Window{{Calls: 5, Per: time.Second}},
//		InFlight: 4,
//	})
//	done, err := account.Acquire(ctx)
//	if err != nil { return err } // ctx ended first
//	defer done()
package budget
