package health

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// A probe that finds no way to its endpoint fails: the value can't be reached from here, as if it were down. Not so on a
// host without IPv6. There nothing can be said about any endpoint with an IPv6 address, and if that counted as a failure,
// all of them would be down by the place of the server, not by their own state, although clients may well have IPv6. So
// these targets are not judged: they keep the verdict that they have, and are up if they never had one.

// unreachable is what a connection fails with where this host has no address or route for it. With disable_ipv6 that is
// EADDRNOTAVAIL, without a route ENETUNREACH, and with a kernel without IPv6 EAFNOSUPPORT.
var unreachable = []error{syscall.ENETUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT}

// host is what a monitor asks this machine about its network.
type host struct {
	hasIPv6   func() bool
	hasSource func(netip.Addr) bool
}

var systemHost = host{hasIPv6, hasSource}

// isCutOff says whether a probe failed because this host has no address or route for the target.
func (h *host) isCutOff(target netip.Addr, err error) bool {
	if err == nil || !slices.ContainsFunc(unreachable, func(reason error) bool { return errors.Is(err, reason) }) {
		return false
	}
	return !errors.Is(err, syscall.EADDRNOTAVAIL) || !h.hasSource(target)
}

// hasSource says whether this host has an address to reach another from. EADDRNOTAVAIL can also mean that all ports of
// such an address are in use; UDP, which sends nothing here, has ports of its own.
func hasSource(target netip.Addr) bool {
	const discard = 9 // any port does
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(target, discard)))
	if err != nil {
		return !errors.Is(err, syscall.EADDRNOTAVAIL)
	}
	_ = conn.Close()
	return true
}

// hasIPv6 says whether this host has an IPv6 address that reaches beyond a link.
func hasIPv6() bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return true // nothing is known; the probe then says what is
	}
	return slices.ContainsFunc(addresses, func(address net.Addr) bool {
		network, ok := address.(*net.IPNet)
		return ok && network.IP.To4() == nil && network.IP.IsGlobalUnicast()
	})
}

// hostInterval is how long the loop relies on what it found out about the host: each time costs a list of all addresses.
const hostInterval = time.Second

// lacksIPv6 says whether this host has no IPv6 at all, as of a moment ago.
func (l *loop) lacksIPv6() bool {
	if now := time.Now(); l.lookedAt.IsZero() || now.Sub(l.lookedAt) >= hostInterval {
		l.lookedAt, l.noIPv6 = now, !l.host.hasIPv6()
	}
	return l.noIPv6
}

// isBlind says whether a result says nothing about its endpoint since this host has no IPv6, and tells the observer when
// that begins and when it is over.
func (l *loop) isBlind(r result) bool {
	address := l.targets[r.target].Address
	blind := r.cutOff && address.Is6() && l.lacksIPv6()
	over := l.blind && !r.cutOff && address.IsGlobalUnicast() && address.Is6() && !l.lacksIPv6()
	if (blind && !l.blind) || over {
		l.mu.Lock()
		l.blind = blind
		l.mu.Unlock()
		if l.observer.IPv6 != nil {
			l.observer.IPv6(!blind)
		}
	}
	return blind
}
