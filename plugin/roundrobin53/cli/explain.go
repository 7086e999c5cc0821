package cli

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/explain"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/override"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

const explainArgs = "[-conf FILE] NAME [TYPE] [-client IP] [-down VALUE|CHECK/VALUE]... [-now TIME] [-json]"

// A question holds the arguments of explain.
type question struct {
	name   string
	rrtype uint16
	client netip.Prefix
	down   []fault
	now    time.Time
}

// explainName tells what a client would get for a name, and why, without a server.
func explainName(args []string, std Streams) int {
	q := &question{rrtype: dns.TypeA, now: time.Now(), client: netip.PrefixFrom(netip.IPv4Unspecified(), 32)}
	flags := newFlags("explain", std)
	conf := given(flags, "conf", "Corefile", "the `file` with the Corefile; stdin for the standard input (default Corefile)")
	asJSON := flags.Bool("json", false, "write JSON")
	flags.Func("client", "the `address` of the client, or its network where the block has ecs", q.readClient)
	flags.Func("down", "a `value` whose checks fail, or CHECK/VALUE for one of them; may be repeated", q.readDown)
	timeFlag(flags, "now", &q.now, "the `time` to take for the present, as in 2026-12-01T04:00:00Z")
	words, err := parse(flags, std, args, 1, 2)
	if err != nil {
		return misused(err)
	}
	if err := q.readWords(words); err != nil {
		return complain(std.Err, err)
	}
	text, err := open(*conf, std.In)
	if err != nil {
		return complain(std.Err, err)
	}
	read := load(*conf, text, q.now)
	for _, err := range slices.Concat(read.surroundings, read.errors) {
		fmt.Fprintln(std.Err, err)
	}
	if len(read.errors) > 0 {
		return Trouble
	}
	for _, h := range read.handlers {
		for _, warning := range h.StateWarnings() {
			fmt.Fprintln(std.Err, warning)
		}
	}
	answers, err := q.answers(read.handlers)
	if err == nil {
		err = writeAnswers(answers, *asJSON, std)
	}
	return report(err, std)
}

func (q *question) readClient(text string) error {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		q.client = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		return nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("%q is neither an address nor a network", text)
	}
	if addr := network.Addr(); addr.Is4In6() && network.Bits() >= mappedBits {
		network = netip.PrefixFrom(addr.Unmap(), network.Bits()-mappedBits)
	}
	q.client = network.Masked()
	return nil
}

// mappedBits is the length of the prefix before the IPv4 address in an IPv4-mapped IPv6 address (RFC
// 4291 §2.5.5.2).
const mappedBits = 96

// A fault is a check that is to fail, or all checks of a value.
type fault struct {
	text  string // as written
	check string // "" for all
	value string
}

// readDown reads VALUE or CHECK/VALUE.
func (q *question) readDown(text string) (err error) {
	f := fault{text: text, value: text}
	if at := strings.LastIndexByte(text, '/'); at >= 0 { // the name of a check may have others
		f.check, f.value = text[:at], text[at+1:]
	}
	f.value, err = override.ParseValue(f.value)
	q.down = append(q.down, f)
	return err
}

// readWords reads NAME [TYPE].
func (q *question) readWords(words []string) error {
	q.name = strings.ToLower(dns.Fqdn(words[0]))
	if _, ok := dns.IsDomainName(q.name); !ok {
		return fmt.Errorf("%q is not a name", words[0])
	}
	if len(words) > 1 {
		var ok bool
		if q.rrtype, ok = readType(words[1]); !ok {
			return fmt.Errorf("%q is not a type of records that a client can ask a name for", words[1])
		}
	}
	return nil
}

// readType reads a type by its name, or as TYPE and its number (RFC 3597 §5).
func readType(word string) (rrtype uint16, ok bool) {
	word = strings.ToUpper(word)
	if number, isNumbered := strings.CutPrefix(word, "TYPE"); isNumbered {
		n, err := strconv.ParseUint(number, 10, 16)
		return uint16(n), err == nil && n > 0
	}
	rrtype, ok = dns.StringToType[word]
	return rrtype, ok && !slices.Contains(aboutMessages, rrtype)
}

// aboutMessages are the types that belong to messages, or ask for whole zones (RFC 6895 §3.1).
var aboutMessages = []uint16{dns.TypeNone, dns.TypeOPT, dns.TypeTKEY, dns.TypeTSIG, dns.TypeIXFR, dns.TypeAXFR, dns.TypeMAILA, dns.TypeMAILB}

// An answer explains the answer of one server block.
type answer struct {
	Block string `json:"block"`
	*explain.Document
}

// answers asks all server blocks that have a zone around the name.
func (q *question) answers(handlers []*roundrobin53.Handler) ([]answer, error) {
	if err := q.takeDown(handlers); err != nil {
		return nil, err
	}
	var all []answer
	var zones []string
	for _, h := range handlers {
		for i := range h.Store().Zones {
			zones = append(zones, h.Store().Zones[i].Name)
		}
		if h.Store().Table.Lookup(q.name, q.rrtype).Kind != record.Outside {
			all = append(all, answer{h.Title(), h.Explain(q.name, q.rrtype, q.client)})
		}
	}
	if len(all) == 0 {
		hint := ""
		if len(zones) > 0 && dns.CountLabel(q.name) == 1 {
			hint = fmt.Sprintf("; write the whole name, as in %s%s", q.name, strings.TrimPrefix(zones[0], "."))
		}
		return nil, fmt.Errorf("%s: no zone has the name; the zones are %s%s", q.name, strings.Join(zones, " "), hint)
	}
	return all, nil
}

// takeDown makes checks fail, as the arguments say.
func (q *question) takeDown(handlers []*roundrobin53.Handler) error {
	known := make(map[fault]bool, len(q.down))
	for _, h := range handlers {
		down := make(map[int]bool)
		for _, w := range h.Store().Watches {
			for _, f := range q.down {
				if f.isAbout(&w) {
					down[w.Target], known[f] = true, true
				}
			}
		}
		h.Store().Verdicts.UpdateAll(func(target int) bool { return !down[target] }, q.now)
	}
	for _, f := range q.down {
		if !known[f] {
			return fmt.Errorf("-down %q: no check probes such a value", f.text)
		}
	}
	return nil
}

// isAbout reports whether a fault is about a check of a value.
func (f fault) isAbout(w *store.Watch) bool {
	return (f.check == "" || f.check == w.Check) && f.value == strings.ToLower(w.Value)
}

func writeAnswers(answers []answer, asJSON bool, std Streams) error {
	if asJSON {
		return writeJSON(std.Out, answers)
	}
	for _, a := range answers {
		if len(answers) > 1 {
			fmt.Fprintln(std.Out, a.Block)
		}
		if _, err := fmt.Fprint(std.Out, a.Text()); err != nil {
			return err
		}
	}
	return nil
}
