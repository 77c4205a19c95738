/*
 * cli_dev.h - dev.json of a development instance: its url, CA, partners, people and log key.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 */
#ifndef HUFU_TOOLS_CLI_DEV_H
#define HUFU_TOOLS_CLI_DEV_H

#include <stdbool.h>

#include "vault/base/err.h"

struct cli_dev {
    const char *dir; /* borrowed */
    void *root;      /* the parsed file; NULL where none was opened */
};

/* Reads dir/dev.json. HUFU_IO (no such file), HUFU_SYNTAX (not such a file). */
HUFU_MUST_USE enum hufu_err cli_dev_open(const char *dir, struct cli_dev *out);
void cli_dev_close(struct cli_dev *dev); /* fine on an unopened one */

/* A string member of the file, or of its object `object` where that is not NULL; NULL if absent.
 * Borrowed until cli_dev_close. */
const char *cli_dev_text(const struct cli_dev *dev, const char *object, const char *member);
/* A string member of the partner called name; name NULL takes the first that has the domain (or,
 * with domain NULL, the first of all). NULL if absent. */
const char *cli_dev_partner(const struct cli_dev *dev, const char *name, const char *domain,
                            const char *member);
bool cli_dev_has_user(const struct cli_dev *dev, const char *name);

#endif
