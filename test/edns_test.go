package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// The reply's OPT record is its own: options that nobody here implements are ignored and not echoed (RFC 6891 §6.1.2), and
// neither are reserved flags (§6.1.4). dig sends a COOKIE, resolvers send padding and more; elsewhere they met an index
// into the first option.
func TestEDNS(t *testing.T) {
	server.NoPanics(t)
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record www A 192.0.2.1
			record failing CNAME www.fail.example.
		}
	}
	fail.example:0 {
		template IN ANY {
			rcode SERVFAIL
		}
	}`)
	const (
		answer = "NOERROR qr aa rd\nanswer www.example.com. 60 IN A 192.0.2.1"
		soa    = "\nauthority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60"
		opt    = "\nopt udp 1232 flags 0000"
		optDO  = "\nopt udp 1232 flags 8000"
	)
	www := func() *dns.Msg { return server.Question("www.example.com", dns.TypeA) }
	for _, c := range []struct {
		name  string
		query *dns.Msg
		want  string
	}{
		{"no OPT", www(), answer},
		{"OPT", server.WithOPT(www(), 0), answer + opt},
		{"DO", server.WithOPT(www(), 0x8000), answer + optDO},
		{"COOKIE", server.WithOPT(www(), 0, server.CookieOption), answer + opt},
		{"padding", server.WithOPT(www(), 0, server.PaddingOption), answer + opt},
		{"NSID", server.WithOPT(www(), 0, server.NSIDOption), answer + opt},
		{"keepalive", server.WithOPT(www(), 0, server.KeepaliveOption), answer + opt},
		{"expire", server.WithOPT(www(), 0, server.ExpireOption), answer + opt},
		{"unknown option", server.WithOPT(www(), 0, server.UnknownOption), answer + opt},
		{"unknown option without data", server.WithOPT(www(), 0, server.UnlistedOption), answer + opt},
		{"all of them", server.WithOPT(www(), 0x8000, server.CookieOption, server.PaddingOption, server.NSIDOption, server.KeepaliveOption, server.ExpireOption, server.UnknownOption, server.UnlistedOption, server.UnknownOption), answer + optDO},
		{"reserved flags", server.WithOPT(www(), server.ReservedFlags), answer + opt},
		{"reserved flags and DO", server.WithOPT(www(), server.ReservedFlags|0x8000), answer + optDO},

		{"NODATA", server.WithOPT(server.Question("www.example.com", dns.TypeTXT), server.ReservedFlags, server.UnknownOption), "NOERROR qr aa rd" + soa + opt},
		{"NXDOMAIN", server.WithOPT(server.Question("none.example.com", dns.TypeA), server.ReservedFlags, server.CookieOption), "NXDOMAIN qr aa rd" + soa + opt},
		{"NXDOMAIN, DO", server.WithOPT(server.Question("none.example.com", dns.TypeA), 0x8000), "NXDOMAIN qr aa rd" + soa + optDO},
		{"SERVFAIL", server.WithOPT(server.Question("failing.example.com", dns.TypeA), server.ReservedFlags, server.CookieOption), "SERVFAIL qr rd" + opt},
		{"REFUSED", server.WithOPT(server.Question("example.com", dns.TypeIXFR), server.ReservedFlags|0x8000, server.UnknownOption), "REFUSED qr rd" + optDO},
		{"NOTIMP", server.WithOPT(new(dns.Msg).SetNotify("example.com."), server.ReservedFlags, server.UnknownOption), "NOTIMP qr" + opt},
		{"FORMERR", server.WithOPT(server.WithOPT(www(), server.ReservedFlags, server.CookieOption), server.ReservedFlags), "FORMERR qr rd" + opt},
		// RFC 6891 §6.1.3: the version that is known, and nothing else.
		{"BADVERS", server.WithVersion(server.WithOPT(www(), 0), 1), "BADVERS qr rd\nopt udp 0 flags 0000"},
		{"BADVERS, options of that version", server.WithVersion(server.WithOPT(www(), server.ReservedFlags, server.UnknownOption), 255), "BADVERS qr rd\nopt udp 0 flags 0000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				server.CheckReply(t, s, network, c.query.Copy(), c.want)
			}
		})
	}
}

// More than one OPT record is FORMERR (RFC 6891 §6.1.1), whatever they say, and takes no turn. Stock plugins answer.
func TestTwoOPTRecords(t *testing.T) {
	server.NoPanics(t)
	values := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record www A 192.0.2.1 192.0.2.2 192.0.2.3
		}
	}`)
	before := server.FirstAddress(t, s, "udp", "www.example.com", dns.TypeA)
	for _, c := range []struct {
		name          string
		first, second uint16
	}{
		{"equal", 0, 0},
		{"first with DO", 0x8000, 0},
		{"second with DO", 0, 0x8000},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				m := server.WithOPT(server.WithOPT(server.Question("www.example.com", dns.TypeA), c.first, server.CookieOption), c.second, server.UnknownOption)
				reply := server.Send(t, s, network, m)
				if reply.Rcode != dns.RcodeFormatError || reply.Authoritative || len(reply.Answer)+len(reply.Ns) > 0 ||
					len(reply.Extra) != 1 || reply.IsEdns0() == nil {
					t.Errorf("two OPT records over %s: got\n%s\nwant FORMERR with one OPT record", network, server.ReplyText(reply))
				}
			}
		})
	}
	if got, want := server.FirstAddress(t, s, "udp", "www.example.com", dns.TypeA), server.Next(values, before); got != want {
		t.Errorf("after FORMERR replies %s is first, want %s", got, want)
	}
}

