package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// replyCase is a question and the whole reply to it, as replyText writes it.
type replyCase struct {
	name  string
	qname string
	qtype uint16
	want  string
}

// checkReplies asks each question over UDP and TCP.
func checkReplies(t *testing.T, s *server, cases []replyCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				checkReply(t, s, network, question(c.qname, c.qtype), c.want)
			}
		})
	}
}

// checkReply sends a query and compares the whole reply.
func checkReply(t *testing.T, s *server, network string, m *dns.Msg, want string) {
	t.Helper()
	reply := send(t, s, network, m)
	if !slices.Equal(reply.Question, m.Question) {
		t.Errorf("%s over %s: the question came back as %v", m.Question[0].String(), network, reply.Question)
	}
	if got, want := replyText(reply), trimLines(want); got != want {
		t.Errorf("%s over %s: got\n%s\nwant\n%s", m.Question[0].String(), network, got, want)
	}
}

// send sends a query to the first listener on behalf of a subtest.
func send(t *testing.T, s *server, network string, m *dns.Msg) *dns.Msg {
	t.Helper()
	address := s.udp(0)
	if network == "tcp" {
		address = s.tcp(0)
	}
	return exchange(t, network, address, m)
}

// replyText is a whole reply but for its question: RCODE and flags, then a line for each record, behind the name of its
// section. Of OPT and TSIG records it has what is the server's choice, of an SOA all but the serial.
//
//	NOERROR qr aa rd
//	answer www.example.com. 60 IN A 192.0.2.1
//	opt udp 1232 flags 8000
func replyText(m *dns.Msg) string {
	var b strings.Builder
	rcode := dns.RcodeToString[m.Rcode]
	if m.Rcode == dns.RcodeBadVers { // the same number as BADSIG
		rcode = "BADVERS"
	}
	b.WriteString(rcode)
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"qr", m.Response},
		{"aa", m.Authoritative},
		{"tc", m.Truncated},
		{"rd", m.RecursionDesired},
		{"ra", m.RecursionAvailable},
		{"z", m.Zero},
		{"ad", m.AuthenticatedData},
		{"cd", m.CheckingDisabled},
	} {
		if flag.set {
			b.WriteString(" " + flag.name)
		}
	}
	for _, part := range []struct {
		name string
		rrs  []dns.RR
	}{
		{"answer", m.Answer},
		{"authority", m.Ns},
		{"additional", m.Extra},
	} {
		for _, rr := range part.rrs {
			b.WriteString("\n" + recordText(part.name, rr))
		}
	}
	return b.String()
}

func recordText(section string, rr dns.RR) string {
	fields := strings.Fields(rr.String())
	switch rr := rr.(type) {
	case *dns.OPT:
		text := fmt.Sprintf("opt udp %d flags %04x", rr.UDPSize(), uint16(rr.Hdr.Ttl))
		if rr.Version() != 0 {
			text += fmt.Sprintf(" version %d", rr.Version())
		}
		for _, option := range rr.Option {
			text += fmt.Sprintf(" option %d %s", option.Option(), option)
		}
		return text
	case *dns.TSIG:
		return fmt.Sprintf("tsig %s %s", rr.Hdr.Name, dns.RcodeToString[int(rr.Error)])
	case *dns.SOA:
		fields[6] = "SERIAL"
	}
	return section + " " + strings.Join(fields, " ")
}

// trimLines takes indentation and empty lines from a text.
func trimLines(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 {
			lines = append(lines, strings.Join(fields, " "))
		}
	}
	return strings.Join(lines, "\n")
}
