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
say := @printf '  %-8s %s\n'
endif
short = $(patsubst $(ROOT)/%,%,$1)

# --- configuration --------------------------------------------------------------------------------
$(KO)/auto.conf: $(KCONFIG_CONFIG) $(ROOT)/Kconfig $(wildcard $(A)/Config.uk)
	@mkdir -p $(@D)
	$(q)$(kconfig) -m genconfig --header-path $(KO)/config.h --config-out $@.new Kconfig
	@mv $@.new $@

$(KCONFIG_CONFIG):
	$(say) CONFIG "$(call short,$@) (defaults; make menuconfig changes them)"
	@mkdir -p $(@D)
	$(q)$(kconfig) -m defconfig --kconfig Kconfig configs/defconfig >/dev/null

include $(KO)/auto.conf

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