// Header bits of the query: RD and CD come back, as everywhere in CoreDNS; AD, RA and the reserved bit do not.
func TestHeaderBits(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record www A 192.0.2.1
		}
	}`)
	const answer = "\nanswer www.example.com. 60 IN A 192.0.2.1"
	for _, c := range []struct {
		name string
		set  func(*dns.MsgHdr)
		want string
	}{
		{"none", func(hdr *dns.MsgHdr) { hdr.RecursionDesired = false }, "NOERROR qr aa"},
		{"RD", func(hdr *dns.MsgHdr) { hdr.RecursionDesired = true }, "NOERROR qr aa rd"},
		{"CD", func(hdr *dns.MsgHdr) { hdr.CheckingDisabled = true }, "NOERROR qr aa rd cd"},
		{"AD", func(hdr *dns.MsgHdr) { hdr.AuthenticatedData = true }, "NOERROR qr aa rd"},
		{"RA", func(hdr *dns.MsgHdr) { hdr.RecursionAvailable = true }, "NOERROR qr aa rd"},
		{"AA", func(hdr *dns.MsgHdr) { hdr.Authoritative = true }, "NOERROR qr aa rd"},
		{"reserved", func(hdr *dns.MsgHdr) { hdr.Zero = true }, "NOERROR qr aa rd"},
		{"RCODE", func(hdr *dns.MsgHdr) { hdr.Rcode = dns.RcodeRefused }, "NOERROR qr aa rd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := server.Question("www.example.com", dns.TypeA)
			c.set(&m.MsgHdr)
			for _, network := range []string{"udp", "tcp"} {
				server.CheckReply(t, s, network, m, c.want+answer)
			}
		})
	}
}

// NOTIFY for our zones gets NOTIMP: stock file leaves it without a reply, and the sender tries again and again. All other
// opcodes are turned down before they reach a plugin.
func TestOpcodes(t *testing.T) {
	server.NoPanics(t)
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record www A 192.0.2.1
		}
	}`)
	notifyWithSOA := new(dns.Msg).SetNotify("example.com.") // RFC 1996 §3.7
	notifyWithSOA.Answer = []dns.RR{&dns.SOA{
		Hdr: dns.RR_Header{Name: "example.com.", Rrtype: dns.TypeSOA, Class: dns.ClassINET},
		Ns:  "ns.example.com.", Mbox: "hostmaster.example.com.", Serial: 1,
	}}
	for _, c := range []struct {
		name  string
		query *dns.Msg
		want  string
	}{
		{"NOTIFY", new(dns.Msg).SetNotify("example.com."), "NOTIMP qr"},
		{"NOTIFY in capitals", new(dns.Msg).SetNotify("EXAMPLE.com."), "NOTIMP qr"},
		{"NOTIFY with an SOA", notifyWithSOA, "NOTIMP qr"},
		{"NOTIFY below the apex", new(dns.Msg).SetNotify("www.example.com."), "NOTIMP qr"},
		{"NOTIFY with OPT", server.WithOPT(new(dns.Msg).SetNotify("example.com."), 0), "NOTIMP qr\nopt udp 1232 flags 0000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				server.CheckReply(t, s, network, c.query, c.want)
			}
		})
	}

	for opcode := range 16 {
		if opcode == dns.OpcodeQuery || opcode == dns.OpcodeNotify {
			continue
		}
		t.Run(fmt.Sprintf("opcode %d", opcode), func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				m := server.Question("www.example.com", dns.TypeA)
				m.Opcode = opcode
				m.RecursionDesired = false
				reply := server.Send(t, s, network, m)
				if reply.Opcode != opcode {
					t.Errorf("over %s: opcode %d came back as %d", network, opcode, reply.Opcode)
				}
				if got, want := server.ReplyText(reply), "NOTIMP qr"; got != want {
					t.Errorf("over %s: got\n%s\nwant\n%s", network, got, want)
				}
			}
		})
	}

	update := new(dns.Msg).SetUpdate("example.com.")
	update.Insert([]dns.RR{&dns.A{Hdr: dns.RR_Header{Name: "www.example.com.", Rrtype: dns.TypeA, Class: dns.ClassINET}, A: []byte{192, 0, 2, 66}}})
	for _, network := range []string{"udp", "tcp"} {
		if got, want := server.ReplyText(server.Send(t, s, network, update)), "NOTIMP qr"; got != want {
			t.Errorf("UPDATE over %s: got\n%s\nwant\n%s", network, got, want)
		}
	}

	// The server goes on, and with what it had.
	server.CheckReply(t, s, "udp", server.Question("www.example.com", dns.TypeA), "NOERROR qr aa rd\nanswer www.example.com. 60 IN A 192.0.2.1")
}

