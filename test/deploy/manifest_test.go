package deploy

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy/caddyfile"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// deployed is a Deployment with what it runs on: its Corefile, and the files that are imported from it.
type deployed struct {
	manifests
	deployment *appsv1.Deployment
	pod        corev1.PodSpec
	container  corev1.Container
	service    *corev1.Service
	corefile   string
	records    string
}

// isZone says whether it is a zone server beside the cluster DNS, and not the cluster DNS itself.
func (d *deployed) isZone() bool { return d.deployment.Namespace != "kube-system" }

func deploy(t *testing.T, dir string) deployed {
	t.Helper()
	m := render(t, dir)
	d := deployed{manifests: m, deployment: only[*appsv1.Deployment](t, m), service: only[*corev1.Service](t, m)}
	d.pod = d.deployment.Spec.Template.Spec
	if len(d.pod.Containers) != 1 {
		t.Fatalf("%s: %d containers, want one", dir, len(d.pod.Containers))
	}
	d.container = d.pod.Containers[0]
	d.corefile = d.configMap(t, d.volume(t, "/etc/coredns").ConfigMap.Name).Data["Corefile"]
	if d.corefile == "" {
		t.Fatalf("%s: no Corefile", dir)
	}
	if strings.Contains(d.corefile, recordsDir) {
		for _, source := range d.volume(t, recordsDir).Projected.Sources {
			for _, text := range d.configMap(t, source.ConfigMap.Name).Data {
				d.records += text
			}
		}
	}
	return d
}

const recordsDir = "/etc/roundrobin53/records"

// volume is what the container has mounted in a place.
func (d *deployed) volume(t *testing.T, path string) corev1.Volume {
	t.Helper()
	for _, mount := range d.container.VolumeMounts {
		for _, volume := range d.pod.Volumes {
			if mount.MountPath == path && volume.Name == mount.Name {
				return volume
			}
		}
	}
	t.Fatalf("%s: nothing is mounted at %s", d.dir, path)
	return corev1.Volume{}
}

// eachDeployed runs a test on everything that can be applied.
func eachDeployed(t *testing.T, test func(t *testing.T, d *deployed)) {
	t.Helper()
	for _, dir := range renderable(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			d := deploy(t, dir)
			test(t, &d)
		})
	}
}

// TestManifestCorefiles starts each Corefile, and asks what its comments say.
func TestManifestCorefiles(t *testing.T) {
	eachDeployed(t, func(t *testing.T, d *deployed) {
		s := server.Serve(t, localCorefile(t, d.corefile, d.records))
		askAsCommented(t, s, d.corefile+d.records)
		if !d.isZone() {
			// Through the cluster's own block, and through the alias from ours.
			for _, name := range []string{"api.default.svc.cluster.local", "api.example.org", "elsewhere.example.com"} {
				if got := strings.Join(server.Addresses(s.Ask(name, 1)), " "); got != "10.96.0.99" {
					t.Errorf("%s is %q, want 10.96.0.99", name, got)
				}
			}
		}
	})
}

// localCorefile is a Corefile of a manifest as it can start here: on free ports, with the files that it imports, with a
// resolver of ours, and with something in the place of the kubernetes plugin, which would need an API server.
func localCorefile(t *testing.T, corefile, records string) string {
	t.Helper()
	dir := t.TempDir()
	server.WriteFiles(t, dir, map[string]string{"records.conf": records})
	changes := []struct{ pattern, replacement string }{
		{`:(1053|53)\b`, ":0"},
		{`(?m)^(\s+health|\s+ready|\s+prometheus) ?\S*:\d+`, "$1 127.0.0.1:0"},
		{`(?m)^(\s+health|\s+ready)( \{)?$`, "$1 127.0.0.1:0$2"},
		{`lameduck 5s`, "lameduck 1ms"},
		{`(?s)kubernetes cluster\.local.*?\}`, "template IN A cluster.local {\nanswer \"{{ .Name }} 30 IN A 10.96.0.99\"\n}"},
		{regexp.QuoteMeta(recordsDir), dir},
		{`tcp://:8443`, "tcp://" + openPort(t)}, // the values are nobody's addresses
	}
	for _, change := range changes {
		corefile = regexp.MustCompile(change.pattern).ReplaceAllString(corefile, change.replacement)
	}
	if strings.Contains(corefile, "/etc/resolv.conf") {
		upstream := server.Serve(t, ".:0 {\ntemplate IN A . {\nanswer \"{{ .Name }} 30 IN A 10.96.0.99\"\n}\n}\n")
		corefile = strings.ReplaceAll(corefile, "/etc/resolv.conf", server.Loopback(upstream.UDP(0)))
	}
	return corefile
}

