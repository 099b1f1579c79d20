/* Inside of the world. */
#ifndef SERVER_REGISTRAR_REG_WORLD_PRIV_H
#define SERVER_REGISTRAR_REG_WORLD_PRIV_H

#include "server/registrar/reg_world.h"

enum hm_err HM_MUST_USE reg_world_import_keys(struct reg_world *w, struct hm_why *why);
void reg_world_drop_keys(struct reg_world *w);

#endif
