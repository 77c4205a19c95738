/*
 * load_tally.c - counting answers by how long they took.
 */
#include "tests/bench/load.h"

#include <inttypes.h>

/* 64 steps per octave: 1.6 % wide at worst. */
static unsigned hist_slot(uint64_t us)
{
    unsigned octave;

    if (us < 128)
        return (unsigned)us;
    octave = 63u - (unsigned)__builtin_clzll(us);
    octave = ((octave - 6) << 6) + (unsigned)((us >> (octave - 6)) & 63) + 64;
    return octave < LOAD_HIST_LEN ? octave : LOAD_HIST_LEN - 1;
}

static uint64_t hist_value(unsigned slot)
{
    unsigned octave = ((slot - 64) >> 6) + 6;

    if (slot < 128)
        return slot;
    return ((uint64_t)1 << octave) + ((uint64_t)((slot - 64) & 63) << (octave - 6));
}

uint64_t load_tally_quantile(const struct load_tally *t, unsigned per_mille)
{
    uint64_t left = (t->answers + t->unfinished) * per_mille / 1000;
    unsigned slot = 0;

    while (slot + 1 < LOAD_HIST_LEN && t->hist[slot] <= left) {
        left -= t->hist[slot];
        slot++;
    }
    return hist_value(slot);
}

static void latency_note(struct load_tally *t, uint64_t us)
{
    t->hist[hist_slot(us)]++;
    if (us > t->max_us)
        t->max_us = us;
}

void load_tally_add(struct load_tally *t, uint64_t us)
{
    latency_note(t, us);
    t->answers++;
}

void load_tally_unfinished(struct load_tally *t, uint64_t us)
{
    latency_note(t, us);
    t->unfinished++;
}

void load_tally_write(const struct load_tally *t, const char *path)
{
    FILE *out = fopen(path, "we");

    if (!out)
        load_die(path);
    for (unsigned i = 0; i < LOAD_HIST_LEN; i++)
        if (t->hist[i] > 0)
            fprintf(out, "%" PRIu64 " %" PRIu64 "\n", hist_value(i), t->hist[i]);
    if (fclose(out) != 0)
        load_die(path);
}

void load_tally_join(struct load_tally *t, const struct load_tally *other)
{
    for (unsigned i = 0; i < LOAD_HIST_LEN; i++)
        t->hist[i] += other->hist[i];
    t->answers += other->answers;
    t->refused += other->refused;
    t->broken += other->broken;
    t->unfinished += other->unfinished;
    if (other->max_us > t->max_us)
        t->max_us = other->max_us;
}
