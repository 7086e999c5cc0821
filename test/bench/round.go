//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/roundrobin53/roundrobin53/test/process"
)

// round asks one side.
func (c *comparison) round(ctx context.Context, s side, p *process.Process, counts bool) error {
	if c.measures(perQuery, s.name) {
		if err := c.loadRound(ctx, s, p, counts); err != nil {
			return err
		}
	}
	if c.measures(latency, s.name) || c.measures(late, s.name) || c.measures(paced, s.name) {
		return c.latencyRound(ctx, s, p, counts)
	}
	for _, f := range []figure{lostSlow, lostQuick} {
		if c.measures(f, s.name) {
			if err := c.reloadRound(ctx, s, p, f, counts); err != nil {
				return err
			}
		}
	}
	return nil
}

// loadRound asks one side as fast as it answers.
func (c *comparison) loadRound(ctx context.Context, s side, p *process.Process, counts bool) error {
	before, err := p.Ticks()
	if err != nil {
		return err
	}
	asked, err := c.load(ctx, p.Port)
	if err == nil {
		err = asked.check()
	}
	if err != nil {
		return err
	}
	after, err := p.Ticks()
	if err != nil {
		return err
	}
	if after == before {
		return fmt.Errorf("%d queries took no processor time that the kernel counts; ask for more -seconds", asked.completed)
	}
	resident, err := p.Resident()
	if err != nil {
		return err
	}
	if counts {
		c.add(perQuery, s, float64(after-before)/float64(asked.completed))
		c.add(memory, s, float64(resident))
		c.add(size, s, float64(asked.octets))
	}
	if counts && c.measures(lost, s.name) {
		return c.halfRound(ctx, s, p, asked.rate/2)
	}
	return nil
}

// load asks a port as fast as answers come.
func (c *comparison) load(ctx context.Context, port int) (t tally, err error) {
	if c.tcp {
		return loadStreams(ctx, c.asked, port, c.seconds)
	}
	if !c.isPinned() {
		return c.client().load(ctx, port, clientQueries, 0)
	}
	g, err := newGenerator(c.asked, port)
	if err != nil {
		return t, err
	}
	defer func() { _ = g.close() }() // nothing is lost with it
	return g.load(ctx, c.seconds)
}

// halfRound asks one side at half the rate that it can do.
func (c *comparison) halfRound(ctx context.Context, s side, p *process.Process, rate uint64) error {
	asked, err := c.client().load(ctx, p.Port, openQueries, rate)
	if err != nil {
		return err
	}
	c.add(lost, s, float64(asked.lost()))
	c.add(lost, side{name: sent}, float64(asked.sent))
	return nil
}

// latencyRound asks one side at a pace that is far below what it can do.
func (c *comparison) latencyRound(ctx context.Context, s side, p *process.Process, counts bool) error {
	before, err := p.Ticks()
	if err != nil {
		return err
	}
	client, err := newLatencyClient(slices.Clone(c.asked[0].octets), p.Port)
	if err != nil {
		return err
	}
	defer func() { _ = client.close() }() // nothing is lost with it
	var waits []float64
	err = c.reading(ctx, s, func() (err error) {
		waits, err = client.waits(ctx, c.seconds)
		return err
	})
	if err != nil {
		return err
	}
	after, err := p.Ticks()
	if err == nil && counts {
		c.add(latency, s, quantile(waits, 0.5))
		c.add(late, s, quantile(waits, 0.99))
		c.add(paced, s, float64(after-before)/float64(len(waits)))
	}
	return err
}

func (c *comparison) client() client { return client{c.dnsperf, c.files.queries, c.edns, c.seconds} }
