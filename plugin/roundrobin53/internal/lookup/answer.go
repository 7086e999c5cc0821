package lookup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// maxPath bounds the CNAME records of one answer that are followed.
const maxPath = 16

// An answer holds a resolver's addresses for a question, or says that there are none.
type answer struct {
	result    Result // Success, NXDomain or NoData
	addresses []netip.Addr
	left      int
	unusable  []netip.Addr
	path      []string
	ttl       time.Duration // of addresses: the smallest one; of a negative answer: how long it is valid, RFC 2308 section 5
}

// A failure says why a server did not answer a question.
type failure struct {
	result Result
	err    error
}

// Error implements error.
func (f *failure) Error() string { return f.err.Error() }

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.err }

func failed(result Result, err error) error { return &failure{result, err} }

var (
	errServFail  = failed(ServFail, errors.New("SERVFAIL"))
	errRefused   = failed(Refused, errors.New("REFUSED"))
	errRecursion = failed(BadAnswer, errors.New("the server neither knows the name nor looks it up for others"))
	errNXDomain  = errors.New("NXDOMAIN: the name does not exist")
	errNoData    = errors.New("NODATA: the name has no addresses of this type")
	errTruncated = failed(BadAnswer, errors.New("a truncated answer over a stream"))
	errNoEDNS    = failed(BadAnswer, errors.New("FORMERR"))
)

// readAnswer reads a message that answers a question.
func readAnswer(message []byte, q Question) (answer, error) {
	var m dns.Msg
	if err := m.Unpack(message); err != nil {
		return answer{}, failed(BadAnswer, fmt.Errorf("a message that can't be read: %w", err))
	}
	if count := int(binary.BigEndian.Uint16(message[6:])); count != len(m.Answer) {
		return answer{}, failed(BadAnswer, fmt.Errorf("a message with %d of %d records", len(m.Answer), count)) // Unpack lets it pass
	}
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	case dns.RcodeServerFailure:
		return answer{}, errServFail
	case dns.RcodeRefused:
		return answer{}, errRefused
	case dns.RcodeFormatError, dns.RcodeNotImplemented:
		return answer{}, errNoEDNS
	default:
		return answer{}, failed(BadAnswer, errors.New(rcodeText(m.Rcode)))
	}
	a, err := collect(&m, q)
	if err != nil || len(a.addresses) > 0 {
		return a, err
	}
	return negative(&m, a)
}

func rcodeText(rcode int) string {
	if text, ok := dns.RcodeToString[rcode]; ok {
		return text
	}
	return fmt.Sprintf("RCODE %d", rcode)
}

// collect follows the CNAME records of an answer from the name of the question on, in whatever
// order the records stand, and returns the addresses at the end. Records of other names are ignored.
func collect(m *dns.Msg, q Question) (answer, error) {
	a := answer{ttl: maxTTL * time.Second}
	for name := q.Name; ; name = a.path[len(a.path)-1] {
		next := a.takeFrom(m, name, q.Type)
		if len(a.addresses)+len(a.unusable) > 0 || next == "" {
			break
		}
		if len(a.path) == maxPath || next == q.Name || slices.Contains(a.path, next) {
			return answer{}, failed(BadAnswer, fmt.Errorf("CNAME records that lead in a circle or beyond %d names, at %q", maxPath, next))
		}
		a.path = append(a.path, next)
	}
	a.finish()
	if len(a.addresses) == 0 && len(a.unusable) > 0 {
		return answer{}, failed(BadAnswer, fmt.Errorf("only addresses that no host can have: %s", Join(a.unusable)))
	}
	return a, nil
}

// Join writes addresses with spaces between.
func Join(addresses []netip.Addr) string { return strings.Trim(fmt.Sprint(addresses), "[]") }

// takeFrom takes the addresses that a name has in a message, and the smallest TTL. It returns where
// a CNAME record of the name leads; "" if there is none.
func (a *answer) takeFrom(m *dns.Msg, name string, qtype uint16) (next string) {
	for _, rr := range m.Answer {
		h := rr.Header()
		if h.Class != dns.ClassINET || !sameName(h.Name, name) {
			continue
		}
		switch rr := rr.(type) {
		case *dns.CNAME:
			next = dns.CanonicalName(rr.Target)
		case *dns.A:
			a.add(qtype, dns.TypeA, rr.A)
		case *dns.AAAA:
			a.add(qtype, dns.TypeAAAA, rr.AAAA)
		default:
			continue
		}
		a.ttl = min(a.ttl, time.Duration(validTTL(h.Ttl))*time.Second)
	}
	return next
}

// add adds the address of a record, if it is of the type that was asked for.
func (a *answer) add(asked, got uint16, ip []byte) {
	address, ok := netip.AddrFromSlice(ip)
	if !ok || asked != got {
		return
	}
	if got == dns.TypeA {
		address = address.Unmap() // miekg/dns keeps IPv4 addresses in 16 octets
	}
	if isUsable(address) {
		a.addresses = append(a.addresses, address)
	} else {
		a.unusable = append(a.unusable, address)
	}
}

// isUsable reports whether a host can have an address that a server tells. Filters answer with
// 0.0.0.0 for names that they block; a client or a probe that connects to it reaches itself.
func isUsable(a netip.Addr) bool {
	limitedBroadcast := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	return !a.IsUnspecified() && !a.IsMulticast() && !a.Is4In6() && a != limitedBroadcast
}

// finish sorts the addresses and leaves out those beyond MaxAddresses. The lowest ones stay:
// whichever order the resolver turns its answer to, the choice is the same.
func (a *answer) finish() {
	a.addresses, a.unusable = sorted(a.addresses), sorted(a.unusable)
	if a.left = max(0, len(a.addresses)-MaxAddresses); a.left > 0 {
		a.addresses = slices.Clone(a.addresses[:MaxAddresses])
	}
}

// sorted sorts addresses and leaves out duplicates.
func sorted(addresses []netip.Addr) []netip.Addr {
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}

// negative reads an answer without addresses. It counts if the server looks up names for others, or
// answers with the SOA record of the zone: a server that only knows zones of its own says nothing
// of other names by a referral or by a CNAME record that leads out of them (RFC 2308 section 2.2).
func negative(m *dns.Msg, a answer) (answer, error) {
	a.result, a.ttl = NoData, minInterval
	if m.Rcode == dns.RcodeNameError {
		a.result = NXDomain
	}
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			a.ttl = time.Duration(min(validTTL(soa.Hdr.Ttl), validTTL(soa.Minttl))) * time.Second
			return a, nil
		}
	}
	if !m.RecursionAvailable {
		return answer{}, errRecursion
	}
	return a, nil
}

// maxTTL is the greatest TTL that there is, RFC 2181 section 8.
const maxTTL = 1<<31 - 1

// validTTL treats a TTL with its first bit set as zero, RFC 2181 section 8.
func validTTL(ttl uint32) uint32 {
	if ttl > maxTTL {
		return 0
	}
	return ttl
}

// sameName compares a name of a message with one in lower case.
func sameName(got, want string) bool {
	return got == want || len(got) == len(want) && strings.EqualFold(got, want)
}
