package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// checkPrefix fails the test if got is not the beginning of a turn of values: one of them, then the others in their own
// order from any place on, none of them twice. It is the index of the first.
func checkPrefix(t *testing.T, values, got []string) int {
	t.Helper()
	if len(got) == 0 {
		t.Fatal("no address in the answer")
	}
	first := slices.Index(values, got[0])
	if first < 0 {
		t.Fatalf("%s is not one of the values", got[0])
	}
	tail := slices.Delete(slices.Clone(values), first, first+1)
	for i, value := range got[1:] {
		if at := slices.Index(tail, value); at < 0 || i > 0 && value != server.Next(tail, got[i]) {
			t.Fatalf("%s is out of its turn, or stands twice, in %v", value, got)
		}
	}
	if len(got) > len(values) {
		t.Fatalf("%d addresses of %d", len(got), len(values))
	}
	return first
}

// A UDP answer that does not fit the client's buffer has TC set and is the beginning of the rotation, as much of it as
// fits; one that fits is whole (RFC 2181 §9, RFC 6891 §6.2.5). `answers` is how an operator keeps it below.
func TestTruncation(t *testing.T) {
	const (
		header = 12
		opt    = 11
		fixed  = 12 // of a compressed record: pointer, type, class, TTL, length
		tcp    = dns.MaxMsgSize
		plain  = 0 // over UDP without an OPT record
	)
	for _, c := range []struct {
		values  int
		answers int
		size    int
		tcA     bool
		tcAAAA  bool
	}{
		{values: 20, size: plain, tcA: false, tcAAAA: true},
		{values: 80, size: plain, tcA: true, tcAAAA: true},
		{values: 80, size: 512, tcA: true, tcAAAA: true},
		{values: 80, size: 1232, tcA: true, tcAAAA: true},
		{values: 80, size: 4096, tcA: false, tcAAAA: false},
		{values: 80, size: tcp, tcA: false, tcAAAA: false},
		{values: 400, size: plain, tcA: true, tcAAAA: true},
		{values: 400, size: 512, tcA: true, tcAAAA: true},
		{values: 400, size: 1232, tcA: true, tcAAAA: true},
		{values: 400, size: 4096, tcA: true, tcAAAA: true},
		{values: 400, size: tcp, tcA: false, tcAAAA: false},
		{values: 80, answers: 8, size: plain},
		{values: 80, answers: 16, size: 512},
		{values: 400, answers: 8, size: 512},
		{values: 400, answers: 40, size: 1232},
		{values: 400, answers: 120, size: 4096},
		{values: 400, answers: 120, size: 1232, tcA: true, tcAAAA: true},
	} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
			octets, wantTC := 4, c.tcA
			if qtype == dns.TypeAAAA {
				octets, wantTC = 16, c.tcAAAA
			}
			rrtype, whole, option := dns.TypeToString[qtype], c.values, ""
			if c.answers > 0 {
				whole, option = c.answers, fmt.Sprintf(" answers %d", c.answers)
			}
			t.Run(fmt.Sprintf("%d %s%s at %d", c.values, rrtype, option, c.size), func(t *testing.T) {
				values := server.ManyAddresses(c.values, qtype)
				s := server.Start(t, `example.com:0 {
					roundrobin53 {
						record many `+rrtype+" "+strings.Join(values, " ")+option+`
					}
				}`)
				network, size, query := "udp", c.size, server.Question("many.example.com", qtype)
				overhead := header + len("many.example.com.") + 1 + 4
				switch c.size {
				case plain:
					size = dns.MinMsgSize
				case tcp:
					network = "tcp"
				default:
					query.SetEdns0(uint16(size), false)
					overhead += opt
				}
				wantLen := min(whole, (size-overhead)/(fixed+octets))

				before := -1
				for range 5 {
					m, length := server.ExchangeWire(t, s, network, query)
					if length > size {
						t.Errorf("the reply takes %d octets, more than %d", length, size)
					}
					if m.Truncated != wantTC || m.Rcode != dns.RcodeSuccess || len(m.Ns) != 0 {
						t.Errorf("RCODE %s, TC %t, %d records in the authority section; want NOERROR, TC %t, none",
							dns.RcodeToString[m.Rcode], m.Truncated, len(m.Ns), wantTC)
					}
					got := server.Addresses(m)
					if len(got) != wantLen || len(got) != len(m.Answer) {
						t.Errorf("%d addresses in %d records, want %d", len(got), len(m.Answer), wantLen)
					}
					first := checkPrefix(t, values, got)
					if before >= 0 && first != (before+1)%len(values) {
						t.Errorf("value %d is first after value %d", first, before)
					}
					before = first
				}
			})
		}
	}
}

