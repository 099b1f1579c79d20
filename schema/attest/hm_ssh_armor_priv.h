/* The PEM-like text around an SSH signature. */
#ifndef SCHEMA_ATTEST_HM_SSH_ARMOR_PRIV_H
#define SCHEMA_ATTEST_HM_SSH_ARMOR_PRIV_H

#include "schema/core/hm_bytes.h"

/* Decodes the text between the two marker lines, appended. Lines of 1 to 76 characters end with LF;
 * the last LF of the text may be missing. HM_E_MALFORMED. */
enum hm_err HM_MUST_USE hm_ssh_dearmor(struct hm_bytes armor, struct hm_buf *blob,
                                       struct hm_why *why);
void hm_ssh_armor(struct hm_buf *out, struct hm_bytes blob);

#endif
