package acme

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/zonecast/zonecast/finding"
)

// told makes findings of what the library tells. It tells failures twice: as events, and in its log
// with those that are no events.
type told struct {
	mu   sync.Mutex
	last string // the newest failure
}

// urgent is how long a certificate is still good when it becomes an error that it was not renewed.
const urgent = 7 * 24 * time.Hour

// happened takes the library's events.
func (m *Manager) happened(ctx context.Context, event string, data map[string]any) error {
	name, _ := data["identifier"].(string)
	renewal, _ := data["renewal"].(bool)
	f := finding.Finding{Subject: name}
	switch event {
	case "cert_obtained":
		f.ID = "acme-obtained"
		f.Text = "a certificate for " + name + " was obtained; new connections get it"
		if renewal {
			f.Text = "the certificate for " + name + " was renewed; new connections get it"
		}
		if path, ok := data["certificate_path"].(string); ok {
			if until, ok := m.until(ctx, path); ok {
				f.Text += "; it is good until " + until.UTC().Format(time.DateOnly)
			}
		}
	case "cert_failed":
		err, _ := data["error"].(error)
		if err == nil {
			return nil
		}
		left, _ := data["remaining"].(time.Duration)
		f = m.told.failure(name, err.Error(), renewal, left)
	default:
		return nil
	}
	m.report(f)
	return nil
}

// failure is what people read of a failure.
func (t *told) failure(name, why string, renewal bool, left time.Duration) finding.Finding {
	t.mu.Lock()
	t.last = why
	t.mu.Unlock()
	f := finding.Finding{
		ID: "acme-failed", Severity: finding.Error, Subject: name,
		Text: fmt.Sprintf("no certificate for %s: %s; until there is one, clients that check it are turned away", name, oneLine(why)),
		Fix:  "it is tried again by itself; the authority must reach this server by that name",
	}
	if renewal {
		f.Text = fmt.Sprintf("the certificate for %s was not renewed: %s; it is still good for %d hours", name, oneLine(why), int(left.Hours()))
		if left > urgent {
			f.Severity = finding.Warning
		}
	}
	return f
}

// until reads when a certificate ends.
func (m *Manager) until(ctx context.Context, path string) (time.Time, bool) {
	b, err := m.magic.Storage.Load(ctx, path)
	if err != nil {
		return time.Time{}, false
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return time.Time{}, false
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}, false
	}
	return c.NotAfter, true
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// logger is the library's log. Nothing of it is written anywhere; errors that are no events become
// findings.
func (t *told) logger(report func(finding.Finding)) *zap.Logger { return zap.New(core{t, report}) }

// A core is where the library's log ends.
type core struct {
	told   *told
	report func(finding.Finding)
}

// Enabled is for errors alone.
func (c core) Enabled(l zapcore.Level) bool { return l >= zapcore.ErrorLevel }

// With drops fields: an error is a field of the entry itself.
func (c core) With([]zapcore.Field) zapcore.Core { return c }

// Check takes errors.
func (c core) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

// troubles are the entries that can be a failure which is no event. Others repeat one in pieces, or
// can be had by any stranger's handshake.
var troubles = []string{
	"will retry", "final attempt; giving up", "job failed", "initiating certificate management",
	"loading renewed certificate", "queueing renewal task", "unable to clean up lock in storage backend",
}

// Write makes a finding of an entry, unless it repeats the newest failure.
func (c core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	text := e.Message
	for _, f := range fields {
		if err, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			text += ": " + err.Error()
		}
	}
	c.told.mu.Lock()
	known := c.told.last != "" && strings.Contains(text, c.told.last)
	c.told.mu.Unlock()
	if known || !slices.Contains(troubles, e.Message) {
		return nil
	}
	c.report(finding.Finding{ID: "acme-trouble", Severity: finding.Warning, Text: "certificates: " + oneLine(text)})
	return nil
}

// Sync has nothing to do.
func (core) Sync() error { return nil }
