//go:build system

package deploy

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roundrobin53/roundrobin53/build/version"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// nonroot is the user of the image.
const nonroot = 65532

// cloneMake clones the last commit, since a release has no uncommitted changes, and makes a target there, without the
// compiler's profile, with which each package of two architectures takes longer to compile. It returns the directory with
// what was made.
func cloneMake(t *testing.T, args ...string) string {
	t.Helper()
	clone := t.TempDir()
	if out, err := exec.Command("git", "clone", "--quiet", "../..", clone).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	run := exec.Command("make", append(args, "VERSION="+releaseVersion, "OPTIMISED=-tags full")...)
	run.Dir = clone
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v\n%s", args, err, out)
	}
	return filepath.Join(clone, "dist")
}

// TestSystemRelease makes a release and looks at all of it. The binaries take minutes to build, so this is one test.
func TestSystemRelease(t *testing.T) {
	dist := cloneMake(t, "release", "PLATFORMS=linux-amd64 linux-arm64")
	archive := readArchive(t, filepath.Join(dist, "coredns-oci.tar"))
	rootfs := unpack(t, archive.images["amd64"])

	t.Run("sums", func(t *testing.T) {
		check := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
		check.Dir = dist
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		checkSums(t, dist)
	})
	t.Run("twice", func(t *testing.T) {
		again := cloneMake(t, "image")
		for _, name := range []string{"coredns-linux-amd64", "coredns-linux-arm64", "coredns-oci.tar"} {
			if !sameFiles(t, filepath.Join(dist, name), filepath.Join(again, name)) {
				t.Errorf("%s differs from that of another clone", name)
			}
		}
	})
	t.Run("names", func(t *testing.T) {
		if got, want := archive.tag.Annotations["io.containerd.image.name"], version.Image+":"+version.Tag(coreVersion(t), releaseVersion); got != want {
			t.Errorf("the image is %s, want %s", got, want)
		}
		if len(archive.images) != 2 {
			t.Errorf("%d architectures, want 2", len(archive.images))
		}
	})
	t.Run("plugins", func(t *testing.T) {
		out, err := exec.Command(filepath.Join(dist, "coredns-linux-amd64"), "-plugins").Output()
		if err != nil {
			t.Fatal(err)
		}
		compiled := strings.Fields(string(out))
		for _, name := range dnsserver.Directives {
			if !slices.Contains(server.Plugins, name) && !slices.Contains(compiled, name) {
				t.Errorf("a release lacks %s:\n%s", name, out)
			}
		}
	})
	for arch, image := range archive.images {
		t.Run(arch, func(t *testing.T) {
			binary := filepath.Join(dist, "coredns-linux-"+arch)
			checkStatic(t, binary)
			content, err := os.ReadFile(binary)
			if err != nil {
				t.Fatal(err)
			}
			checkRootFS(t, image.layers, content)
			checkVersion(t, binary, arch, image.config)
		})
	}
	t.Run("packages", func(t *testing.T) { checkPackages(t, dist) })
	t.Run("chroot", func(t *testing.T) { checkChroot(t, rootfs, archive.images["amd64"].config) })
	t.Run("runc", func(t *testing.T) { checkRunc(t, rootfs, archive.images["amd64"].config) })
	t.Run("unit", func(t *testing.T) { checkUnitServes(t, filepath.Join(dist, "coredns-linux-amd64")) })
}

// checkStatic looks for anything that would need a dynamic linker.
func checkStatic(t *testing.T, binary string) {
	t.Helper()
	file, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, prog := range file.Progs {
		if prog.Type == elf.PT_INTERP || prog.Type == elf.PT_DYNAMIC {
			t.Errorf("there is a %s", prog.Type)
		}
	}
}

// checkVersion runs the binary, under qemu if it is for another machine, and compares what it says with the labels.
func checkVersion(t *testing.T, binary, arch string, config ociConfig) {
	t.Helper()
	command := map[string][]string{"amd64": {binary}, "arm64": {"qemu-aarch64-static", binary}}[arch]
	out, err := exec.Command(command[0], append(command[1:], "-version")...).CombinedOutput()
	labels := config.Config.Labels
	coredns, own := labels["io.coredns.version"], labels["org.opencontainers.image.version"]
	want := fmt.Sprintf("CoreDNS-%s (roundrobin53 %s)\nlinux/%s, ", strings.TrimPrefix(coredns, "v"), own, arch)
	if err != nil || !strings.HasPrefix(string(out), want) || coredns != coreVersion(t) || own != releaseVersion {
		t.Errorf("-version: %v\n%s\nwant %q", err, out, want)
	}
	head, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if revision := labels["org.opencontainers.image.revision"]; err != nil || revision != strings.TrimSpace(string(head)) {
		t.Errorf("revision %s, want %s, %v", revision, head, err)
	}
}

