//go:build linux

package fastpath

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// placedRecords are records that go by the places of clients.
const placedRecords = `
	record app A {
		value 192.0.2.1 geo US-CA
		value 192.0.2.2 geo US
		value 192.0.2.3 geo europe
		value 192.0.2.4
	}
	record system A {
		value 192.0.2.1 geo AS64496
		value 192.0.2.2
	}
	record fence A {
		value 192.0.2.1 geo DE
	}
	record mixed A {
		value 192.0.2.1 from 10.2.0.0/17
		value 192.0.2.2 geo DE
		value 192.0.2.3
	}
	record near A order nearest answers all {
		value 192.0.2.1 at 37.77,-122.42
		value 192.0.2.2 at 40.71,-74.01
		value 192.0.2.3 at 50.11,8.68
	}
	record nearest A order nearest {
		value 192.0.2.1 at 37.77,-122.42
		value 192.0.2.2 at 40.71,-74.01
		value 192.0.2.3 at 50.11,8.68
	}
	record lb CNAME {
		value app geo US
		value near
	}
	record mail MX 10 app
	record plain A 192.0.2.1
`

// fastPlaces is a Corefile with fastpath and placedRecords, whose port is written PORT.
func fastPlaces(database, directives, options string) string {
	return "example.org:PORT {\nbind 127.0.0.1\n" + directives + "\ngeoip " + database + " {\nedns-subnet\n}\nroundrobin53 {\nfastpath\n" + options + placedRecords + "}\n}\n"
}

// TestFastPlaces guards values for places on the fast path: who gets which of them, and with which scope, is what the
// chain says over TCP.
func TestFastPlaces(t *testing.T) {
	server.NoPanics(t)
	clients := []string{
		"", server.FromCalifornia, server.FromCalifornia6, server.FromNewYork, server.FromUS, server.FromCanada, server.FromGermany, server.FromLondon,
		server.FromEmptyLabels, server.FromEmptyRecord, server.FromGermanyAlone, server.FromTenGermany, server.FromNowhere, server.FromZero, server.FromZero6,
	}
	for _, options := range []string{"ecs\n", ""} {
		_, port := server.StartFast(t, fastPlaces(server.GeoDatabasePath(t), "metadata", options))
		address := "127.0.0.1:" + port
		for _, name := range []string{"app", "system", "fence", "mixed", "near", "nearest", "lb", "mail", "plain"} {
			for range 2 { // of the clients are remembered where they are
				for _, client := range clients {
					m := server.Question(name+".example.org", dns.TypeA)
					if name == "mail" {
						m.Question[0].Qtype = dns.TypeMX
					}
					if client != "" {
						m = server.WithOPT(m, 0, server.SubnetOption(client))
					}
					reply, isFast := server.AskFast(t, address, m)
					want := server.Exchange(t, "tcp", address, m)
					if name == "nearest" && !isLocated(client) {
						continue // one of all, in turn
					}
					if withoutOrder(reply) != withoutOrder(want) {
						t.Errorf("%s from %q with %q: got\n%s\nas the chain over TCP:\n%s", name, client, options, server.ReplyText(reply), server.ReplyText(want))
					}
					if !isFast && len(reply.Answer) > 0 {
						t.Errorf("%s from %q with %q: not by the fast path", name, client, options)
					}
				}
			}
		}
	}
}

// isLocated reports whether the database has coordinates for a client.
func isLocated(client string) bool {
	switch client {
	case "", server.FromCalifornia, server.FromCalifornia6, server.FromNewYork, server.FromGermany, server.FromLondon, server.FromTenGermany:
		return true
	}
	return false
}

