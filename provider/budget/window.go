package budget

import "time"

// A window remembers the calls of one span of time. Calls that ended within less than a
// thousandth of the span are remembered together, as of the last of them: that errs on the side
// of waiting, and bounds what is remembered.
type window struct {
	Window
	ended []ended // the oldest first
	sum   int     // of ended
	last  time.Time
}

type ended struct {
	first, last time.Time
	calls       int
}

const grain = 1000

// add remembers a call that ended now.
func (w *window) add(now time.Time) {
	w.forget(now)
	w.sum++
	w.last = now
	if n := len(w.ended); n > 0 && now.Sub(w.ended[n-1].first) < w.Per/grain {
		w.ended[n-1].last = now
		w.ended[n-1].calls++
		return
	}
	w.ended = append(w.ended, ended{now, now, 1})
}

// forget drops what counts no more.
func (w *window) forget(now time.Time) {
	i := 0
	for i < len(w.ended) && !now.Before(w.ended[i].last.Add(w.Per)) {
		w.sum -= w.ended[i].calls
		i++
	}
	w.ended = w.ended[i:]
}

// earliest is when one more call may begin, at a speed, beside those that are under way. It is not
// known as long as those fill the share by themselves.
func (w *window) earliest(share int, speed float64, flying int, now time.Time) (at time.Time, known bool) {
	w.forget(now)
	allowed := float64(share) * speed
	room := max(1, int(allowed)) - 1 - flying // for calls that ended
	if room < 0 {
		return at, false
	}
	at = now
	for i, sum := 0, w.sum; sum > room; i++ {
		at = w.ended[i].last.Add(w.Per)
		sum -= w.ended[i].calls
	}
	if allowed < 1 && !w.last.IsZero() { // less than one call in the span: a longer span
		if slow := w.last.Add(time.Duration(float64(w.Per) / allowed)); slow.After(at) {
			at = slow
		}
	}
	return at, true
}