// openPort is the address of a listener that takes connections.
func openPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

// expectation is a comment that says what an answer is: "# NAME TYPE: VALUES", with "in turns" behind several.
var expectation = regexp.MustCompile(`(?m)^\s*# (\S+) ([A-Z]+): (.+?)( in turns)?$`)

// askAsCommented asks a server what the comments of its Corefile say.
func askAsCommented(t *testing.T, s *server.Server, text string) {
	t.Helper()
	expected := expectation.FindAllStringSubmatch(text, -1)
	if len(expected) == 0 {
		t.Error("no comment says what an answer is")
	}
	turns := 0
	for _, match := range expected {
		name, qtype, values, inTurns := match[1], match[2], []string{match[3]}, match[4] != ""
		if inTurns {
			turns++
			values = strings.Fields(match[3])
		}
		server.AskInTurns(t, s, name, qtype, values)
	}
	if turns == 0 {
		t.Error("no comment says that values take turns")
	}
}

// serverBlock is a server block of a Corefile: its keys, and the arguments of its directives.
type serverBlock struct {
	keys       []string
	directives map[string]string
}

// port is what a block listens on.
func (b serverBlock) port() string {
	if i := strings.LastIndex(b.keys[0], ":"); i >= 0 {
		return b.keys[0][i+1:]
	}
	return "53"
}

// parseCorefile takes a Corefile apart.
func parseCorefile(t *testing.T, corefile string) []serverBlock {
	t.Helper()
	t.Chdir(t.TempDir()) // files that are imported are not there, and need not be
	parsed, err := caddyfile.Parse("Corefile", strings.NewReader(corefile), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, corefile)
	}
	var blocks []serverBlock
	for _, block := range parsed {
		directives := make(map[string]string)
		for name, tokens := range block.Tokens {
			words := make([]string, 0, len(tokens))
			for _, token := range tokens {
				words = append(words, token.Text)
			}
			directives[name] = strings.Join(words, " ")
		}
		blocks = append(blocks, serverBlock{block.Keys, directives})
	}
	return blocks
}

// TestCorefileBlocks guards what makes answers keep their order: a zone has a block of its own, without what would
// freeze or shuffle it.
func TestCorefileBlocks(t *testing.T) {
	eachDeployed(t, func(t *testing.T, d *deployed) {
		zones := 0
		for _, block := range parseCorefile(t, d.corefile) {
			if _, ok := block.directives["roundrobin53"]; ok {
				zones++
				checkZoneBlock(t, block)
			}
			for _, directive := range []string{"errors", "prometheus"} {
				if _, ok := block.directives[directive]; !ok {
					t.Errorf("%v: no %s", block.keys, directive)
				}
			}
		}
		if zones == 0 {
			t.Error("no block has roundrobin53")
		}
		all := d.corefile
		for _, directive := range []string{"health", "ready", "reload"} {
			if n := len(regexp.MustCompile(`(?m)^\s+`+directive+`\b`).FindAllString(all, -1)); n != 1 {
				t.Errorf("%s stands %d times, want once", directive, n)
			}
		}
	})
}

func checkZoneBlock(t *testing.T, block serverBlock) {
	t.Helper()
	for _, directive := range []string{"cache", "loadbalance", "forward", "kubernetes"} {
		if _, ok := block.directives[directive]; ok {
			t.Errorf("%v: %s stands beside roundrobin53", block.keys, directive)
		}
	}
}

// directivePort is the port that a directive of a Corefile listens on.
func directivePort(t *testing.T, corefile, directive string) int32 {
	t.Helper()
	match := regexp.MustCompile(`(?m)^\s+`+directive+`\s+\S*:(\d+)`).FindAllStringSubmatch(corefile, -1)
	if match == nil {
		t.Fatalf("the Corefile has no port of %s", directive)
	}
	port, _ := strconv.ParseInt(match[0][1], 10, 32)
	return int32(port)
}

