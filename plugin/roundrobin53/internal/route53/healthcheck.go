package route53

import (
	"encoding/json"
	"fmt"
	"slices"
)

// healthCheck is a HealthCheck of the API.
type healthCheck struct {
	ID                string `json:"Id"`
	HealthCheckConfig struct {
		IPAddress, Type, ResourcePath, FullyQualifiedDomainName, SearchString string

		Port, RequestInterval, FailureThreshold, HealthThreshold int
		Inverted, Disabled, MeasureLatency                       bool
		EnableSNI                                                *bool
		ChildHealthChecks, Regions                               []string
		AlarmIdentifier, InsufficientDataHealthStatus            any
		RoutingControlArn                                        string
	}
	CallerReference              string
	HealthCheckVersion           int
	LinkedService                any
	CloudWatchAlarmConfiguration any

	at      place
	unknown []string
}

func (r *reader) healthChecks(*document) error {
	return r.each(r.addHealthCheck)
}

func (r *reader) healthCheck(*document) error {
	raw, at, err := r.element()
	if err != nil {
		return err
	}
	return r.addHealthCheck(raw, at)
}

func (r *reader) addHealthCheck(raw json.RawMessage, at place) (err error) {
	hc := &healthCheck{at: at}
	if hc.unknown, err = decode(raw, at, hc); err != nil {
		return err
	}
	if hc.ID == "" || hc.HealthCheckConfig.Type == "" {
		return at.errorf("a health check needs Id and HealthCheckConfig with Type")
	}
	if !isWord(hc.ID) {
		return at.errorf("Id %s is not a word of letters, digits and hyphens", quoted(hc.ID))
	}
	r.checks[hc.ID] = hc
	return nil
}

// verdict classifies a health check before anything is probed.
type verdict int

const (
	probed verdict = iota
	alwaysUp
	alwaysDown
	lost     // it has no counterpart
	ofValues // it has one only for record sets whose values are those that it looks up
)

// checkLine is a health check as the Corefile has it.
type checkLine struct {
	id, name string
	verdict  verdict
	why      string // it is lost, or lost for other record sets
	lookedUp string // of ofValues: the name
	dropped  bool   // a record set has to do without it
	head     []string
	options  [][]string
	members  []string // of a check made of others: their names
}

// checkbook turns the health checks that a zone's record sets refer to into checks.
type checkbook struct {
	zones *Zones
	names map[string]string // by Id
	lines map[string]*checkLine
}

func newCheckbook(zones *Zones) *checkbook {
	return &checkbook{zones, checkNames(zones.checks), make(map[string]*checkLine)}
}

// checkNames makes a name for each health check: as much of its Id as tells it apart.
func checkNames(checks map[string]*healthCheck) map[string]string {
	const least = 8
	names := make(map[string]string, len(checks))
	short := make(map[string]int)
	for id := range checks {
		short[id[:min(least, len(id))]]++
	}
	for id := range checks {
		name := id[:min(least, len(id))]
		if short[name] > 1 {
			name = id
		}
		names[id] = "hc-" + name
	}
	return names
}

// line returns the check of a health check. Its members are made first.
func (b *checkbook) line(id string) *checkLine {
	if line, ok := b.lines[id]; ok {
		return line
	}
	line := &checkLine{id: id, name: b.names[id]}
	b.lines[id] = line
	line.verdict, line.why = lost, "it is made of itself" // while its members are made
	hc := b.zones.checks[id]
	if hc == nil {
		line.why = "it is not in the health checks that were read"
		return line
	}
	if len(hc.unknown) > 0 {
		line.why = fmt.Sprintf("its field %s is not known", quoted(hc.unknown[0]))
		return line
	}
	line.verdict, line.why = b.fill(line, hc)
	if line.head != nil && line.members == nil {
		if err := parse("example.", line.lines()...); err != nil {
			line.verdict, line.why = lost, "a server can't make it: "+err.Error()
		}
	}
	if conf := &hc.HealthCheckConfig; conf.Inverted && line.verdict != lost {
		line.invert()
	}
	return line
}

// statement is the check as the Corefile has it.
func (l *checkLine) statement() statement {
	st := statement{words: l.head, comments: []string{"health check " + l.id}}
	for _, option := range l.options {
		st.block = append(st.block, statement{words: option})
	}
	return st
}

// lines are the lines of a check with options.
func (l *checkLine) lines() [][]string {
	lines := [][]string{append(slices.Clone(l.head), "{")}
	lines = append(lines, l.options...)
	return append(lines, []string{"}"})
}

// invert makes a check say the opposite.
func (l *checkLine) invert() {
	switch l.verdict {
	case alwaysUp:
		l.verdict = alwaysDown
	case alwaysDown:
		l.verdict = alwaysUp
	default:
		l.options = append(l.options, []string{"invert"})
	}
}

// fill writes a check, but for its inversion.
func (b *checkbook) fill(line *checkLine, hc *healthCheck) (verdict, string) {
	conf := &hc.HealthCheckConfig
	if conf.Disabled { // Route 53 takes it for healthy
		return alwaysUp, ""
	}
	switch conf.Type {
	case "CALCULATED":
		return b.fillCalculated(line, hc)
	case "HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP":
		return b.fillProbe(line, hc)
	case "CLOUDWATCH_METRIC":
		return lost, "it watches a CloudWatch alarm, which only AWS can"
	case "RECOVERY_CONTROL":
		return lost, "it is a routing control of AWS; a state file or drain does that by hand"
	}
	return lost, fmt.Sprintf("its type %s is not known", quoted(conf.Type))
}

// fillCalculated writes a check of N of others. Members that never change are counted here.
func (b *checkbook) fillCalculated(line *checkLine, hc *healthCheck) (verdict, string) {
	need := hc.HealthCheckConfig.HealthThreshold
	for _, id := range hc.HealthCheckConfig.ChildHealthChecks {
		switch child := b.line(id); child.verdict {
		case alwaysUp:
			need--
		case alwaysDown:
		case lost, ofValues:
			return lost, fmt.Sprintf("it is calculated from %s: %s", quoted(id), child.why)
		default:
			line.members = append(line.members, child.name)
		}
	}
	slices.Sort(line.members)
	line.members = slices.Compact(line.members)
	switch {
	case need <= 0:
		return alwaysUp, ""
	case need > len(line.members):
		return alwaysDown, ""
	}
	line.head = append([]string{"check", line.name, fmt.Sprint(need), "of"}, line.members...)
	return probed, ""
}
