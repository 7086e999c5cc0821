package explain

import (
	"fmt"
	"strings"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// lookup removes the names without an address, each of which counts as one value, and tells which
// others are not what their last lookup found.
func (st *stager) lookup(names []store.Name) Stage {
	s := Stage{Stage: "lookup", Out: st.set.Values(), Removed: []Removed{}}
	var details []string
	for _, name := range names {
		var known lookup.Set
		if st.q.Known != nil {
			known = st.q.Known(name.Question)
		}
		if why := st.whyNoAddress(&known); why != "" {
			s.Removed = append(s.Removed, Removed{name.Name, why, name.Source})
			continue
		}
		if known.State == lookup.Stale {
			details = append(details, fmt.Sprintf("%s at %s: kept, though no lookup has succeeded for %s: %v", name.Name, name.Source, age(st.q.Now.Sub(known.Since)), known.Err))
		}
		if len(known.Unusable) > 0 {
			details = append(details, fmt.Sprintf("%s at %s has addresses that no host can have: %s", name.Name, name.Source, lookup.Join(known.Unusable)))
		}
		if known.Left > 0 {
			details = append(details, fmt.Sprintf("%s at %s has %d addresses: %d are used", name.Name, name.Source, len(known.Addresses)+known.Left, len(known.Addresses)))
		}
	}
	s.In = s.Out + len(s.Removed)
	s.Note, s.Detail = fmt.Sprintf("%d of %s", len(names)-len(s.Removed), resolved(len(names))), strings.Join(details, "; ")
	return s
}

func resolved(names int) string {
	if names == 1 {
		return "1 name has addresses"
	}
	return fmt.Sprintf("%d names have addresses", names)
}

// whyNoAddress says why a name has no address, "" if it has one.
func (st *stager) whyNoAddress(known *lookup.Set) string {
	switch {
	case len(known.Addresses) > 0:
		return ""
	case st.q.Known == nil:
		return "not looked up: there is no server that does"
	case known.State == lookup.Empty:
		return fmt.Sprintf("no address for %s: %v", age(st.q.Now.Sub(known.Since)), known.Err)
	case known.Err != nil:
		return fmt.Sprintf("never resolved: %v", known.Err)
	}
	return "never resolved: no answer yet"
}
