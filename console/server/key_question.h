/* What the archive calls a value that somebody typed: a protected field
 * (docs/operations/pseudonyms.md) has a pseudonym there, and only the server has the keys. */
#pragma once

#include "connection.h"
#include "core/wire/types/find.h"

/* Asks the server for one transaction with this value. If the archive has another text in its
 * place, the key's value becomes that, in ret_bytes. True: it did. False also if the server does
 * not answer, or knows no such transaction: then nothing is there to be found. */
bool key_question(struct connection *connection, struct find_key *key,
                  char ret_bytes[TRANSACTION_FIELD_MAX + 1]);
