package server

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// RandomPacket is a query, or what is left of one.
func RandomPacket(random *rand.Rand, id uint16) []byte {
	packet := usualQuery(random)
	if random.IntN(2) == 0 {
		packet = anyQuery(random)
	}
	if random.IntN(2) == 0 {
		for range 1 + random.IntN(3) {
			packet = mutate(random, packet)
		}
	}
	if len(packet) >= 2 {
		binary.BigEndian.PutUint16(packet, id)
	}
	return packet
}

// mutate changes a packet in one way or another.
func mutate(random *rand.Rand, packet []byte) []byte {
	if len(packet) < 13 {
		return append(packet, make([]byte, 13)...)
	}
	at := 2 + random.IntN(len(packet)-2)
	switch random.IntN(9) {
	case 0: // a bit
		packet[at] ^= 1 << random.IntN(8)
	case 1: // an octet
		packet[at] = byte(random.IntN(256))
	case 2: // the end is gone
		packet = packet[:at]
	case 3: // something follows
		packet = append(packet, randomOctets(random, 1+random.IntN(40))...)
	case 4: // a count
		packet[4+2*random.IntN(4)+1] = byte(random.IntN(4))
	case 5: // a pointer
		if at+2 <= len(packet) {
			binary.BigEndian.PutUint16(packet[at:], 0xC000|uint16(random.IntN(len(packet))))
		}
	case 6: // one octet more, or less
		packet = slices.Insert(packet, at, byte(random.IntN(256)))
	case 7:
		packet = slices.Delete(packet, at, at+1)
	case 8: // longer than the servers read
		if random.IntN(20) == 0 {
			packet = append(packet, randomOctets(random, 500)...)
		}
	}
	return packet
}

func randomOctets(random *rand.Rand, n int) []byte {
	octets := make([]byte, n)
	for i := range octets {
		octets[i] = byte(random.IntN(256))
	}
	return octets
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

// usualQuery is a query as most are, to be answered fast; or nearly so.
func usualQuery(random *rand.Rand) []byte {
	name := pick(random, "app.example.org.", "x.wild.example.org.", "app.sub.example.net.", "app.ecs.example.", "app.geo.example.", "big.example.org.")
	m := Question(RandomCase(random, name), pick(random, dns.TypeA, dns.TypeA, dns.TypeAAAA))
	m.RecursionDesired, m.CheckingDisabled = random.IntN(3) != 0, random.IntN(3) == 0
	if random.IntN(3) != 0 {
		opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
		opt.SetUDPSize(pick[uint16](random, 1232, 4096, 512, 0, uint16(random.IntN(1300)), uint16(random.IntN(1<<16))))
		opt.SetDo(random.IntN(2) == 0)
		for range random.IntN(3) {
			code := pick[uint16](random, dns.EDNS0COOKIE, dns.EDNS0NSID, dns.EDNS0PADDING, dns.EDNS0SUBNET)
			opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: code, Data: randomOption(random)})
		}
		m.Extra = append(m.Extra, opt)
	}
	octets, err := m.Pack()
	if err != nil {
		return randomOctets(random, 40)
	}
	return octets
}

