# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Where things are, for Makefile and main.mk alike. Sets, from O= and A=:
#   O   the build folder, laid out like an installation prefix
#   A   the application's folder, or nothing       AO  the application's build folder
#   KO  where the kernel is built: an application with a .config of its own has its own kernel
# and KCONFIG_CONFIG, the .config in force.
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
KO := $(AO)
else
KCONFIG_CONFIG := $(tree_config)
KO := $(O)
endif
export KCONFIG_CONFIG

PYTHON := /usr/bin/python3
KILN_APP_DIR := $(or $(A),$(ROOT)/apps/none)
kconfig = cd $(ROOT) && KILN_APP_DIR=$(KILN_APP_DIR) KCONFIG_CONFIG=$(KCONFIG_CONFIG) $(PYTHON)
