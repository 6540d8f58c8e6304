package cloudflare

import "slices"

type accountView struct {
	Account
	Type     string         `json:"type"`
	Settings map[string]any `json:"settings"`
	Created  string         `json:"created_on"`
}

func (s *Service) accountView(a Account) accountView {
	return accountView{a, "standard", map[string]any{"enforce_twofactor": false}, stamp(s.started)}
}

// listAccounts answers GET /accounts
// (https://developers.cloudflare.com/api/resources/accounts/methods/list/).
func (s *Service) listAccounts(c call) (answer, *refusal) {
	p, no := pagingOf(c.query, 20, 5, 50)
	if no != nil {
		return answer{}, no
	}
	views := []accountView{}
	for _, a := range s.opt.Accounts {
		if name := c.query.Get("name"); name == "" || name == a.Name {
			views = append(views, s.accountView(a))
		}
	}
	part, info := cut(views, p)
	return answer{result: part, info: info}, nil
}

func (s *Service) showAccount(c call) (answer, *refusal) {
	i := slices.IndexFunc(s.opt.Accounts, func(a Account) bool { return a.ID == c.record })
	if i < 0 {
		return answer{}, refuseAs(403, 9109, "Unauthorized to access requested resource")
	}
	return answer{result: s.accountView(s.opt.Accounts[i])}, nil
}
