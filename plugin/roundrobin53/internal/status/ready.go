package status

import (
	"net/http"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// A readiness says how well a name can be answered.
type readiness int

// The readinesses, the worst first.
const (
	notThere  readiness = iota // the name does not exist
	noAddress                  // it has no value that is answered
	failsOpen                  // its values are down, and answered as if they were up
	isUp
)

// maxCNAMEs limits the CNAMEs that are followed from a name to its addresses.
const maxCNAMEs = 8

// readinessOf returns the readiness of a name in a store: the better one of A and AAAA.
func readinessOf(s *store.Store, name string) readiness {
	best := notThere
	for _, rrtype := range record.AddressTypes {
		best = max(best, readinessFor(s, name, rrtype))
	}
	return best
}

func readinessFor(s *store.Store, name string, rrtype uint16) readiness {
	for range maxCNAMEs {
		switch found := s.Table.Lookup(name, rrtype); found.Kind {
		case record.Addresses:
			return readinessOfSet(s, s.Set(found.Addresses))
		case record.CNAME:
			several := s.CNAMEs(found.RRset)
			if several != nil {
				return readinessOfSet(s, several.For(rrtype))
			}
			name = dns.CanonicalName(found.RRset.RRs[0].(*dns.CNAME).Target)
			if s.Table.Lookup(name, rrtype).Kind == record.Outside {
				return isUp // nobody here knows better
			}
		case record.Outside, record.NXDomain:
			return notThere
		default:
			return noAddress
		}
	}
	return noAddress
}

// readinessOfSet returns what the clients of a set get: that of the group with most to give.
func readinessOfSet(s *store.Store, set *policy.Set) readiness {
	board, best := s.Verdicts.Board(), noAddress
	if !set.Chooses() {
		if choice := board.PlainChoice(set); choice != nil && choice.Status() != pool.Up {
			return noAddress // an operator drained all of them
		}
		return isUp
	}
	for _, g := range set.Groups() {
		switch board.Choice(g).Status() {
		case pool.Up:
			return isUp
		case pool.FailOpen:
			best = failsOpen
		case pool.Down, pool.Drained, pool.Empty, pool.Unknown:
		}
	}
	return best
}

// serveReady answers 200 while a name has a value up in every server block that has the name, and
// 503 while it has none: for what withdraws an address, or takes a server out of a load balancer.
func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	values, err := readQuery(r.URL.RawQuery, "name", "view")
	name := fullName(values.Get("name"))
	if err == nil {
		err = validateName(name)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	in := s.shown.Load()
	view, asked := values["view"]
	if asked && in.refusesView(w, view[0]) {
		return
	}
	worst, found := isUp, false
	for _, b := range in.Blocks {
		if asked && view[0] != b.View {
			continue
		}
		if got := readinessOf(b.Store, name); got != notThere {
			worst, found = min(worst, got), true
		}
	}
	switch {
	case !found:
		in.refuseName(w, name)
	case s.ending.Load():
		refuse(w, http.StatusServiceUnavailable, "%s: the server shuts down", name)
	case worst == isUp:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("OK\n"))
	case worst == failsOpen:
		refuse(w, http.StatusServiceUnavailable, "%s: no value is up, and answers are as if all values were (all_down all)", name)
	default:
		refuse(w, http.StatusServiceUnavailable, "%s: no value is answered", name)
	}
}
