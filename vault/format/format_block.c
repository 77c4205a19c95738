#include <string.h>

#include "vault/format/format_build.h"

static enum hufu_err fail(struct format_build *b, const char *why)
{
    return format_fault_at(b->fault, b->line, why);
}

/* N or N-M */
static enum hufu_err scan_count(struct format_build *b, struct format_scan *s,
                                struct format_part *part)
{
    static const char why[] = "a count is N or N-M, 64 at most: digits(N), digits(N-M)";
    unsigned low, high;

    if (!format_scan_number(s, FORMAT_PLACES_MAX, &low))
        return fail(b, why);
    high = low;
    if (format_scan_is(s, '-') && !format_scan_number(s, FORMAT_PLACES_MAX, &high))
        return fail(b, why);
    if (low == 0 || high < low)
        return fail(b, "a count N-M needs 1 <= N <= M");
    part->kind = FORMAT_CHARS;
    part->len_min = (uint8_t)low;
    part->len_max = (uint8_t)high;
    return HUFU_OK;
}

/* digits(6) or digits(12-18) */
static enum hufu_err scan_digits(struct format_build *b, struct format_scan *s,
                                 struct format_part *part)
{
    part->takes = FORMAT_IS_DIGIT;
    return scan_count(b, s, part);
}

static enum hufu_err scan_letters(struct format_build *b, struct format_scan *s,
                                  struct format_part *part)
{
    part->takes = FORMAT_IS_LETTER;
    return scan_count(b, s, part);
}

static enum hufu_err scan_alnum(struct format_build *b, struct format_scan *s,
                                struct format_part *part)
{
    part->takes = FORMAT_IS_ALNUM;
    return scan_count(b, s, part);
}

/* chars(NAME, 6) or chars(NAME, 6-8) */
static enum hufu_err scan_chars(struct format_build *b, struct format_scan *s,
                                struct format_part *part)
{
    enum hufu_err err = format_alphabet_fetch(b, format_scan_word(s), &part->takes);

    if (err != HUFU_OK)
        return err;
    if (!format_scan_is(s, ','))
        return fail(b, "characters are chars(ALPHABET, N)");
    return scan_count(b, s, part);
}

/* text(AB12): characters that always stand there. */
static enum hufu_err scan_text(struct format_build *b, struct format_scan *s,
                               struct format_part *part)
{
    struct view text = format_scan_symbols(s);

    if (text.len == 0 || text.len > FORMAT_LITERAL_MAX)
        return fail(b, "fixed characters are digits and capital letters, 16 at most: text(AB12)");
    part->kind = FORMAT_LITERAL;
    part->len_min = part->len_max = (uint8_t)text.len;
    memcpy(part->literal, text.p, text.len);
    for (size_t i = 0; i < text.len; i++)
        part->takes |= format_char_bits[text.p[i]] & FORMAT_IS_ALNUM;
    return HUFU_OK;
}

static bool is_in_pool(const struct format *fmt, struct view name)
{
    for (size_t i = 0; i < fmt->pool_count; i++)
        if (view_is(name, fmt->pool[i].name))
            return true;
    return false;
}

/* set(NAME): fetches [set NAME] into the pool. */
static enum hufu_err scan_set(struct format_build *b, struct format_scan *s,
                              struct format_part *part)
{
    struct view name = format_scan_word(s);
    const struct format_section *section = format_build_find(b, "set", name);
    const struct format_entry *e;
    struct format_values *values;
    struct format_scan list;
    enum hufu_err err;
    unsigned line = b->line;

    if (section == NULL)
        return fail(b, "there is no [set] of that name");
    if (is_in_pool(b->fmt, name))
        return fail(b, "a set may be used once in a layout");
    e = &b->file->entries[section->first];
    b->line = section->line;
    if (section->count != 1 || !view_is(e->key, "values"))
        return fail(b, "a set has the one key values");
    values = format_build_values(b);
    if (values == NULL)
        return fail(b, "too many sets");
    b->line = e->line;
    memcpy(values->name, name.p, name.len);
    list = format_scan_of(e->value);
    err = format_values_scan(b, &list, NULL, values);
    if (err != HUFU_OK)
        return err;
    if (!format_scan_end(&list))
        return fail(b, "values are numbers and ranges: 11-15, 21-23");
    b->line = line;
    part->kind = FORMAT_SET;
    part->len_min = part->len_max = values->width;
    part->takes = values->takes;
    part->values = (uint8_t)(b->fmt->pool_count - 1);
    return HUFU_OK;
}

