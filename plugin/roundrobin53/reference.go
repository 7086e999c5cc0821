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
	for _, check := range d.checks {
		if err := d.checkMembers(check, nil); err != nil {
			return check.errorf("check: %w", err)
		}
	}
	for _, rec := range d.records {
		if !rec.isPooled() {
			continue
		}
		if err := d.checkRecord(rec); err != nil {
			return rec.errorf("record: %w", err)
		}
		for _, v := range rec.values {
			if err := d.checkValue(rec, v); err != nil {
				return v.errorf("%w", err)
			}
		}
	}
	return nil
}

// checkMembers tells whether the members of a check are defined and none of them is made of the check itself. Above are
// the names of the checks that it is a member of.
func (d *directive) checkMembers(check *checkLine, above []string) error {
	above = append(above, check.name)
	if err := d.checkNames(check.members); err != nil {
		return err
	}
	for _, name := range check.members {
		if slices.Contains(above, name) {
			return fmt.Errorf("%q is made of itself: %s of %s", name, strings.Join(above, " of "), name)
		}
		if err := d.checkMembers(d.check(name), above); err != nil {
			return err
		}
	}
	return nil
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
		return fmt.Errorf("check: %w", err)
	}
	first := rec.values[0].said().priority
	isOtherTier := func(v *valueLine) bool { return v.said().priority != first }
	if slices.ContainsFunc(rec.values, isOtherTier) {
		return nil
	}
	for name, given := range map[string]bool{"min_up": rec.seen.minUp, "failback": rec.seen.failback} {
		if given {
			return fmt.Errorf("%s: there is one tier only; give values that stand by another priority", name)
		}
	}
	return nil
}

// checkValue tells whether the options of a line's values fit those of the record.
func (d *directive) checkValue(rec *recordLine, v *valueLine) error {
	opts := v.said()
	checks := rec.checksOf(opts)
	switch err := d.checkNames(opts.checks); {
	case err != nil:
		return fmt.Errorf("check: %w", err)
	case rec.order == pool.Nearest && !opts.seen.at:
		return errors.New("order nearest: a value without at; write where it is, as in at 50.11,8.68")
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
func (d *directive) check(name string) *checkLine {
	for _, check := range d.checks {
		if check.name == name {
			return check
		}
	}
	return nil
}