// anyQuery is a well-formed query, if not always a sensible one.
func anyQuery(random *rand.Rand) []byte {
	m := Question(RandomCase(random, randomName(random)), pick(random, dns.TypeA, dns.TypeA, dns.TypeA, dns.TypeAAAA, dns.TypeAAAA,
		dns.TypeTXT, dns.TypeMX, dns.TypeANY, dns.TypeDS, dns.TypeSOA, dns.TypeNS, dns.TypeHTTPS, dns.TypeCNAME, dns.TypeSRV, dns.TypeCAA, dns.TypePTR, dns.TypeAXFR, dns.TypeOPT, uint16(random.IntN(1<<16))))
	sometimes := func(n int) bool { return random.IntN(n) == 0 }
	m.RecursionDesired, m.CheckingDisabled, m.AuthenticatedData = !sometimes(3), sometimes(3), sometimes(3)
	m.Zero, m.Authoritative, m.Truncated, m.RecursionAvailable = sometimes(9), sometimes(9), sometimes(9), sometimes(9)
	if sometimes(12) {
		m.Opcode = random.IntN(16)
	}
	if sometimes(20) {
		m.Question[0].Qclass = pick[uint16](random, dns.ClassCHAOS, dns.ClassANY, dns.ClassNONE, uint16(random.IntN(1<<16)))
	}
	if sometimes(30) {
		m.Rcode = random.IntN(16)
	}
	if sometimes(40) {
		m.Question = append(m.Question, m.Question[0])
	}
	if !sometimes(3) {
		m.Extra = append(m.Extra, randomOPT(random))
	}
	if sometimes(30) {
		m.Extra = append(m.Extra, randomOPT(random))
	}
	a, _ := dns.NewRR("app.example.org. 60 IN A 192.0.2.1")
	for _, section := range []*[]dns.RR{&m.Answer, &m.Ns, &m.Extra} {
		if sometimes(40) {
			*section = append(*section, a)
		}
	}
	if sometimes(30) {
		m.Extra = append(m.Extra, &dns.TSIG{
			Hdr:       dns.RR_Header{Name: "key.", Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
			Algorithm: dns.HmacSHA256, MACSize: 4, MAC: "01020304", Fudge: 300,
		})
	}
	octets, err := m.Pack()
	if err != nil {
		return randomOctets(random, 40)
	}
	return octets
}

func randomName(random *rand.Rand) string {
	zone := pick(random, "example.org.", "example.org.", "example.org.", "sub.example.net.", "example.net.", "ecs.example.", "geo.example.", "example.com.", ".")
	name := pick(random, "app", "app", "app", "app", "x.wild", "b.a.wild", "wild", "text", "mail", "alias", "big", "big", "none", "*.wild", "_x.wild",
		"near", "sticky", "fence", "lb", "mixed", "system", "far", "far2", "outside", "gone", "half", "v4", "x.pointed", "cut", "www.cut", "ns1.cut", "ns2", "down", "d", "c.d", "a.b.c.d",
		"_sip._udp", "svc", "other", "x.wildsvc", "caa", "ptr", "quoted", "bigmail", "tobig", "drained", "chain0", "chain5", "ns.dns",
		`a\.b.wild`, `a\000b.wild`, `\200.wild`, strings.Repeat("l", 63)+".wild", strings.Repeat("l.", 110)+"wild", "")
	if name == "" {
		return zone
	}
	return name + "." + strings.TrimPrefix(zone, ".")
}

func randomOPT(random *rand.Rand) *dns.OPT {
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(pick[uint16](random, 1232, 1232, 4096, 512, 0, uint16(random.IntN(1300)), uint16(random.IntN(1<<16))))
	if random.IntN(3) == 0 {
		opt.SetDo()
	}
	if random.IntN(10) == 0 {
		opt.Hdr.Ttl = random.Uint32()
		if random.IntN(2) == 0 {
			opt.SetVersion(0)
		}
	}
	for range random.IntN(3) {
		opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{
			Code: pick[uint16](random, dns.EDNS0COOKIE, dns.EDNS0COOKIE, dns.EDNS0NSID, dns.EDNS0PADDING, dns.EDNS0SUBNET, dns.EDNS0EXPIRE,
				dns.EDNS0TCPKEEPALIVE, dns.EDNS0EDE, dns.EDNS0LLQ, dns.EDNS0UL, dns.EDNS0ESU, 65001, uint16(random.IntN(20))),
			Data: randomOption(random),
		})
	}
	return opt
}

// randomOption is the data of an option, often those of ECS.
func randomOption(random *rand.Rand) []byte {
	if random.IntN(2) == 0 {
		return randomOctets(random, random.IntN(20))
	}
	family := pick[byte](random, 1, 1, 2, 0)
	source := random.IntN(34)
	if family == 2 {
		source = random.IntN(130)
	}
	address := randomOctets(random, (source+7)/8)
	if random.IntN(2) == 0 { // somewhere
		copy(address, netip.MustParsePrefix(pick(random, Locations...).Network).Addr().AsSlice())
	}
	if len(address) > 0 && source%8 != 0 && random.IntN(3) != 0 {
		address[len(address)-1] &= 0xff << (8 - source%8)
	}
	return append([]byte{0, family, byte(source), byte(random.IntN(20) / 19)}, address...)
}
