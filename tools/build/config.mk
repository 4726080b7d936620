# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Where things are, for Makefile and main.mk alike. Sets, from O= and A=:
#   O   the build folder, laid out like an installation prefix
#   A   the application's folder, or nothing       AO  the application's build folder
# and KCONFIG_CONFIG, the .config in force: the application's own if it has one, else the tree's.
version := $(shell cat $(ROOT)/VERSION)
ifneq ($(A),)
override A := $(abspath $(A))
app_name := $(notdir $(A))
endif

ifneq ($(O),)
override O := $(abspath $(O))
AO := $(O)/apps/$(app_name)
tree_config := $(O)/.config
else
O := $(ROOT)/build
AO := $(A)/build
tree_config := $(ROOT)/.config
endif

ifneq ($(and $(A),$(or $(wildcard $(A)/.config),$(filter %config,$(MAKECMDGOALS)))),)
KCONFIG_CONFIG := $(A)/.config
else
KCONFIG_CONFIG := $(tree_config)
endif

PYTHON := /usr/bin/python3
# $(call kconfig_for,APPDIR,CONFIG): run a program of kconfiglib for the application and the .config.
kconfig_for = cd $(ROOT) && KILN_APP_DIR=$(or $1,$(ROOT)/apps/none) KCONFIG_CONFIG=$2 $(PYTHON)
kconfig = $(call kconfig_for,$(A),$(KCONFIG_CONFIG))
