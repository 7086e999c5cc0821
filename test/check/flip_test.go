package check

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// flipped is the record names of TestFlipsUnderLoad by what may be answered: the values that are up all the time, and one
// that comes and goes. A third, 192.0.2.66, is down all the time.
var flipped = map[string]struct {
	stays, flips string
	one          bool // a value an answer
}{
	"even":     {stays: "192.0.2.2 192.0.2.3", flips: "192.0.2.1"},
	"two":      {stays: "192.0.2.2 192.0.2.3", flips: "192.0.2.1"},
	"weighted": {stays: "192.0.2.2 192.0.2.3", flips: "192.0.2.1", one: true},
	"sticky":   {stays: "192.0.2.2 192.0.2.3", flips: "192.0.2.1", one: true},
	"random":   {stays: "192.0.2.2 192.0.2.3", flips: "192.0.2.1"},
	"tiers":    {stays: "192.0.2.2 192.0.2.3", flips: "192.0.2.1"},
	"routed":   {stays: "192.0.2.2 192.0.2.3", flips: "192.0.2.1"},
	"alias":    {stays: "192.0.2.2 192.0.2.3", flips: "192.0.2.1"},
	"x.wild":   {stays: "192.0.2.2 192.0.2.3", flips: "192.0.2.1"},
	"lb":       {stays: "v2.example.net. v3.example.net.", flips: "v1.example.net.", one: true},
}

const flippedRecords = `record even A {
		value 192.0.2.1 check a
		value 192.0.2.66 check z
		value 192.0.2.2 192.0.2.3 check b
	}
	record two A {
		value 192.0.2.1 check a
		value 192.0.2.66 check z
		value 192.0.2.2 192.0.2.3
		answers 2
	}
	record weighted A {
		value 192.0.2.1 weight 50 check a
		value 192.0.2.66 weight 50 check z
		value 192.0.2.2 192.0.2.3 weight 10 check b
	}
	record sticky A {
		value 192.0.2.1 check a
		value 192.0.2.66 check z
		value 192.0.2.2 192.0.2.3
		order sticky
	}
	record random A {
		value 192.0.2.1 check a
		value 192.0.2.66 check z
		value 192.0.2.2 192.0.2.3 check b
		order random
	}
	record tiers A {
		value 192.0.2.1 check a
		value 192.0.2.66 check z
		value 192.0.2.2 192.0.2.3 priority 2
	}
	record routed A {
		value 192.0.2.66 from 10.1.0.0/16 check z
		value 192.0.2.1 from 10.0.0.0/8 check a
		value 192.0.2.2 192.0.2.3
	}
	record alias ALIAS even
	record *.wild A {
		value 192.0.2.1 check a
		value 192.0.2.66 check z
		value 192.0.2.2 192.0.2.3
	}
	record lb CNAME {
		value v1.example.net. check a
		value dead.example.net. check z
		value v2.example.net.
		value v3.example.net. check b
	}
	`

// TestFlipsUnderLoad guards what queries, probes and reloads share: every answer is a set of values that are configured
// and not known to be down, whatever happens at the same time. Its better half is the race detector.
func TestFlipsUnderLoad(t *testing.T) {
	server.NoPanics(t)
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "z")
	corefile := func(i int) string {
		return fmt.Sprintf("example.org:0 {\nroundrobin53 {\necs\n%srecord n%d A 192.0.2.9\n%s}\n}\n", flippedRecords, i, signs.Checks("a b z"))
	}
	s := server.Serve(t, corefile(0))
	server.AwaitDown(t, s, "z")

	names := make([]string, 0, len(flipped))
	for name := range flipped {
		names = append(names, name)
	}
	clients := []string{"10.1.2.0/24", "10.1.0.0/15", "10.2.0.0/24", "203.0.113.0/24", "0.0.0.0/0"}
	var mu sync.Mutex
	var epoch atomic.Int64 // odd while the value that flips is down, and known to be
	seen := make(map[string]int)
	address := s.UDP(0)
	var wg sync.WaitGroup
	end := make(chan struct{})
	for socket := range 8 {
		wg.Go(func() {
			conn, err := dns.Dial("udp", server.Loopback(address))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for i := socket; ; i++ {
				select {
				case <-end:
					return
				default:
				}
				name := names[i%len(names)]
				before := epoch.Load()
				m, err := server.RoundTrip(conn, server.WithOPT(server.Question(name+".example.org", dns.TypeA), 0, server.SubnetOption(clients[i%len(clients)])))
				if err != nil {
					t.Error(err)
					return
				}
				isDown := before%2 == 1 && epoch.Load() == before
				checkFlipped(t, name, server.AnsweredValues(m), isDown)
				mu.Lock()
				seen[server.AnsweredValues(m)[0]]++
				mu.Unlock()
			}
		})
	}
	busy := server.BusyAddress(t)
	reloads := 0
	reloadUntilDown := func(down string) {
		t.Helper()
		server.Eventually(t, "down: "+down, func() bool {
			reloads++
			if reloads%5 == 0 {
				if err := s.Reload(server.BadCorefiles(corefile(reloads), busy)["later plugin"]); err == nil {
					t.Error("reloaded, want an error")
				}
			} else {
				server.MustReload(t, s, corefile(reloads))
			}
			return server.IsDownExactly(t, down)
		})
	}
	for range 2 {
		signs.Set(server.Fail, "a")
		reloadUntilDown("a z")
		server.AwaitDown(t, s, "a z")
		epoch.Add(1)
		for range 3 {
			server.MustReload(t, s, corefile(reloads))
		}
		epoch.Add(1)
		signs.Set(server.Pass, "a")
		reloadUntilDown("z")
	}
	close(end)
	wg.Wait()
	for _, value := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "v1.example.net."} {
		if seen[value] == 0 {
			t.Errorf("%s was never first: %v", value, seen)
		}
	}
	t.Logf("%d reloads, first values %v", reloads, seen)
}

// checkFlipped wants an answer to be a set of values that may be answered now.
func checkFlipped(t *testing.T, name string, values []string, isDown bool) {
	t.Helper()
	rule := flipped[name]
	allowed := strings.Fields(rule.stays)
	if !isDown {
		allowed = append(allowed, rule.flips)
	}
	for i, value := range values {
		if !slices.Contains(allowed, value) || slices.Contains(values[:i], value) {
			t.Errorf("%s: answer %q, want a set of %q", name, values, allowed)
		}
	}
	if rule.one && len(values) != 1 {
		t.Errorf("%s: answer %q, want one value", name, values)
	}
}