// Addresses in the additional section are a courtesy: the RRsets that fit come along whole, and no answer is truncated for
// those that don't (RFC 2181 §9). TC would send the client to TCP for nothing.
func TestAdditionalNeverTruncates(t *testing.T) {
	const values = 60
	list := strings.Join(server.ManyAddresses(values, dns.TypeA), " ")
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			ns host
			record host A `+list+`
			record host2 A `+list+`
			record mail MX 10 host
			record mail MX 20 host2
			record _sip._udp SRV 10 0 5060 host
			record _sip._udp SRV 10 0 5060 host2
			record alias CNAME mail
		}
	}`)
	for _, c := range []struct {
		name    string
		qname   string
		qtype   uint16
		answers int
	}{
		{"MX", "mail.example.com", dns.TypeMX, 2},
		{"MX behind an alias", "alias.example.com", dns.TypeMX, 3},
		{"SRV", "_sip._udp.example.com", dns.TypeSRV, 2},
		{"NS", "example.com", dns.TypeNS, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(network string, m *dns.Msg, size int) *dns.Msg {
				t.Helper()
				reply, octets := server.ExchangeWire(t, s, network, m)
				if reply.Truncated || len(reply.Answer) != c.answers || octets > size {
					t.Fatalf("buffer of %d over %s: TC %t, %d answers, %d octets; want no TC, %d answers",
						size, network, reply.Truncated, len(reply.Answer), octets, c.answers)
				}
				return reply
			}
			check("udp", server.Question(c.qname, c.qtype), dns.MinMsgSize)
			all := check("tcp", server.Question(c.qname, c.qtype), dns.MaxMsgSize)
			if len(all.Extra) < values {
				t.Errorf("over TCP %d addresses come along, want all", len(all.Extra))
			}
			// Many sizes, since the ways to count octets differ at the edges: with and without compression, with OPT.
			const set = 2*(len("host2.example.com.")+1) + values*16 // as if no owner name were compressed
			for size := dns.MinMsgSize; size < 3*set; size += 3 {
				reply := check("udp", server.Question(c.qname, c.qtype).SetEdns0(uint16(size), true), size)
				extra := len(reply.Extra) - 1 // OPT
				reply.Compress = true
				if free := size - reply.Len(); extra%values != 0 || extra < len(all.Extra) && free >= set {
					t.Errorf("buffer of %d: %d addresses, %d octets are left; want RRsets of %d whole, and none left out that fits", size, extra, free, values)
				}
			}
			for _, size := range []int{1232, 1410, 1480, 4096} {
				check("udp", server.Question(c.qname, c.qtype).SetEdns0(uint16(size), false), size)
			}
		})
	}
}

// A referral without its glue leads nowhere: if it does not fit, TC is set (RFC 9471 §3.1).
func TestReferralIsTruncatedForGlue(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record sub NS ns.sub.example.com
			record ns.sub A `+strings.Join(server.ManyAddresses(60, dns.TypeA), " ")+`
		}
	}`)
	for _, c := range []struct {
		name    string
		network string
		size    uint16
		wantTC  bool
	}{
		{"512", "udp", 512, true},
		{"1232", "udp", 1232, false},
		{"TCP", "tcp", 512, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _ := server.ExchangeWire(t, s, c.network, server.Question("www.sub.example.com", dns.TypeA).SetEdns0(c.size, false))
			if m.Truncated != c.wantTC || len(m.Ns) != 1 {
				t.Errorf("TC %t with %d name servers, want TC %t with 1", m.Truncated, len(m.Ns), c.wantTC)
			}
			if glue := len(m.Extra) - 1; !c.wantTC && glue != 60 {
				t.Errorf("%d addresses as glue, want 60", glue)
			}
		})
	}
}

