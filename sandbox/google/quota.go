package google

// projectNumber is the project's number, which the API takes in place of its id.
const projectNumber = "482910573316"

// A keySpec is an algorithm of DNSSEC keys.
type keySpec struct {
	KeyType   string `json:"keyType,omitempty"`
	Algorithm string `json:"algorithm"`
	KeyLength int    `json:"keyLength"`
	Kind      string `json:"kind"`
}

// Quota has the limits that the service enforces, of those that a project's quota lists
// (https://cloud.google.com/dns/quotas). A zero field has its documented value.
type Quota struct {
	ManagedZones             int `json:"managedZones"`
	RRsetsPerManagedZone     int `json:"rrsetsPerManagedZone"`
	RRsetAdditionsPerChange  int `json:"rrsetAdditionsPerChange"`
	RRsetDeletionsPerChange  int `json:"rrsetDeletionsPerChange"`
	TotalRRdataSizePerChange int `json:"totalRrdataSizePerChange"` // bytes
	ResourceRecordsPerRRset  int `json:"resourceRecordsPerRrset"`
	NameserversPerDelegation int `json:"nameserversPerDelegation"`
	ItemsPerRoutingPolicy    int `json:"itemsPerRoutingPolicy"`
	DNSKeysPerManagedZone    int `json:"dnsKeysPerManagedZone"`
}

func (q Quota) filled() Quota {
	defaultTo(&q.ManagedZones, 10_000)
	defaultTo(&q.RRsetsPerManagedZone, 10_000)
	defaultTo(&q.RRsetAdditionsPerChange, 1000)
	defaultTo(&q.RRsetDeletionsPerChange, 1000)
	defaultTo(&q.TotalRRdataSizePerChange, 100_000)
	defaultTo(&q.ResourceRecordsPerRRset, 100)
	defaultTo(&q.NameserversPerDelegation, 8)
	defaultTo(&q.ItemsPerRoutingPolicy, 100)
	defaultTo(&q.DNSKeysPerManagedZone, 4)
	return q
}

func (s *Service) projectGet(*call) (any, *refusal) {
	type quota struct {
		Kind string `json:"kind"`
		Quota
		KeySpecs []keySpec `json:"whitelistedKeySpecs"`
	}
	return struct {
		Kind   string `json:"kind"`
		ID     string `json:"id"`
		Number string `json:"number"`
		Quota  quota  `json:"quota"`
	}{"dns#project", s.opts.Project, projectNumber, quota{"dns#quota", s.opts.Quota, knownSpecs}}, nil
}
