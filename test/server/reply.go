package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// ReplyCase is a question and the whole reply to it, as replyText writes it.
type ReplyCase struct {
	Name  string
	Qname string
	Qtype uint16
	Want  string
}

// CheckReplies asks each question over UDP and TCP.
func CheckReplies(t *testing.T, s *Server, cases []ReplyCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				CheckReply(t, s, network, Question(c.Qname, c.Qtype), c.Want)
			}
		})
	}
}

// CheckReply sends a query and compares the whole reply.
func CheckReply(t *testing.T, s *Server, network string, m *dns.Msg, want string) {
	t.Helper()
	reply := Send(t, s, network, m)
	if !slices.Equal(reply.Question, m.Question) {
		t.Errorf("%s over %s: the question came back as %v", m.Question[0].String(), network, reply.Question)
	}
	if got, want := ReplyText(reply), TrimLines(want); got != want {
		t.Errorf("%s over %s: got\n%s\nwant\n%s", m.Question[0].String(), network, got, want)
	}
}

// Send sends a query to the first listener on behalf of a subtest.
func Send(t *testing.T, s *Server, network string, m *dns.Msg) *dns.Msg {
	t.Helper()
	address := s.UDP(0)
	if network == "tcp" {
		address = s.TCP(0)
	}
	return Exchange(t, network, address, m)
}

// ReplyText is a whole reply but for its question: RCODE and flags, then a line for each record, behind the name of its
// section. Of OPT and TSIG records it has what is the server's choice, of an SOA all but the serial.
//
//	NOERROR qr aa rd
//	answer www.example.com. 60 IN A 192.0.2.1
//	opt udp 1232 flags 8000
func ReplyText(m *dns.Msg) string {
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
			b.WriteString("\n" + RecordText(part.name, rr))
		}
	}
	return b.String()
}

// RecordText writes a record of a section so that equal answers read alike.
func RecordText(section string, rr dns.RR) string {
	fields := strings.Fields(rr.String())
	switch rr := rr.(type) {
	case *dns.OPT:
		var text strings.Builder
		fmt.Fprintf(&text, "opt udp %d flags %04x", rr.UDPSize(), uint16(rr.Hdr.Ttl))
		if rr.Version() != 0 {
			fmt.Fprintf(&text, " version %d", rr.Version())
		}
		for _, option := range rr.Option {
			fmt.Fprintf(&text, " option %d %s", option.Option(), option)
		}
		return text.String()
	case *dns.TSIG:
		return fmt.Sprintf("tsig %s %s", rr.Hdr.Name, dns.RcodeToString[int(rr.Error)])
	case *dns.SOA:
		fields[6] = "SERIAL"
	}
	return section + " " + strings.Join(fields, " ")
}

// TrimLines takes indentation and empty lines from a text.
func TrimLines(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 {
			lines = append(lines, strings.Join(fields, " "))
		}
	}
	return strings.Join(lines, "\n")
}
