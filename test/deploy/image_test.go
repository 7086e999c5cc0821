package deploy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/build/version"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// tinyBinary builds a program that is small, so that the tests of what packs binaries need not wait for CoreDNS.
func tinyBinary(t *testing.T, path, arch string, flags ...string) {
	t.Helper()
	source := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.org/tiny\n\ngo 1.26\n",
		"main.go": "package main\n\nfunc main() { println(\"tiny\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", append([]string{"build", "-trimpath", "-o", path}, flags...)...)
	build.Dir = source
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}

// imageProgram builds build/release/image, which is of another module.
func imageProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "image")
	buildRelease(t, "./image", program)
	return program
}

// tarFile is a file of a tar archive.
type tarFile struct {
	tar.Header
	content []byte
}

// readTar reads all files.
func readTar(t *testing.T, r io.Reader) []tarFile {
	t.Helper()
	var files []tarFile
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, tarFile{*header, content})
	}
}

// ociDescriptor is what the OCI image specification calls so.
type ociDescriptor struct {
	MediaType, Digest string
	Size              int
	Platform          struct{ Architecture, OS string }
	Annotations       map[string]string
}

// ociConfig is the configuration of an image.
type ociConfig struct {
	Created, Architecture, OS string
	Config                    struct {
		User, WorkingDir string
		Entrypoint, Cmd  []string
		ExposedPorts     map[string]struct{}
		Labels           map[string]string
	}
	RootFS struct {
		Type    string
		DiffIDs []string `json:"diff_ids"`
	}
}

// ociImage is one image of an archive.
type ociImage struct {
	config ociConfig
	layers [][]byte // tar archives
}

// ociArchive is an archive of images, by architecture.
type ociArchive struct {
	t      *testing.T
	files  map[string][]byte
	tag    ociDescriptor
	images map[string]ociImage
}

// readArchive reads an archive the way the specification says, and checks every digest and size on the way.
func readArchive(t *testing.T, path string) *ociArchive {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	a := &ociArchive{t: t, files: map[string][]byte{}, images: map[string]ociImage{}}
	for _, f := range readTar(t, file) {
		a.files[f.Name] = f.content
	}
	if layout := string(a.files["oci-layout"]); layout != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("oci-layout is %q", layout)
	}
	top := a.index(a.files["index.json"])
	if len(top) != 1 {
		t.Fatalf("index.json lists %d images, want 1", len(top))
	}
	a.tag = top[0]
	for _, d := range a.index(a.blob(a.tag, "application/vnd.oci.image.index.v1+json")) {
		a.images[d.Platform.Architecture] = a.image(d)
	}
	return a
}

// blob is what a descriptor points to.
func (a *ociArchive) blob(d ociDescriptor, mediaType string) []byte {
	a.t.Helper()
	content, ok := a.files["blobs/"+strings.Replace(d.Digest, ":", "/", 1)]
	if !ok || d.Size != len(content) || d.Digest != fmt.Sprintf("sha256:%x", sha256.Sum256(content)) || d.MediaType != mediaType {
		a.t.Fatalf("%+v is not that of a blob of type %s: there %v, %d bytes", d, mediaType, ok, len(content))
	}
	return content
}

func (a *ociArchive) index(content []byte) []ociDescriptor {
	a.t.Helper()
	var index struct {
		SchemaVersion int
		MediaType     string
		Manifests     []ociDescriptor
	}
	if err := json.Unmarshal(content, &index); err != nil {
		a.t.Fatal(err)
	}
	if index.SchemaVersion != 2 || index.MediaType != "application/vnd.oci.image.index.v1+json" {
		a.t.Errorf("an index is %+v", index)
	}
	return index.Manifests
}

func (a *ociArchive) image(d ociDescriptor) ociImage {
	a.t.Helper()
	var manifest struct {
		SchemaVersion int
		MediaType     string
		Config        ociDescriptor
		Layers        []ociDescriptor
	}
	if err := json.Unmarshal(a.blob(d, "application/vnd.oci.image.manifest.v1+json"), &manifest); err != nil {
		a.t.Fatal(err)
	}
	var image ociImage
	if err := json.Unmarshal(a.blob(manifest.Config, "application/vnd.oci.image.config.v1+json"), &image.config); err != nil {
		a.t.Fatal(err)
	}
	if c := image.config; c.Architecture != d.Platform.Architecture || c.OS != "linux" || d.Platform.OS != "linux" {
		a.t.Errorf("the list says %+v, the image %s/%s", d.Platform, c.OS, c.Architecture)
	}
	var diffIDs []string
	for _, l := range manifest.Layers {
		z, err := gzip.NewReader(bytes.NewReader(a.blob(l, "application/vnd.oci.image.layer.v1.tar+gzip")))
		if err != nil {
			a.t.Fatal(err)
		}
		layer, err := io.ReadAll(z)
		if err != nil {
			a.t.Fatal(err)
		}
		diffIDs = append(diffIDs, fmt.Sprintf("sha256:%x", sha256.Sum256(layer)))
		image.layers = append(image.layers, layer)
	}
	if got := image.config.RootFS; got.Type != "layers" || !slices.Equal(got.DiffIDs, diffIDs) {
		a.t.Errorf("rootfs is %+v, the layers are %s", got, diffIDs)
	}
	return image
}

