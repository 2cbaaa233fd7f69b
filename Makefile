# Builds the seven steps, runs their tests. `make help` says how.

STEPS := step1-echo step2-multi step3-errors step4-pool step5-protocol \
         step6-async step7-robust
# Where the binaries go: beside their sources, unless told otherwise.
OUT ?= .
CFLAGS ?= -O2 -g
override CFLAGS += -pthread -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
                   -Wno-sign-conversion

PROGRAMS := $(foreach s,$(STEPS),$(OUT)/$s/server $(OUT)/$s/client)

all: $(PROGRAMS)

$(OUT)/%: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) $< -o $@ $(LDFLAGS)

# The tests' own programs.
TOOLS := build/tests/peer build/tests/pty

tools: $(TOOLS)

build/tests/%: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) $< -o $@ $(LDFLAGS)
