package route53

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const namespace = "https://route53.amazonaws.com/doc/2013-04-01/"

// A fault is an answer that refuses.
type fault struct {
	status   int
	code     string
	message  string
	messages []string // of InvalidChangeBatch
	sts      bool
}

func (f *fault) Error() string { return f.code + ": " + f.message }

func refuse(status int, code, format string, args ...any) *fault {
	return &fault{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *fault {
	return refuse(http.StatusBadRequest, "InvalidInput", format, args...)
}

func invalidBatch(messages ...string) *fault {
	return &fault{
		status: http.StatusBadRequest, code: "InvalidChangeBatch",
		message: "[" + strings.Join(messages, ", ") + "]", messages: messages,
	}
}

type errorResponse struct {
	XMLName xml.Name
	Error   struct {
		Type    string
		Code    string
		Message string
	}
	RequestID string `xml:"RequestId"`
}

type batchError struct {
	XMLName   xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ InvalidChangeBatch"`
	Messages  []string `xml:"Messages>Message"`
	RequestID string   `xml:"RequestId"`
}

// fail writes an error as the service does
// (https://docs.aws.amazon.com/Route53/latest/APIReference/requests-rest-responses.html).
func fail(w http.ResponseWriter, err error, documented bool) {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		f = refuse(http.StatusInternalServerError, "InternalFailure", "%v", err)
	}
	id := requestID()
	if documented && f.messages != nil {
		write(w, f.status, id, batchError{Messages: f.messages, RequestID: id})
		return
	}
	e := errorResponse{XMLName: xml.Name{Space: namespace, Local: "ErrorResponse"}, RequestID: id}
	if f.sts {
		e.XMLName.Space = stsNamespace
	}
	e.Error.Type, e.Error.Code, e.Error.Message = "Sender", f.code, f.message
	if f.status >= http.StatusInternalServerError {
		e.Error.Type = "Receiver"
	}
	write(w, f.status, id, e)
}

func write(w http.ResponseWriter, status int, id string, v any) {
	b, err := xml.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/xml")
	h.Set("X-Amzn-Requestid", id)
	h.Set("Content-Length", strconv.Itoa(len(xml.Header)+len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), b...)) // a caller that has gone misses its answer
}

// throttled is the documented answer to too many calls. The service names no time to wait; the
// header is there only because whoever turned the knob asked for it.
func throttled(w http.ResponseWriter, _ *http.Request, wait time.Duration) {
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	fail(w, refuse(http.StatusBadRequest, "Throttling", "Rate exceeded"), false)
}

func unavailable(w http.ResponseWriter, _ *http.Request) {
	fail(w, refuse(http.StatusServiceUnavailable, "ServiceUnavailable",
		"Service is currently unavailable. Please try again later."), false)
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
