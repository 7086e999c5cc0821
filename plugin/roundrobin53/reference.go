package roundrobin53

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// checkReferences tells whether what the lines of a block name is defined in it, and whether their options fit together.
// Both are known only when the whole block is read.
func (d *directive) checkReferences() error {
	probes := make(map[*checkLine]int, len(d.checks))
	for _, check := range d.checks {
		if _, err := d.countProbes(check, probes, nil); err != nil {
			return check.errorf("check: %w", err)
		}
	}
	for _, rec := range d.records {
		if !rec.isPooled() {
			continue
		}
		if err := d.checkRecord(rec); err != nil {
			return err
		}
		for _, v := range rec.values {
			if err := d.checkValue(rec, v); err != nil {
				return v.errorf("%s: %w", rec.wordOf(v), err)
			}
		}
	}
	return nil
}

// wordOf is the word that the line of some values begins with.
func (rec *recordLine) wordOf(v *valueLine) string {
	if v.position == rec.position {
		return "record"
	}
	return "value"
}

// maxProbes is how many probes a check may be made of, those of its members counted anew wherever they are named. A value
// needs few, and where checks are made of checks of checks the number grows fast.
const maxProbes = 256

// countProbes is how many probes a check is made of. It is an error if a member is not defined, or made of the check itself.
// Known are those that were counted; above are the names of the checks that it is a member of.
func (d *directive) countProbes(check *checkLine, known map[*checkLine]int, above []string) (int, error) {
	if n, ok := known[check]; ok {
		return n, nil
	}
	if check.probe != nil {
		return 1, nil
	}
	if err := d.checkNames(check.members); err != nil {
		return 0, err
	}
	above = append(above, check.name)
	total := 0
	for _, name := range check.members {
		if slices.Contains(above, name) {
			return 0, fmt.Errorf("%q is made of itself: %s of %s", name, strings.Join(above, " of "), name)
		}
		n, err := d.countProbes(d.check(name), known, above)
		if err != nil {
			return 0, err
		}
		if total += n; total > maxProbes {
			return 0, fmt.Errorf("%q is made of more than %d probes", check.name, maxProbes)
		}
	}
	known[check] = total
	return total, nil
}

// checkNames tells whether checks of these names are defined.
func (d *directive) checkNames(names []string) error {
	for _, name := range names {
		if d.check(name) != nil {
			continue
		}
		if len(d.checks) == 0 {
			return fmt.Errorf("%q is not a check; this block defines none: write %s", name, checkUsage)
		}
		defined := make([]string, len(d.checks))
		for i, check := range d.checks {
			defined[i] = check.name
		}
		return fmt.Errorf("%q is not a check; this block defines %s", name, strings.Join(defined, ", "))
	}
	return nil
}

// checkRecord tells whether the options of a whole record fit.
func (d *directive) checkRecord(rec *recordLine) error {
	if err := d.checkNames(rec.checks); err != nil {
		return rec.optionErrorf("check", "%w", err)
	}
	first := rec.values[0].said().priority
	isOtherTier := func(v *valueLine) bool { return v.said().priority != first }
	if slices.ContainsFunc(rec.values, isOtherTier) {
		return nil
	}
	const oneTier = "there is one tier only; give values that stand by another priority"
	switch {
	case rec.seen.minUp:
		return rec.optionErrorf("min_up", oneTier)
	case rec.seen.failback:
		return rec.optionErrorf("failback", oneTier)
	}
	return nil
}

// optionErrorf is an error about an option of the record, at the line that has it.
func (rec *recordLine) optionErrorf(name, format string, args ...any) error {
	err := fmt.Errorf("%s: "+format, append([]any{name}, args...)...)
	if at, ok := rec.optionAt[name]; ok {
		return at.errorf("%w", err)
	}
	return rec.errorf("record: %w", err)
}

// checkValue tells whether the options of a line's values fit those of the record.
func (d *directive) checkValue(rec *recordLine, v *valueLine) error {
	opts := v.said()
	checks := rec.checksOf(opts)
	switch err := d.checkNames(opts.checks); {
	case err != nil:
		return fmt.Errorf("check: %w", err)
	case rec.order == pool.Nearest && !opts.seen.at:
		return fmt.Errorf("%q has no at, which order nearest needs; write where it is, as in at 50.11,8.68", v.first())
	case rec.order != pool.Nearest && opts.seen.at:
		return errors.New("at: applies to records with order nearest")
	}
	if _, err := d.prefixesOf(opts.from); err != nil {
		return fmt.Errorf("from: %w", err)
	}
	isConnecting := slices.ContainsFunc(checks, d.connectsToValue)
	switch {
	case opts.target.IsValid() && !isConnecting:
		return errors.New("target: no check of the value connects to it")
	case rec.rrtype == dns.TypeCNAME && isConnecting && !opts.target.IsValid():
		return errors.New("check: a CNAME has no address to connect to; write target ADDRESS behind the value, or an address in the URL of the check")
	}
	return nil
}

// connectsToValue reports whether a check, or one that it is made of, connects to the value that it is for.
func (d *directive) connectsToValue(name string) bool {
	check := d.check(name)
	if check.probe == nil {
		return slices.ContainsFunc(check.members, d.connectsToValue)
	}
	return !check.connect.IsValid()
}

// checksOf is the names of the checks of a line's values: their own, or else the record's.
func (rec *recordLine) checksOf(opts *valueOptions) []string {
	if opts.checks != nil {
		return opts.checks
	}
	return rec.checks
}

// check is the check line of a name, nil if there is none.
func (d *directive) check(name string) *checkLine { return d.checkByName[name] }
