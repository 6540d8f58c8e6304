package budget

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Window allows a number of calls in any span of a length.
type Window struct {
	Calls int
	Per   time.Duration
}

// Limits are what an account may do. The zero value limits nothing.
type Limits struct {
	Windows  []Window
	InFlight int     // calls at once; 0: no limit
	Reserve  float64 // share of each window that background work leaves to others; 0: 0.2
	Docs     string  // the public page that says so; "" when it is nobody's word
}

// Bounds of what ParseLimits takes.
const (
	mostCalls   = 1_000_000_000
	mostAtOnce  = 10_000
	mostWindows = 16
	shortest    = time.Millisecond
	longest     = 366 * 24 * time.Hour
)

// String writes limits as ParseLimits reads them: "5/1s, 100/1h; 4 at once", "4 at once", "off".
func (l Limits) String() string {
	var parts []string
	for _, w := range l.Windows {
		parts = append(parts, w.String())
	}
	s := strings.Join(parts, ", ")
	switch {
	case l.InFlight > 0 && s != "":
		return fmt.Sprintf("%s; %d at once", s, l.InFlight)
	case l.InFlight > 0:
		return fmt.Sprintf("%d at once", l.InFlight)
	case s == "":
		return "off"
	}
	return s
}

// String writes a window as ParseLimits reads it: "300/1d".
func (w Window) String() string { return fmt.Sprintf("%d/%s", w.Calls, span(w.Per)) }

// span writes a duration in the largest unit that divides it.
func span(d time.Duration) string {
	for _, u := range spans {
		if d >= u.length && d%u.length == 0 {
			return strconv.FormatInt(int64(d/u.length), 10) + u.names[0]
		}
	}
	return d.String()
}

// spans are the units of lengths of windows, the longest first.
var spans = []struct {
	length time.Duration
	names  []string
}{
	{24 * time.Hour, []string{"d", "day", "days"}},
	{time.Hour, []string{"h", "hour", "hours"}},
	{time.Minute, []string{"m", "min", "minute", "minutes"}},
	{time.Second, []string{"s", "sec", "second", "seconds"}},
	{time.Millisecond, []string{"ms"}},
}

const howToWrite = `write limits like "5/1s, 100/1h; 4 at once", or off`

// ParseLimits reads the text of the option limits: windows as CALLS/LENGTH between commas, then,
// after a semicolon, how many calls may be under way at once. Each of both may stand alone.
// Lengths have the units ms, s, m (min), h and d (day); without a number they mean one: "5/s".
// "off" is the zero Limits. Errors say what to write.
func ParseLimits(text string) (Limits, error) {
	var l Limits
	if strings.EqualFold(strings.TrimSpace(text), "off") {
		return l, nil
	}
	if len(text) > 1000 || !utf8.ValidString(text) {
		return l, errors.New("the text is no list of limits; " + howToWrite)
	}
	windows, rest, two := strings.Cut(text, ";")
	if !two && strings.HasSuffix(strings.Join(strings.Fields(text), " "), " at once") {
		windows, rest = "", text
	} else if two && strings.TrimSpace(windows) == "" {
		return l, errors.New("nothing stands before the semicolon; " + howToWrite)
	}
	if windows != "" {
		for part := range strings.SplitSeq(windows, ",") {
			w, err := parseWindow(strings.TrimSpace(part))
			if err != nil {
				return Limits{}, err
			}
			for _, other := range l.Windows {
				if other.Per == w.Per {
					return Limits{}, fmt.Errorf("%v and %v are of one length; keep the lower one", other, w)
				}
			}
			if l.Windows = append(l.Windows, w); len(l.Windows) > mostWindows {
				return Limits{}, fmt.Errorf("there are more than %d windows", mostWindows)
			}
		}
	}
	if two || rest != "" {
		number, ok := strings.CutSuffix(strings.Join(strings.Fields(rest), " "), " at once")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 1 || n > mostAtOnce {
			return Limits{}, fmt.Errorf("%q is no number of calls at once from 1 to %d; %s", strings.TrimSpace(rest), mostAtOnce, howToWrite)
		}
		l.InFlight = n
	}
	if len(l.Windows) == 0 && l.InFlight == 0 {
		return Limits{}, errors.New("it says nothing; " + howToWrite)
	}
	return l, nil
}

func parseWindow(text string) (Window, error) {
	calls, length, ok := strings.Cut(text, "/")
	n, err := strconv.Atoi(strings.TrimSpace(calls))
	if !ok || err != nil {
		return Window{}, fmt.Errorf("%q is not of the form CALLS/LENGTH; %s", text, howToWrite)
	}
	if n < 1 || n > mostCalls {
		return Window{}, fmt.Errorf("%q: %d calls; write a number from 1 to %d", text, n, mostCalls)
	}
	per, ok := parseSpan(strings.TrimSpace(length))
	if !ok || per < shortest || per > longest {
		return Window{}, fmt.Errorf("%q: %q is no length of time from 1ms to 366d; write it like 1s, 15m, 1h or 1d", text, strings.TrimSpace(length))
	}
	return Window{Calls: n, Per: per}, nil
}

// parseSpan reads a length of time: Go's form, or a whole number of a unit, or a unit alone.
func parseSpan(text string) (time.Duration, bool) {
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz ")
	for _, u := range spans {
		for _, name := range u.names {
			if strings.TrimSpace(text[len(digits):]) != name {
				continue
			}
			if digits == "" {
				return u.length, true
			}
			n, err := strconv.ParseInt(digits, 10, 32)
			if err == nil && time.Duration(n) <= longest/u.length {
				return time.Duration(n) * u.length, true
			}
		}
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}
