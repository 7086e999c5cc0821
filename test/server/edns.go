package server

import (
	"net/netip"

	"github.com/miekg/dns"
)

// WithOPT is a query with an OPT record: flags are its 16 flag bits, of which only DO (0x8000) has a meaning.
func WithOPT(m *dns.Msg, flags uint16, options ...dns.EDNS0) *dns.Msg {
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT, Class: 1232, Ttl: uint32(flags)}, Option: options}
	m.Extra = append(m.Extra, opt)
	return m
}

// ReservedFlags are the flags of an OPT record that have no meaning yet.
const ReservedFlags = 0x7fff

// The options that clients send.
var (
	CookieOption    = &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "24a5ac1223344556"}
	PaddingOption   = &dns.EDNS0_PADDING{Padding: make([]byte, 64)}
	NSIDOption      = &dns.EDNS0_NSID{Code: dns.EDNS0NSID}
	KeepaliveOption = &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}
	ExpireOption    = &dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true}
	UnknownOption   = &dns.EDNS0_LOCAL{Code: 65001, Data: []byte("what is it")}
	UnlistedOption  = &dns.EDNS0_LOCAL{Code: 4711}
)

// WithVersion gives the OPT record of a message a version.
func WithVersion(m *dns.Msg, version uint8) *dns.Msg {
	m.IsEdns0().SetVersion(version)
	return m
}

// SubnetOption is the ECS option that names a network, as a resolver sends it.
func SubnetOption(network string) *dns.EDNS0_SUBNET {
	prefix := netip.MustParsePrefix(network)
	option := &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(prefix.Bits()), Address: prefix.Addr().AsSlice(),
	}
	if prefix.Addr().Is6() {
		option.Family = 2
	}
	return option
}

// EchoedSubnet is the ECS option of a reply as text: ADDRESS/SOURCE/SCOPE. It is empty if there is none.
func EchoedSubnet(m *dns.Msg) string {
	if opt := m.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if subnet, ok := option.(*dns.EDNS0_SUBNET); ok {
				return subnet.String()
			}
		}
	}
	return ""
}
