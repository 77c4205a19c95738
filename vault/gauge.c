/* GET /metrics: requests, journal, map, log, queues, process. */
#include "vault/gauge.h"

#include <sys/statvfs.h>

#include "vault/base/usage.h"

#define METRICS_MAX 524288

static void print_requests(struct core *core, struct prom *p)
{
    static const struct {
        enum core_limit limit;
        enum conf_id setting;
    } limits[] = {
        { LIMIT_GUESSES, CONF_GUESSES_DAY },
        { LIMIT_VALUES, CONF_VALUES_DAY },
        { LIMIT_LOOKUPS, CONF_LOOKUP_MISSES },
        { LIMIT_REVEALS_FACTOR, CONF_REVEALS_FACTOR },
        { LIMIT_REVEALS_DAY, CONF_REVEALS_DAY },
        { LIMIT_REVEALS_PURPOSE, CONF_REVEALS_PURPOSE },
        { LIMIT_REVEALS_MINUTE, CONF_REVEALS_MINUTE },
        { LIMIT_REVEAL_MISSES, CONF_REVEAL_MISSES },
        { LIMIT_REVEAL_SEQUENCE, CONF_REVEAL_SEQUENCE },
    };

    prom_family(p, "hufu_answers_total", PROM_COUNTER, "Successes by verb.");
    for (unsigned verb = 1; verb < VERB_COUNT; verb++) {
        prom_label(p, "verb", msg_shape(verb)->verb_name);
        prom_num(p, atomic_load(&core->served[verb]));
    }
    prom_family(p, "hufu_refusals_total", PROM_COUNTER, "Refusals by code.");
    for (unsigned e = 0; e < HUFU_ERR_COUNT; e++) {
        const char *code = err_code((enum hufu_err)e);

        if (e == HUFU_OK || code == NULL)
            continue;
        prom_label(p, "code", code);
        prom_num(p, atomic_load(&core->refused[e]));
    }
    prom_family(p, "hufu_limit_refusals_total", PROM_COUNTER,
                "Refusals with rate_limited, by the setting whose limit was reached.");
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        prom_label(p, "limit", conf_rows[limits[i].setting].key);
        prom_num(p, atomic_load(&core->limited[limits[i].limit]));
    }
    prom_gauge(p, "hufu_requests_in_work", "Requests that the core has not answered yet.",
               atomic_load(&core->in_work));
}

static void print_queues(struct core *core, const struct store_numbers *n, struct prom *p)
{
    const struct {
        const char *name;
        uint64_t length;
    } rows[] = {
        { "work", queue_count(&core->work) },
        { "passwords", queue_count(&core->passwords) },
        { "keys", queue_count(&core->keys) },
        { "journal", n->queued },
    };

    prom_family(p, "hufu_queue_length", PROM_GAUGE, "What waits in each queue.");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        prom_label(p, "queue", rows[i].name);
        prom_num(p, rows[i].length);
    }
}

static void print_journal(const struct store_numbers *n, struct prom *p)
{
    prom_counter(p, "hufu_journal_groups_total", "Commits, each of one group of operations.",
                 n->groups);
    prom_counter(p, "hufu_journal_operations_total", "Operations in those groups.", n->grouped_ops);
    prom_family(p, "hufu_journal_commit_seconds", PROM_SUMMARY, "Time that commits took.");
    prom_suffix(p, "_sum");
    prom_us(p, n->commit_us_sum);
    prom_suffix(p, "_count");
    prom_num(p, n->groups);
    prom_family(p, "hufu_journal_commit_max_seconds", PROM_GAUGE, "The longest of them.");
    prom_us(p, n->commit_us_max);
    prom_gauge(p, "hufu_journal_operations", "Operations there have ever been.", n->seq);
    prom_gauge(p, "hufu_journal_applied_operations", "Of those, in the map.", n->applied);
    prom_gauge(p, "hufu_journal_trimmed_operations", "Of those, without their rows in the journal.",
               n->trimmed);
    prom_gauge(p, "hufu_journal_file_bytes", "Size of the journal's file.", n->journal_file_bytes);
}

static void print_map(struct core *core, const struct store_numbers *n, struct prom *p)
{
    struct statvfs disk;

    prom_gauge(p, "hufu_recent_rows", "Rows in memory that are not in the map yet.",
               n->recent_rows);
    prom_gauge(p, "hufu_recent_bytes", "Memory of those rows.", n->recent_bytes);
    prom_gauge(p, "hufu_recent_limit_bytes", "How much that may become.",
               conf_u64(core->conf, CONF_RECENT_BYTES));
    prom_counter(p, "hufu_map_rows_flushed_total", "Rows written into the map.", n->flushed_rows);
    prom_counter(p, "hufu_map_slices_total", "Commits of the map.", n->slices);
    prom_gauge(p, "hufu_map_file_bytes", "Size of the map's file.", n->map_file_bytes);
    if (statvfs(conf_text(core->conf, CONF_DATA), &disk) == 0)
        prom_gauge(p, "hufu_disk_free_bytes", "Room on the disk of journal and map.",
                   (uint64_t)disk.f_bavail * disk.f_frsize);
}

static void print_log(struct core *core, const struct store_numbers *n, struct prom *p)
{
    uint64_t size, signed_ms, now = core_now(core);

    signer_numbers(core->signer, &size, &signed_ms);
    prom_gauge(p, "hufu_log_entries", "Entries of the log.", n->seq);
    prom_gauge(p, "hufu_log_signed_entries", "Of those, under the last signature.", size);
    prom_gauge(p, "hufu_log_signed_timestamp_seconds",
               "When that signature was made, in seconds since 1970.", signed_ms / 1000);
    prom_gauge(p, "hufu_log_signature_age_seconds",
               "Age of that signature; it grows where nothing happens.",
               signed_ms > now || signed_ms == 0 ? 0 : (now - signed_ms) / 1000);
    prom_family(p, "hufu_log_unsigned_seconds", PROM_GAUGE,
                "How long the log has been ahead of its signature; too long, and nothing is "
                "revealed.");
    prom_us(p, signer_unsigned_ms(core->signer) * 1000);
}

enum hufu_err handle_metrics(struct worker *w, struct request *req, struct msg_where *where)
{
    struct core *core = w->core;
    struct prom p = { .out = &req->body };
    struct store_numbers n;

    (void)where;
    if (request_body(req, METRICS_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    req->reply.flags = MSG_TEXT_PLAIN;
    store_numbers(core->store, &n);
    prom_gauge(&p, "hufu_open", "Whether the vault has its keys and serves.",
               atomic_load(&core->phase) == CORE_OPEN);
    print_requests(core, &p);
    print_queues(core, &n, &p);
    print_journal(&n, &p);
    print_map(core, &n, &p);
    print_log(core, &n, &p);
    gauge_people(core, &p);
    gauge_fill(core, &p);
    gauge_keys(core, &p);
    gauge_alarms(core, &p);
    usage_print(&p, "hufu_core", core->started_ms);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
