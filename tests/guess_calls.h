/*
 * guess_calls.h - who guesses cards: the originals of one bucket, and batches of values.
 *
 * Layer:   tests. Includes tests/core_calls.h, tests/luhn.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_GUESS_CALLS_H
#define HUFU_TESTS_GUESS_CALLS_H

#include "tests/core_calls.h"
#include "tests/luhn.h"

#define GUESS_CARD 17 /* bytes of a card with its NUL */

/* The first count cards of the bucket with these first six and last four digits. There are 10^5. */
static inline void guess_cards(const char *six, const char *four, size_t count,
                               char (*out)[GUESS_CARD])
{
    size_t n = 0;

    for (unsigned middle = 0; n < count && middle < 1000000; middle++) {
        snprintf(out[n], GUESS_CARD, "%.6s%06u%.4s", six, middle % 1000000, four);
        n += luhn_holds(out[n]);
    }
    RIG_CHECK(n == count);
}

/* A card of the bucket with this number. */
static inline void guess_card_of(unsigned bucket, char out[static GUESS_CARD])
{
    for (unsigned check = 0; check < 10; check++) {
        snprintf(out, GUESS_CARD, "4%05u123450%03u%u", bucket / 1000 % 100000, bucket % 1000,
                 check);
        if (luhn_holds(out))
            return;
    }
}

/* These values as one request. */
static inline const struct rig_reply *guess_batch(struct core_rig *rig, const struct rig_who *who,
                                                  const char *domain,
                                                  const char (*value)[GUESS_CARD], size_t count)
{
    const struct rig_reply *r;
    struct buf b, list;

    buf_init(&b, 131072);
    buf_init(&list, 131072);
    for (size_t i = 0; i < count; i++) {
        uint8_t mem[64];
        struct buf item;

        buf_fixed(&item, mem, sizeof(mem));
        msg_put_text(&item, MSG_VALUE, view_str(value[i]));
        buf_lv32(&list, item.p, item.len);
    }
    msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    msg_put_text(&b, MSG_VALUES, buf_view(&list));
    RIG_CHECK(buf_check(&b) == HUFU_OK);
    r = rig_call(rig, VERB_TOKENIZE, who, buf_view(&b));
    buf_done(&list);
    buf_done(&b);
    return r;
}

#endif
