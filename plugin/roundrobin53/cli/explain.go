package cli

import (
	"fmt"
	"net/netip"
	"slices"
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

// A question is what the arguments of explain ask.
type question struct {
	name   string
	rrtype uint16
	client netip.Prefix
	down   []string
	now    time.Time
}

// explainName tells what a client would get for a name, and why, without a server.
func explainName(args []string, std Streams) int {
	q := &question{rrtype: dns.TypeA, now: time.Now(), client: netip.PrefixFrom(netip.IPv4Unspecified(), 32)}
	flags := newFlags("explain", std)
	conf := flags.String("conf", "Corefile", "the Corefile to read; stdin for the standard input")
	asJSON := flags.Bool("json", false, "write JSON")
	flags.Func("client", "the `address` of the client, or its network where the block has ecs", q.readClient)
	flags.Func("down", "a `value` whose checks fail, or CHECK/VALUE for one of them; may be repeated", func(text string) error {
		q.down = append(q.down, text)
		return nil
	})
	flags.Func("now", "the `time` to take for the present, as in 2026-12-01T04:00:00Z", func(text string) (err error) {
		q.now, err = override.ParseTime(text)
		return err
	})
	words, ok := parse(flags, args, 1, 2)
	if !ok {
		return Misused
	}
	if err := q.readWords(words); err != nil {
		fmt.Fprintln(std.Err, err)
		return Misused
	}
	text, err := open(*conf, std.In)
	if err != nil {
		fmt.Fprintln(std.Err, err)
		return Misused
	}
	read := load(*conf, text, q.now)
	for _, err := range slices.Concat(read.surroundings, read.errors) {
		fmt.Fprintln(std.Err, err)
	}
	if len(read.errors) > 0 {
		return Trouble
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
	q.client = network.Masked()
	return nil
}

// readWords reads NAME [TYPE].
func (q *question) readWords(words []string) error {
	q.name = strings.ToLower(dns.Fqdn(words[0]))
	if _, ok := dns.IsDomainName(q.name); !ok {
		return fmt.Errorf("%q is not a name", words[0])
	}
	if len(words) > 1 {
		rrtype, ok := dns.StringToType[strings.ToUpper(words[1])]
		if !ok {
			return fmt.Errorf("%q is not a type of records", words[1])
		}
		q.rrtype = rrtype
	}
	return nil
}

// An answer is what one server block answers.
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
		return nil, fmt.Errorf("%s: no zone has the name; the zones are %s", q.name, strings.Join(zones, " "))
	}
	return all, nil
}

// takeDown makes checks fail, as the arguments say.
func (q *question) takeDown(handlers []*roundrobin53.Handler) error {
	unknown := make(map[string]bool, len(q.down))
	for _, text := range q.down {
		unknown[text] = true
	}
	for _, h := range handlers {
		down := make(map[int]bool)
		for _, w := range h.Store().Watches {
			for _, text := range q.down {
				if matches(&w, text) {
					down[w.Target], unknown[text] = true, false
				}
			}
		}
		h.Store().Verdicts.UpdateAll(func(target int) bool { return !down[target] }, q.now)
	}
	for _, text := range q.down {
		if unknown[text] {
			return fmt.Errorf("-down %q: no check probes such a value", text)
		}
	}
	return nil
}

// matches reports whether VALUE or CHECK/VALUE means a watch.
func matches(w *store.Watch, text string) bool {
	check, value, ok := strings.Cut(text, "/")
	if !ok {
		return w.Value == strings.ToLower(text)
	}
	return w.Check == check && w.Value == strings.ToLower(value)
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