// TestPortsAgree follows each port from the Corefile to the container, the Service and the probes.
func TestPortsAgree(t *testing.T) {
	eachDeployed(t, func(t *testing.T, d *deployed) {
		var dnsPort int32 = 53
		if d.isZone() {
			dnsPort = 1053
		}
		for _, block := range parseCorefile(t, d.corefile) {
			if block.port() != fmt.Sprint(dnsPort) {
				t.Errorf("%v: not on port %d", block.keys, dnsPort)
			}
		}
		want := map[string]string{
			"dns": fmt.Sprintf("%d/UDP", dnsPort), "dns-tcp": fmt.Sprintf("%d/TCP", dnsPort),
			"metrics": fmt.Sprintf("%d/TCP", directivePort(t, d.corefile, "prometheus")),
			"health":  fmt.Sprintf("%d/TCP", directivePort(t, d.corefile, "health")),
			"ready":   fmt.Sprintf("%d/TCP", directivePort(t, d.corefile, "ready")),
		}
		got := make(map[string]string)
		for _, port := range d.container.Ports {
			got[port.Name] = fmt.Sprintf("%d/%s", port.ContainerPort, port.Protocol)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("container ports %v, want %v", got, want)
		}
		checkService(t, d)
		checkProbe(t, d.container.StartupProbe, "/health", "health")
		checkProbe(t, d.container.LivenessProbe, "/health", "health")
		checkProbe(t, d.container.ReadinessProbe, "/ready", "ready")
	})
}

func checkService(t *testing.T, d *deployed) {
	t.Helper()
	var got []string
	for _, port := range d.service.Spec.Ports {
		got = append(got, fmt.Sprintf("%s %d/%s %s", port.Name, port.Port, port.Protocol, port.TargetPort.String()))
	}
	if want := []string{"dns 53/UDP dns", "dns-tcp 53/TCP dns-tcp", "metrics 9153/TCP metrics"}; !slices.Equal(got, want) {
		t.Errorf("Service ports %q, want %q", got, want)
	}
	pod := labels.Set(d.deployment.Spec.Template.Labels)
	if !labels.SelectorFromSet(d.service.Spec.Selector).Matches(pod) || len(d.service.Spec.Selector) == 0 {
		t.Errorf("the Service selects %v, pods have %v", d.service.Spec.Selector, pod)
	}
	if policy := d.service.Spec.IPFamilyPolicy; policy == nil || *policy != corev1.IPFamilyPolicyPreferDualStack {
		t.Errorf("the Service's address families: %v", policy)
	}
	if !selects(t, d.deployment.Spec.Selector, pod) {
		t.Errorf("the Deployment selects %v, pods have %v", d.deployment.Spec.Selector, pod)
	}
}

// selects says whether a selector matches labels, and not everything.
func selects(t *testing.T, selector *metav1.LabelSelector, set labels.Set) bool {
	t.Helper()
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Error(err)
		return false
	}
	return parsed.Matches(set) && !parsed.Matches(labels.Set{})
}

func checkProbe(t *testing.T, probe *corev1.Probe, path, port string) {
	t.Helper()
	if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port != intstr.FromString(port) {
		t.Errorf("probe %+v, want GET %s at port %s", probe, path, port)
	}
}

