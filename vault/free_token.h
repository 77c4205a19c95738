/*
 * free_token.h - a token that no value has yet, also where hardly any is left.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker of the job.
 *
 * Drawn at random; where that keeps meeting tokens that are taken, the bucket's candidates are gone
 * through, each once for all requests together (remnant.h). The last token of a bucket is found.
 *
 * One request looks at FREE_TOKEN_STEPS candidates at most. A bucket of more than that, of whose
 * last tokens each is farther from the next, is told to be exhausted while tokens are left; the
 * request that asks again goes on from there.
 */
#ifndef HUFU_FREE_TOKEN_H
#define HUFU_FREE_TOKEN_H

#include "vault/mapping.h"

#define FREE_TOKEN_STEPS (1U << 21)

/* Fills it->token, token_len, token_key and token_seen (absent). HUFU_EXHAUSTED; HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err free_token_find(struct tokenize_job *job, struct mapping *it);

#endif
