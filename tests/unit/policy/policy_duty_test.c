/* Separation of duties: who submits and who approves hold no other separated role. */
#include "tests/unit/policy/policy_cases.h"

/* Both rules of production-2026, since a key has one price. */
#define SEPARATE(roles)                                                                            \
    "rules/0/submitters=['ci-edge'];rules/0/separate=" roles ";rules/1/separate=" roles
#define ALL "['submitter','approver','administrator','key-custodian']"
/* bob both submits and approves in the document. */
#define NO_BOB "groups/0/members=['alice','carol']"

static const struct policy_case cases[] = {
    {"all four apart", NO_BOB ";" SEPARATE(ALL),
     "approvals/"
     "1={'principal':'carol','key':'"
     "15ccb6a9cc4931aeacb7494abb8a8536148ee219325a43fe3147b67161374749'}",
     "allow edge-stable", NULL},
    {"administrators elsewhere",
     NO_BOB ";principals/4/roles=['administrator','approver'];" SEPARATE(ALL),
     "approvals/"
     "1={'principal':'carol','key':'"
     "15ccb6a9cc4931aeacb7494abb8a8536148ee219325a43fe3147b67161374749'}",
     "allow edge-stable", NULL},
    {"an unknown submitter", NO_BOB ";" SEPARATE(ALL), "submitter='mallory'",
     "deny submitter.allowed", NULL},
    {"a submitter from elsewhere who holds another role", NO_BOB ";" SEPARATE(ALL),
     "submitter='bob'", "deny submitter.allowed", NULL},
    {"submitters alone", SEPARATE("['submitter','key-custodian']"), NULL, "allow edge-stable",
     NULL},
    {"approvers alone", SEPARATE("['approver','administrator']"), NULL, "allow edge-stable", NULL},
    {"an approver who submits elsewhere", SEPARATE("['submitter','approver']"), NULL,
     "error $.rules[0].approvals:", "approver \"bob\" is submitter, too"},
    {"a submitter who approves elsewhere",
     "rules/0/separate=['submitter','approver'];" NO_BOB
     ";rules/1/separate=['submitter','approver']",
     NULL, "error $.rules[0].submitters:", "\"bob\" is approver, too"},
    {"a submitter who is administrator",
     "principals/0/roles=['submitter','administrator'];" SEPARATE("['submitter','administrator']"),
     NULL, "error $.rules[0].submitters:", "\"ci-edge\" is administrator, too"},
    {"an approver who keeps keys",
     "principals/1/roles=['approver','key-custodian'];" SEPARATE("['approver','key-custodian']"),
     NULL, "error $.rules[0].approvals:", "\"alice\" is key-custodian, too"},
    {"an approver of a later stage who keeps keys",
     "principals/4/roles=['approver','key-custodian'];rules/0/"
     "approvals={'stages':[{'group':'release-managers','count':2},{'group':'security','count':1}]};"
     "rules/1/approvals=@rules/0/approvals;" SEPARATE("['approver','key-custodian']"),
     NULL, "error $.rules[0].approvals:", "\"dave\" is key-custodian, too"},
    {"an administrator who may approve, and a rule that does not mind",
     "principals/1/roles=['approver','administrator']", NULL, "allow edge-stable", NULL},
    {"one role", SEPARATE("['approver']"), NULL, "error $.rules[0].separate:", "2 to 4"},
    {"nobody who acts", SEPARATE("['administrator','key-custodian']"), NULL,
     "error $.rules[0].separate:", "expected \"submitter\" or \"approver\""},
    {"auditors", SEPARATE("['approver','auditor']"), NULL,
     "error $.rules[0].separate:", "no \"auditor\""},
    {"a role twice", SEPARATE("['approver','approver']"), NULL,
     "error $.rules[0].separate[1]:", "twice"},
    {"an unknown role", SEPARATE("['approver','boss']"), NULL,
     "error $.rules[0].separate[1]:", "key-custodian"},
    {"separate as text", SEPARATE("'all'"), NULL, "error $.rules[0].separate:", "array"},
    {"one key, separated or not", "rules/0/separate=['approver','administrator']", NULL,
     "error $.rules[1].key:", "expected the same"},
};

int main(void)
{
    return policy_cases_run("policy_duty", cases, sizeof cases / sizeof cases[0]);
}
