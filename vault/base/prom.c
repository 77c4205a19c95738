#include "vault/base/prom.h"

#define US_PER_S 1000000u

static const char *const kind_names[] = {
    [PROM_COUNTER] = "counter",
    [PROM_GAUGE] = "gauge",
    [PROM_SUMMARY] = "summary",
    [PROM_HISTOGRAM] = "histogram",
};

void prom_family(struct prom *p, const char *name, enum prom_kind kind, const char *help)
{
    p->family = name;
    p->begun = false;
    p->labelled = false;
    buf_str(p->out, "# HELP ");
    buf_str(p->out, name);
    buf_str(p->out, " ");
    buf_str(p->out, help);
    buf_str(p->out, "\n# TYPE ");
    buf_str(p->out, name);
    buf_str(p->out, " ");
    buf_str(p->out, kind_names[kind]);
    buf_str(p->out, "\n");
}

void prom_suffix(struct prom *p, const char *suffix)
{
    buf_str(p->out, p->family);
    buf_str(p->out, suffix);
    p->begun = true;
}

static void begin(struct prom *p)
{
    if (!p->begun)
        prom_suffix(p, "");
}

static void open_label(struct prom *p, const char *name)
{
    begin(p);
    buf_str(p->out, p->labelled ? "," : "{");
    buf_str(p->out, name);
    buf_str(p->out, "=\"");
    p->labelled = true;
}

void prom_label(struct prom *p, const char *name, const char *value)
{
    open_label(p, name);
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"')
            buf_u8(p->out, '\\');
        if (*value == '\n')
            buf_str(p->out, "\\n");
        else
            buf_u8(p->out, (uint8_t)*value);
    }
    buf_u8(p->out, '"');
}

void prom_label_num(struct prom *p, const char *name, uint64_t value)
{
    open_label(p, name);
    buf_dec(p->out, value);
    buf_u8(p->out, '"');
}

static void end_name(struct prom *p)
{
    begin(p);
    buf_str(p->out, p->labelled ? "} " : " ");
    p->begun = false;
    p->labelled = false;
}

void prom_num(struct prom *p, uint64_t value)
{
    end_name(p);
    buf_dec(p->out, value);
    buf_u8(p->out, '\n');
}

void prom_us(struct prom *p, uint64_t us)
{
    end_name(p);
    prom_seconds(p->out, us);
    buf_u8(p->out, '\n');
}

void prom_counter(struct prom *p, const char *name, const char *help, uint64_t value)
{
    prom_family(p, name, PROM_COUNTER, help);
    prom_num(p, value);
}

void prom_gauge(struct prom *p, const char *name, const char *help, uint64_t value)
{
    prom_family(p, name, PROM_GAUGE, help);
    prom_num(p, value);
}

void prom_seconds(struct buf *out, uint64_t us)
{
    uint64_t part = us % US_PER_S;
    uint8_t digits[6];
    size_t len = sizeof(digits);

    buf_dec(out, us / US_PER_S);
    if (part == 0)
        return;
    for (size_t i = sizeof(digits); i > 0; i--, part /= 10)
        digits[i - 1] = (uint8_t)('0' + part % 10);
    while (digits[len - 1] == '0')
        len--;
    buf_u8(out, '.');
    buf_put(out, digits, len);
}
