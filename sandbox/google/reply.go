package google

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// A fault is one entry of an error answer's list. Reasons are those of
// https://cloud.google.com/dns/docs/error-messages.
type fault struct {
	Message      string `json:"message"`
	Domain       string `json:"domain"`
	Reason       string `json:"reason"`
	Location     string `json:"location,omitempty"`
	LocationType string `json:"locationType,omitempty"`
}

// A refusal is an error answer. What the DNS service itself refuses has no status; what the front
// of all Google APIs refuses has.
type refusal struct {
	code    int
	status  string
	faults  []fault
	message string // of the whole answer; the first fault's when empty
	details []any
}

func (r *refusal) Error() string { return r.faults[0].Message }

func refuse(code int, reason, format string, args ...any) *refusal {
	return &refusal{code: code, faults: []fault{{Message: fmt.Sprintf(format, args...), Domain: "global", Reason: reason}}}
}

func invalid(path, value string) *refusal {
	return refuse(http.StatusBadRequest, "invalid", "Invalid value for '%s': '%s'", path, clip(value))
}

func required(path string) *refusal {
	return refuse(http.StatusBadRequest, "required", "The '%s' parameter is required but was missing.", path)
}

func notFound(path, name string) *refusal {
	return refuse(http.StatusNotFound, "notFound", "The '%s' resource named '%s' does not exist.", path, clip(name))
}

func alreadyExists(path, name string) *refusal {
	return refuse(http.StatusConflict, "alreadyExists", "The resource '%s' named '%s' already exists", path, clip(name))
}

// Faults gathers refusals of the same request: the first decides the code, all are listed.
type faults struct {
	first *refusal
	n     int // all of them, those that are not listed too
}

// maxFaults is the most that one answer lists.
const maxFaults = 50

func (f *faults) add(r *refusal) {
	if r == nil {
		return
	}
	f.n++
	switch {
	case f.first == nil:
		f.first = r
	case len(f.first.faults) < maxFaults:
		f.first.faults = append(f.first.faults, r.faults...)
	}
}

func clip(s string) string {
	const most = 300
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func (r *refusal) write(w http.ResponseWriter) {
	message := r.message
	if message == "" {
		message = r.faults[0].Message
	}
	type body struct {
		Code    int     `json:"code"`
		Message string  `json:"message"`
		Errors  []fault `json:"errors"`
		Status  string  `json:"status,omitempty"`
		Details []any   `json:"details,omitempty"`
	}
	writeJSON(w, r.code, map[string]body{"error": {r.code, message, r.faults, r.status, r.details}})
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Cache-Control", "private")
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes())
}

var (
	unknownField = regexp.MustCompile(`^json: unknown field "(.*)"$`)
	mapped       = map[string]string{"entity.change": "change", "entity.rrset": "resource_record_set", "entity.managedZone": "managed_zone"}
)

// decode reads a body strictly: the front of Google's APIs refuses fields that it does not know.
func decode(r *http.Request, entity string, v any) *refusal {
	if ct := r.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		return badRequest("Invalid content type %q: write application/json.", clip(ct))
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return badRequest("Request body: %s", err)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return required(entity)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return malformed(entity, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badRequest("Invalid JSON payload received. Parser terminated before end of string.")
	}
	return nil
}

func malformed(entity string, err error) *refusal {
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		return badRequest(`Invalid JSON payload received. Unknown name "%s" at '%s': Cannot find field.`, clip(m[1]), mapped[entity])
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return badRequest("Invalid value at '%s.%s' (%s), %s", mapped[entity], clip(e.Field), e.Type, clip(e.Value))
	}
	return badRequest("Invalid JSON payload received. %s", clip(err.Error()))
}

// badRequest is what the front says about requests that do not have the shape of the method.
func badRequest(format string, args ...any) *refusal {
	r := refuse(http.StatusBadRequest, "badRequest", format, args...)
	r.status = "INVALID_ARGUMENT"
	return r
}

// notAMethod is what Google's front end says to a path or method that no API has.
func notAMethod(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprint(w, "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p>The requested URL was not found on this server. That’s all we know.\n")
}
