/* What the files that read ceremony.json share. */
#ifndef HSM_CEREMONY_CER_CONFIG_PRIV_H
#define HSM_CEREMONY_CER_CONFIG_PRIV_H

#include "hsm/ceremony/cer_config.h"

struct cer_reader {
    struct cer_config *c;
    struct hm_json_in *root; /* errors end up here */
    const char *file;
};

/* Names in an array, each once, 1..max. */
void cer_read_names(struct hm_json_in *in, const char *member, size_t max, struct cer_names *out);
void cer_read_environment(struct hm_json_in *in, const char *member, cer_name out);
void cer_read_name(struct hm_json_in *in, const char *member, cer_name out);
/* An RFC 3339 time as Unix seconds; absent gives dflt. */
uint64_t cer_read_time_or(struct hm_json_in *in, const char *member, uint64_t dflt);
/* Members label, pin_file, key_label, file of a key; default_file where `file` is absent (NULL:
 * key_label.pem). */
void cer_read_place(struct cer_reader *r, struct hm_json_in *in, const char *default_file,
                    struct cer_place *out);
void cer_read_release_keys(struct cer_reader *r);
void cer_read_stores(struct cer_reader *r, uint64_t now_s);

#endif
