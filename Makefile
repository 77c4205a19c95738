# Hufu. `make help` lists the targets. Style and layers: tests/lint.sh.
MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq ($(origin CC),default)
CC := gcc
endif
comma := ,
clang := $(filter clang%,$(notdir $(CC)))
B     := build$(if $(SAN),-san)$(if $(clang),-clang)
T     ?= 60
N     ?= 100000
ROUNDS ?= 10000
CARDS ?= 1000000
PORT  ?= 8443
DIR   ?= run
PREFIX ?= /usr/local

WARN  := -Wall -Wextra -Wformat=2 -Wconversion -Wimplicit-fallthrough -Wstrict-prototypes -Wmissing-prototypes \
         -Wshadow -Wvla -Wundef -Werror $(if $(clang),,-Wtrampolines -Wbidi-chars=any)
HARD  := -O2 -g -fstack-clash-protection -fstack-protector-strong -fcf-protection=full -fno-delete-null-pointer-checks \
         -fno-strict-overflow -fno-strict-aliasing -fexceptions $(if $(clang),,-ftrivial-auto-var-init=zero)
SANF  := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
CFLAGS  = -std=c11 -D_GNU_SOURCE -I. -I$B -I/usr/include/p11-kit-1 -pthread -fPIE $(WARN) $(HARD) $(SANF)
LDFLAGS = -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(SANF)
LDLIBS  = -lmicrohttpd -lgnutls -ljansson -linih -llmdb -lp11 -largon2 -lfido2 -lcurl-gnutls -lqrencode -lssl -lcrypto -ldl

