package route53

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Report tells what became of the record sets and health checks that were read.
type Report struct {
	zones  []zoneReport
	checks map[string]*checkLine // that record sets refer to
	known  int                   // how many health checks were read
}

// zoneReport tells what became of the record sets of a zone.
type zoneReport struct {
	zone *zone
	sets []*recordSet
}

// add adds a zone.
func (r *Report) add(w *writer, used map[string]*checkLine) {
	zr := zoneReport{zone: w.zone}
	for _, it := range w.items {
		for _, g := range it.groups {
			zr.sets = append(zr.sets, g.sets...)
		}
	}
	r.zones = append(r.zones, zr)
	for _, rs := range zr.sets {
		if line := w.checks.lines[rs.HealthCheckID]; line != nil && line.dropped {
			r.checks[line.id] = line
		}
	}
	for _, line := range used {
		r.checks[line.id] = line
	}
}

// LeftOut reports whether anything has no counterpart in what was written.
func (r *Report) LeftOut() bool {
	for _, zr := range r.zones {
		if zr.count(leftOut) > 0 || zr.zone.isIncomplete() {
			return true
		}
	}
	return r.lostChecks() > 0
}

func (zr *zoneReport) count(f fate) int {
	n := 0
	for _, rs := range zr.sets {
		if rs.fate == f {
			n++
		}
	}
	return n
}

func (r *Report) lostChecks() int {
	n := 0
	for _, line := range r.checks {
		if line.dropped {
			n++
		}
	}
	return n
}

// Write writes the report for people: what is left out one by one, what is changed by reason, and the sums.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	for _, zr := range r.zones {
		zr.write(&b)
	}
	lost := r.lostChecks()
	if len(r.checks) > 0 || r.known > 0 {
		fmt.Fprintf(&b, "%s: %d used, %d left out, %d not needed\n",
			plural(r.known, "health check", "health checks"), len(r.checks)-lost, lost, max(0, r.known-len(r.checks)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (zr *zoneReport) write(b *strings.Builder) {
	reasons := make(map[string][]*recordSet)
	var order []string
	for _, rs := range zr.sets {
		switch rs.fate {
		case leftOut:
			fmt.Fprintf(b, "left out: %s\n", rs.remark())
		case changed:
			for _, why := range rs.whys {
				if reasons[why] == nil {
					order = append(order, why)
				}
				reasons[why] = append(reasons[why], rs)
			}
		}
	}
	slices.Sort(order)
	for _, why := range order {
		sets := reasons[why]
		more := ""
		if len(sets) > 1 {
			more = fmt.Sprintf(" and %d more", len(sets)-1)
		}
		fmt.Fprintf(b, "changed: %s%s: %s\n", sets[0], more, oneLine(why))
	}
	if zr.zone.isIncomplete() {
		fmt.Fprintf(b, "left out: %s: what follows the last page that was read; import all pages, or print the list without --max-items\n", zr.zone.name)
	}
	fmt.Fprintf(b, "%s: %s: %d as they were, %d changed, %d left out\n", zr.zone.name,
		plural(len(zr.sets), "record set", "record sets"), zr.count(asItWas), zr.count(changed), zr.count(leftOut))
}

// remark tells what became of a record set and why.
func (rs *recordSet) remark() string {
	return oneLine(rs.String() + ": " + strings.Join(rs.whys, "; "))
}

// remarks are the comments of an item: what is changed or left out of it.
func (it *item) remarks() []string {
	var all []string
	for _, g := range it.groups {
		for _, rs := range g.sets {
			switch rs.fate {
			case leftOut:
				all = append(all, "left out: "+rs.remark())
			case changed:
				all = append(all, "changed: "+rs.remark())
			}
		}
	}
	return all
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