// All data are of class IN. The core turns other classes down, but lets them pass where a plugin such as chaos serves one;
// then we do.
func TestClasses(t *testing.T) {
	server.NoPanics(t)
	for _, c := range []struct{ name, plugins string }{
		{"core", ""},
		{"chaos in the block", "chaos CoreDNS-001"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := server.Start(t, `example.com:0 {
				`+c.plugins+`
				roundrobin53 {
					record www A 192.0.2.1
				}
			}`)
			for _, class := range []uint16{dns.ClassCHAOS, dns.ClassHESIOD, dns.ClassNONE, dns.ClassANY, 0, 4711} {
				for _, network := range []string{"udp", "tcp"} {
					for _, qname := range []string{"www.example.com", "none.example.com"} {
						m := server.Question(qname, dns.TypeA)
						m.Question[0].Qclass = class
						server.CheckReply(t, s, network, m, "REFUSED qr rd")
						m = server.WithOPT(m, 0x8000, server.CookieOption)
						server.CheckReply(t, s, network, m, "REFUSED qr rd\nopt udp 1232 flags 8000")
					}
				}
			}
		})
	}
}

// A query has one question (RFC 9619).
func TestTwoQuestions(t *testing.T) {
	server.NoPanics(t)
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record www A 192.0.2.1
		}
	}`)
	for _, network := range []string{"udp", "tcp"} {
		m := server.Question("www.example.com", dns.TypeA)
		m.Question = append(m.Question, dns.Question{Name: "www.example.com.", Qtype: dns.TypeAAAA, Qclass: dns.ClassINET})
		if reply := server.Send(t, s, network, m); reply.Rcode != dns.RcodeFormatError || len(reply.Answer) > 0 {
			t.Errorf("over %s: got\n%s\nwant FORMERR", network, server.ReplyText(reply))
		}
	}
}

// The plugins that implement an option add it to the OPT record that we made.
func TestOptionsOfOtherPlugins(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		nsid server-1
		roundrobin53 {
			record www A 192.0.2.1
		}
	}`)
	const soa = "\nauthority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60"
	const opt = "\nopt udp 1232 flags 0000 option 3 7365727665722d31"
	for _, network := range []string{"udp", "tcp"} {
		server.CheckReply(t, s, network, server.WithOPT(server.Question("www.example.com", dns.TypeA), server.ReservedFlags, server.CookieOption, server.NSIDOption),
			"NOERROR qr aa rd\nanswer www.example.com. 60 IN A 192.0.2.1"+opt)
		server.CheckReply(t, s, network, server.WithOPT(server.Question("none.example.com", dns.TypeA), 0, server.NSIDOption), "NXDOMAIN qr aa rd"+soa+opt)
	}
}

