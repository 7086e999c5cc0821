//go:build full

package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// object is one of Kubernetes's API, as JSON.
type object = map[string]any

// clusterObjects are those of a cluster with a headless Service for each number of endpoints, of both families, by
// resource.
func clusterObjects(services map[string]int) map[string][]object {
	objects := map[string][]object{"namespaces": {{
		"kind": "Namespace", "apiVersion": "v1", "metadata": object{"name": "default", "resourceVersion": "1"},
	}}}
	for name, n := range services {
		objects["services"] = append(objects["services"], object{
			"kind": "Service", "apiVersion": "v1",
			"metadata": object{"name": name, "namespace": "default", "resourceVersion": "1"},
			"spec":     object{"clusterIP": "None", "clusterIPs": []string{"None"}},
		})
		for family, qtype := range map[string]uint16{"IPv4": dns.TypeA, "IPv6": dns.TypeAAAA} {
			var endpoints []object
			for _, value := range server.ManyAddresses(n, qtype) {
				endpoints = append(endpoints, object{"addresses": []string{value}, "conditions": object{"ready": true}})
			}
			objects["endpointslices"] = append(objects["endpointslices"], object{
				"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
				"metadata": object{
					"name": name + "-" + strings.ToLower(family), "namespace": "default", "resourceVersion": "1",
					"labels": object{"kubernetes.io/service-name": name},
				},
				"addressType": family, "endpoints": endpoints, "ports": []object{{"port": 80}},
			})
		}
	}
	return objects
}

// startCluster runs an API server that has these objects by resource, as far as the kubernetes plugin asks for them: a
// list, and a watch that goes on until the client goes. It returns its URL.
func startCluster(t *testing.T, objects map[string][]object) string {
	t.Helper()
	ending := make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all := objects[path.Base(r.URL.Path)]
		query := r.URL.Query()
		w.Header().Set("Content-Type", "application/json")
		out := json.NewEncoder(w)
		switch {
		case len(all) == 0:
			w.WriteHeader(http.StatusNotFound)
			return
		case query.Get("watch") == "":
			_ = out.Encode(object{
				"kind": all[0]["kind"].(string) + "List", "apiVersion": all[0]["apiVersion"],
				"metadata": object{"resourceVersion": "1"}, "items": all,
			})
			return
		case query.Get("sendInitialEvents") == "true":
			for _, o := range all {
				_ = out.Encode(object{"type": "ADDED", "object": o})
			}
			_ = out.Encode(object{"type": "BOOKMARK", "object": object{
				"kind": all[0]["kind"], "apiVersion": all[0]["apiVersion"],
				"metadata": object{"resourceVersion": "1", "annotations": object{"k8s.io/initial-events-end": "true"}},
			}})
		}
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-ending:
		}
	}))
	t.Cleanup(func() {
		close(ending)
		api.Close()
	})
	return api.URL
}

// TestRotateKubernetes guards headless Services: kubeadm's Corefile with one line more, and the plugin with its own client
// for an API server, which is a fake one.
func TestRotateKubernetes(t *testing.T) {
	services := map[string]int{"three": 3, "fifteen": 15, "eighty": 80}
	api := startCluster(t, clusterObjects(services))
	s := server.Serve(t, fmt.Sprintf(`.:0 {
		errors
		health 127.0.0.1:0
		kubernetes cluster.local in-addr.arpa ip6.arpa {
			endpoint %s
			pods insecure
			fallthrough in-addr.arpa ip6.arpa
			ttl 30
		}
		prometheus 127.0.0.1:0
		cache 30
		loop
		reload
		loadbalance
		rotate
	}`, api))
	for name, n := range services {
		server.Eventually(t, name+" is known", func() bool { // by a type that takes no turns
			return len(s.Exchange("tcp", server.Question(name+".default.svc.cluster.local", dns.TypeSRV)).Answer) == 2*n
		})
		checkExact(t, s, name+".default.svc.cluster.local", n)
	}
}
