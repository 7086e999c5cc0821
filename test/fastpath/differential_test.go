//go:build linux

package fastpath

import (
	"bytes"
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

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestFastDiffersNowhere sends the same packets, random queries and what mutations make of them, to a server with the fast
// path and to one without. The replies must be the same but for the order of addresses and compression, and so must be
// which packets get none. The packets are the same in every run.
func TestFastDiffersNowhere(t *testing.T) { compareFast(t, 53, 25_000) }

// compareFast sends four times so many packets, which depend on a seed, to both servers.
func compareFast(t *testing.T, seed uint64, perWorker int) {
	t.Helper()
	server.NoPanics(t)
	block := `example.org:%[1]s sub.example.net:%[1]s {
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
			` + server.WholeZone + server.LongChain() + `
		}
	}
	ecs.example:%[1]s {
		bind 127.0.0.1
		roundrobin53 {
			%[2]s
			ecs
			network here 127.0.0.0/8
			network there 198.51.100.0/24
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
			record near A {
				value 192.0.2.1 from here
				value 192.0.2.2 from there
				value 192.0.2.3
			}
			record far CNAME near
			record sticky A 192.0.2.1 192.0.2.2 192.0.2.3 order sticky
			record mail MX 10 near
		}
	}
	geo.example:%[1]s {
		bind 127.0.0.1
		metadata
		geoip %[4]s {
			edns-subnet
		}
		roundrobin53 {
			%[2]s
			ecs
			` + placedRecords + `
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
	other, database := server.FreePort(t), server.GeoDatabasePath(t)
	big := strings.Join(server.ManyAddresses(50, dns.TypeA), " ")
	_, port := server.StartFast(t, fmt.Sprintf(block, "PORT", "fastpath", big, database)+fmt.Sprintf(block, other, "", big, database))
	for _, name := range []string{"app.example.org", "app.sub.example.net", "app.ecs.example"} {
		server.CheckFast(t, "127.0.0.1:"+port, name, dns.TypeA, true, server.SortedThree)
	}
	const workers = 4
	var clients sync.WaitGroup
	var fastReplies [workers]int
	for worker := range workers {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(worker)))
			packets := make([][]byte, perWorker)
			for i := range packets {
				packets[i] = server.RandomPacket(random, uint16(i))
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
		if bytes.Equal(a, b) {
			continue // as most are, and what they say in words takes longer than to ask for them
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
	m := server.Question("app.example.org", dns.TypeA)
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
