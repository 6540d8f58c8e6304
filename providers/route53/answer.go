package route53

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// always are the elements that an answer has whatever it says, lists that are empty too: those that
// the reference of each action marks as required
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_Operations_Amazon_Route_53.html,
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html). The SDK gives zero values
// for what is missing, and a list that was not given would look like one of nothing.
var always = map[string][]string{
	"ListHostedZonesResponse":          {"HostedZones", "IsTruncated", "MaxItems"},
	"ListHostedZonesByNameResponse":    {"HostedZones", "IsTruncated", "MaxItems"},
	"ListHostedZonesByVPCResponse":     {"HostedZoneSummaries", "MaxItems"},
	"ListResourceRecordSetsResponse":   {"ResourceRecordSets", "IsTruncated", "MaxItems"},
	"GetHostedZoneResponse":            {"HostedZone"},
	"GetHostedZoneCountResponse":       {"HostedZoneCount"},
	"GetChangeResponse":                {"ChangeInfo"},
	"ChangeResourceRecordSetsResponse": {"ChangeInfo"},
	"CreateHostedZoneResponse":         {"HostedZone", "ChangeInfo"},
	"DeleteHostedZoneResponse":         {"ChangeInfo"},
	"AssumeRoleResponse":               {"AssumeRoleResult", "AssumeRoleResult/Credentials", inAssumed + "AccessKeyId", inAssumed + "SecretAccessKey", inAssumed + "SessionToken", inAssumed + "Expiration"},
}

const inAssumed = "AssumeRoleResult/Credentials/"

// isAnswer is the check of a successful answer as a whole: Route 53 and STS answer with one XML
// document whose root is named after the call, and that holds at least what such answers always do.
func isAnswer(_ http.Header, body []byte) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		t, err := d.RawToken()
		if err != nil {
			return notExpected(err)
		}
		root, ok := t.(xml.StartElement)
		switch {
		case !ok:
		case !strings.HasSuffix(root.Name.Local, "Response"):
			return fmt.Errorf("the answer is not from the API: its document is <%.40s>", root.Name.Local)
		default:
			return complete(d, root.Name.Local)
		}
	}
}

// otherCall says that an answer is to another call than the one that was made: it lacks what no answer
// to that lacks.
func otherCall(call string) error {
	return fmt.Errorf("the answer is not the one to %s", call)
}

func notExpected(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the answer is not the XML that was expected: %w", err)
}

// complete reads a document behind the start of its root to the end, and sees that it has what it
// always has.
func complete(d *xml.Decoder, root string) error {
	const deep = 3 // of what always names
	lacks := slices.Clone(always[root])
	var path [deep]string
	for depth := 0; depth >= 0; {
		t, err := d.RawToken()
		if err != nil {
			return notExpected(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth < deep && len(lacks) > 0 {
				path[depth] = t.Name.Local
				here := strings.Join(path[:depth+1], "/")
				lacks = slices.DeleteFunc(lacks, func(s string) bool { return s == here })
			}
			depth++
		case xml.EndElement:
			depth--
		}
	}
	if len(lacks) > 0 {
		return fmt.Errorf("the answer is not from the API: its <%.40s> lacks %s, which it always has", root, strings.Join(lacks, ", "))
	}
	return nil
}
