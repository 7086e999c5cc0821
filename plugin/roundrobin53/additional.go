package roundrobin53

import (
	"math"
	"slices"
	"strings"

	"github.com/coredns/coredns/plugin/tsig"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// addAdditional puts into the additional section what a client will want next of the names that rrs
// point to: addresses and, of the targets of SVCB and HTTPS records in AliasMode, their own records
// (RFC 9460 §4.1). Only names in the plugin's zones count. These records are a courtesy: no answer
// is truncated for them, and an RRset that does not fit is left out whole (RFC 2181 §9). A signed
// answer goes without, since its size is not known before it is signed.
func (q *query) addAdditional(m *dns.Msg, rrs []dns.RR) {
	pointees := store.AppendPointees(nil, rrs)
	if len(pointees) == 0 || q.isSigned() {
		return
	}
	m.Compress = true // the core undoes it where it is not needed
	room := q.room(m)
	var extra []dns.RR
	for i := 0; i < len(pointees); i++ { // services have pointees, too
		if t := pointees[i]; t.Service != dns.TypeNone && !strings.EqualFold(t.Name, rrs[0].Header().Name) {
			services := q.services(t, &room)
			extra = append(extra, services...)
			pointees = store.AppendPointees(pointees, services)
		}
		extra = q.appendPointeeAddresses(extra, pointees[i], &room)
	}
	m.Extra = slices.Concat(extra, m.Extra)
}

// room returns how many octets are left for records that an answer can do without. Plugins before
// ours may add an NSID or the signature of TSIG, if the query asks for it.
func (q *query) room(m *dns.Msg) int {
	room := q.size() - m.Len()
	if key, ok := tsig.ValidatedKeyName(q.ctx); ok {
		room -= len(key) + 1 + tsigOctets
	}
	if opt := q.r.IsEdns0(); opt != nil && slices.ContainsFunc(opt.Option, isNSID) {
		room -= q.h.block.nsid
	}
	return room
}

// tsigOctets is the length of a TSIG record behind the name of its key, with the longest MAC: the
// fixed fields of a record, the name hmac-sha512, the fixed fields of its data, and the MAC (RFC
// 8945 §4.2).
const tsigOctets = 10 + 13 + 16 + 64

func isNSID(option dns.EDNS0) bool { return option.Option() == dns.EDNS0NSID }

// services returns the SVCB or HTTPS records of the target of a record in AliasMode, none if they
// do not fit.
func (q *query) services(t store.Pointee, room *int) []dns.RR {
	found := q.store.Services(t)
	if found == nil {
		return nil
	}
	octets := 0
	rrs := appendRRs(nil, t.Name, found.RRs)
	for _, rr := range rrs {
		octets += dns.Len(rr)
	}
	if octets > *room {
		return nil
	}
	*room -= octets
	return rrs
}

// appendPointeeAddresses appends the addresses of a pointee, each RRset only if it fits.
func (q *query) appendPointeeAddresses(extra []dns.RR, t store.Pointee, room *int) []dns.RR {
	for _, rrtype := range record.AddressTypes {
		number := q.store.AddressesOf(t, rrtype)
		if number == record.None {
			continue
		}
		set, board := q.store.Now(number)
		if octets := store.AdditionalOctets(set, t.Name); octets <= *room {
			*room -= octets
			extra = appendAddresses(extra, set, t.Name, q.takeAdditional(set, board))
		}
	}
	return extra
}

// refer fills m with a referral to the name servers of a zone cut (RFC 1034 §4.3.2, step 3b).
func (q *query) refer(m *dns.Msg, found record.Result) {
	m.Authoritative = len(m.Answer) > 0 // behind a CNAME the answer section is still ours
	m.Ns = appendRRs(nil, found.RRset.RRs[0].Header().Name, found.RRset.RRs)
	if opt := q.r.IsEdns0(); found.DS != nil && opt != nil && opt.Do() {
		m.Ns = appendRRs(m.Ns, m.Ns[0].Header().Name, found.DS.RRs) // RFC 4035 §3.1.4
	}
	q.addGlue(m, found.RRset.RRs)
}

// addGlue puts the addresses of a zone cut's name servers into the additional section. Name servers
// inside the zone that is cut off need glue: an answer without all of it is truncated (RFC 9471
// §3.1). Others do not (§3.2).
func (q *query) addGlue(m *dns.Msg, ns []dns.RR) {
	cut := strings.ToLower(m.Ns[0].Header().Name)
	isOther := func(t store.Pointee) bool { return !dns.IsSubDomain(cut, strings.ToLower(t.Name)) }
	servers := store.AppendPointees(nil, ns)
	if q.isSigned() { // then the room is not known, see addAdditional
		isOther = func(store.Pointee) bool { return false }
		for i := range servers {
			servers[i].Name = strings.ToLower(servers[i].Name) // see resolve
		}
	}
	var glue []dns.RR
	unlimited := math.MaxInt
	for _, t := range servers {
		if !isOther(t) {
			glue = q.appendPointeeAddresses(glue, t, &unlimited)
		}
	}
	opt := m.Extra
	m.Extra = slices.Concat(glue, opt)
	if !slices.ContainsFunc(servers, isOther) {
		return
	}
	m.Compress = true // see addAdditional
	room := q.room(m)
	for _, t := range servers {
		if isOther(t) {
			glue = q.appendPointeeAddresses(glue, t, &room)
		}
	}
	m.Extra = slices.Concat(glue, opt)
}
