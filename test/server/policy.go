package server

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// WithSign is values with a sign behind each.
func WithSign(values, sign string) string {
	return strings.Join(strings.Fields(values), sign+" ") + sign
}

// PolicyCase is an RRset and its state, and what it answers. The row is that of the truth table of policies.
//
// Values are letters, of IPv4 addresses the small ones, of IPv6 addresses the capitals. A number behind a letter is the
// weight, + is a check that passes, - one that fails, ~ is drain; without a sign there is no check. A word with a colon is
// the network that the values behind it are for, and | begins the next tier.
type PolicyCase struct {
	Row     string
	Values  string
	Options string // of the record, separated by commas
	Qtype   uint16 // 0: A
	Client  string // the address or network in the query's ECS option; "" for no option
	Want    string // see checkTurns
	Each    int    // how many values an answer has; 0: all that are wanted
}

// policyTTL is the TTL of all RRsets of policy cases: less than that of their zones, so that a negative answer that lives
// longer than the values shows.
const policyTTL = 30

// ZoneTTL is how long a negative answer lives otherwise, since the zones say nothing of it.
const ZoneTTL = 60

// name returns the name of a case's subtest.
func (c *PolicyCase) name() string {
	parts := []string{c.Row, c.Values, c.Options, c.Client}
	if c.Qtype != 0 {
		parts = append(parts, dns.TypeToString[c.Qtype])
	}
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}

// CheckPolicies starts one server with all cases, waits for their verdicts, and asks for each. Further lines of the block
// stand in extra.
func CheckPolicies(t *testing.T, zone, extra string, cases []PolicyCase) {
	t.Helper()
	e := StartTarget(t)
	var lines strings.Builder
	for i := range cases {
		lines.WriteString(PolicyRecord(fmt.Sprintf("case%d", i), cases[i].Values, cases[i].Options))
	}
	e.Set(Fail, "down")
	s := Start(t, Block(zone, extra, e.Watched("interval 1h", "up down"), lines.String()))
	AwaitVerdict(t, s, zone, "down", false)
	for i := range cases {
		c := &cases[i]
		t.Run(c.name(), func(t *testing.T) {
			qtype := c.Qtype
			if qtype == 0 {
				qtype = dns.TypeA
			}
			m := Question(fmt.Sprintf("case%d.%s", i, zone), qtype)
			if c.Client != "" {
				WithOPT(m, 0, PolicySubnet(c.Client))
			}
			CheckTurns(t, func() *dns.Msg { return Send(t, s, "udp", m.Copy()) }, c.Want, c.Each)
		})
	}
}

// Block is a Corefile with one zone.
func Block(zone string, lines ...string) string {
	return zone + ":0 {\nroundrobin53 {\n" + strings.Join(lines, "\n") + "\n}\n}\n"
}

// PolicyRecord is a record in the notation of policyCase.
func PolicyRecord(name, values, options string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "record %s %d {\n", name, policyTTL)
	priority, from := 1, ""
	for word := range strings.FieldsSeq(values) {
		network, isNetwork := strings.CutSuffix(word, ":")
		switch {
		case word == "|":
			priority++
		case word == "default:":
			priority, from = 1, ""
		case isNetwork:
			priority, from = 1, " from "+network
		default:
			b.WriteString("value " + policyValue(word) + from)
			if priority > 1 {
				fmt.Fprintf(&b, " priority %d", priority)
			}
			b.WriteByte('\n')
		}
	}
	for option := range strings.SplitSeq(options, ",") {
		b.WriteString(option + "\n")
	}
	b.WriteString("}\n")
	return b.String()
}

var policyWord = regexp.MustCompile(`^([a-zA-Z])(\d*)([-+~]?)$`)

// policyValue is one value and its options.
func policyValue(word string) string {
	parts := policyWord.FindStringSubmatch(word)
	text := addressOf(parts[1])
	if parts[2] != "" {
		text += " weight " + parts[2]
	}
	switch parts[3] {
	case "+":
		text += " check up"
	case "-":
		text += " check down"
	case "~":
		text += " drain"
	}
	return text
}

// addressOf is the address that a letter stands for, and letterOf the other way round.
func addressOf(letter string) string {
	if letter >= "a" {
		return fmt.Sprintf("192.0.2.%d", letter[0]-'a'+1)
	}
	return fmt.Sprintf("2001:db8::%x", letter[0]-'A'+1)
}

// LetterOf returns the letter that stands for an address in the truth table.
func LetterOf(address string) string {
	addr := netip.MustParseAddr(address)
	octets := addr.AsSlice()
	if addr.Is4() {
		return string('a' + octets[3] - 1)
	}
	return string('A' + octets[15] - 1)
}

// Letters is the values of an answer, in order.
func Letters(m *dns.Msg) []string {
	var all []string
	for _, address := range Addresses(m) {
		all = append(all, LetterOf(address))
	}
	return all
}

// PolicySubnet is an ECS option for an address or a network.
func PolicySubnet(client string) *dns.EDNS0_SUBNET {
	if addr, err := netip.ParseAddr(client); err == nil {
		client = netip.PrefixFrom(addr, addr.BitLen()).String()
	}
	return SubnetOption(client)
}

// CheckNoData checks a negative answer to a name that exists, and that it lives no longer than ttl.
func CheckNoData(t *testing.T, m *dns.Msg, ttl uint32) {
	t.Helper()
	if m.Rcode != dns.RcodeSuccess || !m.Authoritative || len(m.Answer) != 0 || len(m.Ns) != 1 || m.Ns[0].Header().Rrtype != dns.TypeSOA {
		t.Fatalf("got\n%s\nwant NODATA with one SOA", ReplyText(m))
	}
	if soa := m.Ns[0].(*dns.SOA); min(soa.Hdr.Ttl, soa.Minttl) > ttl {
		t.Errorf("the denial lives %d s (SOA TTL %d, MINIMUM %d), longer than the values: %d s",
			min(soa.Hdr.Ttl, soa.Minttl), soa.Hdr.Ttl, soa.Minttl, ttl)
	}
}

// Asker asks for the A records of a name over UDP, again and again.
func Asker(t *testing.T, s *Server, qname string) func() *dns.Msg {
	t.Helper()
	return func() *dns.Msg { return Send(t, s, "udp", Question(qname, dns.TypeA)) }
}

// AnswersAre reports whether the answer to a question has these values, in any order.
func AnswersAre(m *dns.Msg, want string) bool {
	return slices.Equal(slices.Sorted(slices.Values(Letters(m))), strings.Fields(want))
}

// RouteNetworks are the networks of the truth table.
const RouteNetworks = "ecs\nnetwork ten 10.0.0.0/8\nnetwork ten-one 10.1.0.0/16"