// A TSIG record in a query harms nobody: without the tsig plugin it is ignored, with it the reply is signed (RFC 8945),
// error replies too.
func TestTSIG(t *testing.T) {
	server.NoPanics(t)
	const (
		key    = "key.example."
		secret = "NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk="
		answer = "NOERROR qr aa rd\nanswer www.example.com. 60 IN A 192.0.2.1"
		soa    = "\nauthority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60"
		signed = "\ntsig key.example. NOERROR"
	)
	records := `
		roundrobin53 {
			record www A 192.0.2.1
			record many A 192.0.2.1 192.0.2.2 192.0.2.3
		}`
	without := server.Start(t, "example.com:0 {"+records+"\n}")
	with := server.Start(t, `example.com:0 {
		tsig {
			secret `+key+` `+secret+`
			require all
		}`+records+"\n}")

	www := func() *dns.Msg { return server.Question("www.example.com", dns.TypeA) }
	for _, c := range []struct {
		name   string
		server *server.Server
		query  *dns.Msg
		want   string
	}{
		{"without tsig", without, www(), answer},
		{"without tsig, OPT", without, server.WithOPT(www(), server.ReservedFlags, server.CookieOption), answer + "\nopt udp 1232 flags 0000"},
		{"without tsig, NOTIFY", without, new(dns.Msg).SetNotify("example.com."), "NOTIMP qr"},
		{"tsig", with, www(), answer + signed},
		{"tsig, OPT", with, server.WithOPT(www(), server.ReservedFlags, server.CookieOption), answer + "\nopt udp 1232 flags 0000" + signed},
		{"tsig, NXDOMAIN", with, server.Question("none.example.com", dns.TypeA), "NXDOMAIN qr aa rd" + soa + signed},
		{"tsig, NODATA", with, server.Question("www.example.com", dns.TypeTXT), "NOERROR qr aa rd" + soa + signed},
		{"tsig, NOTIFY", with, new(dns.Msg).SetNotify("example.com."), "NOTIMP qr" + signed},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				m := c.query.Copy()
				m.SetTsig(key, dns.HmacSHA256, 300, time.Now().Unix())
				address := c.server.UDP(0)
				if network == "tcp" {
					address = c.server.TCP(0)
				}
				client := dns.Client{Net: network, Timeout: 5 * time.Second, TsigSecret: map[string]string{key: secret}}
				reply, _, err := client.Exchange(m, server.Loopback(address)) // verifies the signature, if there is one
				if err != nil {
					t.Fatalf("over %s: %v", network, err)
				}
				if got := server.ReplyText(reply); got != c.want {
					t.Errorf("over %s: got\n%s\nwant\n%s", network, got, c.want)
				}
			}
		})
	}
	t.Run("tsig, query without", func(t *testing.T) {
		server.CheckReply(t, with, "udp", www(), "REFUSED qr rd")
	})
}
