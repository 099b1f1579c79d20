/* The functions of the route table (door_route.c). Each leaves its answer in r->answer. */
#ifndef SERVER_DOOR_DOOR_HANDLERS_H
#define SERVER_DOOR_DOOR_HANDLERS_H

struct door_req;

/* door_status.c */
void door_get_healthz(struct door_req *r);
void door_get_readyz(struct door_req *r);
void door_get_openapi(struct door_req *r);
void door_get_metrics(struct door_req *r);
/* door_upload.c */
void door_upload_begin(struct door_req *r);
void door_upload_end(struct door_req *r);
void door_get_artifact(struct door_req *r);
/* door_submit.c */
void door_submit_begin(struct door_req *r);
void door_submit_end(struct door_req *r);
/* door_change.c */
void door_approve_begin(struct door_req *r);
void door_reject_begin(struct door_req *r);
void door_cancel_begin(struct door_req *r);
void door_sign_begin(struct door_req *r);
void door_change_end(struct door_req *r);
void door_empty_end(struct door_req *r); /* no body, or {} */
/* door_policy.c */
void door_policy_propose_begin(struct door_req *r);
void door_policy_approve_begin(struct door_req *r);
void door_policy_activate_begin(struct door_req *r);
void door_policy_replace_begin(struct door_req *r);
void door_roster_begin(struct door_req *r);
void door_erase_begin(struct door_req *r);
void door_guards_begin(struct door_req *r);
/* door_read_releases.c */
void door_get_releases(struct door_req *r);
void door_get_release(struct door_req *r);
/* door_bundle.c */
void door_get_statement(struct door_req *r);
void door_get_manifest(struct door_req *r);
void door_get_bundle(struct door_req *r);
/* door_read_entries.c */
void door_get_entries(struct door_req *r);
void door_get_entry(struct door_req *r);
/* door_read_alerts.c */
void door_get_alerts(struct door_req *r);
/* door_read_follow.c */
void door_get_follow(struct door_req *r);
/* door_read_log.c */
void door_get_keys(struct door_req *r);
void door_get_policy(struct door_req *r);
void door_get_trust_store(struct door_req *r);
void door_get_checkpoint(struct door_req *r);
void door_get_proof(struct door_req *r);
void door_get_evidence(struct door_req *r);
void door_get_consistency(struct door_req *r);
/* door_tiles.c */
void door_get_log_checkpoint(struct door_req *r);
void door_get_tile(struct door_req *r);

#endif
