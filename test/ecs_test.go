package test

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// rawSubnet is an ECS option of these octets: family, source length, scope length, address.
func rawSubnet(octets ...byte) *dns.EDNS0_LOCAL {
	return &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: octets}
}

const (
	ecsRecords = `record plain A 192.0.2.1
	record plain AAAA 2001:db8::1
	record routed A {
		value 192.0.2.2 from 10.0.0.0/8
		value 192.0.2.3
	}
	record routed AAAA {
		value 2001:db8::2 from 2001:db8:a::/48
		value 2001:db8::3
	}
	record text TXT anything
	record alias CNAME routed
	record mail MX 10 routed
	`
	ecsSOA = "\nauthority example.org. 60 IN SOA ns.dns.example.org. hostmaster.example.org. SERIAL 7200 1800 1209600 60"
)

// TestECSIsOffByDefault guards against answers that depend on what anyone can write into an option, and against an echo
// that makes resolvers believe so (RFC 7871 §11 has why).
func TestECSIsOffByDefault(t *testing.T) {
	server.NoPanics(t)
	s := server.Serve(t, "example.org:0 {\nroundrobin53 {\n"+ecsRecords+"}\n}\n")
	const opt = "\nopt udp 1232 flags 0000"
	for name, option := range map[string]dns.EDNS0{
		"a network":        server.SubnetOption("10.0.0.0/24"),
		"an IPv6 network":  server.SubnetOption("2001:db8:a::/56"),
		"no network":       server.SubnetOption("0.0.0.0/0"),
		"scope set":        rawSubnet(0, 1, 24, 24, 10, 0, 0),
		"bits behind it":   rawSubnet(0, 1, 24, 0, 10, 0, 0, 1),
		"one bit too many": rawSubnet(0, 1, 23, 0, 10, 0, 1),
	} {
		t.Run(name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				server.CheckReply(t, s, network, server.WithOPT(server.Question("routed.example.org", dns.TypeA), 0, option),
					"NOERROR qr aa rd\nanswer routed.example.org. 60 IN A 192.0.2.3"+opt)
			}
		})
	}
}

