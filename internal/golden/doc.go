// Package golden compares what tests get with files in testdata, and writes those
// files anew when a test is run with -update:
//
//	golden.Compare(t, "testdata/plan.md", got)
//
// or, for files that hold questions and answers one below the other,
//
//	golden.Scripts(t, "testdata/*.txt", func(t *testing.T, text string) string {
//		return golden.Answer(text, step, answer)
//	})
//
// A file that was written anew is part of a change like any other, and read by
// whoever reviews it. Only tests import the package.
package golden