// What other plugins add to an answer, and the echo of ECS, take octets that additional data may not: no TC for these, and no
// RRset of which a part is left (RFC 2181 §9).
func TestAdditionalLeavesRoomForOptions(t *testing.T) {
	const values = 20
	const key, secret = "key.example.", "NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk="
	s := server.Start(t, `example.com:0 {
		nsid a-name-of-the-server-that-has-quite-a-few-octets.example.com
		tsig {
			secret `+key+" "+secret+`
		}
		roundrobin53 {
			record host A `+strings.Join(server.ManyAddresses(values, dns.TypeA), " ")+`
			record host2 A `+strings.Join(server.ManyAddresses(values, dns.TypeA), " ")+`
			record mail MX 10 host
			record mail MX 20 host2
			ecs
		}
	}`)
	subnet := server.SubnetOption("2001:db8:a:b:c:d:e:f/128")
	for _, c := range []struct {
		name    string
		options []dns.EDNS0
		signed  bool
	}{
		{"ECS", []dns.EDNS0{subnet}, false},
		{"NSID", []dns.EDNS0{server.NSIDOption}, false},
		{"ECS and NSID", []dns.EDNS0{subnet, server.NSIDOption}, false},
		{"TSIG", nil, true},
		{"all", []dns.EDNS0{server.NSIDOption, subnet}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := make(map[int]bool)
			for size := dns.MinMsgSize; size < 1232; size++ {
				m := server.WithOPT(server.Question("mail.example.com", dns.TypeMX), 0, c.options...)
				m.IsEdns0().SetUDPSize(uint16(size))
				client := dns.Client{UDPSize: dns.MaxMsgSize, Timeout: 5 * time.Second}
				if c.signed {
					m.SetTsig(key, dns.HmacSHA256, 300, time.Now().Unix())
					client.TsigSecret = map[string]string{key: secret}
				}
				reply, _, err := client.Exchange(m, server.Loopback(s.UDP(0)))
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				for _, rr := range reply.Extra {
					if rr.Header().Rrtype == dns.TypeA {
						n++
					}
				}
				seen[n] = true
				if reply.Compress = true; reply.Truncated || n%values != 0 || reply.Len() > size {
					t.Fatalf("buffer of %d: TC %t, %d addresses, %d octets; want no TC and RRsets of %d whole", size, reply.Truncated, n, reply.Len(), values)
				}
			}
			if !seen[values] || !seen[2*values] {
				t.Errorf("sizes of the additional section: %v, want one RRset and two", seen)
			}
		})
	}
}

// The addresses of name servers outside the zone that is delegated are no glue that a referral needs (RFC 9471 §3.2): they
// come along where they fit.
func TestReferralIsNotTruncatedForSiblings(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record sub NS sibling
			record sub NS ns.sub.example.com
			record sub NS ns.other.example.com
			record ns.sub A 192.0.2.1
			record sibling A `+strings.Join(server.ManyAddresses(60, dns.TypeA), " ")+`
			record other NS ns.other.example.com
			record ns.other AAAA 2001:db8::1
		}
	}`)
	for _, c := range []struct {
		network string
		size    uint16
		want    int // addresses
	}{
		{"udp", 512, 2},
		{"udp", 1232, 62},
		{"tcp", 512, 62},
	} {
		m, octets := server.ExchangeWire(t, s, c.network, server.Question("www.sub.example.com", dns.TypeA).SetEdns0(c.size, false))
		if m.Truncated || len(m.Ns) != 3 || len(m.Extra)-1 != c.want || c.network == "udp" && octets > int(c.size) {
			t.Errorf("%d over %s: TC %t, %d name servers, %d addresses, %d octets; want no TC, 3 and %d",
				c.size, c.network, m.Truncated, len(m.Ns), len(m.Extra)-1, octets, c.want)
		}
		if m.Extra[0].Header().Name != "ns.sub.example.com." {
			t.Errorf("%s is first, want the glue that is needed", m.Extra[0])
		}
	}
}

// An answer that is truncated behind an alias keeps the CNAME first.
func TestTruncationBehindAlias(t *testing.T) {
	values := server.ManyAddresses(80, dns.TypeA)
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record many A `+strings.Join(values, " ")+`
			record alias CNAME many
		}
	}
	example.net:0 {
		roundrobin53 {
			record alias CNAME many.example.com.
		}
	}`)
	for _, qname := range []string{"alias.example.com.", "alias.example.net."} {
		t.Run(qname, func(t *testing.T) {
			m, octets := server.ExchangeWire(t, s, "udp", server.Question(qname, dns.TypeA))
			if !m.Truncated || octets > dns.MinMsgSize {
				t.Errorf("TC %t in %d octets, want TC in at most %d", m.Truncated, octets, dns.MinMsgSize)
			}
			if cname, ok := m.Answer[0].(*dns.CNAME); !ok || cname.Hdr.Name != qname {
				t.Errorf("%s is first, want the CNAME", m.Answer[0])
			}
			checkPrefix(t, values, server.Addresses(m))

			whole, _ := server.ExchangeWire(t, s, "tcp", server.Question(qname, dns.TypeA))
			if whole.Truncated || len(whole.Answer) != 81 {
				t.Errorf("over TCP: TC %t with %d records, want 81 and no TC", whole.Truncated, len(whole.Answer))
			}
		})
	}
}
