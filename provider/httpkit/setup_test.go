package httpkit_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// A connection that the address or the server's set-up forbids is not tried again, and the error
// says what to look at.
func TestConnectionsThatCannotComeAbout(t *testing.T) {
	t.Parallel()
	none := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	plain, secure := httptest.NewServer(none), httptest.NewUnstartedServer(none)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	trusting := secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for _, x := range []struct {
		name, address, want string
		config              *tls.Config
	}{
		{"https to a server without TLS", "https://" + plain.Listener.Addr().String(), "speaks no TLS at this port", nil},
		{"a certificate that nobody trusts", secure.URL, "signed by nobody that this machine trusts", nil},
		{"a certificate of another name", secure.URL, "for another name", &tls.Config{RootCAs: trusting, ServerName: "other.test"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			transport := &http.Transport{TLSClientConfig: x.config, DisableKeepAlives: true}
			c := &httpkit.Client{Base: x.address, HTTP: transport}
			_, err := c.Do(t.Context(), httpkit.Request{Op: "read zone", Method: http.MethodGet, Path: "/"}, nil)
			if provider.KindOf(err) != provider.Transient || !strings.Contains(err.Error(), x.want) {
				t.Errorf("client: got %v, want advice %q", err, x.want)
			}
			gate, tries := &httpkit.Gate{HTTP: transport}, 0
			again := &httpkit.Retry{}
			err = again.Do(t.Context(), httpkit.Call{Op: "read zone", Repeatable: true}, func(ctx context.Context) error {
				tries++
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, x.address, http.NoBody)
				if err != nil {
					return err
				}
				answer, err := gate.Client().Do(req)
				if err == nil {
					err = answer.Body.Close()
				}
				return err
			})
			if tries != 1 || provider.KindOf(err) != provider.Transient || !strings.Contains(err.Error(), x.want) {
				t.Errorf("gate: got %v after %d tries, want advice %q after 1", err, tries, x.want)
			}
		})
	}
}
