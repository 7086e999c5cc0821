package test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// The apex has an SOA and an NS RRset, whether the Corefile gives them or not (RFC 1035 §5.2).
func TestApexSynthesized(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record @ A 192.0.2.1
			record www A 192.0.2.2
		}
	}`)
	const soa = "example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60"
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "SOA", Qname: "example.com", Qtype: dns.TypeSOA, Want: `
			NOERROR qr aa rd
			answer ` + soa},
		{Name: "NS", Qname: "example.com", Qtype: dns.TypeNS, Want: `
			NOERROR qr aa rd
			answer example.com. 60 IN NS ns.dns.example.com.`},
		{Name: "address at the apex", Qname: "example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer example.com. 60 IN A 192.0.2.1`},
		{Name: "type the apex lacks", Qname: "example.com", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			authority ` + soa},
		{Name: "DS, whose denial is the parent's, but there is none here", Qname: "example.com", Qtype: dns.TypeDS, Want: `
			NOERROR qr aa rd
			authority ` + soa},
		{Name: "address below", Qname: "www.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer www.example.com. 60 IN A 192.0.2.2`},
	})
}

func TestApexGiven(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			ttl 5m
			soa ns1 hostmaster.example.net. 1h 10m 7d 30
			ns ns1 192.0.2.53 2001:db8::53
			ns ns.example.net.
			record www A 192.0.2.2
		}
	}`)
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "SOA", Qname: "example.com", Qtype: dns.TypeSOA, Want: `
			NOERROR qr aa rd
			answer example.com. 300 IN SOA ns1.example.com. hostmaster.example.net. SERIAL 3600 600 604800 30`},
		{Name: "NS", Qname: "example.com", Qtype: dns.TypeNS, Want: `
			NOERROR qr aa rd
			answer example.com. 300 IN NS ns1.example.com.
			answer example.com. 300 IN NS ns.example.net.
			additional ns1.example.com. 300 IN A 192.0.2.53
			additional ns1.example.com. 300 IN AAAA 2001:db8::53`},
		{Name: "address of the name server", Qname: "ns1.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer ns1.example.com. 300 IN A 192.0.2.53`},
		{Name: "negative TTL is MINIMUM", Qname: "www.example.com", Qtype: dns.TypeAAAA, Want: `
			NOERROR qr aa rd
			authority example.com. 30 IN SOA ns1.example.com. hostmaster.example.net. SERIAL 3600 600 604800 30`},
	})
}

// The TTL of a negative answer is the lesser of the SOA's TTL and MINIMUM (RFC 2308 §3); stock file takes the SOA's TTL.
func TestNegativeTTL(t *testing.T) {
	for _, c := range []struct {
		name, ttl, minimum string
		want               uint32
	}{
		{"MINIMUM is less", "600", "30", 30},
		{"SOA TTL is less", "30", "600", 30},
		{"both are equal", "120", "120", 120},
		{"MINIMUM is 0", "600", "0", 0},
		{"MINIMUM is the zone's ttl", "45", "", 45},
	} {
		t.Run(c.name, func(t *testing.T) {
			timers := ""
			if c.minimum != "" {
				timers = "7200 1800 1209600 " + c.minimum
			}
			s := server.Start(t, `example.com:0 {
				roundrobin53 {
					ttl `+c.ttl+`
					soa ns1 hostmaster `+timers+`
					record www 1h A 192.0.2.1
				}
			}`)
			for _, qname := range []string{"www.example.com", "none.example.com", "none.www.example.com"} {
				m := s.Ask(qname, dns.TypeAAAA)
				if len(m.Answer) != 0 || len(m.Ns) != 1 || len(m.Extra) != 0 {
					t.Fatalf("%s: got\n%s\nwant one SOA and nothing else", qname, server.ReplyText(m))
				}
				if got := m.Ns[0].Header().Ttl; got != c.want {
					t.Errorf("%s: negative TTL %d, want %d", qname, got, c.want)
				}
			}
		})
	}
}

