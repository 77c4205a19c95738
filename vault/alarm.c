#include "vault/alarm.h"

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

bool alarm_suspends(unsigned rule)
{
    return rule < ALARM_RULE_COUNT && rules[rule].suspends;
}

enum alarm_grade alarm_grade(unsigned rule)
{
    return rule > ALARM_RULE_NONE && rule < ALARM_RULE_COUNT ? rules[rule].grade : ALARM_LOW;
}

void alarm_note_about(struct request *req, enum alarm_rule rule, const struct user *about)
{
    if (rule == ALARM_RULE_NONE)
        return;
    for (size_t i = 0; i < req->alarm_count; i++)
        if (req->alarm[i].rule == rule && req->alarm[i].about == about)
            return;
    if (req->alarm_count < REQUEST_ALARMS_MAX)
        req->alarm[req->alarm_count++] = (struct noted_alarm){ (uint8_t)rule, false, about };
}

void alarm_note(struct request *req, enum alarm_rule rule)
{
    alarm_note_about(req, rule, NULL);
}

bool alarm_has(const struct request *req, enum alarm_rule rule)
{
    for (size_t i = 0; i < req->alarm_count; i++)
        if (req->alarm[i].rule == rule)
            return true;
    return false;
}