// TestFastPlacesOfMany asks for more clients than are remembered, in no order: nobody gets what is for another.
func TestFastPlacesOfMany(t *testing.T) {
	_, port := server.StartFast(t, fastPlaces(server.GeoDatabasePath(t), "metadata", "ecs\n"))
	conn := server.Dial(t, "127.0.0.1:"+port)
	random := rand.New(rand.NewPCG(1, 2))
	for range 12_000 {
		network, want := "10.2.%d.%d/32", "192.0.2.3" // Germany
		switch random.IntN(3) {
		case 0:
			network, want = "10.9.%d.%d/32", "192.0.2.4" // nowhere
		case 1:
			network, want = "192.0.2.%[2]d/32", "192.0.2.2" // the United States
		}
		last := random.IntN(256)
		if strings.HasPrefix(network, "192") {
			last /= 2 // neither in Canada nor where the subdivision is not known
			if last < 64 {
				want = "192.0.2.1" // California
			}
		}
		client := netip.MustParsePrefix(fmt.Sprintf(network, random.IntN(256), last)).String()
		reply, _ := server.AskRaw(t, conn, server.WithOPT(server.Question("app.example.org", dns.TypeA), 0, server.SubnetOption(client)))
		if got := server.SortedAddresses(reply); got != want {
			t.Fatalf("from %s came %s, want %s", client, got, want)
		}
	}
}

// TestFastPlacesOfReload guards that what is remembered of clients ends with the database that said it.
func TestFastPlacesOfReload(t *testing.T) {
	s, port := server.StartFast(t, fastPlaces(server.GeoDatabasePath(t), "metadata", "ecs\n"))
	address := "127.0.0.1:" + port
	check := func(name, want string) {
		t.Helper()
		if m, isFast := server.AskFast(t, address, server.Question(name+".example.org", dns.TypeA)); server.SortedAddresses(m) != want || !isFast {
			t.Errorf("%s: %s, by the fast path %t, want %s", name, server.SortedAddresses(m), isFast, want)
		}
	}
	check("system", "192.0.2.2")
	server.ReloadFast(t, s, port, fastPlaces(server.ASNDatabasePath(t), "metadata", "ecs\n"))
	check("system", "192.0.2.1")
	server.ReloadFast(t, s, port, fastPlaces(server.GeoDatabasePath(t), "metadata", "ecs\n"))
	check("system", "192.0.2.2")
}

// TestFastPlacesOfSomeNames guards a metadata plugin that is for a part of the zone: outside of it nobody has a place, in
// the chain as here.
func TestFastPlacesOfSomeNames(t *testing.T) {
	_, port := server.StartFast(t, fastPlaces(server.GeoDatabasePath(t), "metadata near.example.org", "ecs\n"))
	address := "127.0.0.1:" + port
	for name, want := range map[string]string{"app": "192.0.2.4", "fence": "nodata", "plain": "192.0.2.1"} {
		m, isFast := server.AskFast(t, address, server.WithOPT(server.Question(name+".example.org", dns.TypeA), 0, server.SubnetOption(server.FromGermany)))
		if got := server.SortedAddresses(m); got != want || isFast != (name == "plain") {
			t.Errorf("%s: %q, by the fast path %t, want %q", name, got, isFast, want)
		}
	}
}

// TestFastPlacesOfNewClients bounds what a client costs that was not seen before: its query is unpacked and its place looked
// up as in the chain, and nothing beside that.
func TestFastPlacesOfNewClients(t *testing.T) {
	corefile := fastPlaces(server.GeoDatabasePath(t), "metadata", "ecs\n")
	allocations := func(corefile string) float64 {
		_, port := server.StartFast(t, corefile)
		address := "127.0.0.1:" + port
		m := server.WithOPT(server.Question("app.example.org", dns.TypeA), 0, server.SubnetOption("10.2.0.0/32"))
		server.AskFast(t, address, m)
		query, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		conn, buf := server.Dial(t, address).Conn, make([]byte, 512)
		next := 0
		return testing.AllocsPerRun(2000, func() {
			next++
			query[len(query)-2], query[len(query)-1] = byte(next>>8), byte(next)
			if _, err := conn.Write(query); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(buf); err != nil {
				t.Fatal(err)
			}
		})
	}
	fast, chain := allocations(corefile), allocations(strings.Replace(corefile, "fastpath\n", "", 1))
	t.Logf("%v allocations for a new client, %v in the chain", fast, chain)
	if fast > chain-10 {
		t.Errorf("%v allocations for a client that is new, and %v in the chain, want 10 fewer at least", fast, chain)
	}
}