// bindServiceXattr is what setcap cap_net_bind_service=+ep writes into security.capability.
const bindServiceXattr = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// TestImage packs two small binaries and reads the archive back.
func TestImage(t *testing.T) {
	dir := t.TempDir()
	binaries := map[string]string{}
	for _, arch := range []string{"amd64", "arm64"} {
		binaries[arch] = filepath.Join(dir, "coredns-linux-"+arch)
		tinyBinary(t, binaries[arch], arch)
	}
	program := imageProgram(t)
	pack := func(name string) string {
		path := filepath.Join(dir, name)
		out, err := exec.Command(program, "-coredns", "v1.15.0", "-version", "v9.8.7", "-revision", "abc123", "-created", "1700000000",
			"-o", path, binaries["amd64"], binaries["arm64"]).CombinedOutput()
		if err != nil {
			t.Fatalf("image: %v\n%s", err, out)
		}
		return path
	}
	once, again := pack("once.tar"), pack("again.tar")
	if !sameFiles(t, once, again) {
		t.Error("two runs gave different archives")
	}

	archive := readArchive(t, once)
	wantTag := map[string]string{
		"org.opencontainers.image.ref.name": "v1.15.0-rr53.9.8.7",
		"io.containerd.image.name":          version.Image + ":v1.15.0-rr53.9.8.7",
	}
	if !reflect.DeepEqual(archive.tag.Annotations, wantTag) {
		t.Errorf("the image is called %v, want %v", archive.tag.Annotations, wantTag)
	}
	if len(archive.images) != 2 {
		t.Fatalf("%d architectures, want 2", len(archive.images))
	}
	for arch, image := range archive.images {
		t.Run(arch, func(t *testing.T) {
			binary, err := os.ReadFile(binaries[arch])
			if err != nil {
				t.Fatalf("architecture %s: %v", arch, err)
			}
			checkConfig(t, image.config)
			checkRootFS(t, image.layers, binary)
		})
	}
}

// sameFiles says whether two files are equal.
func sameFiles(t *testing.T, one, other string) bool {
	t.Helper()
	a, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(a, b)
}

func checkConfig(t *testing.T, c ociConfig) {
	t.Helper()
	if c.Config.User != "65532:65532" || c.Config.WorkingDir != "/" || !slices.Equal(c.Config.Entrypoint, []string{"/coredns"}) {
		t.Errorf("the image runs as %+v", c.Config)
	}
	for label, want := range map[string]string{
		"org.opencontainers.image.version":  "v9.8.7",
		"org.opencontainers.image.revision": "abc123",
		"org.opencontainers.image.created":  "2023-11-14T22:13:20Z",
		"io.coredns.version":                "v1.15.0",
	} {
		if got := c.Config.Labels[label]; got != want {
			t.Errorf("label %s is %q, want %q", label, got, want)
		}
	}
	if c.Created != "2023-11-14T22:13:20Z" {
		t.Errorf("created at %s", c.Created)
	}
}

