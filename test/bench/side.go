//go:build linux

package main

import (
	"os/exec"
	"slices"
)

// side is one of those that are compared: the project's binary with plugins in a server block, or another program.
type side struct {
	name    string
	plugins []plugin
	program *program // in place of the project's binary
	answers int      // how many records answer a query; allAnswers stands for what the zone holds
	earlier bool     // the binary of -against in place of the one that is measured
}

const allAnswers = -1

var (
	ours             = side{"roundrobin53", []plugin{roundrobin53}, nil, allAnswers, false}
	oursFast         = side{"roundrobin53 with fastpath", []plugin{roundrobin53Fast}, nil, allAnswers, false}
	oursFastObserved = side{"roundrobin53 with fastpath+prometheus+errors", []plugin{prometheus, errorsPlugin, roundrobin53Fast}, nil, allAnswers, false}
	oursObserved     = side{"roundrobin53+prometheus+errors", []plugin{prometheus, errorsPlugin, roundrobin53}, nil, allAnswers, false}
	oursChecked      = side{"roundrobin53 with checks", []plugin{roundrobin53Checked}, nil, allAnswers, false}
	oursWeighted     = side{"roundrobin53 with weights", []plugin{roundrobin53Weighted}, nil, allAnswers, false}
	oursCounted      = side{"roundrobin53 with metrics", []plugin{roundrobin53Metrics}, nil, allAnswers, false}
	oursPlaced       = side{"roundrobin53 with geo", []plugin{located, roundrobin53Placed}, nil, allAnswers, false}
	oursFastPlaced   = side{"roundrobin53 with fastpath and geo", []plugin{located, roundrobin53FastPlaced}, nil, allAnswers, false}
	oursLookedUp     = side{"roundrobin53 with names", []plugin{roundrobin53LookedUp}, nil, allAnswers, false}
	oursLookedUpFast = side{"roundrobin53 with names+fastpath", []plugin{roundrobin53LookedUpFast}, nil, allAnswers, false}
	whoamiSide       = side{"whoami", []plugin{whoami}, nil, 0, false} // it says what it has to say in the additional section
	hostsSide        = side{"hosts", []plugin{hosts}, nil, allAnswers, false}
	fileSide         = side{"file", []plugin{file}, nil, allAnswers, false}
	shuffled         = side{"file+loadbalance", []plugin{loadbalance, file}, nil, allAnswers, false}
	shuffledObserved = side{"file+loadbalance+prometheus+errors", []plugin{prometheus, errorsPlugin, loadbalance, file}, nil, allAnswers, false}
	rotated          = side{"file+rotate", []plugin{rotate, file}, nil, allAnswers, false}
	nsdSide          = side{"nsd", nil, nsd, allAnswers, false}
	gdnsdSide        = side{"gdnsd", nil, gdnsd, allAnswers, false}
	knotSide         = side{"knot", nil, knot, allAnswers, false}
	echoSide         = side{"echo", nil, echo, 0, false}
)

// isMissing reports whether the side is a program that is not installed.
func (s side) isMissing() bool {
	if s.program == nil {
		return false
	}
	_, err := exec.LookPath(s.program.command)
	return err != nil
}

// withEarlier is the scenario as a comparison of its first side with the same of the binary of -against: all figures of the
// processor time, the memory and the start, with the budget that a change of the structure has.
func (sc scenario) withEarlier() scenario {
	const budget = 1.02
	now := sc.sides[0]
	before := now
	before.name, before.earlier = now.name+" before", true
	var rows []expectation
	for _, f := range []figure{perQuery, memory, ready} {
		if slices.ContainsFunc(sc.rows, func(e expectation) bool { return e.figure == f }) {
			rows = append(rows, expectation{f, before.name, budget})
		}
	}
	sc.sides, sc.rows = []side{now, before}, rows
	return sc
}
