package deploy

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// helmValues are the values of the chart coredns/coredns, 1.46.2, that we use, with the types that its templates put
// them into.
type helmValues struct {
	Image struct {
		Repository string `json:"repository"`
		Tag        string `json:"tag"`
	} `json:"image"`
	NameOverride        string `json:"nameOverride"`
	FullnameOverride    string `json:"fullnameOverride"`
	Automount           *bool  `json:"automountServiceAccountToken"`
	IsClusterService    bool   `json:"isClusterService"`
	K8sAppLabelOverride string `json:"k8sAppLabelOverride"`
	PriorityClassName   string `json:"priorityClassName"`
	ReplicaCount        int    `json:"replicaCount"`
	RollingUpdate       struct {
		MaxUnavailable intstr.IntOrString `json:"maxUnavailable"`
		MaxSurge       intstr.IntOrString `json:"maxSurge"`
	} `json:"rollingUpdate"`
	TerminationGracePeriodSeconds int `json:"terminationGracePeriodSeconds"`
	Service                       struct {
		Name      string `json:"name"`
		ClusterIP string `json:"clusterIP"`
	} `json:"service"`
	ServiceAccount struct {
		Create bool   `json:"create"`
		Name   string `json:"name"`
	} `json:"serviceAccount"`
	RBAC struct {
		Create bool `json:"create"`
	} `json:"rbac"`
	PodSecurityContext *corev1.PodSecurityContext `json:"podSecurityContext"`
	SecurityContext    *corev1.SecurityContext    `json:"securityContext"`
	Env                []corev1.EnvVar            `json:"env"`
	Resources          struct {
		Requests map[string]*string `json:"requests"`
		Limits   map[string]*string `json:"limits"`
	} `json:"resources"`
	LivenessProbe             helmProbe                                `json:"livenessProbe"`
	ReadinessProbe            helmProbe                                `json:"readinessProbe"`
	PodDisruptionBudget       policyv1.PodDisruptionBudgetSpec         `json:"podDisruptionBudget"`
	TopologySpreadConstraints []corev1.TopologySpreadConstraint        `json:"topologySpreadConstraints"`
	NodeSelector              map[string]string                        `json:"nodeSelector"`
	Tolerations               []corev1.Toleration                      `json:"tolerations"`
	Prometheus                struct{ Service struct{ Enabled bool } } `json:"prometheus"`
	Servers                   []helmServer                             `json:"servers"`
}

type helmProbe struct {
	Enabled             bool `json:"enabled"`
	InitialDelaySeconds int  `json:"initialDelaySeconds"`
	PeriodSeconds       int  `json:"periodSeconds"`
	TimeoutSeconds      int  `json:"timeoutSeconds"`
	FailureThreshold    int  `json:"failureThreshold"`
	SuccessThreshold    int  `json:"successThreshold"`
}

// helmServer is what the chart makes a server block of.
type helmServer struct {
	Zones []struct {
		Zone   string `json:"zone"`
		Scheme string `json:"scheme"`
		UseTCP bool   `json:"use_tcp"`
	} `json:"zones"`
	Port        int `json:"port"`
	ServicePort int `json:"servicePort"`
	Plugins     []struct {
		Name        string `json:"name"`
		Parameters  any    `json:"parameters"`
		ConfigBlock string `json:"configBlock"`
	} `json:"plugins"`
}

