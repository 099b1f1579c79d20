/* hallmark, the command line of the firmware signing service. */
#include "client/cli.h"

#include <curl/curl.h>
#include <signal.h>

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* an agent or server that closes is an error, not a death */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return CLI_EXIT_LOCAL;
    int code = cli_main(argc, argv);
    curl_global_cleanup();
    return code;
}
