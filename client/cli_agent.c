#include "client/cli_agent.h"

#include "client/cli_ssh_priv.h"
#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define AGENT_MESSAGE_MAX ((size_t)256 * 1024)
#define AGENT_TIMEOUT_S 120 /* a person may have to find and touch a security key */

enum {
    AGENTC_REQUEST_IDENTITIES = 11,
    AGENT_IDENTITIES_ANSWER = 12,
    AGENTC_SIGN_REQUEST = 13,
    AGENT_SIGN_RESPONSE = 14,
};

void cli_fingerprint(struct hm_bytes blob, char out[static CLI_FINGERPRINT_MAX])
{
    struct hm_digest d = hm_sha256(blob);
    HM_BUF_AUTO text = {.limit = 64};
    hm_base64(&text, hm_bytes_of(d.b, sizeof d.b));
    (void)snprintf(out, CLI_FINGERPRINT_MAX, "SHA256:%.43s", hm_buf_str(&text));
}

void cli_agent_close(struct cli_agent *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < a->count; i++)
        hm_buf_free(&a->keys[i].blob);
    hm_close_fd(&a->fd);
    free(a);
}

void cli_agent_close_ptr(struct cli_agent **a)
{
    cli_agent_close(*a);
}

static enum hm_err read_all(int fd, uint8_t *out, size_t len, struct hm_why *why)
{
    while (len > 0) {
        ssize_t n = read(fd, out, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return hm_fail(
                why, HM_E_UNAVAILABLE,
                "SSH agent: no answer (%s); was the request declined or did it time out?",
                n == 0 ? "connection closed" : strerror(errno));
        out += n;
        len -= (size_t)n;
    }
    return HM_OK;
}

/* One message out, one in; *body is what follows the expected type byte. */
static enum hm_err ask(int fd, struct hm_bytes message, uint8_t expected, struct hm_buf *answer,
                       struct hm_bytes *body, struct hm_why *why)
{
    HM_BUF_AUTO frame = {.limit = AGENT_MESSAGE_MAX + 4};
    uint8_t head[4];
    uint32_t len = 0;
    cli_ssh_put_string(&frame, message);
    enum hm_err err = hm_buf_err(&frame);
    if (err == HM_OK)
        err = hm_fd_write(fd, hm_buf_bytes(&frame), why);
    if (err != HM_OK)
        return hm_fail_in(why, HM_E_UNAVAILABLE, "SSH agent");
    err = read_all(fd, head, sizeof head, why);
    if (err != HM_OK)
        return err;
    struct hm_bytes h = hm_bytes_of(head, sizeof head);
    if (!cli_ssh_take_u32(&h, &len) || len == 0 || len > AGENT_MESSAGE_MAX)
        return hm_fail(why, HM_E_MALFORMED, "SSH agent: an answer of %u bytes", (unsigned)len);
    uint8_t *room = hm_buf_room(answer, len);
    if (room == NULL)
        return hm_fail(why, HM_E_MEMORY, "SSH agent: out of memory");
    err = read_all(fd, room, len, why);
    if (err != HM_OK)
        return err;
    if (room[0] != expected)
        return hm_fail(why, HM_E_DENIED, "SSH agent: refused (answer %u)", (unsigned)room[0]);
    *body = hm_bytes_of(room + 1, len - 1);
    return HM_OK;
}

/* Keys of other kinds (RSA, certificates) are passed over. */
static void keep_key(struct cli_agent *a, struct hm_bytes blob, struct hm_bytes comment)
{
    struct cli_agent_key *k = &a->keys[a->count];
    if (a->count == CLI_AGENT_KEYS_MAX || hm_key_from_ssh_blob(blob, &k->key, NULL) != HM_OK)
        return;
    k->blob = (struct hm_buf){.limit = blob.len + 1};
    hm_buf_put(&k->blob, blob.data, blob.len);
    size_t n = comment.len < sizeof k->comment - 1 ? comment.len : sizeof k->comment - 1;
    memcpy(k->comment, comment.len > 0 ? (const char *)comment.data : "", n);
    k->comment[n] = '\0';
    if (hm_buf_err(&k->blob) == HM_OK)
        a->count++;
}

static enum hm_err list_keys(struct cli_agent *a, struct hm_why *why)
{
    uint8_t request = AGENTC_REQUEST_IDENTITIES;
    HM_BUF_AUTO answer = {.limit = AGENT_MESSAGE_MAX + 1};
    struct hm_bytes in, blob, comment;
    uint32_t count;
    enum hm_err err =
        ask(a->fd, hm_bytes_of(&request, 1), AGENT_IDENTITIES_ANSWER, &answer, &in, why);
    if (err != HM_OK)
        return err;
    if (!cli_ssh_take_u32(&in, &count))
        return hm_fail(why, HM_E_MALFORMED, "SSH agent: list of keys cut off");
    for (uint32_t i = 0; i < count; i++) {
        if (!cli_ssh_take_string(&in, &blob) || !cli_ssh_take_string(&in, &comment))
            return hm_fail(why, HM_E_MALFORMED, "SSH agent: list of keys cut off");
        keep_key(a, blob, comment);
    }
    return HM_OK;
}

static enum hm_err connect_to(struct cli_agent *a, const char *path, struct hm_why *why)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = AGENT_TIMEOUT_S};
    if (path == NULL || path[0] == '\0')
        return hm_fail(
            why, HM_E_UNAVAILABLE,
            "SSH_AUTH_SOCK is not set: start one with eval \"$(ssh-agent)\" and ssh-add");
    if (strlen(path) >= sizeof addr.sun_path)
        return hm_fail(why, HM_E_CONFIG, "SSH_AUTH_SOCK: path too long");
    memcpy(addr.sun_path, path, strlen(path));
    a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (a->fd < 0 || connect(a->fd, (struct sockaddr *)&addr, sizeof addr) != 0)
        return hm_fail(why, HM_E_UNAVAILABLE, "SSH agent at %.100s: %s", path, strerror(errno));
    (void)setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(a->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return HM_OK;
}

