# Everything that is done here often. `make help` lists it. The tag leaves HTTP/2 out, which the function does not speak; without inlining
# outside the standard library the binary is 4 % smaller, and an upgrade takes as long (make bench, make package).
GO ?= go
BUILD = CGO_ENABLED=0 GOOS=linux GOARCH=amd64 $(GO) build -tags nethttpomithttp2 -trimpath -buildvcs=false -ldflags="-s -w -buildid=" \
	-gcflags=github.com/...=-l -gcflags=golang.org/...=-l -gcflags=go.yaml.in/...=-l -gcflags=rds-kernel-upgrade/...=-l
RACE := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),$(if $(shell command -v $(firstword $(shell $(GO) env CC))),-race))
# In these the race detector, which needs ten times as long, has nothing to find: nothing runs beside something else. The last two play the built
# binary, which is without it; what they put together is played with it elsewhere.
PLAIN = ./events $(addprefix ./function/internal/,advisory fault notice plan policy settings state version window) ./deploy ./schema $(addprefix ./local/,fleet golden pack show wire) ./local/stack ./local
LINT := target/golangci-lint
TOOL = GOFLAGS=-tags=nethttpomithttp2 $(GO) tool -modfile=supply/go.mod
.DEFAULT_GOAL := help
.PHONY: help run test lint stack build package state deploy invoke policy golden bench bench-fleet fuzz licenses

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## play an advisory for a fleet through the built function in a local cloud
	@$(GO) run ./local demo --keep target/run

# Tests may use memory instead of time, and a binary with the race detector need not wait a second for reports before it exits.
test: export GOGC = 800
test: export GORACE = atexit_sleep_ms=0
test: ## run every test, with the race detector where there is a C compiler and something to find; COVER=1 prints the coverage
	@mkdir -p target
ifeq ($(RACE)$(COVER),-race)
	$(GO) test ./function $(PLAIN)
	$(GO) test -race $(filter-out $(shell $(GO) list $(PLAIN)),$(shell $(GO) list ./...))
else
	$(GO) test $(if $(COVER),-coverpkg=./... -coverprofile=target/cover.out) ./...
	@$(if $(COVER),$(GO) tool cover -func=target/cover.out | tail -n 1)
endif

lint: $(LINT) ## check the code
	$(LINT) run ./...

stack: build ## run the local cloud on 127.0.0.1:9000 (FC), :9001 (RDS), :9002 (MNS), :9003 (OSS)
	@$(GO) run ./local serve $(ARGS)

build: ## build target/main, the handler for the go1 runtime
	@$(BUILD) -o target/main ./function

package: build ## pack target/rds-kernel-upgrade.zip, byte for byte reproducible, and check the sizes against their bars
	@$(GO) run ./local package
	@$(GO) run ./local size

state: ## make the first document of the state in STATE_BUCKET, if there is none, with the key of who deploys
	@: $${FC_REGION:?} $${STATE_BUCKET:?} $${ALIBABA_CLOUD_ACCESS_KEY_ID:?} $${ALIBABA_CLOUD_ACCESS_KEY_SECRET:?}
	@test -z "$$STATE_PREFIX" || grep -qx " *STATE_PREFIX: $$STATE_PREFIX" s.yaml || { echo "STATE_PREFIX is $$STATE_PREFIX in the shell, and not in s.yaml: unset it, or the function would look elsewhere" >&2; exit 1; }
	@OSS_ENDPOINT="$${OSS_ENDPOINT:-https://oss-$$FC_REGION.aliyuncs.com}" $(GO) run ./function begin

deploy: package ## deploy with Serverless Devs (see deploy/README.md)
	@: $${FC_REGION:?} $${ALIBABA_CLOUD_ACCOUNT_ID:?} $${REQUEST_TOPIC:?} $${RESULT_TOPIC:?} $${FAILURE_QUEUE:?} $${STATE_BUCKET:?} $${ALIBABA_CLOUD_ACCESS_KEY_ID:?} $${ALIBABA_CLOUD_ACCESS_KEY_SECRET:?}
	@test "$$REQUEST_TOPIC" != "$$RESULT_TOPIC" || { echo "RESULT_TOPIC is REQUEST_TOPIC: the function would trigger itself" >&2; exit 1; }
	@command -v s >/dev/null || { echo "Serverless Devs is not installed: npm install -g @serverless-devs/s" >&2; exit 1; }
	$(GO) test ./deploy
	s deploy -y

invoke: ## send EVENT=file to the function of a running stack
	@$(GO) run ./local invoke --event $(or $(EVENT),testdata/events/direct-minimal.json)

policy: ## print the policy in force, defaults included
	@POLICY_FILE=$(or $(POLICY_FILE),policy.yaml) RESULT_TOPIC=none STATE_BUCKET=none $(GO) run ./function policy

golden: ## rewrite the golden files of testdata for review as a diff
	$(GO) test ./events ./function ./function/internal/state ./local/show -run 'Scenarios|Invalid|Matrix|Fault|Lines|Account|Table|Screen' -update

bench: ## measure: start-up beside a bare handler, one upgrade, the plan, the limiter in a storm, the local cloud
	$(GO) test -run '^$$' -bench . -benchmem ./function/... ./local/stack ./local/fakerds
	$(GO) test -count=1 -run Storm -v ./function/internal/pace

bench-fleet: build ## measure fleets of up to 10,000 instances against the bars
	@$(GO) run ./local bench-fleet $(ARGS)

fuzz: ## fuzz every decoder for FUZZTIME (30s) each
	@grep -ro --include='*_test.go' '^func Fuzz[A-Za-z]*' . | sed 's|/[^/]*:func | |' | sort -u | while read -r folder name; do \
		$(GO) test "$$folder" -run '^$$' -fuzz "^$$name$$" -fuzztime $(or $(FUZZTIME),30s) || exit 1; done

licenses: build ## print version and license of each module of the binary, refuse what is not permitted, list it in target/sbom.json
	@$(TOOL) go-licenses report ./function --template supply/licenses.tpl 2>/dev/null
	@$(TOOL) go-licenses check ./function --allowed_licenses=Apache-2.0,BSD-3-Clause,MIT 2>target/licenses.log || { grep -v '^[EW/]' target/licenses.log >&2; exit 1; }
	@$(TOOL) cyclonedx-gomod bin -json -noserial -output target/sbom.json target/main 2>/dev/null

$(LINT):
	GOBIN=$(CURDIR)/target $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
