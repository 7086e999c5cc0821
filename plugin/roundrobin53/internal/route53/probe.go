package route53

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

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
	kind, isMatch := strings.CutSuffix(conf.Type, "_STR_MATCH")
	host := strings.TrimSuffix(conf.FullyQualifiedDomainName, ".")
	standard := map[string]int{"HTTP": 80, "HTTPS": 443}[kind]
	port := cmp.Or(conf.Port, standard)
	option := func(words ...string) { line.options = append(line.options, words) }
	switch hidesName := kind == "HTTPS" && conf.EnableSNI != nil && !*conf.EnableSNI; {
	case host == "" && address == "":
		return lost, why
	case host == "" || kind == "TCP":
		host = bracketed(address)
	case hidesName:
		field := host
		if port != standard {
			field = fmt.Sprintf("%s:%d", host, port)
		}
		option("header", "Host", field)
		host = bracketed(address)
	case address != "":
		option("address", address)
	}
	line.head = []string{"check", line.name, checkURL(kind, host, port, conf.ResourcePath)}
	threshold := fmt.Sprint(cmp.Or(conf.FailureThreshold, 3))
	option("interval", fmt.Sprint(cmp.Or(conf.RequestInterval, 30)))
	option("rise", threshold)
	option("fall", threshold)
	timeout := statusTimeout
	if kind == "TCP" {
		timeout = tcpTimeout
	}
	if isMatch {
		if !isWritable(conf.SearchString) {
			return lost, fmt.Sprintf("a Corefile can't hold its search string, %s", quoted(conf.SearchString))
		}
		timeout = textTimeout
		option("body", conf.SearchString)
	}
	option("timeout", timeout)
	if kind == "HTTPS" { // Route 53 verifies no certificate
		option("insecure")
	}
	if address == "" {
		line.lookedUp, _ = corefileName(conf.FullyQualifiedDomainName) // address has read it
		return ofValues, why
	}
	return probed, ""
}

// isWritable reports whether a text can stand in a Corefile as it is, where caddy replaces variables and knows no escape
// but that of a quote.
func isWritable(text string) bool {
	for _, part := range []string{"\r", "\n", "{$", "{%", `\"`} {
		if strings.Contains(text, part) {
			return false
		}
	}
	return !strings.HasSuffix(text, `\`) && strings.Trim(text, "{}") != ""
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
	if err != nil {
		return "", "it has neither an address nor a name"
	}
	if values := b.lookUp(full); len(values) == 1 && !strings.HasSuffix(values[0], ".") {
		return values[0], ""
	}
	return "", fmt.Sprintf("it connects to what %s resolves to, and no zone that is read has one address for that; write a check with address ADDRESS", name)
}

// lookUp returns the addresses that a name has in the zones that are read, or the name elsewhere that it leads to.
func (b *checkbook) lookUp(name string) []string {
	const most = 8 // names in a row
	for range most {
		rs := b.simple(name, "A")
		if rs == nil {
			rs = b.simple(name, "CNAME")
		}
		next := ""
		switch {
		case rs == nil:
			return []string{name}
		case rs.isAlias():
			next = rs.AliasTarget.DNSName
		case rs.Type == "CNAME":
			next = rs.ResourceRecords[0].Value
		default:
			return slices.Sorted(slices.Values(rs.values()))
		}
		var err error
		if name, err = corefileName(next); err != nil {
			return nil
		}
	}
	return nil
}

// simple returns the record set of a name and type without a policy, nil if there is none.
func (b *checkbook) simple(name, rrtype string) *recordSet {
	for _, z := range b.zones.all {
		if g := z.groups[groupKey{name, rrtype}]; g != nil && g.policy == simple {
			if kept := g.kept(); len(kept) == 1 {
				return kept[0]
			}
		}
	}
	return nil
}

// areLookedUp reports whether the values of a record set are those that a check looks up. Route 53 looks up IPv4
// addresses alone.
func (b *checkbook) areLookedUp(rs *recordSet, name string) bool {
	values := slices.Sorted(slices.Values(rs.values()))
	if rs.isAlias() {
		values = nil
		if target, err := corefileName(rs.AliasTarget.DNSName); err == nil {
			values = b.lookUp(target)
		}
	}
	withoutPrefix := func(values []string) string { return strings.ReplaceAll(strings.Join(values, " "), "dualstack.", "") }
	return rs.Type == "A" && withoutPrefix(values) == withoutPrefix(b.lookUp(name))
}
