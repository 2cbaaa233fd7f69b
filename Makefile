# Builds the seven steps and runs their tests. `make help` says how.

STEPS := step1-echo step2-multi step3-errors step4-pool step5-protocol \
         step6-async step7-robust
# Where the binaries go: beside their sources, unless told otherwise; and those
# of the programs that the tests use.
OUT ?= .
TOOLS ?= build/tests
CFLAGS ?= -O2 -g
# What holds for every compiler and checker; `make print-cflags` tells them.
STD := gnu11
override CFLAGS += -std=$(STD) -pthread -Wall -Wextra -Wpedantic -Wshadow \
                   -Wconversion -Wno-sign-conversion

PROGRAMS := $(foreach s,$(STEPS),$(OUT)/$s/server $(OUT)/$s/client)
# channel.c is built by its test, with each client that has a channel.
PEERS := $(patsubst tests/peers/%.c,$(TOOLS)/%,$(filter-out %/faults.c \
         %/channel.c,$(wildcard tests/peers/*.c))) $(TOOLS)/faults.so
# Elsewhere than on Linux: all but the server of step 7, and the tests of steps
# 1 to 6.
SYSTEM := $(shell uname)
ifneq ($(SYSTEM),Linux)
PROGRAMS := $(filter-out $(OUT)/step7-robust/server,$(PROGRAMS))
PEERS := $(TOOLS)/peer $(TOOLS)/pty
endif
STEP_TARGETS := step1 step2 step3 step4 step5 step6 step7
DIFF_TARGETS := diff2 diff3 diff4 diff5 diff6 diff7

.PHONY: all help test demo lint sanitize fuzz soak bench chapters tools clean \
        print-cflags FORCE $(STEP_TARGETS) $(DIFF_TARGETS)

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
	@echo 'make step7.1 step7.2  builds step 7 as it is after a move, and says what'
	@echo '     ...              to try; make diff7.1 ... shows the move'
	@echo 'make demo             two clients of step 7 talk, to be watched'
	@echo 'make tools            builds what tests and chapters use: build/tests/'
	@echo 'make test             builds and runs all tests (needs bats)'
	@echo 'make bench            how fast it is, in 5 minutes; SECONDS=1 (of'
	@echo '                      each run) is quieter, ROUNDS=1 quicker;'
	@echo '                      MODE=grow shows how the cost grows, and'
	@echo '                      MODE=readme writes the figures of README.md'
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

# step7.3 is what stands between steps 6 and 7 after the third move.
step7.%: FORCE
	@tests/tools/moves unpack $*
	@$(MAKE) --no-print-directory -s $(OUT)/build/$@/server \
	    $(OUT)/build/$@/client
	@tests/tools/moves show $*
	@echo 'It is built in build/$@/. make diff7.$* shows what has changed.'

diff7.%: FORCE
	@tests/tools/steps-diff 7.$*

FORCE:

test:
	bats tests/

demo:
	@$(MAKE) --no-print-directory -s $(OUT)/step7-robust/server \
	    $(OUT)/step7-robust/client $(TOOLS)/pty $(TOOLS)/screen
	@tests/tools/demo

tools: $(PEERS)

$(TOOLS)/%: tests/peers/%.c $(wildcard tests/peers/*.h)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) $< -o $@ $(LDFLAGS)

$(TOOLS)/%.so: tests/peers/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -shared -fPIC $< -o $@ $(LDFLAGS)

# With CFLAGS= on the command line: only what holds for all.
print-cflags:
	@echo $(CFLAGS)

lint:
	@tests/tools/lint

sanitize:
	@tests/tools/sanitize

FUZZ_TIME ?= 60
fuzz:
	@FUZZ_TIME=$(FUZZ_TIME) tests/fuzz/run

soak:
	@tests/soak/run

# bash has a SECONDS of its own, so that the time goes by another name.
bench: all
	@OUT='$(OUT)' CC='$(CC)' ROUNDS='$(ROUNDS)' \
	    BENCH_SECONDS='$(SECONDS)' tests/bench/run $(MODE)

chapters:
	@tests/tools/chapters refresh

clean:
	rm -rf build $(foreach s,$(STEPS),$s/server $s/client)
