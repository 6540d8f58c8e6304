package cloudflare

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// A problem is one error of the envelope.
type problem struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Chain   []problem `json:"error_chain,omitempty"`
}

// A refusal is an answer without result. It is an error, so that it comes up from any depth.
type refusal struct {
	status   int
	problems []problem
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%d %s", r.problems[0].Code, r.problems[0].Message)
}

// refuse makes the refusal of a request that is wrong.
func refuse(code int, format string, args ...any) *refusal {
	return refuseAs(http.StatusBadRequest, code, format, args...)
}

func refuseAs(status, code int, format string, args ...any) *refusal {
	return &refusal{status, []problem{{Code: code, Message: fmt.Sprintf(format, args...)}}}
}

// invalid wraps a code of the 9000s in the general 1004, as the older checks of records come.
func invalid(code int, format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, []problem{{
		Code: 1004, Message: "DNS Validation Error",
		Chain: []problem{{Code: code, Message: fmt.Sprintf(format, args...)}},
	}}}
}

// An envelope is what every answer comes in
// (https://developers.cloudflare.com/fundamentals/api/how-to/make-api-calls/).
type envelope struct {
	Result   any       `json:"result"`
	Success  bool      `json:"success"`
	Errors   []problem `json:"errors"`
	Messages []problem `json:"messages"`
	Info     *pageInfo `json:"result_info,omitempty"`
}

// A pageInfo tells where in a list a page is.
type pageInfo struct {
	Page       int `json:"page"`
	PerPage    int `json:"per_page"`
	Count      int `json:"count"`
	TotalCount int `json:"total_count"`
	TotalPages int `json:"total_pages"`
}

// An answer is a result with what belongs to it.
type answer struct {
	result   any
	info     *pageInfo
	messages []problem
}

func write(w http.ResponseWriter, status int, e envelope) {
	if e.Errors == nil {
		e.Errors = []problem{}
	}
	if e.Messages == nil {
		e.Messages = []problem{}
	}
	b, err := json.Marshal(e)
	if err != nil { // results are made of plain values
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // who does not listen any more misses it
}

func (r *refusal) write(w http.ResponseWriter) {
	write(w, r.status, envelope{Errors: r.problems})
}

// throttled is the answer to one call too many
// (https://developers.cloudflare.com/fundamentals/api/reference/limits/).
func throttled(w http.ResponseWriter, _ *http.Request, wait time.Duration) {
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds(wait)))
	}
	refuseAs(http.StatusTooManyRequests, 971, "Please wait and consider throttling your request speed").write(w)
}

func unavailable(w http.ResponseWriter, _ *http.Request) {
	refuseAs(http.StatusServiceUnavailable, 7010, "Service unavailable").write(w)
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