// TestRollout guards the rolling restart that loses no query: two replicas, a new pod before an old one goes, a lameduck
// that fits into the grace period, and eviction of one at a time.
func TestRollout(t *testing.T) {
	eachDeployed(t, func(t *testing.T, d *deployed) {
		autoscaled := every[*autoscalingv2.HorizontalPodAutoscaler](d.manifests)
		switch {
		case len(autoscaled) == 1:
			target := autoscaled[0].Spec.ScaleTargetRef
			if d.deployment.Spec.Replicas != nil || target.Name != d.deployment.Name || target.Kind != "Deployment" || *autoscaled[0].Spec.MinReplicas < 2 {
				t.Errorf("replicas %v, the autoscaler scales %v", d.deployment.Spec.Replicas, target)
			}
		case d.deployment.Spec.Replicas == nil || *d.deployment.Spec.Replicas != 2:
			t.Errorf("%v replicas, want 2", d.deployment.Spec.Replicas)
		}
		rolling := d.deployment.Spec.Strategy.RollingUpdate
		if rolling == nil || *rolling.MaxUnavailable != intstr.FromInt32(0) || *rolling.MaxSurge != intstr.FromInt32(1) {
			t.Errorf("strategy %v, want 0 unavailable and 1 more", d.deployment.Spec.Strategy)
		}
		match := regexp.MustCompile(`(?m)^\s+lameduck (\S+)$`).FindStringSubmatch(d.corefile)
		if match == nil {
			t.Fatal("no lameduck")
		}
		lameduck, err := time.ParseDuration(match[1])
		grace := time.Duration(*d.pod.TerminationGracePeriodSeconds) * time.Second
		if err != nil || lameduck != 5*time.Second || grace < 2*lameduck {
			t.Errorf("lameduck %v (%v), grace period %v", lameduck, err, grace)
		}
		budget := only[*policyv1.PodDisruptionBudget](t, d.manifests)
		pod := labels.Set(d.deployment.Spec.Template.Labels)
		if !selects(t, budget.Spec.Selector, pod) || *budget.Spec.MaxUnavailable != intstr.FromInt32(1) {
			t.Errorf("disruption budget %+v", budget.Spec)
		}
		if len(d.pod.TopologySpreadConstraints) == 0 {
			t.Error("no topology spread")
		}
		for _, spread := range d.pod.TopologySpreadConstraints {
			if !selects(t, spread.LabelSelector, pod) {
				t.Errorf("topology spread %+v does not select the pods", spread)
			}
		}
	})
}

// TestPodSecurity guards the fields that the Pod Security standard "restricted" asks for, and the capability without
// which Linux does not run the binary.
func TestPodSecurity(t *testing.T) {
	eachDeployed(t, func(t *testing.T, d *deployed) {
		pod, container := d.pod.SecurityContext, d.container.SecurityContext
		checkSecurity(t, pod, container)
		if d.pod.HostNetwork || d.pod.HostPID || d.pod.HostIPC {
			t.Error("it shares namespaces with its node")
		}
		for _, volume := range d.pod.Volumes {
			if volume.ConfigMap == nil && volume.Projected == nil {
				t.Errorf("volume %s is no ConfigMap", volume.Name)
			}
		}
		for _, mount := range d.container.VolumeMounts {
			if mount.SubPath != "" || mount.SubPathExpr != "" || !mount.ReadOnly {
				t.Errorf("%s is mounted with a subPath, which never updates, or can be written", mount.MountPath)
			}
		}
	})
}

func checkSecurity(t *testing.T, pod *corev1.PodSecurityContext, container *corev1.SecurityContext) {
	t.Helper()
	if !*pod.RunAsNonRoot || *pod.RunAsUser != 65532 || *pod.RunAsGroup != 65532 || pod.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("pod %+v", pod)
	}
	if !*container.ReadOnlyRootFilesystem || *container.AllowPrivilegeEscalation || container.Privileged != nil {
		t.Errorf("container %+v", container)
	}
	if got := fmt.Sprint(container.Capabilities.Drop, container.Capabilities.Add); got != "[ALL] [NET_BIND_SERVICE]" {
		t.Errorf("capabilities %s, want [ALL] dropped and [NET_BIND_SERVICE] added", got)
	}
}

// TestConfigMapsKeepTheirNames guards the way changes reach running servers: a name with a hash would be another ConfigMap
// at each change.
func TestConfigMapsKeepTheirNames(t *testing.T) {
	hash := regexp.MustCompile(`-[a-z0-9]{10}$`)
	eachDeployed(t, func(t *testing.T, d *deployed) {
		for _, object := range every[*corev1.ConfigMap](d.manifests) {
			if hash.MatchString(object.Name) {
				t.Errorf("the name of ConfigMap %s changes with what is in it", object.Name)
			}
		}
	})
}

// TestResources guards requests and limits: none for the processor, and a memory limit that the Go runtime knows of.
func TestResources(t *testing.T) {
	eachDeployed(t, func(t *testing.T, d *deployed) {
		want := "50m 48Mi 128Mi"
		if !d.isZone() {
			want = "100m 70Mi 170Mi"
		}
		requests, limits := d.container.Resources.Requests, d.container.Resources.Limits
		if got := fmt.Sprint(requests.Cpu(), " ", requests.Memory(), " ", limits.Memory()); got != want {
			t.Errorf("resources %s, want %s", got, want)
		}
		if _, ok := limits[corev1.ResourceCPU]; ok {
			t.Error("a CPU limit")
		}
		checkMemoryLimit(t, d.container.Env, *limits.Memory())
	})
}

