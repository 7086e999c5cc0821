package deploy

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/build/version"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// releaseVersion is the version that the manifests name.
const releaseVersion = "v0.1.0"

// coreVersion is the version of CoreDNS that go.mod has.
func coreVersion(t *testing.T) string {
	t.Helper()
	match := regexp.MustCompile(`github.com/coredns/coredns (\S+)`).FindStringSubmatch(server.ReadFile(t, "go.mod"))
	if match == nil {
		t.Fatal("go.mod has no CoreDNS")
	}
	return match[1]
}

// releaser is a build of build/release.
type releaser string

// newReleaser builds it without a commit, since it stands in for a binary too, and those with changes are refused.
func newReleaser(t *testing.T) releaser {
	t.Helper()
	program := filepath.Join(t.TempDir(), "release")
	buildRelease(t, ".", program)
	return releaser(program)
}

// buildRelease builds a program of the module build/release.
func buildRelease(t *testing.T, source, program string) {
	t.Helper()
	if out, err := exec.Command("go", "build", "-C", server.Path("build/release"), "-buildvcs=false", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}

// release completes a directory.
func (r releaser) release(t *testing.T, dist, own string) (string, error) {
	t.Helper()
	run := exec.Command(string(r), "-coredns", coreVersion(t), "-version", own, "-created", "1700000000", "-dist", dist)
	run.Dir = "../.."
	out, err := run.CombinedOutput()
	return string(out), err
}

// addBinary puts the program itself where a release has its binaries: it is made of some modules, and is at hand.
func (r releaser) addBinary(t *testing.T, dist string) {
	t.Helper()
	if err := os.Symlink(string(r), filepath.Join(dist, "coredns-linux-amd64")); err != nil {
		t.Fatal(err)
	}
}

// TestRelease makes all of a release but its real binaries, twice.
func TestRelease(t *testing.T) {
	releaser := newReleaser(t)
	first, second := t.TempDir(), t.TempDir()
	for _, dist := range []string{first, second} {
		releaser.addBinary(t, dist)
		if out, err := releaser.release(t, dist, releaseVersion); err != nil {
			t.Fatalf("release: %v\n%s", err, out)
		}
	}
	if !sameFiles(t, filepath.Join(first, "SHA256SUMS"), filepath.Join(second, "SHA256SUMS")) {
		t.Error("two runs gave different files")
	}
	checkSums(t, first)
	for _, name := range []string{"base-zone", "cluster-dns", "overlays/zone", "overlays/zone-all", "overlays/cluster-dns", "overlays/cluster-dns-rotate"} {
		manifest, err := os.ReadFile(filepath.Join(first, "manifests", name+".yaml"))
		if err != nil {
			t.Error(err)
			continue
		}
		if image := "image: " + version.Image + ":" + version.Tag(coreVersion(t), releaseVersion) + "\n"; !bytes.Contains(manifest, []byte(image)) {
			t.Errorf("%s has no %q", name, image)
		}
	}
	if components, err := os.ReadDir(filepath.Join(first, "manifests", "components")); err == nil {
		t.Errorf("components are rendered: %v", components)
	}
	unit, err := os.ReadFile(filepath.Join(first, "roundrobin53.service"))
	if err != nil || string(unit) != server.ReadFile(t, "build/roundrobin53.service") {
		t.Errorf("the unit is not that of build: %v", err)
	}
}

// checkSums compares SHA256SUMS with the files that are there, in its order.
func checkSums(t *testing.T, dist string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dist, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	err = filepath.WalkDir(dist, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && entry.Name() != "SHA256SUMS" {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	var want strings.Builder
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&want, "%x  %s\n", sha256.Sum256(content), strings.TrimPrefix(name, dist+"/"))
	}
	if string(got) != want.String() {
		t.Errorf("SHA256SUMS is\n%s\nwant\n%s", got, want.String())
	}
}

// TestSBOM compares the bill of materials with what the linker has noted in the binary.
func TestSBOM(t *testing.T) {
	releaser, dist := newReleaser(t), t.TempDir()
	releaser.addBinary(t, dist)
	if err := os.WriteFile(filepath.Join(dist, "coredns-roundrobin53_0.1.0-1_amd64.deb"), nil, 0o600); err != nil { // is no binary
		t.Fatal(err)
	}
	if out, err := releaser.release(t, dist, releaseVersion); err != nil {
		t.Fatalf("release: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dist, "sbom.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	type component struct {
		Type, Name, Version, PURL string
		Ref                       string `json:"bom-ref"`
	}
	var list struct {
		BOMFormat, SpecVersion, SerialNumber string
		Version                              int
		Metadata                             struct {
			Timestamp string
			Component component
		}
		Components []component
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	uuid := regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if list.BOMFormat != "CycloneDX" || list.SpecVersion != "1.6" || list.Version != 1 || !uuid.MatchString(list.SerialNumber) {
		t.Errorf("the list is %s %s, %s, %d", list.BOMFormat, list.SpecVersion, list.SerialNumber, list.Version)
	}
	const path = "github.com/roundrobin53/roundrobin53/build/release" // of what stands in for the binary
	purl := "pkg:golang/" + path + "@" + releaseVersion
	if want := (component{"application", path, releaseVersion, purl, purl}); list.Metadata.Component != want || list.Metadata.Timestamp != "2023-11-14T22:13:20Z" {
		t.Errorf("it is of %+v, want %+v", list.Metadata, want)
	}
	var got []string
	for _, c := range list.Components {
		if c.Type != "library" || c.PURL != "pkg:golang/"+c.Name+"@"+strings.ReplaceAll(c.Version, "+", "%2B") || c.Ref != c.PURL {
			t.Errorf("a component is %+v", c)
		}
		got = append(got, c.Name+" "+c.Version)
	}
	info, err := buildinfo.ReadFile(string(releaser))
	if err != nil || len(info.Deps) < 10 {
		t.Fatalf("the binary has few modules: %v", err)
	}
	want := []string{"stdlib " + strings.TrimPrefix(info.GoVersion, "go")}
	for _, dep := range info.Deps {
		want = append(want, dep.Path+" "+dep.Version)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("components\n%s\nwant\n%s", got, want)
	}
}

// TestReleaseRefuses asks for releases that would not be right.
func TestReleaseRefuses(t *testing.T) {
	releaser := newReleaser(t)
	with, without := t.TempDir(), t.TempDir()
	releaser.addBinary(t, with)
	for name, c := range map[string]struct{ dist, own, want string }{
		"no version":            {with, "0.1.0", `-version: "0.1.0" is not a version like v1.2.3`},
		"no binary":             {without, releaseVersion, "no binaries coredns-OS-ARCH in"},
		"manifests of another":  {with, "v99.0.0", ", that of this release is " + version.Image + ":" + version.Tag(coreVersion(t), "v99.0.0")},
		"two versions in a tag": {with, "v0.1.0+1", "is not a version like v1.2.3"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := releaser.release(t, c.dist, c.own)
			if err == nil || !strings.Contains(out, c.want) {
				t.Errorf("release %s: %v, want %q in\n%s", c.own, err, c.want, out)
			}
			if _, err := os.Stat(filepath.Join(c.dist, "SHA256SUMS")); err == nil {
				t.Error("there are checksums")
			}
		})
	}
}
