// Package record keeps exchanges with a service in a file, so that a test can play them back.
//
// A Tape that records sends each request on and keeps request and answer, without secrets: headers
// that carry credentials are never kept, and the texts given as Secrets are taken out of
// everything else. A Tape that plays never sends anything: each request must be the next one on
// the tape, or it is an error of the call and of the test.
//
//	tape := record.Open(t, "testdata/zones.json", record.Options{Update: *update, Secrets: []string{token}})
//	client := &httpkit.Client{Base: base, HTTP: tape, Auth: httpkit.Bearer(token)}
package record
