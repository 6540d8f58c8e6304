// Package azure emulates Azure DNS (Microsoft.Network/dnsZones, API version 2018-05-01) as Azure
// Resource Manager shows it, and as much of Microsoft Entra ID as a service principal needs to get
// a token: https://learn.microsoft.com/en-us/rest/api/dns/.
//
// In go HTTP requests of one host for both; out come JSON answers, and after each accepted change
// the zone as its name servers would serve it, alias record sets resolved.
//
//	s := azure.New(azure.Options{})
//	srv := httptest.NewTLSServer(s) // Entra ID's clients demand https
//	defer srv.Close()
//	c := cloud.Configuration{
//		ActiveDirectoryAuthorityHost: srv.URL,
//		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
//			cloud.ResourceManager: {Endpoint: srv.URL, Audience: azure.Audience},
//		},
//	}
//	cred, err := azidentity.NewClientSecretCredential(azure.DefaultTenant, azure.DefaultClientID,
//		azure.DefaultClientSecret, &azidentity.ClientSecretCredentialOptions{
//			ClientOptions: azcore.ClientOptions{Cloud: c, Transport: srv.Client()}, DisableInstanceDiscovery: true,
//		})
//
// It holds public zones only, all in memory, and never calls anybody. README.md says which
// behaviour is documented where, and which is not confirmed.
package azure