// TestECS guards the echo and its scope: 0 says that the answer is the same for everyone, and so it has to be where nothing
// depends on the client (RFC 7871 §7.2.1). An option that is malformed gets FORMERR (§7.1.2).
func TestECS(t *testing.T) {
	server.NoPanics(t)
	s := server.Serve(t, "example.org:0 {\nroundrobin53 {\necs\n"+ecsRecords+"}\n}\n")
	const (
		plain  = "NOERROR qr aa rd\nanswer plain.example.org. 60 IN A 192.0.2.1"
		inside = "NOERROR qr aa rd\nanswer routed.example.org. 60 IN A 192.0.2.2"
		other  = "NOERROR qr aa rd\nanswer routed.example.org. 60 IN A 192.0.2.3"
		opt    = "\nopt udp 1232 flags 0000"
		echo   = opt + " option 8 "
		bad    = "FORMERR qr rd" + opt
	)
	for _, c := range []struct {
		name   string
		qname  string
		qtype  uint16
		option dns.EDNS0
		want   string
	}{
		{"no option", "routed", dns.TypeA, server.NSIDOption, other + opt},
		{"plain RRset", "plain", dns.TypeA, server.SubnetOption("10.2.0.0/24"), plain + echo + "10.2.0.0/24/0"},
		{"plain RRset, IPv6", "plain", dns.TypeA, server.SubnetOption("2001:db8:a::/56"), plain + echo + "[2001:db8:a::]/56/0"},
		{"plain RRset, /0", "plain", dns.TypeA, server.SubnetOption("0.0.0.0/0"), plain + echo + "0.0.0.0/0/0"},
		{"plain RRset, whole address", "plain", dns.TypeA, server.SubnetOption("10.2.0.1/32"), plain + echo + "10.2.0.1/32/0"},
		{"NODATA", "plain", dns.TypeTXT, server.SubnetOption("10.2.0.0/24"), "NOERROR qr aa rd" + ecsSOA + echo + "10.2.0.0/24/0"},
		{"NXDOMAIN", "none", dns.TypeA, server.SubnetOption("10.2.0.0/24"), "NXDOMAIN qr aa rd" + ecsSOA + echo + "10.2.0.0/24/0"},
		{"another type", "text", dns.TypeTXT, server.SubnetOption("10.2.0.0/24"), "NOERROR qr aa rd\nanswer text.example.org. 60 IN TXT \"anything\"" + echo + "10.2.0.0/24/0"},
		{"another type of the name", "routed", dns.TypeTXT, server.SubnetOption("10.2.0.0/24"), "NOERROR qr aa rd" + ecsSOA + echo + "10.2.0.0/24/0"},
		{"the apex", "@", dns.TypeNS, server.SubnetOption("10.2.0.0/24"), "NOERROR qr aa rd\nanswer example.org. 60 IN NS ns.dns.example.org." + echo + "10.2.0.0/24/0"},
		{"ANY", "routed", dns.TypeANY, server.SubnetOption("10.2.0.0/24"), "NOERROR qr aa rd\nanswer routed.example.org. 60 IN HINFO \"RFC8482\" \"\"" + echo + "10.2.0.0/24/0"},
		{"a network inside", "routed", dns.TypeA, server.SubnetOption("10.2.0.0/24"), inside + echo + "10.2.0.0/24/8"},
		{"a network outside", "routed", dns.TypeA, server.SubnetOption("203.0.113.0/24"), other + echo + "203.0.113.0/24/1"},
		{"IPv6, where values are for IPv4", "routed", dns.TypeA, server.SubnetOption("2001:db8:a::/56"), other + echo + "[2001:db8:a::]/56/0"},
		{"IPv6 inside", "routed", dns.TypeAAAA, server.SubnetOption("2001:db8:a::/56"), "NOERROR qr aa rd\nanswer routed.example.org. 60 IN AAAA 2001:db8::2" + echo + "[2001:db8:a::]/56/48"},
		{"IPv6 outside", "routed", dns.TypeAAAA, server.SubnetOption("2001:db8:b::/56"), "NOERROR qr aa rd\nanswer routed.example.org. 60 IN AAAA 2001:db8::3" + echo + "[2001:db8:b::]/56/48"},
		{"an alias", "alias", dns.TypeA, server.SubnetOption("10.2.0.0/24"), "NOERROR qr aa rd\nanswer alias.example.org. 60 IN CNAME routed.example.org.\n" + inside[len("NOERROR qr aa rd\n"):] + echo + "10.2.0.0/24/8"},
		{"the alias itself", "alias", dns.TypeCNAME, server.SubnetOption("10.2.0.0/24"), "NOERROR qr aa rd\nanswer alias.example.org. 60 IN CNAME routed.example.org." + echo + "10.2.0.0/24/0"},
		{"/0 without a family, as dig sends it", "routed", dns.TypeA, rawSubnet(0, 0, 0, 0), other + echo + "0.0.0.0/0/0"},
		{
			"addresses beside the answer", "mail", dns.TypeMX, server.SubnetOption("10.2.0.0/24"), "NOERROR qr aa rd\nanswer mail.example.org. 60 IN MX 10 routed.example.org." +
				"\nadditional routed.example.org. 60 IN A 192.0.2.2\nadditional routed.example.org. 60 IN AAAA 2001:db8::3" + echo + "10.2.0.0/24/8",
		},

		{"scope set", "plain", dns.TypeA, rawSubnet(0, 1, 24, 24, 10, 0, 0), bad},
		{"scope set, routed", "routed", dns.TypeA, rawSubnet(0, 1, 24, 1, 10, 0, 0), bad},
		{"scope set, NXDOMAIN", "none", dns.TypeA, rawSubnet(0, 1, 24, 24, 10, 0, 0), bad},
		{"scope set, /0", "plain", dns.TypeA, rawSubnet(0, 1, 0, 8), bad},
		{"a bit behind the length", "plain", dns.TypeA, rawSubnet(0, 1, 23, 0, 10, 0, 1), bad},
		{"an octet behind the length", "plain", dns.TypeA, rawSubnet(0, 1, 24, 0, 10, 0, 0, 1), bad},
		{"an address and /0", "plain", dns.TypeA, rawSubnet(0, 1, 0, 0, 10), bad},
		{"IPv6, a bit behind the length", "plain", dns.TypeA, rawSubnet(0, 2, 31, 0, 0x20, 0x01, 0x0d, 0xb9), bad},
	} {
		t.Run(c.name, func(t *testing.T) {
			qname := c.qname + ".example.org"
			if c.qname == "@" {
				qname = "example.org"
			}
			for _, network := range []string{"udp", "tcp"} {
				server.CheckReply(t, s, network, server.WithOPT(server.Question(qname, c.qtype), 0, c.option), c.want)
			}
		})
	}
}

// TestECSThatIsNotOne guards against options that can't be read at all. The core refuses them, or we do.
func TestECSThatIsNotOne(t *testing.T) {
	server.NoPanics(t)
	s := server.Serve(t, "example.org:0 {\nroundrobin53 {\necs\n"+ecsRecords+"}\n}\n")
	for name, option := range map[string]dns.EDNS0{
		"an unknown family":        rawSubnet(0, 3, 24, 0, 10, 0, 0),
		"no family, and a length":  rawSubnet(0, 0, 24, 0, 10, 0, 0),
		"more bits than IPv4 has":  rawSubnet(0, 1, 33, 0, 10, 0, 0, 0, 0),
		"more bits than IPv6 has":  rawSubnet(0, 2, 129, 0, 0x20, 0x01),
		"a scope longer than IPv4": rawSubnet(0, 1, 24, 33, 10, 0, 0),
		"nothing":                  rawSubnet(),
		"half of it":               rawSubnet(0, 1, 24),
	} {
		for _, network := range []string{"udp", "tcp"} {
			if m := server.Send(t, s, network, server.WithOPT(server.Question("plain.example.org", dns.TypeA), 0, option)); m.Rcode != dns.RcodeFormatError || len(m.Answer) > 0 {
				t.Errorf("%s, over %s: got\n%s\nwant FORMERR", name, network, m)
			}
		}
	}
}