// checkMemoryLimit compares GOMEMLIMIT, whose units are written MiB, with the limit of a container.
func checkMemoryLimit(t *testing.T, env []corev1.EnvVar, limit resource.Quantity) {
	t.Helper()
	for _, variable := range env {
		if variable.Name == "GOMEMLIMIT" {
			soft := resource.MustParse(strings.TrimSuffix(variable.Value, "B"))
			if percent := 100 * soft.Value() / limit.Value(); percent < 89 || percent > 90 {
				t.Errorf("GOMEMLIMIT is %d %% of the limit, want 90", percent)
			}
			return
		}
	}
	t.Error("no GOMEMLIMIT")
}

// TestZoneServerHasNoRights guards the promise that pattern 1 cannot harm a cluster: a namespace of its own, no RBAC, no
// token, and nothing that makes it the cluster DNS.
func TestZoneServerHasNoRights(t *testing.T) {
	eachDeployed(t, func(t *testing.T, d *deployed) {
		if !d.isZone() {
			return
		}
		namespace := only[*corev1.Namespace](t, d.manifests)
		if namespace.Name != "roundrobin53" || namespace.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
			t.Errorf("namespace %s, labels %v", namespace.Name, namespace.Labels)
		}
		account := only[*corev1.ServiceAccount](t, d.manifests)
		if d.pod.AutomountServiceAccountToken == nil || *d.pod.AutomountServiceAccountToken || *account.AutomountServiceAccountToken || d.pod.ServiceAccountName != account.Name {
			t.Error("pods get a token")
		}
		for _, object := range d.objects {
			if strings.Contains(fmt.Sprintf("%T", object), "rbac") {
				t.Errorf("a %T", object)
			}
			if meta, ok := object.(metav1.Object); ok {
				checkOwnNamespace(t, meta)
			}
		}
		if class := only[*schedulingv1.PriorityClass](t, d.manifests); d.pod.PriorityClassName != class.Name || class.Value > 1_000_000_000 {
			t.Errorf("priority class %s of %d, pods have %s; users may give up to 1,000,000,000", class.Name, class.Value, d.pod.PriorityClassName)
		}
		if _, ok := d.deployment.Spec.Template.Labels["k8s-app"]; ok || d.pod.DNSPolicy != corev1.DNSDefault {
			t.Errorf("pods have labels %v and DNS policy %s", d.deployment.Spec.Template.Labels, d.pod.DNSPolicy)
		}
	})
}

func checkOwnNamespace(t *testing.T, object metav1.Object) {
	t.Helper()
	_, isNamespace := object.(*corev1.Namespace)
	_, isClass := object.(*schedulingv1.PriorityClass) // of the cluster, too
	if !isNamespace && !isClass && object.GetNamespace() != "roundrobin53" {
		t.Errorf("%s is in namespace %q", object.GetName(), object.GetNamespace())
	}
	if _, ok := object.GetLabels()["k8s-app"]; ok {
		t.Errorf("%s has the label k8s-app", object.GetName())
	}
}