// A name that does not exist is NXDOMAIN; one that has other types, or only names below it, is NODATA (RFC 2308 §2,
// RFC 8020). The mistakes: NXDOMAIN for an empty non-terminal, and an SOA that is missing or stands twice.
func TestNegativeAnswers(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record www A 192.0.2.1
			record a.b.c.d TXT "deep"
			record _sip._tcp.voice SRV 10 0 5060 www
		}
	}`)
	const soa = `
		authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`
	const noData, nxDomain = "NOERROR qr aa rd" + soa, "NXDOMAIN qr aa rd" + soa
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "no such name", Qname: "none.example.com", Qtype: dns.TypeA, Want: nxDomain},
		{Name: "no such name, any type", Qname: "none.example.com", Qtype: dns.TypeANY, Want: nxDomain},
		{Name: "no such name, SOA", Qname: "none.example.com", Qtype: dns.TypeSOA, Want: nxDomain},
		{Name: "no such name, DS", Qname: "none.example.com", Qtype: dns.TypeDS, Want: nxDomain},
		{Name: "below a name with data", Qname: "none.www.example.com", Qtype: dns.TypeA, Want: nxDomain},
		{Name: "far below a name with data", Qname: "x.y.z.www.example.com", Qtype: dns.TypeA, Want: nxDomain},
		{Name: "beside the last label of a deep name", Qname: "x.b.c.d.example.com", Qtype: dns.TypeTXT, Want: nxDomain},
		{Name: "no such type", Qname: "www.example.com", Qtype: dns.TypeTXT, Want: noData},
		{Name: "unknown type", Qname: "www.example.com", Qtype: 65280, Want: noData},
		{Name: "CNAME of a name without one", Qname: "www.example.com", Qtype: dns.TypeCNAME, Want: noData},
		{Name: "DS of a name that is no delegation", Qname: "www.example.com", Qtype: dns.TypeDS, Want: noData},
		{Name: "empty non-terminal right above", Qname: "b.c.d.example.com", Qtype: dns.TypeTXT, Want: noData},
		{Name: "empty non-terminal between", Qname: "c.d.example.com", Qtype: dns.TypeA, Want: noData},
		{Name: "empty non-terminal at the top", Qname: "d.example.com", Qtype: dns.TypeAAAA, Want: noData},
		{Name: "empty non-terminal, any type", Qname: "d.example.com", Qtype: dns.TypeANY, Want: noData},
		{Name: "empty non-terminal above SRV", Qname: "_tcp.voice.example.com", Qtype: dns.TypeSRV, Want: noData},
		{Name: "the deep name itself", Qname: "a.b.c.d.example.com", Qtype: dns.TypeTXT, Want: `
			NOERROR qr aa rd
			answer a.b.c.d.example.com. 60 IN TXT "deep"`},
	})
}

// In the root zone every name is a relative one, and the apex has no label to cut off.
func TestRootZone(t *testing.T) {
	s := server.Start(t, `.:0 {
		roundrobin53 . {
			record www.example.com A 192.0.2.1
			record host A 192.0.2.2
			record *.wild A 192.0.2.3
			record @ A 192.0.2.4
			record net NS ns.net
			record ns.net A 192.0.2.5
		}
	}`)
	const soa = ". 60 IN SOA ns.dns. hostmaster. SERIAL 7200 1800 1209600 60"
	const noData, nxDomain = "NOERROR qr aa rd\nauthority " + soa, "NXDOMAIN qr aa rd\nauthority " + soa
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "SOA", Qname: ".", Qtype: dns.TypeSOA, Want: "NOERROR qr aa rd\nanswer " + soa},
		{Name: "NS", Qname: ".", Qtype: dns.TypeNS, Want: "NOERROR qr aa rd\nanswer . 60 IN NS ns.dns."},
		{Name: "apex", Qname: ".", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer . 60 IN A 192.0.2.4"},
		{Name: "apex NODATA", Qname: ".", Qtype: dns.TypeTXT, Want: noData},
		{Name: "top label", Qname: "host", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer host. 60 IN A 192.0.2.2"},
		{Name: "name below", Qname: "www.example.com", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer www.example.com. 60 IN A 192.0.2.1"},
		{Name: "empty non-terminal", Qname: "example.com", Qtype: dns.TypeA, Want: noData},
		{Name: "empty non-terminal at the top", Qname: "com", Qtype: dns.TypeA, Want: noData},
		{Name: "wildcard", Qname: "a.b.wild", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer a.b.wild. 60 IN A 192.0.2.3"},
		{Name: "no such name", Qname: "none", Qtype: dns.TypeA, Want: nxDomain},
		{Name: "no such name below", Qname: "none.example.com", Qtype: dns.TypeA, Want: nxDomain},
		{Name: "delegation", Qname: "www.net", Qtype: dns.TypeA, Want: `
			NOERROR qr rd
			authority net. 60 IN NS ns.net.
			additional ns.net. 60 IN A 192.0.2.5`},
	})
}

// A zone may be a network in CIDR form, as everywhere in CoreDNS.
func TestReverseZone(t *testing.T) {
	s := server.Start(t, `192.0.2.0/24:0 {
		roundrobin53 {
			record 1 PTR www.example.com.
		}
	}`)
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "PTR", Qname: "1.2.0.192.in-addr.arpa", Qtype: dns.TypePTR, Want: `
			NOERROR qr aa rd
			answer 1.2.0.192.in-addr.arpa. 60 IN PTR www.example.com.`},
		{Name: "no PTR", Qname: "2.2.0.192.in-addr.arpa", Qtype: dns.TypePTR, Want: `
			NXDOMAIN qr aa rd
			authority 2.0.192.in-addr.arpa. 60 IN SOA ns.dns.2.0.192.in-addr.arpa. hostmaster.2.0.192.in-addr.arpa. SERIAL 7200 1800 1209600 60`},
	})
}

// Relative names exist in each zone of a directive, each with a counter of its own; full ones only where they lie.
func TestSeveralZones(t *testing.T) {
	s := server.Start(t, `.:0 {
		roundrobin53 example.com example.org sub.example.org {
			record www A 192.0.2.1
			record only.example.org A 192.0.2.2
			record mail MX 10 www
			record turns A 192.0.2.1 192.0.2.2 192.0.2.3
		}
		roundrobin53 example.net {
			ttl 30
			record www A 192.0.2.3
			record other CNAME www.example.com.
		}
	}`)
	soa := func(zone string, ttl int) string {
		return fmt.Sprintf("\nauthority %s %d IN SOA ns.dns.%[1]s hostmaster.%[1]s SERIAL 7200 1800 1209600 %[2]d", zone, ttl)
	}
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "first zone", Qname: "www.example.com", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer www.example.com. 60 IN A 192.0.2.1"},
		{Name: "second zone", Qname: "www.example.org", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer www.example.org. 60 IN A 192.0.2.1"},
		{Name: "zone in a zone", Qname: "www.sub.example.org", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer www.sub.example.org. 60 IN A 192.0.2.1"},
		{Name: "second directive", Qname: "www.example.net", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer www.example.net. 30 IN A 192.0.2.3"},
		{Name: "relative name in RDATA", Qname: "mail.example.org", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer mail.example.org. 60 IN MX 10 www.example.org.
			additional www.example.org. 60 IN A 192.0.2.1`},
		{Name: "full name", Qname: "only.example.org", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer only.example.org. 60 IN A 192.0.2.2"},
		{Name: "full name elsewhere", Qname: "only.example.com", Qtype: dns.TypeA, Want: "NXDOMAIN qr aa rd" + soa("example.com.", 60)},
		{Name: "full name in the zone below", Qname: "only.sub.example.org", Qtype: dns.TypeA, Want: "NXDOMAIN qr aa rd" + soa("sub.example.org.", 60)},
		{Name: "NXDOMAIN in the second zone", Qname: "none.example.org", Qtype: dns.TypeA, Want: "NXDOMAIN qr aa rd" + soa("example.org.", 60)},
		{Name: "NXDOMAIN in the second directive", Qname: "none.example.net", Qtype: dns.TypeA, Want: "NXDOMAIN qr aa rd" + soa("example.net.", 30)},
		{Name: "apex of the zone below", Qname: "sub.example.org", Qtype: dns.TypeSOA, Want: strings.Replace("NOERROR qr aa rd"+soa("sub.example.org.", 60), "authority", "answer", 1)},
		// A DS RRset is the parent's to deny, which is here too (RFC 4035 §3.1.4.1).
		{Name: "DS at the zone below", Qname: "sub.example.org", Qtype: dns.TypeDS, Want: "NOERROR qr aa rd" + soa("example.org.", 60)},
		{Name: "alias from one directive into the other", Qname: "other.example.net", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer other.example.net. 30 IN CNAME www.example.com.
			answer www.example.com. 60 IN A 192.0.2.1`},
	})

	t.Run("counters", func(t *testing.T) {
		values := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
		zones := []string{"example.com", "example.org", "sub.example.org"}
		before := make(map[string]string)
		for range 7 {
			for _, zone := range zones {
				now := server.FirstAddress(t, s, "udp", "turns."+zone, dns.TypeA)
				if was, ok := before[zone]; ok && now != server.Next(values, was) {
					t.Fatalf("turns.%s: after %s came %s, want %s", zone, was, now, server.Next(values, was))
				}
				before[zone] = now
			}
		}
	})
}

// What is not ours goes to the next plugin as it came; elsewhere the query was echoed as an empty answer. Names that do
// not exist follow it only with fallthrough.
func TestNextPlugin(t *testing.T) {
	const hosts = `
		hosts {
			203.0.113.1 www.example.net
			203.0.113.2 overlay.example.com
			203.0.113.3 www.example.com
		}`
	s := server.Start(t, `.:0 {
		roundrobin53 example.com {
			record www A 192.0.2.1
		}`+hosts+`
	}`)
	const foreign = "NOERROR qr aa rd\nanswer www.example.net. 3600 IN A 203.0.113.1"
	const ours = "NOERROR qr aa rd\nanswer www.example.com. 60 IN A 192.0.2.1"
	const soa = "\nauthority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60"
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "other zone", Qname: "www.example.net", Qtype: dns.TypeA, Want: foreign},
		{Name: "our zone", Qname: "www.example.com", Qtype: dns.TypeA, Want: ours},
		{Name: "no such name", Qname: "overlay.example.com", Qtype: dns.TypeA, Want: "NXDOMAIN qr aa rd" + soa},
	})

	s = server.Start(t, `.:0 {
		roundrobin53 example.com {
			record www A 192.0.2.1
			fallthrough
		}`+hosts+`
	}`)
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "other zone, fallthrough", Qname: "www.example.net", Qtype: dns.TypeA, Want: foreign},
		{Name: "our zone, fallthrough", Qname: "www.example.com", Qtype: dns.TypeA, Want: ours},
		{Name: "NODATA stays, fallthrough", Qname: "www.example.com", Qtype: dns.TypeTXT, Want: "NOERROR qr aa rd" + soa},
		{Name: "no such name, fallthrough", Qname: "overlay.example.com", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer overlay.example.com. 3600 IN A 203.0.113.2"},
	})
}

// An answer leaves no trace in what the next one is made of: records are shared, and plugins further out write into
// messages.
func TestRepeatedAnswersAreEqual(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		header {
			response set ra
		}
		roundrobin53 {
			record host A 192.0.2.1
			record host MX 10 host
			record host MX 20 host2
			record sub NS ns.sub.example.com
			record ns.sub A 192.0.2.2
		}
	}`)
	for _, c := range []struct {
		qname string
		qtype uint16
	}{
		{"host.example.com", dns.TypeA},
		{"hOst.example.com", dns.TypeMX},
		{"host.example.com", dns.TypeMX},
		{"host.example.com", dns.TypeTXT},
		{"none.example.com", dns.TypeTXT},
		{"www.sub.example.com", dns.TypeA},
		{"example.com", dns.TypeSOA},
	} {
		var before []byte
		for range 5 {
			m := server.Question(c.qname, c.qtype)
			m.Id = 53
			wire, err := s.Exchange("udp", m).Pack()
			if err != nil {
				t.Fatal(err)
			}
			if before != nil && !bytes.Equal(wire, before) {
				t.Fatalf("%s %s: the answer changed", c.qname, dns.TypeToString[c.qtype])
			}
			before = wire
		}
	}
}
