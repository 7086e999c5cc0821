package deploy

import (
	"strings"
	"testing"
)

// TestStateComponent guards the way of a decision into the pods: the Corefile names a file of the ConfigMap, which is mounted as
// a directory, since the kubelet never changes a file that is mounted by subPath.
func TestStateComponent(t *testing.T) {
	const dir = "/etc/roundrobin53/state"
	d := deploy(t, "overlays/zone-all")
	text, ok := d.configMap(t, d.volume(t, dir).ConfigMap.Name).Data["state"]
	if !ok || !strings.HasSuffix(text, "\n") {
		t.Errorf("the state file is %q", text)
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			t.Errorf("the component decides %q", line)
		}
	}
	if !strings.Contains(d.corefile, "state "+dir+"/state\n") {
		t.Errorf("the Corefile does not name it:\n%s", d.corefile)
	}
	for _, mount := range d.container.VolumeMounts {
		if mount.MountPath == dir && (mount.SubPath != "" || !mount.ReadOnly) {
			t.Errorf("it is mounted as %+v", mount)
		}
	}
}
