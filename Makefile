# Everything but deploy and size needs only Rust and make. `make help` lists the targets.
CARGO ?= cargo
.DEFAULT_GOAL := help
.PHONY: help demo test nights soak ceilings lint build bench size deploy template site interop page contract-aws fuzz clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Show the Lambda function at work on an embedded ECR (no AWS account needed)
	$(CARGO) build --locked --bins
	@$(CARGO) run --locked --quiet --bin ecr-janitor -- demo

test: ## Run all tests
	$(CARGO) test --locked --workspace
	@$(MAKE) --no-print-directory interop
	@$(MAKE) --no-print-directory page
	CARGO="$(CARGO)" tests/template/run.sh test

soak: ## Run the reference model and interleavings over many random registries: WORLDS=10000
	MODEL_WORLDS=$(or $(WORLDS),10000) $(CARGO) test --locked --test model

ceilings: ## Hold the function against its ceilings of memory: a hundred repositories of 30,000 images in 256 MB
	$(CARGO) test --locked --config 'profile.dev.package.ecr-attestation-janitor.opt-level=2' --test ceilings -- --include-ignored

nights: ## Show what goes, stays and is lost in fourteen weeks of nights over 19 kinds of repository
	$(CARGO) test --locked --test nights -- --long

interop: ## AWS's clients, skopeo and moto against the real binaries (skipped without Python)
	CARGO="$(CARGO)" tests/interop/run.sh

page: ## The page of --output html in a real browser (skipped without Node and Chromium)
	CARGO="$(CARGO)" tests/page/run.sh

fuzz: ## Fuzz with libFuzzer, TIME=60 seconds a target (skipped without a C++ compiler)
	fuzz/run.sh $(or $(TIME),60)

lint: ## Check formatting, lints, documentation, and the Lambda binary alone
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features lambda -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --quiet
	tests/template/run.sh lint
	tests/packaging/run.sh

build: ## Build release binaries: target/release/ecr-janitor, and the function's target/lambda/bootstrap/bootstrap
	$(CARGO) build --locked --release --bin ecr-janitor
	$(CARGO) build --locked --release --bin bootstrap --no-default-features --features lambda --target-dir target/lambda-build
	@test -d target/lambda/bootstrap || rm -f target/lambda/bootstrap
	@mkdir -p target/lambda/bootstrap && cp target/lambda-build/release/bootstrap target/lambda/bootstrap/

bench: ## Measure API calls against their floor, time and memory
	$(CARGO) bench --locked --bench api_calls

size: build ## Show the size of the function's zip; more than 5 MB fails (needs Python)
	@python3 -m zipfile -c target/lambda/function.zip target/lambda/bootstrap/bootstrap
	@python3 -m zipfile -l target/lambda/function.zip
	@size -A -d target/lambda/bootstrap/bootstrap 2>/dev/null | awk '$$2 > 100000 && /^\./ { printf "  %-18s %5.2f MB\n", $$1, $$2 / 1e6 }' || true
	@$(CARGO) tree --locked --no-default-features --features lambda -e normal --prefix none | sed 's/ (\*)//' | sort -u | wc -l | awk '{ print "crates:", $$1 }'
	@wc -c < target/lambda/function.zip | awk '{ printf "zip: %.2f MB\n", $$1 / 1e6; exit $$1 > 5e6 }'

deploy: ENVIRONMENT ?= default
deploy: ## Build with SAM and deploy to your AWS account as samconfig.toml says: [ENVIRONMENT=apply]
	sam build --config-env $(ENVIRONMENT)
	sam deploy --config-env $(ENVIRONMENT)

site: ## Build the documentation site: target/site/html (needs mdBook; checks the links in any case)
	packaging/site.sh

template: ## Checks of the templates that need no AWS account (skipped without Python)
	tests/template/run.sh lint
	CARGO="$(CARGO)" tests/template/run.sh test

contract-aws: ## Check the assumptions about ECR on your AWS account: PREFIX=janitor-contract CONSENT=yes [WAIT=seconds]
	@test -n "$(PREFIX)" -a "$(CONSENT)" = yes || { echo "This creates one repository below PREFIX, deletes it again, and costs cents:"; \
	  echo "  make contract-aws PREFIX=janitor-contract CONSENT=yes"; exit 2; }
	@$(CARGO) run --locked --quiet -p ecr-contract -- --aws --prefix "$(PREFIX)" --i-know-this-creates-a-repository $(if $(WAIT),--wait $(WAIT))

clean: ## Remove what was built
	$(CARGO) clean
	rm -rf .aws-sam
