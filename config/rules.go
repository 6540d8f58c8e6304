package config

func (d *decoder) ruleIDs() {}
