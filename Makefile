# Everything needs only Rust and make. `make help` lists the targets.
CARGO ?= cargo
.DEFAULT_GOAL := help
.PHONY: help demo test lint build bench size clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Show the Lambda function at work on an embedded ECR (no AWS account needed)
	$(CARGO) build --locked --bins
	@$(CARGO) run --locked --quiet --bin ecr-janitor -- demo

test: ## All tests
	$(CARGO) test --locked --workspace

lint: ## Formatting, lints, documentation, and the Lambda binary alone
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features lambda -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --quiet

build: ## Release binaries: target/release/ecr-janitor, and the function's target/lambda/bootstrap
	$(CARGO) build --locked --release --bin ecr-janitor
	$(CARGO) build --locked --release --bin bootstrap --no-default-features --features lambda --target-dir target/lambda-build
	@mkdir -p target/lambda && cp target/lambda-build/release/bootstrap target/lambda/bootstrap

bench: ## API calls against their floor, time and memory
	$(CARGO) bench --locked --bench floor

size: build ## The size of the function's binary
	@ls -l target/lambda/bootstrap | awk '{ printf "bootstrap: %.1f MB\n", $$5 / 1e6 }'
	@gzip -9 -c target/lambda/bootstrap | wc -c | awk '{ printf "gzipped:   %.1f MB\n", $$1 / 1e6 }'

clean: ## Remove what was built
	$(CARGO) clean