enum hm_err cli_agent_open(const char *socket_path, struct cli_agent **out, struct hm_why *why)
{
    CLI_AGENT_AUTO *a = calloc(1, sizeof *a);
    if (a == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    a->fd = -1;
    enum hm_err err = connect_to(a, socket_path, why);
    if (err == HM_OK)
        err = list_keys(a, why);
    if (err != HM_OK)
        return err;
    *out = a;
    a = NULL;
    return HM_OK;
}

/* "SHA256:… comment; …" of what the agent has, for the error text. */
static enum hm_err none_fits(const struct cli_agent *a, const char *what, struct hm_why *why)
{
    HM_BUF_AUTO list = {.limit = 8192};
    for (size_t i = 0; i < a->count; i++) {
        char print[CLI_FINGERPRINT_MAX];
        cli_fingerprint(hm_buf_bytes(&a->keys[i].blob), print);
        hm_buf_printf(&list, "%s%s %.40s", i > 0 ? "; " : "", print, a->keys[i].comment);
    }
    const char *text = hm_buf_str(&list);
    return hm_fail(why, HM_E_NOT_FOUND, "SSH agent: %s; it has: %.400s", what,
                   a->count == 0 || text == NULL ? "no Ed25519 or P-256 key" : text);
}

enum hm_err cli_agent_find(const struct cli_agent *a, const char *fingerprint,
                           const struct cli_agent_key **out, struct hm_why *why)
{
    if (fingerprint == NULL || strcmp(fingerprint, "any") == 0) {
        if (a->count != 1)
            return none_fits(a, "expected exactly one usable key, or --agent=FINGERPRINT", why);
        *out = &a->keys[0];
        return HM_OK;
    }
    for (size_t i = 0; i < a->count; i++) {
        char print[CLI_FINGERPRINT_MAX];
        cli_fingerprint(hm_buf_bytes(&a->keys[i].blob), print);
        if (strcmp(print, fingerprint) == 0) {
            *out = &a->keys[i];
            return HM_OK;
        }
    }
    return none_fits(a, "the key with that fingerprint is not there", why);
}

enum hm_err cli_agent_sign(struct cli_agent *a, const struct cli_agent_key *key,
                           struct hm_bytes data, struct hm_buf *out, struct hm_why *why)
{
    HM_BUF_AUTO request = {.limit = AGENT_MESSAGE_MAX};
    HM_BUF_AUTO answer = {.limit = AGENT_MESSAGE_MAX + 1};
    struct hm_bytes in, sig;
    hm_buf_putc(&request, AGENTC_SIGN_REQUEST);
    cli_ssh_put_string(&request, hm_buf_bytes(&key->blob));
    cli_ssh_put_string(&request, data);
    cli_ssh_put_u32(&request, 0);
    enum hm_err err = hm_buf_err(&request);
    if (err == HM_OK)
        err = ask(a->fd, hm_buf_bytes(&request), AGENT_SIGN_RESPONSE, &answer, &in, why);
    if (err != HM_OK)
        return err;
    if (!cli_ssh_take_string(&in, &sig) || in.len != 0)
        return hm_fail(why, HM_E_MALFORMED, "SSH agent: malformed signature answer");
    hm_buf_put(out, sig.data, sig.len);
    return hm_buf_err(out);
}
