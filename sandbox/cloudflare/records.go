package cloudflare

// batchBody is a batch
// (https://developers.cloudflare.com/dns/manage-dns-records/how-to/batch-record-changes/).
type batchBody struct {
	Deletes []fields `json:"deletes"`
	Patches []fields `json:"patches"`
	Puts    []fields `json:"puts"`
	Posts   []fields `json:"posts"`
}

// batchResult lists what became of each operation; what was not asked for is null.
type batchResult struct {
	Deletes []*record
	Patches []*record
	Puts    []*record
	Posts   []*record
}

func (s *Service) showRecord(c call) (answer, *refusal) {
	r, no := s.begin(c.zone, c.now).find(c.record)
	if no != nil {
		return answer{}, no
	}
	return answer{result: r}, nil
}

// one carries out a single change.
func (s *Service) one(c call, f func(*txn) (*record, *refusal)) (answer, *refusal) {
	t := s.begin(c.zone, c.now)
	r, no := f(t)
	if no != nil {
		return answer{}, no
	}
	t.commit()
	return answer{result: r}, nil
}

func (s *Service) createRecord(c call) (answer, *refusal) {
	var f fields
	if no := c.decode(&f); no != nil {
		return answer{}, no
	}
	return s.one(c, func(t *txn) (*record, *refusal) { return t.create(f) })
}

func (s *Service) patchRecord(c call) (answer, *refusal) { return s.changeRecord(c, false) }

func (s *Service) putRecord(c call) (answer, *refusal) { return s.changeRecord(c, true) }

func (s *Service) changeRecord(c call, whole bool) (answer, *refusal) {
	var f fields
	if no := c.decode(&f); no != nil {
		return answer{}, no
	}
	return s.one(c, func(t *txn) (*record, *refusal) { return t.change(c.record, f, whole) })
}

func (s *Service) deleteRecord(c call) (answer, *refusal) {
	a, no := s.one(c, func(t *txn) (*record, *refusal) { return t.remove(c.record) })
	if no != nil {
		return answer{}, no
	}
	a.result = map[string]string{"id": c.record}
	return a, nil
}

// batch answers POST /zones/{id}/dns_records/batch: deletes, patches, puts and posts in this order,
// all or none, and the first error when none.
func (s *Service) batch(c call) (answer, *refusal) {
	var in batchBody
	if no := c.decode(&in); no != nil {
		return answer{}, no
	}
	n, most := len(in.Deletes)+len(in.Patches)+len(in.Puts)+len(in.Posts), s.batchLimit(c.zone.plan)
	switch {
	case n == 0:
		return answer{}, refuse(9207, "Request body is invalid.")
	case n > most:
		return answer{}, invalid(9310, "The batch has %d operations, exceeding the limit of %d.", n, most)
	}
	t := s.begin(c.zone, c.now)
	var out batchResult
	for _, part := range []struct {
		in   []fields
		out  *[]*record
		want bool // an id
		do   func(id string, f fields) (*record, *refusal)
	}{
		{in.Deletes, &out.Deletes, true, func(id string, _ fields) (*record, *refusal) { return t.remove(id) }},
		{in.Patches, &out.Patches, true, func(id string, f fields) (*record, *refusal) { return t.change(id, f, false) }},
		{in.Puts, &out.Puts, true, func(id string, f fields) (*record, *refusal) { return t.change(id, f, true) }},
		{in.Posts, &out.Posts, false, func(_ string, f fields) (*record, *refusal) { return t.create(f) }},
	} {
		for _, f := range part.in {
			id := ""
			if f.ID != nil {
				id = *f.ID
			}
			if part.want && !idForm.MatchString(id) {
				t.rollback()
				return answer{}, refuseAs(404, 81044, "Record does not exist.")
			}
			r, no := part.do(id, f)
			if no != nil {
				t.rollback()
				return answer{}, no
			}
			*part.out = append(*part.out, r)
		}
	}
	t.commit()
	return answer{result: out}, nil
}

// rendered turns records, which nobody changes any more, into what the API shows. It runs without
// the lock.
func rendered(result any) any {
	switch r := result.(type) {
	case *record:
		return r.view()
	case []*record:
		return views(r)
	case batchResult:
		return map[string]any{
			"deletes": orNull(r.Deletes), "patches": orNull(r.Patches), "puts": orNull(r.Puts), "posts": orNull(r.Posts),
		}
	}
	return result
}

func orNull(records []*record) any {
	if records == nil {
		return nil
	}
	return views(records)
}

func views(records []*record) []recordView {
	v := make([]recordView, 0, len(records))
	for _, r := range records {
		v = append(v, r.view())
	}
	return v
}
