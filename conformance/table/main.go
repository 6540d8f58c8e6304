// Table prints the reports of conformance runs side by side as Markdown.
//
//	ZONECAST_REPORTS=/tmp/reports go test -count=1 ./providers/... && go run ./conformance/table /tmp/reports
package main

import (
	"fmt"
	"os"

	"github.com/zonecast/zonecast/conformance"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: table FOLDER-OF-REPORTS")
		os.Exit(2)
	}
	reports, err := conformance.Load(os.Args[1])
	if err == nil && len(reports) == 0 {
		err = fmt.Errorf("%s holds no reports; run the tests of the providers with %s set to it", os.Args[1], conformance.ReportsVar)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(conformance.Table(reports...))
}
