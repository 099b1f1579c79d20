/* Approvals of several groups, shared ones, stages, vetoes; and quorums that no rule may ask. */
#include "tests/unit/policy/policy_cases.h"

#define ALICE "'2cf4451bd6e97f889b49ed7419b0d6400cce1a405a2afcc6b9459a4a2df6e428'"
#define BOB "'9df68e34743d375c604695d9f9863f728258c7576f30aaecac53817778c94a5b'"
#define CAROL "'15ccb6a9cc4931aeacb7494abb8a8536148ee219325a43fe3147b67161374749'"
#define DAVE "'447356cae610b37bf9af45e85ca3f06175fcbf2c700781a46790e7bb73d22139'"
#define BY(who, key, record) "{'principal':'" who "','key':" key ",'record':" record "}"
#define APPROVALS(list) "approvals=[" list "]"
/* Both rules of production-2026, since a key has one price. */
#define ASK(text) "rules/0/approvals=" text ";rules/1/approvals=" text
#define RM "'release-managers'"
#define SEC "'security'"
#define OF(a, n, b, m) "'of':[{'group':" a ",'count':" n "},{'group':" b ",'count':" m "}]"
#define ONE(a, n) "'group':" a ",'count':" n
#define MIXED "groups/2={'id':'mixed','members':['alice','dave']};"
#define MIX "'mixed'"

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
