/* hufu format: judges a file of formats, and tries a value, before either comes near a server. */
#include "tools/cmd.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include "tools/cli_print.h"
#include "tools/cli_show.h"
#include "vault/base/secret.h"
#include "vault/base/text.h"
#include "vault/format/format_set.h"

#define FILE_DEFAULT "/etc/hufu/formats.conf"
#define KEEP_MAX     64

static const char *const viewers[FORMAT_VIEWERS] = { "operator", "approver", "auditor", "partner" };

/* Reads the file; tells line and reason where it is refused. */
static enum cli_exit load(const char *path, struct format_set **out)
{
    char why[FORMAT_ERR_MAX] = "";
    enum hufu_err err = format_set_load(path, out, why, sizeof(why));

    if (err == HUFU_OK)
        return CLI_OK;
    if (err == HUFU_IO)
        return cli_fail(CLI_USAGE, "the file of formats cannot be read; check its path and mode");
    (void)fprintf(stderr, "hufu: refused, %s; hufu-formats(5) explains the language\n", why);
    return CLI_INVALID;
}

static json_t *number(uint64_t n)
{
    return n > INT64_MAX ? json_string("more than 2^63") : json_integer((json_int_t)n);
}

/* The kind whose buckets have the fewest tokens, at that keep. */
static struct format_capacity fewest(const struct format *fmt, struct format_keep keep)
{
    struct format_capacity least = { 0, 0, UINT64_MAX };

    for (size_t i = 0; i < format_kind_count(fmt); i++) {
        struct format_capacity c;

        format_capacity(fmt, keep, i, &c);
        if (i == 0 || c.tokens < least.tokens)
            least = c;
    }
    return least;
}

/* The most that may stay at each end, and the fewest tokens of any keep there is. */
static void keep_limits(const struct format *fmt, struct format_keep *most_out,
                        uint64_t *tokens_out)
{
    *most_out = (struct format_keep){ 0, 0 };
    *tokens_out = UINT64_MAX;
    for (uint8_t prefix = 0; prefix <= KEEP_MAX; prefix++) {
        struct format_keep keep = { prefix, 0 };

        if (format_keep_check(fmt, keep) != HUFU_OK)
            continue;
        most_out->prefix = prefix;
        for (uint8_t n = 1; n <= KEEP_MAX; n++)
            if (format_keep_check(fmt, (struct format_keep){ prefix, n }) == HUFU_OK)
                keep.suffix = n;
        if (keep.suffix > most_out->suffix)
            most_out->suffix = keep.suffix;
        if (fewest(fmt, keep).tokens < *tokens_out)
            *tokens_out = fewest(fmt, keep).tokens;
    }
}

static void put_keep(json_t *object, struct format_keep keep)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%u,%u", keep.prefix, keep.suffix);
    (void)json_object_set_new(object, "keep", json_string(text));
}

static json_t *describe(const struct format *fmt)
{
    json_t *object = json_object();
    struct format_keep most;
    uint64_t tokens;
    char text[32];

    keep_limits(fmt, &most, &tokens);
    (void)json_object_set_new(object, "format", json_string(format_name(fmt)));
    (void)json_object_set_new(object, "class",
                              json_string(format_class(fmt) == FORMAT_C1 ? "C1" : "C2"));
    (void)snprintf(text, sizeof(text), "%zu-%zu", format_len_min(fmt), format_len_max(fmt));
    (void)json_object_set_new(object, "length", json_string(text));
    (void)json_object_set_new(object, "check", json_boolean(format_has_check(fmt)));
    (void)json_object_set_new(object, "marked", json_boolean(format_is_marked(fmt)));
    (void)json_object_set_new(object, "keep_prefix_max", json_integer(most.prefix));
    (void)json_object_set_new(object, "keep_suffix_max", json_integer(most.suffix));
    (void)json_object_set_new(object, "tokens",
                              number(fewest(fmt, (struct format_keep){ 0, 0 }).tokens));
    (void)json_object_set_new(object, "tokens_keep_most", number(tokens));
    return object;
}

enum cli_exit cmd_format_check(struct cli *cli)
{
    struct format_set *set = NULL;
    enum cli_exit code = load(cli->arg, &set);
    json_t *items = json_array();

    for (size_t i = 0; code == CLI_OK && i < format_set_count(set); i++)
        (void)json_array_append_new(items, describe(format_set_at(set, i)));
    if (code == CLI_OK && cli_wants_json(cli))
        for (size_t i = 0; i < json_array_size(items); i++)
            cli_print_line(json_array_get(items, i));
    else if (code == CLI_OK)
        cli_show_table(items, "format,class,length,check,marked,keep_prefix_max,keep_suffix_max,"
                              "tokens,tokens_keep_most");
    json_decref(items);
    format_set_free(set);
    return code;
}