// corefile is the Corefile that the chart makes.
func (v *helmValues) corefile() string {
	var b strings.Builder
	for _, block := range v.Servers {
		for _, zone := range block.Zones {
			fmt.Fprintf(&b, "%s%s:%d ", zone.Scheme, zone.Zone, block.Port)
		}
		b.WriteString("{\n")
		for _, plugin := range block.Plugins {
			b.WriteString("    " + plugin.Name)
			if plugin.Parameters != nil {
				fmt.Fprintf(&b, " %v", plugin.Parameters)
			}
			if plugin.ConfigBlock != "" {
				b.WriteString(" {\n        " + strings.ReplaceAll(plugin.ConfigBlock, "\n", "\n        ") + "\n    }")
			}
			b.WriteString("\n")
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// eachValues runs a test on each values file.
func eachValues(t *testing.T, test func(t *testing.T, zone bool, v *helmValues)) {
	t.Helper()
	for _, name := range []string{"values-zone.yaml", "values-cluster-dns.yaml"} {
		t.Run(name, func(t *testing.T) {
			var v helmValues
			if err := yaml.UnmarshalStrict([]byte(server.ReadFile(t, filepath.Join("build/helm", name))), &v); err != nil {
				t.Fatal(err)
			}
			test(t, name == "values-zone.yaml", &v)
		})
	}
}

// TestHelmCorefiles starts the Corefiles that the chart makes, and asks what their comments say.
func TestHelmCorefiles(t *testing.T) {
	eachValues(t, func(t *testing.T, zone bool, v *helmValues) {
		corefile := v.corefile()
		askAsCommented(t, server.Serve(t, localCorefile(t, corefile, "")), corefile)
		for _, block := range parseCorefile(t, corefile) {
			if _, ok := block.directives["roundrobin53"]; ok {
				checkZoneBlock(t, block)
			} else if zone {
				t.Errorf("%v has no roundrobin53", block.keys)
			}
		}
	})
}

// TestHelmServers guards what the chart derives ports from.
func TestHelmServers(t *testing.T) {
	eachValues(t, func(t *testing.T, zone bool, v *helmValues) {
		port, servicePort := 53, 0
		if zone {
			port, servicePort = 1053, 53
		}
		for _, block := range v.Servers {
			if block.Port != port || block.ServicePort != servicePort {
				t.Errorf("%v: port %d, service port %d", block.Zones, block.Port, block.ServicePort)
			}
			for _, zone := range block.Zones {
				if zone.Scheme != "dns://" || !zone.UseTCP {
					t.Errorf("%v: not over UDP and TCP", zone)
				}
			}
			for _, plugin := range block.Plugins {
				if plugin.Name == "prometheus" && plugin.Parameters != "0.0.0.0:9153" {
					t.Errorf("prometheus %v, want an address with a colon and 9153", plugin.Parameters)
				}
			}
		}
	})
}

// TestHelmValuesAgree compares the values with the manifests: what they say twice, they say alike.
func TestHelmValuesAgree(t *testing.T) {
	eachValues(t, func(t *testing.T, zone bool, v *helmValues) {
		d := deploy(t, "cluster-dns")
		if zone {
			d = deploy(t, "overlays/zone")
		}
		checkSecurity(t, v.PodSecurityContext, v.SecurityContext)
		rolling := d.deployment.Spec.Strategy.RollingUpdate
		sameJSON(t, "strategy", v.RollingUpdate, map[string]any{"maxUnavailable": rolling.MaxUnavailable, "maxSurge": rolling.MaxSurge})
		sameJSON(t, "environment", v.Env, d.container.Env)
		sameJSON(t, "tolerations", v.Tolerations, d.pod.Tolerations)
		sameJSON(t, "node selector", v.NodeSelector, d.pod.NodeSelector)
		sameJSON(t, "names", []string{v.FullnameOverride, v.Service.Name, v.Service.ClusterIP, v.ServiceAccount.Name},
			[]string{d.deployment.Name, d.service.Name, d.service.Spec.ClusterIP, d.pod.ServiceAccountName})
		sameJSON(t, "the rest", []any{v.Image.Repository + ":" + v.Image.Tag, v.ReplicaCount, v.TerminationGracePeriodSeconds, v.Automount},
			[]any{d.container.Image, d.deployment.Spec.Replicas, d.pod.TerminationGracePeriodSeconds, d.pod.AutomountServiceAccountToken})
		class := d.pod.PriorityClassName
		if zone {
			class = "" // of its own, which the chart does not make
		}
		if v.PriorityClassName != class {
			t.Errorf("priority class %q, want %q", v.PriorityClassName, class)
		}
		if v.NameOverride != d.deployment.Spec.Template.Labels["app.kubernetes.io/name"] {
			t.Errorf("pods have the name %q, those of the manifest %v", v.NameOverride, d.deployment.Spec.Template.Labels)
		}
		checkHelmProbe(t, v.LivenessProbe, d.container.LivenessProbe)
		checkHelmProbe(t, v.ReadinessProbe, d.container.ReadinessProbe)
		if !v.ServiceAccount.Create || v.RBAC.Create == zone || v.IsClusterService == zone || (v.K8sAppLabelOverride == "kube-dns") == zone {
			t.Errorf("%+v", v)
		}
		if *v.PodDisruptionBudget.MaxUnavailable != intstr.FromInt32(1) || len(v.TopologySpreadConstraints) == 0 {
			t.Errorf("disruption budget %v, spread %v", v.PodDisruptionBudget, v.TopologySpreadConstraints)
		}
	})
}

// sameJSON compares values by what they are in JSON.
func sameJSON(t *testing.T, what string, got, want any) {
	t.Helper()
	gotText, err1 := json.Marshal(got)
	wantText, err2 := json.Marshal(want)
	var gotAny, wantAny any
	if err1 != nil || err2 != nil || json.Unmarshal(gotText, &gotAny) != nil || json.Unmarshal(wantText, &wantAny) != nil {
		t.Fatal(what, err1, err2)
	}
	if fmt.Sprint(gotAny) != fmt.Sprint(wantAny) {
		t.Errorf("%s: %s, the manifest has %s", what, gotText, wantText)
	}
}

func checkHelmProbe(t *testing.T, probe helmProbe, want *corev1.Probe) {
	t.Helper()
	got := []int{probe.PeriodSeconds, probe.TimeoutSeconds, probe.FailureThreshold}
	if !probe.Enabled || probe.SuccessThreshold != 1 || !slices.Equal(got, []int{int(want.PeriodSeconds), int(want.TimeoutSeconds), int(want.FailureThreshold)}) {
		t.Errorf("probe %+v, the manifest has %+v", probe, want)
	}
}

// TestHelmResources guards the limit that the chart sets by itself, and that only null takes away.
func TestHelmResources(t *testing.T) {
	eachValues(t, func(t *testing.T, zone bool, v *helmValues) {
		cpu, ok := v.Resources.Limits["cpu"]
		if !ok || cpu != nil {
			t.Errorf("the CPU limit is %v, want null", cpu)
		}
		d := deploy(t, "cluster-dns")
		if zone {
			d = deploy(t, "base-zone")
		}
		want := d.container.Resources
		got := []string{*v.Resources.Requests["cpu"], *v.Resources.Requests["memory"], *v.Resources.Limits["memory"]}
		if !slices.Equal(got, []string{want.Requests.Cpu().String(), want.Requests.Memory().String(), want.Limits.Memory().String()}) {
			t.Errorf("resources %v, the manifest has %v", got, want)
		}
		checkMemoryLimit(t, v.Env, resource.MustParse(got[2]))
	})
}
