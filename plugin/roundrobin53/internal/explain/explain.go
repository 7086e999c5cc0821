// Package explain tells why a client gets the answer that it gets: stage by stage, what went in,
// what went out, and for which reason.
//
// It decides nothing. The answer and the state of every value come from the code that answers, told
// to report; here they become a document with one stage for each rule of the Corefile, as JSON or
// as text. An explanation takes no turn.
package explain

import (
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// A Query names the answer to explain.
type Query struct {
	Name  string // full, in lower case
	Type  uint16
	Class turn.Class // whose turns are looked at
	Now   time.Time

	// Who returns the client, with the parts that a set needs; see policy.Set.Needs.
	Who    func(policy.Needs) *policy.Who
	Client string // the client as it is written in the document
	From   string // how the client is known: one of the words below

	// HasNext says that another plugin gets what falls through.
	HasNext bool

	// Known returns the set of a name among the values; nil: nobody looks names up.
	Known func(lookup.Question) lookup.Set

	// Probe returns the Probe of a target of the store; nil: nothing is known.
	Probe func(target int) Probe
}

// How a client is known.
const (
	FromSource = "source" // by its address
	FromECS    = "ecs"    // by EDNS Client Subnet
	FromAsked  = "asked"  // whoever asks for the explanation names it
)

// A Probe describes the verdict and the latest probe of a target.
type Probe struct {
	Since  time.Time // when its verdict was reached; the zero time if that is not known
	Reason error     // why the latest probe failed; nil if it passed
}

// A Document explains one answer. Fields may be added to it, but are never renamed.
type Document struct {
	Version    int      `json:"version"`
	Name       string   `json:"name"`
	Type       string   `json:"type"`
	Zone       string   `json:"zone"`
	Source     string   `json:"source"` // FILE:LINE of the record, "" if it is not known
	Client     string   `json:"client"`
	ClientFrom string   `json:"client_from"`
	Places     []string `json:"places,omitempty"` // where the client is, if that matters
	Rcode      string   `json:"rcode"`
	TTL        uint32   `json:"ttl"`
	Scope      int      `json:"scope"`
	Answer     []string `json:"answer"`
	Note       string   `json:"note"` // what there is to say of an answer without stages
	Stages     []Stage  `json:"stages"`

	// Next explains the target of the CNAME that is the answer, if that lies in the same zones.
	Next *Document `json:"next,omitempty"`
}

// Version is the version of the document.
const Version = 1

// A Stage is one step from all values to the answer.
type Stage struct {
	Stage   string    `json:"stage"` // lookup (where values are names), drain, route, health, tier, order, limit
	In      int       `json:"in"`
	Out     int       `json:"out"`
	Removed []Removed `json:"removed"`
	Note    string    `json:"note"`   // what was decided; "" if there was nothing to decide
	Detail  string    `json:"detail"` // why, or what would come next
}

// A Removed is a value that left at a stage.
type Removed struct {
	Value  string `json:"value"` // at the stage lookup, a name without an address
	Why    string `json:"why"`
	Source string `json:"source"` // FILE:LINE of the value
}

// maxCNAMEs limits how many CNAMEs are followed. An answer has no more.
const maxCNAMEs = 16

// Of explains the answer to a query.
func Of(s *store.Store, q *Query) *Document {
	first, name := explainName(s, q, q.Name)
	last := first
	for range maxCNAMEs {
		if name == "" {
			break
		}
		last.Next, name = explainName(s, q, name)
		last = last.Next
	}
	return first
}

// explainName explains what one name has. It returns the target of its CNAME, to go on with; "" if
// that is not the answer, or lies elsewhere.
func explainName(s *store.Store, q *Query, name string) (d *Document, next string) {
	found := s.Table.Lookup(name, q.Type)
	d = newDocument(q, name)
	if found.Zone != nil {
		d.Zone = found.Zone.Origin
	}
	e := explainer{Document: d, s: s, q: q, found: found}
	return d, e.explain()
}

func newDocument(q *Query, name string) *Document {
	return &Document{
		Version: Version, Name: name, Type: typeName(q.Type), Client: q.Client, ClientFrom: q.From,
		Rcode: dns.RcodeToString[dns.RcodeSuccess], Answer: []string{}, Stages: []Stage{},
	}
}

// Set explains the answer of a set that chooses among its values. It does not explain how the query
// led to the set.
func Set(s *store.Store, q *Query, set *policy.Set) *Document {
	c := set.Choosing()
	d := newDocument(q, c.Name)
	e := explainer{Document: d, s: s, q: q}
	e.found.Zone = s.Table.Zones()[c.Zone]
	e.TTL = set.TTL
	e.explainSet(set, func(value int) string { return s.SourceOf(set, value) })
	return d
}

// typeName returns a type as text, also one without a name.
func typeName(rrtype uint16) string { return dns.Type(rrtype).String() }

// An explainer makes the document for one name.
type explainer struct {
	*Document
	s     *store.Store
	q     *Query
	found record.Result
}

// explain fills the document. It returns the name to go on with.
func (e *explainer) explain() (next string) {
	switch e.found.Kind {
	case record.Outside:
		e.Rcode = dns.RcodeToString[dns.RcodeRefused]
		e.Note = "no zone of this server block has the name"
		if e.q.HasNext {
			e.Rcode, e.Note = "", "no zone here has the name: the next plugin answers"
		}
	case record.Addresses:
		e.explainAddresses()
	case record.CNAME:
		return e.explainCNAME()
	case record.RRs:
		if e.found.RRset.Type == dns.TypeCNAME {
			e.explainCNAME()
			break
		}
		e.answerAll(e.found.RRset.RRs)
	case record.Any:
		e.Note = "ANY gets one HINFO (RFC 8482)"
		e.TTL = e.found.Zone.SOA().Hdr.Ttl
	case record.Delegation:
		e.Note = "a referral to the name servers of " + e.found.RRset.RRs[0].Header().Name
		e.TTL = e.found.RRset.RRs[0].Header().Ttl
	default:
		e.deny()
	}
	return ""
}

// deny explains NODATA and NXDOMAIN of the table.
func (e *explainer) deny() {
	z := &e.s.Zones[e.found.Zone.Index]
	if e.found.Unclaimed && e.q.HasNext && z.Through(e.Name) {
		e.Rcode, e.Note = "", "no record here has the name: it falls through to the next plugin"
		return
	}
	e.TTL = e.found.Zone.Negative[0].Header().Ttl
	if e.found.Kind == record.NXDomain {
		e.Rcode, e.Note = dns.RcodeToString[dns.RcodeNameError], "nothing has the name, nor exists below it"
		return
	}
	e.Note = "NODATA: the name exists, but not this type"
}

// answerAll makes the data of records the answer.
func (e *explainer) answerAll(rrs []dns.RR) {
	e.TTL = rrs[0].Header().Ttl
	for _, rr := range rrs {
		e.Answer = append(e.Answer, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	e.Note = "all records of the type"
}

func (e *explainer) explainAddresses() {
	set := e.s.Set(e.found.Addresses)
	e.TTL = set.TTL
	if _, ok := e.s.Table.Glue(e.Name, e.q.Type); !ok {
		e.Note = "answered by a wildcard"
	}
	e.explainSet(set, func(value int) string { return e.s.Source(e.q.Type, e.found.Addresses, value) })
}

// explainCNAME explains which CNAME the name has. It returns the target to go on with, "" if there
// is none.
func (e *explainer) explainCNAME() (next string) {
	rrs := e.found.RRset.RRs
	if several := e.s.CNAMEs(e.found.RRset); several != nil {
		set := several.For(e.q.Type)
		e.TTL = set.TTL
		order := e.explainSet(set, func(value int) string { return e.s.SourceOf(set, value) })
		if len(order) == 0 {
			return ""
		}
		rrs = rrs[order[0] : order[0]+1]
	} else {
		e.answerAll(rrs)
		e.Note = ""
	}
	target := strings.ToLower(rrs[0].(*dns.CNAME).Target)
	if e.s.Table.Lookup(target, e.q.Type).Kind == record.Outside {
		e.Note = "the target lies in no zone here: it is asked for elsewhere"
		return ""
	}
	return target
}

// explainSet explains the answer of a set. Source says where its values are written. explainSet
// returns the answered values by position.
func (e *explainer) explainSet(set *policy.Set, source func(value int) string) []uint16 {
	needs := set.Needs()
	who := e.q.Who(needs)
	if needs&policy.NeedsPlaces != 0 {
		for _, place := range who.Places {
			if place != "" {
				e.Places = append(e.Places, place)
			}
		}
	}
	r := e.s.Verdicts.Report(set, e.q.Class, who)
	names := e.s.Names(set)
	if set = r.Set; set.IsLive() {
		e.TTL = set.TTL // which may be what remains of the TTL of a lookup
		source = func(value int) string { return e.s.SourceOf(set, value) }
	}
	e.Scope = max(e.Scope, r.Scope)
	if e.Source = source(0); e.Source == "" && len(names) > 0 {
		e.Source = names[0].Source // as long as there is no address
	}
	for _, value := range r.Order {
		e.Answer = append(e.Answer, set.Value(int(value)))
	}
	switch {
	case r.IsUnknown():
		e.Rcode, e.TTL = dns.RcodeToString[dns.RcodeServerFailure], 0
		e.Note = "SERVFAIL: the names of the values were never resolved"
	case len(r.Order) == 0:
		e.TTL = min(e.TTL, e.found.Zone.Negative[0].Header().Ttl)
		e.Note = "NODATA: no value is answered now"
	}
	st := stager{explainer: e, set: set, report: r, source: source}
	if len(names) > 0 {
		e.Stages = append(e.Stages, st.lookup(names))
	}
	e.Stages = append(e.Stages, st.stages()...)
	return r.Order
}
