# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Foreign code (ports/) and Rust's standard library (rust/), built into the prefix.
port_common := $(B)/port.sh $(B)/fetch

# What musl must know of the list of system calls; changes seldom, and only then is musl built again.
$(O)/ports/musl/kiln_syscalls.h: $(ROOT)/kernel/abi/syscalls.def $(B)/syscall-rows
	@mkdir -p $(@D)
	@CC=$(CC) $(B)/syscall-rows $< >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(L)/lib/libc.a: $(O)/ports/musl/kiln_syscalls.h $(port_common) $(shell find $(ROOT)/ports/musl -type f)
	$(q)$(script) $(ROOT)/ports/musl/build

# The allocator, in the tree's prefix and in that of an application with a configuration of its own.
define malloc_archive
$1/lib/kiln/lib/libmalloc.a: $1/auto.conf $(L)/lib/libc.a
	@mkdir -p $$(@D) && rm -f $$@
	@cp $(O)/ports/musl/libmalloc-$$$$(grep -q '^CONFIG_MALLOC_CACHES=y' $$< && echo caches || echo plain).a $$@
endef
$(foreach dir,$(sort $(O) $(KO)),$(eval $(call malloc_archive,$(dir))))

$(L)/lib/libunwind.a: $(port_common) $(B)/objects.mk $(ROOT)/ports/libunwind/build $(ROOT)/ports/llvm/port.conf | $(L)/lib/libc.a
	$(q)$(script) $(ROOT)/ports/libunwind/build

$(L)/lib/libcompiler_rt.a: $(port_common) $(B)/objects.mk $(ROOT)/ports/compiler-rt/build $(ROOT)/ports/llvm/port.conf | \
		$(L)/lib/libunwind.a
	$(q)$(script) $(ROOT)/ports/compiler-rt/build

$(L)/lib/libc++.a: $(port_common) $(ROOT)/ports/libcxx/build $(ROOT)/ports/llvm/port.conf | $(L)/lib/libcompiler_rt.a
	$(q)$(script) $(ROOT)/ports/libcxx/build

ports := $(L)/lib/libc.a $(L)/lib/libmalloc.a $(L)/lib/libunwind.a $(L)/lib/libcompiler_rt.a $(if $(CONFIG_LIBCXX),$(L)/lib/libc++.a)
ports: $(ports)
rust: $(ports)
	$(q)$(script) $(ROOT)/rust/build-std --if-needed
rust-small: $(ports)
	$(q)$(script) $(ROOT)/rust/build-std --if-needed --small
.PHONY: ports rust rust-small
