/* Names and thresholds. */
#include "server/door/alert.h"

#include <stddef.h>
#include <string.h>

static const char *const kinds[ALERT_KINDS] = {
    [ALERT_KEY_HOURS] = "key_hours",
    [ALERT_KEY_RATE] = "key_rate",
    [ALERT_REFUSALS] = "refusals",
    [ALERT_SIGN_FAILED] = "sign_failed",
    [ALERT_SIGN_UNKNOWN] = "sign_unknown",
    [ALERT_BREAK_GLASS] = "break_glass",
    [ALERT_POLICY_CHANGED] = "policy_changed",
    [ALERT_GUARDS_CHANGED] = "guards_changed",
    [ALERT_ROSTER_CHANGED] = "roster_changed",
    [ALERT_WITNESS] = "witness",
    [ALERT_CERTIFICATE_EXPIRES] = "certificate_expires",
    [ALERT_CRL_EXPIRES] = "crl_expires",
    [ALERT_KEY_EXPIRES] = "key_expires",
    [ALERT_CLOCK] = "clock",
};
static const char *const severities[ALERT_SEVERITIES] = {
    [ALERT_INFO] = "info", [ALERT_WARNING] = "warning", [ALERT_CRITICAL] = "critical"};

const char *alert_kind_name(enum alert_kind k)
{
    return k < ALERT_KINDS ? kinds[k] : "";
}

const char *alert_severity_name(enum alert_severity s)
{
    return s < ALERT_SEVERITIES ? severities[s] : "";
}

bool alert_kind_parse(const char *name, enum alert_kind *out)
{
    for (unsigned k = 0; k < ALERT_KINDS; k++) {
        if (strcmp(kinds[k], name) != 0)
            continue;
        *out = (enum alert_kind)k;
        return true;
    }
    return false;
}

bool alert_severity_parse(const char *name, enum alert_severity *out)
{
    for (unsigned s = 0; s < ALERT_SEVERITIES; s++) {
        if (strcmp(severities[s], name) != 0)
            continue;
        *out = (enum alert_severity)s;
        return true;
    }
    return false;
}

bool alert_is_condition(enum alert_kind k)
{
    return k == ALERT_WITNESS || k == ALERT_CERTIFICATE_EXPIRES || k == ALERT_CRL_EXPIRES ||
           k == ALERT_KEY_EXPIRES || k == ALERT_CLOCK;
}

struct alert_config alert_config_default(void)
{
    return (struct alert_config){
        .history_weeks = 8,
        .min_weeks = 4,
        .min_uses = 100,
        .usual_weeks = 2,
        .rate_factor = 10,
        .rate_floor = 20,
        .refusals = 5,
        .refusals_gap_s = 3600,
        .fold_s = 3600,
        .certificate_days = 30,
        .key_days = 90,
        .crl_hours = 48,
        .clock_s = 60,
        .keep_days = 30,
    };
}

#define OPTION(name, min, max)                                                                     \
    {                                                                                              \
#name, offsetof(struct alert_config, name), min, max                                       \
    }
const struct alert_option alert_options[ALERT_OPTIONS] = {
    OPTION(history_weeks, 1, 26),    OPTION(min_weeks, 1, 26),
    OPTION(min_uses, 1, 1000000),    OPTION(usual_weeks, 1, 26),
    OPTION(rate_factor, 1, 1000000), OPTION(rate_floor, 0, 1000000),
    OPTION(refusals, 1, 1000),       OPTION(refusals_gap_s, 1, 604800),
    OPTION(fold_s, 60, 86400),       OPTION(certificate_days, 1, 3650),
    OPTION(key_days, 1, 3650),       OPTION(crl_hours, 1, 8760),
    OPTION(clock_s, 1, 86400),       OPTION(keep_days, 1, 366),
};

uint64_t *alert_option_at(struct alert_config *c, const struct alert_option *o)
{
    return (uint64_t *)(void *)((char *)c + o->at);
}
