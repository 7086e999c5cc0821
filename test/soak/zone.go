//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// origin is the zone that the server serves.
const origin = "example.org."

// valuesPerName leaves two values of each name that never flap, so that no answer fails open.
const valuesPerName = 4

// maxValues is how many addresses behind firstAddress are loopback addresses, with a good margin.
const maxValues = 100_000

// firstAddress is the address of value 0.
var firstAddress = netip.AddrFrom4([4]byte{127, 16, 0, 1})

// address is the address of value n.
func address(n int) netip.Addr {
	octets := firstAddress.As4()
	binary.BigEndian.PutUint32(octets[:], binary.BigEndian.Uint32(octets[:])+uint32(n))
	return netip.AddrFrom4(octets)
}

// number is the value that has an address, or what is not a value: see isValue.
func number(addr netip.Addr) int {
	if !addr.Is4() {
		return -1
	}
	first, octets := firstAddress.As4(), addr.As4()
	return int(binary.BigEndian.Uint32(octets[:])) - int(binary.BigEndian.Uint32(first[:]))
}

// owner is the owner name of name i, fully qualified.
func owner(i int) string { return fmt.Sprintf("app%d.%s", i, origin) }

// flapping is which of the values flap: at most two of a name, and of so many names spread over all of them.
func flapping(values, flap int) []int {
	names, pairs := values/valuesPerName, (flap+1)/2
	numbers := make([]int, flap)
	for i := range numbers {
		numbers[i] = i/2*(names/pairs)*valuesPerName + valuesPerName - 1 - i%2
	}
	return numbers
}

// The thresholds of the check, and the longest a probe takes.
const (
	rise       = 2
	fall       = 3
	maxTimeout = 4 * time.Second
)

// timeout is the timeout of the check.
func (s *settings) timeout() time.Duration { return min(maxTimeout, s.interval) }

// bounds are how long an endpoint may be down, or up, until every answer says so.
type bounds struct{ down, up time.Duration }

// bounds are what the project promises: the last of the probes that are needed has begun after so many intervals, and
// ends within the timeout. A second is for jitter and for everything else. What is looked up is looked up again when its TTL
// ends, or a tenth of it later.
func (s *settings) bounds() bounds {
	if s.kind == kindNames {
		const jitterPart, rest = 10, time.Second
		next := s.interval + s.interval/jitterPart + rest
		return bounds{down: next, up: next}
	}
	rest := s.timeout() + time.Second
	return bounds{down: fall*s.interval + rest, up: rise*s.interval + rest}
}

// ports are those of loopback addresses that a Corefile has.
type ports struct{ dns, metrics, profiles, endpoints int }

// corefile is the Corefile of the server. The file of the authority counts for https only.
func (s *settings) corefile(p ports, authority string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s:%d {\nbind 127.0.0.1\nprometheus 127.0.0.1:%d\npprof 127.0.0.1:%d\n", origin, p.dns, p.metrics, p.profiles)
	if s.kind == kindNames {
		text.WriteString(s.namesBlock(p.endpoints) + "}\n")
		return text.String()
	}
	fmt.Fprintf(&text, "roundrobin53 {\ncheck soak %s {\ninterval %s\ntimeout %s\nrise %d\nfall %d\n",
		s.url(p.endpoints), s.interval, s.timeout(), rise, fall)
	if s.kind == kindHTTPS {
		fmt.Fprintf(&text, "ca %s\n", authority)
	}
	text.WriteString("}\n")
	for i := range s.checks / valuesPerName {
		fmt.Fprintf(&text, "record app%d A", i)
		for j := range valuesPerName {
			text.WriteString(" " + address(i*valuesPerName+j).String())
		}
		text.WriteString(" check soak\n")
	}
	text.WriteString("}\n}\n")
	return text.String()
}

// url is what is checked.
func (s *settings) url(port int) string {
	switch s.kind {
	case kindTCP:
		return fmt.Sprintf("tcp://:%d", port)
	case kindHTTPS:
		return fmt.Sprintf("https://%s:%d/healthz", certified, port)
	}
	return fmt.Sprintf("http://:%d/healthz", port)
}
