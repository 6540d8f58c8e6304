package main

import "fmt"

// Exit codes.
const (
	exitOK      = 0 // nothing to do, or all of it done
	exitError   = 1 // something is wrong; nothing was written, unless the output says so
	exitChanges = 2 // there are changes: plan --detailed-exitcode, drift, compare
	exitRefused = 3 // a guard holds a plan; nothing was written to the targets it holds
	exitPartial = 4 // some targets are written and others are not, or could not be seen to be
)

// A status is the exit code of a command that has said all that there is to say.
type status int

// Error makes a status travel as an error through cobra.
func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// exit returns the status as an error, nil for success.
func exit(code int) error {
	if code == exitOK {
		return nil
	}
	return status(code)
}

// A usageError is a command line that cannot be understood.
type usageError struct {
	text string
	fix  string
	help string // the command whose help explains it
}

// Error says what is wrong and what to do, on up to three lines.
func (e *usageError) Error() string {
	s := e.text
	if e.fix != "" {
		s += "\n  " + e.fix
	}
	if e.help != "" {
		s += "\n  `" + e.help + " --help` explains the flags"
	}
	return s
}

func usagef(fix, format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...), fix: fix}
}
