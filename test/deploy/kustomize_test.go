package deploy

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// manifests are the objects that a kustomization renders.
type manifests struct {
	dir     string
	objects []runtime.Object
}

// renderable are all kustomizations that stand on their own.
func renderable(t *testing.T) []string {
	t.Helper()
	var dirs []string
	for _, pattern := range []string{"base-zone", "cluster-dns", "overlays/*"} {
		matches, err := filepath.Glob(filepath.Join("../../build/kustomize", pattern))
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, matches...)
	}
	if len(dirs) < 5 {
		t.Fatalf("only %d kustomizations: %v", len(dirs), dirs)
	}
	return dirs
}

// render is a kustomization, decoded strictly: a field that the API does not have is an error, as is one that stands
// twice.
func render(t *testing.T, dir string) manifests {
	t.Helper()
	if !strings.HasPrefix(dir, "..") {
		dir = filepath.Join("../../build/kustomize", dir)
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	m := manifests{dir: dir}
	for _, resource := range resources.Resources() {
		text, err := resource.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		object, err := decodeStrictly(text)
		if err != nil {
			t.Errorf("%s: %s: %v", dir, resource.CurId(), err)
			continue
		}
		m.objects = append(m.objects, object)
	}
	return m
}

// strictDecoder knows the kinds of Kubernetes itself, at the version that CoreDNS requires.
var strictDecoder = serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()

// decodeStrictly makes an object of its text. The kinds of the Prometheus operator are those below.
func decodeStrictly(text []byte) (runtime.Object, error) {
	var header struct{ APIVersion, Kind string }
	if err := json.Unmarshal(text, &header); err != nil {
		return nil, err
	}
	var object runtime.Object
	switch header.APIVersion + " " + header.Kind {
	case "monitoring.coreos.com/v1 ServiceMonitor":
		object = new(serviceMonitor)
	case "monitoring.coreos.com/v1 PrometheusRule":
		object = new(prometheusRule)
	default:
		object, _, err := strictDecoder.Decode(text, nil, nil)
		return object, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return object, decoder.Decode(object)
}

// customObject is what kinds have in common that are not Kubernetes's own.
type customObject struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
}

// GetObjectKind implements runtime.Object.
func (customObject) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// serviceMonitor has those fields of the Prometheus operator's kind that we use.
type serviceMonitor struct {
	customObject
	Spec struct {
		JobLabel string `json:"jobLabel"`
		Selector struct {
			MatchLabels map[string]string `json:"matchLabels"`
		} `json:"selector"`
		Endpoints []struct {
			Port     string `json:"port"`
			Interval string `json:"interval"`
		} `json:"endpoints"`
	} `json:"spec"`
}

// DeepCopyObject implements runtime.Object.
func (s *serviceMonitor) DeepCopyObject() runtime.Object { return s }

// prometheusRule has those fields of the Prometheus operator's kind that we use.
type prometheusRule struct {
	customObject
	Spec struct {
		Groups []struct {
			Name  string `json:"name"`
			Rules []struct {
				Alert       string            `json:"alert"`
				Expr        string            `json:"expr"`
				For         string            `json:"for"`
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
			} `json:"rules"`
		} `json:"groups"`
	} `json:"spec"`
}

// DeepCopyObject implements runtime.Object.
func (r *prometheusRule) DeepCopyObject() runtime.Object { return r }

// every is all objects of a kind.
func every[T runtime.Object](m manifests) []T {
	var found []T
	for _, object := range m.objects {
		if object, ok := object.(T); ok {
			found = append(found, object)
		}
	}
	return found
}

// only is the one object of a kind.
func only[T runtime.Object](t *testing.T, m manifests) T {
	t.Helper()
	found := every[T](m)
	if len(found) != 1 {
		t.Fatalf("%s: %d objects of %T, want one", m.dir, len(found), *new(T))
	}
	return found[0]
}

// configMap is a ConfigMap by its name.
func (m manifests) configMap(t *testing.T, name string) *corev1.ConfigMap {
	t.Helper()
	for _, object := range every[*corev1.ConfigMap](m) {
		if object.Name == name {
			return object
		}
	}
	t.Fatalf("%s: no ConfigMap %s", m.dir, name)
	return nil
}

// TestManifestsDecode renders everything that can be applied.
func TestManifestsDecode(t *testing.T) {
	for _, dir := range renderable(t) {
		m := render(t, dir)
		if len(m.objects) < 6 {
			t.Errorf("%s: %d objects, want more", dir, len(m.objects))
		}
	}
}

// components are the parts of an overlay that are optional.
func components(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("../../build/kustomize/components/*")
	if err != nil || len(dirs) < 4 {
		t.Fatalf("components: %v, %v", dirs, err)
	}
	return dirs
}

// TestComponentsAreRendered guards against a component that no overlay uses, so that nothing would check it.
func TestComponentsAreRendered(t *testing.T) {
	all := server.ReadFile(t, "build/kustomize/overlays/zone-all/kustomization.yaml")
	for _, component := range components(t) {
		if !strings.Contains(all, "- ../../components/"+filepath.Base(component)+"\n") {
			t.Errorf("overlays/zone-all does not use %s", component)
		}
	}
}

// TestStrictDecoding guards the checks above: a field that is not there does not pass.
func TestStrictDecoding(t *testing.T) {
	for _, text := range []string{
		`{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"clusterIp":"10.96.0.53"}}`,
		`{"apiVersion":"v1","kind":"Service","metadata":{"name":"a","nmespace":"b"}}`,
		`{"apiVersion":"monitoring.coreos.com/v1","kind":"ServiceMonitor","spec":{"endpoint":[]}}`,
		`{"apiVersion":"apps/v2","kind":"Deployment"}`,
	} {
		if object, err := decodeStrictly([]byte(text)); err == nil {
			t.Errorf("%s is %v, want an error", text, object)
		}
	}
}

// TestManifestsAreListed guards against a manifest that no kustomization names.
func TestManifestsAreListed(t *testing.T) {
	err := filepath.WalkDir("../../build/kustomize", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "kustomization.yaml" {
			return err
		}
		kustomization, err := os.ReadFile(filepath.Join(filepath.Dir(path), "kustomization.yaml"))
		if err == nil && !strings.Contains(string(kustomization), entry.Name()+"\n") {
			t.Errorf("%s is not in its kustomization.yaml", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestKubernetesVersions guards against a dependency that lifts the Kubernetes modules above what CoreDNS was tested with.
func TestKubernetesVersions(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.GoMod}}", "github.com/coredns/coredns").Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	required := regexp.MustCompile(`(?m)^\s+(k8s\.io/(?:api|apimachinery|client-go) v\S+)`).FindAllStringSubmatch(string(theirs), -1)
	if len(required) != 3 {
		t.Errorf("CoreDNS requires %q, want three modules", required)
	}
	ours := server.ReadFile(t, "test/deploy/go.mod")
	for _, module := range required {
		if !strings.Contains(ours, "\t"+module[1]+"\n") {
			t.Errorf("test/deploy/go.mod does not require %s, as CoreDNS does", module[1])
		}
	}
}
