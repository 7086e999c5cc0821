package route

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func prefixes(text string) []netip.Prefix {
	var all []netip.Prefix
	for word := range strings.FieldsSeq(text) {
		all = append(all, netip.MustParsePrefix(word))
	}
	return all
}

func matches(r *Routes, c *Client) []int {
	var found []int
	for group := range func(yield func(int) bool) { r.Match(c, yield) } {
		found = append(found, group)
	}
	return found
}

func TestMatch(t *testing.T) {
	r := &Routes{
		Networks: NewNetworks(prefixes("10.0.0.0/8 10.1.0.0/16 2001:db8::/32 10.1.2.0/24")),
		Groups:   []int{1, 2, 3, 4},
		Places:   map[string]int{"US-CA": 5, "US": 6, "north-america": 7, "DE": 8},
		Rest:     0,
	}
	california, berlin := NewPlaces("", "NA", "US", "CA"), NewPlaces("", "EU", "DE", "BE")
	for _, row := range []struct {
		name    string
		network string
		places  Places
		want    []int
	}{
		{"longest first", "10.1.2.3/32", Places{}, []int{4, 2, 1, 0}},
		{"next to it", "10.2.0.1/32", Places{}, []int{1, 0}},
		{"IPv6", "2001:db8::1/128", Places{}, []int{3, 0}},
		{"none", "203.0.113.9/32", Places{}, []int{0}},
		{"place", "203.0.113.9/32", california, []int{5, 6, 7, 0}},
		{"continent without values", "203.0.113.9/32", berlin, []int{8, 0}},
		{"network before place", "10.2.0.1/32", berlin, []int{1, 8, 0}},
		{"a prefix shorter than the network", "10.0.0.0/8", Places{}, []int{1, 0}},
		{"a prefix of nothing", "0.0.0.0/0", Places{}, []int{0}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := &Client{Network: netip.MustParsePrefix(row.network), Places: row.places}
			if got := matches(r, c); !slices.Equal(got, row.want) {
				t.Errorf("groups %v, want %v", got, row.want)
			}
			for i := range row.want { // stopping early
				var got []int
				r.Match(c, func(group int) bool { got = append(got, group); return len(got) <= i })
				if !slices.Equal(got, row.want[:i+1]) {
					t.Errorf("the first %d: %v, want %v", i+1, got, row.want[:i+1])
				}
			}
		})
	}
	if got := matches(&Routes{Rest: None}, &Client{}); got != nil {
		t.Errorf("no group at all: %v", got)
	}
}

// FuzzNetworks compares with a linear scan: the longest network first, whatever the order they were
// given in.
func FuzzNetworks(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, seed, stream uint64) {
		random := rand.New(rand.NewPCG(seed, stream))
		networks := randomNetworks(random, 1+random.IntN(60))
		table := NewNetworks(networks)
		groups := make([]int, len(networks))
		for i := range groups {
			groups[i] = i
		}
		r := &Routes{Networks: table, Groups: groups, Rest: None}
		for range 50 {
			client := randomPrefix(random, 8+random.IntN(25))
			want := scan(networks, client)
			if got := matches(r, &Client{Network: client}); !slices.Equal(got, want) {
				t.Fatalf("%v in %v: %v, want %v", client, networks, got, want)
			}
			checkScope(t, networks, client, table.Scope(client))
		}
	})
}

