# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The kiln command, its other names, and the installation.
KILN_CFLAGS := -I$(ROOT)/kernel -DKILN_VERSION='"$(version)"' -std=gnu17 -O2 -g -Wall -Wextra -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wcast-qual -Wimplicit-fallthrough $(if $(CI),-Werror)
kiln_sources := $(wildcard $(ROOT)/tools/kiln/*.c)
# What the loader checks, the command checks first.
kiln_kernel_sources := base/elf_program.c
kiln_objects := $(kiln_sources:$(ROOT)/tools/kiln/%.c=$(O)/kiln/%.o) $(kiln_kernel_sources:%.c=$(O)/kiln/kernel/%.o)
kiln_names := kiln-cc kiln-c++ kiln-rustc kiln-rustdoc cargo-kiln

kiln: $(addprefix $(O)/bin/,kiln $(kiln_names)) $(L)/link.args $(L)/gdb.py
.PHONY: kiln

$(O)/kiln/%.o: $(ROOT)/tools/kiln/%.c
	@mkdir -p $(@D)
	$(say) HOSTCC $(call short,$<)
	$(q)$(HOSTCC) $(KILN_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/kiln/kernel/%.o: $(ROOT)/kernel/%.c
	@mkdir -p $(@D)
	$(say) HOSTCC $(call short,$<)
	$(q)$(HOSTCC) $(KILN_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/bin/kiln: $(kiln_objects)
	@mkdir -p $(@D)
	$(say) HOSTLD $(call short,$@)
	$(q)$(HOSTCC) -o $@ $^

$(addprefix $(O)/bin/,$(kiln_names)): $(O)/bin/kiln
	$(q)ln -sf kiln $@

$(L)/gdb.py: $(ROOT)/tools/kiln/gdb.py
	@mkdir -p $(@D)
	$(q)cp $< $@

# All findings are shown; any is a failure.
lint_one = echo >&2 "  LINT     $${f\#$(ROOT)/}"; clang --analyze --analyzer-output text -Xanalyzer -analyzer-werror -w
lint:
	$(q)bad=0; for f in $(addprefix $(ROOT)/kernel/,$(filter %.c,$(src-y) $(linked-y) $(loader-y))); do \
		$(lint_one) $(KERNEL_CFLAGS) $(call kernel_cppflags,clang) -o /dev/null $$f || bad=1; done; \
	for f in $(kiln_sources); do $(lint_one) $(KILN_CFLAGS) -o /dev/null $$f || bad=1; done; exit $$bad
.PHONY: lint

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/kiln $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(O)/bin/kiln $(DESTDIR)$(PREFIX)/bin/kiln
	for name in $(kiln_names); do ln -sf kiln $(DESTDIR)$(PREFIX)/bin/$$name; done
	cp -r $(L)/. $(DESTDIR)$(PREFIX)/lib/kiln/
	for page in $(wildcard $(ROOT)/docs/man/*.1); do install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man1/; done
.PHONY: install

-include $(kiln_objects:.o=.d)
