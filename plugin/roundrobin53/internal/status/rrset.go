package status

import (
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// A view shows RRsets at one moment.
type view struct {
	*catalog
	now time.Time
}

// rrset shows an RRset.
func (v *view) rrset(e *entry) RRset {
	z := &v.zones[e.zone]
	shown := RRset{Name: e.name, Type: dns.Type(e.rrtype).String(), Groups: []Group{}, Values: []Value{}}
	if e.rrset != nil && len(e.rrset.RRs) > 0 {
		shown.TTL = e.rrset.RRs[0].Header().Ttl
	}
	board := z.block.Store.Verdicts.Board()
	set := v.set(e)
	if set == nil {
		for i, rr := range e.rrset.RRs {
			text := strings.TrimPrefix(rr.String(), rr.Header().String())
			shown.Values = append(shown.Values, plainValue(text, z.block.Store.SourceOfRR(e.rrset, i), nil))
		}
		shown.Source = shown.Values[0].Source
		return shown
	}
	home := set
	set = home.On(board)
	shown.TTL = set.TTL
	b := builder{view: v, e: e, set: set, block: z.block, board: board}
	if e.rrset != nil {
		shown.Source = z.block.Store.SourceOfRR(e.rrset, 0)
	} else {
		shown.Source = z.block.Store.SourceOfSet(e.number)
		shown.Alias = z.block.Store.Alias(e.number)
	}
	if set.Chooses() {
		b.choosing(&shown)
	} else {
		b.plain(&shown)
	}
	b.addOverrides(home, shown.Values)
	b.addPicks(shown.Values)
	return shown
}

// addOverrides tells what state files decide of values.
func (b *builder) addOverrides(home *policy.Set, values []Value) {
	steers := b.block.Store.Verdicts.SteersOf(home)
	if len(steers) == 0 {
		return
	}
	states := b.block.Store.Verdicts.Report(home, turn.Datagram, new(policy.Who)).Values
	for i := range values {
		steer := b.set.SteerOf(steers, i)
		if steer == nil {
			continue
		}
		value := &values[i]
		value.Override = steer.String()
		if steer.Weight != nil {
			value.Weight = steer.Weight.Weight
		}
		switch {
		case steer.Drain != "":
			value.State, value.Since = Drained, nil
		case len(steer.Checks) > 0 && i < len(states) && states[i].Up:
			value.State, value.Since = Up, nil
		case len(steer.Checks) > 0 && i < len(states):
			value.State, value.Since = Down, nil
		}
	}
}

// A builder shows an RRset whose values a set holds.
type builder struct {
	*view
	e     *entry
	set   *policy.Set
	block *Block
	board *policy.Board
}

// plain shows a set whose answers turns alone decide.
func (b *builder) plain(shown *RRset) {
	n := b.set.Len()
	shown.Order = b.set.Order().String()
	if answers := b.set.Answers(); answers < n {
		shown.Answers = answers
	}
	group := Group{For: policy.ForAll, Tier: 1, State: Up, Candidates: make([]string, n)}
	share := 1 / float64(n)
	for i := range n {
		value := b.set.Value(i)
		group.Candidates[i] = value
		shown.Values = append(shown.Values, plainValue(value, shown.Source, &share))
	}
	if choice := b.board.PlainChoice(b.set); choice != nil { // a state file decides of values
		group.State, group.Candidates = groupStates[choice.Status()], []string{}
		for i := range shown.Values {
			shown.Values[i].Share = new(float64)
		}
		shares := choice.Shares()
		for i, candidate := range choice.Candidates() {
			group.Candidates = append(group.Candidates, shown.Values[candidate].Value)
			if shares != nil {
				shown.Values[candidate].Share = &shares[i]
			}
		}
	}
	if b.set.Order() != pool.Random {
		group.Next = b.first(b.set.See(b.board, turn.Datagram, new(policy.Who)).Order)
	}
	shown.Groups = append(shown.Groups, group)
}

func plainValue(value, source string, share *float64) Value {
	return Value{Value: value, Weight: 1, Priority: 1, From: []string{}, Geo: []string{}, State: Up, Share: share, Source: source, Checks: []Check{}}
}

// first returns the value that an answer begins with, "" if it has none.
func (b *builder) first(order []uint16) string {
	if len(order) == 0 {
		return ""
	}
	return b.set.Value(int(order[0]))
}

// choosing shows a set that chooses among its values.
func (b *builder) choosing(shown *RRset) {
	c := b.set.Choosing()
	rules := c.Groups[0].Rules()
	shown.Order, shown.Answers, shown.ByLine = rules.Order.String(), rules.Answers, rules.ByLine
	shown.Values = make([]Value, b.count())
	groups := b.block.Store.Verdicts.GroupsNow(b.set)
	for _, g := range groups {
		for _, line := range g.Lines() {
			for i := line.First; i < line.First+line.Count; i++ {
				shown.Values[i] = b.value(g, line, i)
			}
		}
	}
	for _, g := range groups {
		shown.Groups = append(shown.Groups, b.group(g, shown.Values))
	}
	for i := range shown.Values {
		if shown.Values[i].Share == nil && rules.Order != pool.Nearest {
			shown.Values[i].Share = new(float64) // no answer begins with it
		}
	}
}

// count returns how many values the set has.
func (b *builder) count() int {
	if b.e.rrset != nil {
		return len(b.e.rrset.RRs)
	}
	return b.set.Len()
}

// value shows a value of a line.
func (b *builder) value(g *policy.Group, line *pool.Line, i int) Value {
	c := b.set.Choosing()
	words := c.WordsOf(i)
	shown := Value{
		Value: b.set.Value(i), FromName: b.set.FromName(i), Weight: line.Weight, Priority: line.Priority,
		From: orNone(words.From), Geo: orNone(words.Geo), At: words.At,
		State: Up, Source: b.block.Store.SourceOf(b.set, i), Checks: []Check{},
	}
	if condition := g.Condition(i); condition != nil {
		found := b.block.find(condition)
		shown.State, shown.Since = found.state(), timeOf(found.since)
		var seen []int
		shown.Checks = b.block.checks(condition, &seen, shown.Checks)
	}
	if line.Drain {
		shown.State, shown.Since = Drained, nil
	}
	return shown
}

func orNone(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}

// groupStates are the states of groups by what they answer with.
var groupStates = [...]State{pool.Up: Up, pool.FailOpen: FailOpen, pool.Down: NoData, pool.Drained: NoData, pool.Empty: NoData, pool.Unknown: Unknown}

// group shows a group, and gives its candidates the share that they have of its answers. Of the
// groups that a value is in, the first that answers with it counts.
func (b *builder) group(g *policy.Group, values []Value) Group {
	choice := b.board.Choice(g)
	shown := Group{For: g.Name, Tier: choice.Priority(), State: groupStates[choice.Status()], Candidates: []string{}}
	shares := choice.Shares()
	unknown := 0
	for i, candidate := range choice.Candidates() {
		value := &values[candidate]
		shown.Candidates = append(shown.Candidates, value.Value)
		if shares != nil && value.Share == nil {
			value.Share = &shares[i]
		}
		if value.State == Unknown {
			unknown++
		}
	}
	if shown.State == Up && unknown == len(shown.Candidates) {
		shown.State = Unknown
	}
	if order := choice.Group().Rules().Order; order == pool.RoundRobin {
		shown.Next = b.first(choice.See(turn.Datagram, new(pool.Client), nil))
	}
	if end := b.block.Store.Verdicts.Wait(g); end.After(b.now) {
		shown.FailbackLeft = end.Sub(b.now).Round(time.Second).String()
	}
	return shown
}

// addPicks tells how many answers began with each value, where that is counted.
func (b *builder) addPicks(values []Value) {
	picks := b.set.Picks()
	if picks == nil {
		return
	}
	total := uint64(0)
	counts := make([]uint64, len(picks))
	for i, count := range picks {
		counts[i] = count.Load()
		total += counts[i]
	}
	for i := range values {
		values[i].FirstPicks = &counts[i]
		if total > 0 {
			given := float64(counts[i]) / float64(total)
			values[i].Given = &given
		}
	}
}

// percent writes a share for people.
func percent(share *float64) string {
	if share == nil {
		return "–"
	}
	return strconv.FormatFloat(*share*100, 'f', 1, 64) + " %"
}
