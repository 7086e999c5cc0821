# Everything a developer runs. `make check` is all of it; .ci/run calls it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

BIN := $(CURDIR)/bin
FUZZTIME ?= 5s
VERSION ?=

# What a release consists of, beside the image for linux-amd64 and linux-arm64, and where it goes.
PLATFORMS ?= linux-amd64 linux-arm64 darwin-amd64 darwin-arm64 windows-amd64.exe
DIST ?= dist
COREDNS = $(shell go list -m -f '{{.Version}}' github.com/coredns/coredns)
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)

# What is meant to be kept has all of CoreDNS's plugins, and is compiled with a profile of the path of a query. The profile
# makes a variant of every package, so `go run ./build` and the tests, which share what they compile, do without both.
OPTIMISED := -tags full -pgo=build/coredns.pgo

# The modules beside that of the plugin: what makes releases, and the tests of what is deployed. Each has requirements that
# nobody who uses the plugin is to inherit; `go test ./...` runs their tests, see test/module.
MODULES := $(patsubst %/go.mod,%,$(wildcard build/*/go.mod test/*/go.mod))

# The tools, pinned. Each is built from source into bin/.
GOFUMPT := mvdan.cc/gofumpt@v0.12.0
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# What the system tests need beside Go: delv and dig, a browser, dnsperf, ip (network namespaces), what starts an image of another
# architecture and one of this, systemd-analyze, man, and what makes a fresh Debian and looks at packages.
PACKAGES := bind9-dnsutils chromium debootstrap dnsperf iproute2 lintian man-db qemu-user-static rpm runc systemd unbound

# What `make bench` compares with, beside the binary itself.
RIVALS := dnsperf gdnsd knot nsd

# The files whose statements the tests must all reach: rotation and answers.
COVERED := plugin/internal/[a-z]+/[a-z]+ internal/pool/[a-z]+ internal/record/[a-z]+ internal/route/[a-z]+ internal/fastpath/wire/[a-z]+ internal/policy/[a-z]+ roundrobin53 answer rr cname additional choose client

.PHONY: help build test check fmt vet lint race cover system packages picture fuzz rivals bench bench-once soak pgo vuln image man release upgrade-coredns clean FORCE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

build: ## the binary, in bin/coredns
	go build $(OPTIMISED) -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN)/coredns ./build

test: ## what the README promises to pass with Go alone
	go test ./...

check: fmt vet lint race cover system fuzz bench-once vuln ## everything; needs Linux, root and half an hour, see CONTRIBUTING.md

$(BIN)/gofumpt: Makefile
	GOBIN=$(BIN) go install $(GOFUMPT)
$(BIN)/golangci-lint: Makefile
	GOBIN=$(BIN) go install $(GOLANGCI)
$(BIN)/govulncheck: Makefile
	GOBIN=$(BIN) go install $(GOVULNCHECK)

fmt: $(BIN)/gofumpt ## is everything formatted with gofumpt?
	@files=$$($(BIN)/gofumpt -l build plugin test); if [ -n "$$files" ]; then echo "not formatted with gofumpt:"; echo "$$files"; exit 1; fi

vet: ## go vet, and are go.mod and go.sum as they should be?
	@for module in . $(MODULES); do \
		(set -x; cd $$module && go vet -tags system ./... && go mod verify && go mod tidy -diff) || exit 1; done

lint: $(BIN)/golangci-lint ## what .golangci.yml asks for
	@for module in . $(MODULES); do \
		(set -x; cd $$module && $(BIN)/golangci-lint run --build-tags system ./...) || exit 1; done

race: ## all tests with the race detector, and what they reach
	@mkdir -p $(BIN)
	go test -race -covermode atomic -coverpkg ./plugin/... -coverprofile $(BIN)/cover.out -skip '^TestModulesBelow$$' ./...
	@for module in $(MODULES); do (set -x; cd $$module && go test -race ./...) || exit 1; done

cover: ## every statement of the files in COVERED was reached by `make race`
	@test -e $(BIN)/cover.out || $(MAKE) race
	@awk -v names='$(COVERED)' ' \
		BEGIN { n = split(names, name, " "); for (i = 1; i <= n; i++) all = all (i > 1 ? "|" : "") name[i]; all = "/roundrobin53/(" all ")\\.go:" } \
		$$1 ~ all { for (i = 1; i <= n; i++) if ($$1 ~ "/roundrobin53/" name[i] "\\.go:") seen[i] = 1; \
			if ($$3 > 0) reached[$$1] = 1; else if (!($$1 in reached)) reached[$$1] = 0 } \
		END { for (i = 1; i <= n; i++) if (!(i in seen)) { print "COVERED: no file is called " name[i]; bad = 1 } \
			for (b in reached) if (!reached[b]) { print "never reached: " b; bad = 1 } exit bad }' \
		$(BIN)/cover.out

