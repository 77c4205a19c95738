#include "vault/alarm.h"

#include <string.h>

#include "vault/base/conf.h"

#define NAME(id, name, grade, suspends) [ALARM_RULE_##id] = { name, ALARM_##grade, suspends },
static const struct {
    const char *name;
    enum alarm_grade grade;
    bool suspends;
} rules[ALARM_RULE_COUNT] = { ALARM_RULES(NAME) };
#undef NAME

const char *alarm_rule_name(unsigned rule)
{
    return rule > ALARM_RULE_NONE && rule < ALARM_RULE_COUNT ? rules[rule].name : "?";
}

const char *alarm_grade_name(unsigned grade)
{
    static const char *const names[] = { "?", "low", "middle", "high" };

    return grade < sizeof(names) / sizeof(names[0]) ? names[grade] : "?";
}

/* A limit that is not here raises nothing. */
static const uint8_t of_limit[LIMIT_COUNT] = {
    [LIMIT_GUESSES] = ALARM_RULE_GUESSES,
    [LIMIT_VALUES] = ALARM_RULE_VALUES,
    [LIMIT_LOOKUPS] = ALARM_RULE_LOOKUPS,
    [LIMIT_REVEALS_FACTOR] = ALARM_RULE_REVEALS_FACTOR,
    [LIMIT_REVEALS_DAY] = ALARM_RULE_REVEALS_DAY,
    [LIMIT_REVEALS_PURPOSE] = ALARM_RULE_REVEALS_PURPOSE,
    [LIMIT_REVEALS_MINUTE] = ALARM_RULE_VELOCITY,
    [LIMIT_REVEAL_MISSES] = ALARM_RULE_MISSES,
    [LIMIT_REVEAL_SEQUENCE] = ALARM_RULE_SEQUENCE,
};

enum alarm_rule alarm_of_limit(enum core_limit limit)
{
    return limit < LIMIT_COUNT ? (enum alarm_rule)of_limit[limit] : ALARM_RULE_NONE;
}

const char *alarm_setting(unsigned rule)
{
    static const uint8_t of_rule[ALARM_RULE_COUNT] = {
        [ALARM_RULE_REVEALS_FACTOR] = CONF_REVEALS_FACTOR,
        [ALARM_RULE_REVEALS_DAY] = CONF_REVEALS_DAY,
        [ALARM_RULE_REVEALS_PURPOSE] = CONF_REVEALS_PURPOSE,
        [ALARM_RULE_VELOCITY] = CONF_REVEALS_MINUTE,
        [ALARM_RULE_MISSES] = CONF_REVEAL_MISSES,
        [ALARM_RULE_SEQUENCE] = CONF_REVEAL_SEQUENCE,
        [ALARM_RULE_GUESSES] = CONF_GUESSES_DAY,
        [ALARM_RULE_VALUES] = CONF_VALUES_DAY,
        [ALARM_RULE_LOOKUPS] = CONF_LOOKUP_MISSES,
    };

    _Static_assert(CONF_COUNT <= UINT8_MAX && CONF_DATA == 0, "0 stands for none");
    return rule < ALARM_RULE_COUNT && of_rule[rule] != 0 ? conf_rows[of_rule[rule]].key : NULL;
}

bool alarm_suspends(unsigned rule)
{
    return rule < ALARM_RULE_COUNT && rules[rule].suspends;
}

enum alarm_grade alarm_grade(unsigned rule)
{
    return rule > ALARM_RULE_NONE && rule < ALARM_RULE_COUNT ? rules[rule].grade : ALARM_LOW;
}

static void note(struct request *req, enum alarm_rule rule, const struct user *about,
                 struct view why)
{
    struct noted_alarm *n;

    if (rule == ALARM_RULE_NONE)
        return;
    for (size_t i = 0; i < req->alarm_count; i++)
        if (req->alarm[i].rule == rule && req->alarm[i].about == about)
            return;
    if (req->alarm_count == REQUEST_ALARMS_MAX)
        return;
    n = &req->alarm[req->alarm_count++];
    *n = (struct noted_alarm){ .rule = (uint8_t)rule, .about = about };
    if (why.len > 0)
        memcpy(n->why, why.p, why.len < REQUEST_WHY_MAX ? why.len : REQUEST_WHY_MAX);
}

void alarm_note_about(struct request *req, enum alarm_rule rule, const struct user *about)
{
    note(req, rule, about, view_of(NULL, 0));
}

void alarm_note(struct request *req, enum alarm_rule rule)
{
    alarm_note_about(req, rule, NULL);
}

void alarm_note_why(struct request *req, enum alarm_rule rule, struct view why)
{
    note(req, rule, NULL, why);
}

bool alarm_has(const struct request *req, enum alarm_rule rule)
{
    for (size_t i = 0; i < req->alarm_count; i++)
        if (req->alarm[i].rule == rule)
            return true;
    return false;
}
