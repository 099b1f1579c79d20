#include "server/registrar/reg_ident.h"

#include <string.h>

#define PROGRAM "hallmark-registrar"

enum hm_err reg_ident_open(const struct reg_config *config, const struct reg_world *world,
                           struct reg_ident *out, struct hm_why *why)
{
    struct reg_ident i = {.crl = NULL};
    enum hm_err err = HM_OK;
    if (config->client_crl != NULL)
        err = ident_crl_open(PROGRAM, config->client_crl, hm_buf_bytes(&world->client_ca), &i.crl,
                             why);
    if (err == HM_OK)
        err = reg_oidc_open(config, world->genesis.origin, &i.oidc, why);
    if (err == HM_OK)
        *out = i;
    else
        reg_ident_close(&i);
    return err;
}

void reg_ident_close(struct reg_ident *i)
{
    ident_crl_close(i->crl);
    reg_oidc_close(i->oidc);
    memset(i, 0, sizeof *i);
}
