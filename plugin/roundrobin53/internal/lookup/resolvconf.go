package lookup

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// SystemFile lists the servers that the machine itself uses.
const SystemFile = "/etc/resolv.conf"

// ReadServers returns the servers that a file in the format of resolv.conf(5) lists.
func ReadServers(path string) ([]Server, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var servers []Server
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		a, err := netip.ParseAddr(words[1])
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %q is not an address", path, n, words[1])
		}
		if a.IsUnspecified() { // resolv.conf(5) of some systems: this host
			a = loopback(a)
		}
		if err := usable(a); err != nil {
			return nil, fmt.Errorf("%s:%d: %w; a server has an address of its own", path, n, err)
		}
		servers = append(servers, Server{Network: "udp", Address: netip.AddrPortFrom(a.Unmap(), portDNS)})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("%s lists no nameserver", path)
	}
	return servers, nil
}

// loopback returns the loopback address of a family.
func loopback(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}
