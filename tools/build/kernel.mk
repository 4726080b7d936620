# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The kernel: one relocatable object whose symbols are local but for those in kernel/exports.txt, and the linker
# script for images with it.
include $(ROOT)/kernel/sources.mk

kernel_obj := $(KO)/kernel
kernel_objects := $(patsubst %,$(kernel_obj)/%.o,$(src-y) $(linked-y))
loader_objects := $(patsubst %,$(kernel_obj)/%.o,$(src-y) $(loader-y))

# The canary lies in struct cpu (kernel/arch/arch.h), which %gs points to on both platforms.
stack_protector := $(if $(CONFIG_STACK_PROTECTOR),-fstack-protector-strong -mstack-protector-guard=tls \
	-mstack-protector-guard-reg=gs -mstack-protector-guard-offset=40,-fno-stack-protector)
hot := $(if $(CONFIG_OPTIMIZE_SIZE),,$(hot-y))
KERNEL_CFLAGS := -std=gnu17 -ffreestanding -g -fPIE -fvisibility=hidden -mgeneral-regs-only -mno-red-zone \
	$(stack_protector) -fcf-protection=none -fno-strict-aliasing -fno-common -ffunction-sections -fdata-sections \
	-fno-asynchronous-unwind-tables -fno-unwind-tables -fomit-frame-pointer \
	-falign-functions=1 -falign-jumps=1 -falign-loops=1 -falign-labels=1 \
	-ffile-prefix-map=$(ROOT)/=
KERNEL_WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wcast-qual -Wimplicit-fallthrough $(if $(CI),-Werror)
kernel_cppflags = -nostdinc -isystem $(shell $1 -print-file-name=include) -I$(ROOT)/kernel -include $(KO)/config.h \
	-DKILN_VERSION='"$(version)"'
KERNEL_CPPFLAGS := $(call kernel_cppflags,$(CC))

kernel: $(L)/lib/kernel.o $(L)/image.ld $(L)/link.args $(L)/config $(if $(CONFIG_LOADER),$(L)/kiln-loader)
.PHONY: kernel

# What an object is made with: it is made again when this changes.
$(kernel_obj)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(KERNEL_CFLAGS) $(KERNEL_WARNINGS) $(KERNEL_CPPFLAGS) hot: $(hot)' | cmp -s - $@ || \
		echo '$(CC) $(KERNEL_CFLAGS) $(KERNEL_WARNINGS) $(KERNEL_CPPFLAGS) hot: $(hot)' >$@

$(kernel_obj)/%.c.o: $(ROOT)/kernel/%.c $(kernel_obj)/flags $(KO)/config.h
	@mkdir -p $(@D)
	$(say) CC $(call short,$<)
	$(q)$(CC) $(KERNEL_CFLAGS) $(if $(filter $(hot),$(@:$(kernel_obj)/%.o=%)),-O2,-Oz) $(KERNEL_WARNINGS) \
		$(KERNEL_CPPFLAGS) -MMD -MP -c -o $@ $<

$(kernel_obj)/%.S.o: $(ROOT)/kernel/%.S $(kernel_obj)/flags $(KO)/config.h
	@mkdir -p $(@D)
	$(say) AS $(call short,$<)
	$(q)$(CC) $(KERNEL_CFLAGS) $(KERNEL_CPPFLAGS) -MMD -MP -c -o $@ $<

$(kernel_obj)/kernel.o: $(kernel_objects) $(ROOT)/kernel/exports.txt $(ROOT)/kernel/sources.mk
	$(say) LD $(call short,$@)
	$(q)ld -r -o $@.all $(kernel_objects)
	$(q)sed '/^#/d; /^$$/d' $(ROOT)/kernel/exports.txt >$@.exports
	$(q)objcopy --wildcard --keep-global-symbols=$@.exports $@.all $@

# The vDSO: a shared object, which the loader carries as it is.
vdso_dir := $(ROOT)/kernel/abi/vdso
VDSO_CFLAGS := -std=gnu17 -ffreestanding -O2 -g -fPIC -mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
	-fasynchronous-unwind-tables -ffile-prefix-map=$(ROOT)/=
$(kernel_obj)/abi/vdso/vdso.c.o: $(vdso_dir)/vdso.c $(kernel_obj)/flags $(KO)/config.h
	@mkdir -p $(@D)
	$(say) CC $(call short,$<)
	$(q)$(CC) $(VDSO_CFLAGS) $(KERNEL_WARNINGS) $(KERNEL_CPPFLAGS) -MMD -MP -c -o $@ $<

$(kernel_obj)/abi/vdso/vdso.so: $(kernel_obj)/abi/vdso/vdso.c.o $(vdso_dir)/vdso.ld
	$(say) LD $(call short,$@)
	$(q)ld -shared -s -soname linux-vdso.so.1 -Bsymbolic --hash-style=both --build-id=sha1 --eh-frame-hdr \
		-z max-page-size=4096 -z noexecstack --no-undefined -T $(vdso_dir)/vdso.ld -o $@ $<

$(kernel_obj)/abi/vdso_image.S.o: $(kernel_obj)/abi/vdso/vdso.so
$(kernel_obj)/abi/vdso_image.S.o: KERNEL_CPPFLAGS += -DVDSO_FILE='"$(kernel_obj)/abi/vdso/vdso.so"'

# The image that loads a program: the kernel without one. (image.ld knows the kernel by the object's name.)
$(kernel_obj)/loader-kernel.o: $(loader_objects) $(ROOT)/kernel/sources.mk
	$(say) LD $(call short,$@)
	$(q)ld -r -o $@ $(loader_objects)

$(kernel_obj)/kiln-loader: $(kernel_obj)/loader-kernel.o $(kernel_obj)/image.ld $(B)/link.args
	$(say) LD $(call short,$@)
	$(q)ld @$(B)/link.args -u kiln_calls_all --defsym=kiln_calls=kiln_calls_all -T $(kernel_obj)/image.ld -o $@ $<

$(kernel_obj)/image.ld: $(ROOT)/kernel/image.ld $(KO)/config.h
	@mkdir -p $(@D)
	$(q)$(CC) -E -P -undef -x c -include $(KO)/config.h -o $@ $<

$(L)/lib/kernel.o: $(O)/kernel/kernel.o
	@mkdir -p $(@D)
	$(q)cp $< $@
$(L)/kiln-loader: $(O)/kernel/kiln-loader
	@mkdir -p $(@D)
	$(q)cp $< $@
$(L)/image.ld: $(O)/kernel/image.ld
	@mkdir -p $(@D)
	$(q)cp $< $@
$(L)/config: $(O)/auto.conf
	@mkdir -p $(@D)
	$(q)cp $< $@
$(L)/link.args: $(B)/link.args
	@mkdir -p $(@D)
	$(q)cp $< $@

compile_commands:
	$(q)$(PYTHON) $(B)/compile-commands $(ROOT) '$(CC) $(KERNEL_CFLAGS) $(KERNEL_WARNINGS) $(KERNEL_CPPFLAGS)' \
		'$(HOSTCC) $(KILN_CFLAGS)' $(src-y) $(linked-y) $(loader-y) >$(ROOT)/compile_commands.json
.PHONY: compile_commands FORCE

-include $(sort $(kernel_objects:.o=.d) $(loader_objects:.o=.d) $(kernel_obj)/abi/vdso/vdso.c.d)
