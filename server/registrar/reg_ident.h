/* What the registrar knows of identities from files that the operator refreshes. Built by main,
 * handed down. */
#ifndef SERVER_REGISTRAR_REG_IDENT_H
#define SERVER_REGISTRAR_REG_IDENT_H

#include "server/ident/ident_crl.h"
#include "server/registrar/reg_oidc.h"
#include "server/registrar/reg_world.h"

struct reg_ident {
    struct ident_crl *crl; /* NULL: no revocation lists are configured */
    struct reg_oidc *oidc;
};
/* The world (its client CA) must outlive it. HM_E_CONFIG: a file that cannot be used. */
enum hm_err HM_MUST_USE reg_ident_open(const struct reg_config *config,
                                       const struct reg_world *world, struct reg_ident *out,
                                       struct hm_why *why);
void reg_ident_close(struct reg_ident *i);

#endif
