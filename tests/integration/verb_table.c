/*
 * verb_table.c - the product's tables of routes, rights and members as one JSON document.
 *
 * A test tool of matrix.py: `verb_table` prints an array with one object for each verb. `routes`
 * is empty where no call of the API leads to it; `roles` holds "anyone" where nobody need be known.
 */
#include <stdio.h>

#include "api/routes.h"
#include "vault/access/verbs.h"

static const char *const kinds[] = {
    [MSG_TEXT] = "text",      [MSG_SECRET] = "secret",
    [MSG_U64] = "u64",        [MSG_BOOL] = "bool",
    [MSG_TEXTS] = "texts",    [MSG_ITEMS] = "items",
    [MSG_KIND_KEEP] = "keep", [MSG_KIND_QUALIFICATION] = "qualification",
};
static const char *const factors[] = {
    [FACTOR_NONE] = "none",
    [FACTOR_SESSION] = "session",
    [FACTOR_FRESH] = "fresh",
};

static void print_roles(const struct verb *row)
{
    const char *between = "";

    printf("\"roles\":[");
    if (row != NULL && (row->who & ROLE_ANYONE) != 0) {
        printf("\"anyone\"");
        between = ",";
    }
    for (unsigned role = ROLE_PARTNER; row != NULL && role <= ROLE_SRE; role <<= 1) {
        if ((row->who & role) == 0)
            continue;
        printf("%s\"%s\"", between, role_name(role));
        between = ",";
    }
    printf("]");
}

static void print_routes(unsigned verb)
{
    const char *between = "";

    printf("\"routes\":[");
    for (size_t i = 0; i < routes_count; i++) {
        if (routes[i].verb != verb)
            continue;
        printf("%s[\"%s\",\"%s\"]", between, routes[i].method, routes[i].path);
        between = ",";
    }
    printf("]");
}

static void print_fields(const struct msg_shape *shape)
{
    printf("\"fields\":[");
    for (size_t i = 0; i < shape->needs_count; i++) {
        const struct msg_need *need = &shape->needs[i];

        printf("%s{\"name\":\"%s\",\"kind\":\"%s\",\"must\":%s}", i == 0 ? "" : ",",
               msg_fields[need->tag].name, kinds[msg_fields[need->tag].kind],
               need->must ? "true" : "false");
    }
    printf("]");
}

int main(void)
{
    printf("[");
    for (unsigned verb = VERB_NONE + 1; verb < VERB_COUNT; verb++) {
        const struct msg_shape *shape = msg_shape(verb);
        const struct verb *row = verbs_find(verb);

        if (shape == NULL)
            return 1; /* a verb without a shape: every verb has one */
        printf("%s\n{\"verb\":\"%s\",", verb == VERB_NONE + 1 ? "" : ",", shape->verb_name);
        print_routes(verb);
        printf(",");
        print_roles(row);
        printf(",\"factor\":\"%s\",\"sealed_ok\":%s,", row == NULL ? "none" : factors[row->factor],
               row != NULL && row->sealed_ok ? "true" : "false");
        print_fields(shape);
        printf("}");
    }
    printf("\n]\n");
    return fflush(stdout) == 0 ? 0 : 1;
}
