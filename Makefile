# make run    build pycwarm and watch it keep examples/cgi-bin warm
# make test   run all tests
# make soak   do random things to trees under a running daemon, for SECONDS=600, until something is wrong
# make fuzz   let each fuzz target run for SECONDS=600, see docs/fuzzing.md
# All install what is missing first (scripts/setup), with apt-get or dnf.

# rustup's folder, for a shell that has not read its profile since Rust was installed.
export PATH := $(PATH):$(HOME)/.cargo/bin

SECONDS ?= 600
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help run test soak fuzz

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

run:
	@scripts/setup run
	cargo build --release --locked
	@printf '\nKeeping examples/cgi-bin warm; Ctrl-C ends it. Try it in another shell:\n\n  cd "%s"\n' "$(CURDIR)"
	@cat examples/try-it.txt
	@exec "$(TARGET)/release/pycwarm" daemon examples/cgi-bin

test:
	@scripts/setup test
	@packages=$$(scripts/test-data "$(TARGET)/test-data") && \
	PYCWARM_TEST_SITE_PACKAGES=$$packages exec cargo test --locked

soak:
	@scripts/setup test
	@PYCWARM_CHAOS_SECONDS="$(SECONDS)" exec cargo test --locked --test chaos -- --ignored --nocapture soak

fuzz:
	@scripts/setup fuzz
	@exec scripts/fuzz "$(SECONDS)"
