#include "client/cli_env.h"

#include <stdlib.h>

const char *cli_env(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}
