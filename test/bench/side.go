//go:build linux

package main

import "os/exec"

// side is one of those that are compared: the project's binary with plugins in a server block, or another program.
type side struct {
	name    string
	plugins []plugin
	program *program // in place of the project's binary
	answers int      // how many records answer a query; allAnswers stands for what the zone holds
}

const allAnswers = -1

var (
	ours             = side{"roundrobin53", []plugin{roundrobin53}, nil, allAnswers}
	oursFast         = side{"roundrobin53 with fastpath", []plugin{roundrobin53Fast}, nil, allAnswers}
	oursFastObserved = side{"roundrobin53 with fastpath+prometheus+errors", []plugin{prometheus, errorsPlugin, roundrobin53Fast}, nil, allAnswers}
	oursObserved     = side{"roundrobin53+prometheus+errors", []plugin{prometheus, errorsPlugin, roundrobin53}, nil, allAnswers}
	oursChecked      = side{"roundrobin53 with checks", []plugin{roundrobin53Checked}, nil, allAnswers}
	oursWeighted     = side{"roundrobin53 with weights", []plugin{roundrobin53Weighted}, nil, allAnswers}
	oursCounted      = side{"roundrobin53 with metrics", []plugin{roundrobin53Metrics}, nil, allAnswers}
	whoamiSide       = side{"whoami", []plugin{whoami}, nil, 0} // it says what it has to say in the additional section
	hostsSide        = side{"hosts", []plugin{hosts}, nil, allAnswers}
	fileSide         = side{"file", []plugin{file}, nil, allAnswers}
	shuffled         = side{"file+loadbalance", []plugin{loadbalance, file}, nil, allAnswers}
	shuffledObserved = side{"file+loadbalance+prometheus+errors", []plugin{prometheus, errorsPlugin, loadbalance, file}, nil, allAnswers}
	rotated          = side{"file+rotate", []plugin{rotate, file}, nil, allAnswers}
	nsdSide          = side{"nsd", nil, nsd, allAnswers}
	knotSide         = side{"knot", nil, knot, allAnswers}
	echoSide         = side{"echo", nil, echo, 0}
)

// isMissing reports whether the side is a program that is not installed.
func (s side) isMissing() bool {
	if s.program == nil {
		return false
	}
	_, err := exec.LookPath(s.program.command)
	return err != nil
}