// TestClusterDNS guards what makes pattern 2 the cluster DNS: names, labels, and the rights that the kubernetes plugin needs.
func TestClusterDNS(t *testing.T) {
	eachDeployed(t, func(t *testing.T, d *deployed) {
		if d.isZone() {
			return
		}
		if d.service.Name != "kube-dns" || d.service.Namespace != "kube-system" || d.service.Spec.ClusterIP == "" || d.service.Spec.Selector["k8s-app"] != "kube-dns" {
			t.Errorf("Service %+v", d.service)
		}
		if d.deployment.Name != "coredns" || d.deployment.Labels["k8s-app"] != "kube-dns" || d.pod.PriorityClassName != "system-cluster-critical" {
			t.Errorf("Deployment %s, labels %v", d.deployment.Name, d.deployment.Labels)
		}
		var got []string
		role := only[*rbacv1.ClusterRole](t, d.manifests)
		for _, rule := range role.Rules {
			got = append(got, fmt.Sprint(rule.APIGroups, rule.Resources, rule.Verbs))
		}
		if want := []string{"[] [services namespaces] [list watch]", "[discovery.k8s.io] [endpointslices] [list watch]"}; !slices.Equal(got, want) {
			t.Errorf("rules %q, want %q", got, want)
		}
		binding, account := only[*rbacv1.ClusterRoleBinding](t, d.manifests), only[*corev1.ServiceAccount](t, d.manifests)
		subject := rbacv1.Subject{Kind: "ServiceAccount", Name: account.Name, Namespace: account.Namespace}
		if binding.RoleRef.Name != role.Name || !slices.Equal(binding.Subjects, []rbacv1.Subject{subject}) || d.pod.ServiceAccountName != account.Name {
			t.Errorf("%v is bound to %v, pods run as %s", binding.RoleRef, binding.Subjects, d.pod.ServiceAccountName)
		}
	})
}

// TestNetworkPolicy guards against a policy that shuts out resolvers, Prometheus, or the zone server's checks.
func TestNetworkPolicy(t *testing.T) {
	d := deploy(t, "overlays/zone-all")
	policy := only[*networkingv1.NetworkPolicy](t, d.manifests)
	if !selects(t, &policy.Spec.PodSelector, labels.Set(d.deployment.Spec.Template.Labels)) {
		t.Errorf("it selects %v", policy.Spec.PodSelector)
	}
	var got []string
	for _, rule := range policy.Spec.Ingress {
		for _, port := range rule.Ports {
			got = append(got, fmt.Sprint(port.Port, "/", *port.Protocol, " of ", len(rule.From)))
		}
	}
	if want := []string{"dns/UDP of 0", "dns-tcp/TCP of 0", "metrics/TCP of 1"}; !slices.Equal(got, want) {
		t.Errorf("ingress %q, want %q", got, want)
	}
	var out []string
	for _, rule := range policy.Spec.Egress {
		for _, port := range rule.Ports {
			out = append(out, fmt.Sprint(port.Port, "/", *port.Protocol, " of ", len(rule.To)))
		}
	}
	// Any port, since with less a check that is added would find everything down, and nobody would see it.
	if want := []string{"<nil>/TCP of 0", "53/UDP of 0"}; !slices.Equal(out, want) {
		t.Errorf("egress %q, want %q", out, want)
	}
}

// TestServiceMonitor guards against metrics that nobody scrapes.
func TestServiceMonitor(t *testing.T) {
	for _, dir := range []string{"overlays/zone-all", "overlays/cluster-dns"} {
		d := deploy(t, dir)
		monitor := only[*serviceMonitor](t, d.manifests)
		if !labels.SelectorFromSet(monitor.Spec.Selector.MatchLabels).Matches(labels.Set(d.service.Labels)) || monitor.Metadata.Namespace != d.service.Namespace {
			t.Errorf("%s: it selects %v in %s, the Service has %v", dir, monitor.Spec.Selector, monitor.Metadata.Namespace, d.service.Labels)
		}
		if d.service.Labels[monitor.Spec.JobLabel] != "roundrobin53" || len(monitor.Spec.Endpoints) != 1 || monitor.Spec.Endpoints[0].Port != "metrics" {
			t.Errorf("%s: %+v", dir, monitor.Spec)
		}
	}
}

// TestImageIsTheSame guards against a manifest, a values file or a page that was forgotten when the version changed.
func TestImageIsTheSame(t *testing.T) {
	const want = "ghcr.io/roundrobin53/coredns:v1.15.0-rr53.0.1.0"
	eachDeployed(t, func(t *testing.T, d *deployed) {
		if d.container.Image != want {
			t.Errorf("image %s, want %s", d.container.Image, want)
		}
	})
	image := regexp.MustCompile(`ghcr\.io/roundrobin53/coredns[:@][\w.:-]*\w|v1\.\d+\.\d+-rr53\.[\w.]*\w`)
	for _, root := range []string{"../../build", "../../README.md", "../../Makefile"} {
		err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) == ".pgo" {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range image.FindAllString(string(text), -1) {
				if found != want && !strings.HasSuffix(want, ":"+found) {
					t.Errorf("%s: %s, want %s", path, found, want)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