packages:
	@type -P chromium delv debootstrap dig dnsperf ip lintian man qemu-aarch64-static rpm runc systemd-analyze unbound >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(PACKAGES); }

system: packages ## the tests that need other programs, or all of CoreDNS's plugins
	go test -tags system -p 1 -timeout 30m -run System ./test/...
	@for module in $(MODULES); do (set -x; cd $$module && go test -tags system -timeout 30m -run System ./...) || exit 1; done
	go test -tags full -run Kubernetes ./test/

picture: packages ## docs/status.png anew: the status page, as the README shows it
	go test -C test/browser -count=1 -tags system -run SystemPicture . -update

fuzz: ## each fuzz target for FUZZTIME
	@grep -roE '^func Fuzz[A-Za-z]+' plugin --include '*_test.go' | while IFS=: read -r file target; do \
		dir=$$(dirname $$file) target=$${target#func }; \
		echo "$$dir $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) ./$$dir </dev/null || exit 1; \
	done

rivals:
	@type -P dnsperf gdnsd knotd nsd >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(RIVALS); }

bench: rivals ## processor time, memory and start of this plugin against stock CoreDNS, as ratios
	go run ./test/bench

soak: ## 10,000 checks of endpoints that come and go, 5,000 queries a second, and the same with 10,000 names that are looked up
	go run ./test/soak
	go run ./test/soak -kind names

pgo: packages ## build/coredns.pgo anew: what the compiler is told of the path of a query
	go run ./test/bench -profile build/coredns.pgo

bench-once: ## every Go benchmark, once
	go test -run '^$$' -bench . -benchtime 1x ./...

# govulncheck needs its database; where that is out of reach there is nothing to compare with.
vuln: $(BIN)/govulncheck ## known vulnerabilities in what is linked
	@out=$$($(BIN)/govulncheck -tags full ./plugin/... ./build/... 2>&1) || { \
		case "$$out" in *"fetching vulnerabilities"*) echo "the vulnerability database is out of reach: $$out";; *) echo "$$out"; exit 1;; esac; }

# Equal commits and versions give equal bytes: of the binaries, and of all that is made of them.
$(DIST)/coredns-%: FORCE
	CGO_ENABLED=0 GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(basename $(word 2,$(subst -, ,$*))) \
		go build $(OPTIMISED) -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $@ ./build

image: $(DIST)/coredns-linux-amd64 $(DIST)/coredns-linux-arm64 ## the image as an OCI archive, in dist/; needs no container engine
	go build -C build/release -o $(BIN)/image ./image
	$(BIN)/image -coredns $(COREDNS) -version "$(VERSION)" -revision "$$(git rev-parse HEAD)" \
		-created $(SOURCE_DATE_EPOCH) -o $(DIST)/coredns-oci.tar $^

man: ## the manual pages, made of the READMEs and of docs/commands, in dist/man
	go build -C build/packages -o $(BIN)/manual ./manual
	$(BIN)/manual -root . -o $(DIST)/man -created $(SOURCE_DATE_EPOCH)

release: ## all that a release has, in dist/: make release VERSION=v1.2.3
	@[[ "$(VERSION)" =~ ^v[0-9]+\.[0-9]+\.[0-9]+ ]] || { echo "VERSION=v1.2.3 is needed"; exit 1; }
	rm -rf $(DIST)/coredns-* $(DIST)/man $(DIST)/manifests
	$(MAKE) image man $(PLATFORMS:%=$(DIST)/coredns-%)
	go build -C build/packages -tags system -o $(BIN)/pack ./pack
	$(BIN)/pack -root . -dist $(DIST) -version $(VERSION) -created $(SOURCE_DATE_EPOCH)
	go build -C build/release -o $(BIN)/release .
	$(BIN)/release -coredns $(COREDNS) -version $(VERSION) -created $(SOURCE_DATE_EPOCH) -dist $(DIST)

upgrade-coredns: ## the newest CoreDNS: builds and tests with it, and tells what broke. Leaves the changes for a commit
	build/upgrade-coredns

clean: ## removes bin/ and dist/
	rm -rf $(BIN) $(DIST)
