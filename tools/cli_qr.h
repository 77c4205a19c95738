/*
 * cli_qr.h - a QR code in the terminal.
 *
 * Layer:   tools/. Includes vault/base/ only; the one user of libqrencode.
 * Threads: the client has one thread.
 */
#ifndef HUFU_TOOLS_CLI_QR_H
#define HUFU_TOOLS_CLI_QR_H

#include <stdbool.h>
#include <stdio.h>

/* Draws text as a QR code of half blocks. text: SECRET. False where it does not fit. */
bool cli_qr_print(FILE *out, const char *text);

#endif
