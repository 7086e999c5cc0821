package pool

import (
	"math"
	"slices"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// A Point is a place on the globe: the unit vector from its centre.
type Point struct{ x, y, z float64 }

// PointAt returns the point at a latitude and longitude in degrees, north and east positive.
func PointAt(latitude, longitude float64) Point {
	const degree = math.Pi / 180
	sinLat, cosLat := math.Sincos(latitude * degree)
	sinLon, cosLon := math.Sincos(longitude * degree)
	return Point{cosLat * cosLon, cosLat * sinLon, sinLat}
}

// closenessBits is the precision of closeness: rounding must not tell equal distances apart. It
// leaves some ten metres, the precision of geographic databases.
const closenessBits = 40

// closeness returns the cosine of the great-circle distance between two points: it grows as the
// distance falls.
func (p Point) closeness(q Point) float64 {
	return math.Round((p.x*q.x + p.y*q.y + p.z*q.z) * (1 << closenessBits))
}

// nearest appends k candidates to dst, those at the places nearest to the client first. The
// endpoints at one place take turns, by that place's counters; places at the same distance count as
// one.
func (c *Choice) nearest(class turn.Class, step turn.Step, client Point, k int, dst []uint16) []uint16 {
	var seq uint64
	missing := k
	for before := math.Inf(1); missing > 0; {
		here, closeness := c.nextSite(client, before)
		if missing == k {
			seq = here.counters.Advance(class, step)
		}
		if c.group.rules.ByLine {
			return c.group.onlyLine(dst, arrange(seq, here.endpoints, here.weights, len(here.endpoints), dst))
		}
		n := min(missing, len(here.endpoints))
		dst = arrange(seq, here.endpoints, here.weights, n, dst)
		missing -= n
		before = closeness
	}
	return dst
}

// onlyLine keeps, of the endpoints appended to dst, those of the first one's line. There are
// several lines only if their places have the same distance.
func (g *Group) onlyLine(dst, appended []uint16) []uint16 {
	line := g.lineOf[appended[len(dst)]]
	isOther := func(endpoint uint16) bool { return g.lineOf[endpoint] != line }
	others := slices.DeleteFunc(appended[len(dst):], isOther)
	return appended[:len(dst)+len(others)]
}

// nextSite returns the site nearest to the client among those farther away than the closeness
// before, and its closeness.
func (c *Choice) nextSite(client Point, before float64) (here siteChoice, closeness float64) {
	closeness = math.Inf(-1)
	for i := range c.sites {
		s := &c.sites[i]
		switch near := s.place.closeness(client); {
		case near >= before:
		case near > closeness:
			here, closeness = *s, near
		case near == closeness: // rare: they share the counters of the first, and weights do not count
			here.endpoints = append(slices.Clip(here.endpoints), s.endpoints...)
			here.weights = nil
		}
	}
	return here, closeness
}
