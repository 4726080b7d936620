# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What is built from what. Called by the Makefile once the tools are there.
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:

ROOT := $(patsubst %/tools/build/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
include $(ROOT)/tools/build/config.mk

ifeq ($(origin CC),default)
CC := gcc
endif
HOSTCC ?= gcc
PREFIX ?= /usr/local
L := $(O)/lib/kiln
B := $(ROOT)/tools/build

ifeq ($(V),1)
q :=
say := @:
else
q := @
say := @>&2 printf '  %-8s %s\n'
endif
short = $(patsubst $(ROOT)/%,%,$1)

# --- configuration --------------------------------------------------------------------------------
$(O)/auto.conf: $(tree_config) $(ROOT)/Kconfig
	@mkdir -p $(@D)
	$(q)$(call kconfig_for,,$<) -m genconfig --header-path $(@D)/config.h --config-out $@.new Kconfig
	@mv $@.new $@

$(tree_config):
	$(say) CONFIG "$(call short,$@) (defaults; make menuconfig changes them)"
	@mkdir -p $(@D)
	$(q)$(call kconfig_for,,$@) -m defconfig --kconfig Kconfig configs/defconfig >/dev/null

# config.h keeps its time where nothing in it changes.
%/config.h: %/auto.conf
	@:

ifeq ($(A),)
include $(O)/auto.conf
KO := $(O)
else
# The kernel is built in KO. An application gets one of its own, below its build folder, only if its configuration
# asks for another kernel than the tree's does.
$(AO)/auto.conf: $(KCONFIG_CONFIG) $(ROOT)/Kconfig $(wildcard $(A)/Config.uk) $(O)/auto.conf
	@mkdir -p $(@D)
	$(q)$(kconfig) -m genconfig --header-path $(@D)/config.h --config-out $@.new Kconfig
	@mv $@.new $@

include $(AO)/auto.conf
kernel_options = $(shell sed '/^\#/d; /^$$/d; /^CONFIG_APP/d; /^CONFIG_LIBCXX/d' $1 2>/dev/null)
KO := $(if $(strip $(filter-out $(call kernel_options,$(O)/auto.conf),$(call kernel_options,$(AO)/auto.conf)) \
	$(filter-out $(call kernel_options,$(AO)/auto.conf),$(call kernel_options,$(O)/auto.conf))),$(AO),$(O))
endif

# Scripts that build ports and Rust's library: one at a time, each with all CPUs.
script := O=$(O) CC=$(CC) V=$(V) MAKEFLAGS= MFLAGS= MAKELEVEL=

include $(B)/kernel.mk
include $(B)/ports.mk
include $(B)/tool.mk
ifneq ($(A),)
include $(B)/app.mk
endif

all: kiln kernel ports rust
.PHONY: all
