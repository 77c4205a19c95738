#include "tools/cmd.h"

#include "tools/cli_http.h"
#include "tools/cli_print.h"
#include "tools/cli_send.h"

enum cli_exit cmd_call(struct cli *cli)
{
    struct cli_reply reply;
    enum cli_exit code;

    cli_reply_init(&reply);
    code = cli_send_row(cli, &reply);
    if (code == CLI_OK)
        code = cli_print_reply(cli, &reply);
    cli_reply_done(&reply);
    return code;
}
