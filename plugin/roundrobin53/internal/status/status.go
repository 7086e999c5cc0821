// Package status shows what a running configuration serves: a page for people, the same as JSON,
// and whether a name is ready.
//
// An Instance is what the glue hands in: the stores of its server blocks, and what is known of
// their targets. Whatever is shown is read from a board, which never changes, and from atomics. No
// query waits for a reader of the page, however many there are; of the readers, one at a time is
// served with what takes long.
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
}

// A Block is a server block.
type Block struct {
	Keys  []string // as CoreDNS writes them: dns://example.org.:53
	Bind  []string // the addresses it listens at, none for all
	View  string   // "" if it has none
	Store *store.Store

	// Verdict returns what is known of a target of the store. It takes no lock.
	Verdict func(target int) Verdict

	// Known returns what is known of a name that is a value; nil: nobody looks names up.
	Known func(lookup.Question) lookup.Set

	// Explain tells what a client gets for a name next, and why. It takes no turn.
	Explain func(name string, rrtype uint16, client netip.Prefix) *explain.Document
}

// A Verdict is what is known of a target.
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
