# Everything here works on a fresh Debian 12 with Go, make and git, as root, and
# any number of times. "make help" lists the targets.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The order of "check" matters (servers before tests); go itself uses all cores.
.NOTPARALLEL:

PREFIX  ?= /usr/local
DESTDIR ?=
GO      ?= go
# A clone without tags, or a source archive without git, has a version too.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# Versions of all tools are pinned in tools/go.mod, away from go.mod, so that
# importers of our packages do not inherit them.
TOOL := $(GO) tool -modfile=tools/go.mod

# octoDNS's commands, which the binary answers to under their names.
DROP_INS := octodns-sync octodns-validate octodns-dump octodns-compare octodns-report octodns-versions octodns-schema

FUZZTIME ?= 10s

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12 | sed 's/^/  make /'

.PHONY: build
build: ## build bin/zonecast
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)" -o bin/zonecast ./cmd/zonecast

.PHONY: run
run: build ## build, then plan, apply and repair a demo project at providers on this machine
	scripts/demo

.PHONY: picture
picture: build ## draw docs/terminal.svg, the README's picture, from a run of the demo
	CLICOLOR_FORCE=1 DEMO_DIR="$$(mktemp -d)/demo" scripts/demo > bin/demo.txt
	$(GO) run ./internal/picture -from '== 3.' -to '== 6.' -title 'make run' < bin/demo.txt > bin/terminal.svg
	mv bin/terminal.svg docs/terminal.svg

.PHONY: check
check: setup vet lint vuln-report test ## all that must pass before a commit is shared

.PHONY: setup
setup: ## install the name servers that tests start (Debian, as root)
	@scripts/setup-debian

.PHONY: vet
vet: ## build and vet every package
	$(GO) build ./...
	$(GO) vet ./...

.PHONY: lint
lint: ## golangci-lint, with staticcheck and gofumpt in it
	$(TOOL) golangci-lint run ./...

.PHONY: fmt
fmt: ## format the code (gofumpt)
	$(TOOL) golangci-lint fmt ./...

# A database that changes from day to day must not turn an unchanged tree red,
# so "check" reports, and "vuln" judges.
.PHONY: vuln vuln-report
vuln: ## known vulnerabilities in what we call; some are an error
	@scripts/vulncheck
vuln-report:
	@scripts/vulncheck --report

.PHONY: test
test: ## unit, integration and end-to-end tests with the race detector
	CGO_ENABLED=1 $(GO) test -race -timeout 10m ./...

.PHONY: fuzz
fuzz: ## run every fuzz target for a short while (FUZZTIME=10s)
	@scripts/fuzz $(FUZZTIME)

.PHONY: bench
bench: ## measure speed and memory, as a table with ratios
	$(GO) run ./bench
	@scripts/setup-debian --bench
	$(GO) run ./bench/nameserver -rounds 3

.PHONY: soak
soak: setup ## the long tests
	$(GO) test -tags soak -timeout 60m ./...
	cd sandbox/cloudflare/sdktest && $(GO) test -timeout 20m ./...

.PHONY: install
install: build ## install the binary and octoDNS's command names below PREFIX
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 bin/zonecast "$(DESTDIR)$(PREFIX)/bin/zonecast"
	for name in $(DROP_INS); do ln -sf zonecast "$(DESTDIR)$(PREFIX)/bin/$$name"; done

.PHONY: clean
clean: ## remove what make made
	rm -rf bin bench/out
