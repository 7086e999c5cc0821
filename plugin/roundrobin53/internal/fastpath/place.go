package fastpath

import (
	"context"
	"hash/maphash"
	"slices"
	"sync/atomic"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/datagram"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// needsPlace are the parts of a client that only the metadata plugin knows.
const needsPlace = policy.NeedsPlaces | policy.NeedsPoint

// places tells where the clients of a server block are, by what its metadata plugin collects. A
// lookup in a geographic database takes longer than all the rest of an answer, and the same clients
// ask again and again, so the clients seen last are remembered. That needs no clock: geoip reads its
// database once, when the Corefile is read. Reading and writing never waits.
type places struct {
	collector  dnsserver.MetadataCollector
	ctx        context.Context // of queries that go down the chain
	locate     func(ctx context.Context, needs policy.Needs, who *policy.Who)
	seed       maphash.Seed // so that nobody can choose clients that push each other out
	remembered [rememberedClients]atomic.Pointer[place]
}

// rememberedClients bounds the clients whose places are remembered. Each takes some 200 octets.
const rememberedClients = 4096

// A place is where a client is.
type place struct {
	client client
	who    policy.Who // with the parts of needsPlace
}

// A client is all of a query that its place depends on: the source address and the ECS option, which
// is zero where there is none.
type client [addressOctets + subnetOctets]byte

const (
	addressOctets = 16
	subnetOctets  = 4 + addressOctets // family, lengths, address
)

// placing lists the metadata providers that may stand in a server block whose places are looked up
// here. What geoip tells depends on nothing but a client's address and its ECS option, and the
// others tell nothing of places. An unknown one may tell more.
var placing = []string{"geoip", "kubernetes", directiveName}

// newPlaces returns the places of a server block. It returns nil if no set needs them, or if the
// chain may know others than can be found here.
func (snap *snapshot) newPlaces(h Handler, s *store.Store) *places {
	m, ok := h.Config().Handler("metadata").(*metadata.Metadata)
	if !ok || !isPlaced(s) || slices.ContainsFunc(m.Providers, isUnknown) {
		return nil
	}
	for _, z := range s.Zones {
		if plugin.Zones(m.Zones).Matches(z.Name) == "" { // then nothing is collected for some of its names
			return nil
		}
	}
	return &places{collector: m, ctx: snap.ctx, locate: h.Locate, seed: maphash.MakeSeed()}
}

// isPlaced reports whether a set of a store needs places.
func isPlaced(s *store.Store) bool {
	for _, set := range s.All() {
		if set.Needs()&needsPlace != 0 {
			return true
		}
	}
	return false
}

// isUnknown reports whether a provider may tell more than is remembered.
func isUnknown(p metadata.Provider) bool {
	handler, ok := p.(plugin.Handler)
	return !ok || !slices.Contains(placing, handler.Name())
}

// of returns where the client of a packet is, whose query has an ECS option or an empty one. It
// reports false if that is left to the chain.
func (p *places) of(packet *datagram.Packet, subnet []byte) (*policy.Who, bool) {
	var c client
	source := packet.Client().As16()
	copy(c[:], source[:])
	copy(c[addressOctets:], subnet)
	slot := &p.remembered[maphash.Bytes(p.seed, c[:])%rememberedClients]
	if known := slot.Load(); known != nil && known.client == c {
		return &known.who, true
	}
	r := new(dns.Msg)
	if err := r.Unpack(packet.In); err != nil {
		return nil, false
	}
	found := &place{client: c}
	ctx := p.collector.Collect(p.ctx, request.Request{Req: r, W: &chainWriter{packet: packet}})
	p.locate(ctx, needsPlace, &found.who)
	slot.Store(found)
	return &found.who, true
}
