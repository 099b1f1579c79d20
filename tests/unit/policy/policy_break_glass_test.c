/* Break glass: rules that decide only where the request gives a reason, with more people. */
#include "tests/unit/policy/policy_cases.h"

#define ALICE "'2cf4451bd6e97f889b49ed7419b0d6400cce1a405a2afcc6b9459a4a2df6e428'"
#define BOB "'9df68e34743d375c604695d9f9863f728258c7576f30aaecac53817778c94a5b'"
#define CAROL "'15ccb6a9cc4931aeacb7494abb8a8536148ee219325a43fe3147b67161374749'"
#define BREAK                                                                                      \
    "rules/4=@rules/0;rules/4/id='emergency';rules/4/break_glass=true;"                            \
    "rules/4/approvals/count=3"
#define THREE "approvals/2={'principal':'carol','key':" CAROL "}"

static const struct policy_case cases[] = {
    {"with a reason and three people", BREAK, "break_glass='incident 4711';" THREE,
     "allow emergency", NULL},
    {"with a reason and two people", BREAK, "break_glass='incident 4711'", "deny approvals.count",
     "2: alice, bob"},
    {"without a reason the other rule decides", BREAK, NULL, "allow edge-stable", NULL},
    {"a reason where no rule breaks the glass", NULL, "break_glass='incident 4711'",
     "deny rule.match", "none"},
    {"only an emergency rule, and no reason", BREAK ";rules/0=-", NULL, "deny rule.match", "none"},
    {"an empty reason", BREAK, "break_glass='';" THREE, "deny break_glass.reason", "none"},
    {"the submitter still does not approve", BREAK, "break_glass='x';submitter='bob';" THREE,
     "deny approvals.count", "left out: bob"},
    {"still by a builder of the rule", BREAK, "break_glass='x';provenance=[];" THREE,
     "deny provenance.builder", "no provenance"},
    {"its own builders", BREAK ";rules/4/provenance/builders=['https://ci2.example.com/builder']",
     "break_glass='x';" THREE, "deny provenance.builder", NULL},
    {"false is no break-glass rule", "rules/0/break_glass=false", NULL, "allow edge-stable", NULL},
    {"for some hardware alone",
     BREAK ";rules/4/hardware=['er-100'];rules/5=@rules/0;rules/5/id='other';"
           "rules/5/hardware=['er-100'];rules/5/channels=['stable']",
     "break_glass='x';hardware=[{'model':'er-100','revision':'a'}];" THREE, "allow emergency",
     NULL},

    {"as many people as usual", BREAK ";rules/4/approvals/count=2", NULL,
     "error $.rules[4].approvals:", "2 people break the glass where $.rules[0] asks for 2"},
    {"fewer people than usual", BREAK ";rules/4/approvals/count=1", NULL,
     "error $.rules[4].approvals:", "expected more"},
    {"fewer people than for some hardware",
     BREAK ";rules/5=@rules/4;rules/5/id='strict';rules/5/break_glass=false;"
           "rules/5/hardware=['er-100'];rules/5/key='production-2027'",
     NULL, "error $.rules[4].approvals:", "$.rules[5] asks for 3"},
    {"no approvals", "rules/4=@rules/3;rules/4/id='x';rules/4/break_glass=true", NULL,
     "error $.rules[4].approvals:", "a break-glass rule asks for approvals"},
    {"two break-glass rules for one thing", BREAK ";rules/5=@rules/4;rules/5/id='again'", NULL,
     "error $.rules[5]:", "one rule for each"},
    {"two break-glass rules of one key with other quorums",
     BREAK ";rules/5=@rules/4;rules/5/id='again';rules/5/channels=['lts'];"
           "rules/5/approvals={'of':[{'group':'release-managers','count':3},"
           "{'group':'security','count':1}]}",
     NULL, "error $.rules[5].key:", "other approvals"},
    {"break_glass as text", BREAK ";rules/4/break_glass='yes'", NULL,
     "error $.rules[4].break_glass:", NULL},
};

int main(void)
{
    return policy_cases_run("policy_break_glass", cases, sizeof cases / sizeof cases[0]);
}
