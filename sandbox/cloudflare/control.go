package cloudflare

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Record is planted by Plant, with what the API does not let a user set.
type Record struct {
	Name, Type, Content string
	Priority            uint16         // of MX and URI
	Data                map[string]any // of structured types
	TTL                 uint32         // 0 is automatic
	Proxied             bool
	Comment             string
	Tags                []string
	Meta                Meta
	Locked              bool
}

// AddZone makes an active zone of the first account and returns its id; plan "" is the options' one.
func (s *Service) AddZone(name string, plan Plan) (id string, err error) {
	return s.AddZoneOf(s.opt.Accounts[0].ID, name, "full", plan)
}

// AddZoneOf makes an active zone of an account, of type full, partial, secondary or internal.
func (s *Service) AddZoneOf(account, name, kind string, plan Plan) (id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if plan == "" {
		plan = s.opt.Plan
	}
	for _, a := range s.opt.Accounts {
		if a.ID != account {
			continue
		}
		now := time.Now().UTC()
		z, no := s.addZone(a, name, kind, plan, now)
		if no != nil {
			return "", no
		}
		z.activate(now)
		return z.id, nil
	}
	return "", fmt.Errorf("no account %s", account)
}

// Plant puts a record into a zone as a product of Cloudflare does: read-only ones too, and past the
// quota of records.
func (s *Service) Plant(zoneID string, r Record) (id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.zones[zoneID]
	if z == nil {
		return "", fmt.Errorf("no zone %s", zoneID)
	}
	f := fields{Name: &r.Name, Type: &r.Type, Content: &r.Content, Priority: new(float64(r.Priority)), Tags: &r.Tags}
	if r.TTL > 0 {
		f.TTL = new(float64(r.TTL))
	}
	parts := map[string]any{"proxied": r.Proxied, "comment": r.Comment}
	if r.Data != nil {
		parts["data"] = r.Data
	}
	b, err := json.Marshal(parts)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return "", err
	}
	now := time.Now().UTC()
	made, no := z.build(f, nil, now)
	if no != nil {
		return "", no
	}
	made.id, made.meta, made.locked = s.newID(), r.Meta, r.Locked
	if no := z.conflict(made, nil); no != nil {
		return "", no
	}
	t := s.begin(z, now)
	t.put(made.id, made)
	t.commit()
	return made.id, nil
}

// Activate makes a pending zone active, as when its delegation is seen.
func (s *Service) Activate(zoneID string) error {
	return s.at(zoneID, func(z *hosted) { z.activate(time.Now().UTC()) })
}

// DelegateSigner makes the DNSSEC of a zone active, as when its DS record is seen at the parent.
func (s *Service) DelegateSigner(zoneID string) error {
	return s.at(zoneID, func(z *hosted) {
		if z.dnssec.Status == "pending" {
			z.dnssec.Status = "active"
		}
	})
}

// Subscribe gives a zone another plan.
func (s *Service) Subscribe(zoneID string, p Plan) error {
	return s.at(zoneID, func(z *hosted) { z.plan = p })
}

func (s *Service) at(zoneID string, f func(*hosted)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.zones[zoneID]
	if z == nil {
		return fmt.Errorf("no zone %s", zoneID)
	}
	f(z)
	return nil
}
