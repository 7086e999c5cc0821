package nameserver

import (
	"slices"

	"github.com/miekg/dns"
)

// Fault is what a nameserver does instead of answering.
type Fault int

// The faults.
const (
	None      Fault = iota
	Silence         // no answer
	ServFail        // SERVFAIL
	Refused         // REFUSED
	NXDomain        // the name does not exist, whatever records are set
	NoData          // the name has no records, whatever is set
	Truncate        // over UDP, no records and the TC bit
	WrongID         // the answer to another query
	WrongName       // the answer to a question for another name
	WrongType       // the answer to a question for another type
	Late            // the answer, after a tenth of a second
)

// spoil makes an answer faulty.
func spoil(m *dns.Msg, fault Fault, network string) {
	rcodes := map[Fault]int{ServFail: dns.RcodeServerFailure, Refused: dns.RcodeRefused, NXDomain: dns.RcodeNameError, NoData: dns.RcodeSuccess}
	rcode, isEmpty := rcodes[fault]
	switch {
	case isEmpty:
		m.Rcode, m.Answer, m.Ns = rcode, nil, nil
		if fault == NXDomain || fault == NoData {
			m.Ns = []dns.RR{soa()}
		}
	case fault == Truncate && network == "udp":
		m.Answer, m.Truncated = nil, true
	case fault == WrongID:
		m.Id++
	case fault == WrongName:
		m.Question = slices.Clone(m.Question)
		m.Question[0].Name = "wrong.nameserver.invalid."
	case fault == WrongType:
		m.Question = slices.Clone(m.Question)
		m.Question[0].Qtype = dns.TypeTXT
	}
}
