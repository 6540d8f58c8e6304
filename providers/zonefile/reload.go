package zonefile

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// runReload runs the command that tells the name server. The file is in place whatever becomes of
// it; a failure is an error beside a receipt that says done.
func (p *Provider) runReload(ctx context.Context, origin zone.Name, name string, r *provider.Receipt) error {
	ctx, cancel := context.WithTimeout(ctx, p.reloadLimit)
	defer cancel()
	fill := strings.NewReplacer("{zone}", strings.TrimSuffix(origin.String(), "."), "{file}", filepath.Join(p.dir, name))
	argv := make([]string, len(p.reload))
	for i, a := range p.reload {
		argv[i] = fill.Replace(a)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	alone(cmd)
	cmd.WaitDelay = time.Second // for children that keep the output open
	var out tail
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	said := strings.Join(strings.Fields(strings.ToValidUTF8(string(out), " ")), " ")
	if err == nil {
		r.Notes = append(r.Notes, strings.TrimSpace("reload: "+argv[0]+" "+said))
		return nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("no end after %v", p.reloadLimit)
	}
	text := fmt.Sprintf("the file is written, but the reload command %s: %v", argv[0], err)
	if said != "" {
		text += ": " + said
	}
	r.Notes = append(r.Notes, text)
	return &provider.Error{Op: "write", Zone: origin.String(), Err: errors.New(text), Advice: "tell the name server by hand: " + strings.Join(argv, " ")}
}

// A tail keeps the end of what is written to it.
type tail []byte

func (t *tail) Write(b []byte) (int, error) {
	const most = 2000
	*t = append(*t, b...)
	if len(*t) > most {
		*t = append((*t)[:0], (*t)[len(*t)-most:]...)
	}
	return len(b), nil
}
