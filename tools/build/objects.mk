# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Compile a list of sources into a static library; used by the build scripts of ports/ that need no more than that.
#   SRC  the folder of the sources        SOURCES  the sources, relative to it     LIB    the archive to make
#   CC CXX CFLAGS CXXFLAGS                the compilers and their flags
objects := $(addsuffix .o,$(SOURCES))

$(LIB): $(objects)
	@rm -f $@
	ar rcD $@ $^

$(filter %.c.o,$(objects)): %.o: $(SRC)/%
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(filter %.S.o,$(objects)): %.o: $(SRC)/%
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(filter %.cpp.o,$(objects)): %.o: $(SRC)/%
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -c -o $@ $<
