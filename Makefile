# `make help` lists what there is. Everything a target needs is installed by `make packages`, which the targets call.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

RUN_PACKAGES := pkg-config libprotobuf-c-dev libpq-dev libssl-dev libcrypt-dev zlib1g-dev postgresql postgresql-client tzdata ca-certificates
TEST_PACKAGES := $(RUN_PACKAGES) protobuf-compiler protobuf-c-compiler python3 python3-protobuf python3-jwt python3-venv procps util-linux openssl \
  curl pgbouncer golang-go gogoprotobuf golang-github-containerd-ttrpc-dev \
  golang-google-grpc-dev golang-google-protobuf-dev protoc-gen-go protoc-gen-go-grpc
CLUSTER_PACKAGES := $(TEST_PACKAGES) patroni etcd-server haproxy
BENCH_PACKAGES := $(TEST_PACKAGES) gdb strace
INSTRUCTIONS_PACKAGES := $(RUN_PACKAGES) binutils python3 valgrind
DEB_PACKAGES := $(RUN_PACKAGES) binutils dpkg-dev python3
INTEROP_PACKAGES := $(RUN_PACKAGES) protobuf-compiler python3-venv openssl cargo rustc librust-ttrpc-dev ruby-grpc \
  default-jdk-headless libgrpc-java libprotobuf-java libnetty-java libperfmark-java g++ libgrpc++-dev protobuf-compiler-grpc
TOOLS := .build/tools
RELEASE := .build/release
# With Swift's own libraries inside: the programs run where no Swift is, and a call of them is a jump and no look-up.
RELEASE_BUILD := swift build -c release --static-swift-stdlib
# The programs that ship, in one build and without symbols.
PROGRAMS := clinicd clinic clinic-load
PROGRAM_BUILD := CLINIC_ONLY_TARGETS='$(PROGRAMS)' $(RELEASE_BUILD) -Xlinker -s

export SWIFT_BACKTRACE ?= enable=no

.PHONY: help run demo load build deb monitoring test fuzz sanitize interop lint format proto release-schema schema docs bench
.PHONY: instructions torture cluster-test packages test-packages cluster-packages deb-packages bench-packages
.PHONY: instructions-packages interop-packages swift tools

help: ## List the targets
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Build in release mode and serve (options: make run ARGUMENTS='--listen tcp:127.0.0.1:7411')
	@exec $(RELEASE)/clinicd serve $(ARGUMENTS)

demo: build ## Run the story of a patient against a server that is started for it and stopped after it
	@clients/demo $(RELEASE)

load: build ## Put load on the running server (options: make load ARGUMENTS='--rate 2000/s --scenario day --email ann@example.org')
	@exec $(RELEASE)/clinic-load run $(or $(ARGUMENTS),--call Health/Check)

build: packages swift ## Build clinicd, clinic and clinic-load in release mode into .build/release
	@[ -x $(RELEASE)/clinicd ] || echo "make: fetching the libraries and compiling $(PROGRAMS) in release mode, which" \
	  "takes about 5 minutes on 2 cores the first time, and longer on a busy machine"
	@began=$$SECONDS; $(PROGRAM_BUILD) && echo "make: $(PROGRAMS) are built in $(RELEASE), after $$((SECONDS - began)) s"

deb: deb-packages build ## Pack the programs, the systemd unit and the manual into a Debian package in .build, and check it
	@package=$$(Sources/clinicd/Packaging/build-deb $(RELEASE) .build) && echo "make: $$package" \
	  && Sources/clinicd/Packaging/check-deb "$$package"

monitoring: build $(TOOLS)/prometheus ## Check the alert rules and the dashboard with a Prometheus and a running clinicd
	@Sources/clinicd/Packaging/check-monitoring $(RELEASE) $(TOOLS)/prometheus/usr/bin

test: test-packages swift tools lint ## Install what the tests need and run every test
	@swift build --build-tests
	@Tests/run

fuzz: test-packages swift ## Try hostile bytes on all that reads a peer's (options: make fuzz ARGUMENTS='--seconds 3600 frames')
	@Tests/Fuzz/run $(ARGUMENTS)

sanitize: test-packages swift ## Run the tests of sockets, threads and C libraries under AddressSanitizer and ThreadSanitizer
	@Tests/sanitize $(ARGUMENTS)

interop: interop-packages build ## Let clients and proxies of others meet clinicd (ARGUMENTS=--write: into their README)
	@Tests/Interop/run $(RELEASE) $(ARGUMENTS)

