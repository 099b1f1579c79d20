/* PKCS#11 return values for people: their name, and what to do about them. */
#ifndef HSM_HSM_CKR_PRIV_H
#define HSM_HSM_CKR_PRIV_H

#include "schema/core/hm_err.h"

#include <stdbool.h>

#include <softhsm/cryptoki.h>

const char *hsm_ckr_name(CK_RV rv);   /* "CKR_PIN_INCORRECT"; "CKR_?" for values without a name */
const char *hsm_ckr_advice(CK_RV rv); /* one clause, lower case */
/* The token, the session or the module's state is gone; only a fresh start of the module can help.
 */
bool hsm_ckr_is_lost(CK_RV rv);
/* The PIN itself was refused: trying it again only burns tries. */
bool hsm_ckr_is_pin(CK_RV rv);
/* HM_E_UNAVAILABLE for lost ones, HM_E_PIN for refused PINs, HM_E_MEMORY, else HM_E_TOKEN. */
enum hm_err hsm_ckr_err(CK_RV rv);

#endif
