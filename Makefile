# Builds the seven steps and runs their tests. `make help` says how.

STEPS := step1-echo step2-multi step3-errors step4-pool step5-protocol \
         step6-async step7-robust
# Where the binaries go: beside their sources, unless told otherwise.
OUT ?= .
CFLAGS ?= -O2 -g
override CFLAGS += -pthread -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
                   -Wno-sign-conversion

PROGRAMS := $(foreach s,$(STEPS),$(OUT)/$s/server $(OUT)/$s/client)
# The tests' own programs.
TOOLS := $(patsubst tests/peers/%.c,build/tests/%,$(filter-out %/faults.c,\
         $(wildcard tests/peers/*.c)))
SHIM := build/tests/faults.so
# Elsewhere than on Linux: steps 1 to 6, and the tests of these.
ifneq ($(shell uname),Linux)
PROGRAMS := $(filter-out $(OUT)/step7-robust/%,$(PROGRAMS))
TOOLS := build/tests/peer build/tests/pty
SHIM :=
endif
STEP_TARGETS := step1 step2 step3 step4 step5 step6 step7
DIFF_TARGETS := diff2 diff3 diff4 diff5 diff6 diff7

.PHONY: all help test demo lint sanitize fuzz soak bench chapters tools clean \
        $(STEP_TARGETS) $(DIFF_TARGETS)

all: $(PROGRAMS)

$(OUT)/%/server: %/server.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) $< -o $@ $(LDFLAGS)

$(OUT)/%/client: %/client.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) $< -o $@ $(LDFLAGS)

help:
	@echo 'make                  builds all seven steps'
	@echo 'make step1 ... step7  builds one, and says how to run it'
	@echo 'make diff2 ... diff7  shows what a step changes'
	@echo 'make demo             three clients of step 7 talk, to be watched'
	@echo 'make tools            builds what tests and chapters use: build/tests/'
	@echo 'make test             builds and runs all tests (needs bats)'
	@echo 'make bench            how fast it is; ROUNDS=9 SECONDS=3 is'
	@echo '                      quieter, MODE=grow shows how the cost grows'
	@echo 'make soak             the tests that take minutes'
	@echo 'make sanitize         all tests with ASan and UBSan, then with TSan'
	@echo 'make fuzz             fuzzes step 7; FUZZ_TIME=60 (seconds)'
	@echo 'make lint             the static checks'
	@echo 'make chapters         refreshes what is generated in the texts'
	@echo 'make clean            removes all that was built'

# step3 builds $(filter step3-%,$(STEPS)), and so on.
$(STEP_TARGETS):
	@$(MAKE) --no-print-directory -s $(OUT)/$(filter $@-%,$(STEPS))/server \
	    $(OUT)/$(filter $@-%,$(STEPS))/client
	@echo 'Built. Now run, each in a terminal of its own:'
	@echo '    $(filter $@-%,$(STEPS))/server'
	@echo '    $(filter $@-%,$(STEPS))/client'
	@echo 'The chapter is $(filter $@-%,$(STEPS))/README.md.'

$(DIFF_TARGETS):
	@tests/tools/steps-diff $(subst diff,,$@)

test:
	bats tests/

demo: step7
	@tests/tools/demo

tools: $(TOOLS) $(SHIM)

build/tests/%: tests/peers/%.c tests/peers/common.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) $< -o $@ $(LDFLAGS)

build/tests/%.so: tests/peers/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -fPIC $< -o $@ -ldl

lint:
	tests/tools/lint

sanitize:
	tests/tools/sanitize

FUZZ_TIME ?= 60
fuzz:
	FUZZ_TIME=$(FUZZ_TIME) tests/fuzz/run

soak:
	bats tests/soak/

# bash has a SECONDS of its own, so that the time goes by another name.
ROUNDS ?= 5
SECONDS ?= 0.5
bench: all
	@OUT='$(OUT)' CC='$(CC)' ROUNDS='$(ROUNDS)' \
	    BENCH_SECONDS='$(SECONDS)' tests/bench/run $(MODE)

chapters:
	tests/tools/chapters refresh

clean:
	rm -rf build $(foreach s,$(STEPS),$s/server $s/client)