static const struct {
    const char *name;
    uint8_t len;
} orders[] = { { "yyyymmdd", 8 }, { "ddmmyyyy", 8 }, { "yymmdd", 6 } };

/* date(yyyymmdd, 1900-2099) */
static enum hufu_err scan_date(struct format_build *b, struct format_scan *s,
                               struct format_part *part)
{
    struct view word = format_scan_word(s);
    size_t order = 0;
    unsigned low, high;

    while (order < 3 && !view_is(word, orders[order].name))
        order++;
    if (order == 3 || !format_scan_is(s, ',') || !format_scan_number(s, 9999, &low) ||
        !format_scan_is(s, '-') || !format_scan_number(s, 9999, &high) || low < 1 || high < low)
        return fail(b, "a date is date(yyyymmdd, YEAR-YEAR), or ddmmyyyy, or yymmdd");
    if (order == FORMAT_YYMMDD && high - low > 99)
        return fail(b, "two digits of a year tell a hundred years apart, no more");
    part->kind = FORMAT_DATE;
    part->order = (enum format_date_order)order;
    part->len_min = part->len_max = orders[order].len;
    part->takes = FORMAT_IS_DIGIT;
    part->year_min = (uint16_t)low;
    part->year_max = (uint16_t)high;
    return HUFU_OK;
}

/* weighted, 10, 3-7-1: the modulus, then the weights from the left. */
static enum hufu_err scan_weights(struct format_build *b, struct format_scan *s)
{
    struct check_weights *w = &b->fmt->weights;
    unsigned n;

    if (!format_scan_is(s, ',') || !format_scan_number(s, 11, &n) || n < 10 ||
        !format_scan_is(s, ','))
        return fail(b, "weights are check(weighted, 10, 3-7-1), or 11 where ten is written X");
    w->modulus = (uint8_t)n;
    do {
        if (w->count == CHECK_WEIGHTS_MAX)
            return fail(b, "there are 32 weights at most");
        if (!format_scan_number(s, 99, &n) || n % w->modulus == 0)
            return fail(b, "a weight is 1 to 99, and no multiple of the modulus");
        w->weight[w->count++] = (uint8_t)n;
    } while (format_scan_is(s, '-'));
    return HUFU_OK;
}

static const struct {
    const char *name;
    enum check_rule rule;
    uint8_t takes; /* of the check character */
} rules[] = {
    { "luhn", CHECK_LUHN, FORMAT_IS_DIGIT },
    { "mod11-2", CHECK_MOD11_2, FORMAT_IS_DIGIT | FORMAT_IS_X },
    { "mod97", CHECK_MOD97, FORMAT_IS_DIGIT },
    { "mod31", CHECK_MOD31, FORMAT_IS_MOD31 },
    { "verhoeff", CHECK_VERHOEFF, FORMAT_IS_DIGIT },
    { "weighted", CHECK_WEIGHTED, FORMAT_IS_DIGIT },
};
#define RULES_COUNT (sizeof(rules) / sizeof(rules[0]))

static enum hufu_err scan_check(struct format_build *b, struct format_scan *s,
                                struct format_part *part)
{
    struct view rule = format_scan_word(s);
    size_t i = 0;
    enum hufu_err err = HUFU_OK;

    if (b->fmt->rule != CHECK_NONE)
        return fail(b, "a layout has one check at most");
    while (i < RULES_COUNT && !view_is(rule, rules[i].name))
        i++;
    if (i == RULES_COUNT)
        return fail(b, "check rules are luhn, mod11-2, mod97, mod31, verhoeff and weighted");
    b->fmt->rule = rules[i].rule;
    b->fmt->check_part = b->fmt->parts_count;
    part->kind = FORMAT_CHECK;
    part->len_min = part->len_max = rules[i].rule == CHECK_MOD97 ? 2 : 1;
    part->takes = rules[i].takes;
    if (rules[i].rule == CHECK_WEIGHTED)
        err = scan_weights(b, s);
    if (b->fmt->weights.modulus == 11)
        part->takes |= FORMAT_IS_X;
    return err;
}

/* country(NAME): the section is read when its shapes are made. */
static enum hufu_err scan_country(struct format_build *b, struct format_scan *s,
                                  struct format_part *part)
{
    struct view name = format_scan_word(s);

