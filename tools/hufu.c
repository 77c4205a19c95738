#include <sys/prctl.h>
#include <sys/resource.h>

#include "tools/cli.h"

/* Values and sessions pass through this process: no core file, no tracing by others of its uid. */
int main(int argc, char **argv)
{
    const struct rlimit none = { 0, 0 };

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    return cli_main(argc, argv);
}
