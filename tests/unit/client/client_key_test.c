/* Private keys made by ssh-keygen and openssl, an agent of ssh-agent, and signatures that
 * ssh-keygen accepts. Every key file is flipped and cut everywhere. */
#include "client/cli_agent.h"
#include "client/cli_key.h"
#include "client/cli_sign.h"
#include "schema/io/hm_file.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/hallmark-keys-XXXXXX";

/* Runs a shell command in the test's directory. */
static int sh(const char *command)
{
    char full[1024];
    (void)snprintf(full, sizeof full, "cd %s && %s", dir, command);
    return system(full); /* NOLINT: fixed text, test only */
}

static const char *in_dir(const char *name)
{
    static char path[4][128];
    static unsigned next;
    char *p = path[next++ % 4];
    (void)snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static int make_keys(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    return sh(
        "ssh-keygen -q -t ed25519 -N '' -C alice -f ed && "
        "ssh-keygen -q -t ecdsa -b 256 -N '' -C bob -f ec && "
        "ssh-keygen -q -t ed25519 -N secret -C carol -f locked && "
        "ssh-keygen -q -t ecdsa -b 384 -N '' -f p384 && "
        "ssh-keygen -q -t rsa -b 2048 -N '' -f rsa && "
        "openssl genpkey -algorithm ED25519 -out ed.pem && "
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem 2>/dev/null && "
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.pem 2>/dev/null "
        "&& "
        "openssl pkcs8 -topk8 -in ec.pem -out locked.pem -passout pass:x && "
        "for k in ed ec; do printf 'signer ' > $k.allowed; cat $k.pub >> $k.allowed; done");
}

static int drop_keys(void **state)
{
    char command[64];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command); /* NOLINT: fixed text, test only */
}

static void verify_dsse_with(const char *file, enum hm_key_alg alg)
{
    CLI_KEY_AUTO *k = NULL;
    HM_BUF_AUTO sig = {.limit = 256};
    assert_int_equal(cli_key_load(in_dir(file), &k, NULL), HM_OK);
    assert_int_equal(cli_key_public(k)->alg, alg);
    assert_int_equal(cli_key_sign(k, hm_bytes_str("message"), &sig, NULL), HM_OK);
    assert_int_equal(
        hm_key_verify_der(cli_key_public(k), hm_bytes_str("message"), hm_buf_bytes(&sig)), HM_OK);
    assert_int_not_equal(
        hm_key_verify_der(cli_key_public(k), hm_bytes_str("massage"), hm_buf_bytes(&sig)), HM_OK);
}

static void loads_and_signs(void **state)
{
    (void)state;
    verify_dsse_with("ed", HM_KEY_ED25519);
    verify_dsse_with("ec", HM_KEY_P256);
    verify_dsse_with("ed.pem", HM_KEY_ED25519);
    verify_dsse_with("ec.pem", HM_KEY_P256);
}

