// Package term knows terminals: whether a file is one, how wide it is, whether colour is wanted,
// and how many columns a text takes.
//
// It holds no state and prints nothing. Colour never carries meaning alone: what is painted reads
// the same without.
//
//	p := term.Paint{On: term.Colour(os.Stdout, os.LookupEnv)}
//	fmt.Println(p.Green("+ www"))
package term
