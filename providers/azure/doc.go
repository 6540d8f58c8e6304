// Package azure keeps public zones in Azure DNS (https://learn.microsoft.com/en-us/azure/dns/), the
// zones of one resource group of one subscription, with Microsoft's SDK (armdns, azidentity).
//
// In flow snapshots and changes of RRsets; out go calls of Azure Resource Manager, one for each
// changed RRset: a create with If-None-Match, everything else with the etag that was read in
// If-Match. That is the compare-and-set of this adapter. There are no batches, so a write is not
// atomic: calls run side by side, none begins after the first that is refused, and the receipt says
// for each change what became of it.
//
// Alias record sets (targetResource) and record sets without records are foreign: shown, never
// written, never deleted. Metadata of a record set stays when its records change. The SOA is the
// service's. The four name servers that a zone is given stay in its NS; others may stand beside
// them.
//
// The SDK's own retries are off; calls go through httpkit's, and through the account's budget.
//
//	p, err := azure.Open(provider.Config{ID: "azure", Values: map[string]provider.Value{
//		"directory_id": {Text: tenant}, "client_id": {Text: app}, "key": {Text: secret},
//		"sub_id": {Text: subscription}, "resource_group": {Text: "dns"},
//	}})
package azure
