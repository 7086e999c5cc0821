package pool

import (
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// weights is a prepared weighted choice. It fills the places of an answer one after another, each
// from the endpoints that are left.
//
// The first place goes by the lines' weights. Lines of one weight form a class. Classes take turns
// as whose says, the lines of a class take turns within the turns of the class, and the endpoints
// of a line within the turns of the line. So a line is first exactly w/gcd times in every round of
// sum(w)/gcd answers, and its endpoints are first equally often. That round slips as turn.Place
// says, and the round of a line's endpoints as turn.InnerPlace says.
//
// The other places go by the weights of single endpoints, which share their line's weight equally.
// The number of answers so far that began with the same endpoint follows from the same arithmetic.
// It is the turn of the second place, and so on: no place needs a counter of its own.
type weights struct {
	lineWeights []uint64     // by class of lines of one weight: that of all its lines together
	lines       [][][]uint16 // by class
	period      uint64       // how many answers make the first places exact

	classes []weightClass
	sticky  []float64 // by candidate, of the order Sticky: their weights
	byLine  bool      // an answer has the endpoints of one line
}

// A weightClass holds the endpoints of one weight.
type weightClass struct {
	weight    uint64 // of one endpoint, in fixed-point form: see weightBits
	endpoints []uint16
	start     int // among the endpoints of a remainder
}

// weightBits is the length in bits that the sum of all endpoints' weights is scaled to. Quotients
// of small weights and long lines keep some twenty binary places, and products stay within 64 bits.
const weightBits = 31

// areAlike reports whether a choice among s is a choice among equal endpoints.
func (s shares) areAlike() bool {
	isOther := func(sh share) bool { return sh.weight != s[0].weight || len(sh.endpoints) != len(s[0].endpoints) }
	return len(s) == 1 || !slices.ContainsFunc(s, isOther) && len(s[0].endpoints) == 1
}

// weights prepares the choice among s. It returns nil if all endpoints are equal.
func (s shares) weights(rules *Rules) *weights {
	sticky := rules.Weighted && rules.Order == Sticky
	if !sticky && s.areAlike() {
		return nil
	}
	w := &weights{byLine: rules.ByLine}
	lines, classes := make(map[uint64]int), make(map[uint64]int)
	sum, divisor := s.sum()
	w.period = sum / divisor
	unit := weightUnit(sum)
	for i := range s {
		w.addLine(lines, s[i].weight/divisor, s[i].endpoints)
		w.addEndpoints(classes, max(1, unit(s[i].weight)/uint64(len(s[i].endpoints))), s[i].endpoints)
		if sticky {
			// Shared by all endpoints of the line, up or not: so it is the same whatever the
			// verdicts are, and only the clients of a lost endpoint move.
			each := float64(s[i].weight) / float64(s[i].line.size())
			w.sticky = append(w.sticky, slices.Repeat([]float64{each}, len(s[i].endpoints))...)
		}
	}
	start := 0
	for i := range w.classes {
		w.classes[i].start = start
		start += len(w.classes[i].endpoints)
	}
	return w
}

// sum returns the sum of the weights of s, and their greatest common divisor.
func (s shares) sum() (sum, divisor uint64) {
	for i := range s {
		sum += s[i].weight
		divisor = gcd(divisor, s[i].weight)
	}
	return sum, divisor
}

// weightUnit returns a function that scales weights with this sum to weightBits.
func weightUnit(sum uint64) func(uint64) uint64 {
	shift := weightBits - bits.Len64(sum)
	if shift < 0 {
		return func(weight uint64) uint64 { return weight >> -shift }
	}
	return func(weight uint64) uint64 { return weight << shift }
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// addLine adds a line to its class. Known maps weights to classes.
func (w *weights) addLine(known map[uint64]int, weight uint64, endpoints []uint16) {
	i, ok := known[weight]
	if !ok {
		i = len(w.lines)
		known[weight] = i
		w.lineWeights, w.lines = append(w.lineWeights, 0), append(w.lines, nil)
	}
	w.lineWeights[i] += weight
	w.lines[i] = append(w.lines[i], endpoints)
}

// addEndpoints adds endpoints to their class. Known maps weights to classes.
func (w *weights) addEndpoints(known map[uint64]int, weight uint64, endpoints []uint16) {
	i, ok := known[weight]
	if !ok {
		i = len(w.classes)
		known[weight] = i
		w.classes = append(w.classes, weightClass{weight: weight})
	}
	w.classes[i].endpoints = append(w.classes[i].endpoints, endpoints...)
}

// fewClasses is how many classes take no allocation to choose among, and fewEndpoints how many
// endpoints.
const (
	fewClasses   = 16
	fewEndpoints = 64
)

// spread appends k endpoints to dst in the order of turn seq, or the endpoints of the line whose
// turn it is.
func (w *weights) spread(seq uint64, k int, dst []uint16) []uint16 {
	at, round := turn.Place(seq, w.period)
	i, times := whose(w.lineWeights, w.period, round, at)
	lines := w.lines[i]
	line := lines[0]
	if n := uint64(len(lines)); n > 1 {
		line = lines[times%n]
		times /= n
	}
	at, times = turn.InnerPlace(times, uint64(len(line)))
	if w.byLine {
		return toEndpoints(line, dst, turn.Begin(int(at), times, len(line), len(line), dst))
	}
	first := line[at]
	dst = append(dst, first)
	if k == 1 {
		return dst
	}
	return w.spreadRest(first, times, k-1, dst)
}

// spreadRest appends k endpoints to dst that come after the first. It is never inlined: most answers
// have one endpoint, and a query has little stack.
//
//go:noinline
func (w *weights) spreadRest(first uint16, times uint64, k int, dst []uint16) []uint16 {
	var space space
	rest := w.remainder(space.weights[:0], space.endpoints[:0])
	rest.removeEndpoint(first)
	for range k {
		var i int
		i, times = whose(rest.weights, rest.sum, times/rest.sum, times%rest.sum)
		n := rest.weights[i] / w.classes[i].weight
		dst = append(dst, rest.remove(i, int(times%n)))
		times /= n
	}
	return dst
}

// draw appends k random endpoints to dst, each place in proportion to the weights of the endpoints
// that are left. Where an answer is a line, it appends the endpoints of one line, in any order.
func (w *weights) draw(k int, dst []uint16) []uint16 {
	if w.byLine {
		line := w.drawLine()
		return toEndpoints(line, dst, turn.Shuffle(len(line), len(line), dst))
	}
	var space space
	rest := w.remainder(space.weights[:0], space.endpoints[:0])
	for range k {
		ticket := rand.Uint64N(rest.sum) //nolint:gosec // a fair choice, not a secret
		i := 0
		for ; ticket >= rest.weights[i]; i++ {
			ticket -= rest.weights[i]
		}
		dst = append(dst, rest.remove(i, int(ticket/w.classes[i].weight)))
	}
	return dst
}

// drawLine returns the endpoints of a random line, in proportion to the weights.
func (w *weights) drawLine() []uint16 {
	ticket := rand.Uint64N(w.period) //nolint:gosec // a fair choice, not a secret
	i := 0
	for ; ticket >= w.lineWeights[i]; i++ {
		ticket -= w.lineWeights[i]
	}
	lines := w.lines[i]
	return lines[ticket%uint64(len(lines))]
}

// A remainder holds the endpoints that are left of the classes while an answer is made.
type remainder struct {
	w         *weights
	weights   []uint64 // by class: the weight of the endpoints that are left
	endpoints []uint16 // class by class, the endpoints that are left first
	sum       uint64
}

// space is the room that a remainder usually takes; it stays on the caller's stack.
type space struct {
	weights   [fewClasses]uint64
	endpoints [fewEndpoints]uint16
}

// remainder returns a remainder of all classes, in the room of two slices.
func (w *weights) remainder(weights []uint64, endpoints []uint16) remainder {
	sum := uint64(0)
	for i := range w.classes {
		c := &w.classes[i]
		endpoints = append(endpoints, c.endpoints...)
		weights = append(weights, c.weight*uint64(len(c.endpoints)))
		sum += weights[i]
	}
	return remainder{w, weights, endpoints, sum}
}

// remove takes the endpoint at a position out of a class.
func (r *remainder) remove(class, position int) uint16 {
	c := &r.w.classes[class]
	last := int(r.weights[class]/c.weight) - 1
	left := r.endpoints[c.start:]
	endpoint := left[position]
	left[position] = left[last]
	r.weights[class] -= c.weight
	r.sum -= c.weight
	return endpoint
}

// removeEndpoint takes an endpoint out of its class, before any other is taken.
func (r *remainder) removeEndpoint(endpoint uint16) {
	position := slices.Index(r.endpoints, endpoint)
	class := len(r.w.classes) - 1
	for r.w.classes[class].start > position {
		class--
	}
	r.remove(class, position-r.w.classes[class].start)
}
