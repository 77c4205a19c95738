/*
 * bench_pages.c - what LMDB environments take on disk: pages in use, and of each database its rows,
 * its pages and the mean length of keys and values.
 *
 * bench_pages [-e] FOLDER ...; -e leaves out the means. It only reads. Prints a line of name=value
 * for each environment and one for each database; a mean is that of the rows whose keys begin with
 * one byte, and of at most SAMPLE_MAX of them, so that the largest files are not read whole.
 */
#include <lmdb.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_MAX 20000000
#define NAME_LEN   64
#define FREE_DBI   0 /* its values are lists of free pages: a count, then their numbers */
#define MAIN_DBI   1

static void must(int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "bench_pages: %s: %s\n", what, mdb_strerror(rc));
    exit(1);
}

static uint64_t free_pages(MDB_txn *txn)
{
    MDB_val key, value;
    MDB_cursor *at;
    uint64_t sum = 0;
    size_t count;

    must(mdb_cursor_open(txn, FREE_DBI, &at), "free pages");
    while (mdb_cursor_get(at, &key, &value, MDB_NEXT) == 0) {
        memcpy(&count, value.mv_data, sizeof(count));
        sum += count;
    }
    mdb_cursor_close(at);
    return sum;
}

/* Rows whose keys begin with the byte that the cursor stands on. */
static void means_print(MDB_cursor *at, MDB_val *key, MDB_val *value)
{
    uint8_t first = *(const uint8_t *)key->mv_data;
    uint64_t keys = 0, values = 0, count = 0;

    do {
        keys += key->mv_size;
        values += value->mv_size;
        count++;
    } while (count < SAMPLE_MAX && mdb_cursor_get(at, key, value, MDB_NEXT) == 0 &&
             *(const uint8_t *)key->mv_data == first);
    printf(" mean%u=%.1f", first, (double)(keys + values) / (double)count);
}

static void database_print(MDB_txn *txn, const char *name, MDB_dbi dbi, bool means)
{
    MDB_val key, value;
    MDB_cursor *at;
    MDB_stat st;
    uint8_t from = 0;

    must(mdb_stat(txn, dbi, &st), name);
    printf("db=%s entries=%zu pages=%zu", name, st.ms_entries,
           st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages);
    must(mdb_cursor_open(txn, dbi, &at), name);
    while (means) {
        key = (MDB_val){ .mv_size = 1, .mv_data = &from };
        if (mdb_cursor_get(at, &key, &value, MDB_SET_RANGE) != 0)
            break;
        from = *(const uint8_t *)key.mv_data;
        means_print(at, &key, &value);
        if (from++ == UINT8_MAX)
            break;
    }
    mdb_cursor_close(at);
    printf("\n");
}

static void databases_print(MDB_txn *txn, bool means)
{
    MDB_val key, value;
    MDB_cursor *at;
    MDB_dbi dbi;
    char name[NAME_LEN];

    must(mdb_cursor_open(txn, MAIN_DBI, &at), "names");
    while (mdb_cursor_get(at, &key, &value, MDB_NEXT) == 0) {
        if (key.mv_size >= sizeof(name))
            continue;
        memcpy(name, key.mv_data, key.mv_size);
        name[key.mv_size] = 0;
        if (mdb_dbi_open(txn, name, 0, &dbi) == 0)
            database_print(txn, name, dbi, means);
    }
    mdb_cursor_close(at);
}

static void environment_print(const char *folder, bool means)
{
    MDB_env *env;
    MDB_envinfo info;
    MDB_stat st;
    MDB_txn *txn;
    MDB_dbi unused;
    uint64_t pages, free_count;

    must(mdb_env_create(&env), folder);
    must(mdb_env_set_maxdbs(env, 32), folder);
    must(mdb_env_open(env, folder, MDB_RDONLY, 0600), folder);
    must(mdb_env_info(env, &info), folder);
    must(mdb_env_stat(env, &st), folder);
    must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), folder);
    must(mdb_dbi_open(txn, NULL, 0, &unused), folder);
    pages = info.me_last_pgno + 1;
    free_count = free_pages(txn);
    printf("env=%s page_bytes=%u used=%" PRIu64 " free=%" PRIu64 "\n", folder, st.ms_psize,
           pages - free_count, free_count);
    databases_print(txn, means);
    mdb_txn_abort(txn);
    mdb_env_close(env);
}

int main(int argc, char **argv)
{
    bool means = argc < 2 || strcmp(argv[1], "-e") != 0;
    int at = means ? 1 : 2;

    if (at >= argc) {
        fprintf(stderr, "usage: bench_pages [-e] FOLDER ...\n");
        return 1;
    }
    for (; at < argc; at++)
        environment_print(argv[at], means);
    return 0;
}
