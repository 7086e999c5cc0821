package health

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// A probe without a route to its endpoint fails: seen from here, the value is down. A host without
// IPv6 is an exception: it can't tell anything about endpoints with an IPv6 address, while clients
// may well have IPv6. If these probes counted as failures, all such endpoints would be down because
// of where the server is. So these targets are not judged: they keep their verdict, and are up if
// they never had one.

// unreachable lists the errors of a connection that this host has no address or route for:
// ENETUNREACH without a route, EADDRNOTAVAIL with disable_ipv6, EAFNOSUPPORT with a kernel without
// IPv6.
var unreachable = []error{syscall.ENETUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT}

// host answers the questions of a monitor about the network of this machine.
type host struct {
	hasIPv6   func() bool
	hasSource func(netip.Addr) bool
}

var systemHost = host{hasIPv6, hasSource}

// isCutOff reports whether a probe failed because this host has no address or route for the target.
func (h *host) isCutOff(target netip.Addr, err error) bool {
	if err == nil || !slices.ContainsFunc(unreachable, func(reason error) bool { return errors.Is(err, reason) }) {
		return false
	}
	return !errors.Is(err, syscall.EADDRNOTAVAIL) || !h.hasSource(target)
}

// hasSource reports whether this host has an address from which it can reach another. EADDRNOTAVAIL
// from TCP can also mean that all ports of that address are in use. UDP has ports of its own, and
// this sends nothing.
func hasSource(target netip.Addr) bool {
	const discard = 9 // any port does
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(target, discard)))
	if err != nil {
		return !errors.Is(err, syscall.EADDRNOTAVAIL)
	}
	_ = conn.Close()
	return true
}

// hasIPv6 reports whether this host has an IPv6 address that reaches beyond a link.
func hasIPv6() bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return true // unknown: let the probe tell
	}
	return slices.ContainsFunc(addresses, func(address net.Addr) bool {
		network, ok := address.(*net.IPNet)
		return ok && network.IP.To4() == nil && network.IP.IsGlobalUnicast()
	})
}

// hostInterval is how long the loop relies on what it knows of the host. Asking again lists all
// addresses.
const hostInterval = time.Second

// lacksIPv6 reports whether this host had no IPv6 at all when it was asked last.
func (l *loop) lacksIPv6() bool {
	if now := time.Now(); l.lookedAt.IsZero() || now.Sub(l.lookedAt) >= hostInterval {
		l.lookedAt, l.noIPv6 = now, !l.host.hasIPv6()
	}
	return l.noIPv6
}

// isBlind reports whether a result says nothing about its endpoint because this host has no IPv6.
// It tells the observer when that begins and when it ends.
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
