package route53

import (
	"errors"
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
	common := 1 // a multiple of the sums of weights within the branches
	for _, b := range branches {
		own, sum, err := innerWeights(b)
		if err == nil {
			if common = common / gcd(common, sum) * sum; common > 1<<31 {
				err = errNoMeasure
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nameOf(b.set), err)
		}
		s.weights = append(s.weights, own)
	}
	for i, b := range branches {
		s.multiply(i, *b.set.Weight, common)
	}
	if common == 1 {
		return s, nil
	}
	return s, s.divide()
}

var errNoMeasure = fmt.Errorf("weights within weights have no common measure below %d", maxWeight)

// multiply makes shares of the weights within a branch that has a weight of its own.
func (s *scale) multiply(i, weight, common int) {
	sum := 0
	for _, own := range s.weights[i] {
		sum += own
	}
	for j := range s.weights[i] {
		s.weights[i][j] *= weight * (common / sum)
	}
}

// divide makes the weights as small as they can be.
func (s *scale) divide() error {
	divisor := 0
	for _, weights := range s.weights {
		for _, weight := range weights {
			divisor = gcd(divisor, weight)
		}
	}
	for _, weights := range s.weights {
		for j := range weights {
			if weights[j] /= max(1, divisor); weights[j] > maxWeight {
				return errNoMeasure
			}
		}
	}
	return nil
}

// innerWeights returns the weights of a branch's values and their sum. Where all are up or down together, those of
// weight 0 are never answered beside others.
func innerWeights(b branch) (weights []int, sum int, err error) {
	if weight := *b.set.Weight; weight < 0 || weight > maxWeight {
		return nil, 0, fmt.Errorf("weight %d is not from 0 to 255", weight)
	}
	r, err := b.unrouted()
	if err != nil {
		return nil, 0, err
	}
	t, err := r.single()
	if err == nil {
		err = t.uniform()
	}
	if err == nil && t.values[0].at != "" {
		err = errors.New("a policy that goes by distance lies below weights")
	}
	if err != nil {
		return nil, 0, err
	}
	weights = make([]int, len(t.values))
	for j, v := range t.values {
		weights[j] = v.weight
		sum += v.weight
	}
	if sum == 0 {
		for j := range weights {
			weights[j] = 1
		}
		sum = len(weights)
	}
	if *b.set.Weight == 0 && slices.Max(weights) != slices.Min(weights) {
		return nil, 0, errors.New("weight 0 for values with weights of their own")
	}
	return weights, sum, nil
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
