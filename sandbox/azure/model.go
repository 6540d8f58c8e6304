package azure

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// What goes over the wire. A slice that is nil was not sent and is not said; an empty one is.

type reference struct {
	ID string `json:"id,omitempty"`
}

type aRecord struct {
	IPv4Address string `json:"ipv4Address"`
}

type aaaaRecord struct {
	IPv6Address string `json:"ipv6Address"`
}

type caaRecord struct {
	Flags *int64 `json:"flags"`
	Tag   string `json:"tag"`
	Value string `json:"value"`
}

type cnameRecord struct {
	CNAME string `json:"cname"`
}

type mxRecord struct {
	Preference *int64 `json:"preference"`
	Exchange   string `json:"exchange"`
}

type nsRecord struct {
	NSDName string `json:"nsdname"`
}

type ptrRecord struct {
	PTRDName string `json:"ptrdname"`
}

type srvRecord struct {
	Priority *int64 `json:"priority"`
	Weight   *int64 `json:"weight"`
	Port     *int64 `json:"port"`
	Target   string `json:"target"`
}

type txtRecord struct {
	Value []string `json:"value"`
}

type soaRecord struct {
	Host         string `json:"host,omitempty"`
	Email        string `json:"email,omitempty"`
	SerialNumber *int64 `json:"serialNumber,omitempty"`
	RefreshTime  *int64 `json:"refreshTime,omitempty"`
	RetryTime    *int64 `json:"retryTime,omitempty"`
	ExpireTime   *int64 `json:"expireTime,omitempty"`
	MinimumTTL   *int64 `json:"minimumTTL,omitempty"`
}

// records are the values of a record set: one field is not nil, or none.
type records struct {
	A     []aRecord    `json:"ARecords,omitzero"`
	AAAA  []aaaaRecord `json:"AAAARecords,omitzero"`
	CAA   []caaRecord  `json:"caaRecords,omitzero"`
	CNAME *cnameRecord `json:"CNAMERecord,omitempty"`
	MX    []mxRecord   `json:"MXRecords,omitzero"`
	NS    []nsRecord   `json:"NSRecords,omitzero"`
	PTR   []ptrRecord  `json:"PTRRecords,omitzero"`
	SOA   *soaRecord   `json:"SOARecord,omitempty"`
	SRV   []srvRecord  `json:"SRVRecords,omitzero"`
	TXT   []txtRecord  `json:"TXTRecords,omitzero"`
}

type setProperties struct {
	Metadata          map[string]string `json:"metadata,omitempty"`
	FQDN              string            `json:"fqdn,omitempty"`
	TTL               *int64            `json:"TTL,omitempty"`
	TargetResource    *reference        `json:"targetResource,omitempty"`
	ProvisioningState string            `json:"provisioningState,omitempty"`
	records
}

type setBody struct {
	ID         string         `json:"id,omitempty"`
	Name       string         `json:"name,omitempty"`
	Type       string         `json:"type,omitempty"`
	Etag       string         `json:"etag,omitempty"`
	Properties *setProperties `json:"properties,omitempty"`
}

type zoneProperties struct {
	MaxSets              int64       `json:"maxNumberOfRecordSets"`
	MaxRecords           *int        `json:"maxNumberOfRecordsPerRecordSet"`
	NameServers          []string    `json:"nameServers"`
	Sets                 int64       `json:"numberOfRecordSets"`
	ZoneType             string      `json:"zoneType"`
	RegistrationNetworks []reference `json:"registrationVirtualNetworks,omitempty"`
	ResolutionNetworks   []reference `json:"resolutionVirtualNetworks,omitempty"`
}

type zoneBody struct {
	ID         string            `json:"id,omitempty"`
	Name       string            `json:"name,omitempty"`
	Type       string            `json:"type,omitempty"`
	Etag       string            `json:"etag,omitempty"`
	Location   string            `json:"location,omitempty"`
	Tags       map[string]string `json:"tags"`
	Properties *zoneProperties   `json:"properties,omitempty"`
}

type page[T any] struct {
	Value    []T    `json:"value"`
	NextLink string `json:"nextLink,omitempty"`
}

// decode reads a request's body; a field that no resource has is refused.
func decode(body []byte, into any) *refusal {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("unexpected content after the end of the object")
		}
	}
	if err != nil {
		return arm(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized: '%s'.", err)
	}
	return nil
}