// checkRootFS compares all files of the image, so that nothing else gets into it.
func checkRootFS(t *testing.T, layers [][]byte, binary []byte) {
	t.Helper()
	var got []string
	content := map[string][]byte{}
	for _, layer := range layers {
		for _, f := range readTar(t, bytes.NewReader(layer)) {
			xattr := f.PAXRecords["SCHILY.xattr.security.capability"]
			got = append(got, fmt.Sprintf("%s %o %d:%d %d %x", f.Name, f.Mode, f.Uid, f.Gid, f.ModTime.Unix(), xattr))
			content[f.Name] = f.content
		}
	}
	want := []string{
		"etc/ 755 0:0 0 ",
		"etc/group 644 0:0 0 ",
		"etc/passwd 644 0:0 0 ",
		"etc/ssl/ 755 0:0 0 ",
		"etc/ssl/certs/ 755 0:0 0 ",
		"etc/ssl/certs/ca-certificates.crt 644 0:0 0 ",
		fmt.Sprintf("coredns 755 0:0 0 %x", bindServiceXattr),
	}
	if !slices.Equal(got, want) {
		t.Errorf("the image has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !bytes.Equal(content["coredns"], binary) {
		t.Error("/coredns is not the binary")
	}
	if user := "nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"; !strings.HasSuffix(string(content["etc/passwd"]), user) {
		t.Errorf("/etc/passwd is %q", content["etc/passwd"])
	}
	if group := "nonroot:x:65532:\n"; !strings.HasSuffix(string(content["etc/group"]), group) {
		t.Errorf("/etc/group is %q", content["etc/group"])
	}
	checkRoots(t, content["etc/ssl/certs/ca-certificates.crt"])
}

// checkRoots reads certificates as crypto/x509 does for the system's pool.
func checkRoots(t *testing.T, data []byte) {
	t.Helper()
	count := 0
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if !cert.IsCA {
			t.Errorf("%s is no CA", cert.Subject)
		}
		count, data = count+1, rest
	}
	if count < 100 || len(data) > 0 {
		t.Errorf("%d CA certificates, and %d bytes behind them", count, len(data))
	}
}

// TestImageRefuses gives the program what would not run in the image.
func TestImageRefuses(t *testing.T) {
	dir := t.TempDir()
	tiny, dynamic, riscv := filepath.Join(dir, "tiny"), filepath.Join(dir, "dynamic"), filepath.Join(dir, "riscv")
	tinyBinary(t, tiny, "amd64")
	tinyBinary(t, dynamic, "amd64", "-buildmode=pie")
	tinyBinary(t, riscv, "riscv64")
	program := imageProgram(t)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no version of CoreDNS": {[]string{tiny}, "-coredns and a binary are needed"},
		"no binary":             {[]string{"-coredns", "v1.15.0"}, "-coredns and a binary are needed"},
		"dynamic":               {[]string{"-coredns", "v1.15.0", "-version", "v1.0.0", dynamic}, "is linked dynamically"},
		"unknown machine":       {[]string{"-coredns", "v1.15.0", "-version", "v1.0.0", riscv}, "known are amd64 and arm64"},
		"two of a kind":         {[]string{"-coredns", "v1.15.0", "-version", "v1.0.0", tiny, tiny}, "there is a binary for amd64 already"},
		"no binary at all":      {[]string{"-coredns", "v1.15.0", "-version", "v1.0.0", "image_test.go"}, "image_test.go: bad magic number"},
	} {
		t.Run(name, func(t *testing.T) {
			output := filepath.Join(t.TempDir(), "image.tar")
			out, err := exec.Command(program, append([]string{"-o", output}, c.args...)...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("image %s: %v, want %q in\n%s", c.args, err, c.want, out)
			}
			if _, err := os.Stat(output); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("there is an archive: %v", err)
			}
		})
	}
}

// TestImageVersion leaves the version to the binary: an archive of a checkout is called as -version calls it.
func TestImageVersion(t *testing.T) {
	dir := t.TempDir()
	binary, output := filepath.Join(dir, "tiny"), filepath.Join(dir, "image.tar")
	tinyBinary(t, binary, "arm64")
	out, err := exec.Command(imageProgram(t), "-coredns", "v1.15.0", "-o", output, binary).CombinedOutput()
	if err != nil {
		t.Fatalf("image: %v\n%s", err, out)
	}
	archive := readArchive(t, output)
	if got := archive.images["arm64"].config.Config.Labels["org.opencontainers.image.version"]; got != "(devel)" {
		t.Errorf("version %q, want that of the binary", got)
	}
}

// TestTag keeps the form that kubeadm reads as a version of CoreDNS, and that a registry accepts.
func TestTag(t *testing.T) {
	for own, want := range map[string]string{
		"v0.1.0":     "v1.15.0-rr53.0.1.0",
		"v1.2.3-rc1": "v1.15.0-rr53.1.2.3-rc1",
		"v0.0.0-20260101000000-0123456789ab+dirty": "v1.15.0-rr53.0.0.0-20260101000000-0123456789ab-dirty",
		"(devel)": "v1.15.0-rr53.devel",
	} {
		got := version.Tag("v1.15.0", own)
		if got != want || !regexp.MustCompile(`^[\w][\w.-]{0,127}$`).MatchString(got) {
			t.Errorf("Tag(v1.15.0, %s) = %s, want %s", own, got, want)
		}
	}
}

