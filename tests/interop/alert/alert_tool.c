/* Alerts of the records on standard input (one per line), one JSON object per line. alert_tool
 * [NAME=VALUE of a threshold]...: for a reference computation in another language. */
#include "schema/core/hm_text.h"
#include "server/door/alert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool set(struct alert_config *c, const char *arg)
{
    const char *eq = strchr(arg, '=');
    for (size_t i = 0; eq != NULL && i < ALERT_OPTIONS; i++) {
        const struct alert_option *o = &alert_options[i];
        if (strlen(o->name) == (size_t)(eq - arg) && strncmp(o->name, arg, strlen(o->name)) == 0)
            return hm_decimal(hm_bytes_str(eq + 1), o->max, alert_option_at(c, o)) == HM_OK;
    }
    return false;
}

static int take(struct alerts *a, char *line, uint64_t *last_ms)
{
    struct hm_record r;
    struct hm_why why = {.text = ""};
    line[strcspn(line, "\n")] = '\0';
    if (hm_record_parse(hm_bytes_str(line), &r, &why) != HM_OK || alerts_record(a, &r) != HM_OK) {
        (void)fprintf(stderr, "%s\n%s\n", why.text, line);
        return -1;
    }
    *last_ms = r.t_ms;
    return 0;
}

static void print_all(const struct alerts *a, uint64_t now_ms)
{
    for (size_t i = 0; i < alerts_count(a); i++) {
        HM_BUF_AUTO b = {.limit = 65536};
        alerts_write(a, alerts_at(a, i), now_ms, &b);
        (void)puts(hm_buf_str(&b));
    }
}

int main(int argc, char **argv)
{
    struct alert_config c = alert_config_default();
    for (int i = 1; i < argc; i++)
        if (!set(&c, argv[i]))
            return 2;
    struct alerts *a = alerts_new(&c);
    HM_FREE char *line = NULL;
    size_t size = 0;
    uint64_t last_ms = 0;
    int rc = a == NULL ? 1 : 0;
    while (rc == 0 && getline(&line, &size, stdin) > 0)
        rc = take(a, line, &last_ms);
    if (rc == 0)
        print_all(a, last_ms);
    alerts_free(a);
    return rc == 0 ? 0 : 1;
}