// scan returns the networks around a prefix, the longest first.
func scan(networks []netip.Prefix, p netip.Prefix) []int {
	var found []int
	for i, network := range networks {
		if network.Bits() <= p.Bits() && network.Contains(p.Addr()) {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(i, j int) int { return networks[j].Bits() - networks[i].Bits() })
	return found
}

// checkScope guards what a resolver may do with a scope: give the answer to every address in it.
func checkScope(t *testing.T, networks []netip.Prefix, client netip.Prefix, scope int) {
	t.Helper()
	if scope > client.Bits() {
		return // a hint to ask with more bits
	}
	want := scan(networks, client)
	around, err := client.Addr().Prefix(scope)
	if err != nil {
		t.Fatal(err)
	}
	for i, network := range networks {
		inside := network.Overlaps(around) && network.Bits() > around.Bits()
		if inside && !slices.Contains(want, i) {
			t.Fatalf("scope %d of %v reaches into %v", scope, client, network)
		}
	}
	if !slices.Equal(scan(networks, around), want) {
		t.Fatalf("scope %d of %v: %v, want %v", scope, client, scan(networks, around), want)
	}
	if scope == 0 {
		return
	}
	wider, _ := client.Addr().Prefix(scope - 1)
	divides := func(network netip.Prefix) bool { return network.Overlaps(wider) && network.Bits() > wider.Bits() }
	if !slices.ContainsFunc(networks, divides) {
		t.Fatalf("scope %d of %v in %v: %d would do", scope, client, networks, scope-1)
	}
}

func randomNetworks(random *rand.Rand, n int) []netip.Prefix {
	seen := make(map[netip.Prefix]bool)
	var networks []netip.Prefix
	for range n {
		if p := randomPrefix(random, random.IntN(33)); !seen[p] {
			seen[p] = true
			networks = append(networks, p)
		}
	}
	return networks
}

// randomPrefix lies in few of all addresses, so that prefixes meet.
func randomPrefix(random *rand.Rand, bits int) netip.Prefix {
	var octets [4]byte
	binary.BigEndian.PutUint32(octets[:], random.Uint32()&0x0f0f0f0f)
	p, _ := netip.AddrFrom4(octets).Prefix(bits)
	return p
}

func TestScope(t *testing.T) {
	for _, row := range []struct {
		networks, client string
		want             int
	}{
		{"10.0.0.0/8 10.1.0.0/16", "10.2.0.0/24", 15}, // 10.2.0.0/14 has 10.1/16 in it
		{"10.0.0.0/8 10.1.0.0/16", "10.0.0.0/8", 16},  // too wide to tell
		{"10.0.0.0/8 10.1.0.0/16", "10.1.5.0/24", 16},
		{"10.0.0.0/8 10.1.0.0/16", "0.0.0.0/0", 0},
		{"10.0.0.0/8", "10.2.0.0/24", 8},
		{"10.0.0.0/8", "203.0.113.0/24", 1},
		{"10.0.0.0/8", "2001:db8::/56", 0},
		{"2001:db8::/32", "2001:db8:1::/56", 32},
	} {
		n := NewNetworks(prefixes(row.networks))
		if got := n.Scope(netip.MustParsePrefix(row.client)); got != row.want {
			t.Errorf("%s in %s: scope %d, want %d", row.client, row.networks, got, row.want)
		}
	}
	var many []netip.Prefix
	for i := range 2 * maxInner {
		many = append(many, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16))
	}
	if got := NewNetworks(many).Scope(netip.MustParsePrefix("10.0.0.0/8")); got != 16 {
		t.Errorf("many networks inside: scope %d, want 16", got)
	}
}

func TestParsePlace(t *testing.T) {
	for text, want := range map[string]string{
		"DE": "DE", "de": "DE", "US-CA": "US-CA", "gb-eng": "GB-ENG", "NA": "NA", "AF": "AF",
		"africa": "africa", "North-America": "north-america",
		"AS64500": "AS64500", "as007": "AS7", "AS4294967295": "AS4294967295", "AS": "AS", "AS0": "!", "AS4294967296": "!", "AS-1": "AS-1", "ASN1": "!",
		"UK": "!", "germany": "!", "EU": "!", "XX": "!", "": "!", "D": "!", "DEU": "!", "US-": "!", "US-CALI": "!", "US-C_": "!", "north": "!",
	} {
		got, err := ParsePlace(text)
		if (err != nil) != (want == "!") || err == nil && got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestNewPlaces(t *testing.T) {
	for _, row := range []struct {
		as, continent, country, subdivisions string
		want                                 Places
	}{
		{"", "NA", "US", "CA", Places{"", "", "US-CA", "US", "north-america"}},
		{"64500", "EU", "GB", "ENG,LND", Places{"AS64500", "GB-LND", "GB-ENG", "GB", "europe"}},
		{"0", "EU", "DE", "", Places{3: "DE", 4: "europe"}},
		{"4294967296", "EU", "", "BE", Places{4: "europe"}},
		{"", "", "", "", Places{}},
		{"4294967295", "", "", "", Places{0: "AS4294967295"}},
	} {
		if got := NewPlaces(row.as, row.continent, row.country, row.subdivisions); !reflect.DeepEqual(got, row.want) {
			t.Errorf("%q %q %q %q: %q, want %q", row.as, row.continent, row.country, row.subdivisions, got, row.want)
		}
	}
}
