/*
 * report_rights.h - how many people and partners an access review has nothing to say about, now.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  controls C45, C52.
 */
#ifndef HUFU_REPORT_RIGHTS_H
#define HUFU_REPORT_RIGHTS_H

#include "vault/base/json.h"
#include "vault/state.h"

#define REPORT_RIGHTS_BYTES 4096 /* printed */

/* {"partners":{"compliant","findings":{…},"total"},"people":{…}}: without those who have left; the
 * name is the caller's. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err report_rights_print(struct core *core, struct json *j);

#endif
