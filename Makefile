# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The one entry point of the build; `make help` lists what there is. This file knows the targets and sees to it that
# what they need is installed; what is built from what stands in tools/build/main.mk.
#
#   make [TARGET] [V=1] [O=DIR] [CC=clang] [A=APPDIR] [PLAT=kvm|linuxu] [ARGS=...]
#
#   V=1          show every command                      O=DIR     build into DIR instead of build/
#   CC=clang     compile C with clang                    A=APPDIR  an application folder (embed route)
#   PLAT=linuxu  run as a Linux process                  ARGS=     arguments of the program that run starts
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := all

ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
include $(ROOT)/tools/build/config.mk

main = +@$(MAKE) -f $(ROOT)/tools/build/main.mk
deps := $(ROOT)/tools/build/deps
suites := $(ROOT)/tests/run

##: Build and run
all: ## build everything that images are made of, and the application in A=APPDIR if there is one
	@$(deps) base rust
	$(main) all $(if $(A),app)
run: ## build and boot apps/helloworld-rust (or A=APPDIR); PLAT=linuxu: as a Linux process
	@$(deps) base run rust
	$(main) A=$(or $(A),$(ROOT)/apps/helloworld-rust) app-run
app: ## build the application in A=APPDIR
	@$(deps) base rust
	$(main) app
debug: ## boot the application with gdb attached
	@$(deps) base run rust
	$(main) A=$(or $(A),$(ROOT)/apps/helloworld-rust) app-debug
kiln: ## build the kiln command: build/bin/kiln
	@$(deps) base
	$(main) kiln
kernel: ## build the kernel
	@$(deps) base
	$(main) kernel
ports: ## fetch and build musl, libunwind, compiler-rt (and libc++ if chosen)
	@$(deps) base
	$(main) ports
rust: ## build Rust's standard library for the target, where rustup has none
	@$(deps) base rust
	$(main) rust
rust-small: ## build Rust's standard library once more, for size
	@$(deps) base rust
	$(main) rust-small
install: all ## install the kiln command and all it needs below PREFIX (default /usr/local)
	$(main) install
clean: ## remove what was built (downloads stay in the cache)
	rm -rf $(O) $(wildcard $(ROOT)/apps/*/build) $(if $(A),$(A)/build)

##: Configure
menuconfig: ## choose options
	@$(deps) base
	$(kconfig) -m menuconfig Kconfig
defconfig: ## write .config with the default options
	@$(deps) base
	$(kconfig) -m defconfig --kconfig Kconfig configs/defconfig
%_defconfig: ## kvm_defconfig, linuxu_defconfig: only that platform
	@$(deps) base
	$(kconfig) -m defconfig --kconfig Kconfig configs/$@
savedefconfig: ## write what differs from the defaults to a file named defconfig
	@$(deps) base
	$(kconfig) -m savedefconfig --kconfig Kconfig --out $(dir $(KCONFIG_CONFIG))defconfig

##: Test and measure
test: ## run all tests; the last line is "N passed, N failed, N skipped"
	@$(deps) base run rust test
	$(main) all
	@$(suites) $(SUITES)
test-unit test-guest test-diff test-cli test-load test-deterministic test-matrix: test-%: ## one suite of the tests (FULL=1: the whole matrix)
	@$(deps) base run rust test
	$(main) all
	@$(suites) $*
test-std: ## Rust's own tests of std, core and alloc: an hour (ARGS: options of tests/run)
	@$(deps) base run rust test
	$(main) all
	@$(suites) std $(ARGS)
test-smp: ## guest, diff and apps 20 times (ROUNDS=N) with 1, 2 and 4 CPUs (CPUS=N,M) on both platforms: two hours
	@$(deps) base run rust test
	$(main) all
	@$(suites) guest diff apps --platform linuxu --platform kvm --cpus $(if $(CPUS),$(CPUS),1,2,4) --repeat 1 --rounds $(or $(ROUNDS),20)
check: ## format, layers, sizes, system call list, unit tests
	@$(deps) base test
	$(main) kernel
	@$(suites) check unit
fuzz: ## fuzz the loader for a minute (SECONDS=N)
	@$(deps) base test fuzz
	@$(ROOT)/tests/fuzz/run $(SECONDS)
bench: ## measure, and compare with goals and baselines
	@$(deps) base run rust
	$(main) all rust-small
	@$(ROOT)/bench/run
size: ## what an image is made of (SVG=FILE: a picture, too)
	@$(deps) base rust
	$(main) A=$(or $(A),$(ROOT)/apps/helloworld-rust) app-size
lint: ## clang's analyser over the kernel and the kiln command
	@$(deps) base test
	$(main) lint
format: ## format all C sources
	@$(deps) test
	git -C $(ROOT) ls-files '*.c' '*.h' | (cd $(ROOT) && xargs clang-format -i)
compile_commands.json: ## for editors and language servers
	@$(deps) base
	$(main) compile_commands

##: Other
deps: ## install the Debian packages that are missing
	@$(deps) base run rust test
fetch: ## download all sources into the cache (KILN_CACHE, default ~/.cache/kiln)
	@for port in musl llvm; do $(ROOT)/tools/build/fetch $$port >/dev/null || exit 1; done
help: ## this list
	@awk -F':.*##' '/^##:/ { print "\n" substr($$0, 5); next } \
		/^[a-z%_. -]+:.*##/ { n = split($$1, t, " "); name = t[1]; for (i = 2; i <= n && n < 6; i++) name = name " " t[i]; \
		if (length(name) > 20) printf "  %s\n  %-20s %s\n", name, "", $$2; else printf "  %-20s %s\n", name, $$2 }' \
		$(ROOT)/Makefile
	@printf '\nVariables: V=1  O=DIR  CC=clang  A=APPDIR  PLAT=kvm|linuxu  ARGS=...  KILN_CACHE=DIR\n'

.PHONY: all run app debug kiln kernel ports rust rust-small install clean menuconfig defconfig savedefconfig test \
	test-unit test-guest test-diff test-cli test-load test-deterministic test-matrix test-std test-smp check fuzz bench size lint format compile_commands.json deps fetch help
