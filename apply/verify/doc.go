// Package verify asks a target's own name servers, over DNS, for what was written there.
//
// In come a plan and the changes that the provider reported as done; out comes, for each server,
// how long it took until every changed RRset was answered as planned, and what was not. Every
// changed RRset is asked for at every server, over UDP with fallback to TCP, without recursion,
// until the answer is as planned or time is up.
//
// An answer is judged as a resolver would meet it: a delegation is seen in the referral, glue in
// its additional section, the deletion of a name by NXDOMAIN, NODATA or what a wildcard gives
// instead. What cannot be seen from outside (records below a delegation, an ALIAS that the
// provider resolves, answers that depend on the client) is noted, not guessed.
//
// The package changes nothing and returns no error: what could not be seen is its result.
//
//	v := verify.New(verify.Options{Addresses: map[string][]string{"bind": {"127.0.0.1:5300"}}})
//	seen := v.Verify(ctx, plan, done, nil)
package verify