// unpack makes the image's file system, with tar, which also sets the capability.
func unpack(t *testing.T, image ociImage) string {
	t.Helper()
	rootfs := filepath.Join(t.TempDir(), "rootfs")
	if err := os.Mkdir(rootfs, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, layer := range image.layers {
		untar := exec.Command("tar", "--extract", "--preserve-permissions", "--xattrs", "--xattrs-include=security.capability", "--directory", rootfs)
		untar.Stdin = bytes.NewReader(layer)
		if out, err := untar.CombinedOutput(); err != nil {
			t.Fatalf("tar: %v\n%s", err, out)
		}
	}
	return rootfs
}

// writeCorefile writes a configuration that listens at an address, on the ports with and without privilege.
func writeCorefile(t *testing.T, path, address, value string) {
	t.Helper()
	var text strings.Builder
	for _, port := range []int{53, 1053} {
		fmt.Fprintf(&text, "example.org:%d {\n  bind %s\n  roundrobin53 {\n    fastpath\n    record app A %s\n  }\n}\n", port, address, value)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// awaitValue asks with dig until the value comes, on both ports, over UDP and TCP.
func awaitValue(t *testing.T, address, value string, output *server.LogBuffer) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for _, port := range []string{"53", "1053"} {
		for _, transport := range []string{"+notcp", "+tcp"} {
			for {
				out, _ := exec.Command("dig", "+short", "+tries=1", "+timeout=1", transport, "@"+address, "-p", port, "app.example.org").Output()
				if string(out) == value+"\n" {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("port %s, %s: got %q, want %s; the server says\n%s", port, transport, out, value, output.Since(0))
				}
				time.Sleep(100 * time.Millisecond)
			}
		}
	}
}

// startCommand runs a server until the test ends.
func startCommand(t *testing.T, command *exec.Cmd) *server.LogBuffer {
	t.Helper()
	output := new(server.LogBuffer)
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		t.Fatalf("%s: %v", command.Path, err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return output
}

// checkPrivileges reads what the kernel lets a process do: listen on port 53 as another user than root, and nothing else.
func checkPrivileges(t *testing.T, pid int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Uid": "65532\t65532\t65532\t65532", "Gid": "65532\t65532\t65532\t65532", "CapEff": "0000000000000400"} {
		match := regexp.MustCompile(`(?m)^` + name + `:\s+(.*)$`).FindSubmatch(status)
		if match == nil || string(match[1]) != want {
			t.Errorf("%s: %q, want %s", name, match, want)
		}
	}
}

// checkChroot runs the image the way a runtime does, but for namespaces: as its user, in its file system.
func checkChroot(t *testing.T, rootfs string, config ociConfig) {
	t.Helper()
	const address = "127.65.53.1"
	writeCorefile(t, filepath.Join(rootfs, "etc/coredns/Corefile"), address, "192.0.2.1")
	server := &exec.Cmd{
		Path: config.Config.Entrypoint[0], Args: slices.Concat(config.Config.Entrypoint, config.Config.Cmd), Dir: config.Config.WorkingDir,
		SysProcAttr: &syscall.SysProcAttr{Chroot: rootfs, Credential: &syscall.Credential{Uid: nonroot, Gid: nonroot}},
	}
	output := startCommand(t, server)
	awaitValue(t, address, "192.0.2.1", output)
	checkPrivileges(t, server.Process.Pid)
	checkCompressed(t, address, output)
}

// checkRunc runs the image as Kubernetes does with the manifests' securityContext: all capabilities dropped but one, no new
// privileges, the file system read-only. Only the network is the machine's.
func checkRunc(t *testing.T, rootfs string, config ociConfig) {
	t.Helper()
	const address = "127.65.53.2"
	writeCorefile(t, filepath.Join(rootfs, "etc/coredns/Corefile"), address, "192.0.2.2")
	bundle := t.TempDir()
	for _, capabilities := range [][]string{{"CAP_NET_BIND_SERVICE"}, {}} {
		sets := map[string]any{}
		for _, set := range []string{"bounding", "permitted", "effective"} {
			sets[set] = capabilities
		}
		spec := map[string]any{
			"ociVersion": "1.0.2",
			"process": map[string]any{
				"user": map[string]any{"uid": nonroot, "gid": nonroot}, "cwd": config.Config.WorkingDir,
				"args": slices.Concat(config.Config.Entrypoint, config.Config.Cmd), "capabilities": sets, "noNewPrivileges": true,
			},
			"root":   map[string]any{"path": rootfs, "readonly": true},
			"mounts": []any{map[string]any{"destination": "/proc", "type": "proc", "source": "proc"}},
			"linux":  map[string]any{"namespaces": []any{map[string]any{"type": "pid"}, map[string]any{"type": "mount"}, map[string]any{"type": "ipc"}}},
		}
		text := withDefaultSeccomp(t, spec)
		if err := os.WriteFile(filepath.Join(bundle, "config.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("roundrobin53-test-%d-%d", os.Getpid(), len(capabilities))
		runc := []string{"--root", filepath.Join(bundle, "state")}
		command := exec.Command("runc", append(runc, "run", "--bundle", bundle, name)...)
		if len(capabilities) == 0 { // the file asks for what the container must not have
			out, err := command.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "operation not permitted") {
				t.Errorf("without the capability: %v\n%s", err, out)
			}
			continue
		}
		t.Cleanup(func() {
			_ = exec.Command("runc", append(runc, "delete", "--force", name)...).Run()
		})
		output := startCommand(t, command)
		awaitValue(t, address, "192.0.2.2", output)
		state, err := exec.Command("runc", append(runc, "state", name)...).Output()
		if err != nil {
			t.Fatalf("runc state: %v", err)
		}
		var process struct{ PID int }
		if err := json.Unmarshal(state, &process); err != nil {
			t.Fatal(err)
		}
		checkPrivileges(t, process.PID)
		if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.PID)); err != nil || !bytes.Contains(status, []byte("\nSeccomp:\t2\n")) {
			t.Errorf("the filter of system calls is not in place: %v\n%s", err, status)
		}
		checkCompressed(t, address, output)
	}
}

// withDefaultSeccomp is the text of an OCI configuration, with the filter of system calls that Docker and containerd give
// to containers.
func withDefaultSeccomp(t *testing.T, config map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	var spec specs.Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	if spec.Linux.Seccomp, err = seccomp.GetDefaultProfile(&spec); err != nil {
		t.Fatal(err)
	}
	if text, err = json.Marshal(&spec); err != nil {
		t.Fatal(err)
	}
	return text
}

// checkCompressed checks that the fast path answers. Its answers are compressed, where CoreDNS leaves small ones as they are.
func checkCompressed(t *testing.T, address string, output *server.LogBuffer) {
	t.Helper()
	out, _ := exec.Command("dig", "+notcp", "+noedns", "@"+address, "app.example.org").Output()
	const octets = 12 + 21 + 16 // header, question, an address
	if want := fmt.Sprintf("MSG SIZE  rcvd: %d", octets); !strings.Contains(string(out), want) {
		t.Errorf("dig says\n%s\nwant %s; the server says\n%s", out, want, output.Since(0))
	}
}

// checkUnitServes runs a release's binary with the privileges that the systemd unit gives, and reloads it as the unit does.
func checkUnitServes(t *testing.T, binary string) {
	t.Helper()
	const address = "127.65.53.3"
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // for the user
		t.Fatal(err)
	}
	installed, corefile := filepath.Join(dir, "coredns"), filepath.Join(dir, "Corefile")
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(installed, content, 0o755); err != nil {
		t.Fatal(err)
	}
	writeCorefile(t, corefile, address, "192.0.2.3")
	server := exec.Command("setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "--no-new-privs",
		"--bounding-set=-all,+net_bind_service", "--inh-caps=-all,+net_bind_service", "--ambient-caps=-all,+net_bind_service",
		installed, "-conf", corefile)
	output := startCommand(t, server)
	awaitValue(t, address, "192.0.2.3", output)
	checkPrivileges(t, server.Process.Pid)
	writeCorefile(t, corefile, address, "192.0.2.4")
	if err := server.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	awaitValue(t, address, "192.0.2.4", output)
}

