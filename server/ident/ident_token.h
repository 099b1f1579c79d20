/* What a bearer token is good for at the door, beside the roles in REG_IDENTIFY's answer. Constants
 * alone. */
#ifndef SERVER_IDENT_IDENT_TOKEN_H
#define SERVER_IDENT_IDENT_TOKEN_H

enum ident_token {
    IDENT_TOKEN_FRESH = 0x100u,  /* made for one request that was not submitted yet: uploads */
    IDENT_TOKEN_BOUND = 0x200u,  /* made for one request: its submission, again too */
    IDENT_TOKEN_ACCESS = 0x400u, /* made for the log as such: reading, asking for a signature */
    IDENT_TOKEN_ANY = IDENT_TOKEN_FRESH | IDENT_TOKEN_BOUND | IDENT_TOKEN_ACCESS
};

#endif
