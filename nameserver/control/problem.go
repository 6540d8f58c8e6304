package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

// statuses are those of the kinds of problems.
var statuses = map[string]int{
	api.NoZone: http.StatusNotFound, api.Exists: http.StatusConflict, api.Moved: http.StatusPreconditionFailed,
	api.ReadOnly: http.StatusConflict, api.Invalid: http.StatusUnprocessableEntity, api.Malformed: http.StatusBadRequest,
	api.Denied: http.StatusForbidden, api.Busy: http.StatusTooManyRequests, api.TooLarge: http.StatusRequestEntityTooLarge,
	api.Unsupported: http.StatusNotImplemented, api.Missing: http.StatusNotFound, api.Failed: http.StatusInternalServerError,
}

func problem(kind, format string, args ...any) *api.Problem {
	status := statuses[kind]
	return &api.Problem{Kind: kind, Status: status, Title: http.StatusText(status), Detail: fmt.Sprintf(format, args...)}
}

// problemOf words an error of a Backend or of a function of Options.
func problemOf(err error, origin zone.Name) *api.Problem {
	if p, ok := errors.AsType[*api.Problem](err); ok {
		return p
	}
	kind := api.Failed
	for _, k := range []struct {
		err  error
		kind string
	}{
		{held.ErrNoZone, api.NoZone},
		{held.ErrExists, api.Exists},
		{held.ErrMoved, api.Moved},
		{held.ErrReadOnly, api.ReadOnly},
		{held.ErrInvalid, api.Invalid},
		{journal.ErrNoZone, api.NoZone}, // deleted since it was looked up
		{journal.ErrNoVersion, api.Missing},
		{errors.ErrUnsupported, api.Unsupported},
	} {
		if errors.Is(err, k.err) {
			kind = k.kind
		}
	}
	p := problem(kind, "%v", err)
	if errors.Is(err, context.DeadlineExceeded) {
		p.Detail = "it took too long and may still be carried out: " + p.Detail
	}
	p.Zone = origin
	return p
}

func send(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		b, status = []byte(`{}`), http.StatusInternalServerError
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", api.JSON)
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // whoever does not take its answer has none
}

func sendProblem(w http.ResponseWriter, p *api.Problem) {
	w.Header().Set("Content-Type", api.ProblemJSON)
	w.Header().Del("ETag")
	if p.Kind == api.Busy {
		w.Header().Set("Retry-After", "1")
	}
	send(w, p.Status, p)
}
