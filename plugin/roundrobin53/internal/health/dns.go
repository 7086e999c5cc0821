package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// ReadQuestion reads the path of a check of DNS, NAME/TYPE, as in example.org/SOA. Without a TYPE
// it is A.
func ReadQuestion(path string) (question dns.Question, err error) {
	name, word, typed := strings.Cut(path, "/")
	question = dns.Question{Name: dns.Fqdn(name), Qtype: dns.TypeA, Qclass: dns.ClassINET}
	if _, ok := dns.IsDomainName(name); !ok || name == "" {
		return question, fmt.Errorf("%q is not a domain name", name)
	}
	if !typed {
		return question, nil
	}
	rrtype, ok := dns.StringToType[strings.ToUpper(word)]
	isMeta := rrtype == dns.TypeOPT || rrtype == dns.TypeTKEY || rrtype >= dns.TypeTSIG && rrtype <= dns.TypeANY // RFC 6895, section 3.1
	if !ok || rrtype == dns.TypeNone || isMeta {
		return question, fmt.Errorf("%q is not the type of a record", word)
	}
	question.Qtype = rrtype
	return question, nil
}

// dnsPayload is the size of a reply over UDP that does not need fragments.
const dnsPayload = 1232

// dnsAsker asks a DNS server one question, over TCP.
type dnsAsker struct{ question dns.Question }

func newDNSAsker(target Target) asker { return dnsAskerOf(target) }

func dnsAskerOf(target Target) dnsAsker {
	question, _ := ReadQuestion(target.Check.Path) // whoever made the check has read it before
	return dnsAsker{question}
}

func (a dnsAsker) ask(_ context.Context, conn connection) error {
	return a.query(&dns.Conn{Conn: conn})
}

// query asks the question, with a new ID. Recursion is desired, so that a resolver can be asked; it
// means nothing to an authoritative server.
func (a dnsAsker) query(conn *dns.Conn) error {
	query := dns.Msg{MsgHdr: dns.MsgHdr{Id: dns.Id(), RecursionDesired: true}, Question: []dns.Question{a.question}}
	query.SetEdns0(dnsPayload, false)
	conn.UDPSize = dnsPayload
	if err := conn.WriteMsg(&query); err != nil {
		return err
	}
	for {
		reply, err := conn.ReadMsg()
		if err != nil {
			return dnsError(err)
		}
		if reply.Id == query.Id && reply.Response {
			return a.judge(reply)
		}
	}
}

// dnsError leaves out what was received.
func dnsError(err error) error {
	if isInterrupted(err) {
		return err
	}
	return errors.New("answer is not DNS")
}

// judge returns an error unless a reply has a record of the type that was asked for. One that does
// not fit into a datagram passes, too.
func (a dnsAsker) judge(reply *dns.Msg) error {
	rrtype := dns.TypeToString[a.question.Qtype]
	switch {
	case reply.Rcode != dns.RcodeSuccess:
		rcode, ok := dns.RcodeToString[reply.Rcode]
		if !ok {
			rcode = fmt.Sprintf("RCODE %d", reply.Rcode)
		}
		return fmt.Errorf("%s, want NOERROR", rcode)
	case len(reply.Question) != 1 || !strings.EqualFold(reply.Question[0].Name, a.question.Name) || reply.Question[0].Qtype != a.question.Qtype:
		return errors.New("answer to another question")
	case reply.Truncated:
		return nil
	}
	for _, rr := range reply.Answer {
		if rr.Header().Rrtype == a.question.Qtype {
			return nil
		}
	}
	return fmt.Errorf("no %s record in the answer", rrtype)
}

// dnsProber asks a DNS server one question over UDP, from a new port each time.
type dnsProber struct {
	target Target
	dnsAsker
}

var _ prober = dnsProber{}

func newDNSProber(target Target) prober { return dnsProber{target, dnsAskerOf(target)} }

// Probe implements prober.
func (p dnsProber) Probe(ctx context.Context) (*net.TCPConn, error) {
	conn, err := dialer.DialContext(ctx, "udp", netip.AddrPortFrom(p.target.Address, p.target.Check.Port).String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	release := bind(ctx, conn)
	defer release()
	return nil, p.query(&dns.Conn{Conn: conn})
}
