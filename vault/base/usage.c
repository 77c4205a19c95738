#include "vault/base/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vault/base/text.h"

#define NAME_MAX_LEN 96

/* role_process_what, NUL-terminated in mem. */
static const char *name_of(char mem[static NAME_MAX_LEN], const char *role, const char *what)
{
    struct buf name;

    buf_fixed(&name, (uint8_t *)mem, NAME_MAX_LEN - 1);
    buf_str(&name, role);
    buf_str(&name, "_process_");
    buf_str(&name, what);
    mem[name.len] = '\0';
    return mem;
}

static uint64_t to_us(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

/* The second number of statm(5): resident pages. */
static bool read_resident(uint64_t *bytes_out)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    const char *second = n > 0 ? strchr(text, ' ') : NULL;
    uint64_t pages;

    if (fd >= 0)
        close(fd);
    if (second == NULL ||
        text_u64(view_of(second + 1, strcspn(second + 1, " ")), 0, UINT32_MAX, &pages) != HUFU_OK)
        return false;
    *bytes_out = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

static bool count_descriptors(uint64_t *out)
{
    DIR *dir = opendir("/proc/self/fd");
    uint64_t n = 0;

    if (dir == NULL)
        return false;
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    *out = n > 3 ? n - 3 : 0; /* `.`, `..` and the folder's own */
    return true;
}

void usage_print(struct prom *p, const char *role, uint64_t started_ms)
{
    char mem[NAME_MAX_LEN];
    struct rusage usage;
    uint64_t n;

    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        prom_family(p, name_of(mem, role, "cpu_seconds_total"), PROM_COUNTER,
                    "Processor time of the process.");
        prom_us(p, to_us(usage.ru_utime) + to_us(usage.ru_stime));
    }
    if (read_resident(&n))
        prom_gauge(p, name_of(mem, role, "resident_memory_bytes"), "Resident memory.", n);
    if (count_descriptors(&n))
        prom_gauge(p, name_of(mem, role, "open_fds"), "Open descriptors.", n);
    prom_gauge(p, name_of(mem, role, "start_time_seconds"),
               "When the process began, in seconds since 1970.", started_ms / 1000);
}
