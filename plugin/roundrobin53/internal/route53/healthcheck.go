package route53

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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
	r.checks[hc.ID] = hc
	return nil
}

// verdict is what is known of a health check before anything is probed.
type verdict int

const (
	probed verdict = iota
	alwaysUp
	alwaysDown
	lost // it has no counterpart
)

// checkLine is a health check as the Corefile has it.
type checkLine struct {
	id, name string
	verdict  verdict
	why      string // it is lost
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
	if conf := &hc.HealthCheckConfig; conf.Inverted && line.verdict != lost {
		line.invert()
	}
	return line
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
		case lost:
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

// The time in which Route 53 wants an answer: 4 s for the connection and 2 s for the status, 2 s more for
// the text; 10 s for a TCP connection alone.
const (
	statusTimeout = "6s"
	textTimeout   = "8s"
	tcpTimeout    = "10s"
)

// fillProbe writes a check that connects to an address.
func (b *checkbook) fillProbe(line *checkLine, hc *healthCheck) (verdict, string) {
	conf := &hc.HealthCheckConfig
	address, why := b.address(conf.IPAddress, conf.FullyQualifiedDomainName)
	if address == "" {
		return lost, why
	}
	kind, isMatch := strings.CutSuffix(conf.Type, "_STR_MATCH")
	port := conf.Port
	if port == 0 {
		port = map[string]int{"HTTP": 80, "HTTPS": 443}[kind]
	}
	host, isName := strings.TrimSuffix(conf.FullyQualifiedDomainName, "."), conf.FullyQualifiedDomainName != ""
	hidesName := kind == "HTTPS" && conf.EnableSNI != nil && !*conf.EnableSNI
	if !isName || kind == "TCP" || hidesName {
		host = bracketed(address)
	}
	line.head = []string{"check", line.name, checkURL(kind, host, port, conf.ResourcePath)}
	option := func(words ...string) { line.options = append(line.options, words) }
	if host != bracketed(address) {
		option("address", address)
	}
	if hidesName && isName {
		option("header", "Host", strings.TrimSuffix(conf.FullyQualifiedDomainName, "."))
	}
	interval, threshold := conf.RequestInterval, conf.FailureThreshold
	if interval == 0 {
		interval = 30
	}
	if threshold == 0 {
		threshold = 3
	}
	option("interval", fmt.Sprint(interval))
	option("rise", fmt.Sprint(threshold))
	option("fall", fmt.Sprint(threshold))
	timeout := statusTimeout
	switch {
	case kind == "TCP":
		timeout = tcpTimeout
	case isMatch:
		timeout = textTimeout
		if conf.SearchString == "" || strings.ContainsAny(conf.SearchString, "\r\n") || strings.Contains(conf.SearchString, "{$") ||
			strings.Contains(conf.SearchString, "{%") || strings.HasSuffix(conf.SearchString, `\`) || strings.Contains(conf.SearchString, `\"`) ||
			strings.Trim(conf.SearchString, "{}") == "" {
			return lost, fmt.Sprintf("a Corefile can't hold its search string, %s", quoted(conf.SearchString))
		}
		option("body", conf.SearchString)
	}
	option("timeout", timeout)
	if kind == "HTTPS" { // Route 53 verifies no certificate
		option("insecure")
	}
	return probed, ""
}

// checkURL returns the URL of a check.
func checkURL(kind, host string, port int, path string) string {
	if kind == "TCP" {
		return fmt.Sprintf("tcp://%s:%d", host, port)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	path, _, _ = strings.Cut(path, "#") // which no client sends
	path = strings.NewReplacer("{", "%7B", "}", "%7D", `"`, "%22", " ", "%20").Replace(path)
	return fmt.Sprintf("%s://%s:%d%s", strings.ToLower(kind), host, port, path)
}

func bracketed(address string) string {
	if strings.Contains(address, ":") {
		return "[" + address + "]"
	}
	return address
}

// address returns the address that a probe connects to. A name is looked up in the zones that are read, once
// and for all.
func (b *checkbook) address(ip, name string) (address, why string) {
	if ip != "" {
		return ip, ""
	}
	full, err := corefileName(name)
	if name == "" || err != nil {
		return "", "it has neither an address nor a name"
	}
	for _, z := range b.zones.all {
		g := z.groups[groupKey{full, "A"}]
		if g == nil || g.policy != simple {
			continue
		}
		if kept := g.kept(); len(kept) == 1 && len(kept[0].ResourceRecords) == 1 {
			return kept[0].ResourceRecords[0].Value, ""
		}
	}
	return "", fmt.Sprintf("it connects to what %s resolves to, and no zone that is read has one address for that; write address ADDRESS into a check", name)
}
