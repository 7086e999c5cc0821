// Package status shows what a running configuration serves: a page for people, the same as JSON,
// and whether a name is ready.
//
// The glue hands in an Instance: the stores of its server blocks, and the verdicts of their
// targets. The page is made from a board, which never changes, and from atomics. So no query waits
// for a reader of the page, however many there are. Readers wait for each other: what takes long is
// made for one reader at a time.
//
// The package is plain Go. It knows neither CoreDNS nor Corefiles.
package status

import (
	"net/netip"
	"sync"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/explain"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// An Instance is one run of a Corefile, as far as one page shows it.
type Instance struct {
	Started      time.Time
	Corefile     string // where it was read
	CoreDNS      string // the version
	Roundrobin53 string // the version
	Blocks       []*Block

	once    sync.Once
	catalog *catalog
	made    map[string]render // by path and query string; only readers who have the turn touch it, see renders
}

// A Block is a server block.
type Block struct {
	Keys  []string // as CoreDNS writes them: dns://example.org.:53
	Bind  []string // the addresses it listens at, none for all
	View  string   // "" if it has none
	Store *store.Store

	// Verdict returns the verdict and the latest probe of a target of the store. It takes no lock.
	Verdict func(target int) Verdict

	// Known returns the set of a name that is a value; nil: nobody looks names up.
	Known func(lookup.Question) lookup.Set

	// Explain tells what a client gets for a name next, and why. It takes no turn.
	Explain func(name string, rrtype uint16, client netip.Prefix) *explain.Document
}

// A Verdict tells whether a target is up, and describes its latest probe.
type Verdict struct {
	Up, Known bool
	health.Latest
}

// list returns the catalog, made at the first call: nobody pays for a page that nobody reads.
func (in *Instance) list() *catalog {
	in.once.Do(func() { in.catalog = newCatalog(in.Blocks) })
	return in.catalog
}

// boards returns what the blocks answer now.
func (in *Instance) boards() []*policy.Board {
	boards := make([]*policy.Board, len(in.Blocks))
	for i, b := range in.Blocks {
		boards[i] = b.Store.Verdicts.Board()
	}
	return boards
}

// Default is where the page is if the Corefile names no address.
var Default = netip.MustParseAddrPort("127.0.0.1:8053")
