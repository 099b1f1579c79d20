/* Approvals of several groups, shared ones, stages, vetoes; and quorums that no rule may ask. */
#include "tests/unit/policy/policy_cases.h"

#define ALICE "'2cf4451bd6e97f889b49ed7419b0d6400cce1a405a2afcc6b9459a4a2df6e428'"
#define BOB "'9df68e34743d375c604695d9f9863f728258c7576f30aaecac53817778c94a5b'"
#define CAROL "'15ccb6a9cc4931aeacb7494abb8a8536148ee219325a43fe3147b67161374749'"
#define DAVE "'447356cae610b37bf9af45e85ca3f06175fcbf2c700781a46790e7bb73d22139'"
#define ERIN                                                                                       \
    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIHUC8XuiEhyPW3Z9N38"   \
    "r0jG4Hn0bfxIstpMsGXsz5/cYAAAABHNzaDo="
#define BY(who, key, record) "{'principal':'" who "','key':" key ",'record':" record "}"
#define BY_TOKEN(who, key, record)                                                                 \
    "{'principal':'" who "','key':" key ",'record':" record ",'user_verified':true}"
#define APPROVALS(list) "approvals=[" list "]"
/* Both rules of production-2026, since a key has one price. */
#define ASK(text) "rules/0/approvals=" text ";rules/1/approvals=" text
#define RM "'release-managers'"
#define SEC "'security'"
#define OF(a, n, b, m) "'of':[{'group':" a ",'count':" n "},{'group':" b ",'count':" m "}]"
#define ONE(a, n) "'group':" a ",'count':" n
#define MIXED "groups/2={'id':'mixed','members':['alice','dave']};"
#define MIX "'mixed'"

/* carol's and dave's security keys verify their users; he is a release manager, too. */
#define VERIFIED                                                                                   \
    "principals/3/approval_keys/0/user_verification=true;"                                         \
    "principals/4/approval_keys/0/user_verification=true;groups/0/members/3='dave';"
#define VERIFY ASK("{" ONE(RM, "2") ",'user_verification':true}")
#define TWO_STAGES ASK("{'stages':[{" ONE(RM, "2") "},{" ONE(SEC, "1") "}]}")

