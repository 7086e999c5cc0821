//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// table is the outcome of the scenarios.
type table []row

// row is one comparison with another side.
type row struct {
	scenario string
	expectation
	ratios []float64 // one for each round
}

// ratio is the median of the rounds.
func (r row) ratio() float64 { return quantile(r.ratios, 0.5) }

// met says whether the budget is met; it is "" where there is none.
func (r row) met() string {
	switch {
	case r.budget == 0:
		return ""
	case r.ratio() <= r.budget:
		return "yes"
	}
	return "NO"
}

// missed reports whether a budget is missed.
func (t table) missed() bool {
	return slices.ContainsFunc(t, func(r row) bool { return r.met() == "NO" })
}

// print prints the table: ratios only. The quartiles tell how far to trust the median.
func (t table) print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, "SCENARIO\tFIGURE\tAGAINST\tRATIO\tQUARTILES\tBUDGET\tMET") // Flush has the error
	for _, r := range t {
		budget := "-"
		if r.budget != 0 {
			budget = fmt.Sprintf("%.2f", r.budget)
		}
		_, _ = fmt.Fprintf(out, "%s\t%s\t%s\t%.3f\t%.3f-%.3f\t%s\t%s\n",
			r.scenario, r.figure, r.against, r.ratio(), quantile(r.ratios, 0.25), quantile(r.ratios, 0.75), budget, r.met())
	}
	return out.Flush()
}

// divide is the ratios of figures that were measured in the same rounds.
func divide(these, those []float64) []float64 {
	ratios := make([]float64, min(len(these), len(those)))
	for i := range ratios {
		ratios[i] = these[i] / those[i]
	}
	return ratios
}

// quantile is the value below which a share q of values lies, interpolated between neighbours; values may not be empty.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	place := q * float64(len(sorted)-1)
	below := int(place)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (place-float64(below))*(sorted[above]-sorted[below])
}