static void refuses(void **state)
{
    static const struct {
        const char *file, *says;
    } cases[] = {{"locked", "ssh-agent"},         {"locked.pem", "encrypted"},
                 {"p384", "ecdsa-sha2-nistp256"}, {"rsa", "ssh-ed25519"},
                 {"p384.pem", "p384.pem"},        {"ed.pub", "PEM private key"},
                 {"missing", "missing"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cli_key *k = NULL;
        struct hm_why why = {""};
        assert_int_not_equal(cli_key_load(in_dir(cases[i].file), &k, &why), HM_OK);
        assert_null(k);
        if (strstr(why.text, cases[i].says) == NULL)
            print_error("%s: %s\n", cases[i].file, why.text);
        assert_non_null(strstr(why.text, cases[i].says));
    }
}

/* A flipped file either fails or, in places that carry no meaning (the comment, check numbers that
 * changed alike), still is the same key. */
static void flip_and_cut(const char *file)
{
    HM_BUF_AUTO text = {.limit = CLI_KEY_FILE_MAX};
    struct cli_key *whole = NULL;
    assert_int_equal(hm_file_read(in_dir(file), CLI_KEY_FILE_MAX, &text, NULL), HM_OK);
    assert_int_equal(cli_key_from_openssh(hm_buf_bytes(&text), &whole, NULL), HM_OK);
    size_t survived = 0;
    for (size_t i = 0; i < text.len; i++) {
        struct cli_key *k = NULL;
        text.data[i] ^= 0x01;
        if (cli_key_from_openssh(hm_buf_bytes(&text), &k, NULL) == HM_OK) {
            assert_true(hm_key_eq(cli_key_public(k), cli_key_public(whole)));
            survived++;
            cli_key_free(k);
        }
        text.data[i] ^= 0x01;
        if (i + 1 < text.len)
            assert_int_not_equal(cli_key_from_openssh(hm_bytes_of(text.data, i), &k, NULL), HM_OK);
    }
    assert_true(survived < 24);
    cli_key_free(whole);
}

static void damaged(void **state)
{
    (void)state;
    flip_and_cut("ed");
    flip_and_cut("ec");
}

static void write_signature(const struct cli_sign_with *with, const char *message, const char *out)
{
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX};
    struct hm_signed s;
    struct hm_key key;
    struct hm_why why = {""};
    enum hm_err err = cli_sign(with, HM_SIGNED_APPROVAL, hm_bytes_str(message), &doc, &key, &why);
    if (err != HM_OK)
        print_error("%s\n", why.text);
    assert_int_equal(err, HM_OK);
    assert_int_equal(hm_signed_parse(hm_buf_bytes(&doc), HM_SIGNED_MAX, &s, NULL), HM_OK);
    assert_true(s.is_ssh);
    hm_signed_free(&s);
    /* The armoured signature is the member "sshsig"; take it out with a foreign parser. */
    assert_int_equal(hm_file_write_atomic(in_dir("doc.json"), hm_buf_bytes(&doc), 0600, NULL),
                     HM_OK);
    char command[256];
    (void)snprintf(command, sizeof command,
                   "/usr/bin/python3 -c \"import json;"
                   "open('%s','w').write(json.load(open('doc.json'))['sshsig'])\"",
                   out);
    assert_int_equal(sh(command), 0);
}

static void ssh_keygen_accepts(void **state)
{
    static const char *const keys[] = {"ed", "ec"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char command[256];
        struct cli_sign_with with = {CLI_SIGN_SSH, in_dir(keys[i]), NULL};
        write_signature(&with, "statement\n", "s.sig");
        (void)snprintf(command, sizeof command,
                       "printf 'statement\\n' | ssh-keygen -q -Y verify -f %s.allowed -I signer "
                       "-n hallmark-approval -s s.sig >/dev/null",
                       keys[i]);
        assert_int_equal(sh(command), 0);
        (void)snprintf(command, sizeof command,
                       "printf 'statement2\\n' | ssh-keygen -q -Y verify -f %s.allowed -I signer "
                       "-n hallmark-approval -s s.sig >/dev/null 2>&1",
                       keys[i]);
        assert_int_not_equal(sh(command), 0);
    }
}

static void takes_ssh_keygens(void **state)
{
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX};
    struct hm_key key;
    struct hm_why why = {""};
    (void)state;
    assert_int_equal(sh("printf 'statement\\n' > st && rm -f st.sig && "
                        "ssh-keygen -q -Y sign -n hallmark-approval -f ed st 2>/dev/null"),
                     0);
    struct cli_sign_with with = {CLI_SIGN_FILE, in_dir("st.sig"), NULL};
    assert_int_equal(
        cli_sign(&with, HM_SIGNED_APPROVAL, hm_bytes_str("statement\n"), &doc, &key, &why), HM_OK);
    /* other bytes, other kind (namespace), no signature at all */
    hm_buf_reset(&doc);
    assert_int_equal(
        cli_sign(&with, HM_SIGNED_APPROVAL, hm_bytes_str("statement"), &doc, &key, &why),
        HM_E_SIGNATURE);
    hm_buf_reset(&doc);
    assert_int_not_equal(
        cli_sign(&with, HM_SIGNED_REJECTION, hm_bytes_str("statement\n"), &doc, &key, &why), HM_OK);
    with.path = in_dir("st");
    assert_int_not_equal(
        cli_sign(&with, HM_SIGNED_APPROVAL, hm_bytes_str("statement\n"), &doc, &key, &why), HM_OK);
}