/* "6,4"; nothing kept where it is not given. */
static enum cli_exit read_keep(const struct cli *cli, const struct format *fmt,
                               struct format_keep *out)
{
    const char *text = cli_option(cli, "keep");
    const char *comma = text != NULL ? strchr(text, ',') : NULL;
    uint64_t prefix = 0, suffix = 0;

    if (text != NULL &&
        (comma == NULL ||
         text_u64(view_of(text, (size_t)(comma - text)), 0, KEEP_MAX, &prefix) != HUFU_OK ||
         text_u64(view_str(comma + 1), 0, KEEP_MAX, &suffix) != HUFU_OK))
        return cli_fail(CLI_USAGE, "--keep got something else than two numbers; give "
                                   "prefix,suffix: 6,4");
    *out = (struct format_keep){ (uint8_t)prefix, (uint8_t)suffix };
    if (format_keep_check(fmt, *out) != HUFU_OK)
        return cli_fail(CLI_INVALID, "the format lets fewer characters stay; `hufu format check` "
                                     "shows how many");
    return CLI_OK;
}

/* What each viewer sees, how much room there is, and a token such as the vault would draw. */
static enum cli_exit put_original(json_t *object, const struct format *fmt, struct format_keep keep,
                                  struct view value)
{
    uint8_t mem[FORMAT_VALUE_MAX];
    json_t *masks = json_object();
    struct format_capacity c;
    struct draw draw;
    enum hufu_err err;
    size_t len;

    for (unsigned i = 0; i < FORMAT_VIEWERS; i++) {
        struct buf mask;

        buf_fixed(&mask, mem, sizeof(mem));
        format_mask_for(fmt, (enum format_viewer)i, value, &mask);
        (void)json_object_set_new(masks, viewers[i], json_stringn((const char *)mask.p, mask.len));
        buf_done(&mask);
    }
    (void)json_object_set_new(object, "masks", masks);
    format_capacity(fmt, keep, format_kind(fmt, value), &c);
    (void)json_object_set_new(object, "bucket_originals", number(c.originals));
    (void)json_object_set_new(object, "bucket_tokens", number(c.tokens));
    draw_init(&draw, &entropy_system);
    err = format_draw_any(fmt, keep, value, &draw, mem, &len);
    draw_done(&draw);
    if (err != HUFU_OK)
        return cli_fail(CLI_FAILED, "no token could be drawn; keep fewer characters");
    (void)json_object_set_new(object, "example_token", json_stringn((const char *)mem, len));
    return CLI_OK;
}

/* Judges the value; it is never part of what is printed but for masks and kept characters. */
static enum cli_exit try_value(const struct cli *cli, const struct format *fmt,
                               struct format_keep keep, struct view in)
{
    static const char *const words[] = { "original", "token", "neither" };
    uint8_t value[FORMAT_VALUE_MAX];
    const char *verdict = "refused";
    json_t *object = json_object();
    enum cli_exit code;
    size_t len = 0;

    (void)json_object_set_new(object, "format", json_string(format_name(fmt)));
    (void)json_object_set_new(object, "marked", json_boolean(format_is_marked(fmt)));
    put_keep(object, keep);
    if (format_canon(fmt, in, value, &len) == HUFU_OK)
        verdict = words[format_judge(fmt, keep, view_of(value, len))];
    (void)json_object_set_new(object, "verdict", json_string(verdict));
    if (strcmp(verdict, "original") == 0) {
        (void)json_object_set_new(object, "length", json_integer((json_int_t)len));
        code = put_original(object, fmt, keep, view_of(value, len));
    } else {
        code = cli_fail(CLI_INVALID, "the value is no original of the format: check its length, "
                                     "characters and check digit");
    }
    if (cli_wants_json(cli))
        cli_print_line(object);
    else
        cli_show_object(object);
    json_decref(object);
    wipe(value, sizeof(value));
    return code;
}

enum cli_exit cmd_format_test(struct cli *cli)
{
    const char *path = cli_option(cli, "file");
    const struct format *fmt = NULL;
    struct format_set *set = NULL;
    struct format_keep keep = { 0, 0 };
    struct buf line;
    enum cli_exit code = load(path != NULL ? path : FILE_DEFAULT, &set);

    buf_init(&line, CLI_TTY_LINE_MAX);
    if (code == CLI_OK && format_set_find(set, view_str(cli->arg), &fmt) != HUFU_OK)
        code = cli_fail(CLI_NOT_FOUND, "the file has no format of that name; `hufu format check` "
                                       "lists them");
    if (code == CLI_OK)
        code = read_keep(cli, fmt, &keep);
    if (code == CLI_OK && cli_tty_ask(&cli->in, "value: ", &line) != HUFU_OK)
        code = cli_fail(CLI_USAGE, "no value came in; give one line on standard input");
    if (code == CLI_OK)
        code = try_value(cli, fmt, keep, buf_view(&line));
    buf_done(&line);
    format_set_free(set);
    return code;
}
