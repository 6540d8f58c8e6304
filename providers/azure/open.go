package azure

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/provider/httpkit"
)

func init() { provider.Register(Driver) }

// Driver is the entry in the registry.
var Driver = provider.Driver{
	Name:    "azure",
	Title:   "Azure DNS",
	Classes: []string{"octodns_azure.AzureProvider"},
	Options: []provider.Option{
		{Name: "sub_id", Aliases: []string{"subscription_id"}, Required: true, Help: "id of the subscription"},
		{Name: "resource_group", Required: true, Help: "resource group that the zones are in"},
		{Name: "directory_id", Aliases: []string{"tenant_id"}, Help: "id of the directory (tenant) that signs in"},
		{Name: "client_id", Help: "application id of the service principal"},
		{Name: "key", Secret: true, Token: true, Help: "client secret of the service principal; without it the environment, the workload's or machine's identity and the az tool are asked, as every Azure tool does"},
		{Name: "client_credential_method", Default: methodSecret, Help: "client_secret, or cli: whom the az tool is signed in as"},
		{Name: "authority", Default: publicAuthority, Help: "address of Microsoft Entra ID"},
		{Name: "base_url", Default: publicEndpoint, Help: "address of Azure Resource Manager"},
		{Name: "ca_file", Help: "file of PEM certificates to trust; relative to the configuration"},
		{Name: "dns_address", Kind: provider.NameServer, Help: "where the name servers answer (address:port), for verification"},
		{Name: "top", Kind: provider.Int, Default: "1000", Help: "record sets in a page of a list, 1 to 1000; a service that takes fewer is asked for 100"},
		{Name: "client_total_retries", Kind: provider.Int, Ignored: "how often a call is tried does not need to be set: what is safe to repeat is repeated"},
		{Name: "client_status_retries", Kind: provider.Int, Ignored: "how often a call is tried does not need to be set: what is safe to repeat is repeated"},
		budget.Option(),
	},
	Open: Open,
}

const (
	methodSecret, methodCLI = "client_secret", "cli"
	publicAuthority         = "https://login.microsoftonline.com"
	publicEndpoint          = "https://management.azure.com"
)

const throttling = "https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling"

// Documented are the limits of an account. Resource Manager gives a principal buckets of 200
// writes and 200 deletes, filled with 10 a second each, and of 250 reads filled with 25 a second:
// 200 calls in any 20 s empty none of them, whatever they are.
var Documented = budget.Limits{
	Windows: []budget.Window{{Calls: 200, Per: 20 * time.Second}}, InFlight: 12,
	Docs: throttling + "#migrating-to-regional-throttling-and-token-bucket-algorithm",
}

// ofZone are the limits that Azure DNS has for one zone besides, by what is done.
var ofZone = map[string]budget.Limits{
	"list":   {Windows: []budget.Window{{Calls: 60, Per: time.Minute}}, Docs: throttling + "#dns-throttling"},
	"put":    {Windows: []budget.Window{{Calls: 200, Per: time.Minute}}, Docs: throttling + "#dns-throttling"},
	"delete": {Windows: []budget.Window{{Calls: 200, Per: time.Minute}}, Docs: throttling + "#dns-throttling"},
}

// An account is where and as whom calls are made.
type account struct {
	subscription, group string
	tenant, client, key string
	cli                 bool
	authority, endpoint string
	caFile              string
	addresses           []string
	top                 int
}

