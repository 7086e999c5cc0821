package deploy

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"sigs.k8s.io/yaml"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// forwardings are the Corefiles of build/README.md that forward a zone, those in its ConfigMaps too.
func forwardings(t *testing.T) []string {
	t.Helper()
	readme := server.ReadFile(t, "build/README.md")
	found := server.Fences(readme, "corefile")
	for _, text := range server.Fences(readme, "yaml") {
		var values struct {
			Kind     string            `json:"kind"`
			Data     map[string]string `json:"data"`
			Corefile string            `json:"corefile"`
		}
		if err := yaml.Unmarshal([]byte(text), &values); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if values.Kind == "ConfigMap" {
			if _, err := decodeStrictly(toJSON(t, text)); err != nil {
				t.Errorf("%v\n%s", err, text)
			}
		}
		for key, corefile := range values.Data {
			if strings.HasSuffix(key, ".server") {
				found = append(found, corefile)
			}
		}
		if values.Corefile != "" {
			found = append(found, values.Corefile)
		}
	}
	if len(found) < 4 {
		t.Fatalf("build/README.md has %d Corefiles, want more", len(found))
	}
	return found
}

func toJSON(t *testing.T, text string) []byte {
	t.Helper()
	converted, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return converted
}

// forwardTo changes the address that a Corefile forwards to from a zone server's to that of a server here.
func forwardTo(t *testing.T, corefile, address string) string {
	t.Helper()
	corefile = localCorefile(t, corefile, "")
	changed := strings.ReplaceAll(corefile, "forward . 10.96.0.53", "forward . "+address)
	if changed == corefile {
		t.Errorf("it does not forward to the Service's address:\n%s", corefile)
	}
	return regexp.MustCompile(`(?m)^\s+bind .*$`).ReplaceAllString(changed, "bind 127.0.0.1")
}

// TestForwardedTurns puts a cluster DNS, configured as build/README.md says, before a zone server: turns stay exact.
func TestForwardedTurns(t *testing.T) {
	d := deploy(t, "overlays/zone")
	if text := server.ReadFile(t, "build/kustomize/overlays/zone/kustomization.yaml"); d.service.Spec.ClusterIP != "" || !strings.Contains(text, "#         value: 10.96.0.53\n") {
		t.Errorf("the Service's address is %q, want that of build/README.md in a comment:\n%s", d.service.Spec.ClusterIP, text)
	}
	zone := server.Serve(t, localCorefile(t, d.corefile, ""))
	for _, corefile := range forwardings(t) {
		for _, block := range parseCorefile(t, corefile) {
			if _, ok := block.directives["cache"]; ok && block.keys[0] == "example.org:53" {
				t.Errorf("cache beside the forward of a zone:\n%s", corefile)
			}
		}
		s := server.Start(t, forwardTo(t, corefile, server.Loopback(zone.UDP(0))))
		server.AskInTurns(t, s, "app.example.org", "A", []string{"192.0.2.1", "192.0.2.2"})
	}
}

// TestForwardWithCacheFreezes guards the reason that build/README.md gives for leaving cache out: one order for all, even
// with TTL 0, which is kept 5 seconds.
func TestForwardWithCacheFreezes(t *testing.T) {
	zone := server.Serve(t, "example.org:0 {\nroundrobin53 {\nrecord app A 192.0.2.1 192.0.2.2 192.0.2.3\nrecord zero 0 A 192.0.2.1 192.0.2.2 192.0.2.3\n}\n}\n")
	s := server.Start(t, "example.org:0 {\nforward . "+server.Loopback(zone.UDP(0))+"\ncache\n}\n")
	for _, name := range []string{"app.example.org", "zero.example.org"} {
		first := server.Addresses(s.Ask(name, dns.TypeA))
		for range 6 {
			m := s.Ask(name, dns.TypeA)
			if got := server.Addresses(m); !slices.Equal(got, first) {
				t.Errorf("%s: %v behind %v, want one order", name, got, first)
			}
			if ttl := m.Answer[0].Header().Ttl; name == "zero.example.org" && (ttl < 3 || ttl > 5) {
				t.Errorf("the TTL of 0 is kept as %d, want 5", ttl)
			}
		}
	}
}

// TestReadmeNamesFiles guards the table of files in build/README.md: each is there, and nothing is left out.
func TestReadmeNamesFiles(t *testing.T) {
	readme := server.ReadFile(t, "build/README.md")
	named := make(map[string]bool)
	for _, match := range regexp.MustCompile("(?m)^\\| `((?:kustomize|helm)/[^`]+)`").FindAllStringSubmatch(readme, -1) {
		named["../../build/"+match[1]] = true
	}
	for _, dir := range append(renderable(t), components(t)...) {
		if !named[dir] {
			t.Errorf("build/README.md does not tell what %s is for", dir)
		}
		delete(named, dir)
	}
	delete(named, "../../build/helm/values-zone.yaml")
	delete(named, "../../build/helm/values-cluster-dns.yaml")
	for name := range named {
		t.Errorf("build/README.md tells of %s, which is not there", name)
	}
}

// TestReadmeResources guards the numbers that build/README.md and the manifests both have.
func TestReadmeResources(t *testing.T) {
	readme := server.ReadFile(t, "build/README.md")
	eachDeployed(t, func(t *testing.T, d *deployed) {
		for _, quantity := range []string{
			d.container.Resources.Requests.Cpu().String(), d.container.Resources.Requests.Memory().String(),
			d.container.Resources.Limits.Memory().String(), d.container.Image, string(d.container.SecurityContext.Capabilities.Add[0]),
		} {
			if !strings.Contains(readme, quantity) {
				t.Errorf("build/README.md does not have %s", quantity)
			}
		}
	})
}
