// Package e2e holds scripts that run the binary as people do (testdata/*.txtar, in the language
// of github.com/rogpeppe/go-internal/testscript). What they show is what documentation may claim.
//
// Each script runs in a folder of its own, with the files that it carries, HOME and the state of
// the project inside it. Besides testscript's commands there are
//
//	checksum VAR COMMAND ARG…  runs octodns-sync and keeps the checksum that it shows
//	exits CODE COMMAND ARG…   runs a command that must exit with that code
//	replace FILE OLD NEW      edits a file
//	waitfile FILE             waits until a file exists
package e2e