ROOMS   := $(patsubst %.c,$B/%.o,$(shell find vault hsm api -name '*.c'))
DAEMON  := $(patsubst %,$B/tools/%.o,supervise supervise_role instance sink sink_command sink_webhook)
CLIENT  := $(patsubst %.c,$B/%.o,$(filter-out tools/hufu.c,$(wildcard tools/cli_*.c tools/cmd_*.c tools/verify_*.c)))
LIB     := $B/libhufu.a
TESTS   := $(patsubst %.c,$B/%,$(wildcard tests/unit/test_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
AIDS    := $(patsubst %.c,$B/%,$(wildcard tests/bench/bench_*.c tests/integration/*.c tests/ff1_*.c)) $B/tests/shim_p11.so $B/tests/shim_disk.so $B/tests/shim_malloc.so

all: $B/hufud $B/hufu ## build hufud and hufu (SAN=1: with ASan and UBSan; CC=clang)
check: ## install what is missing, build, run every test but the long ones
	@tools/deps.sh check
	@$(MAKE) all tests-built
	@tests/check.sh $B
tests-built: $(TESTS) $(AIDS)
demo: ## the whole main job on a development instance, told step by step
	@tools/deps.sh demo
	@$(MAKE) all
	@HUFUD=$B/hufud HUFU=$B/hufu tools/demo.sh
run: ## serve a development instance in the foreground (PORT= DIR= SET='key=value …')
	@tools/deps.sh demo
	@$(MAKE) all
	@HUFUD=$B/hufud exec tools/run.sh $(DIR) $(PORT) $(SET)
stop: ## end the instance in DIR
	@tools/stop.sh $(DIR)
bench: ## speed at STORED=1000000 mappings beside the floor programs; ends with 1 past a target
	@tools/deps.sh check
	@$(MAKE) all $B/tests/bench/bench_load $B/tests/bench/bench_pages
	@HUFU_BUILD=$B STORED=$(STORED) tests/bench/run.sh
bench-growth: ## speed, disk, start-up and memory while a store grows to N=10000000
	@tools/deps.sh check
	@$(MAKE) all $B/tests/bench/bench_load $B/tests/bench/bench_pages
	@HUFU_BUILD=$B FLOOR=none N=$(N) tests/bench/run.sh growth
bench-sustained: ## batches for MINUTES=10 at N=10000000, in turns with journal_flush
	@tools/deps.sh check
	@$(MAKE) all $B/tests/bench/bench_load $B/tests/bench/bench_pages
	@HUFU_BUILD=$B MINUTES=$(MINUTES) N=$(N) tests/bench/run.sh sustained
bench-rotate: ## what a running rotation of a data key costs who tokenizes
	@tools/deps.sh check
	@$(MAKE) all tests-built
	@HUFU_BUILD=$B FLOOR=none tests/bench/run.sh rotate
bench-beside: ## p99 at half load beside flush, signing, rotation, expiry (SECONDS=10 STORED=1000000)
	@tools/deps.sh check
	@$(MAKE) all $B/tests/bench/bench_load $B/tests/bench/bench_pages
	@HUFU_BUILD=$B FLOOR=none BENCH_SECONDS=$(SECONDS) STORED=$(STORED) tests/bench/run.sh beside
bench-mixed: ## longest stall in MINUTES=10 of mixed load, beside a floor server (STORED=1000000)
	@tools/deps.sh check
	@$(MAKE) all $B/tests/bench/bench_load $B/tests/bench/bench_pages
	@HUFU_BUILD=$B MINUTES=$(MINUTES) STORED=$(STORED) tests/bench/run.sh mixed
bench-peers: ## the same work on PostgreSQL and on Redis (SECONDS=10 STORED=1000000 SUSTAINED=0 WRITE=)
	@tools/deps.sh check
	@tests/bench/peers_deps.sh
	@$(MAKE) all $B/tests/bench/bench_load $B/tests/bench/bench_pages
	@HUFU_BUILD=$B FLOOR=none BENCH_SECONDS=$(SECONDS) STORED=$(STORED) tests/bench/run.sh peers
bench-hop: ## what the hop between front and core costs at 64 connections; ends with 1 at 15 %
	@tools/deps.sh check
	@$(MAKE) all $B/tests/bench/bench_hop
	@HUFU_BUILD=$B python3 tests/bench/hop.py $B/tests/bench
bench-format: ## FF1 beside the AES it is made of; drawing and judging a card; ends with 1 past a bound
	@tools/deps.sh check
	@$(MAKE) $B/tests/bench/bench_format
	@$B/tests/bench/bench_format
bench-crypto: ## index key, draw, record and seal of a token, single and in batches; ends with 1 past a bound
	@tools/deps.sh check
	@$(MAKE) $B/tests/bench/bench_crypto
	@$B/tests/bench/bench_crypto
alike: ## can a clock tell unknown tokens from dead ones (N=100000 pairs); an early return it must
	@tools/deps.sh check
	@$(MAKE) all $B/tests/bench/bench_alike $B/tests/bench/alike_early
	@echo 'the core as it is:' && $B/tests/bench/bench_alike $(N)
	@echo 'a core that returns early:'; $B/tests/bench/alike_early $(N); [ $$? -eq 3 ]
fuzz: ## run every fuzz target for T seconds each (T=60)
	@tools/deps.sh check
	@tests/fuzz/run.sh $(T)
soak: ## kills under load for T seconds (T=60), all three processes; then the same amid rotations
	@tools/deps.sh check
	@$(MAKE) all tests-built
	@HUFU_BUILD=$B HUFU_KILLS=100000 HUFU_SECONDS=$(T) python3 tests/integration/kill.py
	@HUFU_BUILD=$B HUFU_ROTATE_KILLS=100000 HUFU_SECONDS=$(T) python3 tests/integration/kill_rotate.py
race: ## what may succeed once only, by 32 connections at once (ROUNDS=10000)
	@tools/deps.sh check
	@$(MAKE) all tests-built
	@HUFU_BUILD=$B HUFU_ROUNDS=$(ROUNDS) HUFU_ONLY=once python3 tests/integration/race.py
bulk: ## an honest load that no limit on guesses may stop (CARDS=1000000 different ones)
	@tools/deps.sh check
	@$(MAKE) all
	@HUFU_BUILD=$B HUFU_CARDS=$(CARDS) HUFU_ONLY=honest python3 tests/integration/guess.py
browser: ## FIDO2 keys in Debian's Chromium, which it installs: enrol, log in, step up, refusals
	@tools/deps.sh check browser
	@$(MAKE) all
	@HUFU_BUILD=$B HUFU_REQUIRE_BROWSER=1 python3 tests/integration/browser_fido.py
lint: ## layers, banned calls, sizes, formatting, cppcheck, shellcheck
	@tools/deps.sh check
	@tests/lint.sh
format: ## clang-format every source
	@clang-format -i $$(git ls-files '*.c' '*.h')
install: all ## into DESTDIR and PREFIX; ends by checking the installed example configuration
	@tools/install.sh '$(DESTDIR)' '$(PREFIX)' $B
deb: ## a Debian package of it in the build folder
	@tools/deps.sh check
	@$(MAKE) all
	@tools/deb.sh $B
clean: ## remove what was built
	@rm -rf build build-san build-clang build-san-clang
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s%s\n", $$1, $$2}' Makefile

$(LIB): $(ROOMS) $(DAEMON) $(CLIENT) ; @rm -f $@ && ar rcs $@ $^
$B/hufud: $B/tools/hufud.o $(LIB) ; @$(CC) $(LDFLAGS) -Wl,-z,nodlopen -o $@ $^ $(LDLIBS)
$B/hufu: $B/tools/hufu.o $(LIB) ; @$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$B/tests/shim_%.so: tests/shim_%.c ; @mkdir -p $(@D) && $(CC) $(filter-out -fPIE,$(CFLAGS)) -fPIC -shared -o $@ $< -ldl
$B/tests/unit/test_hsm%: $B/tests/unit/test_hsm%.o $(LIB) $B/tests/shim_p11.so ; @$(CC) $(LDFLAGS) -o $@ $(filter-out %.so,$^) $(LDLIBS) -lcmocka
$B/tests/unit/%: $B/tests/unit/%.o $(LIB) ; @$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka -loath
$B/tests/unit/test_ff1_limits: LDFLAGS += -Wl,--wrap=EVP_EncryptUpdate -Wl,--wrap=malloc -Wl,--wrap=calloc
$B/tests/unit/test_crypt: LDFLAGS += -Wl,--wrap=gcm_new -Wl,--wrap=hmac_new
$B/tests/unit/test_gcm: LDFLAGS += -Wl,--wrap=ghash_blocks
$B/tests/unit/test_hmac: LDFLAGS += -Wl,--wrap=sha256_cpu_run_two
$B/tests/unit/test_generation: LDFLAGS += -Wl,--wrap=malloc -Wl,--wrap=mmap
$B/tests/bench/bench_load $B/tests/bench/bench_hop: $(patsubst %.c,$B/%.o,$(wildcard tests/bench/load_*.c))
$B/tests/bench/alike_early: $B/tests/bench/bench_alike.o
$B/tests/bench/alike_early: LDFLAGS += -Wl,--wrap=decoy_open
$B/tests/bench/alike_early $B/tests/bench/bench_alike: LDLIBS += -lm
$B/tests/%: $B/tests/%.o $(LIB) ; @$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LDLIBS)
$B/%.o: %.c ; @mkdir -p $(@D) && echo "  CC $<" && $(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
$B/api/spec.o: $B/openapi.inc
$B/openapi.inc: api/openapi.json ; @mkdir -p $B && od -An -v -tx1 $< | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g' >$@
-include $(shell find $B -name '*.d' 2>/dev/null)
.PHONY: all browser check tests-built demo run stop bench bench-beside bench-crypto bench-format bench-growth bench-hop bench-mixed bench-peers bench-rotate bench-sustained alike fuzz soak race bulk lint format install deb clean help
.SECONDARY:
