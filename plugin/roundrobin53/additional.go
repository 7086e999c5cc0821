package roundrobin53

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// addAdditional puts the addresses of the names that rrs point to into the additional section, as far as they lie in the
// plugin's zones and fit. They are a courtesy: no answer is truncated for them, and an RRset that does not fit is left
// out whole (RFC 2181 §9). A signed answer goes without, since what fits is not known before it is signed.
func (q *query) addAdditional(m *dns.Msg, rrs []dns.RR) {
	names := additionalNames(rrs)
	if len(names) == 0 || q.isSigned() {
		return
	}
	m.Compress = true // the core takes it off again where it is not needed
	room := q.size() - m.Len()
	var extra []dns.RR
	for _, name := range names {
		for _, rrtype := range record.AddressTypes {
			found := q.h.table.Lookup(strings.ToLower(name), rrtype)
			if found.Kind != record.Addresses {
				continue
			}
			if octets := q.h.rrsets[found.Addresses].octets(name); octets <= room {
				room -= octets
				extra = q.appendExtra(extra, name, found.Addresses)
			}
		}
	}
	m.Extra = slices.Concat(extra, m.Extra)
}

// octets is at most how many octets an answer's share of the set takes in a compressed message.
func (set *addressRRset) octets(owner string) int {
	const fixed = 12 // pointer to the owner name, type, class, TTL, length
	return len(owner) + 1 + set.pool.Answers()*(fixed+set.pool.Width())
}

// appendExtra appends addresses that nobody asked for. They take turns of their own: clients of SRV and MX use them, too.
func (q *query) appendExtra(extra []dns.RR, name string, number int) []dns.RR {
	set := &q.h.rrsets[number]
	if set.chooser != noChooser {
		return set.appendTo(extra, name, q.pickAdditional(&q.h.choosers[set.chooser]))
	}
	return set.appendTo(extra, name, set.pool.Pick(turn.Additional, nil))
}

// pickAdditional takes the next turn of a chooser among answers that have its endpoints in the additional section. They
// are no first picks, and no answers that fail open.
func (q *query) pickAdditional(c *chooser) []uint16 {
	choice := q.choice(c)
	if choice == nil {
		return nil
	}
	client := q.poolClient(c.order)
	return choice.Pick(turn.Additional, &client, nil)
}

// additionalNames are the names in rrs whose addresses a client will want next.
func additionalNames(rrs []dns.RR) []string {
	var names []string
	for _, rr := range rrs {
		var name string
		switch rr := rr.(type) {
		case *dns.MX: // RFC 1035 §3.3.9
			name = rr.Mx
		case *dns.NS: // RFC 1035 §3.3.11
			name = rr.Ns
		case *dns.SRV: // RFC 2782
			name = rr.Target
		case *dns.HTTPS:
			name = serviceTarget(&rr.SVCB)
		case *dns.SVCB:
			name = serviceTarget(rr)
		}
		isSame := func(other string) bool { return strings.EqualFold(name, other) }
		if name != "" && !slices.ContainsFunc(names, isSame) {
			names = append(names, name)
		}
	}
	return names
}

// serviceTarget is the name that a SVCB or HTTPS record points to: "." means the owner itself (RFC 9460 §2.5).
func serviceTarget(rr *dns.SVCB) string {
	if rr.Target == "." && rr.Priority > 0 {
		return rr.Hdr.Name
	}
	return rr.Target
}

// refer fills m with a referral to the name servers of a zone cut (RFC 1034 §4.3.2, step 3b).
func (q *query) refer(m *dns.Msg, found record.Result) {
	m.Authoritative = len(m.Answer) > 0 // behind an alias the answer section is still ours
	m.Ns = appendRRs(nil, found.RRset.RRs[0].Header().Name, found.RRset.RRs)
	if opt := q.r.IsEdns0(); found.DS != nil && opt != nil && opt.Do() {
		m.Ns = appendRRs(m.Ns, m.Ns[0].Header().Name, found.DS.RRs) // RFC 4035 §3.1.4
	}
	var glue []dns.RR
	for _, rr := range found.RRset.RRs {
		name := rr.(*dns.NS).Ns
		if q.isSigned() {
			name = strings.ToLower(name) // see resolve
		}
		for _, rrtype := range record.AddressTypes {
			if number, ok := q.h.table.Glue(strings.ToLower(name), rrtype); ok {
				glue = q.appendExtra(glue, name, number)
			}
		}
	}
	m.Extra = slices.Concat(glue, m.Extra) // glue is needed: an answer without all of it is truncated (RFC 9471)
}