    if (format_build_find(b, "countries", name) == NULL)
        return fail(b, "there is no [countries] of that name");
    if (b->fmt->countries[0] != '\0')
        return fail(b, "a layout has one country at most");
    memcpy(b->fmt->countries, name.p, name.len);
    part->kind = FORMAT_COUNTRY;
    part->len_min = part->len_max = 2;
    return HUFU_OK;
}

static const struct {
    const char *name;
    enum hufu_err (*scan)(struct format_build *b, struct format_scan *s, struct format_part *part);
} blocks[] = {
    { "digits", scan_digits }, { "letters", scan_letters }, { "alnum", scan_alnum },
    { "chars", scan_chars },   { "text", scan_text },       { "set", scan_set },
    { "date", scan_date },     { "check", scan_check },     { "country", scan_country },
};

enum hufu_err format_block_scan(struct format_build *b, struct format_scan *s,
                                struct format_part *part)
{
    struct view name = format_scan_word(s);
    enum hufu_err err;

    if (view_is(name, "bban")) {
        part->kind = FORMAT_BBAN;
        return HUFU_OK;
    }
    if (view_is(name, "email")) {
        part->kind = FORMAT_EMAIL;
        return HUFU_OK;
    }
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (!view_is(name, blocks[i].name))
            continue;
        if (!format_scan_is(s, '('))
            return fail(b, "a building block needs its parentheses");
        err = blocks[i].scan(b, s, part);
        if (err == HUFU_OK && !format_scan_is(s, ')'))
            return fail(b, "a closing parenthesis is missing");
        return err;
    }
    return fail(b, "building blocks are digits letters alnum chars text set date check country "
                   "bban email");
}

static void print_count(const struct format_part *p, struct buf *out)
{
    buf_dec(out, p->len_min);
    if (p->len_max == p->len_min)
        return;
    buf_u8(out, '-');
    buf_dec(out, p->len_max);
}

static void print_chars(const struct format *fmt, const struct format_part *p, struct buf *out)
{
    switch (p->takes) {
    case FORMAT_IS_DIGIT:
        buf_str(out, "digits(");
        break;
    case FORMAT_IS_LETTER:
        buf_str(out, "letters(");
        break;
    case FORMAT_IS_ALNUM:
        buf_str(out, "alnum(");
        break;
    default:
        for (size_t i = 0; i < fmt->alphabets_count; i++) {
            if (p->takes != FORMAT_IS_OWN << i)
                continue;
            buf_str(out, "chars(");
            buf_str(out, fmt->alphabets[i].name);
            buf_str(out, ", ");
        }
        break;
    }
    print_count(p, out);
}

static void print_check(const struct format *fmt, struct buf *out)
{
    size_t i = 0;

    while (rules[i].rule != fmt->rule)
        i++;
    buf_str(out, "check(");
    buf_str(out, rules[i].name);
    if (fmt->rule != CHECK_WEIGHTED)
        return;
    buf_str(out, ", ");
    buf_dec(out, fmt->weights.modulus);
    for (i = 0; i < fmt->weights.count; i++) {
        buf_str(out, i == 0 ? ", " : "-");
        buf_dec(out, fmt->weights.weight[i]);
    }
}

void format_block_print(const struct format *fmt, const struct format_part *p, struct buf *out)
{
    switch (p->kind) {
    case FORMAT_CHARS:
        print_chars(fmt, p, out);
        break;
    case FORMAT_LITERAL:
        buf_str(out, "text(");
        buf_str(out, p->literal);
        break;
    case FORMAT_SET:
        buf_str(out, "set(");
        buf_str(out, fmt->pool[p->values].name);
        break;
    case FORMAT_DATE:
        buf_str(out, "date(");
        buf_str(out, orders[p->order].name);
        buf_str(out, ", ");
        buf_dec(out, p->year_min);
        buf_u8(out, '-');
        buf_dec(out, p->year_max);
        break;
    case FORMAT_CHECK:
        print_check(fmt, out);
        break;
    case FORMAT_COUNTRY:
        buf_str(out, "country(");
        buf_str(out, fmt->countries);
        break;
    case FORMAT_BBAN:
        buf_str(out, "bban");
        return;
    case FORMAT_EMAIL:
        buf_str(out, "email");
        return;
    }
    buf_u8(out, ')');
}