// TestDockerfile compares what the Dockerfile says with what the program does, so that both make one image.
func TestDockerfile(t *testing.T) {
	dir := t.TempDir()
	binary, output := filepath.Join(dir, "tiny"), filepath.Join(dir, "image.tar")
	tinyBinary(t, binary, "amd64")
	if out, err := exec.Command(imageProgram(t), "-coredns", "v1.15.0", "-version", "v1.0.0", "-o", output, binary).CombinedOutput(); err != nil {
		t.Fatalf("image: %v\n%s", err, out)
	}
	config := readArchive(t, output).images["amd64"].config.Config
	dockerfile := server.ReadFile(t, "build/Dockerfile")
	instructions := strings.ReplaceAll(dockerfile, "\\\n", " ")
	if stages := regexp.MustCompile(`(?m)^FROM `).FindAllString(instructions, -1); len(stages) != 2 {
		t.Errorf("%d stages, want 2", len(stages))
	}
	_, final, found := strings.Cut(instructions, "\nFROM scratch\n")
	if !found {
		t.Fatal("the last stage is not FROM scratch")
	}
	argument := func(instruction string) string {
		match := regexp.MustCompile(`(?m)^`+instruction+` +(.*)$`).FindAllStringSubmatch(final, -1)
		if len(match) != 1 {
			t.Fatalf("the last stage has %d %s, want 1", len(match), instruction)
		}
		return match[0][1]
	}
	list := func(instruction string) (words []string) {
		if err := json.Unmarshal([]byte(argument(instruction)), &words); err != nil {
			t.Fatalf("%s: %v", instruction, err)
		}
		return words
	}
	if got := argument("USER"); got != config.User {
		t.Errorf("USER %s, the program has %s", got, config.User)
	}
	if got := argument("WORKDIR"); got != config.WorkingDir {
		t.Errorf("WORKDIR %s, the program has %s", got, config.WorkingDir)
	}
	if got := list("ENTRYPOINT"); !slices.Equal(got, config.Entrypoint) {
		t.Errorf("ENTRYPOINT %s, the program has %s", got, config.Entrypoint)
	}
	if got := list("CMD"); !slices.Equal(got, config.Cmd) {
		t.Errorf("CMD %s, the program has %s", got, config.Cmd)
	}
	if got := argument("COPY"); got != "--from=build /rootfs /" {
		t.Errorf("COPY %s", got)
	}
	ports := map[string]struct{}{}
	for port := range strings.FieldsSeq(argument("EXPOSE")) {
		ports[port] = struct{}{}
	}
	if !reflect.DeepEqual(ports, config.ExposedPorts) {
		t.Errorf("EXPOSE %v, the program has %v", ports, config.ExposedPorts)
	}
	labels := map[string]string{}
	for _, match := range regexp.MustCompile(`([\w.]+)="([^"]*)"`).FindAllStringSubmatch(argument("LABEL"), -1) {
		labels[match[1]] = match[2]
	}
	for name, variable := range map[string]string{
		"org.opencontainers.image.version": "$VERSION", "org.opencontainers.image.revision": "$REVISION",
		"org.opencontainers.image.created": "$CREATED", "io.coredns.version": "$COREDNS_VERSION",
	} {
		if labels[name] != variable {
			t.Errorf("label %s is %q, want %s", name, labels[name], variable)
		}
		labels[name] = config.Labels[name]
	}
	if !reflect.DeepEqual(labels, config.Labels) {
		t.Errorf("labels %v, the program has %v", labels, config.Labels)
	}
	mod := server.ReadFile(t, "go.mod")
	for name, pattern := range map[string][2]string{
		"Go":      {`FROM --platform=\$BUILDPLATFORM golang:(\d+\.\d+) AS build`, `(?m)^go (\d+\.\d+)`},
		"CoreDNS": {`COREDNS_VERSION=(\S+)`, `github.com/coredns/coredns (\S+)`},
	} {
		got, want := regexp.MustCompile(pattern[0]).FindStringSubmatch(dockerfile), regexp.MustCompile(pattern[1]).FindStringSubmatch(mod)
		if got == nil || want == nil || got[1] != want[1] {
			t.Errorf("%s: the Dockerfile has %q, go.mod %q", name, got, want)
		}
	}
	for _, part := range []string{"CGO_ENABLED=0 ", " -trimpath ", "-X main.version=$VERSION", "setcap cap_net_bind_service=+ep /rootfs/coredns"} {
		if !strings.Contains(instructions, part) {
			t.Errorf("the Dockerfile has no %q", part)
		}
	}
}
