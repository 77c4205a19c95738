/*
 * domain_read.h - what somebody asks of a new domain, judged.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker of the request.
 */
#ifndef HUFU_DOMAIN_READ_H
#define HUFU_DOMAIN_READ_H

#include "vault/request.h"

/*
 * Fills a zeroed domain from the members of domain-add, all but id, state, times and key versions.
 *
 * out:     owns its format, also on failure: domain_clear.
 * Returns: HUFU_OK; BAD_REQUEST, VALUE_IN_TEXT, UNSUPPORTED_MODE, CONFLICT (the name is taken) with
 *          *where; UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err domain_read(struct worker *w, struct request *req, struct domain *out,
                                        struct msg_where *where);

#endif