// TestSystemUnit lets systemd read the unit. It only lacks the binary at its place.
func TestSystemUnit(t *testing.T) {
	unit := server.ReadFile(t, "build/roundrobin53.service")
	for _, line := range []string{
		"ExecStart=/usr/local/bin/coredns -conf /etc/coredns/Corefile", "ExecReload=/bin/kill -USR1 $MAINPID",
		"AmbientCapabilities=CAP_NET_BIND_SERVICE", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "DynamicUser=yes", "Restart=always",
	} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit has no %s", line)
		}
	}
	path := filepath.Join(t.TempDir(), "roundrobin53.service")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(unit, "/usr/local/bin/coredns", "/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	// The threshold is in tenths: at most 2.0, of 10, is exposed.
	if out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=20", path).CombinedOutput(); err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
}

// TestSystemReleaseRefusesChanges builds a binary in a checkout with a change that no commit has.
func TestSystemReleaseRefusesChanges(t *testing.T) {
	source, dist := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.org/tiny\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() {}\n"} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range [][]string{
		{"git", "init", "--quiet"},
		{"git", "add", "go.mod"},
		{"git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "-m", "module"},
		{"go", "build", "-buildvcs=true", "-o", filepath.Join(dist, "coredns-linux-amd64"), "."},
	} {
		run := exec.Command(command[0], command[1:]...)
		run.Dir = source
		if out, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	out, err := newReleaser(t).release(t, dist, releaseVersion)
	if err == nil || !strings.Contains(out, "is built from a checkout with uncommitted changes") {
		t.Errorf("release: %v\n%s", err, out)
	}
}
