#include "schema/core/hm_err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

const char *hm_err_name(enum hm_err err)
{
    switch (err) {
    case HM_OK:
        return "ok";
    case HM_E_MALFORMED:
        return "malformed";
    case HM_E_LIMIT:
        return "limit";
    case HM_E_UNSUPPORTED:
        return "unsupported";
    case HM_E_SIGNATURE:
        return "signature";
    case HM_E_DENIED:
        return "denied";
    case HM_E_NOT_FOUND:
        return "not-found";
    case HM_E_CONFLICT:
        return "conflict";
    case HM_E_STATE:
        return "state";
    case HM_E_EXPIRED:
        return "expired";
    case HM_E_HISTORY:
        return "history";
    case HM_E_UNAVAILABLE:
        return "unavailable";
    case HM_E_TIMEOUT:
        return "timeout";
    case HM_E_IO:
        return "io";
    case HM_E_FULL:
        return "full";
    case HM_E_MEMORY:
        return "memory";
    case HM_E_TOKEN:
        return "token";
    case HM_E_PIN:
        return "pin";
    case HM_E_CONFIG:
        return "config";
    case HM_E_INTERNAL:
        return "internal";
    }
    return "internal";
}

enum hm_err hm_fail(struct hm_why *why, enum hm_err err, const char *fmt, ...)
{
    if (why != NULL) {
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(why->text, sizeof why->text, fmt, ap);
        va_end(ap);
    }
    return err;
}

enum hm_err hm_fail_in(struct hm_why *why, enum hm_err err, const char *fmt, ...)
{
    if (why == NULL)
        return err;
    struct hm_why inner = *why;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof why->text)
        return err;
    size_t left = sizeof why->text - (size_t)n;
    if (snprintf(why->text + n, left, ": %s", inner.text) < 0)
        why->text[n] = '\0';
    return err;
}
