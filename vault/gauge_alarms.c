/* The part of /metrics about alarms: how many, how fast they were told, what waits. */
#include "vault/gauge.h"

#include "vault/alarm_desk.h"

static void print_raised(struct alarms *a, struct prom *p)
{
    prom_family(p, "hufu_alarms_total", PROM_COUNTER, "Alarms raised, by rule and grade.");
    for (unsigned rule = ALARM_RULE_NONE + 1; rule < ALARM_RULE_COUNT; rule++) {
        prom_label(p, "rule", alarm_rule_name(rule));
        prom_label(p, "grade", alarm_grade_name(alarm_grade(rule)));
        prom_num(p, atomic_load(&a->raised[rule]));
    }
    prom_counter(p, "hufu_alarm_suspensions_total",
                 "People and partners that an alarm has suspended.", atomic_load(&a->suspended));
    prom_counter(p, "hufu_alarms_not_spooled_total",
                 "Alarms without a row, since too many wait for delivery and review.",
                 atomic_load(&a->not_spooled));
    prom_counter(p, "hufu_alarms_not_raised_total",
                 "Repeated attempts that no further alarm could tell apart on their day.",
                 atomic_load(&a->not_told));
    prom_counter(p, "hufu_alarm_delivery_failures_total", "Attempts of a delivery that failed.",
                 atomic_load(&a->failed));
}

/* Time to alarm: from the moment of the attempt to the sink's word. */
static void print_times(struct alarms *a, struct prom *p)
{
    uint8_t mem[24];
    uint64_t sum = 0;

    prom_family(p, "hufu_alarm_delivery_seconds", PROM_HISTOGRAM,
                "Time from an alarm to its delivery.");
    for (size_t i = 0; i < ALARM_TIMES; i++) {
        bool last = alarm_times_ms[i] == UINT64_MAX;
        struct buf le;

        buf_fixed(&le, mem, sizeof(mem));
        if (last)
            buf_str(&le, "+Inf");
        else
            prom_seconds(&le, alarm_times_ms[i] * 1000);
        buf_u8(&le, 0);
        sum += atomic_load(&a->took[i]);
        prom_suffix(p, "_bucket");
        prom_label(p, "le", (const char *)mem);
        prom_num(p, sum);
    }
    prom_suffix(p, "_sum");
    prom_us(p, atomic_load(&a->took_ms) * 1000);
    prom_suffix(p, "_count");
    prom_num(p, sum);
}

static void print_rows(struct core *core, struct prom *p)
{
    uint64_t undelivered = 0, unreviewed = 0;
    uint8_t mem[ALARM_ROW_MAX];
    struct alarm_row row;
    struct buf text;
    uint64_t seq;

    for (size_t i = 0;; i++) {
        buf_fixed(&text, mem, sizeof(mem));
        if (directory_kept_at(core->dir, TABLE_ALARM, i, NULL, &text, &seq) != HUFU_OK)
            break;
        if (alarm_row_get(buf_view(&text), &row) != HUFU_OK)
            continue;
        undelivered += row.delivered_ms == 0;
        unreviewed += row.reviewed_ms == 0;
    }
    prom_gauge(p, "hufu_alarms_undelivered", "Alarms that wait for their delivery.", undelivered);
    prom_gauge(p, "hufu_alarms_unreviewed", "Alarms that nobody has reviewed yet.", unreviewed);
}

void gauge_alarms(struct core *core, struct prom *p)
{
    print_raised(core->alarms, p);
    print_times(core->alarms, p);
    print_rows(core, p);
}
