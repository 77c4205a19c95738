/*
 * tables.h - the tables of the store: the first byte of every key.
 *
 * Layer:   vault/store/. Includes nothing.
 * Source:  vault/FORMATS.md section 2.
 */
#ifndef HUFU_STORE_TABLES_H
#define HUFU_STORE_TABLES_H

/* Tables from STORE_RESIDENT on are held in memory as a whole. */
enum store_table {
    TABLE_TOKEN = 1,   /* domain be32 | token -> mapping record */
    TABLE_INDEX = 2,   /* domain be32 | index version be32 | HMAC 32 -> token */
    TABLE_IDEM = 3,    /* keyed digest 32 of principal, route, key -> reply */
    TABLE_COUNTER = 4, /* keyed digest 32 of what is counted -> count */
    TABLE_SEEN = 5,    /* user be32 | day be32 | purpose 8 | token_id 16 -> what was revealed */
    TABLE_SHARE = 6,   /* UUIDv7 16 -> a line of the sharing register */
    TABLE_SUBJECT = 7, /* keyed digest 32 of a subject reference | domain be32 | token -> nothing */
    TABLE_TRAIL = 8,   /* keyed digest 32 of session and subject -> data types seen */
    STORE_RESIDENT = 16,
    TABLE_KEK = 16,
    TABLE_KEYSET = 17,
    TABLE_META = 18,
    TABLE_DOMAIN = 19,
    TABLE_PARTNER = 20,
    TABLE_USER = 21,
    TABLE_FACTOR = 22,
    TABLE_SESSION = 23,
    TABLE_CEREMONY = 24,
    TABLE_GRANT = 25,      /* UUIDv7 16 */
    TABLE_RECIPIENT = 26,  /* id be32 */
    TABLE_ALARM = 27,      /* UUIDv7 16; goes once it was delivered and reviewed */
    TABLE_HOLD = 28,       /* keyed digest 32 of a subject reference */
    TABLE_CREDENTIAL = 29, /* user be32 | first 16 of SHA-256 of the credential's id */
    TABLE_EXPORT = 30,     /* UUIDv7 16 */
    TABLE_CASE = 31,       /* UUIDv7 16: what is asked about a data subject */
};

#endif
