package lookup

import (
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// MaxAddresses bounds the addresses of a set. An answer with more is cut, since a message to a
// client would not hold them.
const MaxAddresses = 100

// Question is a name whose addresses are looked up at a resolver. Equal questions are equal as map
// keys.
type Question struct {
	Name     string // in lower case, with its final dot
	Type     uint16 // dns.TypeA or dns.TypeAAAA
	Resolver Resolver
}

// String writes a question without its resolver, as in "lb.example.net. AAAA".
func (q Question) String() string { return q.Name + " " + dns.Type(q.Type).String() }

// Set holds the addresses that are known for a question, and how they came to be known. It is a
// value: nothing changes it once it was handed out.
type Set struct {
	// Addresses are those of the last answer that counted, in ascending order, without duplicates,
	// at most MaxAddresses. The caller must not change them.
	Addresses []netip.Addr
	State     State
	// Since is when the set came into its state; the zero time for Never.
	Since time.Time
	// Left is how many addresses were left out because there were more than MaxAddresses.
	Left int
	// Unusable are addresses of the last answer that counted that no host can have, in ascending order:
	// 0.0.0.0, ::, 255.255.255.255, multicast addresses and IPv4 addresses in IPv6 form. They are not
	// among Addresses.
	Unusable []netip.Addr
	// Path are the names that CNAME records led to, in their order; the last one has the addresses.
	Path []string
	// When is the time of the answer with Addresses; the zero time if there was none.
	When time.Time
	// TTL is how long that answer was valid from When on: the smallest of the TTLs in it.
	TTL time.Duration
	// Err says why the last lookup brought no addresses; nil if it brought some.
	Err error
}

// State says how far a set can be relied upon.
type State uint8

// The states of a set.
const (
	// Never: there was no answer yet. What the name has is not known.
	Never State = iota
	// OK: the last lookup brought the addresses, or was the first one after them to find none.
	OK
	// Stale: the last lookup failed. The addresses are the last ones known.
	Stale
	// Empty: the resolver said twice in a row that there are no addresses. A failure afterwards
	// leaves it so.
	Empty
)

// String returns a state's name, as the status page and metrics show it.
func (s State) String() string { return [...]string{"never", "ok", "stale", "empty"}[s] }

// Result says how one lookup ended.
type Result uint8

// The results of lookups.
const (
	Success      Result = iota // addresses
	NXDomain                   // the name does not exist
	NoData                     // the name has no addresses of the type
	ServFail                   // every server failed, the last one with SERVFAIL
	Refused                    // every server failed, the last one with REFUSED
	Timeout                    // every server failed, the last one by keeping silent
	Unreachable                // every server failed, the last one because of the network or its certificate
	BadAnswer                  // every server failed, the last one with a message that is no answer
	resultsCount = iota
)

// Results returns all results, for metrics that begin at zero.
func Results() []Result {
	all := make([]Result, resultsCount)
	for i := range all {
		all[i] = Result(i)
	}
	return all
}

// String returns a result's name, as metrics show it.
func (r Result) String() string {
	return [...]string{"success", "nxdomain", "nodata", "servfail", "refused", "timeout", "unreachable", "bad_answer"}[r]
}

// equal reports whether two sets have the same addresses, those that are not used included, and
// state. A name that was never resolved changes when the first lookup fails.
func (s *Set) equal(other Set) bool {
	if s.State == Never && (s.Err == nil) != (other.Err == nil) {
		return false
	}
	return s.State == other.State && s.Left == other.Left && slices.Equal(s.Unusable, other.Unusable) && slices.Equal(s.Addresses, other.Addresses)
}
