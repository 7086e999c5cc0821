package deploy

import (
	"io"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// statusDir is where the component has its file.
const statusDir = "/etc/roundrobin53/status"

// TestStatusComponent guards the status page of a pod against everybody but those who may forward a port: the page is at the
// loopback address, and nothing leads there.
func TestStatusComponent(t *testing.T) {
	d := deploy(t, "overlays/zone-all")
	text := d.configMap(t, d.volume(t, statusDir).ConfigMap.Name).Data["status.conf"]
	if strings.TrimSpace(text) != "status 127.0.0.1:8053" {
		t.Fatalf("status.conf says %q", text)
	}
	for _, port := range d.container.Ports {
		if port.ContainerPort == 8053 {
			t.Errorf("the container has the port %s", port.Name)
		}
	}
	for _, service := range every[*corev1.Service](d.manifests) {
		for _, port := range service.Spec.Ports {
			if port.Port == 8053 || port.TargetPort.IntValue() == 8053 {
				t.Errorf("the Service %s leads to the page", service.Name)
			}
		}
	}
	for _, policy := range every[*networkingv1.NetworkPolicy](d.manifests) {
		for _, rule := range policy.Spec.Ingress {
			for _, port := range rule.Ports {
				if port.Port == nil || port.Port.IntValue() == 8053 {
					t.Errorf("the network policy %s lets others in", policy.Name)
				}
			}
		}
	}

	// As in the pod, at another port; as kubectl forwards it, to localhost.
	address, dir := "127.0.0.1:"+server.FreePort(t), t.TempDir()
	server.WriteFiles(t, dir, map[string]string{"status.conf": strings.ReplaceAll(text, "127.0.0.1:8053", address)})
	server.Serve(t, strings.ReplaceAll(localCorefile(t, d.corefile, d.records), statusDir, dir))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "localhost:8053"
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), "example.org.") {
		t.Errorf("the page: %d, %v\n%s", response.StatusCode, err, body)
	}
}
