/* What the ceremony tells people and scripts, and the files it leaves. Thread: one. */
#ifndef HSM_CEREMONY_CER_OUT_H
#define HSM_CEREMONY_CER_OUT_H

#include "schema/core/hm_bytes.h"

#include <jansson.h>

struct cer_out {
    const char *dir; /* output folder */
    bool json;       /* print one JSON object at the end instead of lines */
    bool force;      /* outputs may take the place of others */
    json_t *doc;     /* owned */
    struct hm_buf report;
};

enum hm_err HM_MUST_USE cer_out_open(struct cer_out *o, struct hm_why *why);
/* Appends the lines said to OUT/ceremony-report.txt and prints the JSON object. */
enum hm_err HM_MUST_USE cer_out_close(struct cer_out *o, struct hm_why *why);
void cer_out_free(struct cer_out *o);

/* One line for people and for the report. */
void cer_say(struct cer_out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* doc[group][name] = value, for scripts. */
void cer_fact(struct cer_out *o, const char *group, const char *name, const char *value);

/* Path of an output file; caller owns. NULL without memory. */
char *cer_path(const struct cer_out *o, const char *name);
enum hm_err HM_MUST_USE cer_read(const struct cer_out *o, const char *name, size_t max,
                                 struct hm_buf *out, struct hm_why *why);
/* Writes name, says so with its SHA-256. The same content is fine; another one that is there is
 * HM_E_CONFLICT unless forced. */
enum hm_err HM_MUST_USE cer_write(struct cer_out *o, const char *name, struct hm_bytes data,
                                  struct hm_why *why);

#endif
