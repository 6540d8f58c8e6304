package azure

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// A refusal is an error answer. Azure Resource Manager wraps it in "error"; the DNS resource
// provider behind it does not, and clients have to read both.
type refusal struct {
	status  int
	code    string
	message string
	bare    bool // the resource provider's shape
	header  http.Header
}

// arm refuses as Azure Resource Manager does.
func arm(status int, code, format string, args ...any) *refusal {
	return &refusal{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// dns refuses as the DNS resource provider does.
func dns(status int, code, format string, args ...any) *refusal {
	return &refusal{status: status, code: code, message: fmt.Sprintf(format, args...), bare: true}
}

func badRequest(format string, args ...any) *refusal {
	return dns(http.StatusBadRequest, "BadRequest", format, args...)
}

func (f *refusal) write(w http.ResponseWriter) {
	for k, v := range f.header {
		w.Header()[k] = v
	}
	inner := map[string]string{"code": f.code, "message": f.message}
	if f.bare {
		writeJSON(w, f.status, inner)
		return
	}
	w.Header().Set("x-ms-failure-cause", "gateway")
	writeJSON(w, f.status, map[string]any{"error": inner})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// throttled is the knob's refusal: one call too many in a window of five minutes.
func throttled(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	if entraPath(r) != "" {
		if wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(seconds(wait)))
		}
		oauthRefusal(w, http.StatusTooManyRequests, "temporarily_unavailable", 90055, "The server has terminated the request, since tenant has exceeded its request rate limit.")
		return
	}
	f := tooMany(action(r), 500, 5*time.Minute, wait)
	if wait <= 0 {
		f.header = nil
	}
	f.write(w)
}

// tooMany is how Resource Manager refuses for a resource provider's limit.
func tooMany(what string, limit int, window, wait time.Duration) *refusal {
	after := max(1, seconds(wait))
	f := arm(http.StatusTooManyRequests, "ResourceRequestsThrottled",
		"Number of requests for action '%s' exceeded the limit of '%d' for time interval '%02d:%02d:%02d'. Please try again after '%d' seconds.",
		what, limit, int(window.Hours()), int(window.Minutes())%60, int(window.Seconds())%60, after)
	f.header = http.Header{"Retry-After": {strconv.Itoa(after)}}
	return f
}

// seconds rounds up, as Retry-After has to.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func unavailable(w http.ResponseWriter, r *http.Request) {
	if entraPath(r) != "" {
		oauthRefusal(w, http.StatusServiceUnavailable, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again.")
		return
	}
	arm(http.StatusServiceUnavailable, "ServiceUnavailable", "The service is temporarily unavailable. Please retry the request after some time.").write(w)
}
