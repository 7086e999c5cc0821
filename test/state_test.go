package test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// randomQueries writes n queries into one TCP connection without waiting for their replies, and counts those. Names have
// a random label below parents, and the ECS option a random network; half of the networks are IPv6.
func randomQueries(t *testing.T, address string, n int, random *rand.Rand, parents []string) {
	t.Helper()
	conn, err := net.Dial("tcp", server.Loopback(address))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(4 * time.Minute))
	var wg sync.WaitGroup
	wg.Go(func() {
		w := bufio.NewWriter(conn)
		for i := range n {
			if _, err := w.Write(randomQuery(t, random, parents[i%len(parents)])); err != nil {
				t.Error(err)
				return
			}
		}
		if err := w.Flush(); err != nil {
			t.Error(err)
		}
	})
	r := bufio.NewReader(conn)
	for i := range n {
		var header [6]byte // the length, the ID and the flags
		if _, err := io.ReadFull(r, header[:]); err != nil {
			t.Errorf("reply %d: %v", i, err)
			break
		}
		if rcode := int(header[5] & 15); rcode != dns.RcodeSuccess && rcode != dns.RcodeNameError {
			t.Errorf("reply %d: %s", i, dns.RcodeToString[rcode])
			break
		}
		if _, err := r.Discard(int(binary.BigEndian.Uint16(header[:])) - 4); err != nil {
			t.Errorf("reply %d: %v", i, err)
			break
		}
	}
	wg.Wait()
}

// randomQuery is a query as it is sent over TCP.
func randomQuery(t *testing.T, random *rand.Rand, parent string) []byte {
	t.Helper()
	option := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, Address: net.IP(binary.BigEndian.AppendUint32(nil, random.Uint32()))}
	option.SourceNetmask = uint8(random.IntN(33))
	if random.IntN(2) == 0 {
		octets := binary.BigEndian.AppendUint64([]byte{0x20, 0x01, 0x0d, 0xb8}, random.Uint64())
		option.Family, option.Address = 2, append(net.IP(octets), 0, 0, 0, 0)
		option.SourceNetmask = uint8(random.IntN(129))
	}
	name := parent
	if random.IntN(4) > 0 {
		name = fmt.Sprintf("x%016x.%s", random.Uint64(), parent)
	}
	text, err := server.WithOPT(server.Question(name, dns.TypeA), 0, option).Pack()
	if err != nil {
		t.Error(err)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...)
}

// TestClientsLeaveNoState guards memory against what clients write into queries, in all places that depend on it: names,
// below wildcards too, and networks, for stickiness, routes and places. Only what is configured may take memory.
func TestClientsLeaveNoState(t *testing.T) {
	server.NoPanics(t)
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "a")
	s := server.Serve(t, server.Located(server.GeoDatabasePath(t), `record sticky A {
		value 192.0.2.1 check a
		value 192.0.2.2 192.0.2.3
		order sticky
		metrics
	}
	record *.sticky A {
		value 192.0.2.1 check a
		value 192.0.2.2 192.0.2.3
		order sticky
	}
	record *.routed A {
		value 192.0.2.1 from 0.0.0.0/1 check a
		value 192.0.2.2 from 2001:db8::/33
		value 192.0.2.3 192.0.2.4
		metrics
	}
	record *.placed A {
		value 192.0.2.1 geo US check a
		value 192.0.2.2 geo europe
		value 192.0.2.3 192.0.2.4
	}
	record *.near A {
		value 192.0.2.1 at 37.77,-122.42 check a
		value 192.0.2.2 at 50.11,8.68
		order nearest
	}
	record *.lb CNAME {
		value v1.sticky.example.org. weight 3
		value v2.sticky.example.org. weight 1 check a
	}
	record routed A 192.0.2.9
	`+signs.ChecksWith(server.SlowCheck, "a")))
	server.AwaitDown(t, s, "a")
	parents := []string{"sticky.example.org.", "routed.example.org.", "placed.example.org.", "near.example.org.", "lb.example.org.", "none.example.org."}
	run := func(seed uint64, n int) {
		t.Helper()
		const connections = 4
		var wg sync.WaitGroup
		for i := range connections {
			wg.Go(func() {
				randomQueries(t, s.TCP(0), n/connections, rand.New(rand.NewPCG(seed, uint64(i))), parents)
			})
		}
		wg.Wait()
	}
	run(1, 4000)
	seriesBefore, heapBefore := server.OwnSeries(t), server.HeapInUse()
	const queries = 200_000
	run(2, queries)
	if now := server.OwnSeries(t); now != seriesBefore {
		t.Errorf("series went from %d to %d", seriesBefore, now)
	}
	const slack = 2 << 20 // a map entry for each query would be ten times as much
	if now := server.HeapInUse(); now > heapBefore+slack {
		t.Errorf("the heap went from %d to %d octets in %d queries", heapBefore, now, queries)
	}
}