static void certificate_must_fit(void **state)
{
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX};
    struct hm_key key;
    struct hm_why why = {""};
    (void)state;
    assert_int_equal(
        sh("openssl req -x509 -key ec.pem -subj /CN=ci -days 1 -out ci.pem 2>/dev/null"), 0);
    struct cli_sign_with with = {CLI_SIGN_CERTIFICATE, in_dir("ec.pem"), in_dir("ci.pem")};
    assert_int_equal(cli_sign(&with, HM_SIGNED_REQUEST, hm_bytes_str("{}"), &doc, &key, &why),
                     HM_OK);
    struct hm_signed s;
    assert_int_equal(hm_signed_parse(hm_buf_bytes(&doc), HM_SIGNED_MAX, &s, NULL), HM_OK);
    assert_non_null(hm_signed_certificate(&s));
    assert_int_equal(hm_signed_verify(&s, HM_SIGNED_REQUEST, &key, NULL), HM_OK);
    assert_int_not_equal(hm_signed_verify(&s, HM_SIGNED_APPROVAL, &key, NULL), HM_OK);
    hm_signed_free(&s);
    hm_buf_reset(&doc);
    with.path = in_dir("ed.pem");
    assert_int_equal(cli_sign(&with, HM_SIGNED_REQUEST, hm_bytes_str("{}"), &doc, &key, &why),
                     HM_E_CONFIG);
}

struct agent {
    pid_t pid;
    char socket[128];
};

static void start_agent(struct agent *a)
{
    (void)snprintf(a->socket, sizeof a->socket, "%s/agent", dir);
    (void)unlink(a->socket);
    a->pid = fork();
    assert_true(a->pid >= 0);
    if (a->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that fails leaves no agent behind */
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(126);
        (void)execlp("ssh-agent", "ssh-agent", "-D", "-a", a->socket, (char *)NULL);
        _exit(127);
    }
    struct cli_agent *c = NULL; /* the socket's file is there before anybody listens */
    for (int i = 0; i < 3000 && cli_agent_open(a->socket, &c, NULL) != HM_OK; i++)
        (void)usleep(20000);
    assert_non_null(c);
    cli_agent_close(c);
    assert_int_equal(setenv("SSH_AUTH_SOCK", a->socket, 1), 0);
}

static void stop_agent(struct agent *a)
{
    (void)kill(a->pid, SIGTERM);
    (void)waitpid(a->pid, NULL, 0);
}

static void agent_signs(void **state)
{
    struct agent a;
    struct hm_why why = {""};
    struct cli_agent *c = NULL;
    const struct cli_agent_key *k = NULL;
    (void)state;
    start_agent(&a);
    assert_int_equal(cli_agent_open(a.socket, &c, NULL), HM_OK);
    assert_int_equal(cli_agent_find(c, NULL, &k, &why), HM_E_NOT_FOUND); /* empty */
    cli_agent_close(c);
    assert_int_equal(sh("ssh-add -q ed rsa 2>/dev/null"), 0);
    /* One usable key beside the RSA one: no fingerprint is needed. */
    struct cli_sign_with with = {CLI_SIGN_AGENT, NULL, NULL};
    write_signature(&with, "statement\n", "agent.sig");
    assert_int_equal(
        sh("printf 'statement\\n' | ssh-keygen -q -Y verify -f ed.allowed -I signer -n "
           "hallmark-approval -s agent.sig >/dev/null"),
        0);
    assert_int_equal(sh("ssh-add -q ec 2>/dev/null"), 0);
    assert_int_equal(cli_agent_open(a.socket, &c, NULL), HM_OK);
    assert_int_equal(cli_agent_find(c, NULL, &k, &why), HM_E_NOT_FOUND); /* which of the two? */
    assert_non_null(strstr(why.text, "SHA256:"));
    assert_int_equal(cli_agent_find(c, "SHA256:nope", &k, &why), HM_E_NOT_FOUND);
    for (size_t i = 0; i < c->count; i++) {
        char print[CLI_FINGERPRINT_MAX], command[256];
        cli_fingerprint(hm_buf_bytes(&c->keys[i].blob), print);
        (void)snprintf(command, sizeof command, "ssh-add -l | grep -qF '%s'", print);
        assert_int_equal(sh(command), 0);
        with.path = print;
        write_signature(&with, "statement\n", "agent.sig");
    }
    cli_agent_close(c);
    stop_agent(&a);
    assert_int_equal(cli_agent_open(a.socket, &c, &why), HM_E_UNAVAILABLE);
    assert_int_equal(cli_agent_open(NULL, &c, &why), HM_E_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_and_signs),   cmocka_unit_test(refuses),
        cmocka_unit_test(damaged),           cmocka_unit_test(ssh_keygen_accepts),
        cmocka_unit_test(takes_ssh_keygens), cmocka_unit_test(certificate_must_fit),
        cmocka_unit_test(agent_signs)};
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
