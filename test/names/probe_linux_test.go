package names

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// endpoints accept connections at all loopback addresses, and count them.
type endpoints struct {
	port string

	mu    sync.Mutex
	count map[string]int // by address
}

func startEndpoints(t *testing.T) *endpoints {
	t.Helper()
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	e := &endpoints{count: make(map[string]int)}
	_, e.port, _ = net.SplitHostPort(listener.Addr().String())
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			host, _, _ := net.SplitHostPort(conn.LocalAddr().String())
			e.mu.Lock()
			e.count[host]++
			e.mu.Unlock()
			_ = conn.Close()
		}
	}()
	return e
}

// counts returns how often each address of a network was connected to.
func (e *endpoints) counts(network string) map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	counts := make(map[string]int)
	for address, count := range e.count {
		if strings.HasPrefix(address, network) {
			counts[address] = count
		}
	}
	return counts
}

// awaitProbes waits until a number of addresses of a network were probed as often as that from now on.
func (e *endpoints) awaitProbes(t *testing.T, network string, addresses, probes int) {
	t.Helper()
	before := e.counts(network)
	server.Eventually(t, fmt.Sprintf("%d addresses in %s are probed", addresses, network), func() bool {
		n := 0
		for address, count := range e.counts(network) {
			if count-before[address] >= probes {
				n++
			}
		}
		return n == addresses
	})
}

// TestManyNamesAreProbed guards checks of values that are looked up where they are many: more than the prober has room for
// come, twice, and then all of them go.
func TestManyNamesAreProbed(t *testing.T) {
	t.Parallel()
	const names = 100
	n, e := nameserver.Start(t), startEndpoints(t)
	set := func(networks ...string) {
		for i := range names {
			var records []string
			for _, network := range networks {
				records = append(records, fmt.Sprintf("5 A %s%d", network, i))
			}
			n.Set(fmt.Sprintf("n%d.example.net.", i), records...)
		}
	}
	set("127.41.0.")
	var records strings.Builder
	fmt.Fprintf(&records, "check web tcp://:%s {\ninterval 1s\n}\nrecord fixed A 127.44.0.1 check web\n", e.port)
	for i := range names {
		fmt.Fprintf(&records, "record app%d A n%d.example.net. check web\n", i, i)
	}
	server.Start(t, n.Corefile(records.String()))
	e.awaitProbes(t, "127.41.0.", names, 2)
	set("127.42.0.", "127.43.0.")
	e.awaitProbes(t, "127.42.0.", names, 2)
	e.awaitProbes(t, "127.43.0.", names, 2)
	set() // which is not believed before it is said twice
	e.awaitEnd(t, "127.41.0.")
	e.awaitEnd(t, "127.42.0.", "127.43.0.")
}

// awaitEnd waits until no address of some networks is probed while one that stays is probed five times.
func (e *endpoints) awaitEnd(t *testing.T, networks ...string) {
	t.Helper()
	counts := func() string {
		var all []map[string]int
		for _, network := range networks {
			all = append(all, e.counts(network))
		}
		return fmt.Sprint(all)
	}
	server.Eventually(t, fmt.Sprintf("probes in %q end", networks), func() bool {
		before := counts()
		e.awaitProbes(t, "127.44.0.1", 1, 5)
		return counts() == before
	})
}
