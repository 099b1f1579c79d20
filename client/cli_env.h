/* The environment. Thread: main. */
#ifndef CLIENT_CLI_ENV_H
#define CLIENT_CLI_ENV_H

/* A variable's value; NULL where it is not set or empty, which scripts use for the same. */
const char *cli_env(const char *name);

#endif
