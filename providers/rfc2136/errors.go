package rfc2136

import (
	"context"
	"errors"
	"fmt"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// callError says what trouble with an exchange means for the caller. Whether anything was
// carried out is decided elsewhere: see outcome.
func (a *account) callError(ctx context.Context, op string, origin zone.Name, err error) *provider.Error {
	out := &provider.Error{Kind: provider.Transient, Op: op, Zone: origin.String(), Err: err}
	signature, isSignature := errors.AsType[*wire.SignatureError](err)
	code, isCode := errors.AsType[*wire.RCODEError](err)
	call, isCall := errors.AsType[*wire.Error](err)
	switch {
	case isSignature && signature.Code == 0 && signature.RCODE != wire.NoError:
		// An unsigned refusal proves nothing, but it is what the operator must know.
		out.Kind, out.Status = kindOf(signature.RCODE), int(signature.RCODE)
		out.Advice = a.advice(op, signature.RCODE)
		a.notAuth(ctx, out, signature.RCODE, origin)
	case isSignature && !signature.Remote && signature.Code == wire.BadSig:
		out.Kind = provider.Invalid
	case isSignature:
		out.Kind, out.Status = provider.Denied, int(signature.RCODE)
	case isCode:
		out.Kind, out.Status = kindOf(code.RCODE), int(code.RCODE)
		out.Advice = a.advice(op, code.RCODE)
		a.notAuth(ctx, out, code.RCODE, origin)
	case errors.Is(err, wire.ErrMalformed), errors.Is(err, wire.ErrLimit):
		out.Kind = provider.Invalid
	case errors.Is(err, wire.ErrTooLarge):
		out.Kind = provider.Rejected
	case errors.Is(err, context.Canceled):
		out.Kind = provider.Other
	case isCall && !call.Sent:
		out.Advice = "check host and port, and that the server runs and takes TCP"
	}
	if out.Kind == provider.Transient && op == "write" && isCall && call.Sent {
		out.Kind = provider.Lost
		out.Advice = "read the zone to see whether the update was carried out"
	}
	return out
}

// notAuth tells apart what servers say by the same code: a zone that they do not have, and, with
// Knot, a client that may not. If the zone is answered to anybody, it is the latter.
func (a *account) notAuth(ctx context.Context, out *provider.Error, r wire.RCODE, origin zone.Name) {
	if r != wire.NotAuth {
		return
	}
	anybody := a.client
	anybody.Key = nil
	m, err := anybody.Exchange(ctx, a.addr, wire.Query(origin, zone.TypeSOA))
	if err == nil && m.RCODE == wire.NoError && m.Authoritative {
		out.Kind, out.Advice = provider.Denied, a.advice(out.Op, wire.Refused)
		return
	}
	out.Err = fmt.Errorf("%w: %w", provider.ErrNoZone, out.Err)
}

func kindOf(r wire.RCODE) provider.ErrKind {
	switch r {
	case wire.Refused:
		return provider.Denied
	case wire.NXRRSet, wire.YXRRSet, wire.NXDomain, wire.YXDomain:
		return provider.Conflict
	case wire.FormErr, wire.NotImp, wire.NotZone:
		return provider.Rejected
	case wire.NotAuth:
		return provider.Other
	}
	return provider.Transient
}

func (a *account) advice(op string, r wire.RCODE) string {
	who := "this client's address"
	if a.client.Key != nil {
		who = "key " + a.client.Key.Name.String()
	}
	switch r {
	case wire.Refused:
		if op == "read" || op == "list zones" {
			return "allow zone transfers to " + who + " (BIND: allow-transfer; Knot: acl with action transfer)"
		}
		return "allow updates by " + who + " (BIND: allow-update or update-policy; Knot: acl with action update); " +
			"BIND also refuses owner names that check-names forbids and MX and SRV whose target has no address (check-integrity)"
	case wire.NotAuth:
		return "set the zone up as primary at " + a.addr
	case wire.NotImp:
		return "the server takes no dynamic updates"
	case wire.NXRRSet, wire.YXRRSet, wire.NXDomain, wire.YXDomain:
		return "somebody else changed the zone; plan again"
	case wire.ServFail:
		return "look into the server's log; BIND answers so when an RRset grows over max-records-per-type"
	}
	return ""
}
