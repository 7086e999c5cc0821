package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

const checkArgs = "[-conf FILE] [-strict] [-json]"

// check reads a Corefile as a start would, and tells what it would serve and what is wrong.
func check(args []string, std Streams) int {
	flags := newFlags("check", std)
	conf := given(flags, "conf", "Corefile", "the `file` with the Corefile; stdin for the standard input (default Corefile)")
	strict := flags.Bool("strict", false, "warnings are errors")
	asJSON := flags.Bool("json", false, "write JSON")
	if _, err := parse(flags, std, args, 0, 0); err != nil {
		return misused(err)
	}
	text, err := open(*conf, std.In)
	if err != nil {
		return complain(std.Err, err)
	}
	found := checked(load(*conf, text, time.Now()), *strict)
	if *asJSON {
		err = writeJSON(std.Out, found)
	} else {
		err = found.write(std.Out)
	}
	if err != nil || !found.OK {
		return Trouble
	}
	return Fine
}

// A finding tells what check found in a Corefile. It is also the JSON document. Fields may be added
// to it, but are never renamed.
type finding struct {
	Version      int            `json:"version"`
	OK           bool           `json:"ok"`
	Blocks       []checkedBlock `json:"blocks"`
	Errors       []string       `json:"errors"`
	Surroundings []string       `json:"surroundings"` // what other plugins lack here
}

type checkedBlock struct {
	Block    string         `json:"block"`
	Zones    []checkedZone  `json:"zones"`
	RRsets   []checkedRRset `json:"rrsets"`
	Checks   []checkedCheck `json:"checks"`
	Warnings []string       `json:"warnings"`
}

type checkedZone struct {
	Zone   string `json:"zone"`
	Names  int    `json:"names"`
	Values int    `json:"values"`
}

type checkedRRset struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	TTL    uint32   `json:"ttl"`
	Values []string `json:"values"`
	Source string   `json:"source"` // FILE:LINE, "" if the RRset is made for the zone
}

type checkedCheck struct {
	Check  string   `json:"check"`
	Zone   string   `json:"zone"`
	Values []string `json:"values"`
}

func checked(c *corefile, strict bool) *finding {
	f := &finding{Version: 1, OK: len(c.errors) == 0, Blocks: []checkedBlock{}, Errors: texts(c.errors), Surroundings: texts(c.surroundings)}
	for i, h := range c.handlers {
		block := checkedBlockOf(h)
		if i < len(c.reduced) && c.reduced[i] { // some would be there only because of what was left out
			block.Warnings = []string{}
		}
		f.OK = f.OK && (!strict || len(block.Warnings) == 0)
		f.Blocks = append(f.Blocks, block)
	}
	return f
}

func texts(errs []error) []string {
	all := make([]string, len(errs))
	for i, err := range errs {
		all[i] = err.Error()
	}
	return all
}

func checkedBlockOf(h *roundrobin53.Handler) checkedBlock {
	s := h.Store()
	b := checkedBlock{
		Block: h.Title(), Zones: []checkedZone{}, RRsets: rrsetsOf(s), Checks: checksOf(s),
		Warnings: append([]string{}, slices.Concat(h.Warnings()...)...),
	}
	for i := range s.Zones {
		b.Zones = append(b.Zones, checkedZone{s.Zones[i].Name, s.Zones[i].Names, s.Zones[i].Values})
	}
	return b
}

// namesOf returns the values of a set that are names.
func namesOf(s *store.Store, set *policy.Set) []string {
	names := s.Names(set)
	texts := make([]string, len(names))
	for i := range names {
		texts[i] = names[i].Name
	}
	return texts
}

// rrsetsOf returns all RRsets of a store by name.
func rrsetsOf(s *store.Store) []checkedRRset {
	all := []checkedRRset{}
	for rrset, set := range s.All() {
		r := checkedRRset{rrset.Name, dns.Type(rrset.Type).String(), set.TTL, []string{}, s.Source(rrset.Type, rrset.Number, 0)}
		for i := range set.Values() {
			r.Values = append(r.Values, set.Value(i))
		}
		if rrset.Type != dns.TypeCNAME {
			r.Values = append(r.Values, namesOf(s, set)...)
			r.Source = s.SourceOfSet(rrset.Number)
		}
		all = append(all, r)
	}
	for name, node := range s.Table.All() {
		for i := range node.RRsets {
			rrset := &node.RRsets[i]
			if rrset.CNAMEs > 0 {
				continue
			}
			r := checkedRRset{name, dns.Type(rrset.Type).String(), rrset.RRs[0].Header().Ttl, []string{}, s.SourceOfRR(rrset, 0)}
			for _, rr := range rrset.RRs {
				r.Values = append(r.Values, strings.TrimPrefix(rr.String(), rr.Header().String()))
			}
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b checkedRRset) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type))
	})
	return all
}

// checksOf returns the checks of a store with their values.
func checksOf(s *store.Store) []checkedCheck {
	all := []checkedCheck{}
	known := make(map[[2]string]int)
	for _, w := range s.Watches {
		key := [2]string{w.Zone, w.Check}
		i, ok := known[key]
		if !ok {
			i = len(all)
			known[key] = i
			all = append(all, checkedCheck{Check: w.Check, Zone: w.Zone})
		}
		if !slices.Contains(all[i].Values, w.Value) {
			all[i].Values = append(all[i].Values, w.Value)
		}
	}
	return all
}

// write writes the finding for people.
func (f *finding) write(w io.Writer) error {
	var b strings.Builder
	for i := range f.Blocks {
		f.Blocks[i].write(&b)
	}
	if len(f.Blocks)+len(f.Errors) == 0 {
		b.WriteString("no server block has a " + directive + " directive\n")
	}
	section := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(&b, "%s:\n  %s\n", title, strings.Join(lines, "\n  "))
		}
	}
	section("other plugins could not be set up here, which may be as it should", f.Surroundings)
	section("errors", f.Errors)
	if f.OK {
		b.WriteString("fine\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (block *checkedBlock) write(b *strings.Builder) {
	fmt.Fprintln(b, block.Block)
	for _, z := range block.Zones {
		fmt.Fprintf(b, "  zone %s: names %d, values %d\n", z.Zone, z.Names, z.Values)
	}
	for i := range block.RRsets {
		r := &block.RRsets[i]
		line := fmt.Sprintf("    %s %d %s %s", r.Name, r.TTL, r.Type, strings.Join(r.Values, " "))
		if r.Source != "" {
			line += "  # " + r.Source
		}
		fmt.Fprintln(b, line)
	}
	for i := range block.Checks {
		c := &block.Checks[i]
		fmt.Fprintf(b, "  check %s in %s: %s\n", c.Check, c.Zone, strings.Join(c.Values, " "))
	}
	for _, warning := range block.Warnings {
		fmt.Fprintf(b, "  warning: %s\n", warning)
	}
}

// writeJSON writes a document with indentation.
func writeJSON(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document)
}