// Open opens the account. It does no I/O: credentials and certificates are looked for by the first
// call.
func Open(c provider.Config) (provider.Provider, error) {
	o := options{c}
	a, err := o.account()
	if err != nil {
		return nil, err
	}
	key := strings.Join([]string{"azure", a.endpoint, a.subscription, a.authority, a.tenant, a.client}, "\x00")
	b, err := budget.Open(c, key, Documented)
	if err != nil {
		return nil, err
	}
	p := &Provider{
		account: *a, id: c.ID, budget: b, trace: c.Trace, turn: make(chan struct{}, 1),
		where: httpkit.At(c, "base_url", a.endpoint), authorityAt: httpkit.At(c, "authority", a.authority),
	}
	if c.HTTP != nil {
		p.below = c.HTTP()
	}
	if _, set := c.Values["limits"]; !set {
		p.openPace = func(zone, what string) (*budget.Account, error) {
			return budget.Open(c, strings.Join([]string{key, a.group, zone, what}, "\x00"), ofZone[what])
		}
	}
	p.wire()
	return p, nil
}

// options reads the values of a configuration.
type options struct{ provider.Config }

func (o options) bad(option, format string, args ...any) error {
	return fmt.Errorf("provider %s: option %s %s", o.ID, option, fmt.Sprintf(format, args...))
}

func (o options) account() (*account, error) {
	a := &account{
		subscription: o.Text("sub_id", ""), group: o.Text("resource_group", ""),
		tenant: o.Text("directory_id", ""), client: o.Text("client_id", ""), key: o.Text("key", ""),
		caFile: o.Text("ca_file", ""),
	}
	var missing []error
	for name, v := range map[string]string{"sub_id": a.subscription, "resource_group": a.group} {
		if v == "" {
			missing = append(missing, o.bad(name, "is missing"))
		}
	}
	if err := errors.Join(append(missing, o.credentials(a), o.addresses(a))...); err != nil {
		return nil, err
	}
	if a.caFile != "" && !filepath.IsAbs(a.caFile) {
		a.caFile = filepath.Join(o.Dir, a.caFile)
	}
	var err error
	if a.top, err = o.Int("top", mostPerPage); err != nil {
		return nil, err
	}
	if a.top < 1 || a.top > mostPerPage {
		return nil, o.bad("top", "is %d; write a number from 1 to %d", a.top, mostPerPage)
	}
	return a, nil
}

func (o options) credentials(a *account) error {
	switch method := o.Text("client_credential_method", methodSecret); method {
	case methodCLI:
		a.cli = true
		return nil
	case methodSecret:
	default:
		return o.bad("client_credential_method", "is %q; write %s or %s", method, methodSecret, methodCLI)
	}
	switch {
	case a.key == "" && a.client != "":
		return o.bad("key", "is missing; write the client secret of client_id, or leave client_id out too")
	case a.key != "" && a.client == "":
		return o.bad("client_id", "is missing; key is the secret of an application")
	case a.key != "" && a.tenant == "":
		return o.bad("directory_id", "is missing; client_id signs in at a directory")
	}
	return nil
}

func (o options) addresses(a *account) error {
	for _, x := range []struct {
		name, def string
		into      *string
	}{{"authority", publicAuthority, &a.authority}, {"base_url", publicEndpoint, &a.endpoint}} {
		u, err := provider.Address(o.Text(x.name, x.def))
		if err == nil && u.Scheme != "https" {
			err = errors.New("begins with http: tokens go over https only")
		}
		if err != nil {
			return o.bad(x.name, "%v; write an address such as %s", err, x.def)
		}
		*x.into = u.String()
	}
	if at := o.Text("dns_address", ""); at != "" {
		address, err := provider.DNSAddress(at)
		if err != nil {
			return o.bad("dns_address", "%v; %s", err, provider.HowToWriteDNSAddress)
		}
		a.addresses = []string{address}
	}
	return nil
}

// Close lets go of connections.
func (p *Provider) Close() error {
	p.turn <- struct{}{}
	defer p.leave()
	if c, ok := p.transport.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	return nil
}

// Budget is what the account may still do.
func (p *Provider) Budget() *budget.Account { return p.budget }

// Verify implements provider.Verifier.
func (p *Provider) Verify(ctx context.Context) (string, error) {
	zones, err := p.list(ctx, "verify")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Azure DNS, %s in resource group %s", provider.CountZones(len(zones)), p.group), nil
}
