//go:build linux

package test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestFastDiffersNowhere sends the same packets, random queries and what mutations make of them, to a server with the fast
// path and to one without. The replies must be the same but for the order of addresses and compression, and so must be
// which packets get none. The packets are the same in every run.
func TestFastDiffersNowhere(t *testing.T) {
	noPanics(t)
	const block = `example.org:%[1]s sub.example.net:%[1]s {
		bind 127.0.0.1
		roundrobin53 {
			%[2]s
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
			record app AAAA 2001:db8::1 2001:db8::2 2001:db8::3
			record @ A 192.0.2.1
			record *.wild 0 A 192.0.2.1 192.0.2.2 192.0.2.3
			record text TXT "text"
			record mail MX 10 app
			record alias CNAME app
			record big 86400 A %[3]s
		}
	}
	ecs.example:%[1]s {
		bind 127.0.0.1
		roundrobin53 {
			%[2]s
			ecs
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
		}
	}
	example.net:%[1]s {
		bind 127.0.0.1
		errors
		roundrobin53 {
			record * A 192.0.2.1
		}
	}
	`
	other := freePort(t)
	big := strings.Join(manyAddresses(50, dns.TypeA), " ")
	_, port := startFast(t, fmt.Sprintf(block, "PORT", "fastpath", big)+fmt.Sprintf(block, other, "", big))
	for _, name := range []string{"app.example.org", "app.sub.example.net", "app.ecs.example"} {
		checkFast(t, "127.0.0.1:"+port, name, dns.TypeA, true, sortedThree)
	}
	const workers, perWorker = 4, 25_000
	var clients sync.WaitGroup
	var fastReplies [workers]int
	for worker := range workers {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(53, uint64(worker)))
			packets := make([][]byte, perWorker)
			for i := range packets {
				packets[i] = randomPacket(random, uint16(i))
			}
			fastReplies[worker] = comparePackets(t, packets, "127.0.0.1:"+port, "127.0.0.1:"+other)
		})
	}
	clients.Wait()
	if n := fastReplies[0] + fastReplies[1] + fastReplies[2] + fastReplies[3]; n < 10_000 {
		t.Errorf("only %d replies are shorter than the chain's, which those of the fast path are", n)
	}
}

// comparePackets sends packets, whose IDs are their places, to two servers. It returns how many replies of the first one
// are shorter than those of the other.
func comparePackets(t *testing.T, packets [][]byte, fast, slow string) (shorter int) {
	t.Helper()
	sides := [2]*listening{listenTo(t, fast), listenTo(t, slow)}
	if sides[0] == nil || sides[1] == nil {
		return 0
	}
	defer sides[0].Close()
	defer sides[1].Close()
	const window = 16
	for from := 0; from < len(packets); from += window {
		for _, side := range sides {
			side.send(packets[from:min(from+window, len(packets))])
		}
		for _, side := range sides {
			if !side.awaitSentinel() {
				t.Errorf("no reply to a plain query, among packets from %d on", from)
				return shorter
			}
		}
	}
	// Who answers a packet on one side has to do it on the other. Only then it is worth waiting for.
	missing := func() (missing [][]byte) {
		for i := range packets {
			if (sides[0].reply(i) == nil) != (sides[1].reply(i) == nil) {
				missing = append(missing, packets[i])
			}
		}
		return missing
	}
	for range 5 {
		for range 100 {
			if len(missing()) == 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		for _, packet := range missing() { // a full socket may have dropped it
			sides[0].send([][]byte{packet})
			sides[1].send([][]byte{packet})
		}
	}
	failures := 0
	for i, packet := range packets {
		a, b := sides[0].reply(i), sides[1].reply(i)
		if a != nil && len(a) < len(b) {
			shorter++
		}
		if got, want := canonical(a), canonical(b); got != want {
			if failures++; failures <= 3 {
				t.Errorf("packet %x\ngot\n%s\nwant, as without the fast path,\n%s", packet, got, want)
			}
		}
	}
	if failures > 0 {
		t.Errorf("%d replies differ", failures)
	}
	return shorter
}

// listening is a socket that keeps what it hears from a server, by ID.
type listening struct {
	net.Conn
	mu       sync.Mutex
	replies  map[int][]byte
	sentinel uint16
	heard    chan uint16 // IDs of sentinels' replies
}

// firstSentinel is the first ID that no packet has.
const firstSentinel = 60_000

func listenTo(t *testing.T, address string) *listening {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Error(err)
		return nil
	}
	l := &listening{Conn: conn, replies: make(map[int][]byte), heard: make(chan uint16, 100)}
	go l.listen()
	return l
}

