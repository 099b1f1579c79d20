/* The one error convention of the tree: a closed enum that must be used, plus a text owned by the
 * caller. Outputs are untouched on failure. Success is tested as `== HM_OK`. Thread: any. */
#ifndef SCHEMA_CORE_HM_ERR_H
#define SCHEMA_CORE_HM_ERR_H

#define HM_MUST_USE __attribute__((warn_unused_result))

enum hm_err {
    HM_OK = 0,
    HM_E_MALFORMED,   /* input violates its format */
    HM_E_LIMIT,       /* input exceeds a stated limit */
    HM_E_UNSUPPORTED, /* well-formed, but an algorithm or version that is not accepted */
    HM_E_SIGNATURE,   /* a signature or digest does not verify */
    HM_E_DENIED,      /* a rule says no, or evidence is missing */
    HM_E_NOT_FOUND,
    HM_E_CONFLICT, /* clashes with what exists already */
    HM_E_STATE,    /* not in a state that allows this */
    HM_E_EXPIRED,
    HM_E_HISTORY, /* a log that does not extend the one already seen: fork, rollback, cut tail */
    HM_E_UNAVAILABLE, /* a peer or device is not there; trying later may help */
    HM_E_TIMEOUT,
    HM_E_IO,
    HM_E_FULL, /* no space left */
    HM_E_MEMORY,
    HM_E_TOKEN, /* PKCS#11 refused; the text names the CKR_ code */
    HM_E_PIN,   /* the PIN was refused, or was refused before and has not changed since */
    HM_E_CONFIG,
    HM_E_INTERNAL /* a bug or a library failure that has no other name */
};

/* Capacity of struct hm_why's text in bytes, NUL included. */
#define HM_WHY_MAX 640

/* Why something failed, for people: what, where, what was expected. Caller owns; may be passed as
 * NULL. */
struct hm_why {
    char text[HM_WHY_MAX];
};

/* Stable lower-case name of an error ("malformed"), static. */
const char *hm_err_name(enum hm_err err);

/* Formats into *why (NULL allowed; cut at HM_WHY_MAX - 1 bytes) and returns err. */
enum hm_err hm_fail(struct hm_why *why, enum hm_err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text that is already in *why and returns err. */
enum hm_err hm_fail_in(struct hm_why *why, enum hm_err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
