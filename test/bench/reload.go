//go:build linux

package main

import (
	"context"
	"time"

	"github.com/roundrobin53/roundrobin53/test/process"
)

// reloadRates is how fast a side is asked, in queries a second, while it reloads its Corefile.
var reloadRates = map[figure]uint64{lostSlow: 5_000, lostQuick: 20_000}

// reloadEvery is the time from one reload to the next.
const reloadEvery = 500 * time.Millisecond

// reloadRound asks one side at a rate while it reloads again and again.
func (c *comparison) reloadRound(ctx context.Context, s side, p *process.Process, f figure, counts bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reloading := make(chan error, 1)
	go func() {
		tick := time.NewTicker(reloadEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := p.Reload(); err != nil {
					reloading <- err
					return
				}
			case <-ctx.Done():
				reloading <- nil
				return
			}
		}
	}()
	asked, err := c.client().load(ctx, p.Port, openQueries, reloadRates[f])
	cancel()
	if failed := <-reloading; err == nil {
		err = failed
	}
	if err == nil && counts {
		c.add(f, s, float64(asked.lost()))
		c.add(f, side{name: sent}, float64(asked.sent))
	}
	return err
}
