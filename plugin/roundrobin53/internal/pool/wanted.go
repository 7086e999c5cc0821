package pool

// Shares returns the share of answers that is to begin with each candidate, by its position among
// the candidates. It returns nil if the shares depend on where clients are.
func (c *Choice) Shares() []float64 {
	n := len(c.endpoints)
	switch {
	case c.group.rules.Order == Nearest:
		return nil
	case c.weights == nil:
		shares := make([]float64, n)
		for i := range shares {
			shares[i] = 1 / float64(n)
		}
		return shares
	case c.weights.sticky != nil:
		return normalize(c.weights.sticky)
	}
	byEndpoint := make(map[uint16]float64, n)
	for i, class := range c.weights.lines {
		for _, line := range class {
			for _, endpoint := range line {
				byEndpoint[endpoint] = float64(c.weights.lineWeights[i]) / float64(len(class)) / float64(len(line))
			}
		}
	}
	shares := make([]float64, n)
	for i, endpoint := range c.endpoints {
		shares[i] = byEndpoint[endpoint]
	}
	return normalize(shares)
}

// normalize returns numbers in proportion to others, whose sum is 1.
func normalize(all []float64) []float64 {
	sum := 0.0
	for _, one := range all {
		sum += one
	}
	parts := make([]float64, len(all))
	for i, one := range all {
		parts[i] = one / sum
	}
	return parts
}
