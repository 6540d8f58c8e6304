package conformance

import (
	"fmt"
	"sync"
)

// A watched T remembers how a group ended, for the table: the first error, or why it was skipped.
type watched struct {
	T
	mu       sync.Mutex
	first    string
	skipped  string
	finished bool
}

func (w *watched) Errorf(format string, args ...any) {
	w.T.Helper()
	w.note(fmt.Sprintf(format, args...))
	w.T.Errorf(format, args...)
}

func (w *watched) Fatalf(format string, args ...any) {
	w.T.Helper()
	w.note(fmt.Sprintf(format, args...))
	w.T.Fatalf(format, args...)
}

func (w *watched) Skipf(format string, args ...any) {
	w.T.Helper()
	w.mu.Lock()
	w.skipped = fmt.Sprintf(format, args...)
	w.mu.Unlock()
	w.T.Skipf(format, args...)
}

func (w *watched) note(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first == "" {
		w.first = s
	}
}

func (w *watched) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finished = true
}

// end tells how the group ended. One that neither finished nor was skipped has failed, even when
// nobody said so.
func (w *watched) end() (Status, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.first != "":
		return Failed, w.first
	case w.skipped != "":
		return Skipped, w.skipped
	case !w.finished || w.T == nil || w.T.Failed():
		return Failed, "ended without a word"
	}
	return Passed, ""
}
