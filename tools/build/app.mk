# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The embed route: an application folder with Makefile.uk, in which the application describes itself:
#
#   APPNAME_SRCS-y += $(APP_DIR)/main.c          C, C++ and assembler sources; APPNAME is any name that starts with APP
#   APPNAME_CFLAGS-y, APPNAME_CXXFLAGS-y += ...  their flags
#   APPNAME_CARGO-y += $(APP_DIR)/crate          folders in which cargo builds static libraries first
#   APPNAME_CARGO_FLAGS-y += --features x        flags for cargo
#   UKALIBS-y += $(APP_DIR)/crate/$(CARGO_OUT)/libcrate.a    archives to link
#
# and Config.uk, its options in menuconfig. $(CARGO_OUT) is where cargo puts things: target/TARGET/PROFILE. The
# profile is release, or what PROFILE= says on the command line.
APP_DIR := $(A)
PROFILE ?= release
CARGO_OUT := target/x86_64-unknown-linux-musl/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))

ifeq ($(wildcard $(A)/Makefile.uk),)
$(error $(A) is not an application: it has no Makefile.uk (see apps/helloworld-rust for an example))
endif
include $(A)/Makefile.uk

app_collect = $(foreach v,$(filter APP%_$1-y,$(.VARIABLES)),$($v))
app_sources := $(call app_collect,SRCS)
app_crates := $(call app_collect,CARGO)
app_obj := $(AO)/obj
app_objects := $(patsubst $(A)/%,$(app_obj)/%.o,$(app_sources))
app_image := $(AO)/$(app_name)
KL := $(KO)/lib/kiln

ifneq ($(filter-out $(A)/%,$(app_sources)),)
$(error sources of an application are named $$(APP_DIR)/...: $(filter-out $(A)/%,$(app_sources)))
endif

# --- a prefix of its own for an application that has its own kernel -------------------------------------
prefix := $(addprefix $(KO)/bin/,kiln $(kiln_names)) $(KL)/lib/kernel.o $(KL)/lib/libmalloc.a $(KL)/image.ld $(KL)/config $(KL)/link.args
ifneq ($(KO),$(O))
$(KO)/bin/kiln: $(O)/bin/kiln
	@mkdir -p $(@D)
	$(q)ln -f $< $@ 2>/dev/null || cp $< $@
$(addprefix $(KO)/bin/,$(kiln_names)): $(KO)/bin/kiln
	$(q)ln -sf kiln $@
$(KL)/lib/kernel.o: $(KO)/kernel/kernel.o $(ports)
	@mkdir -p $(@D)
	$(q)ln -sf $(L)/lib/*.[ao] $(@D)/ && rm -f $@ $(@D)/libmalloc.a
	$(q)ln -sfn $(L)/include $(KL)/include
	$(q)ln -sfn $(L)/rust $(KL)/rust
	$(q)cp $< $@
$(KL)/lib/libmalloc.a: $(KL)/lib/kernel.o
$(KL)/image.ld: $(KO)/kernel/image.ld
	@mkdir -p $(@D)
	$(q)cp $< $@
$(KL)/config: $(KO)/auto.conf
	@mkdir -p $(@D)
	$(q)cp $< $@
$(KL)/link.args: $(B)/link.args
	@mkdir -p $(@D)
	$(q)cp $< $@
endif

# --- the application ----------------------------------------------------------------------------------
# Cargo knows by itself what is out of date.
app-crates: $(prefix) rust
	$(q)for crate in $(app_crates); do $(B)/cargo $(KO)/bin/kiln $$crate build --profile $(PROFILE) \
		$(if $(filter 1,$(V)),--verbose,--quiet) $(call app_collect,CARGO_FLAGS) || exit 1; done
$(UKALIBS-y): app-crates ;

$(app_obj)/%.c.o: $(A)/%.c $(prefix) $(ports)
	@mkdir -p $(@D)
	$(say) CC $(call short,$<)
	$(q)$(KO)/bin/kiln-cc -O2 -g -Wall $(call app_collect,CFLAGS) -MMD -MP -c -o $@ $<

$(app_obj)/%.S.o: $(A)/%.S $(prefix) $(ports)
	@mkdir -p $(@D)
	$(say) AS $(call short,$<)
	$(q)$(KO)/bin/kiln-cc $(call app_collect,CFLAGS) -MMD -MP -c -o $@ $<

$(app_obj)/%.cpp.o: $(A)/%.cpp $(prefix) $(ports)
	@mkdir -p $(@D)
	$(say) C++ $(call short,$<)
	$(q)$(KO)/bin/kiln-c++ -O2 -g -Wall $(call app_collect,CXXFLAGS) -MMD -MP -c -o $@ $<

# Several Rust libraries each carry a standard library of their own: docs/decisions/several-rust-libraries.md.
$(app_obj)/isolated: $(app_objects) $(UKALIBS-y) $(B)/isolate
	@mkdir -p $(@D)
	$(q)$(B)/isolate $(L)/lib $@ $(app_objects) -- $(UKALIBS-y)

app_linker := $(KO)/bin/$(if $(CONFIG_LIBCXX),kiln-c++,kiln-cc)
$(app_image): $(app_objects) $(app_obj)/isolated $(prefix) $(ports)
	$(say) LINK $(call short,$@)
	$(q)$(app_linker) -o $@ $(app_objects) $$(cat $(app_obj)/isolated)

$(app_image).stripped: $(app_image)
	$(q)strip -o $@ $<

app: $(app_image) $(app_image).stripped

run_command = $(KO)/bin/kiln run $(if $(PLAT),--platform $(PLAT)) $(RUN_FLAGS) $(app_image) $(if $(ARGS),-- $(ARGS))
app-run: app
	$(q)$(run_command)
app-debug: app
	$(q)$(KO)/bin/kiln run $(if $(PLAT),--platform $(PLAT)) $(RUN_FLAGS) --gdb $(app_image) $(if $(ARGS),-- $(ARGS))
app-size: app
	$(q)$(O)/bin/kiln size $(if $(SVG),--svg $(SVG)) $(app_image)
.PHONY: app app-crates app-run app-debug app-size

-include $(app_objects:.o=.d)