lint: swift tools
	@swift format lint --strict --parallel --recursive Package.swift Sources Tests clients
	@$(TOOLS)/bin/buf lint proto
	@cd proto && ../$(TOOLS)/bin/buf breaking --path clinic --against released.binpb

format: swift ## Format the Swift sources
	@swift format --in-place --parallel --recursive Package.swift Sources Tests clients

proto: test-packages ## Generate the C and Swift sources from proto/
	@proto/generate

release-schema: tools ## Keep the schema as that of a release: make lint refuses what would break its clients
	@cd proto && ../$(TOOLS)/bin/buf build --path clinic --exclude-source-info --output released.binpb

schema: ## List the SQL files that the service embeds
	@Sources/ClinicStore/list-schema

docs: test-packages swift ## Generate the API reference, proto/README.md, from the schema and the code
	@swift build --build-tests
	@CLINIC_WRITE_REFERENCE=1 Tests/run --filter APIReferenceTests

bench: bench-packages swift build ## Measure the service next to its peers (options: make bench ARGUMENTS=--help)
	@$(RELEASE_BUILD) --product clinic-bench
	@Tests/Benchmarks/run $(ARGUMENTS)

instructions: instructions-packages swift build ## Count the instructions of three calls; fails when one is 3 % up (--write: new figures)
	@$(RELEASE_BUILD) --product clinic-bench
	@$(RELEASE_BUILD) --product clinic-instructions
	@Tests/Benchmarks/instructions $(ARGUMENTS)

torture: test-packages swift build ## Measure what hostile, slow, idle and too many peers cost (options: make torture ARGUMENTS='--only idle')
	@Tests/Torture/run $(ARGUMENTS)

cluster-test: cluster-packages swift ## Kill, restore and split PostgreSQL servers under clinicd, and count what is lost (options: make cluster-test ARGUMENTS=--short)
	@swift build --product clinicd
	@Tests/Cluster/run $(ARGUMENTS)

tools: $(TOOLS)/bin/buf

$(TOOLS)/bin/buf:
	@mkdir -p .build && /usr/bin/python3 -m venv $(TOOLS) && $(TOOLS)/bin/pip --quiet install 'buf-bin==1.*' \
	  || { echo "make: buf could not be installed from PyPI; is the network there?" >&2; rm -rf $(TOOLS); exit 1; }

# Unpacked and not installed, since its service must not start.
$(TOOLS)/prometheus:
	@mkdir -p $@.new && cd $@.new && apt-get download -qq prometheus && dpkg-deb --extract prometheus_*.deb . && mv ../prometheus.new ../prometheus

swift:
	@command -v swift >/dev/null || { echo "make: swift is missing; install the Swift 6.3 toolchain and put it on PATH" >&2; exit 1; }

packages:
	@$(call install,$(RUN_PACKAGES))

deb-packages:
	@$(call install,$(DEB_PACKAGES))

bench-packages:
	@$(call install,$(BENCH_PACKAGES))

instructions-packages:
	@$(call install,$(INSTRUCTIONS_PACKAGES))

interop-packages:
	@$(call install,$(INTEROP_PACKAGES))

test-packages:
	@$(call install,$(TEST_PACKAGES))

cluster-packages:
	@$(call install,$(CLUSTER_PACKAGES))

# Installs the Debian packages of a list that are missing; asks for nothing when all are there. Their services are not started:
# Debian asks policy-rc.d, and 101 means no.
define install
	missing=$$(for name in $(1); do \
	    [ "$$(dpkg-query -W -f '$${db:Status-Status}' $$name 2>/dev/null)" = installed ] || echo $$name; done); \
	[ -z "$$missing" ] && exit 0; \
	as_root=; if [ "$$(id -u)" != 0 ]; then as_root=sudo; command -v sudo >/dev/null || { \
	    echo "make: install these packages as root first:" $$missing >&2; exit 1; }; fi; \
	echo "make: installing" $$missing; \
	policy=/usr/sbin/policy-rc.d; \
	[ -e $$policy ] || { trap "$$as_root rm -f $$policy" EXIT; \
	    printf '#!/bin/sh\nexit 101\n' | $$as_root tee $$policy >/dev/null; $$as_root chmod 755 $$policy; }; \
	{ $$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq \
	  && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null \
	  || { echo "make: apt-get could not install:" $$missing >&2; exit 1; }
endef
