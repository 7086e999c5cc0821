package route53

import (
	"fmt"
	"slices"
)

// scale turns weights within weights into weights of one tier.
type scale struct {
	weights [][]int // by branch: the weights of its values
}

// maxWeight is the largest weight of a Corefile.
const maxWeight = 65535

// newScale makes the scale of a weighted group. A value's share is that of its branch times its own within it.
func newScale(g *group, branches []branch) (*scale, error) {
	s := new(scale)
	if g.policy != weighted {
		return s, nil
	}
	common := 1
	inner := make([][]int, len(branches))
	sums := make([]int, len(branches))
	for i, b := range branches {
		if weight := *b.set.Weight; weight < 0 || weight > maxWeight {
			return nil, fmt.Errorf("%s: weight %d is not from 0 to 255", nameOf(b.set), weight)
		}
		var err error
		if inner[i], err = innerWeights(b); err != nil {
			return nil, err
		}
		for _, weight := range inner[i] {
			sums[i] += weight
		}
		if common = common / gcd(common, sums[i]) * sums[i]; common > 1<<31 {
			return nil, fmt.Errorf("%s: weights within weights have no common measure below %d", nameOf(b.set), maxWeight)
		}
	}
	isNested := common > 1
	divisor := 0
	for i, b := range branches {
		own := make([]int, len(inner[i]))
		for j, weight := range inner[i] {
			own[j] = *b.set.Weight * weight * (common / sums[i])
			divisor = gcd(divisor, own[j])
		}
		if *b.set.Weight == 0 && len(own) > 1 && slices.Max(inner[i]) != slices.Min(inner[i]) {
			return nil, fmt.Errorf("%s: weight 0 for values with weights of their own", nameOf(b.set))
		}
		s.weights = append(s.weights, own)
	}
	return s, s.divide(isNested, divisor)
}

// divide makes the weights as small as they can be, if they were multiplied.
func (s *scale) divide(isNested bool, divisor int) error {
	if !isNested {
		return nil
	}
	for _, weights := range s.weights {
		for j := range weights {
			if divisor > 0 {
				weights[j] /= divisor
			}
			if weights[j] > maxWeight {
				return fmt.Errorf("weights within weights have no common measure below %d", maxWeight)
			}
		}
	}
	return nil
}

// innerWeights returns the weights of a branch's values. Where all are up or down together, those of weight 0 are
// never answered beside others.
func innerWeights(b branch) ([]int, error) {
	r, err := b.unrouted()
	if err != nil {
		return nil, err
	}
	t, err := r.single()
	if err == nil {
		err = t.uniform()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", nameOf(b.set), err)
	}
	if t.values[0].at != "" {
		return nil, fmt.Errorf("%s: a policy that goes by distance lies below weights", nameOf(b.set))
	}
	weights := make([]int, len(t.values))
	for j, v := range t.values {
		weights[j] = v.weight
	}
	if slices.Max(weights) == 0 {
		for j := range weights {
			weights[j] = 1
		}
	}
	return weights, nil
}

// apply gives the values of branch i their weights. Values that are never answered leave.
func (s *scale) apply(i int, t tier) tier {
	kept := tier{many: t.many}
	isLast := slices.Max(s.weights[i]) == 0
	for j, v := range t.values {
		if weight := s.weights[i][j]; weight > 0 || isLast {
			v.weight, v.hasWeight = weight, true
			kept.values = append(kept.values, v)
		}
	}
	return kept
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
