/*
 * keyscan.c - looks into another process's memory: for AES-256 keys in use, or for given bytes.
 *
 * A test tool of roles.py. `keyscan PID` prints, in hex, every AES-256 key whose expanded schedule
 * (FIPS 197 section 5.2, as the AES instructions keep it: 15 round keys in order) is in memory.
 * `keyscan PID HEX...` prints those of the given byte strings that are. Exit 2: not permitted.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK      (1 << 20)
#define SCHEDULE   240 /* bytes of 15 round keys */
#define KEYS_MAX   256
#define NEEDLE_MAX 64

static uint8_t sbox[256];
static uint8_t keys[KEYS_MAX][32];
static size_t keys_count;
static uint8_t needles[KEYS_MAX][NEEDLE_MAX];
static size_t needle_lens[KEYS_MAX];
static bool needle_seen[KEYS_MAX];
static size_t needles_count;

static uint8_t rotate(uint8_t x, int by)
{
    return (uint8_t)(x << by | x >> (8 - by));
}

/* FIPS 197 5.1.1: the multiplicative inverse, walked by a generator, then the affine map. */
static void sbox_fill(void)
{
    uint8_t p = 1;
    uint8_t q = 1;

    do {
        p = (uint8_t)(p ^ p << 1 ^ (p & 0x80 ? 0x1b : 0));
        q ^= (uint8_t)(q << 1);
        q ^= (uint8_t)(q << 2);
        q ^= (uint8_t)(q << 4);
        q ^= q & 0x80 ? 0x09 : 0;
        sbox[p] = (uint8_t)(q ^ rotate(q, 1) ^ rotate(q, 2) ^ rotate(q, 3) ^ rotate(q, 4) ^ 0x63);
    } while (p != 1);
    sbox[0] = 0x63;
}

/* True where word i of the schedule at s follows from the words before it. */
static bool word_follows(const uint8_t *s, unsigned i)
{
    const uint8_t *last = s + 4 * (i - 1);
    const uint8_t *old = s + 4 * (i - 8);
    const uint8_t *w = s + 4 * i;

    if (i % 8 == 0)
        return w[0] == (old[0] ^ sbox[last[1]] ^ (uint8_t)(1u << (i / 8 - 1))) &&
               w[1] == (old[1] ^ sbox[last[2]]) && w[2] == (old[2] ^ sbox[last[3]]) &&
               w[3] == (old[3] ^ sbox[last[0]]);
    if (i % 8 == 4)
        return w[0] == (old[0] ^ sbox[last[0]]) && w[1] == (old[1] ^ sbox[last[1]]) &&
               w[2] == (old[2] ^ sbox[last[2]]) && w[3] == (old[3] ^ sbox[last[3]]);
    return w[0] == (old[0] ^ last[0]) && w[1] == (old[1] ^ last[1]) && w[2] == (old[2] ^ last[2]) &&
           w[3] == (old[3] ^ last[3]);
}

static void key_note(const uint8_t *key)
{
    for (size_t i = 0; i < keys_count; i++)
        if (memcmp(keys[i], key, 32) == 0)
            return;
    if (keys_count < KEYS_MAX)
        memcpy(keys[keys_count++], key, 32);
}

static void schedules_find(const uint8_t *p, size_t len)
{
    for (size_t at = 0; at + SCHEDULE <= len; at += 4) {
        unsigned i = 8;

        while (i < 60 && word_follows(p + at, i))
            i++;
        if (i == 60)
            key_note(p + at);
    }
}

static void needles_find(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < needles_count; i++)
        if (!needle_seen[i] && memmem(p, len, needles[i], needle_lens[i]))
            needle_seen[i] = true;
}

/* Reads one mapping in chunks that overlap by a schedule; unreadable pages are passed over. */
static void range_scan(int mem, uint64_t from, uint64_t to)
{
    static uint8_t chunk[CHUNK + SCHEDULE];

    for (uint64_t at = from; at < to; at += CHUNK) {
        size_t want = to - at < sizeof(chunk) ? (size_t)(to - at) : sizeof(chunk);
        ssize_t got = pread(mem, chunk, want, (off_t)at);

        if (got <= 0)
            continue;
        if (needles_count > 0)
            needles_find(chunk, (size_t)got);
        else
            schedules_find(chunk, (size_t)got);
    }
}

static bool needle_add(const char *hex)
{
    size_t len = strlen(hex) / 2;

    if (len == 0 || len > NEEDLE_MAX || needles_count == KEYS_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned byte;

        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        needles[needles_count][i] = (uint8_t)byte;
    }
    needle_lens[needles_count++] = len;
    return true;
}

static int scan(const char *pid)
{
    char path[64];
    char line[512];
    uint64_t from;
    uint64_t to;
    char mode[8];
    FILE *maps;
    int mem;

    snprintf(path, sizeof(path), "/proc/%s/maps", pid);
    maps = fopen(path, "re");
    snprintf(path, sizeof(path), "/proc/%s/mem", pid);
    mem = open(path, O_RDONLY | O_CLOEXEC);
    if (!maps || mem < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return errno == EACCES || errno == EPERM ? 2 : 1;
    }
    /* Only writable private memory: a key is never in program text or in the database's pages. */
    while (fgets(line, sizeof(line), maps))
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, mode) == 3 && mode[0] == 'r' &&
            mode[1] == 'w')
            range_scan(mem, from, to);
    fclose(maps);
    close(mem);
    return 0;
}

static void hex_print(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        printf("%02x", p[i]);
    printf("\n");
}

int main(int argc, char **argv)
{
    int status;

    if (argc < 2)
        return 1;
    for (int i = 2; i < argc; i++)
        if (!needle_add(argv[i]))
            return 1;
    sbox_fill();
    status = scan(argv[1]);
    for (size_t i = 0; i < keys_count; i++)
        hex_print(keys[i], 32);
    for (size_t i = 0; i < needles_count; i++)
        if (needle_seen[i])
            hex_print(needles[i], needle_lens[i]);
    return status;
}
