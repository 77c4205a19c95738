#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/metrics.h"
#include "api/routes.h"
#include "api/spec.h"

static struct route_match match;
static char allow[ROUTES_ALLOW_MAX];

static enum hufu_err find(const char *method, const char *path)
{
    allow[0] = '\0';
    return routes_find(view_str(method), view_str(path), &match, allow);
}

static void test_routes_find_rows(void **state)
{
    static const struct {
        const char *method, *path;
        enum hufu_err err;
        unsigned verb;
        const char *param; /* or the Allow header, with HUFU_METHOD */
    } rows[] = {
        { "POST", "/v1/tokenize", HUFU_OK, VERB_TOKENIZE, "" },
        { "POST", "/v1/detokenize", HUFU_OK, VERB_DETOKENIZE, "" },
        { "GET", "/v1/keys", HUFU_OK, VERB_KEY_LIST, "" },
        { "HEAD", "/v1/keys", HUFU_OK, VERB_KEY_LIST, "" },
        { "DELETE", "/v1/sessions/current", HUFU_OK, VERB_LOGOUT, "" },
        { "GET", "/v1/grants/abc", HUFU_OK, VERB_GRANT_SHOW, "abc" },
        { "POST", "/v1/grants/abc/deny", HUFU_OK, VERB_GRANT_DENY, "abc" },
        { "POST", "/v1/ceremonies/0-9/approve", HUFU_OK, VERB_CEREMONY_APPROVE, "0-9" },
        { "POST", "/v1/partners/acme/certs", HUFU_OK, VERB_PARTNER_CERT_ADD, "acme" },
        { "POST", "/v1/users/a/unfreeze", HUFU_OK, VERB_USER_UNFREEZE, "a" },
        { "GET", "/v1/tokenize", HUFU_METHOD, 0, "POST" },
        { "PUT", "/v1/grants", HUFU_METHOD, 0, "POST, GET, HEAD" },
        { "POST", "/v1/grants/abc", HUFU_METHOD, 0, "GET, HEAD" },
        { "TRACE", "/livez", HUFU_METHOD, 0, "GET, HEAD" },
        { "GET", "/v1/users/a/freeze", HUFU_METHOD, 0, "POST" },
        { "GET", "/", HUFU_NOT_FOUND, 0, "" },
        { "GET", "/v1/key", HUFU_NOT_FOUND, 0, "" },
        { "GET", "/v1/keys/", HUFU_NOT_FOUND, 0, "" },
        { "GET", "/v1//keys", HUFU_NOT_FOUND, 0, "" },
        { "GET", "/V1/keys", HUFU_NOT_FOUND, 0, "" },
        { "GET", "/v1/grants/", HUFU_NOT_FOUND, 0, "" },
        { "GET", "/v1/grants/a/b", HUFU_NOT_FOUND, 0, "" },
        { "POST", "/v1/grants//deny", HUFU_NOT_FOUND, 0, "" },
        { "POST", "/v1/grants/a/denyx", HUFU_NOT_FOUND, 0, "" },
        { "POST", "/v1/grants/a/approve/", HUFU_NOT_FOUND, 0, "" },
        { "GET", "/v1/../v1/keys", HUFU_NOT_FOUND, 0, "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum hufu_err err = find(rows[i].method, rows[i].path);

        if (err != rows[i].err)
            fail_msg("%s %s: %s", rows[i].method, rows[i].path, err_name(err));
        if (err == HUFU_OK) {
            assert_int_equal(match.route->verb, rows[i].verb);
            assert_true(view_is(match.param, rows[i].param));
        } else {
            assert_string_equal(allow, rows[i].param);
        }
    }
}

static void test_routes_find_failure_leaves_out_alone(void **state)
{
    (void)state;
    assert_int_equal(find("GET", "/livez"), HUFU_OK);
    assert_int_equal(find("GET", "/none"), HUFU_NOT_FOUND);
    assert_string_equal(match.route->path, "/livez");
}

/* What must hold in every row. */
static void test_routes_table(void **state)
{
    char path[128];

    (void)state;
    assert_true(VERB_COUNT + 2 == METRICS_VERBS); /* every verb of a route is counted */
    for (size_t i = 0; i < routes_count; i++) {
        const struct route *r = &routes[i];
        const char *hole = strchr(r->path, '{');

        assert_true(r->kind != ROUTE_VERB || msg_shape(r->verb) != NULL);
        assert_true((strcmp(r->method, "POST") == 0) == (r->body_max_bytes != 0));
        assert_true(r->body_max_bytes <= 1048576);
        if (hole == NULL)
            snprintf(path, sizeof(path), "%s", r->path);
        else
            snprintf(path, sizeof(path), "%.*sx1%s", (int)(hole - r->path), r->path,
                     strchr(hole, '}') + 1);
        assert_int_equal(find(r->method, path), HUFU_OK);
        assert_ptr_equal(match.route, r); /* no row hides another */
        assert_int_equal(match.tag, hole == NULL                    ? MSG_NONE
                                    : strncmp(hole, "{id}", 4) == 0 ? MSG_ID
                                                                    : MSG_NAME);
    }
}

/* Every verb that callers have is behind exactly one route. */
static void test_routes_reach_every_verb(void **state)
{
    (void)state;
    for (unsigned verb = 1; verb < VERB_COUNT; verb++) {
        unsigned times = 0;

        if (msg_shape(verb) == NULL || verb == VERB_PEER_CHECK)
            continue;
        for (size_t i = 0; i < routes_count; i++)
            times += routes[i].verb == verb;
        if (times != 1)
            fail_msg("%s: %u", msg_shape(verb)->verb_name, times);
    }
}

/* The OpenAPI document names every route and no other. */
static void test_routes_are_what_openapi_says(void **state)
{
    json_error_t error;
    json_t *doc = json_loadb((const char *)spec_json().p, spec_json().len, 0, &error);
    json_t *paths = json_object_get(doc, "paths"), *methods, *operation;
    const char *path, *method;
    size_t operations = 0;
    char upper[16];

    (void)state;
    assert_non_null(paths);
    json_object_foreach(paths, path, methods)
    {
        json_object_foreach(methods, method, operation)
        {
            size_t found = 0;

            operations++;
            for (size_t i = 0; i < sizeof(upper); i++)
                upper[i] =
                    (char)toupper((unsigned char)method[i < strlen(method) ? i : strlen(method)]);
            for (size_t i = 0; i < routes_count; i++)
                found += strcmp(routes[i].path, path) == 0 && strcmp(routes[i].method, upper) == 0;
            if (found != 1)
                fail_msg("%s %s", method, path);
        }
    }
    assert_int_equal(operations, routes_count);
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_find_rows),
        cmocka_unit_test(test_routes_find_failure_leaves_out_alone),
        cmocka_unit_test(test_routes_table),
        cmocka_unit_test(test_routes_reach_every_verb),
        cmocka_unit_test(test_routes_are_what_openapi_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