static const struct policy_case cases[] = {
    {"two groups", ASK("{" OF(RM, "2", SEC, "1") "}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("bob", BOB, "11") "," BY("dave", DAVE, "12")),
     "allow edge-stable", "3: alice, bob, dave"},
    {"two groups, in any order", ASK("{" OF(SEC, "1", RM, "2") "}"),
     APPROVALS(BY("dave", DAVE, "10") "," BY("bob", BOB, "11") "," BY("alice", ALICE, "12")),
     "allow edge-stable", "dave, bob, alice"},
    {"two groups, one missing", ASK("{" OF(RM, "2", SEC, "1") "}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("bob", BOB, "11") "," BY("carol", CAROL, "12")),
     "deny approvals.count", "3: alice, bob, carol"},
    {"two groups, the other one missing", ASK("{" OF(RM, "2", SEC, "1") "}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("dave", DAVE, "12")), "deny approvals.count",
     "2: alice, dave"},
    {"one group written as a list", ASK("{'of':[{" ONE(RM, "2") "}]}"), NULL, "allow edge-stable",
     NULL},
    {"one group written as a stage", ASK("{'stages':[{" ONE(RM, "2") "}]}"), NULL,
     "allow edge-stable", NULL},
    {"the same approvals in three forms",
     "rules/0/approvals={'of':[{" ONE(RM, "2") "}]};rules/1/approvals={'stages':[{'of':[{" ONE(
         RM, "2") "}]}],'shared':false}",
     NULL, "allow edge-stable", NULL},

    /* alice is in both: she has to stand where nobody else can. */
    {"somebody in both groups, greedy first", MIXED ASK("{" OF(MIX, "1", RM, "1") "}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("dave", DAVE, "11")), "allow edge-stable", NULL},
    {"somebody in both groups, the other order", MIXED ASK("{" OF(RM, "1", MIX, "1") "}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("dave", DAVE, "11")), "allow edge-stable", NULL},
    {"somebody in both groups counts once", MIXED ASK("{" OF(RM, "1", MIX, "1") "}"),
     APPROVALS(BY("alice", ALICE, "10")), "deny approvals.count", "1: alice"},
    {"nobody left for the second group", MIXED ASK("{" OF(RM, "2", MIX, "1") "}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("bob", BOB, "11")), "deny approvals.count",
     "2: alice, bob"},
    {"shared: counts for both", MIXED ASK("{" OF(RM, "2", MIX, "1") ",'shared':true}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("bob", BOB, "11")), "allow edge-stable", NULL},
    {"shared: still two of the first", MIXED ASK("{" OF(RM, "2", MIX, "1") ",'shared':true}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("dave", DAVE, "11")), "deny approvals.count", NULL},
    {"the submitter fills no place", MIXED ASK("{" OF(RM, "1", MIX, "1") "}"),
     "submitter='bob';" APPROVALS(BY("bob", BOB, "10") "," BY("alice", ALICE, "11")),
     "deny approvals.count", "left out: bob (the submitter)"},

    {"stages in order", ASK("{'stages':[{" ONE(RM, "2") "},{" ONE(SEC, "1") "}]}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("bob", BOB, "11") "," BY("dave", DAVE, "12")),
     "allow edge-stable", NULL},
    {"stages, facts in another order", ASK("{'stages':[{" ONE(RM, "2") "},{" ONE(SEC, "1") "}]}"),
     APPROVALS(BY("dave", DAVE, "12") "," BY("bob", BOB, "11") "," BY("alice", ALICE, "10")),
     "allow edge-stable", "alice, bob, dave"},
    {"second stage before the first stood",
     ASK("{'stages':[{" ONE(RM, "2") "},{" ONE(SEC, "1") "}]}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("dave", DAVE, "11") "," BY("bob", BOB, "12")),
     "deny approvals.count", "stage 2 does not stand"},
    {"first stage not met", ASK("{'stages':[{" ONE(RM, "2") "},{" ONE(SEC, "1") "}]}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("dave", DAVE, "11")), "deny approvals.count",
     "stage 1 does not stand"},
    {"stages without records", ASK("{'stages':[{" ONE(RM, "2") "},{" ONE(SEC, "1") "}]}"),
     APPROVALS("{'principal':'alice','key':" ALICE "},{'principal':'bob','key':" BOB
               "},{'principal':'dave','key':" DAVE "}"),
     "deny approvals.count", "stage 2 does not stand"},
    {"stages in one record", ASK("{'stages':[{" ONE(RM, "1") "},{" ONE(SEC, "1") "}]}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("dave", DAVE, "10")), "deny approvals.count", NULL},
    {"one group in two stages", ASK("{'stages':[{" ONE(RM, "1") "},{" ONE(RM, "1") "}]}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("bob", BOB, "11")), "allow edge-stable", NULL},
    {"one person in two stages", ASK("{'stages':[{" ONE(RM, "1") "},{" ONE(RM, "1") "}]}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("alice", ALICE, "11")), "deny approvals.count",
     "1: alice"},

    /* Of several approvals by one person that one counts with which the quorum stands. */
    {"too early, and once more in time", TWO_STAGES,
     APPROVALS(BY("alice", ALICE, "10") "," BY("dave", DAVE, "11") "," BY("bob", BOB, "12") "," BY(
         "dave", DAVE, "13")),
     "allow edge-stable", "3: alice, bob, dave"},
    {"too early twice", TWO_STAGES,
     APPROVALS(BY("alice", ALICE, "10") "," BY("dave", DAVE, "11") "," BY(
         "dave", DAVE, "12") "," BY("bob", BOB, "12")),
     "deny approvals.count", "stage 2 does not stand"},
    {"a first one that the first stage does not need",
     MIXED ASK("{'stages':[{" ONE(MIX, "1") "},{" ONE(SEC, "1") "}]}"),
     APPROVALS(BY("dave", DAVE, "10") "," BY("alice", ALICE, "11") "," BY("dave", DAVE, "12")),
     "allow edge-stable", "2: alice, dave"},
    {"a first one that the first stage needs",
     MIXED ASK("{'stages':[{" ONE(MIX, "1") "},{" ONE(SEC, "1") "}]}"),
     APPROVALS(BY("dave", DAVE, "10") "," BY("dave", DAVE, "12")), "deny approvals.count",
     "1: dave; stage 2 does not stand"},
    {"three approvals by one person for two stages",
     ASK("{'stages':[{" ONE(RM, "1") "},{" ONE(RM, "1") "}]}"),
     APPROVALS(BY("alice", ALICE, "10") "," BY("alice", ALICE, "11") "," BY("alice", ALICE, "12")),
     "deny approvals.count", "1: alice"},
    {"the waiting stage is the furthest one",
     ASK("{'stages':[{" ONE(SEC, "1") "},{" ONE(RM, "1") "},{" ONE(RM, "1") "}]}"),
     APPROVALS(BY("alice", ALICE, "9") "," BY("dave", DAVE, "10") "," BY("alice", ALICE, "11")),
     "deny approvals.count", "2: dave, alice; stage 3 does not stand"},

    {"keys that verify their users", VERIFIED VERIFY,
     APPROVALS(BY_TOKEN("carol", CAROL, "10") "," BY_TOKEN("dave", DAVE, "11")),
     "allow edge-stable", NULL},
    {"one that does not", VERIFIED VERIFY,
     APPROVALS(BY_TOKEN("carol", CAROL, "10") "," BY("alice", ALICE, "11")), "deny approvals.count",
     "1: carol; left out: alice (by a key that does not verify its user)"},
    {"one that was only touched", VERIFIED VERIFY,
     APPROVALS(BY_TOKEN("carol", CAROL, "10") "," BY("dave", DAVE, "11")), "deny approvals.count",
     "1: carol; left out: dave (the token did not verify its user)"},
    {"one that was only touched, and once more", VERIFIED VERIFY,
     APPROVALS(BY_TOKEN("carol", CAROL, "10") "," BY("dave", DAVE, "11") "," BY_TOKEN("dave", DAVE,
                                                                                      "12")),
     "allow edge-stable", "2: carol, dave"},
    {"a verified user by another key", VERIFIED VERIFY,
     APPROVALS(BY_TOKEN("carol", CAROL, "10") "," BY_TOKEN("alice", ALICE, "11")),
     "deny approvals.count", "left out: alice (by a key that does not verify its user)"},
    {"only touched where the key alone asks", VERIFIED ASK("{" ONE(RM, "2") "}"),
     APPROVALS(BY("carol", CAROL, "10") "," BY("alice", ALICE, "11")), "deny approvals.count",
     "left out: carol (the token did not verify its user)"},
    {"a security key that only wants to be touched",
     VERIFIED "principals/3/approval_keys/0/user_verification=false;groups/0/members/4='erin';"
              "principals/6={'id':'erin','roles':['approver'],'approval_keys':[{'ssh':'" ERIN
              "','user_verification':true}]};" VERIFY,
     APPROVALS(BY_TOKEN("carol", CAROL, "10") "," BY_TOKEN("dave", DAVE, "11")),
     "deny approvals.count", "left out: carol (by a key that does not verify its user)"},
    {"the same keys where nobody asks", VERIFIED ASK("{" ONE(RM, "2") "}"),
     APPROVALS(BY_TOKEN("carol", CAROL, "10") "," BY("alice", ALICE, "11")), "allow edge-stable",
     NULL},
    {"asked with false", ASK("{" ONE(RM, "2") ",'user_verification':false}"), NULL,
     "allow edge-stable", NULL},
    {"nobody has such a key", VERIFY, NULL, "error $.rules[0].approvals.count:",
     "2, but 0 of the group have a key with user_verification"},
    {"one of two has such a key", "principals/3/approval_keys/0/user_verification=true;" VERIFY,
     NULL, "error $.rules[0].approvals.count:", "2, but 1 of the group"},
    {"one more where the size changes",
     VERIFIED VERIFY ";rules/0/limits={'size_factor_percent':150};rules/1/limits=@rules/0/limits",
     NULL, "error $.rules[0].approvals.count:", "2 and one more where the size changes, but 2 of"},
    {"the only ones who could submit",
     VERIFIED "principals/4/roles/1='submitter';rules/0/submitters=['dave'];" VERIFY, NULL,
     "error $.rules[0].approvals:", "cannot be met"},
    {"shared, and the only one in both has no such key",
     VERIFIED MIXED "groups/2/members=['alice','dave'];groups/0/members=['alice','carol'];" ASK(
         "{" OF(RM, "1", MIX, "1") ",'shared':true,'user_verification':true}"),
     APPROVALS(BY_TOKEN("carol", CAROL, "10") "," BY_TOKEN("dave", DAVE, "11")),
     "allow edge-stable", NULL},
    {"one key, verified users or not",
     VERIFIED "rules/0/approvals={" ONE(RM, "2") ",'user_verification':true}", NULL,
     "error $.rules[1].key:", "other approvals"},
    {"user verification in a stage",
     ASK("{'stages':[{" ONE(RM, "1") ",'user_verification':true}]}"), NULL,
     "error $.rules[0].approvals.stages[0].user_verification:", "unknown"},

    {"nobody vetoes", ASK("{" ONE(RM, "2") ",'veto':['security']}"), NULL, "allow edge-stable",
     NULL},
    {"a veto", ASK("{" ONE(RM, "2") ",'veto':['security']}"), "vetoes=['dave']",
     "deny approvals.veto", "dave rejected"},
    {"a rejection by an approver", ASK("{" ONE(RM, "2") ",'veto':['security']}"),
     "vetoes=['carol']", "deny approvals.veto", "carol"},
    {"a veto by somebody who has none", ASK("{" ONE(RM, "2") ",'veto':['security']}"),
     "vetoes=['audit','mallory']", "allow edge-stable", NULL},

    {"no groups", ASK("{}"), NULL, "error $.rules[0].approvals.group:", "missing"},
    {"two forms", ASK("{" ONE(RM, "1") "," OF(RM, "1", SEC, "1") "}"), NULL,
     "error $.rules[0].approvals", "unknown"},
    {"stages and a group", ASK("{" ONE(RM, "1") ",'stages':[{" ONE(RM, "1") "}]}"), NULL,
     "error $.rules[0].approvals", "unknown"},
    {"an empty list", ASK("{'of':[]}"), NULL, "error $.rules[0].approvals.of:", "1 to 8"},
    {"no stages", ASK("{'stages':[]}"), NULL, "error $.rules[0].approvals.stages:", "1 to 8"},
    {"a stage in a stage", ASK("{'stages':[{'stages':[{" ONE(RM, "1") "}]}]}"), NULL,
     "error $.rules[0].approvals.stages[0].", NULL},
    {"a veto in a stage", ASK("{'stages':[{" ONE(RM, "1") ",'veto':['security']}]}"), NULL,
     "error $.rules[0].approvals.stages[0].veto:", "unknown"},
    {"a group twice", ASK("{" OF(RM, "1", RM, "1") "}"), NULL,
     "error $.rules[0].approvals.of[1].group:", "once"},
    {"a group that nothing defines", ASK("{" OF(RM, "1", "'x'", "1") "}"), NULL,
     "error $.rules[0].approvals.of[1].group:", "nothing defines"},
    {"a count of 0", ASK("{" OF(RM, "0", SEC, "1") "}"), NULL,
     "error $.rules[0].approvals.of[0].count:", "1 to 32"},
    {"a group too small", ASK("{" OF(RM, "1", SEC, "2") "}"), NULL,
     "error $.rules[0].approvals.of[1].count:", "1 members"},
    {"more people than there are", MIXED ASK("{" OF(RM, "3", MIX, "2") "}"), NULL,
     "error $.rules[0].approvals:", "cannot be met"},
    {"more people than there are, over stages",
     MIXED ASK("{'stages':[{" ONE(RM, "3") "},{" ONE(MIX, "2") "}]}"), NULL,
     "error $.rules[0].approvals:", "cannot be met"},
    {"enough people where they are shared", MIXED ASK("{" OF(RM, "3", MIX, "2") ",'shared':true}"),
     NULL, "deny approvals.count", NULL},
    {"every submitter is needed",
     "groups/0/members=['alice','bob'];rules/0/submitters=['bob'];rules/1/submitters=['bob']", NULL,
     "error $.rules[0].approvals:", "cannot be met"},
    {"one submitter is not needed", "groups/0/members=['alice','bob']", NULL, "allow edge-stable",
     NULL},
    {"one person alone", MIXED ASK("{" OF(RM, "1", MIX, "1") ",'shared':true}"), NULL,
     "error $.rules[0].approvals:", "\"alice\" is in every group"},
    {"shared, but nobody is in both", ASK("{" OF(RM, "1", SEC, "1") ",'shared':true}"), NULL,
     "deny approvals.count", NULL},
    {"a veto by nobody", ASK("{" ONE(RM, "2") ",'veto':[]}"), NULL,
     "error $.rules[0].approvals.veto:", "1 to 8"},
    {"a veto by auditors",
     "groups/2={'id':'audit-group','members':['audit']};" ASK(
         "{" ONE(RM, "2") ",'veto':['audit-group']}"),
     NULL, "error $.rules[0].approvals.veto:", "no approver"},
    {"a veto twice", ASK("{" ONE(RM, "2") ",'veto':['security','security']}"), NULL,
     "error $.rules[0].approvals.veto[1]:", "once"},
    {"one key, another veto", "rules/0/approvals={" ONE(RM, "2") ",'veto':['security']}", NULL,
     "error $.rules[1].key:", "other approvals"},
    {"one key, other stages",
     "rules/0/approvals={'stages':[{" ONE(RM, "1") "},{" ONE(RM, "1") "}]}", NULL,
     "error $.rules[1].key:", "other approvals"},
    {"one key, shared or not", "rules/0/approvals={" ONE(RM, "2") ",'shared':true}", NULL,
     "error $.rules[1].key:", "other approvals"},
    {"one key, one group more", "rules/0/approvals={" OF(RM, "2", SEC, "1") "}", NULL,
     "error $.rules[1].key:", "other approvals"},
};

int main(void)
{
    return policy_cases_run("policy_quorum", cases, sizeof cases / sizeof cases[0]);
}