func (l *listening) listen() {
	buf := make([]byte, dns.MaxMsgSize)
	for {
		n, err := l.Read(buf)
		if err != nil {
			return // closed
		}
		if n < 2 {
			continue
		}
		id := binary.BigEndian.Uint16(buf)
		if id >= firstSentinel {
			select {
			case l.heard <- id:
			default:
			}
			continue
		}
		l.mu.Lock()
		l.replies[int(id)] = slices.Clone(buf[:n])
		l.mu.Unlock()
	}
}

// reply is what came for a packet, nil if nothing has yet.
func (l *listening) reply(i int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.replies[i]
}

func (l *listening) send(packets [][]byte) {
	for _, packet := range packets {
		_, _ = l.Write(packet) // what is lost is sent again
	}
}

// awaitSentinel sends a plain query and waits for the reply: by then the server has seen what was sent before.
func (l *listening) awaitSentinel() bool {
	l.sentinel = firstSentinel + (l.sentinel+1)%5000
	m := question("app.example.org", dns.TypeA)
	m.Id = l.sentinel
	query, err := m.Pack()
	if err != nil {
		return false
	}
	for range 20 {
		_, _ = l.Write(query)
		patience := time.After(500 * time.Millisecond)
		for isWaiting := true; isWaiting; {
			select {
			case id := <-l.heard:
				if id == l.sentinel {
					return true
				}
			case <-patience:
				isWaiting = false
			}
		}
	}
	return false
}

var serialOfSOA = regexp.MustCompile(`(SOA\s\S+ \S+) \d+`)

// canonical is a reply as text, without order in its sections and without the serial of an SOA. Of a truncated one, which
// has some of the addresses, it tells only how many.
func canonical(reply []byte) string {
	if reply == nil {
		return "nothing"
	}
	m := new(dns.Msg)
	if err := m.Unpack(reply); err != nil {
		return fmt.Sprintf("%x: %v", reply, err)
	}
	part := fmt.Sprintf("%d addresses", len(m.Answer))
	if m.Truncated {
		m.Answer = nil
	}
	lines := strings.Split(serialOfSOA.ReplaceAllString(m.String(), "$1 SERIAL"), "\n")
	slices.Sort(lines)
	return part + strings.Join(lines, "\n")
}

// randomPacket is a query, or what is left of one.
func randomPacket(random *rand.Rand, id uint16) []byte {
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
	name := pick(random, "app.example.org.", "x.wild.example.org.", "app.sub.example.net.", "app.ecs.example.", "big.example.org.")
	m := question(randomCase(random, name), pick(random, dns.TypeA, dns.TypeA, dns.TypeAAAA))
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
	m := question(randomCase(random, randomName(random)), pick(random, dns.TypeA, dns.TypeA, dns.TypeA, dns.TypeAAAA, dns.TypeAAAA,
		dns.TypeTXT, dns.TypeMX, dns.TypeANY, dns.TypeDS, dns.TypeSOA, dns.TypeNS, dns.TypeHTTPS, dns.TypeCNAME, dns.TypeAXFR, dns.TypeOPT, uint16(random.IntN(1<<16))))
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
	zone := pick(random, "example.org.", "example.org.", "example.org.", "sub.example.net.", "example.net.", "ecs.example.", "example.com.", ".")
	name := pick(random, "app", "app", "app", "app", "x.wild", "b.a.wild", "wild", "text", "mail", "alias", "big", "big", "none", "*.wild", "_x.wild",
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
	if len(address) > 0 && source%8 != 0 && random.IntN(3) != 0 {
		address[len(address)-1] &= 0xff << (8 - source%8)
	}
	return append([]byte{0, family, byte(source), byte(random.IntN(20) / 19)}, address...)
}
