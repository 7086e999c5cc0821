//go:build system

package deploy

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// packageName is the name of the packages, of the binary in them and of its unit.
const packageName = "coredns-roundrobin53"

// run is the output of a program that has to succeed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// makePackages runs a command of build/packages.
func makePackages(t *testing.T, command string, args ...string) {
	t.Helper()
	args = append([]string{"-C", server.Path("build/packages"), "run", "-tags", "system", "./" + command, "-root", "../..", "-created", "1700000000"}, args...)
	run(t, "go", args...)
}

// TestSystemManual renders each manual page as `man` does for a terminal of 80 columns, with all warnings.
func TestSystemManual(t *testing.T) {
	dir := t.TempDir()
	makePackages(t, "manual", "-o", dir)
	pages := map[string][]string{"coredns-roundrobin53.7": {"\nNAME\n       roundrobin53 ", "\nSYNTAX\n", "\nEXAMPLES\n"}}
	readmes, err := filepath.Glob(server.Path("plugin/*/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, readme := range readmes {
		plugin := filepath.Base(filepath.Dir(readme))
		pages["coredns-"+plugin+".7"] = []string{"\nNAME\n       " + plugin + " ", "\nSYNTAX\n", "\nEXAMPLES\n"}
	}
	for _, command := range []string{"check", "drain", "explain", "import"} {
		name := "coredns-roundrobin53-" + command
		pages[name+".1"] = []string{"\nNAME\n       " + name + " ", "\nSYNOPSIS\n", "\nOPTIONS\n", "\nEXIT STATUS\n", "\nEXAMPLES\n", "coredns " + command}
	}
	for page, wants := range pages {
		t.Run(page, func(t *testing.T) {
			var warnings strings.Builder
			man := exec.Command("man", "--warnings", "--local-file", "--pager=cat", filepath.Join(dir, page))
			man.Env = append(os.Environ(), "MANWIDTH=80", "LC_ALL=C.UTF-8", "MAN_KEEP_FORMATTING=", "MANROFFOPT=")
			man.Stderr = &warnings
			text, err := man.Output()
			if err != nil || warnings.Len() > 0 {
				t.Errorf("man: %v\n%s", err, warnings.String())
			}
			name, section, _ := strings.Cut(page, ".")
			for _, want := range append(wants, strings.ToUpper(name)+"("+section+")", "November 2023") {
				if !strings.Contains(string(text), want) {
					t.Errorf("no %q in the page", want)
				}
			}
			for line := range strings.Lines(string(text)) {
				if width := len([]rune(line)) - 1; width > 80 && strings.ContainsAny(line, "│─") {
					t.Errorf("a table is %d columns wide: %s", width, line)
				}
			}
		})
	}
}

// pack makes the packages of a version from a binary for this machine, and returns where they are.
func pack(t *testing.T, binary []byte, version string) string {
	t.Helper()
	dist := t.TempDir()
	if err := os.WriteFile(filepath.Join(dist, "coredns-linux-amd64"), binary, 0o755); err != nil { // a link would be packed as one
		t.Fatal(err)
	}
	makePackages(t, "manual", "-o", filepath.Join(dist, "man"))
	makePackages(t, "pack", "-dist", dist, "-version", version)
	return dist
}

// ownVersion is what the binary says of itself, whatever package it is in.
const ownVersion = "v9.9.9"

// buildBinary builds the program as `go run ./build` does, with what the tests have compiled.
func buildBinary(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "coredns")
	run(t, "go", "build", "-C", server.Path("."), "-ldflags", "-s -w -X main.version="+ownVersion, "-o", path, "./build")
	binary, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// rotateManual is the page of the second plugin. Debian's coredns has none of that name.
const rotateManual = "/usr/share/man/man7/coredns-rotate.7.gz"

// TestSystemPackage does with the Debian package what an operator does, in a fresh Debian: install, change the
// configuration, start the service's command as its user, upgrade, and purge.
func TestSystemPackage(t *testing.T) {
	binary := buildBinary(t)
	first, again, second := pack(t, binary, "v0.1.0"), pack(t, binary, "v0.1.0"), pack(t, binary, "v0.2.0-rc.1")
	deb := packageName + "_0.1.0-1_amd64.deb"
	for _, name := range []string{deb, packageName + "-0.1.0-1.x86_64.rpm"} {
		if !sameFiles(t, filepath.Join(first, name), filepath.Join(again, name)) {
			t.Errorf("%s differs from that of another run", name)
		}
	}
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Chmod(filepath.Dir(filepath.Dir(root)), 0o755); err != nil { // for the service's user
		t.Fatal(err)
	}
	run(t, "debootstrap", "--variant=minbase", codename(t), root)
	before := listFiles(t, root)

	install(t, root, filepath.Join(first, deb))
	corefile := filepath.Join(root, "etc", packageName, "Corefile")
	if text, err := os.ReadFile(corefile); err != nil || string(text) != server.ReadFile(t, "build/packages/Corefile") {
		t.Errorf("the Corefile is not ours: %v\n%s", err, text)
	}
	if link, err := os.Readlink(filepath.Join(root, "etc/systemd/system/multi-user.target.wants", packageName+".service")); err != nil {
		t.Errorf("the service is not enabled: %s, %v", link, err)
	}
	for path := range listFiles(t, root) {
		if !before[path] && !strings.Contains(path, packageName) && path != rotateManual && !isState(path) {
			t.Errorf("it installs %s, which another package may have", path)
		}
	}
	const address = "127.65.53.5"
	writeCorefile(t, corefile, address, "192.0.2.5")
	t.Run("first", func(t *testing.T) { checkInstalled(t, root, address) })

	install(t, root, filepath.Join(second, packageName+"_0.2.0~rc.1-1_amd64.deb"))
	if got := run(t, "chroot", root, "dpkg-query", "--show", "--showformat=${Version} ${Status}", packageName); got != "0.2.0~rc.1-1 install ok installed" {
		t.Errorf("after the upgrade there is %s", got)
	}
	t.Run("upgraded", func(t *testing.T) { checkInstalled(t, root, address) })

	run(t, "chroot", root, "dpkg", "--purge", packageName)
	for path := range listFiles(t, root) {
		if !before[path] && !isState(path) {
			t.Errorf("purge leaves %s", path)
		}
	}
}

// isState reports whether a path belongs to the package manager or to what remembers which units were enabled, rather than
// to a package.
func isState(path string) bool {
	return slices.ContainsFunc([]string{"/var/lib/dpkg", "/var/log", "/var/cache", "/var/lib/systemd", "/etc/systemd/system"}, func(dir string) bool {
		return strings.HasPrefix(path, dir)
	})
}

// codename is that of the Debian that this machine runs.
func codename(t *testing.T) string {
	t.Helper()
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^VERSION_CODENAME=(\w+)$`).FindSubmatch(release)
	if match == nil {
		t.Fatalf("/etc/os-release has no code name:\n%s", release)
	}
	return string(match[1])
}

// install has dpkg install a package, without a question about the configuration: there must be none.
func install(t *testing.T, root, deb string) {
	t.Helper()
	const inside = "/package.deb"
	content, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+inside, content, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "chroot", root, "dpkg", "--install", inside)
	if err := os.Remove(root + inside); err != nil {
		t.Fatal(err)
	}
}

// listFiles are the paths of all files below a root, as they are inside it.
func listFiles(t *testing.T, root string) map[string]bool {
	t.Helper()
	paths := make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths[strings.TrimPrefix(path, root)] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// checkInstalled runs the command of the unit that is installed, as systemd does: as a user that is no one else's
// (DynamicUser), with one capability, in the unit's directory.
func checkInstalled(t *testing.T, root, address string) {
	t.Helper()
	unit, err := os.ReadFile(filepath.Join(root, "lib/systemd/system", packageName+".service"))
	if err != nil {
		t.Fatal(err)
	}
	value := func(key string) string {
		match := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindSubmatch(unit)
		if match == nil {
			t.Fatalf("the unit has no %s:\n%s", key, unit)
		}
		return string(match[1])
	}
	if value("DynamicUser") != "yes" || value("AmbientCapabilities") != "CAP_NET_BIND_SERVICE" || value("ConfigurationDirectory") != packageName {
		t.Errorf("the unit is\n%s", unit)
	}
	command := strings.Fields(value("ExecStart"))
	if got := run(t, "chroot", root, command[0], "-version"); !strings.Contains(got, "(roundrobin53 "+ownVersion+")") {
		t.Errorf("-version: %s", got)
	}
	const netBindService = 10
	server := &exec.Cmd{
		Path: command[0], Args: command, Dir: value("WorkingDirectory"), Env: []string{"PATH=/usr/bin:/bin"},
		SysProcAttr: &syscall.SysProcAttr{
			Chroot: root, Credential: &syscall.Credential{Uid: nonroot, Gid: nonroot}, AmbientCaps: []uintptr{netBindService},
		},
	}
	output := startCommand(t, server)
	awaitValue(t, address, "192.0.2.5", output)
	checkPrivileges(t, server.Process.Pid)
}

// checkPackages looks at the packages of a release: each architecture has two, and lintian finds no error.
func checkPackages(t *testing.T, dist string) {
	t.Helper()
	for arch, other := range map[string]string{"amd64": "x86_64", "arm64": "aarch64"} {
		version := strings.TrimPrefix(releaseVersion, "v")
		deb := filepath.Join(dist, packageName+"_"+version+"-1_"+arch+".deb")
		if got := strings.TrimSpace(run(t, "dpkg-deb", "--field", deb, "Architecture")); got != arch {
			t.Errorf("%s is for %s", deb, got)
		}
		run(t, "lintian", "--allow-root", "--fail-on", "error", deb)
		rpm := filepath.Join(dist, packageName+"-"+version+"-1."+other+".rpm")
		files := run(t, "rpm", "--query", "--package", "--list", rpm)
		for _, want := range []string{"/usr/bin/", "/usr/lib/systemd/system/", "/usr/share/man/man1/", "/usr/share/man/man7/", "/etc/" + packageName + "/Corefile"} {
			if !strings.Contains(files, want) {
				t.Errorf("%s has no %s:\n%s", rpm, want, files)
			}
		}
		if got := strings.TrimSpace(run(t, "rpm", "--query", "--package", "--configfiles", rpm)); got != "/etc/"+packageName+"/Corefile" {
			t.Errorf("%s has the configuration %s", rpm, got)
		}
	}
}
