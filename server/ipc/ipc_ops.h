/* The operations of the two sockets and their bodies, field by field (docs/formats/ipc.md). `n x
 * (...)` is a count as u64 and that many groups. Errors come back as an error reply with its text.
 * Constants alone. */
#ifndef SERVER_IPC_IPC_OPS_H
#define SERVER_IPC_IPC_OPS_H

#define IPC_PROTOCOL 2u

/* --- hallmark-signer's socket; the registrar calls --- */
enum signer_op {
    /* in: u64 protocol. out: str origin, str vkey line, str log token serial, u64 last size, digest
     * last root, bytes last note (empty before the first), bytes guards document, n x (digest key
     * id, bytes SPKI, str token serial). */
    SIGNER_HELLO = 1,
    /* in: u64 size, digest root, u64 old (last size the caller knows), n x digest: consistency
     * proof old..size. out: bytes note. The same size and root again gives the same note.
     * HM_E_HISTORY when it does not extend. */
    SIGNER_CHECKPOINT = 2,
    /* in: n x (digest key id, bytes tbs, bytes record (sign.intended), u64 index, u64 size, m x
     * digest inclusion path, bytes statement, k x bytes signed approval). size: one of the
     * checkpoints signed since start. out: n x (u64 hm_err, bytes: 64-byte signature r||s, or the
     * error's text). */
    SIGNER_SIGN = 3,
    /* in: digest key id, bytes record (roster.changed), u64 index, u64 size, m x digest inclusion
     * path, bytes roster statement, k x bytes signed roster. size as above. out: -. HM_E_HISTORY,
     * HM_E_DENIED; HM_E_STATE: it does not follow the list that holds. */
    SIGNER_ROSTER = 4,
};
#define SIGNER_SIGN_MAX 64u    /* release signatures asked for in one message */
#define SIGNER_RECENT_MAX 256u /* checkpoints the signer remembers besides the last */

/* --- hallmark-registrar's socket; the door calls ---
 * CALLER = digest certificate fingerprint, n x str SAN URI: facts about the TLS client, not proof.
 * A client without a certificate: 32 zero bytes, bytes token (docs/formats/oidc.md).
 * ANSWER = u64 HTTP status, str content type, str ETag ("" = none), u64 retry-after seconds (0 =
 * none), u64 log size that this answer needs to be visible in the read model, bytes body, n x
 * digest: artifacts that are missing. */
enum registrar_op {
    REG_HELLO = 1,    /* in: u64 protocol. out: str origin, str vkey line */
    REG_STATUS = 2,   /* in: -. out: u64 ready, str reason, u64 committed size, u64 checkpoint size,
                         u64 queue length, str what signatures wait for ("" = nothing) */
    REG_IDENTIFY = 3, /* in: CALLER. out: str principal, str name, u64 roles and IDENT_TOKEN_ bits,
                         digest policy. HM_E_NOT_FOUND */
    REG_SUBMIT = 4, /* in: CALLER, str idempotency key, bytes body. out: ANSWER (status 0: send the
                       artifacts, ask again) */
    REG_ARTIFACT_PUT =
        5, /* in: digest, u64 size; descriptor, readable. out: -. HM_E_SIGNATURE: other bytes */
    REG_ARTIFACT_OPEN = 6, /* in: digest. out: u64 size; descriptor, read-only. HM_E_NOT_FOUND */
    REG_APPROVE =
        7, /* in: CALLER, str idempotency key, str if-match, u64 release, bytes body. out: ANSWER */
    REG_REJECT = 8,     /* same */
    REG_CANCEL = 9,     /* same */
    REG_SIGN = 10,      /* same, body empty */
    REG_STATEMENT = 11, /* in: u64 release. out: bytes approval statement */
    REG_RECORDS = 12,   /* in: u64 first, u64 max, u64 wait_ms. out: u64 size, bytes checkpoint note
                         * over size, bytes newest note with a quorum of cosignatures (may be empty),
                         * n x bytes record, m x bytes note; only records under a checkpoint; the
                         * notes are the stored ones over sizes first+1..first+n */
    REG_EVIDENCE = 13,  /* in: u64 idx, u64 n. out: bytes */
    REG_PROOF = 14,     /* in: u64 idx. out: bytes .tlog-proof under the latest checkpoint */
    REG_CONSISTENCY = 15, /* in: u64 old, u64 size. out: n x digest */
    REG_CHECKPOINT = 16,  /* in: -. out: bytes note */
    REG_POLICY = 17,      /* in: -. out: bytes policy in force */
    REG_TRUST_STORE = 18, /* in: str environment. out: bytes */
    REG_KEYS = 19, /* in: -. out: bytes JSON: origin, log key, release keys with environment, token,
                      guard, state */
    REG_DETAIL = 20,          /* in: u64 idx. out: bytes private detail JSON. HM_E_NOT_FOUND */
    REG_POLICY_PROPOSE = 21,  /* as REG_APPROVE, release 0 */
    REG_POLICY_APPROVE = 22,  /* as REG_APPROVE; in place of the release the proposal's record */
    REG_POLICY_ACTIVATE = 23, /* the same, body empty */
    REG_POLICY_REPLACE = 24,  /* as REG_POLICY_PROPOSE */
    REG_ROSTER = 25,          /* as REG_POLICY_PROPOSE */
    REG_GUARDS = 26,          /* as REG_POLICY_PROPOSE */
    /* What a witness answered. in: str its name, u64 size of the checkpoint, bytes signature lines
     * (empty: none), str what is wrong (empty: nothing), u64 size of the log as it knows it. out:
     * bytes newest note with a quorum of cosignatures (may be empty). HM_E_SIGNATURE;
     * HM_E_NOT_FOUND: nobody names this witness, or the log has no checkpoint of this size. */
    REG_COSIGN = 27,
    REG_ERASE = 40, /* as REG_POLICY_PROPOSE */
};
/* Operations of the registrar's own socket, DATABASE-control, for its own user alone. */
enum registrar_control_op {
    REG_CONTROL_BACKUP = 1, /* in: -. out: -. HM_E_CONFLICT: one is being made; HM_E_CONFIG */
    REG_CONTROL_STATE = 2,  /* in: -. out: u64 phase (enum registrar_backup_phase), u64 pages done,
                             * u64 of, str path, str what went wrong */
};
enum registrar_backup_phase {
    REG_BACKUP_NONE = 0,
    REG_BACKUP_WANTED = 1,
    REG_BACKUP_RUNNING = 2,
    REG_BACKUP_COPIED = 3, /* complete, and not yet under its name */
    REG_BACKUP_DONE = 4,   /* durable */
    REG_BACKUP_FAILED = 5,
};
#define REG_RECORDS_MAX 1024u
#define REG_RECORDS_BYTES_MAX ((size_t)4 * 1024 * 1024)

#endif
