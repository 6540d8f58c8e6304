package yaml11

func Quote(s string) string { return "'" + s + "'" }
