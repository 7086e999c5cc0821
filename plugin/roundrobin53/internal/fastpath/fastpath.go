// Package fastpath answers plain UDP queries beside the plugin chain of CoreDNS, on Linux.
//
//	         UDP port of a server
//	                  |
//	     filter in the kernel (datagram)        which packets can be plain queries?
//	       |                         |
//	CoreDNS's sockets        ours, one a processor
//	       |                         |
//	       |                      worker           batches: parse (wire), look up, take a turn, pack
//	       |                         |
//	       |                 everything else
//	       +------------+------------+
//	                    |
//	               plugin chain
//
// A listener holds our sockets at one address. It outlives reloads: they swap only its snapshot,
// which says what may be answered there and from which stores. A query takes the chain inline where
// our handler answers it at once, and in a goroutine where it may wait. The first query for each
// RRset takes the chain. The worker compares the chain's answer with its own (proof): the workers
// answer further queries only if the two are the same.
//
// The sockets belong to one SO_REUSEPORT group with CoreDNS's, so that no packet that waits in a
// socket is lost in a reload. Packages datagram and wire know the system calls and the octets.
package fastpath

import (
	"context"
	"sync"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	clog "github.com/coredns/coredns/plugin/pkg/log"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

var log = clog.NewWithPlugin(directiveName)

// A Handler is the handler of a server block that the fast path answers for.
type Handler interface {
	plugin.Handler
	Store() *store.Store       // what it serves
	Config() *dnsserver.Config // of its server block
	Keys() []string            // of its server block: dns://ZONE:PORT
	View() string              // of its server block; "" if it has none
	IsSigned() bool            // a dnssec plugin signs its answers
	IsDebugged() bool          // its choices are logged
	HasNext() bool             // a plugin comes behind it
	Counters(s *dnsserver.Server) Counters
	// Locate sets the needed parts of who that only the metadata in a context tell.
	Locate(ctx context.Context, needs policy.Needs, who *policy.Who)
}

// Counters count the answers that a server gives from a store.
type Counters interface {
	Answered(z *record.Zone)
	NoData(z *record.Zone)
	NXDomain(z *record.Zone)
	Referred(z *record.Zone)
	FailedOpen(zone int) // with values that are down; by record.Zone.Index
}

// A Run is the fast path of one run of a Corefile.
type Run struct {
	// Corefile returns the Corefile that the run is set up from.
	Corefile func() caddy.Input
	// Generation is the number of runs before this one in the process.
	Generation int
	// Notes say where the fast path can't be used. They are complete when all server blocks are set
	// up.
	Notes []string

	blocks   []serverBlock // of the Corefile, if a handler wants the fast path
	handlers []Handler     // handlers that want the fast path
	hooked   []Handler     // the handlers among these for which dnsserver calls the fast path

	// The lock of listeners guards these.
	snapshots []*snapshot // where the fast path is used
	refused   []string    // addresses where the fast path can't be used
	ended     bool        // Close was called

	mu      sync.Mutex // guards the fields below
	opening sync.WaitGroup
	closing bool // nothing is opened any more
}
