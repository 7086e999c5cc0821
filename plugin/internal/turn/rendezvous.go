package turn

import (
	"encoding/binary"
	"math"
	"net/netip"

	"github.com/cespare/xxhash/v2"
)

// The lengths of the prefixes that count as one client for the order sticky: the network of a
// subscriber or an office, whose addresses change.
const (
	clientBits4 = 24
	clientBits6 = 56
)

// ClientNetwork returns the network that counts as one client, for a client's address.
func ClientNetwork(addr netip.Addr) netip.Prefix {
	bits := clientBits6
	if addr.Is4() {
		bits = clientBits4
	}
	network, _ := addr.Prefix(bits)
	return network
}

// HashNetwork returns a hash of a network. It is the same in all replicas and after every restart.
func HashNetwork(network netip.Prefix) uint64 {
	octets := network.Addr().As16()
	var text [17]byte
	copy(text[:], octets[:])
	text[16] = byte(network.Bits())
	return xxhash.Sum64(text[:])
}

// Score returns how well an endpoint of weight 1 suits a client, by rendezvous hashing (Thaler and
// Ravishankar 1998): the lowest score comes first. It depends on nothing but the two. So a client
// keeps its endpoint while that is there, a lost endpoint leaves its clients to all others equally,
// and no other client moves.
//
// The scores of an endpoint are distributed exponentially. Divided by weights, the chance to be the
// least is in proportion to the weight (Schindelhauer and Schomaker 2005).
func Score(client, endpoint uint64) float64 {
	uniform := (float64(hash(client, endpoint)>>11) + 0.5) / (1 << 53)
	return -math.Log(uniform)
}

// hash mixes two numbers.
func hash(a, b uint64) uint64 {
	var octets [16]byte
	binary.LittleEndian.PutUint64(octets[:8], a)
	binary.LittleEndian.PutUint64(octets[8:], b)
	return xxhash.Sum64(octets[:])
}
